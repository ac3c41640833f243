"""`visual-dependency`: clauses whose words a model could not have said without the image are perception.

    steps:
      dep:  {do: dependency, from: cot, model: PATH, blind: mask}
      tags: {do: tag, from: cot, use: [structure, {visual-dependency: {scores: dep}}]}

From token scores S (nats, a `token_scores` layer) to a number a clause, as PGPO goes from tokens to weights (arXiv
2604.01840, Eq. 4 and 5), with the clause in the token's place:

    m_c = mean over the clause's tokens of log(1 + S_t)
    I_c = (m_c - min m) / (max m - min m)          min and max over the clauses of one response

I is relative to the response: its clause that owes most to the image has 1, the one that owes least 0. So the measure
orders clauses within a response, and a response in which hardly anything depends on the image is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from perceptdata.errors import UsageError
from perceptdata.layers import LayerKind
from perceptdata.plugins import Tagger, TextItem
from perceptdata.spans import PRO, SpanSet

PERCEPTION, REASONING = PRO.code("perception"), PRO.code("reasoning")
MEASURE = "visual_dependency/"

# Between the most and the least dependent clause, in units of m. Two passes in bfloat16 differ by some hundredths in a
# log-probability, which is 1e-3 at most in S: below that there is nothing to be relative to.
LEAST_RANGE = 2e-3


class VisualDependency(Tagger):
    """Label open clauses with I above `threshold` perception, and those below `reasoning_below` reasoning.

    `scores` names the step that wrote the token scores. A span's score is how far I is beyond its threshold, of as far
    as it could be. A text without scores (it has no image, or was a reject) stays open.
    """

    name: ClassVar[str] = "visual-dependency"
    version: ClassVar[str] = "1"

    scores: str
    threshold: float = Field(default=0.5, ge=0.0, lt=1.0)
    reasoning_below: float = Field(default=0.0, ge=0.0, le=1.0)

    @model_validator(mode="after")
    def _ordered(self) -> VisualDependency:
        if self.reasoning_below > self.threshold:
            raise ValueError(
                f"reasoning_below ({self.reasoning_below}) > threshold ({self.threshold}): a clause would be both"
            )
        return self

    def reads(self) -> dict[str, LayerKind]:
        """The token scores."""
        return {self.scores: "token_scores"}

    def tag(self, texts: Sequence[TextItem]) -> list[SpanSet]:
        """One span a clause that is decided."""
        return [self._of(item) for item in texts]

    def _of(self, item: TextItem) -> SpanSet:
        relative = _relative(clause_means(item, self._row(item)))
        label = np.full(len(relative), -1, np.int8)
        margin = np.zeros(len(relative), np.float32)
        seen, thought = relative > self.threshold, relative < self.reasoning_below  # False where I is not a number
        label[seen], margin[seen] = PERCEPTION, (relative[seen] - self.threshold) / (1 - self.threshold)
        label[thought] = REASONING
        margin[thought] = 1 - relative[thought] / max(self.reasoning_below, float(np.finfo(np.float64).tiny))
        at = np.flatnonzero((label >= 0) & (item.label < 0))
        by = np.zeros(len(at), np.int8)
        return SpanSet(PRO, item.start[at], item.end[at], label[at], np.round(margin[at], 3), by, (self.name,))

    def _row(self, item: TextItem) -> dict[str, Any] | None:
        """The scores of a text; None where it has none."""
        if self.scores not in item.meta:
            raise UsageError(
                f"{self.name} reads the token scores of the step '{self.scores}', which the tag step looks up; there "
                "are none at hand here"
            )
        found = [row for row in item.meta[self.scores] if row["name"].startswith(MEASURE)]
        if len(found) > 1:
            raise UsageError(f"'{self.scores}' has {len(found)} rows for {item.text_id}; score it in one step only")
        return found[0] if found else None


def clause_means(item: TextItem, row: dict[str, Any] | None) -> NDArray[np.float64]:
    """The mean of log(1 + S) over each clause's tokens, one float64 a clause; not a number where it has none.

    A token is of every clause that it shares a character with: one that begins with the space before a clause is of
    that clause alone, for clauses begin and end at words.
    """
    if row is None or not row["values"]:
        return np.full(len(item.start), np.nan)
    start, end = (np.array(row[name], np.int32) for name in ("start", "end"))
    sums = np.concatenate([[0.0], np.cumsum(np.log1p(np.array(row["values"], np.float64)))])
    first = np.searchsorted(end, item.start, "right")
    behind = np.maximum(np.searchsorted(start, item.end, "left"), first)
    count = behind - first
    with np.errstate(invalid="ignore"):
        return np.where(count > 0, (sums[behind] - sums[first]) / count, np.nan)


def _relative(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """I of every clause; all not a number where the clauses hardly differ."""
    known = means[~np.isnan(means)]
    if not len(known) or np.ptp(known) < LEAST_RANGE:
        return np.full(len(means), np.nan)
    return (means - known.min()) / np.ptp(known)
