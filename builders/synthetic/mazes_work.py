"""Mazes, what is asked about them, and how it is worked out."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from perceptdata.plugins import Solution

from .tasked import YES_NO, Case, Template

MOVES = {"R": (0, 1), "D": (1, 0), "L": (0, -1), "U": (-1, 0)}
LEAST_STEPS = 3
Cell = tuple[int, int]


class Maze(NamedTuple):
    """`right[r][c]`: one can go from (r, c) to (r, c + 1); `down[r][c]`: to (r + 1, c)."""

    right: tuple[tuple[bool, ...], ...]
    down: tuple[tuple[bool, ...], ...]
    start: Cell
    goal: Cell

    @property
    def rows(self) -> int:
        """How many rows of cells."""
        return len(self.right)

    @property
    def columns(self) -> int:
        """How many columns of cells."""
        return len(self.right[0]) + 1

    def opens(self, cell: Cell, move: str) -> bool:
        """Whether one can go that way."""
        row, column = cell
        if move in "RL":
            at = column if move == "R" else column - 1
            return 0 <= at < self.columns - 1 and self.right[row][at]
        at = row if move == "D" else row - 1
        return 0 <= at < self.rows - 1 and self.down[at][column]


def cell_name(cell: Cell) -> str:
    """`B3`."""
    return f"{'ABCDEFGHIJ'[cell[1]]}{cell[0] + 1}"


def step(cell: Cell, move: str) -> Cell:
    """The next cell that way."""
    down, right = MOVES[move]
    return cell[0] + down, cell[1] + right


@lru_cache(maxsize=1024)
def distances(maze: Maze) -> dict[Cell, int]:
    """Steps from the start to each cell that can be reached, in the order of a breadth-first search."""
    found, queue = {maze.start: 0}, [maze.start]
    for cell in queue:
        for move in MOVES:
            if maze.opens(cell, move) and (next_ := step(cell, move)) not in found:
                found[next_] = found[cell] + 1
                queue.append(next_)
    return found


def shortest(maze: Maze) -> str | None:
    """A shortest way, as moves; None where there is no way."""
    found = distances(maze)
    if maze.goal not in found:
        return None
    way, cell = "", maze.goal
    while cell != maze.start:
        for move, back in zip("RDLU", "LURD", strict=True):
            if maze.opens(cell, back) and found.get(step(cell, back)) == found[cell] - 1:
                way, cell = move + way, step(cell, back)
                break
    return way


def _trace(maze: Maze) -> str:
    found = distances(maze)
    far = found[maze.goal]
    levels: dict[int, list[str]] = {}
    for cell, distance in found.items():
        if distance <= far:
            levels.setdefault(distance, []).append(cell_name(cell))
    lines = [f"{distance} step{'s' * (distance != 1)}: {', '.join(cells)}" for distance, cells in levels.items()]
    cells, cell = [maze.start], maze.start
    for move in shortest(maze) or "":
        cell = step(cell, move)
        cells.append(cell)
    return "\n".join([*lines, f"One way back from {cell_name(maze.goal)} gives {' → '.join(map(cell_name, cells))}."])


def _path(maze: Maze) -> Solution | None:
    way = shortest(maze)
    return Solution(way, f"{_trace(maze)}\nAs moves: {way}.") if way else None


def _length(maze: Maze, name: str) -> Solution | None:
    cell = cell_of(maze, name)
    way = None if cell is None else shortest(maze._replace(goal=cell))
    if cell is None or not way:
        return None
    return Solution(str(len(way)), f"{_trace(maze._replace(goal=cell))}\nThat takes {len(way)} steps.")


def _far(maze: Maze) -> list[Case]:
    return [(cell_name(cell),) for cell, distance in distances(maze).items() if distance >= LEAST_STEPS]


def _end(maze: Maze, which: str) -> Solution | None:
    return Solution(cell_name(maze.start if which == "S" else maze.goal), "") if which in ("S", "G") else None


def _neighbours(maze: Maze) -> list[Case]:
    cells = [(row, column) for row in range(maze.rows) for column in range(maze.columns)]
    pairs = [(cell, step(cell, move)) for cell in cells for move in "RD"]
    inside = [pair for pair in pairs if pair[1][0] < maze.rows and pair[1][1] < maze.columns]
    return [tuple(map(cell_name, pair)) for pair in inside]


def cell_of(maze: Maze, name: str) -> Cell | None:
    """The cell of that name; None where the maze has none."""
    found = re.fullmatch(r"([a-j])(\d{1,2})", name, re.IGNORECASE)
    if found is None:
        return None
    cell = (int(found[2]) - 1, "abcdefghij".index(found[1].lower()))
    return cell if 0 <= cell[0] < maze.rows and cell[1] < maze.columns else None


def wall_between(maze: Maze, one: str, other: str) -> Solution | None:
    """Undecided where the two are no neighbours."""
    first, second = cell_of(maze, one), cell_of(maze, other)
    move = next((move for move in MOVES if first and step(first, move) == second), None)
    return None if first is None or move is None else Solution(YES_NO[maze.opens(first, move)], "")


TEMPLATES: tuple[Template[Maze], ...] = (
    Template(
        "wall",
        lambda one, other: f"Is there a wall between cells {one} and {other}?",
        _neighbours,
        wall_between,
        YES_NO,
        looks=True,
    ),
    Template("end", lambda which: f"In which cell is {which}?", lambda maze: [("S",), ("G",)], _end, looks=True),
    Template(
        "path",
        lambda: "Find a shortest way from S to G. Write it as moves: R for right, L for left, U for up, D for down.",
        lambda maze: [()],
        _path,
    ),
    Template(
        "length",
        lambda cell: f"How many steps does the shortest way from S to cell {cell} take?",
        _far,
        _length,
        kind="number",
    ),
)
