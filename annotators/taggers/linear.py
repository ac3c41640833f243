"""`linear`: what the words of a clause, its letters and its question say, learned from labelled traces.

Two opinions are added, each as log odds of the three labels: what the cues say (`cues`, by hand, weight `cues`), and a
logistic regression over hashed words and character n-grams, question overlap and place (`features`, `model`). The
regression is trained without the cues, on purpose: the list was grown on texts like those it is trained on, so that a
joint fit would trust it too much.

    perceptdata tagger train reviewed.jsonl --out mine.npz
    perceptdata tag --use structure --use linear                 # the model that ships with the package

The shipped model (`linear.npz`) and what it was trained on are made by `shipped`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from perceptdata.labelled import LabelledText, TrainableTagger, clause_labels
from perceptdata.layers import text_sha256
from perceptdata.plugins import TextItem
from perceptdata.segmentation import VERSION as SEGMENTER
from perceptdata.segmentation import segment
from perceptdata.spans import PRO, SpanSet

from .batch import Batch
from .cues import cue_scores
from .features import features
from .model import PENALTY, Model, digest, fit

SHIPPED = Path(__file__).with_name("linear.npz")


class Linear(TrainableTagger):
    """Label every open clause by words, letters and cues. Clauses whose margin is below `abstain_below` stay open."""

    name: ClassVar[str] = "linear"
    version: ClassVar[str] = "1"

    model: Path = Field(default=SHIPPED, description="a file that `perceptdata tagger train` wrote")
    cues: float = Field(default=1.5, ge=0.0, description="what the cues weigh beside the model; 0 leaves them out")
    abstain_below: float = Field(default=0.0, ge=0.0, le=1.0)

    def tag(self, texts: Sequence[TextItem]) -> list[SpanSet]:
        """One span a clause that was open."""
        if not texts:
            return []
        batch = Batch.of(texts)
        total = Model.load(self.model).scores(features(batch))
        if self.cues:
            total += self.cues * cue_scores(batch)
        return batch.spans(total, self.name, self.abstain_below)

    def options(self) -> dict[str, Any]:
        """The options, with the model by what is in it and not by where it lies."""
        Model.load(self.model)
        return {**super().options(), "model": digest(self.model)}

    def learned_from(self) -> frozenset[str]:
        """Hashes of the texts that the model was trained on."""
        return frozenset(row["sha256"] for row in Model.load(self.model).about["texts"])

    @classmethod
    def train(cls, texts: Sequence[LabelledText], to: Path, why: Mapping[str, str] | None = None) -> Self:
        """Fit a model to the texts and write it to `to`. The order of the texts does not matter.

        `why` goes into the file: for each source, why it may be learned from.
        """
        texts = sorted(texts, key=lambda one: (one.source, one.id))
        batch = Batch.of([_item(one, start, end) for one, (start, end) in zip(texts, _clauses(texts), strict=True)])
        label, characters = clause_labels(texts)
        source = np.unique([one.source for one in texts], return_inverse=True)[1][batch.text]
        about = {
            "tagger": cls.name,
            "version": cls.version,
            "segmenter": SEGMENTER,
            "scheme": PRO.id,
            "penalty": PENALTY,
            "clauses": int((label >= 0).sum()),
            "why": dict(why or {}),
            "sources": dict(sorted(Counter(one.source for one in texts).items())),
            "texts": [
                {
                    "id": one.id,
                    "source": one.source,
                    "model": one.model,
                    "licence": one.licence,
                    "sha256": text_sha256(one.text),
                }
                for one in texts
            ],
        }
        fit(features(batch), label, _weights(label, characters, source), about).save(to)
        return cls(model=to)


def _clauses(texts: Sequence[LabelledText]) -> list[tuple[NDArray[np.int32], NDArray[np.int32]]]:
    found = segment([one.text for one in texts])
    return [found.of(at) for at in range(len(texts))]


def _item(one: LabelledText, start: NDArray[np.int32], end: NDArray[np.int32]) -> TextItem:
    nothing, unsure = np.full(len(start), -1, np.int8), np.zeros(len(start), np.float32)
    return TextItem(one.id, one.text, one.example, start, end, nothing, unsure, {"question": one.question})


def _weights(label: NDArray[np.int8], characters: NDArray[np.int64], source: NDArray[np.int64]) -> NDArray[np.float64]:
    """The root of a clause's characters; then every source's mass is cut to its root, and labels weigh the same."""
    weight = np.sqrt(characters).astype(np.float64)
    for group, power in ((source, 0.5), (label.astype(np.int64) + 1, 1.0)):
        weight /= np.maximum(np.bincount(group, weight), 1e-9)[group] ** power
    return weight
