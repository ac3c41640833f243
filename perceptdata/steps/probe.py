"""Probe: what a surrogate says of rollouts whose perception is known, beside the outcome, as scores.

    probe: {do: probe, from: cot, surrogate: facts, options: {captions: caps, allow_uncertified: true}}

Three scores a rollout: `correct` is the outcome, `perception` whether the description states the scene exactly, and one
by the surrogate's name. A certificate for rewards is issued on this layer (`certify`). Rollouts of rows without a known
scene have no row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow.parquet as pq
from pydantic import Field

from perceptdata import registry
from perceptdata.errors import UsageError
from perceptdata.example import Example
from perceptdata.formats import Format
from perceptdata.layers import CORRECT, Producer, Score
from perceptdata.manifest import digest
from perceptdata.plugins import Rollout
from perceptdata.rewards.mixture import Mixture, guarded
from perceptdata.shard import ShardWriter
from perceptdata.steps.declared import make_format
from perceptdata.steps.step import Shard, Step
from perceptdata.workspace import EXAMPLES, layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

RESPONSES, SCORES = layer_room("responses"), layer_room("scores")
OUTCOME, PERCEPTION = "outcome", "perception"


class Probe(Step):
    """`from` names the step that wrote the rollouts, `surrogate` what is measured, with its `options`."""

    do: ClassVar[str] = "probe"
    from_: str = Field(alias="from")
    surrogate: str
    options_: dict[str, Any] = Field(default_factory=dict, alias="options")
    format: dict[str, Any] = Field(default_factory=lambda: {"use": "describe_think_boxed"})

    def identity(self) -> dict[str, Any]:
        """The surrogate with its options, and the format."""
        form = make_format(self.format)
        version = registry.load("surrogates", self.surrogate).version
        return {
            "do": self.do,
            "version": self.version,
            "from": self.from_,
            "surrogate": {"name": self.surrogate, "version": version, **self.options_},
            "format": {"name": form.name, **form.options()},
        }

    def needs(self) -> tuple[str, ...]:
        """The rollouts."""
        return (self.from_,)

    def plan(self, ws: Workspace, name: str) -> list[Shard]:
        """One shard for each shard of responses."""
        ws.layer(self.from_, "responses")
        files = {f"{step}/{shard}": file for step, shard, _, file in ws.shards(EXAMPLES)}
        shards = []
        for _, shard, entry, file in ws.shards(RESPONSES, self.from_):
            if entry.about not in files:
                raise UsageError(f"{self.from_}/{shard} speaks of {entry.about}, which is not there; run it again")
            examples = files[entry.about]
            work = ProbeWork(
                producer=self.producer(),
                surrogate=self.surrogate,
                options=self.options_,
                form=make_format(self.format),
                workspace=ws.path,
                examples=ws.file(examples),
                responses=ws.file(file),
            )
            shards.append(Shard(shard, digest(file.sha256, examples.sha256), entry.about, work))
        return shards


@dataclass(frozen=True, slots=True)
class ProbeWork:
    """One shard of scores, over one shard of examples and the rollouts of its rows."""

    producer: Producer
    surrogate: str
    options: dict[str, Any]
    form: Format
    workspace: Path
    examples: Path
    responses: Path

    def run(self, writer: ShardWriter) -> None:
        """Score all rollouts whose perception is known."""
        addresses, rollouts = zip(*self._rollouts(), strict=True)
        writer.write(SCORES, Score.arrow_schema().empty_table())
        with Mixture.of(
            {OUTCOME: 1.0, PERCEPTION: 1.0},
            self.form,
            surrogates={self.surrogate: 1.0},
            options={self.surrogate: self.options} if self.options else None,
            workspace=self.workspace,
        ) as mixture:
            said = {name: guarded(name, score, list(rollouts)) for name, score in mixture.scores.items()}
            stamps = mixture.stamps
        known = [at for at, scored in enumerate(said[PERCEPTION]) if scored.value is not None]
        for name in (OUTCOME, PERCEPTION, self.surrogate):
            meta = {"stamp": stamps[name]} if stamps.get(name) else {}
            for at in known:
                scored = said[name][at]
                reason = None if scored.value is not None else scored.reason or "unscored"
                row = Score(
                    example_id=rollouts[at].example.id,
                    text_id=addresses[at],
                    name=CORRECT if name == OUTCOME else name,
                    value=scored.value,
                    unscored=reason,
                    meta=meta,
                    producer=self.producer,
                )
                writer.add(SCORES, row)

    def _rollouts(self) -> Iterator[tuple[str, Rollout]]:
        """Address and rollout, example by example."""
        said: dict[str, list[tuple[str, str]]] = {}
        columns = ["example_id", "sample", "text_id", "text"]
        for row in sorted(pq.read_table(self.responses, columns=columns).to_pylist(), key=lambda row: row["sample"]):
            said.setdefault(row["example_id"], []).append((row["text_id"], row["text"]))
        for row in pq.read_table(self.examples).to_pylist():
            for address, text in said.get(row["id"], ()):
                yield address, Rollout(Example.from_row(row), text)
