"""Sift: which examples some scored answers get wrong and others get right. Nothing is asked; scores are read.

    Sift(wrong=["seen_7b", "seen_32b"], right=["read_7b", "read_32b"])

Of arXiv 2605.20177, section on perception data: a question is worth training on where models that look at the image
answer it wrongly and the same models answer it rightly from the caption alone. Then the text suffices, so the question
is sound, and what is missing is seeing. `wrong` and `right` name scores steps; each must hold for all its samples.

A view says `where: sifted.kept`. The row `kept` of an example is 1, 0, or unscored where an answer is not there or
could not be judged. `meta.why` names the first thing that decided, `meta.said` what each step found: right, wrong,
unparsed (no answer could be read from the reply), mixed (samples differ) or unknown.

The released code counts an image answer that is *missing* from its file as wrong; here it is unknown unless
`missing: wrong`. An image answer that cannot be read drops the question in both, unless `unparsed: wrong`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import field_validator, model_validator

from perceptdata import layers
from perceptdata.layers import CORRECT, Producer
from perceptdata.manifest import digest
from perceptdata.shard import ShardWriter
from perceptdata.steps.step import Shard, Step
from perceptdata.workspace import EXAMPLES, layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

KEPT = "kept"
SCORES = layer_room("scores")
State = Literal["right", "wrong", "mixed", "unparsed", "unknown"]
COLUMNS = ["example_id", "value", "meta"]


class Sift(Step):
    """`wrong` and `right` name scores steps. `missing` and `unparsed` say what an answer of `wrong` counts as that is
    not there, or that names no choice.
    """

    do: ClassVar[str] = "sift"
    wrong: tuple[str, ...] = ()
    right: tuple[str, ...] = ()
    missing: Literal["unknown", "wrong"] = "unknown"
    unparsed: Literal["drop", "wrong"] = "drop"

    @field_validator("wrong", "right", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _something(self) -> Sift:
        if not self.wrong and not self.right:
            raise ValueError("name scores steps: 'wrong' those that must be wrong, 'right' those that must be right")
        return self

    def needs(self) -> tuple[str, ...]:
        """The scores."""
        return (*self.wrong, *self.right)

    def plan(self, ws: Workspace, name: str) -> list[Shard]:
        """One shard for each shard of examples of which one of the steps speaks."""
        files: dict[str, dict[str, Path]] = {}
        inputs: dict[str, list[str]] = {}
        for step in self.needs():
            ws.layer(step, "scores")
            for _, _, entry, file in ws.shards(SCORES, step):
                files.setdefault(entry.about, {})[step] = ws.file(file)
                inputs.setdefault(entry.about, []).append(file.sha256)
        shards = []
        for source, shard, _, file in ws.shards(EXAMPLES):
            about = f"{source}/{shard}"
            if about in files:
                work = SiftWork(self, self.producer(), ws.file(file), files[about])
                shards.append(Shard(about.replace("/", "-"), digest(file.sha256, inputs[about]), about, work))
        return shards


@dataclass(frozen=True, slots=True)
class SiftWork:
    """One shard: `scores` are the files of the steps that speak of these examples."""

    sift: Sift
    producer: Producer
    examples: Path
    scores: Mapping[str, Path]

    def run(self, writer: ShardWriter) -> None:
        """A row an example of which any step speaks."""
        writer.write(SCORES, layers.Score.arrow_schema().empty_table())
        writer.write(SCORES, layers.Score.table(list(self._rows())))

    def _rows(self) -> Iterator[layers.Score]:
        found = {step: _states(path) for step, path in self.scores.items()}
        spoken = {example for states in found.values() for example in states}
        for example in pq.read_table(self.examples, columns=["id"]).column("id").to_pylist():
            if example in spoken:
                yield self._row(example, {step: found.get(step, {}).get(example) for step in self.sift.needs()})

    def _row(self, example: str, said: Mapping[str, State | None]) -> layers.Score:
        value, why = self._verdict(said)
        return layers.Score(
            example_id=example,
            name=KEPT,
            value=value,
            unscored=why if value is None else None,
            meta={"why": why, "said": {step: state or "missing" for step, state in said.items()}},
            producer=self.producer,
        )

    def _verdict(self, said: Mapping[str, State | None]) -> tuple[float | None, str]:
        """What is sure to drop it goes first: then it does not matter what is not known."""
        unknown = ""
        for step in self.sift.wrong:
            state = said[step]
            if state in ("right", "mixed") or (state == "unparsed" and self.sift.unparsed == "drop"):
                return 0.0, f"{step} {state}"
            if state == "unknown" or (state is None and self.sift.missing == "unknown"):
                unknown = unknown or f"{step} {state or 'missing'}"
        for step in self.sift.right:
            state = said[step]
            if state in ("wrong", "mixed", "unparsed"):
                return 0.0, f"{step} {state}"
            if state != "right":
                unknown = unknown or f"{step} {state or 'missing'}"
        return (None, unknown) if unknown else (1.0, KEPT)


def _states(path: Path) -> dict[str, State]:
    """What a scores file says of each example: the one thing that all its samples share, or how they differ."""
    table = pq.read_table(path, columns=COLUMNS, filters=pc.field("name") == CORRECT)
    found: dict[str, State] = {}
    for row in table.to_pylist():
        state = _state(row["value"], row["meta"])
        before = found.setdefault(row["example_id"], state)
        if before != state:
            found[row["example_id"]] = _mixed(before, state)
    return found


def _mixed(one: State, other: State) -> State:
    both = {one, other}
    return "unknown" if "unknown" in both else "unparsed" if both == {"wrong", "unparsed"} else "mixed"


def _state(value: float | None, meta: str) -> State:
    if value is None:
        return "unknown"
    if value >= 1:
        return "right"
    return "unparsed" if json.loads(meta).get("rung") == "format" else "wrong"
