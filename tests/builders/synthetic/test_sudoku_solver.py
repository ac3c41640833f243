"""Grids counted, dug and solved, against a solver of the test's own."""

import random
from math import factorial

import pytest

from perceptdata.builders.synthetic.sudoku_solver import (
    all_grids,
    arrangement,
    base,
    bases,
    dig,
    is_solution,
    rename,
    shape,
    solution,
    solutions,
)

BOXES = {4: (2, 2), 6: (2, 3), 9: (3, 3)}


def count_solutions(grid: tuple[int, ...], size: int) -> int:
    """Plain backtracking in reading order, sets instead of bits; stops at two."""
    high, wide = BOXES[size]
    cells, found = list(grid), 0

    def fill(at: int) -> None:
        nonlocal found
        while at < len(cells) and cells[at]:
            at += 1
        if at == len(cells):
            found += 1
            return
        row, column = divmod(at, size)
        top, left = row // high * high, column // wide * wide
        seen = {cells[row * size + other] for other in range(size)}
        seen |= {cells[other * size + column] for other in range(size)}
        seen |= {cells[r * size + c] for r in range(top, top + high) for c in range(left, left + wide)}
        for digit in set(range(1, size + 1)) - seen:
            if found < 2:
                cells[at] = digit
                fill(at + 1)
                cells[at] = 0

    fill(0)
    return found


def test_shapes() -> None:
    """Row 3, column 5 of a 6 x 6 grid stands in box 4: boxes are two rows high and three columns wide."""
    assert shape(6).units_of[2 * 6 + 4] == (2, 6 + 4, 12 + 3)
    assert shape(9).cells_of[18 + 4] == (30, 31, 32, 39, 40, 41, 48, 49, 50)
    for size in (4, 6, 9):
        assert [len(cells) for cells in shape(size).cells_of] == [size] * (3 * size)


def test_all_small_grids() -> None:
    grids = set(all_grids(4))
    assert len(grids) == 288
    assert all(is_solution(grid, 4) for grid in grids)


def test_bases() -> None:
    """28,200,960 grids of 6 x 6 are 720 renamings of 39,168."""
    assert (bases(4), bases(6), bases(9)) == (12, 39_168, factorial(9))
    assert 39_168 * factorial(6) == 28_200_960


@pytest.mark.parametrize("size", [4, 6, 9])
def test_bases_are_full_grids_and_no_renamings_of_each_other(size: int) -> None:
    rng = random.Random(0)
    seen = set()
    for number in range(0, bases(size), max(1, bases(size) // 40)):
        grid = base(number, size, rng)
        assert is_solution(grid, size)
        middle = shape(9).cells_of[22] if size == 9 else range(size * size)
        first = shape(9).cells_of[18] if size == 9 else range(size)
        order = {grid[cell]: at for at, cell in enumerate(first)}
        seen.add(tuple(order[grid[cell]] for cell in middle))
    assert len(seen) == len(range(0, bases(size), max(1, bases(size) // 40)))


def test_arrangements_are_all_permutations() -> None:
    assert [arrangement(number, 3) for number in range(6)] == [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ]


def test_renaming() -> None:
    assert rename(bytes((1, 2, 3, 4)), (4, 3, 2, 1)) == (4, 3, 2, 1)


@pytest.mark.parametrize(("size", "blanks", "grids"), [(4, 6, 40), (4, 10, 20), (6, 12, 20), (9, 16, 20), (9, 40, 3)])
def test_dug_grids_have_one_solution(size: int, blanks: int, grids: int) -> None:
    rng = random.Random(size)
    for _ in range(grids):
        full = rename(base(rng.randrange(bases(size)), size, rng), rng.sample(range(1, size + 1), size))
        puzzle = dig(full, size, blanks, rng)
        if puzzle is None:
            continue
        assert puzzle.count(0) == blanks
        assert all(digit in (0, wanted) for digit, wanted in zip(puzzle, full, strict=True))
        assert count_solutions(puzzle, size) == 1
        assert solution(puzzle, size) == full


def test_digging_reports_when_it_cannot() -> None:
    """Ten blanks always come out of a 4 x 4 grid; fifteen never do."""
    rng = random.Random(0)
    for full in list(all_grids(4))[::7]:
        assert dig(full, 4, 10, rng) is not None
        assert dig(full, 4, 15, rng) is None


def test_contradictory_grids_have_no_solution() -> None:
    assert solution((1, 1, *[0] * 14), 4) is None
    assert solution((1, 2, 3, 0, 0, 0, 0, 4, *[0] * 8), 4) is None


def test_solutions_of_an_empty_grid_are_all_of_them() -> None:
    assert set(solutions([0] * 16, 4)) == set(all_grids(4))
    assert set(solutions([0] * 16, 4, random.Random(1))) == set(all_grids(4))
