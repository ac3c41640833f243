"""The verdict: what one answer is worth, which rung of the ladder decided, and why where it is not plainly right.

    Verdict(1.0, "number")
    Verdict(0.0, "number", "unit")                     wrong, for a reason
    Verdict(None, "structure", "gold_unreadable")      unscored: the gold answer's fault, or the machine's

A model's fault is 0.0 with a reason; `score` is None only where the gold answer cannot be compared, or where the
comparison itself failed. Nothing becomes a silent 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Rung = Literal[
    "format",  # the response format found no answer
    "text",  # spelling alone
    "choice",
    "number",
    "interval",
    "set",
    "structure",
    "boxes",
    "expression",  # told apart by looking: other symbols, another number of sides
    "algebra",  # computed, in a worker process
    "checker",  # a checker that the gold answer names
    "model",  # a model's word that two answers mean the same
]

REASONS: dict[str, str] = {
    "answer_empty": "the answer is empty",
    "answer_too_long": "the answer is longer than any honest one of its kind",
    "answer_unreadable": "the answer cannot be read as the kind that the gold answer is",
    "answer_words": "the answer holds words, where the gold answer is maths alone",
    "not_a_choice": "the answer names none of the choices",
    "unit": "the answer has another unit than the gold answer (none, or a percent sign, is another)",
    "relation": "one side is an equation or inequality and the other is not: x = 12 is not 12",
    "symbols": "the answer speaks of other variables than the gold answer",
    "gold_disagrees": "the gold answer's index and text name different choices",
    "gold_not_a_choice": "the gold answer names none of its choices",
    "gold_unreadable": "the gold answer cannot be read as its own kind",
    "timeout": "algebra took longer than its limit",
    "died": "the algebra process ended, for want of memory or by its own fault",
    "failed": "algebra raised an error",
}
"""What each reason means. A checker's own message stands as `checker: …`, a format's reason as the format has it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`score` in [0, 1], or None where the pair is unscored and `reason` says why."""

    score: float | None
    rung: Rung
    reason: str | None = None


def told(right: bool, rung: Rung, reason: str | None = None) -> Verdict:
    """Right or wrong; the reason goes with a wrong answer only."""
    return Verdict(1.0, rung) if right else Verdict(0.0, rung, reason)
