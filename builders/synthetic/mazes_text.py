"""Mazes in words: the drawing that is their facts, how it and ways are read back, and what sentences claim."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .claims import COUNT, Rule, number
from .mazes_work import MOVES, Maze, cell_name, wall_between

_WORDS = {"right": "R", "down": "D", "left": "L", "up": "U"}


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
    answer = wall_between(maze, found[2], found[3])
    return None if answer is None else (answer.answer == "yes") != (found[1] == "no")


def _said_open(found: re.Match[str], maze: Maze) -> bool | None:
    answer = wall_between(maze, found[1], found[3])
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


def state(maze: Maze) -> str:
    """The facts; see `mazes`."""
    marks = {maze.start: "S ", maze.goal: "G "}
    edge = "+" + "--+" * maze.columns
    lines = [edge]
    for row in range(maze.rows):
        cells = [marks.get((row, column), "  ") for column in range(maze.columns)]
        between = [" " if opens else "|" for opens in maze.right[row]] + ["|"]
        lines.append("|" + "".join(cell + wall for cell, wall in zip(cells, between, strict=True)))
        if row < maze.rows - 1:
            lines.append("+" + "".join("  +" if opens else "--+" for opens in maze.down[row]))
    return "\n".join((*lines, edge))
