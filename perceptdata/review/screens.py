"""Screens: what each asks, and in which words it is answered."""

from __future__ import annotations

from perceptdata.review.backend import Screen
from perceptdata.spans import PRO, Scheme
from perceptdata.verification.verdicts import VERDICTS

WORDS = Scheme("words@1", ("hallucinated", "imprecise"))
"""What is marked in a caption: words that speak of what is not there, and words that are not exact."""
CORRECT, PARTIALLY, WRONG = CAPTION_VERDICTS = ("correct", "partially", "wrong")
READINGS = "readings"
"""The field that shows what others have read."""

FIELDS: dict[Screen, dict[str, Scheme]] = {
    "spans": {"cot": PRO},
    "captions": {"caption": WORDS},
    "combined": {"cot": PRO, "caption": WORDS},
    "claims": {},
}
"""The texts in which regions are marked, and with which labels."""

WORDS_OF: dict[Screen, tuple[str, ...]] = {
    "spans": (),
    "captions": CAPTION_VERDICTS,
    "combined": CAPTION_VERDICTS,
    "claims": VERDICTS,
}
"""The verdicts of each screen."""
