"""Sudoku: fill the blanks of a drawn grid.

The second diagnostic task of "On Asymmetric Optimization of Reasoning and Perception in VLM Post-Training"
(arXiv 2605.29496): 9 x 9 with 16 blanks and one solution; also 6 x 6 and 4 x 4. The facts are a JSON list of rows,
integers for digits and "-" for blanks. The answer gives the full grid row by row, `1234/3412/…`: no braces or
backslashes, so it stands inside `\\boxed{}`.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from functools import cache
from math import factorial
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from perceptdata.plugins import Plugin, Question, Solution

from .builder import SyntheticBuilder, SyntheticFamily, facts_checker
from .canvas import Canvas
from .splits import shuffled
from .sudoku_solver import BOXES, Grid, all_grids, base, bases, dig, is_solution, rename, solution
from .sudoku_trace import explain

CELL = 41

_BLANKS = {4: 6, 6: 12, 9: 16}
_MOST_BLANKS = {4: 10, 6: 20, 9: 50}
_DIGS = 50  # tries to reach the number of blanks from one full grid
_THIN, _BOLD, _FONT = 1, 3, 26
_BLANK_CELLS = frozenset({"", "-", "–", "—", ".", "_", "0", "null", "none"})
_RULED = frozenset("+=─━┼")
_RULES = _RULED | frozenset(" \t|:-")


class SudokuOptions(Plugin):
    """Which grids: the size, and the number of blanks (left out: 16 of 81, 12 of 36, 6 of 16)."""

    size: Literal[4, 6, 9] = 9
    blanks: int | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.blanks is not None and not 1 <= self.blanks <= _MOST_BLANKS[self.size]:
            raise ValueError(f"blanks of a grid of size {self.size} are 1 to {_MOST_BLANKS[self.size]}")
        return self


class Sudoku(SudokuOptions, SyntheticFamily[Grid]):
    """Grids with one solution. A scene is a tuple of digits row by row, 0 for a blank."""

    name: ClassVar[str] = "sudoku"
    corpus: ClassVar[str] = "sudoku"

    def cores(self, row: int, rows: int, key: int, rng: random.Random) -> Iterator[Grid]:
        """A full grid of the record's own, under one renaming of its digits after another; then its next full grid."""
        digits = range(1, self.size + 1)
        for number in range(row, bases(self.size), rows):
            full = base(shuffled(number, bases(self.size), key), self.size, rng)
            for _ in range(factorial(self.size)):
                yield rename(full, rng.sample(digits, self.size))

    def finish(self, core: Grid, rng: random.Random) -> Grid | None:
        """The grid with its blanks."""
        blanks = _BLANKS[self.size] if self.blanks is None else self.blanks
        for _ in range(_DIGS):
            puzzle = dig(core, self.size, blanks, rng)
            if puzzle is not None:
                return puzzle
        return None

    def capacity(self) -> int:
        """One full grid a record, digits renamed at will: 39,168 of size 6, 362,880 counted of size 9."""
        return bases(self.size)

    def listed(self) -> Sequence[Grid] | None:
        """All 288 grids of size 4."""
        return list(all_grids(4)) if self.size == 4 else None

    def canonical(self, scene: Grid) -> str:
        """The solution: two puzzles from one full grid are the same scene."""
        full = scene if 0 not in scene else solution(scene, self.size)
        return self._compact(full or scene)

    def ground_truth(self, scene: Grid) -> str:
        """The rows as lists, 0 for a blank."""
        return json.dumps(self._rows(scene))

    def facts(self, scene: Grid) -> str:
        """The rows as lists, "-" for a blank."""
        return json.dumps([[digit or "-" for digit in row] for row in self._rows(scene)])

    def parse(self, text: str) -> Grid | None:
        """The grid that a text states, or None.

        Read are JSON or other bracketed rows, rows of separated cells, and rows of digits without space; blanks may be
        0, null, "", ".", "_" or "-". The first `size` rows in a row count.
        """
        return self._stated(_bracketed_rows(text)) or self._stated(_plain_rows(text, self.size))

    def picture(self, scene: Grid, rng: random.Random) -> Canvas:
        """Cells of 41 pixels, boxes in bold lines, blanks empty."""
        canvas = _empty_grid(self.size).copy()
        for cell, digit in enumerate(scene):
            if digit:
                row, column = divmod(cell, self.size)
                canvas.text((column * CELL + CELL // 2, row * CELL + CELL // 2), str(digit), _FONT)
        return canvas

    def solve(self, scene: Grid, rng: random.Random) -> Solution:
        """The steps to the solution, easiest first."""
        full, trace = explain(scene, self.size)
        return Solution(self._compact(full, "/"), trace)

    def check(self, answer: str, scene: Grid, dense: bool = False) -> float:
        """1.0 iff the grid is full, keeps every given digit, and breaks no rule. Dense: right blanks / (blanks + given
        digits that were changed).
        """
        full = self._answered(answer)
        if full is None:
            return 0.0
        kept = all(given in (0, digit) for given, digit in zip(scene, full, strict=True))
        if kept and is_solution(full, self.size):
            return 1.0
        if not dense:
            return 0.0
        right = solution(scene, self.size) or full
        cells = list(zip(scene, full, right, strict=True))
        good = sum(not given and digit == wanted for given, digit, wanted in cells)
        changed = sum(bool(given) and digit != given for given, digit, _ in cells)
        return good / (scene.count(0) + changed)

    def check_perception(self, text: str, scene: Grid, dense: bool = False) -> float:
        """1.0 iff all cells are equal. Dense: the share of cells that are."""
        stated = self.parse(text)
        if stated is None:
            return 0.0
        share = sum(ours == theirs for ours, theirs in zip(stated, scene, strict=True)) / len(scene)
        return share if dense else float(share == 1.0)

    def ask(self, scene: Grid) -> str:
        """The task in words."""
        size, (high, wide) = self.size, BOXES[self.size]
        return (
            f"In a {size}×{size} Sudoku every cell holds a digit from 1 to {size} or is empty. Fill all empty cells so "
            f"that each row, each column and each box of {high} rows by {wide} columns holds every digit from 1 to "
            f"{size} exactly once. State the full grid, row by row."
        )

    def ask_perception(self, scene: Grid, rng: random.Random) -> list[Question]:
        """The whole grid; the digit in one cell; the number of blanks in one row."""
        cell = rng.choice([cell for cell, digit in enumerate(scene) if digit])
        row = rng.randrange(self.size)
        blanks = self._rows(scene)[row].count(0)
        place = f"row {cell // self.size + 1}, column {cell % self.size + 1}"
        return [
            Question(
                "perception",
                f"What does this {self.size}×{self.size} Sudoku grid show? Go row by row: the digit in each cell, "
                "and - for an empty cell.",
                self.facts(scene),
                "structure",
                checker=facts_checker(self),
            ),
            Question(
                "perception-cell",
                f"Which digit stands in {place} of this grid, counted from the top left?",
                str(scene[cell]),
                "number",
            ),
            Question(
                "perception-blanks",
                f"How many cells are empty in row {row + 1} of this grid, counted from the top?",
                str(blanks),
                "number",
            ),
        ]

    def _rows(self, grid: Grid) -> list[Grid]:
        return [grid[start : start + self.size] for start in range(0, len(grid), self.size)]

    def _compact(self, grid: Grid, between: str = "") -> str:
        return between.join("".join(map(str, row)) for row in self._rows(grid))

    def _stated(self, rows: Sequence[Sequence[str]]) -> Grid | None:
        """The first `size` neighbouring rows that are rows of this grid."""
        found: list[int] = []
        for row in rows:
            cells = [_digit(cell, self.size) for cell in row]
            digits = [digit for digit in cells if digit is not None]
            found = found + digits if len(digits) == len(cells) == self.size else []
            if len(found) == self.size**2:
                return tuple(found)
        return None

    def _answered(self, text: str) -> Grid | None:
        """The full grid of an answer: as a grid, or as all its digits with anything but digits between them."""
        digits = re.findall(r"[0-9]", text)
        if len(digits) == self.size**2 and all("0" < digit <= str(self.size) for digit in digits):
            return tuple(map(int, digits))
        return self.parse(text)


class SudokuBuilder(SudokuOptions, SyntheticBuilder):
    """Sudoku as staged examples; see `SyntheticBuilder`."""

    name: ClassVar[str] = "sudoku"
    corpus: ClassVar[str] = "sudoku"

    def family(self) -> Sudoku:
        """The family with this builder's options."""
        return Sudoku(size=self.size, blanks=self.blanks)


def _digit(cell: str, size: int) -> int | None:
    cell = cell.strip().strip("\"'").strip().lower()
    if cell in _BLANK_CELLS:
        return 0
    return int(cell) if len(cell) == 1 and "0" < cell <= str(size) else None


def _bracketed_rows(text: str) -> list[list[str]]:
    return [inside.split(",") for inside in re.findall(r"\[([^\[\]]*)\]", text)]


def _plain_rows(text: str, size: int) -> list[list[str]]:
    """Lines of cells; lines that only rule the grid (`---+---`) are passed over."""
    rows = []
    for line in text.splitlines():
        if _RULES.issuperset(line) and ("--" in line or not _RULED.isdisjoint(line)):
            continue
        cells = re.sub(r"^\s*row\s*\d+\s*:|[|,;]", " ", line, flags=re.IGNORECASE).split()
        rows.append(list(cells[0]) if len(cells) == 1 and len(cells[0]) == size else cells)
    return rows


@cache
def _empty_grid(size: int) -> Canvas:
    """The lines of a grid, outermost ones included, on `size * CELL` pixels."""
    side, (high, wide) = size * CELL, BOXES[size]
    canvas = Canvas(side, side)
    for at in range(size + 1):
        for step, vertical in ((wide, True), (high, False)):
            width = _BOLD if at % step == 0 else _THIN
            low = min(max(at * CELL - width // 2, 0), side - width)
            if vertical:
                canvas.box(low, 0, low + width, side)
            else:
                canvas.box(0, low, side, low + width)
    return canvas
