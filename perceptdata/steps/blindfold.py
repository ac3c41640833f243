"""Blindfold: can the answer be derived from what a text's perception spans say, without the image?

    Blindfold(**{"from": "tags", "endpoint": {"urls": [...], "model": "some-text-model"}})

A text-only model is given the question, and in place of the image the text of the spans that perceive, in order; its
answer goes up the same ladder as any other. A high score says that the spans hold what the question needs; it needs no
labels, and no eyes. It is the check of arXiv 2605.14054, where perceived facts are handed to a blindfolded reasoner.

| score               | of         | is                                                                              |
|---------------------|------------|---------------------------------------------------------------------------------|
| `blindfold`         | each text  | the share of n answers that are right                                           |
| `blindfold_control` | an example | the same without the spans: where this is high too, the question needs no sight |

`leak` in a score's meta says that the spans state the gold answer itself, so that a right answer proves little.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, model_validator

from perceptdata import llm
from perceptdata.agreement.reading import WRITTEN
from perceptdata.errors import UsageError
from perceptdata.formats import Format
from perceptdata.manifest import FileEntry, digest
from perceptdata.steps.blindfolded import BlindfoldWork
from perceptdata.steps.consensus import Given
from perceptdata.steps.declared import make_format
from perceptdata.steps.step import Prepared, Shard, Step, Watch
from perceptdata.workspace import EXAMPLES, layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

SPANS = layer_room("spans")


class Blindfold(Step):
    """`from` names the step whose spans are tried, `endpoint` the text-only model that tries them, `n` times each.

    `format` is the recipe's unless given here. Without `control` no example is asked without its spans. `seconds`
    bounds the CPU time of a pair that needs algebra; `budget` and `retry_failed` are as in `generate`.
    """

    do: ClassVar[str] = "blindfold"
    from_: str = Field(alias="from")
    endpoint: llm.Endpoint
    format: dict[str, Any] = Field(default_factory=lambda: {"use": "think_boxed"})
    n: int = Field(default=1, ge=1)
    control: bool = True
    temperature: float = Field(default=0.0, ge=0)
    max_tokens: int = Field(default=2048, ge=1)
    seconds: int = Field(default=5, gt=0)
    budget: llm.Budget = llm.Budget()
    retry_failed: bool = False

    @model_validator(mode="after")
    def _differs(self) -> Blindfold:
        if self.n > 1 and self.temperature == 0:
            raise ValueError(f"temperature 0 gives the same answer {self.n} times: set a temperature, or n: 1")
        return self

    @cached_property
    def form(self) -> Format:
        """The response format, with its options checked."""
        return make_format(self.format)

    def identity(self) -> dict[str, Any]:
        """Everything that the scores depend on; not where the model stands, nor the budget."""
        return {
            "do": self.do,
            "version": self.version,
            "endpoint": self.endpoint.identity(),
            "format": {"name": self.form.name, "version": self.form.version, **self.form.options()},
            "from": self.from_,
            **self.model_dump(mode="json", include={"n", "control", "temperature", "max_tokens", "seconds"}),
        }

    def needs(self) -> tuple[str, ...]:
        """The step whose spans are tried."""
        return (self.from_,)

    def plan(self, ws: Workspace, name: str) -> list[Shard]:
        """One shard for each shard of examples of whose texts there are spans."""
        ws.layer(self.from_, "spans")
        examples = {f"{step}/{shard}": file for step, shard, _, file in ws.shards(EXAMPLES)}
        spans: dict[str, list[FileEntry]] = {}
        for _, shard, entry, file in ws.shards(SPANS, self.from_):
            if entry.about not in examples:
                raise UsageError(f"{self.from_}/{shard} speaks of {entry.about}, which is not there; run it again")
            spans.setdefault(entry.about, []).append(file)
        written: dict[str, dict[str, list[Path]]] = {}
        for kind in WRITTEN:
            for step, _, entry, file in ws.shards(layer_room(kind)):
                written.setdefault(entry.about, {}).setdefault(step, []).append(ws.file(file))
        shards = []
        for about, files in spans.items():
            file = examples[about]
            work = BlindfoldWork(
                producer=self.producer(),
                given=Given(ws.file(file), {self.from_: list(map(ws.file, files))}, written.get(about, {})),
                replies=ws.path / llm.REPLIES,
                endpoint=self.endpoint,
                form=self.form,
                sampling=llm.Sampling(temperature=self.temperature, top_p=1.0, max_tokens=self.max_tokens),
                n=self.n,
                control=self.control,
                seconds=self.seconds,
            )
            source = digest(file.sha256, *(each.sha256 for each in files))
            shards.append(Shard(about.replace("/", "-"), source, about, work))
        return shards

    def prepare(self, ws: Workspace, name: str, shards: list[Shard], watch: Watch) -> Prepared:
        """Ask for every reply that is not on disk yet; shards whose replies are all there can be made."""
        if not shards:
            return Prepared(shards)
        with llm.ReplyCache(ws.path / llm.REPLIES, step=name) as replies:
            run = llm.run_requests(
                _requests(shards),
                self.endpoint,
                replies,
                budget=self.budget,
                retry_failed=self.retry_failed,
                watch=lambda done, ledger: watch(0, len(shards), done),
            )
            if run.stopped is None and not run.unanswered:
                return Prepared(shards)
            ready = [
                shard
                for shard in shards
                if all(replies.get(request.key(self.endpoint)) is not None for request in _requests([shard]))
            ]
        unanswered = f"{run.unanswered:,} requests found no answer; run it again to ask them anew"
        return Prepared(ready, run.stopped or unanswered)

    def estimate(self, ws: Workspace, name: str, shards: list[Shard]) -> dict[str, Any]:
        """Calls, tokens, cost and time. Nothing is sent."""
        with llm.known_replies(ws.path / llm.REPLIES, name) as replies:
            found = llm.estimate(_requests(shards), self.endpoint, replies, retry_failed=self.retry_failed)
        return asdict(found)


def _requests(shards: Sequence[Shard]) -> Iterator[llm.Request]:
    for shard in shards:
        if isinstance(shard.work, BlindfoldWork):
            for trial in shard.work.trials():
                yield from shard.work.requests(trial)
