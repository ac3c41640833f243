"""The ladder: exact rungs first, algebra for what they leave open, and a reason for everything that is not right.

    with Ladder() as ladder:
        ladder.judge("x(x+1)", example)                   # Verdict(1.0, "algebra")
        ladder.judge_many([(answer, example), …])         # the open pairs side by side, equal ones once

A ladder owns its algebra processes, which start when first needed. Nothing that a model wrote raises.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from perceptdata.answers.algebra import Algebra, Outcome
from perceptdata.answers.notation import latex, tidy
from perceptdata.answers.rungs import exact
from perceptdata.answers.verdict import Verdict, told
from perceptdata.example import Answer, Example

_UNSCORED = ("timeout", "died", "failed", "gold_unreadable")


class Ladder:
    """Judges answers. `workers` algebra processes at most, `seconds` of CPU time for a pair that needs one."""

    def __init__(self, workers: int = 1, seconds: int = 5) -> None:
        self._algebra = Algebra(workers, seconds)

    def judge(self, answer: str, example: Example) -> Verdict:
        """What one extracted answer is worth."""
        return self.judge_many([(answer, example)])[0]

    def judge_many(self, pairs: Iterable[tuple[str, Example]]) -> list[Verdict]:
        """The verdicts of many, in order. Answers that a model gave several times are computed once."""
        pairs = list(pairs)
        verdicts = [rule(answer, example) for answer, example in pairs]
        asked = [_question(*pair) for pair, verdict in zip(pairs, verdicts, strict=True) if verdict is None]
        found = self._outcomes(sorted({pair for question in asked for pair in question}))
        questions = iter(asked)
        return [verdict or _verdict([found[pair] for pair in next(questions)]) for verdict in verdicts]

    def _outcomes(self, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Outcome]:
        if self._algebra.workers == 1 or len(pairs) < 2:
            return {pair: self._algebra.compare(*pair) for pair in pairs}
        with ThreadPoolExecutor(self._algebra.workers) as threads:
            return dict(zip(pairs, threads.map(lambda pair: self._algebra.compare(*pair), pairs), strict=True))

    def close(self) -> None:
        """End the algebra processes."""
        self._algebra.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def rule(answer: str, example: Example) -> Verdict | None:
    """The exact rungs, with whatever a checker does wrong as the reason why a row is unscored."""
    if example.answer.checker is None:
        return exact(answer, example)
    try:
        verdict = exact(answer, example)
    except Exception as error:  # a checker is anybody's code: its fault is a reason on the row, and the rest goes on
        return Verdict(None, "checker", f"checker: {type(error).__name__}: {error}")
    if verdict is None or verdict.score is None or (math.isfinite(verdict.score) and 0 <= verdict.score <= 1):
        return verdict
    return Verdict(None, "checker", f"checker: it gave {verdict.score!r}, not a score from 0 to 1")


def _question(answer: str, example: Example) -> list[tuple[str, str]]:
    """The pairs that algebra must look at: the answer with every gold text."""
    gold: Answer = example.answer
    said = latex(tidy(answer))
    return [(latex(tidy(text)), said) for text in (gold.text, *gold.accepts)]


def _verdict(outcomes: Sequence[Outcome]) -> Verdict:
    """Right where one gold text is equal; unscored where none is and a comparison failed for no fault of the answer."""
    if "equal" in outcomes:
        return Verdict(1.0, "algebra")
    failed = next((outcome for outcome in _UNSCORED if outcome in outcomes), None)
    if failed and not (failed == "gold_unreadable" and len(set(outcomes)) > 1):
        return Verdict(None, "algebra", failed)
    return told(False, "algebra", "answer_unreadable" if "answer_unreadable" in outcomes else None)
