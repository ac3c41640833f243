"""Every step of a trace is forced, and says why."""

import random
import re

import pytest

from perceptdata.builders.synthetic.sudoku import Sudoku
from perceptdata.builders.synthetic.sudoku_solver import Grid, is_solution, shape, solution
from perceptdata.builders.synthetic.sudoku_trace import State, explain

# Arto Inkala's puzzle of 2012: singles do not solve it.
HARD = tuple(
    int(digit) for digit in "800000000003600000070090200050007000000045700000100030001000068008500010090000400"
)


def replay(puzzle: Grid, size: int, trace: str) -> Grid:
    """Follow the placements; each must be a digit that stands in no unit of its cell yet."""
    cells = list(puzzle)
    for line in trace.splitlines()[:-1]:
        naked = re.search(r"so r(\d)c(\d) is (\d)\.$", line)
        hidden = re.match(r"In (?:row|column|box) \d, (\d) can only go in r(\d)c(\d), as ", line)
        if naked:
            row, column, digit = map(int, naked.groups())
        elif hidden:
            digit, row, column = map(int, hidden.groups())
        else:
            assert "cannot be" in line
            continue
        cell = (row - 1) * size + column - 1
        assert cells[cell] == 0
        for unit in shape(size).units_of[cell]:
            assert digit not in [cells[other] for other in shape(size).cells_of[unit]]
        cells[cell] = digit
    return tuple(cells)


@pytest.mark.parametrize(("size", "blanks", "count"), [(4, 10, 30), (6, 20, 30), (9, 16, 30), (9, 45, 10)])
def test_traces_lead_to_the_solution(size: int, blanks: int, count: int) -> None:
    family, rng = Sudoku(size=size, blanks=blanks), random.Random(size)
    for _ in range(count):
        puzzle = family.generate(rng)
        full, trace = explain(puzzle, size)
        assert is_solution(full, size)
        assert replay(puzzle, size, trace) == full
        assert trace.splitlines()[-1] == f"All {blanks} empty cells are filled."


def test_easiest_steps_first() -> None:
    puzzle = (1, 2, 3, 0, 3, 4, 0, 0, 2, 1, 4, 3, 4, 3, 2, 1)
    assert explain(puzzle, 4)[1].splitlines() == [
        "Row 1 lacks only 4, so r1c4 is 4.",
        "Column 3 lacks only 1, so r2c3 is 1.",
        "Row 2 lacks only 2, so r2c4 is 2.",
        "All 3 empty cells are filled.",
    ]


def test_a_naked_single_names_what_rules_the_others_out() -> None:
    puzzle = (0, 0, 3, 4, 0, 0, 1, 2, 2, 1, 4, 3, 4, 3, 2, 1)
    assert explain(puzzle, 4)[1].splitlines()[0] == "Row 1 lacks 1 and 2, but column 1 has 2, so r1c1 is 1."


def test_a_hidden_single_names_what_rules_the_others_out() -> None:
    """Columns 1 and 3 have a 1 and r2c4 is given: row 2 has one place left for its own."""
    puzzle = (0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 1, 0)
    state = State(puzzle, 4)
    assert state.single() == (5, 1, "In row 2, 1 can only go in r2c2, as column 1 has 1 and column 3 has 1.")


def test_a_hard_puzzle_needs_suppositions() -> None:
    full, trace = explain(HARD, 9)
    assert full == solution(HARD, 9)
    assert replay(HARD, 9, trace) == full
    assert "In box" in trace
    assert re.search(r"r\dc\d can be [\d, or]+, but r\dc\d cannot be \d: then ", trace)
    assert "digit left." in trace or "no place for" in trace


def test_no_solution_is_an_error() -> None:
    with pytest.raises(ValueError, match="no solution"):
        explain((1, 1, *[0] * 14), 4)
