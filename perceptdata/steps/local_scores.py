"""A local model's token scores, in journals: text by text, each scored once."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from perceptdata.errors import Rejected
from perceptdata.example import Example
from perceptdata.layers import Reject, TokenScores, text_sha256
from perceptdata.packs import ImageStore
from perceptdata.records import Record
from perceptdata.steps.journal import Journal
from perceptdata.steps.passages import Passages, Read
from perceptdata.vlm.dependency import VisualDependency
from perceptdata.vlm.loading import LocalModel
from perceptdata.workspace import REJECTS, layer_room

if TYPE_CHECKING:
    from perceptdata.steps.dependency import Dependency, DependencyWork

TOKEN_SCORES = layer_room("token_scores")
WINDOW = 4  # batches that are read, sorted and written down together

NOT_FINITE = Rejected("scores.not_finite", "the model computes no number for some of its tokens")

Text = tuple[str, str, Example]


def score_locally(
    step: Dependency, works: Sequence[DependencyWork], images: ImageStore, done: Callable[[int], None]
) -> None:
    """Score every text that no journal knows. `done` is told how many texts are known.

    Raises UsageError for a model that cannot be used; it is loaded only if there is something to score.
    """
    count = 0
    scorer: Scorer | None = None
    for work in works:
        known = work.scored()
        left = [text for text in work.texts() if text[0] not in known]
        count += len(known)
        done(count)
        for start in range(0, len(left), WINDOW * step.batch_size):
            window = left[start : start + WINDOW * step.batch_size]
            scorer = scorer or Scorer(step, images)
            Journal(work.journal).append(scorer.rows(work, window))
            count += len(window)
            done(count)


class Scorer:
    """The loaded model of a step."""

    def __init__(self, step: Dependency, images: ImageStore | Mapping[str, bytes]) -> None:
        model = LocalModel.load(step.model)
        self._step, self._images = step, images
        self._meter = VisualDependency(model, step.blind, step.estimator)
        self._passages = Passages(model, step.form, step.blind, step.seed)
        if self._meter.warning:
            warnings.warn(self._meter.warning, stacklevel=2)

    def rows(self, work: DependencyWork, texts: Sequence[Text]) -> list[tuple[str, Record]]:
        """A row of scores, or a reject, for each text, in order."""
        read: list[Read | Rejected] = [self._read(text) for text in texts]
        pairs = [each.pair for each in read if isinstance(each, Read)]
        values = iter(self._meter.score(pairs, self._step.batch_size))
        found: list[tuple[str, Record]] = []
        for text, each in zip(texts, read, strict=True):
            scores = next(values) if isinstance(each, Read) else np.empty(0, np.float32)
            if isinstance(each, Read) and np.isfinite(scores).all():
                found.append((TOKEN_SCORES, self._scores(work, text, each, scores)))
            else:
                found.append((REJECTS, self._reject(work, text, NOT_FINITE if isinstance(each, Read) else each)))
        return found

    def _read(self, text: Text) -> Read | Rejected:
        _, response, example = text
        try:
            return self._passages.read(example, response, self._images)
        except Rejected as error:
            return error

    def _scores(self, work: DependencyWork, text: Text, read: Read, values: NDArray[np.float32]) -> TokenScores:
        address, response, _ = text
        return TokenScores(
            text_id=address,
            text_sha256=text_sha256(response),
            tokenizer=f"local:{self._step.weights}",
            name=f"visual_dependency/{self._step.estimator}",
            values=tuple(float(str(value)) for value in values),  # the shortest digits that name this float32
            start=tuple(read.start.tolist()),
            end=tuple(read.end.tolist()),
            producer=work.producer,
        )

    def _reject(self, work: DependencyWork, text: Text, error: Rejected) -> Reject:
        address, _, example = text
        return Reject(
            builder=work.producer.name,
            split=example.source.split,
            key=address,
            stage=example.stage,
            code=error.code,
            message=error.message,
            producer=work.producer,
        )
