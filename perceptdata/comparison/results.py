"""The answers of one model to named items, and what became of each: the table that two models are compared by.

    results = Results.of(table, name="base")        # refuses an item that stands twice
    results.table.column("value")                   # 1, 0, between them, or null

| column      | is                                                                                            |
|-------------|-----------------------------------------------------------------------------------------------|
| `benchmark` | what the item belongs to; comparisons are made for each, and over all                          |
| `item`      | its key there: with `benchmark` the same in every table                                        |
| `sample`    | which of several answers to it                                                                 |
| `group`     | what it shares with others (a picture, a scene): items of a group are drawn together           |
| `check`     | a hash of what was asked, so that equal keys of different questions are found out              |
| `value`     | what the answer is worth, 0 to 1; null where `state` is failed or unscored                     |
| `state`     | right, wrong, partial, unparsed, failed or unscored                                            |

`unparsed` is an answer out of which none could be read: it is worth 0, and counted apart from wrong ones. `failed` is a
request that got no answer, `unscored` an answer that nothing could judge: neither is the model's fault, and neither
counts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from perceptdata.errors import UsageError

STATES = ("right", "wrong", "partial", "unparsed", "failed", "unscored")
COUNTED = STATES[:4]
KEY = ("benchmark", "item")
SCHEMA = pa.schema(
    [
        ("benchmark", pa.string()),
        ("item", pa.string()),
        ("sample", pa.int32()),
        ("group", pa.string()),
        ("check", pa.string()),
        ("value", pa.float64()),
        ("state", pa.string()),
    ]
)


class Shown(NamedTuple):
    """What a person looks at: what was asked, the gold answer, what the model said, and the pictures' files."""

    question: str = ""
    answer: str = ""
    said: str = ""
    images: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Results(ABC):
    """A table as above, its name, and what there is to say of it (`notes`, a sentence each)."""

    name: str
    table: pa.Table
    notes: tuple[str, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wide = self.table.select(SCHEMA.names).cast(SCHEMA)
        object.__setattr__(self, "table", wide)
        unknown = set(pc.unique(wide.column("state")).to_pylist()).difference(STATES)
        if unknown:
            raise UsageError(f"{self.name}: '{sorted(unknown)[0]}' is no state of an answer; use {', '.join(STATES)}")
        counted = wide.group_by([*KEY, "sample"]).aggregate([([], "count_all")])
        twice = counted.filter(pc.greater(counted.column("count_all"), 1))
        if len(twice):
            first = twice.slice(0, 1).to_pylist()[0]
            raise UsageError(
                f"{self.name}: item {first['item']} of {first['benchmark']} stands {first['count_all']} times as "
                f"sample {first['sample']}; an item is answered once a sample"
            )

    @abstractmethod
    def show(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Shown]:
        """What a person looks at, for these (benchmark, item); the first sample of each."""

    @property
    def benchmarks(self) -> list[str]:
        """Their names, sorted."""
        return sorted(pc.unique(self.table.column("benchmark")).to_pylist())

    def states(self, benchmark: str | None = None) -> dict[str, int]:
        """How many answers are in each state, of one benchmark or of all; every state is named."""
        column = self.part(benchmark).column("state")
        counted = {each["values"]: each["counts"] for each in pc.value_counts(column).to_pylist()}
        return {state: counted.get(state, 0) for state in STATES}

    def part(self, benchmark: str | None) -> pa.Table:
        """The rows of one benchmark."""
        if benchmark is None:
            return self.table
        return self.table.filter(pc.equal(self.table.column("benchmark"), benchmark))


def state_of(value: float | None) -> str:
    """The state of an answer that was read and judged."""
    if value is None:
        return "unscored"
    return "right" if value == 1 else "wrong" if value == 0 else "partial"
