"""Difficulty: how often a model gets an example right, out of K tries. A score `pass_rate` an example, 1 for easy.

    cot:  {do: generate, with: base, n: 16, sampling: {temperature: 0.7, top_p: 0.9}}
    pass: {do: score, from: cot}
    hard: {do: difficulty, from: pass}

The tries are judged by the answer ladder, in the score step. A try that it could not judge is no try: with fewer than
`least` that it could, an example is unscored, and says why. arXiv 2605.20177 takes K = 16 at temperature 0.7.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from perceptdata.errors import UsageError
from perceptdata.layers import CORRECT, Producer
from perceptdata.manifest import digest
from perceptdata.shard import ShardWriter
from perceptdata.steps.curated import SCORES, scores
from perceptdata.steps.step import Shard, Step
from perceptdata.workspace import EXAMPLES

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

PASS_RATE = "pass_rate"
NO_TRY, TOO_FEW = "difficulty.no_try", "difficulty.too_few"


class Difficulty(Step):
    """`from` names the step that scored the tries. `least` is how many of them have to be judged."""

    do: ClassVar[str] = "difficulty"
    from_: str = Field(alias="from")
    least: int = Field(default=1, ge=1)

    def needs(self) -> tuple[str, ...]:
        """The step that scored the tries."""
        return (self.from_,)

    def plan(self, ws: Workspace, name: str) -> list[Shard]:
        """One shard a shard of examples of which there are scores."""
        given: dict[str, list[tuple[str, Path]]] = {}
        for _, _, entry, file in ws.shards(SCORES, self.from_):
            given.setdefault(entry.about, []).append((file.sha256, ws.file(file)))
        if not given:
            raise UsageError(
                f"step '{self.from_}' has no scores in {ws.path}; score the tries first: perceptdata score --from "
                f"{self.from_} --name pass, then name that step"
            )
        return [
            Shard(
                about.replace("/", "-"),
                digest(file.sha256, [sha256 for sha256, _ in given[about]]),
                about,
                DifficultyWork(ws.file(file), tuple(path for _, path in given[about]), self.least, self.producer()),
            )
            for step, shard, _, file in ws.shards(EXAMPLES)
            if (about := f"{step}/{shard}") in given
        ]


@dataclass(frozen=True, slots=True)
class DifficultyWork:
    """The pass rates of one shard of examples."""

    examples: Path
    scores: tuple[Path, ...]
    least: int
    producer: Producer

    def run(self, writer: ShardWriter) -> None:
        """A row for every example, in their order."""
        read = pa.concat_tables([pq.read_table(path, columns=["example_id", "name", "value"]) for path in self.scores])
        right: dict[str, float] = {}
        judged: dict[str, int] = {}
        tries: dict[str, int] = {}
        for row in read.to_pylist():
            if row["name"] == CORRECT:
                key = row["example_id"]
                tries[key] = tries.get(key, 0) + 1
                if row["value"] is not None:
                    judged[key] = judged.get(key, 0) + 1
                    right[key] = right.get(key, 0.0) + row["value"]
        ids = pq.read_table(self.examples, columns=["id"]).column("id").to_pylist()
        enough = [judged.get(each, 0) >= self.least for each in ids]
        values = [
            right[each] / judged[each] if is_enough else None for each, is_enough in zip(ids, enough, strict=True)
        ]
        unscored = [
            None if is_enough else (TOO_FEW if each in tries else NO_TRY)
            for each, is_enough in zip(ids, enough, strict=True)
        ]
        meta: dict[str, dict[str, Any]] = {
            each: {"tries": tries[each], "judged": judged.get(each, 0)} for each in ids if each in tries
        }
        writer.write(SCORES, scores(ids, PASS_RATE, values, self.producer, meta, unscored))
