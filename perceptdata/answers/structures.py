"""Structures: JSON values, equal whatever their spacing, key order and number spelling.

structure('{"b": 1.0, "a": [2]}') == structure('{"a": [2], "b": 1}')
"""

from __future__ import annotations

import ast
import json
from decimal import Decimal
from typing import Any

from perceptdata.answers.notation import plain

MAX_CHARS = 200_000
MAX_LITERAL = 10_000
MAX_DEPTH = 100


class Unreadable(ValueError):
    """The text is neither JSON nor a Python literal of lists, dicts, numbers and texts."""


def load(text: str) -> Any:
    """The value of a JSON text, or of a Python literal: models write both. Raises Unreadable; runs nothing."""
    text = text.strip().removeprefix("```json").strip("`").strip()  # the fence that models put around JSON
    if len(text) > MAX_CHARS or _depth(text) > MAX_DEPTH:
        raise Unreadable("too long or too deep")
    try:
        return json.loads(text, parse_int=Decimal, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, ArithmeticError):
        try:
            return ast.literal_eval(text[:MAX_LITERAL])  # a text that is cut is no literal any more
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
            raise Unreadable(str(error)) from None


def structure(text: str) -> Any:
    """A value that compares equal for equal structures. Raises Unreadable."""
    return _canonical(load(text))


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _depth(text: str) -> int:
    depth = most = 0
    for mark in text:
        if mark in "[{(":
            depth += 1
            most = max(most, depth)
        elif mark in "]})":
            depth -= 1
    return most


def _canonical(value: Any) -> Any:
    """Lists and tuples alike, numbers by value, texts as `plain` has them; true is not 1."""
    if isinstance(value, dict):
        return ("object", {str(key): _canonical(each) for key, each in value.items()})
    if isinstance(value, list | tuple):
        return ("list", [_canonical(each) for each in value])
    if isinstance(value, str):
        return ("text", plain(value))
    if value is None or isinstance(value, bool):
        return ("constant", value)
    if isinstance(value, int | float | Decimal):
        return ("number", Decimal(str(value)) if isinstance(value, float) else Decimal(value))
    raise Unreadable(f"{type(value).__name__} is no part of a structure")
