"""`llm`: a model that sees the image says of each claim whether the image shows it.

    judged: {do: judge, from: caps, use: [{llm: vl, n: 3, temperature: 0.7}]}

The caption stands before the claims so that "it" and "the other one" can be understood. How replies are checked is in
`sheet`, what follows on them in `hearing`. Evidence is what the model says it sees: it cannot be checked here and is
kept for people.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from pydantic import BaseModel, Field, model_validator

from perceptdata.llm import Message, Picture, Request, Sampling
from perceptdata.llm.asking import Answers, Ask
from perceptdata.plugins import CaptionItem, Judged
from perceptdata.verification.asking import AskingJudge

from ..numbered import Numbered
from ..taggers.llm.sheet import quoted
from .hearing import Hearing, hear
from .sheet import DATA, REPLY, Entries

TASK = f"""\
You check claims about an image against the image itself.

supported: the image shows it, in every part of the claim.
contradicted: the image shows otherwise, in at least one part: another number, colour, place, word, or nothing of the \
kind where it would have to be.
not_visible: the image cannot tell, for it is hidden, cut off, too small, or no matter of seeing at all.

Look before you decide: count what is counted, read what is quoted, find what is placed. A claim is not supported for \
being likely, for being well written, or because the caption says it. In "evidence" say in at most 20 words what in \
the image decides; quote written words.

First comes the caption that the claims are taken from, as a JSON string: it tells what their words refer to, and is \
no evidence. Then each claim stands on a line of its own, as a number and a JSON string. {DATA}

{REPLY}
{{"verdicts": [{{"id": 7, "words": "The left cup is", "evidence": "a red cup stands left of a blue one", \
"verdict": "supported"}}]}}"""


class LLM(AskingJudge):
    """`n` samples; images of more than `max_pixels` are made smaller. A `temperature` of null is the server's own."""

    name: ClassVar[str] = "llm"
    version: ClassVar[str] = "1"
    prompt: ClassVar[str] = TASK
    answer: ClassVar[type[BaseModel] | None] = Entries

    n: int = Field(default=1, ge=1, le=64)
    temperature: float | None = Field(default=0.0, ge=0)
    max_tokens: int = Field(default=4096, ge=1)
    max_pixels: int | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _differs(self) -> LLM:
        if self.n > 1 and self.temperature == 0:
            raise ValueError(f"temperature 0 gives the same verdicts {self.n} times: set a temperature, or n: 1")
        return self

    def asks(self, captions: Sequence[CaptionItem], answers: Answers) -> Iterator[Ask]:
        """The sheets of every caption, and what their replies call for."""
        for item in captions:
            yield from self._hear(item, answers).asks

    def told(self, captions: Sequence[CaptionItem], answers: Answers) -> list[Judged]:
        """What the replies say of each claim."""
        return [self._hear(item, answers).judged() for item in captions]

    def _hear(self, item: CaptionItem, answers: Answers) -> Hearing:
        claims = [item.claim(place) for place in range(len(item.claims))]
        return hear(claims, item.text, lambda sheet, sample: self._request(item, sheet, sample), answers, self.n)

    def _request(self, item: CaptionItem, sheet: Numbered, sample: int) -> Request:
        asked = "\n".join([f"Caption: {quoted(item.text)}", "Claims:", *sheet.lines()])
        messages = (Message("system", TASK), Message("user", (Picture(item.image), asked)))
        sampling = Sampling(temperature=self.temperature, max_tokens=self.max_tokens)
        return Request(messages, sampling, schema=Entries, sample=sample, max_pixels=self.max_pixels)
