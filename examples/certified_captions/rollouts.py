"""Scripted rollouts of known perception, for the probe: descriptions with some edges wrong, and answers that follow.

Who sees wrongly still answers rightly now and then, and who sees rightly does not always: that is why the outcome tells
so little of perception.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pyarrow.parquet as pq

from perceptdata.example import Example, text_id
from perceptdata.layers import Producer, Response, text_sha256
from perceptdata.shard import ShardWriter
from perceptdata.steps.step import Shard, Step
from perceptdata.workspace import EXAMPLES, layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace


class Rollouts(Step):
    """`n` rollouts for each visual task of a source; a share `sees` of the descriptions is right."""

    do: ClassVar[str] = "rollouts"
    source: str
    n: int = 4
    sees: float = 0.5
    solves: float = 0.6
    guesses: float = 0.4

    def plan(self, ws: Workspace, name: str) -> list[Shard]:
        """One shard for each shard of examples."""
        return [
            Shard(shard, file.sha256, f"{step}/{shard}", RolloutWork(name, self, self.producer(), ws.file(file)))
            for step, shard, _, file in ws.shards(EXAMPLES, self.source)
        ]


@dataclass(frozen=True, slots=True)
class RolloutWork:
    """One shard of responses."""

    name: str
    step: Rollouts
    producer: Producer
    examples: Path

    def run(self, writer: ShardWriter) -> None:
        """Write them."""
        for row in pq.read_table(self.examples).to_pylist():
            example = Example.from_row(row)
            if example.stage == "visual_reasoning" and example.facts:
                for sample in range(self.step.n):
                    writer.add(layer_room("responses"), self._response(example, sample))

    def _response(self, example: Example, sample: int) -> Response:
        draw = random.Random(f"{example.id}/{sample}")
        facts = json.loads(example.facts or "{}")
        seen = draw.random() < self.step.sees
        if not seen:
            for _ in range(draw.randint(1, 4)):
                facts["edges"].pop(draw.randrange(len(facts["edges"])))
        right = draw.random() < (self.step.solves if seen else self.step.guesses)
        answer = example.answer.text if right else "{}"
        edges = ", ".join(f"{u}-{w}" for u, w in facts["edges"])
        text = (
            f"<description>There are {facts['v']} vertices. The edges are {edges}.</description>"
            f"<think>I colour them one by one.</think>\\boxed{{{answer}}}"
        )
        return Response(
            text_id=text_id(example.id, self.name, sample),
            example_id=example.id,
            sample=sample,
            text=text,
            text_sha256=text_sha256(text),
            producer=self.producer,
        )
