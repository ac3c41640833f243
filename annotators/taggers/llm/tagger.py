"""`llm`: which calls are made for a text, and what their replies come to.

    tags: {do: tag, from: cot, use: [structure, linear, {llm: {endpoint: …, margin_below: 0.15, max_calls: 60000}}]}

A sheet of clauses is asked for a label by number (`labels`). What follows on a reply:

| the reply                                          | then                                                       |
|----------------------------------------------------|------------------------------------------------------------|
| leaves clauses out                                 | these alone are asked once more                            |
| was cut off at its limit                           | each half is asked once                                    |
| cannot be read, contradicts itself, is numbered off | the clauses are asked once with tags in the text (`inline`) |
| is refused, rejected, or fails again               | the clauses stay open, with the reason                     |

So one text costs at most two rounds. With `n` samples, a clause gets what most of them say, if they agree at all; its
score is the lead over the second in shares of n, and 1 where there is one sample: a model's word comes without a doubt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from perceptdata.errors import Rejected
from perceptdata.llm import ERRORS, Reply, Request, Sampling
from perceptdata.llm.asking import Answers, Ask
from perceptdata.plugins import TextItem
from perceptdata.spans import PRO, Span, SpanSet
from perceptdata.tagging.asking import AskingTagger, Told

from . import inline, labels
from .labels import CODES
from .sheet import Piece, Reading, Sheet

Mode = Literal["ids", "inline"]


class LLM(AskingTagger):
    """`mode` is how clauses are asked first. A share `audit` of the calls must repeat the clauses' first words.

    `see_image` sends the example's images too, to a model that takes them. A `temperature` of null is the server's own.
    """

    name: ClassVar[str] = "llm"
    version: ClassVar[str] = "1"
    splits: ClassVar[bool] = True

    mode: Mode = "ids"
    n: int = Field(default=1, ge=1, le=64)
    temperature: float | None = Field(default=0.0, ge=0)
    max_tokens: int = Field(default=4096, ge=1)
    audit: float = Field(default=0.05, ge=0, le=1)
    see_image: bool = False

    @model_validator(mode="after")
    def _differs(self) -> LLM:
        if self.n > 1 and self.temperature == 0:
            raise ValueError(f"temperature 0 gives the same labels {self.n} times: set a temperature, or n: 1")
        return self

    def asks(self, texts: Sequence[TextItem], answers: Answers) -> Iterator[Ask]:
        """The sheets of every text, and what their replies call for."""
        for item in texts:
            yield from self._hear(item, answers).asks

    def told(self, texts: Sequence[TextItem], answers: Answers) -> list[Told]:
        """What the replies say of each text."""
        return [self._told(self._hear(item, answers)) for item in texts]

    def _hear(self, item: TextItem, answers: Answers) -> _Heard:
        heard = _Heard()
        for sample in range(self.n):
            for sheet in Sheet.of(item, sample):
                self._ask(sheet, self.mode, answers, heard)
        return heard

    def _ask(self, sheet: Sheet, mode: Mode, answers: Answers, heard: _Heard, again: bool = False) -> bool:
        """Ask a sheet, take what its reply says, and ask what it calls for; `again` it calls for nothing.

        Whether a reply could be read.
        """
        request = self._request(sheet, mode)
        heard.asks.append(Ask(request, sheet.urgency))
        reply = answers(request)
        if reply is None:
            return False
        if reply.error == "length" and not again and len(sheet.asked) > 1:
            half = len(sheet.asked) // 2
            halves = (sheet.about(sheet.asked[:half]), sheet.about(sheet.asked[half:]))
            read = [self._ask(part, mode, answers, heard, again=True) for part in halves]
            return all(read)
        try:
            reading = self._read(reply, sheet, mode)
        except Rejected as refused:
            heard.problems.append(refused)
            if again or mode == "inline" or reply.error not in (None, "invalid"):
                return False
            mended = self._ask(sheet, "inline", answers, heard, again=True)
            if mended:
                heard.problems.remove(refused)
            return mended
        heard.take(reading, sheet.blind)
        if reading.missing and not again and mode == "ids":
            self._ask(sheet.about(reading.missing), mode, answers, heard, again=True)
        elif reading.missing:
            message = f"the reply says nothing of {len(reading.missing)} of {len(sheet.asked)} clauses"
            heard.problems.append(Rejected("tag.ids_missing", message))
        return True

    def _request(self, sheet: Sheet, mode: Mode) -> Request:
        sampling = Sampling(temperature=self.temperature, max_tokens=self.max_tokens)
        if mode == "inline":
            return inline.request(sheet, sampling, self.see_image)
        return labels.request(sheet, sampling, sheet.audited(self.audit), self.see_image)

    def _read(self, reply: Reply, sheet: Sheet, mode: Mode) -> Reading:
        """Raises Rejected for a reply that cannot be used."""
        if reply.error is not None:
            raise Rejected(f"tag.{reply.error}", reply.message or ERRORS[reply.error])
        if mode == "inline":
            return inline.read(reply.text, sheet)
        return labels.read(reply.parsed, sheet, sheet.audited(self.audit))

    def _told(self, heard: _Heard) -> Told:
        spans = []
        for votes in heard.votes.values():
            (pieces, most), (_, second) = [*votes.most_common(2), ((), 0)][:2]
            if most > second:
                score = (most - second) / self.n
                spans += [Span(start, end, PRO.labels[label], score) for start, end, label in pieces]
        return Told(SpanSet.of(spans, PRO, self.name), heard.problem())


@dataclass(slots=True)
class _Heard:
    """One text's questions, and what the replies to them say: by clause, how often each labelling of it was given."""

    asks: list[Ask] = field(default_factory=list)
    votes: dict[int, Counter[tuple[Piece, ...]]] = field(default_factory=dict)
    problems: list[Rejected] = field(default_factory=list)

    def take(self, reading: Reading, blind: bool) -> None:
        """Count what a reply says. Where there is no image, what it calls perception is none."""
        self.problems += reading.problems
        unseen = 0
        for clause, pieces in reading.pieces.items():
            if blind and any(piece.label == CODES["P"] for piece in pieces):
                unseen += 1
            else:
                self.votes.setdefault(clause, Counter())[pieces] += 1
        if unseen:
            self.problems.append(
                Rejected("tag.unseen", f"{unseen} of its clauses are called perception, without an image")
            )

    def problem(self) -> Rejected | None:
        """The first problem, and how many more there are."""
        if not self.problems:
            return None
        first, *rest = self.problems
        counts = Counter(each.code for each in rest)
        more = ", ".join(code if count == 1 else f"{count} {code}" for code, count in counts.items())
        return Rejected(first.code, f"{first.message} (and {more})" if more else first.message)
