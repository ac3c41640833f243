"""Taggers that learn, and how well they do on sources they never saw.

    class Linear(TrainableTagger): …
    tagger = Linear.train(texts, Path("linear.npz"))
    by_source, pooled = leave_one_source_out(Linear, texts)

Each source is tagged by a model that was trained on the others; the predictions of all are then scored together.
"""

from __future__ import annotations

import tempfile
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from perceptdata.errors import UsageError
from perceptdata.labelled.scoring import Measured, compare, predict
from perceptdata.labelled.texts import LabelledText, sources
from perceptdata.plugins import Tagger


class TrainableTagger(Tagger):
    """A tagger that keeps what it learned in one file."""

    @classmethod
    @abstractmethod
    def train(cls, texts: Sequence[LabelledText], to: Path) -> Self:
        """Learn from the texts, write the file, and return the tagger that reads it. The same texts give the same
        bytes.
        """

    @abstractmethod
    def learned_from(self) -> frozenset[str]:
        """`text_sha256` of every text it was trained on: what it may not be scored on."""


def leave_one_source_out(
    kind: type[TrainableTagger], texts: Sequence[LabelledText]
) -> tuple[dict[str, Measured], Measured]:
    """Scores by source, and pooled over all. UsageError where there is one source only."""
    names = sources(texts)
    if len(names) < 2:
        raise UsageError("leaving a source out needs texts of two sources or more")
    by_source, tested, said = {}, [], []
    with tempfile.TemporaryDirectory() as folder:
        for number, name in enumerate(names):
            rest = [one for one in texts if one.source != name]
            held = [one for one in texts if one.source == name]
            tagger = kind.train(rest, Path(folder) / f"{number}.npz")
            found = predict(held, [tagger])
            by_source[name] = compare(held, found)
            tested += held
            said += found
    return by_source, compare(tested, said)
