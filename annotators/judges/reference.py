"""`reference`: a model that sees no image compares each claim with a text that is known of the image.

    judged: {do: judge, from: caps, use: [{reference: text-model}]}                       # against the facts
    judged: {do: judge, from: caps, use: [{reference: {with: text-model, of: given}}]}    # against captions of a step

The reference need not be exact (annotations have slips, captions leave out): its word is one witness' in a panel. What
it does not mention is `not_visible`. A verdict counts only with words of the reference as its evidence: a quote that is
not in it leaves the claim unjudged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from pydantic import BaseModel, Field, model_validator

from perceptdata.layers import LayerKind
from perceptdata.llm import Message, Request, Sampling
from perceptdata.llm.asking import Answers, Ask
from perceptdata.plugins import CaptionItem, Judged, Opinion
from perceptdata.verification.asking import AskingJudge

from ..numbered import Numbered
from ..taggers.llm.sheet import quoted
from .hearing import Hearing, hear
from .sheet import DATA, REPLY, Entries

FACTS = "facts"
TASK = f"""\
You compare claims about an image, which you cannot see, with a reference that describes it.

supported: the reference says it, in every part of the claim, or says what it plainly follows from.
contradicted: the reference says otherwise, in at least one part: another number, colour, place or word.
not_visible: the reference does not tell.

In "evidence" copy the words of the reference that decide, exactly as they are written there; leave it empty for \
not_visible.

First come the reference and the caption that the claims are taken from, as JSON strings; the caption tells what the \
claims' words refer to, and is no evidence. Then each claim stands on a line of its own, as a number and a JSON \
string. {DATA}

{REPLY}
{{"verdicts": [{{"id": 7, "words": "The left cup is", "evidence": "a red cup on the left", \
"verdict": "supported"}}]}}"""


class Reference(AskingJudge):
    """`of` names what is known: the examples' `facts`, or a step whose captions are the reference."""

    name: ClassVar[str] = "reference"
    version: ClassVar[str] = "1"
    prompt: ClassVar[str] = TASK
    answer: ClassVar[type[BaseModel] | None] = Entries

    of: str = FACTS
    n: int = Field(default=1, ge=1, le=64)
    temperature: float | None = Field(default=0.0, ge=0)
    max_tokens: int = Field(default=4096, ge=1)

    @model_validator(mode="after")
    def _differs(self) -> Reference:
        if self.n > 1 and self.temperature == 0:
            raise ValueError(f"temperature 0 gives the same verdicts {self.n} times: set a temperature, or n: 1")
        return self

    def reads(self) -> dict[str, LayerKind]:
        """The captions that are the reference."""
        return {} if self.of == FACTS else {self.of: "captions"}

    def asks(self, captions: Sequence[CaptionItem], answers: Answers) -> Iterator[Ask]:
        """The sheets of every caption that has a reference, and what their replies call for."""
        for item in captions:
            if reference := self._reference(item):
                yield from self._hear(item, reference, answers).asks

    def told(self, captions: Sequence[CaptionItem], answers: Answers) -> list[Judged]:
        """What the replies say of each claim."""
        return [self._told(item, answers) for item in captions]

    def _told(self, item: CaptionItem, answers: Answers) -> Judged:
        reference = self._reference(item)
        if not reference:
            return Judged((Opinion(None, unjudged="reference.none"),) * len(item.claims))
        return self._hear(item, reference, answers).judged()

    def _reference(self, item: CaptionItem) -> str:
        """What is known of the image; of an image among several of its example, nothing is said apart."""
        if self.of != FACTS:
            return "\n".join(item.meta.get(self.of, ()))
        known = (each.facts for each in item.examples if each.facts and len(each.images) == 1)
        return "\n".join(dict.fromkeys(known))

    def _hear(self, item: CaptionItem, reference: str, answers: Answers) -> Hearing:
        claims = [item.claim(place) for place in range(len(item.claims))]

        def request(sheet: Numbered, sample: int) -> Request:
            told = [f"Reference: {quoted(reference)}", f"Caption: {quoted(item.text)}", "Claims:", *sheet.lines()]
            messages = (Message("system", TASK), Message("user", "\n".join(told)))
            sampling = Sampling(temperature=self.temperature, max_tokens=self.max_tokens)
            return Request(messages, sampling, schema=Entries, sample=sample)

        return hear(claims, reference + item.text, request, answers, self.n, quoted_from=reference)
