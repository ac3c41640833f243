"""Tables of small numbers: cells that are looked up, and what follows from a column, in whole or of one team.

The facts are the table, `|` between the cells:

    Name | Team | Points | Fouls
    Ann | Red | 12 | 3
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from typing import ClassVar, NamedTuple, Self

from pydantic import model_validator

from perceptdata.plugins import Plugin, Solution

from .canvas import Canvas, text_size
from .claims import COUNT, Rule, judge, number
from .tasked import Case, TaskedBuilder, TaskedFamily, Template, digits, span
from .wording import series

NAMES = ("Ann", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gil", "Hana", "Ivo", "Jana", "Kim", "Leo", "Mia", "Nils", "Olga")
TEAMS = ("Red", "Blue", "Green")
COLUMNS = ("Points", "Fouls", "Games", "Wins", "Age", "Laps", "Goals", "Saves")
LOW, VALUES = 10, 90  # numbers have two digits
RANKS = ("highest", "lowest")
MOST_ROWS, MOST_COLUMNS = 40, 12  # of a table that is read
_ROW, _FONT, _PAD = 28, 14, 12


class Table(NamedTuple):
    """Named columns of numbers; each row has a name and a team."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[int, ...]], ...]


class TablesOptions(Plugin):
    """Which tables: ranges (both ends included) of the number of rows and of columns with numbers; `ruled` draws lines
    between the cells.
    """

    rows_range: tuple[int, int] = (4, 7)
    columns: tuple[int, int] = (2, 3)
    ruled: bool = True

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not 3 <= self.rows_range[0] <= self.rows_range[1] <= 12:
            raise ValueError("rows_range is from 3 to 12")
        if not 1 <= self.columns[0] <= self.columns[1] <= 5:
            raise ValueError("columns is a range from 1 to 5")
        return self


def _column(table: Table, name: str, team: str | None = None) -> dict[str, int]:
    """Row name to number; empty where there is no such column."""
    if name not in table.columns:
        return {}
    at = table.columns.index(name)
    return {row: numbers[at] for row, own, numbers in table.rows if team in (None, own)}


def _cell(table: Table, column: str, name: str) -> Solution | None:
    found = _column(table, column)
    return Solution(str(found[name]), "") if name in found else None


def _team(table: Table, name: str) -> Solution | None:
    return next((Solution(team, "") for own, team, _ in table.rows if own == name), None)


def _which(table: Table, column: str, value: int) -> Solution | None:
    found = [name for name, own in _column(table, column).items() if own == value]
    return Solution(found[0], "") if len(found) == 1 else None


def _total(table: Table, column: str, team: str | None = None) -> Solution | None:
    found = _column(table, column, team)
    if len(found) < 2:
        return None
    picked = f"{team} are {series(found)}.\n" if team else ""
    total = sum(found.values())
    return Solution(str(total), f"{picked}{column}: {' + '.join(map(str, found.values()))} = {total}.")


def _average(table: Table, column: str) -> Solution | None:
    """Undecided where one decimal does not tell it."""
    found = list(_column(table, column).values())
    if not found or 10 % (mean := Fraction(sum(found), len(found))).denominator:
        return None
    answer = f"{float(mean):g}"
    total = f"{' + '.join(map(str, found))} = {sum(found)}"
    return Solution(answer, f"{column}: {total}.\n{sum(found)} ÷ {len(found)} = {answer}.")


def _difference(table: Table, column: str, one: str, other: str) -> Solution | None:
    found = _column(table, column)
    if one not in found or other not in found or found[one] == found[other]:
        return None
    low, high = sorted((found[one], found[other]))
    return Solution(
        str(high - low), f"{column} of {one}: {found[one]}; of {other}: {found[other]}.\n{high} − {low} = {high - low}."
    )


def _more(table: Table, column: str, name: str) -> Solution | None:
    found = _column(table, column)
    if name not in found or len(found) < 4:
        return None
    over = [f"{other} {value}" for other, value in found.items() if value > found[name]]
    told = series(over) if over else "nobody"
    return Solution(
        str(len(over)), f"{column} of {name}: {found[name]}.\nMore than {found[name]}: {told}: {len(over)}."
    )


def _best(table: Table, rank: str, column: str, team: str) -> Solution | None:
    """Undecided where two share the place, or the team has one member."""
    found = _column(table, column, team)
    if len(found) < 2 or rank not in RANKS:
        return None
    best = (max if rank == RANKS[0] else min)(found.values())
    winners = [name for name, value in found.items() if value == best]
    told = ", ".join(f"{name} {value}" for name, value in found.items())
    return (
        Solution(winners[0], f"{team}: {told}.\nThe {rank} is {best}, of {winners[0]}.") if len(winners) == 1 else None
    )


def _teams(table: Table) -> list[str]:
    return sorted({team for _, team, _ in table.rows})


def _names(table: Table) -> list[str]:
    return [name for name, _, _ in table.rows]


def _cells(table: Table) -> list[Case]:
    return [(column, name) for column in table.columns for name in _names(table)]


TEMPLATES: tuple[Template[Table], ...] = (
    Template("cell", lambda column, name: f"What stands under {column} for {name}?", _cells, _cell, looks=True),
    Template("team", lambda name: f"In which team is {name}?", lambda t: [(n,) for n in _names(t)], _team, looks=True),
    Template(
        "which",
        lambda column, value: f"Who has {value} under {column}?",
        lambda table: [(c, row[2][at]) for at, c in enumerate(table.columns) for row in table.rows],
        _which,
        looks=True,
    ),
    Template(
        "total",
        lambda column: f"What is the sum of the column {column}?",
        lambda table: [(column,) for column in table.columns],
        _total,
        kind="number",
    ),
    Template(
        "team_total",
        lambda column, team: f"What do all members of team {team} have under {column} together?",
        lambda table: [(column, team) for column in table.columns for team in _teams(table)],
        _total,
        kind="number",
    ),
    Template(
        "average",
        lambda column: f"What is the average of the column {column}?",
        lambda table: [(column,) for column in table.columns],
        _average,
        kind="number",
    ),
    Template(
        "difference",
        lambda column, one, other: f"By how much do {one} and {other} differ under {column}?",
        lambda table: [(c, *pair) for c in table.columns for pair in combinations(_names(table), 2)],
        _difference,
        kind="number",
    ),
    Template(
        "more",
        lambda column, name: f"How many have more under {column} than {name}?",
        _cells,
        _more,
        ("0", "1", "2", "3"),
        "number",
    ),
    Template(
        "best",
        lambda rank, column, team: f"Who has the {rank} number under {column} in team {team}?",
        lambda table: [(rank, c, team) for rank in RANKS for c in table.columns for team in _teams(table)],
        _best,
    ),
)

_LINE = re.compile(r"^[ \t]*\|?([^|\n]+(?:\|[^|\n]+)+)\|?[ \t]*$", re.MULTILINE)


def read(text: str) -> Table | None:
    """The table that a text states: lines of cells with `|` between, Markdown rules passed over."""
    lines = [[cell.strip(" \t*") for cell in found.split("|")] for found in _LINE.findall(text)]
    lines = [cells for cells in lines if not all(re.fullmatch(r":?-+:?", cell) for cell in cells)]
    if len(lines) > MOST_ROWS or any(len(cells) > MOST_COLUMNS or len(max(cells, key=len)) > 24 for cells in lines):
        return None
    if len(lines) < 2 or [cell.casefold() for cell in lines[0][:2]] != ["name", "team"] or len(lines[0]) < 3:
        return None
    rows = []
    for cells in lines[1:]:
        if len(cells) != len(lines[0]) or not all(re.fullmatch(r"\d{1,6}", cell, re.ASCII) for cell in cells[2:]):
            return None
        rows.append((cells[0], cells[1], tuple(map(int, cells[2:]))))
    if len({name for name, _, _ in rows}) < len(rows) or len(set(lines[0])) < len(lines[0]):
        return None
    return Table(tuple(lines[0][2:]), tuple(rows))


def _known(table: Table, column: str, name: str) -> int | None:
    columns = {each.casefold(): each for each in table.columns}
    rows = {each.casefold(): each for each in _names(table)}
    return _column(table, columns[column])[rows[name]] if column in columns and name in rows else None


def _has(found: re.Match[str], table: Table) -> bool | None:
    """`ann has 12 points`; None where there is no such row or column."""
    value = _known(table, found["column"], found["name"])
    return None if value is None else value == int(found["value"])


def _in_team(found: re.Match[str], table: Table) -> bool | None:
    team = {name.casefold(): own.casefold() for name, own, _ in table.rows}.get(found[1])
    return None if team is None else team == (found[2] or found[3])


def _compared(found: re.Match[str], table: Table) -> bool | None:
    one, other = (_known(table, found["column"], found[name]) for name in ("one", "other"))
    if one is None or other is None:
        return None
    return one > other if found["sign"] == "more" else one < other


def _counted(found: re.Match[str], table: Table) -> bool:
    rows = found[2].startswith(("row", "people", "players", "names"))
    return number(found[1]) == (len(table.rows) if rows else len(table.columns) + 2)


def _headed(found: re.Match[str], table: Table) -> bool:
    return found[1] in ("name", "team", *(column.casefold() for column in table.columns))


_N = "[a-z]{1,12}"
RULES: Sequence[Rule] = (
    (re.compile(rf"\b(?P<one>{_N}) has (?P<sign>more|fewer|less) (?P<column>{_N}) than (?P<other>{_N})\b"), _compared),
    (re.compile(rf"\b(?P<name>{_N}) has (?P<value>\d{{1,6}}) (?:under |in )?(?P<column>{_N})\b"), _has),
    (
        re.compile(
            rf"\b(?:the )?(?:value|number) (?:under|of|for) (?P<column>{_N}) (?:for|of) (?P<name>{_N}) is "
            r"(?P<value>\d+)\b"
        ),
        _has,
    ),
    (re.compile(rf"\b({_N}) is (?:in|on) (?:the )?(?:team ({_N})|({_N}) team)\b"), _in_team),
    (re.compile(rf"\b{COUNT} (rows?|columns?|people|players|names)\b"), _counted),
    (re.compile(rf"\bcolumn (?:called |named |headed )?\"?({_N})\"?"), _headed),
)


class Tables(TablesOptions, TaskedFamily[Table, tuple[int, int]]):
    """Small tables of teams."""

    name: ClassVar[str] = "tables"
    corpus: ClassVar[str] = "tables"
    TEMPLATES = TEMPLATES

    def kinds(self) -> Sequence[tuple[int, int]]:
        """Numbers of rows and columns."""
        (low, high), (few, many) = self.rows_range, self.columns
        return [(rows, columns) for rows in range(low, high + 1) for columns in range(few, many + 1)]

    def size(self, kind: tuple[int, int]) -> int:
        """All numbers in the cells."""
        return span(VALUES, kind[0] * kind[1])

    def scene(self, kind: tuple[int, int], number: int, rng: random.Random) -> Table | None:
        """Numbers by number, names by chance."""
        rows, columns = kind
        found = [LOW + digit for digit in digits(number, VALUES, rows * columns, rng)]
        names, teams = rng.sample(NAMES, rows), rng.choices(TEAMS, k=rows)
        cells = [tuple(found[at : at + columns]) for at in range(0, len(found), columns)]
        return Table(tuple(rng.sample(COLUMNS, columns)), tuple(zip(names, teams, cells, strict=True)))

    def facts(self, scene: Table) -> str:
        """See the module."""
        lines = [
            ("Name", "Team", *scene.columns),
            *((name, team, *map(str, cells)) for name, team, cells in scene.rows),
        ]
        return "\n".join(" | ".join(line) for line in lines)

    def parse(self, text: str) -> Table | None:
        """See `read`."""
        return read(text)

    def picture(self, scene: Table, rng: random.Random) -> Canvas:
        """The cells in columns as wide as they need, numbers at the right."""
        lines = [
            ("Name", "Team", *scene.columns),
            *((name, team, *map(str, cells)) for name, team, cells in scene.rows),
        ]
        widths = [max(text_size(line[at], _FONT)[0] for line in lines) + 2 * _PAD for at in range(len(lines[0]))]
        canvas = Canvas(sum(widths) + 9, len(lines) * _ROW + 9)
        right, bottom = sum(widths) + 4, len(lines) * _ROW + 4
        canvas.box(4, 4, right, 4 + _ROW, 13)
        for at, line in enumerate(lines):
            left, middle = 4, 4 + at * _ROW + _ROW // 2
            for place, (cell, wide) in enumerate(zip(line, widths, strict=True)):
                half = text_size(cell, _FONT)[0] // 2
                x = left + _PAD + half if place < 2 else left + wide - _PAD - half
                canvas.text((x, middle), cell, _FONT)
                left += wide
        for at in range(len(lines) + 1):
            if self.ruled or at in (0, 1, len(lines)):
                canvas.box(4, 4 + at * _ROW, right + 1, 5 + at * _ROW)
        for at in range(len(widths) + 1) if self.ruled else (0, len(widths)):
            x = 4 + sum(widths[:at])
            canvas.box(x, 4, x + 1, bottom + 1)
        return canvas

    def check_claim(self, text: str, scene: Table) -> bool | None:
        """See `RULES`."""
        return judge(text, scene, RULES)

    def ask_facts(self, scene: Table) -> str:
        """The question for the whole table."""
        return "What does this table show? Write it line by line, with | between the cells."


class TablesBuilder(TablesOptions, TaskedBuilder):
    """Tables as staged examples; see `SyntheticBuilder`."""

    name: ClassVar[str] = "tables"
    corpus: ClassVar[str] = "tables"

    def family(self) -> Tables:
        """The family with this builder's options."""
        options = {field: getattr(self, field) for field in TablesOptions.model_fields}
        return Tables(**options, templates=self.templates)
