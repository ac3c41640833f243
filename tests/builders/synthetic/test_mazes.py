"""Mazes: ways that are walked, distances by hand, walls read back."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from perceptdata.builders.synthetic.mazes import Mazes
from perceptdata.builders.synthetic.mazes_text import read_moves
from perceptdata.builders.synthetic.mazes_work import distances, shortest
from perceptdata.errors import UsageError

DRAWN = """+--+--+--+
|S    |  |
+  +--+  +
|        |
+  +--+--+
|      G |
+--+--+--+"""
PATH, LENGTH = Mazes(task=("path",)), Mazes(task=("length", "C1"))


def test_walls_read_back_and_ways_are_found() -> None:
    maze = PATH.parse(DRAWN)
    assert maze is not None
    assert (maze.rows, maze.columns, maze.start, maze.goal) == (3, 3, (0, 0), (2, 2))
    assert PATH.facts(maze) == DRAWN
    assert shortest(maze) == "DDRR"
    assert distances(maze)[(0, 2)] == 4
    assert LENGTH.solve(maze, random.Random(0)).answer == "4"


@pytest.mark.parametrize(
    ("answer", "score", "dense"),
    [
        ("DDRR", 1.0, 1.0),
        ("D, D, R, R", 1.0, 1.0),
        ("down down right right", 1.0, 1.0),
        ("↓↓→→", 1.0, 1.0),
        (r"\text{DDRR}", 1.0, 1.0),
        ("DUDDRR", 0.0, 0.99),  # there, but not the shortest
        ("DDR", 0.0, 0.75),
        ("RRDD", 0.0, 0.0),  # one step right, away from the goal, and into a wall
        ("DD and so on", 0.0, 0.0),
        ("", 0.0, 0.0),
    ],
)
def test_ways_are_walked(answer: str, score: float, dense: float) -> None:
    maze = PATH.parse(DRAWN)
    assert PATH.check(answer, maze) == score
    assert PATH.check(answer, maze, dense=True) == pytest.approx(dense)


def test_any_shortest_way_is_right() -> None:
    open_ = PATH.parse("+--+--+\n|S    |\n+  +  +\n|    G|\n+--+--+")
    assert PATH.check("RD", open_) == PATH.check("DR", open_) == 1.0


def test_a_maze_without_a_way_is_said_so() -> None:
    closed = PATH.parse("+--+--+\n|S |  |\n+--+--+\n|    G|\n+--+--+")
    with pytest.raises(UsageError, match="does not decide"):
        PATH.solve(closed, random.Random(0))
    assert PATH.check("RD", closed) == 0.0


@pytest.mark.parametrize(
    "text",
    [
        "",
        DRAWN.replace("S", " "),
        DRAWN.replace("G", "S"),
        DRAWN.replace("+--+--+--+\n|S", "|S"),
        DRAWN[:-3],
        DRAWN.replace("|  |", "|| |"),
        "+" * 4000,
    ],
)
def test_what_is_no_maze(text: str) -> None:
    assert Mazes().parse(text) is None


@given(st.text(alphabet="+-| SG\nRDLU", max_size=200))
def test_nothing_that_looks_like_a_maze_raises(text: str) -> None:
    Mazes().parse(text)
    read_moves(text)
    assert 0 <= PATH.check(text, PATH.parse(DRAWN), dense=True) <= 1


@pytest.mark.parametrize(
    ("claim", "true"),
    [
        ("S is in A1.", True),
        ("The goal is in cell B3.", False),
        ("There is a wall between A1 and B1.", False),
        ("There is no wall between A1 and B1.", True),
        ("There is a wall between B1 and C1.", True),
        ("There is a wall between A1 and C3.", None),  # no neighbours
        ("A1 is open to A2.", True),
        ("A1 is not connected to A2.", False),
        ("The maze has three rows and 3 columns.", True),
        ("The maze is hard.", None),
    ],
)
def test_claims(claim: str, true: bool | None) -> None:
    assert Mazes().check_claim(claim, PATH.parse(DRAWN)) is true


def test_loops_open_further_walls() -> None:
    """A maze whose cells are all joined has at least cells - 1 openings; each loop adds one to what its walls need."""
    rng = random.Random(0)
    for loops in (0, 4):
        maze = Mazes(rows_range=(6, 6), columns=(6, 6), loops=loops).generate(rng)
        openings = sum(map(sum, maze.right)) + sum(map(sum, maze.down))
        assert openings == 35 + loops
        assert len(distances(maze)) == 36


@pytest.mark.parametrize("options", [{"rows_range": (2, 4)}, {"columns": (5, 11)}, {"loops": 7}])
def test_impossible_options_are_refused(options: dict) -> None:
    with pytest.raises(ValidationError):
        Mazes(**options)
