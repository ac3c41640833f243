"""How right taggers are on labelled texts, in non-space characters pooled over all texts.

    measured = measure(texts, [Structure(), Cues()])
    measured.f1["perception"], measured.macro_f1, measured.perception_precision

A tagger gets the raw text and cuts it itself, so wrong borders cost what they cover. Characters without a gold label
are ignored; those that a tagger leaves open are wrong. With `n[g][p]` characters of label g that were said to be p:

    F1(l) = 2 n[l][l] / (sum of n[l][.] + sum of n[.][l])          macro-F1 is the mean of the three
    share error = mean over texts of |said share - true share| of perception

The share of perception is what balances a two-part loss (its λ), so an error there matters more than one of F1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perceptdata.errors import PerceptDataError, UsageError
from perceptdata.labelled.texts import LabelledText
from perceptdata.llm.cache import ReplyCache
from perceptdata.llm.drive import Watch
from perceptdata.plugins import Tagger
from perceptdata.spans import PRO, SpanSet
from perceptdata.tagging import Texts, answers_for, ask_models, asking, tag_batch

PERCEPTION = PRO.code("perception")
LABELS = len(PRO.labels)


@dataclass(frozen=True, slots=True)
class Measured:
    """`confusion[g, p]` counts characters; the last column is what was left open. `shares` has a row a text: the said
    and the true share of perception.
    """

    confusion: NDArray[np.int64]
    shares: NDArray[np.float64]

    @property
    def f1(self) -> dict[str, float]:
        """F1 of each label; 0 where neither gold nor prediction has it."""
        right = np.diag(self.confusion)
        said = self.confusion.sum(axis=1) + self.confusion[:, :LABELS].sum(axis=0)
        return dict(zip(PRO.labels, (2 * right / np.maximum(said, 1)).tolist(), strict=True))

    @property
    def macro_f1(self) -> float:
        """The mean of the labels' F1."""
        return float(np.mean(list(self.f1.values())))

    @property
    def perception_precision(self) -> float:
        """How much of what is said to be perception is."""
        column = self.confusion[:, PERCEPTION]
        return float(column[PERCEPTION] / max(column.sum(), 1))

    @property
    def labelled(self) -> float:
        """Share of the characters that got a label."""
        return float(1 - self.confusion[:, LABELS].sum() / max(self.confusion.sum(), 1))

    @property
    def share_error(self) -> float:
        """Mean absolute error of a text's share of perception."""
        return float(np.abs(self.shares[:, 0] - self.shares[:, 1]).mean()) if len(self.shares) else 0.0

    @property
    def share_bias(self) -> float:
        """Share of perception said, less the true one, over all characters."""
        said = self.confusion[:, PERCEPTION].sum() - self.confusion[PERCEPTION].sum()
        return float(said / max(self.confusion.sum(), 1))

    def to_row(self) -> dict[str, Any]:
        """All numbers, rounded to four places, by name; None for each where no text was scored."""
        numbers = {
            "macro_f1": self.macro_f1,
            **self.f1,
            "perception_precision": self.perception_precision,
            "perception_share_error": self.share_error,
            "perception_share_bias": self.share_bias,
            "labelled": self.labelled,
        }
        texts = len(self.shares)
        return {name: round(number, 4) if texts else None for name, number in numbers.items()} | {"texts": texts}


def measure(
    texts: Sequence[LabelledText], taggers: Sequence[Tagger], replies: Path | None = None, watch: Watch | None = None
) -> Measured:
    """How right a chain of taggers is on the texts. One that asks a model needs a file for the `replies`."""
    return compare(texts, predict(texts, taggers, replies, watch))


def predict(
    texts: Sequence[LabelledText], taggers: Sequence[Tagger], replies: Path | None = None, watch: Watch | None = None
) -> list[SpanSet]:
    """What the chain says of each text. It is given the text and what it answers, and no label.

    Raises PerceptDataError where a model left questions unanswered: what came is kept, and the next run asks the rest.
    """
    if any(tagger.scheme != PRO for tagger in taggers):
        raise UsageError(f"labelled texts are scored under {PRO.id}; every tagger of the chain has to speak it")
    batch = Texts([(one.id, one.text, one.example) for one in texts], [{"question": one.question} for one in texts])
    if not asking(taggers):
        return tag_batch(batch.items, taggers, batch.meta)
    if replies is None:
        raise UsageError("a tagger of this chain asks a model; name a file for what it answers")
    with ReplyCache(replies, step="tagger eval") as kept:
        asked = ask_models(lambda: [batch], taggers, kept, watch=watch)
        if asked.stopped is not None:
            raise PerceptDataError(asked.stopped)
        return tag_batch(batch.items, taggers, batch.meta, answers_for(taggers, kept))


def compare(texts: Sequence[LabelledText], said: Sequence[SpanSet]) -> Measured:
    """Predictions against the texts' own spans."""
    confusion = np.zeros((LABELS, LABELS + 1), np.int64)
    shares = []
    for one, spans in zip(texts, said, strict=True):
        true, guess = one.painted(one.spans), one.painted(spans)
        scored = true >= 0
        if not scored.any():
            continue
        true, guess = true[scored], guess[scored]
        np.add.at(confusion, (true, np.where(guess < 0, LABELS, guess)), 1)
        shares.append(((guess == PERCEPTION).mean(), (true == PERCEPTION).mean()))
    return Measured(confusion, np.array(shares, np.float64).reshape(-1, 2))


@dataclass(frozen=True, slots=True)
class PassAgreement:
    """Two annotators on the characters that both labelled: Cohen's kappa, the share they agree on, F1 of each label."""

    kappa: float
    agreed: float
    f1: dict[str, float]


def pass_agreement(texts: Sequence[LabelledText]) -> PassAgreement | None:
    """How far the two passes of the texts agree; None where no text has them.

    Cohen 1960: kappa = (a - e) / (1 - e), with a the share of agreement and e what the two margins give by chance.
    """
    table = np.zeros((LABELS, LABELS), np.int64)
    for one in texts:
        if one.passes:
            first, second = (one.painted(spans) for spans in one.passes)
            both = (first >= 0) & (second >= 0)
            np.add.at(table, (first[both], second[both]), 1)
    total = table.sum()
    if not total:
        return None
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    agreed, chance = np.diag(table).sum() / total, (rows * columns).sum() / total**2
    f1 = 2 * np.diag(table) / np.maximum(rows + columns, 1)
    kappa = 1.0 if chance == 1 else float((agreed - chance) / (1 - chance))
    return PassAgreement(kappa, float(agreed), dict(zip(PRO.labels, f1.tolist(), strict=True)))
