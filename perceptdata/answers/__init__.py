"""Answers: is this one right? A ladder of comparisons, the cheapest and strictest first.

    answers.gold_score(example)                    # 1.0, or the example is not taken in
    answers.score("(B)", example)                  # by the exact rungs alone
    with answers.Ladder() as ladder:               # with algebra for the expressions that they leave open
        ladder.judge("x(x+1)", example)            # Verdict(score, rung, reason)

What is compared is the extracted answer (`formats` takes it out of a response), never free text. A verdict says which
rung decided; what cannot be compared is unscored with a reason, never a silent 0.
"""

from __future__ import annotations

from perceptdata.answers.choices import choice_index
from perceptdata.answers.ladder import Ladder
from perceptdata.answers.rungs import checker_of, exact
from perceptdata.answers.verdict import REASONS, Rung, Verdict
from perceptdata.example import Example

CHECKERS = {
    "anls": "perceptdata.answers.metrics:ANLS",
    "boxes": "perceptdata.answers.boxes:Boxes",
    "relaxed": "perceptdata.answers.metrics:Relaxed",
    "vqa": "perceptdata.answers.metrics:Consensus",
}


def gold_score(example: Example) -> float:
    """The score of the gold answer itself, as a share of the best that any answer can get.

    Less than 1.0 means that the row contradicts itself.
    """
    gold = example.answer
    best = 1.0 if gold.checker is None else checker_of(gold).best(example)
    return min(1.0, score(gold.text, example) / best) if best > 0 else 0.0


def score(answer: str, example: Example) -> float:
    """How right an extracted answer is by the exact rungs, in [0, 1]; 0.0 for what they cannot tell, so that a gate may
    ask quickly. Raises UsageError for a checker that is not there.
    """
    verdict = exact(answer, example)
    return 0.0 if verdict is None or verdict.score is None else verdict.score


__all__ = ["CHECKERS", "REASONS", "Ladder", "Rung", "Verdict", "choice_index", "gold_score", "score"]
