"""`spacy`: a trained spaCy pipeline says what each clause is (extra `[spacy]`).

    perceptdata tagger train reviewed.jsonl --tagger spacy --out clauses/       # a folder that `spacy.load` reads too
    use: [structure, {spacy: {model: clauses/}}]                                # in a recipe

The pipeline is one with a span categoriser over our labels: trained here, or by `spacy train` from what `perceptdata
export spacy` writes. A clause that its suggester does not propose stays open for the next tagger of the chain.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from perceptdata.errors import UsageError
from perceptdata.labelled import LabelledText, TrainableTagger
from perceptdata.plugins import TextItem
from perceptdata.publishing.exports.spacy import import_spacy
from perceptdata.spans import PRO, SpanSet

from .batch import Batch

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.pipeline import SpanCategorizer
    from spacy.tokens import Doc

CHUNK = 256  # texts that go through the categoriser at a time
UNLIKELY = 1e-6


class Spacy(TrainableTagger):
    """Label every open clause by a spaCy pipeline. Clauses whose margin is below `abstain_below` stay open."""

    name: ClassVar[str] = "spacy"
    version: ClassVar[str] = "1"

    model: Path = Field(
        description="the folder of a pipeline: `perceptdata tagger train --tagger spacy`, or `spacy train`"
    )
    abstain_below: float = Field(default=0.0, ge=0.0, le=1.0)

    def tag(self, texts: Sequence[TextItem]) -> list[SpanSet]:
        """One span a clause that was open and is a candidate, or is decided by its form."""
        if not texts:
            return []
        nlp, categorizer = _load(self.model)
        batch = Batch.of(texts)
        nlp.max_length = max(nlp.max_length, *(len(item.text) for item in texts))
        with nlp.select_pipes(disable=[categorizer.name]):
            docs = list(nlp.pipe(item.text for item in texts))
        total = np.concatenate(
            [_scores(categorizer, docs[at : at + CHUNK], texts[at : at + CHUNK]) for at in range(0, len(docs), CHUNK)]
        )
        known = ~np.isnan(total[:, 0]) | batch.formal()
        sets = batch.spans(np.nan_to_num(total), self.name, self.abstain_below)
        own = zip(texts, np.split(known, batch.offsets[1:-1]), strict=True)
        return [
            spans.take(np.isin(spans.start, item.start[said])) for spans, (item, said) in zip(sets, own, strict=True)
        ]

    def options(self) -> dict[str, Any]:
        """The options, with the pipeline by what is in it and not by where it lies."""
        _load(self.model)
        return {**super().options(), "model": _digest(self.model)}

    def learned_from(self) -> frozenset[str]:
        """Hashes of the texts that the pipeline was trained on."""
        nlp, _ = _load(self.model)
        from ..spacy.training import learned_from

        return learned_from(nlp)

    @classmethod
    def train(cls, texts: Sequence[LabelledText], to: Path) -> Self:
        """Train a pipeline and write its folder. A pipeline that lies there is replaced, anything else refused."""
        import_spacy()
        from ..spacy.training import train

        if to.exists() and not (to / "config.cfg").is_file():
            raise UsageError(f"{to} is there already and is no spaCy pipeline; name another folder")
        nlp = train(texts)
        shutil.rmtree(to, ignore_errors=True)
        nlp.to_disk(to)
        return cls(model=to)


def _load(path: Path) -> tuple[Language, SpanCategorizer]:
    """The pipeline of a folder, and its categoriser. UsageError where it is none."""
    import_spacy()
    mark = path / "meta.json"
    return _loaded(path.resolve(), mark.stat().st_mtime_ns if mark.exists() else 0)


@lru_cache(maxsize=4)
def _loaded(path: Path, changed: int) -> tuple[Language, SpanCategorizer]:
    import spacy
    from spacy.pipeline import SpanCategorizer

    try:
        nlp = spacy.load(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} is no spaCy pipeline that loads here: {str(error).splitlines()[0]}") from error
    for _, pipe in nlp.pipeline:
        if isinstance(pipe, SpanCategorizer) and pipe.labels and set(pipe.labels) <= set(PRO.labels):
            return nlp, pipe
    raise UsageError(f"{path} has no span categoriser with the labels {', '.join(PRO.labels)}")


def _scores(categorizer: SpanCategorizer, docs: Sequence[Doc], items: Sequence[TextItem]) -> NDArray[np.float64]:
    """Log probabilities, (clauses, labels); a row of NaN for a clause that is no candidate."""
    from perceptdata.publishing.exports.docs import token_borders

    indices, scores = categorizer.predict(docs)
    ops = categorizer.model.ops
    borders = ops.to_numpy(indices.dataXd).reshape(-1, 2)
    # Without any candidate spaCy gives no columns either.
    said = ops.to_numpy(scores) if len(borders) else np.empty((0, len(PRO.labels)))
    columns = np.array([PRO.code(label) for label in categorizer.labels])
    parts, at = [], 0
    for doc, item, count in zip(docs, items, ops.to_numpy(indices.lengths).tolist(), strict=True):
        rows = np.full((len(item.start), len(PRO.labels)), np.nan)
        clause = {
            borders: number for number, borders in enumerate(zip(item.start.tolist(), item.end.tolist(), strict=True))
        }
        begins, ends = token_borders(doc)
        first, behind = borders[at : at + count].T
        places = zip(begins[first].tolist(), ends[behind - 1].tolist(), strict=True)
        found = [(number, at + row) for row, place in enumerate(places) if (number := clause.get(place)) is not None]
        numbers, candidates = np.array(found, np.int64).reshape(-1, 2).T
        rows[numbers] = 0.0
        rows[numbers[:, None], columns] = said[candidates][:, : len(columns)]
        parts.append(rows)
        at += count
    return np.log(np.maximum(np.concatenate(parts), UNLIKELY))


def _digest(path: Path) -> str:
    """SHA-256 over the names and bytes of a folder's files, in hex."""
    found = hashlib.sha256()
    for file in sorted(one for one in path.rglob("*") if one.is_file()):
        data = file.read_bytes()
        found.update(f"{file.relative_to(path).as_posix()}\0{len(data)}\0".encode() + data)
    return found.hexdigest()
