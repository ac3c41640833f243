"""`consistency`: do the other captions of the same image say it too? Local, by words and numbers alone.

A model that makes things up makes up others the next time: what only one of several samples says is less likely true
(self-consistency, as P. Manakul et al., EMNLP 2023, use it without a reference). A claim is `supported` where at least
half of the other captions state it and more state than conflict, `contradicted` where more conflict, and `not_visible`
otherwise; what states and what conflicts is for the surrogates' matcher to say. It measures the captioner's doubt, not
the image: an error that all samples share passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from perceptdata.plugins import CaptionItem, Judge, Judged, Opinion
from perceptdata.rewards.surrogates.matching import Fact, Finding, facts_of, look

from .sheet import CONTRADICTED, NOT_VISIBLE, SUPPORTED


class Consistency(Judge):
    """Its score is the share of the other captions that state the claim."""

    name: ClassVar[str] = "consistency"
    version: ClassVar[str] = "1"

    def judge(self, captions: Sequence[CaptionItem]) -> list[Judged]:
        """Of each claim, what the other captions say."""
        read = {text: facts_of(text) for text in {text for item in captions for text in item.others}}
        return [
            Judged(
                tuple(_opinion(item.claim(at), [read[text] for text in item.others]) for at in range(len(item.claims)))
            )
            for item in captions
        ]


def _opinion(claim: str, others: Sequence[Sequence[Fact]]) -> Opinion:
    if not others:
        return Opinion(None, unjudged="consistency.alone")
    facts = facts_of(claim)
    if not facts:
        return Opinion(None, unjudged="consistency.empty")
    found = [look(facts, other) for other in others]
    states = sum(set(said) == {Finding.STATED} for said in found)
    conflicts = sum(Finding.CONTRADICTED in said for said in found)
    if conflicts > states:
        verdict = CONTRADICTED
    else:
        verdict = SUPPORTED if 2 * states >= len(found) and states > conflicts else NOT_VISIBLE
    return Opinion(verdict, states / len(found), meta={"states": states, "conflicts": conflicts, "others": len(found)})
