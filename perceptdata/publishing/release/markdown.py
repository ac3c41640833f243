"""Markdown of data: cells, tables, blocks. A value from a row can close no table, no block and no marked section."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import datasets

LONGEST = 90


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; columns that are empty in every row are left out."""
    kept = [at for at in range(len(head)) if any(row[at] for row in rows)]
    lines = [[head[at] for at in kept], ["---"] * len(kept), *([row[at] for at in kept] for row in rows)]
    return "\n".join(f"| {' | '.join(cell(value) for value in line)} |" for line in lines)


def cell(text: str) -> str:
    """One line without marks that a table or HTML would read."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def block(language: str, lines: Sequence[str]) -> str:
    """A code block."""
    return "\n".join([f"```{language}", *lines, "```"])


def value(given: Any) -> str:
    """A value of a row, shortened."""
    text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, default=str)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def plain(given: Any) -> str:
    """An option, as a person writes it."""
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)


def kind(feature: Any) -> str:
    """A feature's type in a word or two."""
    if isinstance(feature, datasets.List):
        return f"list of {kind(feature.feature)}"
    if isinstance(feature, dict):
        return f"{{{', '.join(feature)}}}"
    return "image" if isinstance(feature, datasets.Image) else str(feature.dtype)


def size(count: int) -> str:
    """Bytes, in the unit that leaves one to three digits before the point."""
    amount = float(count)
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if amount < 1000 or unit == "TB":
            return f"{count} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    raise ValueError(count)


def listed(names: Sequence[str]) -> str:
    """`a, b and c`."""
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def number(given: float | None) -> str:
    """Three digits, or a dash."""
    return "–" if given is None else f"{given:.3f}"


def interval(given: dict[str, float | None]) -> str:
    """A number with its interval, as far as it is known."""
    if given["value"] is None:
        return "–"
    within = "" if given["low"] is None else f" ({number(given['low'])}–{number(given['high'])})"
    return f"{number(given['value'])}{within}"
