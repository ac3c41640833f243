"""Lists in words."""

from __future__ import annotations

from collections.abc import Iterable


def series(items: Iterable[object], word: str = "and") -> str:
    """`1`, `1 and 2`, `1, 2 and 3`; empty for nothing."""
    listed = [str(item) for item in items]
    return f"{', '.join(listed[:-1])} {word} {listed[-1]}" if len(listed) > 1 else "".join(listed)
