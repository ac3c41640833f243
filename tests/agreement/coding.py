"""Codings from what a person can read: `coded("aab c", one="PPR-R", other=…)`, one letter a character."""

from perceptdata.agreement import Coded
from perceptdata.spans import PRO, Span, SpanSet

LETTERS = {"P": "perception", "R": "reasoning", "O": "other"}


def spans(drawn: str) -> SpanSet:
    """Spans from a drawing: runs of P, R and O; anything else is open."""
    found: list[Span] = []
    for at, letter in enumerate(drawn):
        if letter in LETTERS:
            if found and at and drawn[at - 1] == letter:
                found[-1] = found[-1]._replace(end=at + 1)
            else:
                found.append(Span(at, at + 1, LETTERS[letter]))
    return SpanSet.of(found)


def coded(texts: list[str], **drawn: list[str | None]) -> Coded:
    """Texts, and by annotator a drawing of each; None where the annotator has not read it."""
    sets = [[None if each is None else spans(each) for each in drawings] for drawings in drawn.values()]
    ids = [f"toys/train/{number}#response" for number in range(len(texts))]
    return Coded(PRO, tuple(drawn), ids, texts, sets)
