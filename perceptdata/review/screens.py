"""Screens: what each asks, and in which words it is answered."""

from __future__ import annotations

from typing import Literal, get_args

from perceptdata.agreement.verdicts import OF_ERRORS
from perceptdata.review.backend import Screen
from perceptdata.spans import PRO, Scheme
from perceptdata.verification.verdicts import VERDICTS

WORDS = Scheme("words@1", ("hallucinated", "imprecise"))
"""What is marked in a caption: words that speak of what is not there, and words that are not exact."""
CORRECT, PARTIALLY, WRONG = CAPTION_VERDICTS = ("correct", "partially", "wrong")
FIRST_WRONG = Scheme(OF_ERRORS, ("wrong",))
"""What is marked in a trace whose answer is wrong: the first step that is."""
ErrorKind = Literal["perception", "reasoning", "knowledge", "calculation", "extraction", "none"]
ERROR_KINDS: tuple[ErrorKind, ...] = get_args(ErrorKind)
"""Of which kind the first wrong step is. `extraction`: no step is, the answer alone; `none`: the answer is right."""
NOTHING_WRONG = ERROR_KINDS[-1]
READINGS = "readings"
"""The field that shows what others have read."""

FIELDS: dict[Screen, dict[str, Scheme]] = {
    "spans": {"cot": PRO},
    "captions": {"caption": WORDS},
    "combined": {"cot": PRO, "caption": WORDS},
    "claims": {},
    "errors": {"cot": FIRST_WRONG},
}
"""The texts in which regions are marked, and with which labels."""

WORDS_OF: dict[Screen, tuple[str, ...]] = {
    "spans": (),
    "captions": CAPTION_VERDICTS,
    "combined": CAPTION_VERDICTS,
    "claims": VERDICTS,
    "errors": ERROR_KINDS,
}
"""The verdicts of each screen."""


def judged(screen: Screen) -> str:
    """The text that a verdict of this screen is about."""
    return "cot" if screen == "errors" else "caption"
