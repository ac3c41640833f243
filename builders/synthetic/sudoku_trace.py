"""The reasoning that fills a Sudoku, one sentence a step, each with its reason.

The easiest step goes first: a unit that lacks one digit, a cell that has one digit left (naked single), a digit that
has one place left in a unit (hidden single), and only then a supposition that is followed to its contradiction. Cells
are written `r3c5`, rows, columns and boxes counted from 1, boxes row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .sudoku_solver import Grid, shape, solution
from .wording import series


class Placement(NamedTuple):
    """A digit that a cell must have, and the sentence that says why."""

    cell: int
    digit: int
    why: str


class State:
    """A half-filled grid: what each cell can still be, as bit masks (digit d is bit d - 1)."""

    def __init__(self, grid: Sequence[int], size: int) -> None:
        self.shape = shape(size)
        self.every = (1 << size) - 1
        self.cells = [0] * len(grid)
        self.taken = [0] * (3 * size)
        self.excluded = [0] * len(grid)  # digits ruled out by a supposition
        self.blanks = [cell for cell, digit in enumerate(grid) if not digit]
        for cell, digit in enumerate(grid):
            if digit:
                self._write(cell, digit)

    def copy(self) -> State:
        """The same state, to be changed alone."""
        twin = object.__new__(State)
        twin.shape, twin.every = self.shape, self.every
        twin.cells, twin.taken = self.cells[:], self.taken[:]
        twin.excluded, twin.blanks = self.excluded[:], self.blanks[:]
        return twin

    def place(self, cell: int, digit: int) -> None:
        """Write a digit into a blank."""
        self.blanks.remove(cell)
        self._write(cell, digit)

    def free(self, cell: int) -> int:
        """The digits a blank can still be."""
        row, column, box = self.shape.units_of[cell]
        taken = self.taken
        return self.every & ~(taken[row] | taken[column] | taken[box] | self.excluded[cell])

    def dead_end(self) -> str | None:
        """Why the grid cannot be filled, where that shows at once."""
        for cell in self.blanks:
            if not self.free(cell):
                return f"{self.name(cell)} would have no digit left"
        for unit, cells in enumerate(self.shape.cells_of):
            possible = self.taken[unit]
            for cell in cells:
                if not self.cells[cell]:
                    possible |= self.free(cell)
            if possible != self.every:
                digit = (~possible & self.every & -(~possible & self.every)).bit_length()
                return f"{self.unit(unit)} would have no place for {digit}"
        return None

    def single(self) -> Placement | None:
        """The easiest cell that is settled, with the reason."""
        best: tuple[int, int, int] | None = None
        for cell in self.blanks:
            free = self.free(cell)
            if free & (free - 1) or not free:
                continue
            for unit in self.shape.units_of[cell]:
                lacking = (self.every & ~self.taken[unit]).bit_count()
                if best is None or lacking < best[0]:
                    best = (lacking, cell, unit)
            if best is not None and best[0] == 1:
                break
        if best is None:
            return self._hidden()
        _, cell, unit = best
        digit = self.free(cell).bit_length()
        return Placement(cell, digit, self._naked(cell, digit, unit))

    def name(self, cell: int) -> str:
        """`r3c5`."""
        row, column = divmod(cell, self.shape.size)
        return f"r{row + 1}c{column + 1}"

    def unit(self, unit: int) -> str:
        """`row 3`, `column 5` or `box 2`."""
        kind, at = divmod(unit, self.shape.size)
        return f"{('row', 'column', 'box')[kind]} {at + 1}"

    def _write(self, cell: int, digit: int) -> None:
        self.cells[cell] = digit
        for unit in self.shape.units_of[cell]:
            self.taken[unit] |= 1 << digit - 1

    def _naked(self, cell: int, digit: int, unit: int) -> str:
        lacking = _digits(self.every & ~self.taken[unit])
        where, so = self.unit(unit), f"so {self.name(cell)} is {digit}"
        if len(lacking) == 1:
            return f"{where.capitalize()} lacks only {digit}, {so}."
        held: dict[str, list[int]] = {}
        for other in lacking:
            if other != digit:
                held.setdefault(self._holder(cell, other), []).append(other)
        reasons = series(f"{holder} {series(digits)}" for holder, digits in held.items())
        return f"{where.capitalize()} lacks {series(lacking)}, but {reasons}, {so}."

    def _holder(self, cell: int, digit: int) -> str:
        for unit in self.shape.units_of[cell]:
            if self.taken[unit] >> digit - 1 & 1:
                return f"{self.unit(unit)} has"
        return f"{self.name(cell)} cannot be"

    def _hidden(self) -> Placement | None:
        for unit, cells in enumerate(self.shape.cells_of):
            blanks = [cell for cell in cells if not self.cells[cell]]
            for digit in _digits(self.every & ~self.taken[unit]):
                places = [cell for cell in blanks if self.free(cell) >> digit - 1 & 1]
                if len(places) == 1:
                    return Placement(places[0], digit, self._only_place(unit, blanks, places[0], digit))
        return None

    def _only_place(self, unit: int, blanks: Sequence[int], place: int, digit: int) -> str:
        holders = dict.fromkeys(self._holder(cell, digit) for cell in blanks if cell != place)
        reasons = series(f"{holder} {digit}" for holder in holders)
        return f"In {self.unit(unit)}, {digit} can only go in {self.name(place)}, as {reasons}."


def explain(grid: Sequence[int], size: int) -> tuple[Grid, str]:
    """The solution and the steps to it. ValueError where there is none."""
    full = solution(grid, size)
    if full is None:
        raise ValueError("the grid has no solution")
    state, told = State(grid, size), []
    blanks = len(state.blanks)
    while state.blanks:
        step = state.single()
        if step is not None:
            state.place(step.cell, step.digit)
            told.append(step.why)
        else:
            cell, digit, why = _rule_out(state, full)
            state.excluded[cell] |= 1 << digit - 1
            told.append(why)
    told.append(f"All {blanks} empty cells are filled.")
    return full, "\n".join(told)


def _rule_out(state: State, full: Grid) -> Placement:
    """A digit that a cell cannot be. A supposition that singles alone refute, where there is one: it can be told."""
    doubtful = sorted(state.blanks, key=lambda cell: (state.free(cell).bit_count(), cell))
    wrong = [(cell, digit) for cell in doubtful for digit in _digits(state.free(cell)) if digit != full[cell]]
    for cell, digit in wrong:
        follows = _contradiction(state, cell, digit)
        if follows is not None:
            return Placement(cell, digit, f"{_suppose(state, cell, digit)}: {follows}.")
    cell, digit = wrong[0]
    return Placement(cell, digit, f"{_suppose(state, cell, digit)}: every way to fill the rest fails.")


def _suppose(state: State, cell: int, digit: int) -> str:
    name = state.name(cell)
    return f"{name} can be {series(_digits(state.free(cell)), 'or')}, but {name} cannot be {digit}"


def _contradiction(state: State, cell: int, digit: int) -> str | None:
    """What singles lead to once `cell` is `digit`, where that is a contradiction."""
    trial, told = state.copy(), []
    trial.place(cell, digit)
    while (end := trial.dead_end()) is None:
        step = trial.single()
        if step is None:
            return None
        trial.place(step.cell, step.digit)
        told.append(f"{trial.name(step.cell)} would be {step.digit}")
    return f"then {', '.join((*told, 'and ' * bool(told) + end))}"


def _digits(mask: int) -> list[int]:
    return [at + 1 for at in range(mask.bit_length()) if mask >> at & 1]
