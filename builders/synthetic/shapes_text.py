"""Objects in cells: their words and places, which of them fit a phrase, and what sentences claim of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from .claims import COUNT, Rule, number

SIZES = ("small", "large")
COLOURS = ("red", "blue", "green", "yellow", "purple", "grey")
SHAPES = ("circle", "square", "triangle", "star")
SIDES = ("left of", "right of", "above", "below")
KINDS = {"size": SIZES, "colour": COLOURS, "shape": SHAPES}


class Shape(NamedTuple):
    """An object. Rows count from the top and columns from the left, from 0."""

    row: int
    column: int
    size: str
    colour: str
    shape: str

    @property
    def words(self) -> str:
        """`small red circle`."""
        return f"{self.size} {self.colour} {self.shape}"


Shapes = tuple[Shape, ...]


def cell_name(shape: Shape) -> str:
    """`B3`: the column's letter, the row's number."""
    return f"{'ABCDEFGH'[shape.column]}{shape.row + 1}"


def cell(name: str, grid: int) -> tuple[int, int] | None:
    """Row and column of a cell's name; None where the grid has no such cell."""
    column, row = "abcdefgh".find(name[0].lower()), int(name[1:]) - 1
    return (row, column) if 0 <= column < grid and 0 <= row < grid else None


def fitting(scene: Iterable[Shape], words: str) -> Shapes:
    """The objects that fit all words; `object` fits all."""
    wanted = {word.rstrip("s") for word in words.replace("gray", "grey").split()} - {"object", "shape", "thing", "item"}
    return tuple(each for each in scene if wanted <= {each.size, each.colour, each.shape})


@lru_cache(maxsize=4096)
def names(scene: Shapes) -> tuple[tuple[str, Shape], ...]:
    """The objects that their words tell from all others. Always all their words: fewer would say what others are."""
    return tuple((each.words, each) for each in scene if len(fitting(scene, each.words)) == 1)


def beside(scene: Iterable[Shape], side: str, other: Shape) -> Shapes:
    """The objects on one side of another: by columns for left and right, by rows for above and below."""
    held: dict[str, Callable[[Shape], bool]] = {
        "left of": lambda each: each.column < other.column,
        "right of": lambda each: each.column > other.column,
        "above": lambda each: each.row < other.row,
        "below": lambda each: each.row > other.row,
    }
    return tuple(filter(held[side], scene))


# Claims

_WORDS = rf"(?:(?:{'|'.join((*SIZES, *COLOURS, 'gray'))})\s)*(?:{'|'.join(SHAPES)}|object|shape)s?"


_SIDE = r"(left of|right of|above|below)"


def _said_at(found: re.Match[str], scene: Shapes) -> bool:
    return any(cell_name(each).lower() == found[2].replace(" ", "") for each in fitting(scene, found[1]))


def _said_beside(found: re.Match[str], scene: Shapes) -> bool | None:
    ones, others = fitting(scene, found[2]), fitting(scene, found[6])
    if (found[1] == "the" and len(ones) > 1) or (found[5] == "the" and len(others) > 1):
        return None
    holds = any(beside(ones, found[4], other) for other in others)
    return holds != bool(found[3])


def _said_count(found: re.Match[str], scene: Shapes) -> bool:
    return len(fitting(scene, found[2])) == number(found[1])


def _said(found: re.Match[str], scene: Shapes) -> bool:
    return bool(fitting(scene, found[1]))


def _said_by_cell(found: re.Match[str], scene: Shapes) -> bool:
    return any(cell_name(each).lower() == found[1] for each in fitting(scene, found[2]))


def _said_empty(found: re.Match[str], scene: Shapes) -> bool:
    return all(cell_name(each).lower() != found[1] for each in scene)


RULES: Sequence[Rule] = (
    (re.compile(rf"\b({_WORDS}) (?:is |stands )?(?:at|in) (?:cell )?([a-h]\s?\d)\b"), _said_at),
    (re.compile(rf"\b([a-h]\d)\s?(?::|is|holds|contains|has) (?:an? )?({_WORDS})\b"), _said_by_cell),
    (re.compile(r"\b(?:cell )?([a-h]\d) is empty\b"), _said_empty),
    (
        re.compile(
            rf"\b(an?|the) ({_WORDS}) (?:is |stands )?(not )?(?:to the |directly )?{_SIDE} (an?|the) ({_WORDS})\b"
        ),
        _said_beside,
    ),
    (re.compile(rf"\b{COUNT} ({_WORDS})\b(?: in total| altogether)?"), _said_count),
    (re.compile(rf"\ban? ({_WORDS})\b"), _said),
)
