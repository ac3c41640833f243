"""Dependency: how much each token of a response owes to the image, by a local model, as a `token_scores` layer.

    Dependency(**{"from": "cot", "model": Path("checkpoints/sft"), "blind": "mask"})

The model reads every response twice, with its image and without (`vlm.dependency`). Rows hold one number a token and
where each token lies in the text, so that clauses, words or classes can be weighed later without the model: the tagger
`visual-dependency` does it for clauses. A text without an image depends on none, and gets no row.

The model runs in this process, before any shard is made, and what it finds goes into a journal: a run that was killed
scores nothing twice. Shards are then made from the journals, without torch.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow.parquet as pq
from pydantic import Field

from perceptdata.example import Example, text_id
from perceptdata.formats import Format
from perceptdata.layers import Producer, Reject, TokenScores
from perceptdata.manifest import FileEntry, StepVersion, digest
from perceptdata.shard import ShardWriter
from perceptdata.steps.declared import make_format
from perceptdata.steps.journal import Journal
from perceptdata.steps.step import Prepared, Shard, Step, Watch
from perceptdata.vlm.blinding import ON_PIXELS, Blinding
from perceptdata.vlm.dependency import Estimator
from perceptdata.vlm.loading import fingerprint
from perceptdata.workspace import EXAMPLES, layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

OWN = "response"
RESPONSES, TOKEN_SCORES = layer_room("responses"), layer_room("token_scores")


class Dependency(Step):
    """`from` names the step whose responses are read, or `response` for the source's own; `model` a checkpoint.

    `format` is how the question was put: the recipe's unless given here. `seed` is for `patches` and `noise`.
    """

    do: ClassVar[str] = "dependency"
    from_: str = Field(default=OWN, alias="from")
    model: Path
    format: dict[str, Any] = Field(default_factory=lambda: {"use": "think_boxed"})
    blind: Blinding = "mask"
    estimator: Estimator = "k3"
    seed: int = 0
    batch_size: int = Field(default=8, ge=1)

    @cached_property
    def form(self) -> Format:
        """The response format, with its options checked."""
        return make_format(self.format)

    @cached_property
    def weights(self) -> str:
        """A name for the model made of its files' contents."""
        return fingerprint(self.model)

    def identity(self) -> dict[str, Any]:
        """Everything that the scores depend on; not where the model stands, nor how many rows share a batch."""
        form = {"name": self.form.name, "version": self.form.version, **self.form.options()}
        how = {"blind": self.blind, "estimator": self.estimator, "model": self.weights, "format": form}
        seed = {"seed": self.seed} if self.blind in ON_PIXELS else {}
        return {"do": self.do, "version": self.version, "from": self.from_, **how, **seed}

    def needs(self) -> tuple[str, ...]:
        """The step whose responses are read."""
        return () if self.from_ == OWN else (self.from_,)

    def plan(self, ws: Workspace, name: str) -> list[Shard]:
        """One shard for each shard of responses, or of examples."""
        examples = {f"{step}/{shard}": file for step, shard, _, file in ws.shards(EXAMPLES)}
        if self.from_ == OWN:
            given: list[tuple[str, FileEntry, FileEntry | None]] = [(*item, None) for item in examples.items()]
        else:
            ws.layer(self.from_, "responses")
            answered = ws.shards(RESPONSES, self.from_)
            given = [(entry.about, examples[entry.about], file) for _, _, entry, file in answered]
        shards = []
        for about, file, responses in given:
            shard = about.replace("/", "-")
            source = digest(responses.sha256, file.sha256) if responses else file.sha256
            journal = self._journals(ws, name) / f"{shard}-{source[:16]}.jsonl"
            read = ws.file(responses) if responses else None
            shards.append(Shard(shard, source, about, DependencyWork(ws.file(file), read, journal, self.producer())))
        return shards

    def prepare(self, ws: Workspace, name: str, shards: list[Shard], watch: Watch) -> Prepared:
        """Score what is in no journal yet."""
        if shards:
            from perceptdata.steps.local_scores import score_locally  # needs torch

            works = list(_works(shards))
            total = sum(len(work.texts()) for work in works)
            score_locally(self, works, ws.images, lambda done: watch(done, total, 0))
        return Prepared(shards)

    def estimate(self, ws: Workspace, name: str, shards: list[Shard]) -> dict[str, Any]:
        """Texts with an image, how many of them are still to be scored, and their characters. No model is loaded."""
        texts = left = characters = 0
        for work in _works(shards):
            known = work.scored()
            for address, text, _ in work.texts():
                texts += 1
                if address not in known:
                    left += 1
                    characters += len(text)
        return {"texts": texts, "to_score": left, "characters": characters}

    def finish(self, ws: Workspace, name: str, run: StepVersion) -> list[Shard]:
        """All shards are made: the journals have served."""
        shutil.rmtree(self._journals(ws, name), ignore_errors=True)
        return []

    def _journals(self, ws: Workspace, name: str) -> Path:
        return ws.path / "cache" / self.do / name / self.fingerprint


def _works(shards: list[Shard]) -> Iterator[DependencyWork]:
    return (shard.work for shard in shards if isinstance(shard.work, DependencyWork))


@dataclass(frozen=True, slots=True)
class DependencyWork:
    """One shard of token scores, over a shard of responses, or the examples' own where that is None."""

    examples: Path
    responses: Path | None
    journal: Path
    producer: Producer

    def texts(self) -> list[tuple[str, str, Example]]:
        """Address, text and example of every response to an example with images."""
        examples = [Example.from_row(row) for row in pq.read_table(self.examples).to_pylist()]
        sighted = {example.id: example for example in examples if example.images}
        if self.responses is None:
            return [(text_id(each.id, OWN), each.response, each) for each in sighted.values() if each.response]
        rows = pq.read_table(self.responses, columns=["text_id", "example_id", "text"]).to_pylist()
        return [
            (row["text_id"], row["text"], sighted[row["example_id"]]) for row in rows if row["example_id"] in sighted
        ]

    def scored(self) -> set[str]:
        """The addresses of the texts that the journal knows, rejects among them."""
        return {row.key if isinstance(row, Reject) else row.text_id for row in self._rows()}

    def run(self, writer: ShardWriter) -> None:
        """The journal's rows, in the order of the texts."""
        writer.write(TOKEN_SCORES, TokenScores.arrow_schema().empty_table())
        for row in self._rows():
            if isinstance(row, Reject):
                writer.reject(row)
            else:
                writer.add(TOKEN_SCORES, row)

    def _rows(self) -> Iterator[Reject | TokenScores]:
        return (row for _, row in Journal(self.journal) if isinstance(row, Reject | TokenScores))
