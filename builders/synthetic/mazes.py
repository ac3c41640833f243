"""Mazes on a grid: walls to be seen, and shortest ways to be found.

A cell is named by the letter of its column and the number of its row. The facts draw the walls, with S and G for start
and goal; every cell is two characters wide:

    +--+--+
    |S    |
    +  +--+
    |   G |
    +--+--+

Any shortest way is right (`RRDL…`): it is walked, not compared. The trace is a breadth-first search: the cells at each
distance, then the way back.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import ClassVar, Self

from pydantic import model_validator

from perceptdata.plugins import Plugin

from .canvas import Canvas
from .claims import judge
from .mazes_picture import draw
from .mazes_text import RULES, read, read_moves, state
from .mazes_work import LEAST_STEPS, TEMPLATES, Cell, Maze, distances, shortest, step
from .tasked import TaskedBuilder, TaskedFamily, digits, span


class MazesOptions(Plugin):
    """Which mazes: rows and columns of cells, and how many walls are opened beyond what joins all cells."""

    rows_range: tuple[int, int] = (4, 6)
    columns: tuple[int, int] = (4, 6)
    loops: int = 1

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for low, high in (self.rows_range, self.columns):
            if not 3 <= low <= high <= 10:
                raise ValueError("rows_range and columns are ranges from 3 to 10")
        if not 0 <= self.loops <= 6:
            raise ValueError("loops is 0 to 6")
        return self


class Mazes(MazesOptions, TaskedFamily[Maze, tuple[int, int]]):
    """Mazes in which every cell can be reached."""

    name: ClassVar[str] = "mazes"
    corpus: ClassVar[str] = "mazes"
    TEMPLATES = TEMPLATES

    def kinds(self) -> Sequence[tuple[int, int]]:
        """Rows and columns."""
        (low, high), (few, many) = self.rows_range, self.columns
        return [(rows, columns) for rows in range(low, high + 1) for columns in range(few, many + 1)]

    def size(self, kind: tuple[int, int]) -> int:
        """Every pattern of walls between neighbours in a row."""
        return span(2, kind[0] * (kind[1] - 1))

    def scene(self, kind: tuple[int, int], number: int, rng: random.Random) -> Maze | None:
        """Walls within rows by number; those between rows open by chance until all cells are joined (Kruskal)."""
        rows, columns = kind
        bits = digits(number, 2, rows * (columns - 1), rng)
        right = [[bool(bit) for bit in bits[at : at + columns - 1]] for at in range(0, len(bits), columns - 1)]
        joined = {(row, column): (row, column) for row in range(rows) for column in range(columns)}

        def root(cell: Cell) -> Cell:
            while joined[cell] != cell:
                cell = joined[cell]
            return cell

        for row in range(rows):
            for column in range(columns - 1):
                if right[row][column]:
                    joined[root((row, column + 1))] = root((row, column))
        down = [[False] * columns for _ in range(rows - 1)]
        between = [(row, column) for row in range(rows - 1) for column in range(columns)]
        spare = []
        for row, column in rng.sample(between, len(between)):
            one, other = root((row, column)), root((row + 1, column))
            if one == other:
                spare.append((row, column))
            else:
                joined[other] = one
                down[row][column] = True
        if len({root(cell) for cell in joined}) > 1 or len(spare) < self.loops:
            return None
        for row, column in spare[: self.loops]:
            down[row][column] = True
        start, goal = rng.sample(sorted(joined), 2)
        maze = Maze(tuple(map(tuple, right)), tuple(map(tuple, down)), start, goal)
        return maze if distances(maze)[goal] >= LEAST_STEPS else None

    def facts(self, scene: Maze) -> str:
        """See the module."""
        return state(scene)

    def parse(self, text: str) -> Maze | None:
        """See `mazes_text.read`."""
        return read(text)

    def check(self, answer: str, scene: Maze, dense: bool = False) -> float:
        """A way counts if it can be walked, leads to the goal and is as short as any; the length as a number. Dense:
        of a way, the share of the shortest distance by which it comes nearer before it hits a wall.
        """
        template, _ = self._asked(scene)
        if template.name != "path":
            return super().check(answer, scene, dense)
        moves, best = read_moves(answer), shortest(scene)
        if moves is None or best is None:
            return 0.0
        cell, left = scene.start, len(best)
        to_goal = distances(scene._replace(start=scene.goal))
        for move in moves:
            if not scene.opens(cell, move):
                break
            cell = step(cell, move)
            left = min(left, to_goal[cell])
        else:
            if cell == scene.goal and len(moves) == len(best):
                return 1.0
        return min(0.99, (len(best) - left) / len(best)) if dense else 0.0

    def picture(self, scene: Maze, rng: random.Random) -> Canvas:
        """See `mazes_picture`."""
        return draw(scene)

    def check_claim(self, text: str, scene: Maze) -> bool | None:
        """See `mazes_text.RULES`."""
        return judge(text, scene, RULES)

    def ask_facts(self, scene: Maze) -> str:
        """The question for the whole maze."""
        return (
            "What does this maze look like? Draw its walls with +, -- and |, every cell two characters wide, with S "
            "and G in their cells."
        )


class MazesBuilder(MazesOptions, TaskedBuilder):
    """Mazes as staged examples; see `SyntheticBuilder`."""

    name: ClassVar[str] = "mazes"
    corpus: ClassVar[str] = "mazes"

    def family(self) -> Mazes:
        """The family with this builder's options."""
        options = {field: getattr(self, field) for field in MazesOptions.model_fields}
        return Mazes(**options, templates=self.templates)
