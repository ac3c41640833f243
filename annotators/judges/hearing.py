"""Asking a model about all claims of a caption, `n` times, and making opinions of what it says.

    hearing = hear(claims, seed, request, answers, n=3)
    hearing.asks, hearing.judged(places)

A sheet that was cut off at its limit is asked in halves, claims that were left out are asked once more, and a reply
that cannot be used leaves its claims unjudged. With `n` samples a claim gets what most of them say; a tie is no
verdict. Its score is the share of samples that say `supported`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from perceptdata.errors import Rejected
from perceptdata.llm import Request
from perceptdata.llm.asking import Answers, Ask
from perceptdata.plugins import Judged, Opinion

from ..numbered import Numbered
from .sheet import SUPPORTED, read, sheets

Asking = Callable[[Numbered, int], Request]
"""The call for a sheet and a sample."""


@dataclass(slots=True)
class Hearing:
    """The questions about one caption, and what the replies say: by claim, (verdict, evidence) of each sample."""

    claims: list[str]
    n: int
    asks: list[Ask] = field(default_factory=list)
    said: dict[int, list[tuple[str, str]]] = field(default_factory=dict)
    why: dict[int, str] = field(default_factory=dict)
    problems: list[Rejected] = field(default_factory=list)

    def judged(self) -> Judged:
        """An opinion for each claim."""
        return Judged(tuple(self._opinion(place) for place in range(len(self.claims))), problem=self._problem())

    def _opinion(self, place: int) -> Opinion:
        said = self.said.get(place, [])
        if not said:
            return Opinion(None, unjudged=self.why.get(place, "judge.unanswered"))
        votes = Counter(verdict for verdict, _ in said)
        (verdict, most), (_, second) = [*votes.most_common(2), ("", 0)][:2]
        score = votes[SUPPORTED] / len(said)
        meta = {"samples": [each for each, _ in said]} if self.n > 1 else {}
        if most == second:
            return Opinion(None, score, unjudged="judge.tie", meta=meta)
        evidence = next(evidence for each, evidence in said if each == verdict)
        return Opinion(verdict, score, evidence.strip() or None, meta=meta)

    def _problem(self) -> Rejected | None:
        """The first problem, and how many more there are."""
        if not self.problems:
            return None
        first, *rest = self.problems
        counts = Counter(each.code for each in rest)
        more = ", ".join(code if count == 1 else f"{count} {code}" for code, count in counts.items())
        return Rejected(first.code, f"{first.message} (and {more})" if more else first.message)


def hear(
    claims: Sequence[str], seed: str, request: Asking, answers: Answers, n: int, quoted_from: str | None = None
) -> Hearing:
    """All that is asked about the claims of one caption, and what is known of the answers."""
    hearing = Hearing(list(claims), n)
    for sample in range(n):
        for sheet in sheets(hearing.claims, seed):
            _ask(hearing, sheet, sample, request, answers, quoted_from)
    return hearing


def _ask(
    hearing: Hearing,
    sheet: Numbered,
    sample: int,
    request: Asking,
    answers: Answers,
    quoted_from: str | None,
    again: bool = False,
) -> None:
    """Ask a sheet, take what its reply says, and ask what it calls for; `again` it calls for nothing."""
    asked = request(sheet, sample)
    hearing.asks.append(Ask(asked))
    reply = answers(asked)
    if reply is None:
        return
    if reply.error == "length" and not again and len(sheet.places) > 1:
        half = len(sheet.places) // 2
        for part in (sheet.places[:half], sheet.places[half:]):
            fewer = Numbered.of(hearing.claims, str(sheet.first), part)
            _ask(hearing, fewer, sample, request, answers, quoted_from, again=True)
        return
    try:
        reading = read(reply, sheet, quoted_from)
    except Rejected as refused:
        hearing.problems.append(refused)
        hearing.why.update(dict.fromkeys(sheet.places, refused.code))
        return
    for place, said in reading.said.items():
        hearing.said.setdefault(place, []).append(said)
    hearing.why.update(reading.unjudged)
    for code, count in Counter(reading.unjudged.values()).items():
        hearing.problems.append(
            Rejected(code, f"{count} of {len(sheet.places)} claims: the reply quotes what is not there")
        )
    if reading.foreign:
        message = f"the reply judges {reading.foreign} claims that were not asked"
        hearing.problems.append(Rejected("judge.ids_extra", message))
    if reading.missing and not again:
        left = Numbered.of(hearing.claims, str(sheet.first), reading.missing)
        _ask(hearing, left, sample, request, answers, quoted_from, again=True)
    elif reading.missing:
        hearing.why.update(dict.fromkeys(reading.missing, "judge.ids_missing"))
        message = f"the reply says nothing of {len(reading.missing)} of {len(sheet.places)} claims"
        hearing.problems.append(Rejected("judge.ids_missing", message))
