"""Results out of a workspace: a step's scores, one item an example.

    Scored.of(ws, "cot_score")                      # one benchmark a corpus
    Scored.of(ws, "diag")                           # a diagnosis: one benchmark a condition

A diagnosis is the steps `<name>_<condition>_score`. The score is `correct` where the step has one, else its only one.
An answer that could not be read (the rung `format`) is unparsed. Two workspaces may be compared: items are matched by
id and by a hash of question and answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from perceptdata.agreement.reading import maker_of, texts_of
from perceptdata.comparison.results import SCHEMA, Results, Shown, state_of
from perceptdata.errors import UsageError
from perceptdata.example import TEXTS
from perceptdata.layers import CORRECT
from perceptdata.manifest import digest
from perceptdata.workspace import EXAMPLES, layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

SCORES = layer_room("scores")
UNPARSED = "format"
SUFFIX = "_score"


def steps_of(ws: Workspace, name: str) -> dict[str, str]:
    """The scores steps that a name stands for, by benchmark ("" for a step that tells its corpora apart)."""
    if ws.shards(SCORES, name):
        return {name: ""}
    if ws.shards(SCORES, f"{name}{SUFFIX}"):
        return {f"{name}{SUFFIX}": ""}
    # Conditions may have underscores; what is between the two ends is the condition.
    found = {
        step: step.removeprefix(f"{name}_").removesuffix(SUFFIX)
        for step in ws.manifest.steps
        if step.startswith(f"{name}_") and step.endswith(SUFFIX) and ws.shards(SCORES, step)
    }
    return dict(sorted(found.items()))


@dataclass(frozen=True)
class Scored(Results):
    """Results of `steps` in an open workspace, each with its benchmark ("" where its corpora are told apart)."""

    ws: Any = None
    steps: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, ws: Workspace, name: str, score: str | None = None) -> Scored:
        """Raises UsageError where no such step wrote scores, or where it wrote several and none is named."""
        steps = steps_of(ws, name)
        if not steps:
            have = [step for step, kinds in ws.layers().items() if "scores" in kinds]
            raise UsageError(f"step '{name}' has no scores in {ws.path}; {', '.join(have) or 'no step'} has")
        tables = [table for step, benchmark in steps.items() for table in _tables(ws, step, benchmark, score)]
        table = pa.concat_tables([SCHEMA.empty_table(), *tables])
        if not len(table):
            raise UsageError(f"{name} has no score '{score or CORRECT}'; `perceptdata sql` shows which it has")
        return cls(name, table, (), {}, ws, tuple(steps.items()))

    def show(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Shown]:
        """Questions, answers, pictures, and the first response of each item."""
        wanted = pa.array(sorted({item for _, item in keys}), pa.string())
        if not len(wanted):
            return {}
        said = self._said(wanted)
        asked: dict[str, Shown] = {}
        for batch in self.ws.examples().to_batches(columns=["id", "question", "answer", "images"]):
            for row in batch.filter(pc.is_in(batch.column("id"), wanted)).to_pylist():
                pictures = tuple(bytes(self.ws.images[image["sha256"]]) for image in row["images"])
                asked[row["id"]] = Shown(row["question"], row["answer"]["text"], "", pictures)
        return {
            (benchmark, item): asked[item]._replace(said=said.get((benchmark, item), said.get(("", item), "")))
            for benchmark, item in keys
            if item in asked
        }

    def _said(self, wanted: pa.Array) -> dict[tuple[str, str], str]:
        """The first response that was scored, by benchmark ("" where corpora are told apart) and item."""
        address: dict[tuple[str, str], str] = {}
        for step, benchmark in self.steps:
            for batch in self.ws.layer(step, "scores").to_batches(columns=["example_id", "text_id"]):
                for row in batch.filter(pc.is_in(batch.column("example_id"), wanted)).to_pylist():
                    if row["text_id"] is not None:
                        address.setdefault((benchmark, row["example_id"]), row["text_id"])
        makers = {maker_of(each) for each in address.values()}
        written = {
            maker: self.ws.layer(maker, "responses").to_batches(columns=["text_id", "text"])
            for maker in sorted(makers)
            if self.ws.shards(layer_room("responses"), maker)
        }
        texts = texts_of(address.values(), self.ws.examples().to_batches(columns=["id", *TEXTS]), written)
        return {key: texts[each] for key, each in address.items() if each in texts}


def _tables(ws: Workspace, step: str, benchmark: str, score: str | None) -> Iterator[pa.Table]:
    """One table a shard of scores: only one shard's examples are in memory at a time."""
    files = {f"{source}/{shard}": file for source, shard, _, file in ws.shards(EXAMPLES)}
    for _, shard, entry, file in ws.shards(SCORES, step):
        if entry.about not in files:
            raise UsageError(f"{step}/{shard} speaks of {entry.about}, which is not there; run it again")
        rows = pq.read_table(ws.file(file), columns=["example_id", "text_id", "name", "value", "meta"])
        name = score or _name(step, pc.unique(rows.column("name")).to_pylist())
        rows = rows.filter(pc.equal(rows.column("name"), name))
        columns = ["id", "group", "question", "answer", "source"]
        examples = {row["id"]: row for row in pq.read_table(ws.file(files[entry.about]), columns=columns).to_pylist()}
        made: dict[str, list[Any]] = {field: [] for field in SCHEMA.names}
        counted: dict[str, int] = {}
        for row in rows.to_pylist():
            example = examples[row["example_id"]]
            made["benchmark"].append(benchmark or example["source"]["corpus"])
            made["item"].append(example["id"])
            made["sample"].append(_sample(row["text_id"], counted, example["id"]))
            made["group"].append(example["group"])
            made["check"].append(digest(example["question"], example["answer"]["text"])[:16])
            unread = _rung(row["meta"]) == UNPARSED
            made["value"].append(0.0 if unread else row["value"])
            made["state"].append("unparsed" if unread else _state(row["value"]))
        yield pa.table(made, schema=SCHEMA)


def _name(step: str, names: Sequence[str]) -> str:
    if CORRECT in names:
        return CORRECT
    if len(names) > 1:
        raise UsageError(f"{step} has several scores ({', '.join(sorted(names))}); name one with --score")
    return names[0] if names else CORRECT


def _state(value: float | None) -> str:
    if value is not None and not 0 <= value <= 1:
        raise UsageError(f"a score of {value} is no share of right answers; scores from 0 to 1 are compared")
    return state_of(value)


def _sample(address: str | None, counted: dict[str, int], item: str) -> int:
    """The number at the end of a text's address; of scores without one, their place among the item's."""
    tail = (address or "").rpartition("/")[2]
    if address is not None and tail.isdecimal():
        return int(tail)
    counted[item] = counted.get(item, -1) + 1
    return counted[item]


def _rung(meta: Any) -> str | None:
    found = json.loads(meta) if isinstance(meta, str) else meta
    return found.get("rung") if isinstance(found, dict) else None
