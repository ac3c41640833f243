"""Score: each response's answer, taken out by the response format's rule, against the gold answer.

    Score(**{"from": "cot", "format": {"use": "think_boxed"}})
    Score(**{"from": "response"})                      # the source's own responses, to see that format and gold agree

Two rows a response: `correct`, the ladder's verdict (a number, or unscored with the reason), and `format`, 1 where the
response keeps to its format. Rewards weigh the two apart; views speak of `correct`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow.parquet as pq
from pydantic import Field

from perceptdata import layers, llm
from perceptdata.answers import Ladder, Verdict
from perceptdata.example import Example, text_id
from perceptdata.formats import Format, Parsed
from perceptdata.layers import CORRECT, Producer
from perceptdata.manifest import FileEntry, digest
from perceptdata.shard import ShardWriter
from perceptdata.steps.declared import make_format
from perceptdata.steps.equivalence import Judge, settle
from perceptdata.steps.step import Shard, Step
from perceptdata.workspace import EXAMPLES, layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

OWN = "response"
FORMAT = "format"  # the name of the score that says whether the response keeps to its format
SCORES = layer_room("scores")
RESPONSES = layer_room("responses")
BATCH = 1024


class Score(Step):
    """`from` names the step whose responses are scored, or `response` for the source's own.

    `format` is the recipe's unless given here. `seconds` bounds the CPU time of a pair that needs algebra. With an
    `endpoint`, a model is asked about texts and expressions that the ladder could not find equal.
    """

    do: ClassVar[str] = "score"
    from_: str = Field(alias="from")
    format: dict[str, Any] = Field(default_factory=lambda: {"use": "answer_only"})
    seconds: int = Field(default=5, gt=0)
    endpoint: llm.Endpoint | None = None

    @cached_property
    def form(self) -> Format:
        """The response format, with its options checked."""
        return make_format(self.format)

    def identity(self) -> dict[str, Any]:
        """The format with every option resolved."""
        form = {"name": self.form.name, "version": self.form.version, **self.form.options()}
        judge = {"endpoint": self.endpoint.identity()} if self.endpoint else {}
        fixed = {"do": self.do, "version": self.version, "from": self.from_, "format": form, "seconds": self.seconds}
        return {**fixed, **judge}

    def needs(self) -> tuple[str, ...]:
        """The step whose responses are scored."""
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
        judge = Judge(self.endpoint, ws.path / llm.REPLIES, name) if self.endpoint else None
        shards = []
        for about, file, responses in given:
            read = ws.file(responses) if responses else None
            work = ScoreWork(self.form, self.seconds, self.producer(), ws.file(file), read, judge)
            source = digest(responses.sha256, file.sha256) if responses else file.sha256
            shards.append(Shard(about.replace("/", "-"), source, about, work))
        return shards


@dataclass(frozen=True, slots=True)
class ScoreWork:
    """One shard of scores, over a shard of responses, or the examples' own where that is None."""

    form: Format
    seconds: int
    producer: Producer
    examples: Path
    responses: Path | None
    judge: Judge | None = None

    def run(self, writer: ShardWriter) -> None:
        """Score in batches; an example without a response gets no row."""
        writer.write(SCORES, layers.Score.arrow_schema().empty_table())
        with Ladder(seconds=self.seconds) as ladder:
            for batch in self._batches():
                writer.write(SCORES, layers.Score.table(self._scores(batch, ladder)))

    def _batches(self) -> Iterator[list[tuple[str, str, Example]]]:
        """Address, text and example of some responses at a time."""
        examples = (Example.from_row(row) for row in pq.read_table(self.examples).to_pylist())
        if self.responses is None:
            own = [(text_id(each.id, OWN), each.response, each) for each in examples if each.response is not None]
            yield from (own[start : start + BATCH] for start in range(0, len(own), BATCH))
            return
        by_id = {example.id: example for example in examples}
        with pq.ParquetFile(self.responses) as file:
            for rows in file.iter_batches(BATCH, columns=["text_id", "example_id", "text"]):
                yield [(row["text_id"], row["text"], by_id[row["example_id"]]) for row in rows.to_pylist()]

    def _scores(self, batch: Sequence[tuple[str, str, Example]], ladder: Ladder) -> Iterator[layers.Score]:
        parsed = [self.form.parse(text) for _, text, _ in batch]
        found = [
            (each.answer, example)
            for each, (_, _, example) in zip(parsed, batch, strict=True)
            if each.answer is not None
        ]
        judged = ladder.judge_many(found)
        verdicts = iter(settle(found, judged, self.judge) if self.judge else judged)
        for each, (address, _, example) in zip(parsed, batch, strict=True):
            verdict = Verdict(0.0, "format", each.reason) if each.answer is None else next(verdicts)
            yield self._row(address, example, CORRECT, verdict, _meta(verdict, each))
            kept = Verdict(float(each.valid), "format", each.reason)
            yield self._row(address, example, FORMAT, kept, {"reason": each.reason} if each.reason else {})

    def _row(self, address: str, example: Example, name: str, verdict: Verdict, meta: dict[str, Any]) -> layers.Score:
        return layers.Score(
            example_id=example.id,
            text_id=address,
            name=name,
            value=verdict.score,
            unscored=verdict.reason if verdict.score is None else None,
            meta=meta,
            producer=self.producer,
        )


def _meta(verdict: Verdict, parsed: Parsed) -> dict[str, Any]:
    """What decided, why it is not right, and how many boxes there were where that is more than one."""
    meta: dict[str, Any] = {"rung": verdict.rung}
    if verdict.reason and verdict.score is not None:
        meta["reason"] = verdict.reason
    if parsed.boxes > 1:
        meta["boxes"] = parsed.boxes
    return meta
