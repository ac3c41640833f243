"""Sudoku grids of 4, 6 and 9: all solutions by exact search, full grids counted out, blanks dug, solutions explained.

A grid is a tuple of `size * size` digits, row by row, 0 for a blank. Boxes are 2 x 2, 2 x 3 (two rows high, three
columns wide) and 3 x 3.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import permutations
from math import factorial
from typing import NamedTuple

Grid = tuple[int, ...]
BOXES = {4: (2, 2), 6: (2, 3), 9: (3, 3)}


class Shape(NamedTuple):
    """What never changes for a size: the row, column and box of every cell, and the cells of every unit.

    Units are numbered rows first, then columns, then boxes.
    """

    size: int
    units_of: tuple[tuple[int, int, int], ...]
    cells_of: tuple[tuple[int, ...], ...]


@cache
def shape(size: int) -> Shape:
    """The shape of a size: 4, 6 or 9."""
    high, wide = BOXES[size]
    units_of = tuple(
        (row, size + column, 2 * size + row // high * (size // wide) + column // wide)
        for row in range(size)
        for column in range(size)
    )
    cells_of = tuple(tuple(cell for cell, units in enumerate(units_of) if unit in units) for unit in range(3 * size))
    return Shape(size, units_of, cells_of)


def is_solution(grid: Sequence[int], size: int) -> bool:
    """Does every row, column and box hold every digit once?"""
    digits = set(range(1, size + 1))
    return all({grid[cell] for cell in cells} == digits for cells in shape(size).cells_of)


def solutions(grid: Sequence[int], size: int, rng: random.Random | None = None) -> Iterator[Grid]:
    """Every full grid that agrees with the given digits; in random order with `rng`.

    Depth-first; the blank with the fewest digits left goes next. Digits are bits: digit d is bit d - 1.
    """
    units_of = shape(size).units_of
    every = (1 << size) - 1
    cells = list(grid)
    taken = [0] * (3 * size)
    for cell, digit in enumerate(cells):
        if digit:
            bit = 1 << digit - 1
            for unit in units_of[cell]:
                if taken[unit] & bit:
                    return
                taken[unit] |= bit
    blanks = [cell for cell, digit in enumerate(cells) if not digit]

    def search() -> Iterator[Grid]:
        if not blanks:
            yield tuple(cells)
            return
        fewest, place, free = size + 1, 0, 0
        for at, cell in enumerate(blanks):
            row, column, box = units_of[cell]
            left = every & ~(taken[row] | taken[column] | taken[box])
            count = left.bit_count()
            if count < fewest:
                fewest, place, free = count, at, left
                if count < 2:
                    break
        if not free:
            return
        cell = blanks[place]
        blanks[place] = blanks[-1]
        blanks.pop()
        row, column, box = units_of[cell]
        bits = [1 << at for at in range(size) if free >> at & 1]
        if rng is not None and fewest > 1:
            rng.shuffle(bits)
        for bit in bits:
            taken[row] |= bit
            taken[column] |= bit
            taken[box] |= bit
            cells[cell] = bit.bit_length()
            yield from search()
            taken[row] ^= bit
            taken[column] ^= bit
            taken[box] ^= bit
        cells[cell] = 0
        blanks.append(cell)
        blanks[place], blanks[-1] = blanks[-1], blanks[place]

    yield from search()


def solution(grid: Sequence[int], size: int) -> Grid | None:
    """The first full grid that agrees with the given digits, or None."""
    return next(solutions(grid, size), None)


def dig(full: Grid, size: int, blanks: int, rng: random.Random) -> Grid | None:
    """`full` without `blanks` of its digits, taken out at random one by one so that it stays the only solution.

    None where the order drawn leaves too few digits that can go.
    """
    units_of = shape(size).units_of
    every = (1 << size) - 1
    taken = [every] * (3 * size)
    cells = list(full)
    order = rng.sample(range(size * size), size * size)
    left = blanks
    for cell in order:
        if not left:
            break
        digit, bit = cells[cell], 1 << cells[cell] - 1
        row, column, box = units_of[cell]
        others = every & ~(taken[row] | taken[column] | taken[box])
        cells[cell] = 0
        if others and _second_solution(cells, size):
            cells[cell] = digit
            continue
        taken[row] ^= bit
        taken[column] ^= bit
        taken[box] ^= bit
        left -= 1
    return tuple(cells) if not left else None


def _second_solution(grid: Sequence[int], size: int) -> bool:
    found = solutions(grid, size)
    next(found)
    return next(found, None) is not None


def bases(size: int) -> int:
    """How many full grids `base` counts: none is another with its digits renamed."""
    return factorial(9) if size == 9 else len(_reduced(size))


def base(number: int, size: int, rng: random.Random) -> bytes:
    """Full grid number `number` of `bases(size)`, as bytes, its digits still to be renamed.

    For 4 and 6 these are all grids whose first row is 1 2 3 …, so with every renaming they are all grids. For 9 the
    first box is 1 to 9 in order and `number` is the order of the digits in the middle box; the rest is filled at
    random.
    """
    if size < 9:
        return _reduced(size)[number]
    cells = [0] * 81
    for corner, digits in ((0, range(9)), (30, arrangement(number, 9)), (60, rng.sample(range(9), 9))):
        for at, digit in enumerate(digits):
            cells[corner + at // 3 * 9 + at % 3] = digit + 1
    return bytes(next(solutions(cells, 9, rng)))


def rename(grid: bytes, digits: Sequence[int]) -> Grid:
    """The grid with digit d + 1 written as digits[d]."""
    return tuple(grid.translate(bytes((0, *digits)).ljust(256, b"\0")))


def arrangement(number: int, size: int) -> list[int]:
    """Permutation `number` of `size!` of 0 … size - 1, in lexicographic order."""
    left, order = list(range(size)), []
    for place in range(size - 1, -1, -1):
        at, number = divmod(number, factorial(place))
        order.append(left.pop(at))
    return order


@cache
def _reduced(size: int) -> tuple[bytes, ...]:
    """Every full grid whose first row is 1 2 3 …: 12 of size 4, 39,168 of size 6."""
    first = (*range(1, size + 1), *[0] * (size * size - size))
    return tuple(bytes(grid) for grid in solutions(first, size))


def all_grids(size: int) -> Iterator[Grid]:
    """Every full grid of a small size: 288 of size 4."""
    for digits in permutations(range(1, size + 1)):
        for grid in _reduced(size):
            yield rename(grid, digits)
