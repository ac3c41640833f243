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
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar, NamedTuple, Self

from pydantic import model_validator

from perceptdata.plugins import Plugin, Solution

from .canvas import Canvas
from .claims import COUNT, Rule, judge, number
from .tasked import YES_NO, Case, TaskedBuilder, TaskedFamily, Template, digits, span

CELL, MARGIN = 34, 26
MOVES = {"R": (0, 1), "D": (1, 0), "L": (0, -1), "U": (-1, 0)}
_WORDS = {"right": "R", "down": "D", "left": "L", "up": "U"}
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
    cell = _cell(maze, name)
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


def _cell(maze: Maze, name: str) -> Cell | None:
    found = re.fullmatch(r"([a-j])(\d{1,2})", name, re.IGNORECASE)
    if found is None:
        return None
    cell = (int(found[2]) - 1, "abcdefghij".index(found[1].lower()))
    return cell if 0 <= cell[0] < maze.rows and cell[1] < maze.columns else None


def _wall(maze: Maze, one: str, other: str) -> Solution | None:
    """Undecided where the two are no neighbours."""
    first, second = _cell(maze, one), _cell(maze, other)
    move = next((move for move in MOVES if first and step(first, move) == second), None)
    return None if first is None or move is None else Solution(YES_NO[maze.opens(first, move)], "")


TEMPLATES: tuple[Template[Maze], ...] = (
    Template(
        "wall",
        lambda one, other: f"Is there a wall between cells {one} and {other}?",
        _neighbours,
        _wall,
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
        marks = {scene.start: "S ", scene.goal: "G "}
        edge = "+" + "--+" * scene.columns
        lines = [edge]
        for row in range(scene.rows):
            cells = [marks.get((row, column), "  ") for column in range(scene.columns)]
            between = [" " if opens else "|" for opens in scene.right[row]] + ["|"]
            lines.append("|" + "".join(cell + wall for cell, wall in zip(cells, between, strict=True)))
            if row < scene.rows - 1:
                lines.append("+" + "".join("  +" if opens else "--+" for opens in scene.down[row]))
        return "\n".join((*lines, edge))

    def parse(self, text: str) -> Maze | None:
        """See `read`."""
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
        """Walls in bold lines, letters above and numbers beside the cells, S and G in theirs."""
        wide, high = (2 * MARGIN + count * CELL for count in (scene.columns, scene.rows))
        canvas = Canvas(wide, high)
        for column in range(scene.columns):
            canvas.text((MARGIN + column * CELL + CELL // 2, MARGIN // 2), "ABCDEFGHIJ"[column], 14, 5)
        for row in range(scene.rows):
            canvas.text((MARGIN // 2, MARGIN + row * CELL + CELL // 2), str(row + 1), 14, 5)
        canvas.box(MARGIN - 1, MARGIN - 1, wide - MARGIN + 2, high - MARGIN + 2)
        canvas.box(MARGIN + 2, MARGIN + 2, wide - MARGIN - 1, high - MARGIN - 1, 15)
        for row, opens in enumerate(scene.right):
            for column, open_ in enumerate(opens):
                if not open_:
                    x, y = MARGIN + (column + 1) * CELL, MARGIN + row * CELL
                    canvas.box(x - 1, y - 1, x + 2, y + CELL + 2)
        for row, opens in enumerate(scene.down):
            for column, open_ in enumerate(opens):
                if not open_:
                    x, y = MARGIN + column * CELL, MARGIN + (row + 1) * CELL
                    canvas.box(x - 1, y - 1, x + CELL + 2, y + 2)
        for mark, (row, column) in (("S", scene.start), ("G", scene.goal)):
            canvas.text((MARGIN + column * CELL + CELL // 2, MARGIN + row * CELL + CELL // 2 + 1), mark, 19)
        return canvas

    def check_claim(self, text: str, scene: Maze) -> bool | None:
        """See `RULES`."""
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


def read(text: str) -> Maze | None:
    """The maze whose walls a text draws: the first rows of `+--+` and `|  |` that fit together."""
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if re.fullmatch(r"[+|][-+| SG]*", line)]
    if len(lines) < 5 or len(lines) % 2 == 0:
        return None
    columns, rows = (len(lines[0]) - 1) // 3, (len(lines) - 1) // 2
    edge = "+" + "--+" * columns
    if lines[0] != edge or lines[-1] != edge or columns < 2 or columns > 10 or rows > 10:
        return None
    right, down, ends = [], [], {}
    for row in range(rows):
        inside, below = lines[2 * row + 1], lines[2 * row + 2]
        if len(inside) != len(edge) or len(below) != len(edge) or inside[0] + inside[-1] != "||" or below[0] != "+":
            return None
        walls = [inside[3 * at + 3] for at in range(columns)]
        floor = [below[3 * at + 1 : 3 * at + 3] for at in range(columns)]
        if not set(walls) <= {" ", "|"} or not set(floor) <= {"  ", "--"}:
            return None
        right.append(tuple(wall == " " for wall in walls[:-1]))
        down.append(tuple(part == "  " for part in floor))
        for at in range(columns):
            mark = inside[3 * at + 1 : 3 * at + 3].strip()
            if mark not in ("", "S", "G") or mark in ends:
                return None
            if mark:
                ends[mark] = (row, at)
    if set(ends) != {"S", "G"}:
        return None
    return Maze(tuple(right), tuple(down[:-1]), ends["S"], ends["G"])


def read_moves(text: str) -> str | None:
    """Moves as letters, in words, or as arrows; None where a text holds anything else."""
    plain = re.sub(r"\b(right|down|left|up)\b", lambda found: _WORDS[found[1].lower()], text, flags=re.IGNORECASE)
    plain = plain.translate(str.maketrans("→↓←↑", "RDLU"))
    plain = re.sub(r"\\(?:text|mathrm|boxed)|[\s,;.>{}$-]", "", plain).upper()
    return plain if plain and set(plain) <= set(MOVES) else None


def _said_wall(found: re.Match[str], maze: Maze) -> bool | None:
    answer = _wall(maze, found[2], found[3])
    return None if answer is None else (answer.answer == "yes") != (found[1] == "no")


def _said_open(found: re.Match[str], maze: Maze) -> bool | None:
    answer = _wall(maze, found[1], found[3])
    return None if answer is None else (answer.answer == "no") != bool(found[2])


def _said_end(found: re.Match[str], maze: Maze) -> bool:
    cell = maze.start if found[1] in ("s", "start") else maze.goal
    return cell_name(cell).casefold() == found[2]


def _said_size(found: re.Match[str], maze: Maze) -> bool:
    return number(found[1]) == (maze.rows if found[2] == "row" else maze.columns)


RULES: Sequence[Rule] = (
    (
        re.compile(r"\b(a|no) wall (?:is )?between (?:cells? )?([a-j]\d{1,2}) and (?:cell )?([a-j]\d{1,2})\b"),
        _said_wall,
    ),
    (
        re.compile(r"\b(?:cell )?([a-j]\d{1,2}) is (not )?(?:open|joined|connected) to (?:cell )?([a-j]\d{1,2})\b"),
        _said_open,
    ),
    (re.compile(r"\b(s|g|start|goal)(?: cell)? is (?:in |at )?(?:cell )?([a-j]\d{1,2})\b"), _said_end),
    (re.compile(rf"\b{COUNT} (row|column)s?\b"), _said_size),
    (re.compile(r"\bmaze\b"), lambda _, maze: True),
)
