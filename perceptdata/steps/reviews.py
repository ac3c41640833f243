"""Reviews: answers of readers as a layer. Each time answers are taken in, all of them make a new version of it.

with ws.lock("review"):
    take_in(ws, "audit", rows)
reviews_of(ws, "audit")
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from perceptdata.errors import UsageError
from perceptdata.layers import Producer, Review
from perceptdata.manifest import digest
from perceptdata.shard import ShardWriter
from perceptdata.steps.run import Outcome, run_step
from perceptdata.steps.step import Shard, Step
from perceptdata.workspace import layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

REVIEWS = layer_room("reviews")
PRODUCER = Producer(name="review", version="1", config="00000000")
"""Of answers: who gave them stands in the row, and nothing else shaped them."""


class Reviewing(Step):
    """Rows that people gave. They are a log: kept as they are, and never made again."""

    do: ClassVar[str] = "review"
    audit: str
    rows: tuple[Review, ...]

    def options(self) -> dict[str, Any]:
        """The audit, and the hash of all answers: another answer makes another version."""
        return {"audit": self.audit, "answers": digest([row.model_dump(mode="json") for row in self.rows])}

    def plan(self, ws: Workspace, name: str) -> list[Shard]:
        """One shard with all of them."""
        return [Shard("answers", self.fingerprint, "", ReviewWork(self.rows))]


@dataclass(frozen=True, slots=True)
class ReviewWork:
    """The shard of all answers."""

    rows: tuple[Review, ...]

    def run(self, writer: ShardWriter) -> None:
        """Write them in order."""
        writer.write(REVIEWS, Review.table(self.rows))


def take_in(ws: Workspace, audit: str, rows: Sequence[Review]) -> Outcome:
    """Make these the answers of an audit. The caller holds the lock."""
    return run_step(ws, audit, Reviewing(audit=audit, rows=tuple(rows)))


def reviews_of(ws: Workspace, audit: str) -> list[Review]:
    """The answers that were taken in, if any. Raises UsageError where another kind of step has the name."""
    state = ws.manifest.steps.get(audit)
    if state is None:
        return []
    if state.current.do != Reviewing.do:
        raise UsageError(f"'{audit}' is a {state.current.do} step in {ws.path}; give the audit another name")
    return [Review.from_row(row) for row in ws.layer(audit, "reviews").to_table().to_pylist()]
