"""Lists that a corpus wrote as text: JSON, or the printed form of a Python list. Read, never run."""

from __future__ import annotations

import ast
import json
from typing import Any

from perceptdata.errors import Rejected


def is_written_list(value: object) -> bool:
    """Whether a text looks like a list in brackets."""
    return isinstance(value, str) and value.strip().startswith("[") and value.strip().endswith("]")


def read_list(value: object) -> list[Any]:
    """The list behind `value`: itself, or parsed from its text. Raises Rejected `field.invalid` for anything else.

    `ast.literal_eval` knows constants and containers only, so a call or a name in the text is refused, not executed.
    """
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, str):
        for parse in (json.loads, ast.literal_eval):
            try:
                parsed = parse(value)
            except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
                continue
            if isinstance(parsed, list | tuple):
                return list(parsed)
    raise Rejected("field.invalid", f"expected a list, found {str(value)[:80]!r}")
