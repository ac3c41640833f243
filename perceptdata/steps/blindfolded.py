"""One shard of blindfold scores: which trials its texts make, what each asks, and what the replies are worth.

for trial in work.trials():
    requests = work.requests(trial)          # what `blindfold` asks, and what `run` looks up again
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from perceptdata import layers, llm
from perceptdata.answers import Ladder, Verdict
from perceptdata.draft import with_facts
from perceptdata.errors import UsageError
from perceptdata.example import Example, split_text_id
from perceptdata.formats import Format
from perceptdata.layers import Producer, Reject
from perceptdata.shard import ShardWriter
from perceptdata.spans import PRO
from perceptdata.steps.consensus import Given
from perceptdata.steps.prompt import Prompt, prompt_of
from perceptdata.verification.claims import states_answer
from perceptdata.workspace import layer_room

BLINDFOLD, CONTROL = "blindfold", "blindfold_control"
SCORES = layer_room("scores")
PERCEPTION = PRO.code("perception")
BATCH = 1024


class Trial(NamedTuple):
    """One score that is to be made: of a text, or of an example where `text_id` is None.

    `prompt` is None where there is nothing to ask; `unscored` says why.
    """

    example: Example
    text_id: str | None
    prompt: Prompt | None
    unscored: str | None = None
    leak: bool = False


@dataclass(frozen=True, slots=True)
class BlindfoldWork:
    """One shard of scores, made from replies that are on disk."""

    producer: Producer
    given: Given
    replies: Path
    endpoint: llm.Endpoint
    form: Format
    sampling: llm.Sampling
    n: int
    control: bool
    seconds: int

    def trials(self, writer: ShardWriter | None = None) -> Iterator[Trial]:
        """A trial of each text, and behind the first text of an example that can be tried, its control.

        Rows that do not fit their text go to the writer's rejects. Raises UsageError for spans of another scheme.
        """
        joined = self.given.joined()
        coded = joined.coded
        if coded.scheme != PRO:
            raise UsageError(f"a blindfold reads what perceives out of {PRO.id}, not {coded.scheme.id}")
        left_out = [(row.text_id, row.code, row.message) for row in joined.left_out]
        rows = pq.read_table(self.given.examples).to_pylist()
        examples = {row["id"]: row for row in rows}
        controlled: set[str] = set()
        for address, text, spans in zip(coded.ids, coded.texts, coded.spans[0], strict=True):
            owner = split_text_id(address).owner
            if spans is None or owner not in examples:
                left_out.append((address, "blindfold.no_question", f"{address} answers no question"))
                continue
            seen = [text[span.start : span.end] for span in spans.take(spans.label == PERCEPTION)]
            trial = self._trial(Example.from_row(examples[owner]), address, "\n".join(seen))
            yield trial
            if self.control and trial.prompt is not None and owner not in controlled:
                controlled.add(owner)
                yield Trial(trial.example, None, prompt_of(trial.example, "nothing", self.form))
        if writer is not None:
            for address, code, message in left_out:
                writer.reject(
                    Reject(
                        builder=self.producer.name,
                        split="",
                        key=address,
                        code=code,
                        message=message,
                        producer=self.producer,
                    )
                )

    def requests(self, trial: Trial) -> list[llm.Request]:
        """The n requests of a trial."""
        if trial.prompt is None:
            return []
        return [trial.prompt.request(self.sampling, sample, None) for sample in range(self.n)]

    def run(self, writer: ShardWriter) -> None:
        """A row for each trial."""
        writer.write(SCORES, layers.Score.arrow_schema().empty_table())
        trials = self.trials(writer)
        with llm.ReplyCache(self.replies) as replies, Ladder(seconds=self.seconds) as ladder:
            while batch := list(islice(trials, BATCH)):
                writer.write(SCORES, layers.Score.table(self._scores(batch, replies, ladder)))

    def _trial(self, example: Example, address: str, seen: str) -> Trial:
        if not seen.strip():
            return Trial(example, address, None, "no_perception")
        told = example.model_copy(update={"question": with_facts(example.question, seen)})
        return Trial(example, address, prompt_of(told, "nothing", self.form), leak=states_answer(seen, example))

    def _scores(self, trials: Sequence[Trial], replies: llm.ReplyCache, ladder: Ladder) -> Iterator[layers.Score]:
        found = [
            [self._answer(trial, replies.get(request.key(self.endpoint))) for request in self.requests(trial)]
            for trial in trials
        ]
        pairs = [
            (answer, trial.example)
            for trial, answers in zip(trials, found, strict=True)
            for answer in answers
            if isinstance(answer, str)
        ]
        judged = iter(ladder.judge_many(pairs))
        for trial, answers in zip(trials, found, strict=True):
            verdicts = [next(judged) if isinstance(answer, str) else answer for answer in answers]
            yield self._row(trial, verdicts, [answer for answer in answers if isinstance(answer, str)])

    def _answer(self, trial: Trial, reply: llm.Reply | None) -> str | Verdict:
        """The answer in a reply, or a verdict where there is none. A failed call says nothing against the spans."""
        if reply is None or not reply.ok:
            return Verdict(None, "model", f"model: {reply.error if reply else 'no answer'}")
        prefill = trial.prompt.prefill if trial.prompt else ""
        parsed = self.form.parse(prefill + reply.text)
        return Verdict(0.0, "format", parsed.reason) if parsed.answer is None else parsed.answer

    def _row(self, trial: Trial, verdicts: Sequence[Verdict], answers: Sequence[str]) -> layers.Score:
        scores = [verdict.score for verdict in verdicts if verdict.score is not None]
        failed = Counter(str(verdict.reason) for verdict in verdicts if verdict.score is None)
        meta: dict[str, Any] = {"answers": list(answers)} if answers else {}
        if trial.leak:
            meta["leak"] = True
        if scores and failed:
            meta["failed"] = dict(failed)
        return layers.Score(
            example_id=trial.example.id,
            text_id=trial.text_id,
            name=CONTROL if trial.text_id is None else BLINDFOLD,
            value=sum(scores) / len(scores) if scores else None,
            unscored=None if scores else trial.unscored or next(iter(failed)),
            meta=meta,
            producer=self.producer,
        )
