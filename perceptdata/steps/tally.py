"""Tally: what became of the rows, as one table: made and refused by source, kept and dropped by step, chosen by view.

    Tally(tally=("kept",)).write(ws)

`kept` and the like are steps that score examples: a row counts by its value (1 kept, 0 dropped, or unscored) and by
`meta.why`, where it says why. Nothing is written unless `to` names a CSV file.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from pydantic import field_validator

from perceptdata.query import connect, table_name
from perceptdata.steps.output import Output, Written
from perceptdata.workspace import EXAMPLES, REJECTS

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace


class Counted(NamedTuple):
    """A line of the table: the source, step or view, what happened to the rows, why, and how many they are."""

    of: str
    what: str
    why: str
    rows: int


class Tally(Output):
    """`tally` names the steps whose scores keep and drop examples; `to` is a CSV file."""

    name: ClassVar[str] = "tally"
    tally: tuple[str, ...] = ()
    to: Path | None = None

    @field_validator("tally", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    def lines(self, ws: Workspace) -> list[Counted]:
        """The table. Raises UsageError for a step that scored nothing."""
        found = []
        for source in ws.sources():
            made = sum(file.rows for _, _, _, file in ws.shards(EXAMPLES, source))
            found.append(Counted(source, "made", "", made))
            refused: dict[str, int] = {}
            for _, _, entry, _ in ws.shards(REJECTS, source):
                for code, count in entry.rejected.items():
                    refused[code] = refused.get(code, 0) + count
            found += [Counted(source, "rejected", code, refused[code]) for code in sorted(refused)]
        for step in self.tally:
            ws.layer(step, "scores")
            found += _sifted(ws, step)
        for name in ws.manifest.views:
            counted = connect(ws)
            counted.register("chosen", ws.view(name).rows.select(["example_id"]))
            rows = counted.execute(
                "select stage, count(*) from chosen join examples on id = example_id group by all order by all"
            ).fetchall()
            found += [Counted(f"view {name}", "chosen", stage, count) for stage, count in rows]
        return found

    def write(self, ws: Workspace) -> Written:
        """The table as notes, and as a file where `to` names one."""
        lines = self.lines(ws)
        if self.to is not None:
            self.to.parent.mkdir(parents=True, exist_ok=True)
            with self.to.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([Counted._fields, *lines])
        return Written("tally", [self.to] if self.to else [], len(lines), _aligned(lines))


def _sifted(ws: Workspace, step: str) -> list[Counted]:
    """What a step kept and dropped: the scores that speak of examples and not of single texts."""
    table = table_name(step, "scores", ws.layers()[step])
    query = f"""
        select what, why, count(*) from (
            select case value when 1 then 'kept' when 0 then 'dropped' else 'unscored' end as what,
                coalesce(meta->>'why', unscored, name) as why
            from "{table}" where text_id is null
        ) group by what, why
    """
    rows = sorted(connect(ws).execute(query).fetchall(), key=lambda row: (row[0] != "kept", row[0], -row[2], row[1]))
    return [Counted(step, what, "" if why == what else why, count) for what, why, count in rows]


def _aligned(lines: Sequence[Counted]) -> list[str]:
    widths = [max((len(str(line[at])) for line in lines), default=0) for at in range(3)]
    return [
        f"{line.of:<{widths[0]}}  {line.what:<{widths[1]}}  {line.why:<{widths[2]}}  {line.rows:>8,}" for line in lines
    ]
