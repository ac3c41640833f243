"""Consensus: one spans layer out of several, by Dawid and Skene's model of who errs how.

    Consensus(**{"from": ["tags", "llm_tags", "reviews"], "margin": 0.2})

The model is fitted once over all clauses of all shards, before any shard is made; each shard is then labelled by it. A
vote counts by its score, as `agreement.consensus` says. A span is a clause; its `tagger` names who gave it this label
(`tags+reviews:ann`), its `score` is the label's probability. A clause whose label leads the second by less than
`margin` gets no span.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import Field

from perceptdata.agreement.annotations import Annotator, Joined, join
from perceptdata.agreement.consensus import DawidSkene
from perceptdata.agreement.reading import WRITTEN, kinds_of, maker_of, texts_of
from perceptdata.agreement.units import Pieces, refine
from perceptdata.errors import UsageError
from perceptdata.example import TEXTS
from perceptdata.layers import Producer, Reject, Spans, text_sha256
from perceptdata.manifest import digest
from perceptdata.segmentation import VERSION as SEGMENTER
from perceptdata.shard import ShardWriter
from perceptdata.spans import Scheme
from perceptdata.steps.step import Prepared, Shard, Step, Watch
from perceptdata.tagging import SPANS_TYPE
from perceptdata.workspace import EXAMPLES, layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

SPANS = layer_room("spans")


class Consensus(Step):
    """Spans over every text of which a layer of `from` speaks; reviews count as one annotator a person.

    A label is given when its probability leads the second by `margin` at least.
    """

    do: ClassVar[str] = "consensus"
    version: ClassVar[str] = "2"
    from_: tuple[str, ...] = Field(alias="from", min_length=1)
    margin: float = Field(default=0.2, ge=0, le=1)

    def needs(self) -> tuple[str, ...]:
        """The layers it is made of."""
        return self.from_

    def plan(self, ws: Workspace, name: str) -> list[Shard]:
        """One shard for each shard of examples of which a layer speaks. All depend on all rows: the model is of all."""
        files = [file for layer in self.from_ for room in _rooms(ws, layer) for _, _, _, file in ws.shards(room, layer)]
        source = digest(*sorted(file.sha256 for file in files))
        examples = {f"{step}/{shard}": file.sha256 for step, shard, _, file in ws.shards(EXAMPLES)}
        return [
            Shard(
                about.replace("/", "-"),
                digest(source, examples[about]),
                about,
                ConsensusWork(self.producer(), self.margin, given),
            )
            for about, given in self._given(ws).items()
        ]

    def prepare(self, ws: Workspace, name: str, shards: list[Shard], watch: Watch) -> Prepared:
        """Fit the model over all shards, also those that are made already."""
        if not shards:
            return Prepared(shards)
        given = self._given(ws)
        votes: list[tuple[tuple[str, ...], NDArray[np.int8], NDArray[np.float64]]] = []
        schemes: set[Scheme] = set()
        for each in given.values():
            coded = each.joined().coded
            schemes.add(coded.scheme)
            pieces = refine(coded)
            votes.append((coded.annotators, pieces.clauses().label, pieces.clause_scores()))
        found = {annotator for names, _, _ in votes for annotator in names}
        annotators = tuple(sorted(found, key=lambda each: (self.from_.index(each.partition(":")[0]), each)))
        if len(schemes) > 1:
            raise UsageError(f"a consensus is of one scheme, not of {', '.join(sorted(each.id for each in schemes))}")
        label = np.concatenate([_columns(label, names, annotators, -1) for names, label, _ in votes])
        score = np.concatenate([_columns(score, names, annotators, 0) for names, _, score in votes])
        model = DawidSkene.fit(label, len(schemes.pop().labels), score)
        if (label >= 0).sum(axis=1).max(initial=0) == 1:
            raise UsageError(f"no clause is labelled by two of {', '.join(annotators)}: there is nothing to agree on")
        work = {
            about: ConsensusWork(self.producer(), self.margin, each, model, annotators) for about, each in given.items()
        }
        return Prepared([shard._replace(work=work[shard.about]) for shard in shards])

    def _given(self, ws: Workspace) -> dict[str, Given]:
        """What is known of each shard of examples of which a layer of `from` speaks, in their order."""
        examples = {f"{step}/{shard}": ws.file(file) for step, shard, _, file in ws.shards(EXAMPLES)}
        layers: dict[str, dict[str, list[Path]]] = {}
        for layer in self.from_:
            for room in _rooms(ws, layer):
                for _, shard, entry, file in ws.shards(room, layer):
                    if entry.about not in examples:
                        raise UsageError(f"{layer}/{shard} speaks of {entry.about}, which is not there; run it again")
                    layers.setdefault(entry.about, {}).setdefault(layer, []).append(ws.file(file))
        written: dict[str, dict[str, list[Path]]] = {}
        for kind in WRITTEN:
            for step, _, entry, file in ws.shards(layer_room(kind)):
                written.setdefault(entry.about, {}).setdefault(step, []).append(ws.file(file))
        return {
            about: Given(path, layers[about], written.get(about, {}))
            for about, path in examples.items()
            if about in layers
        }


def _rooms(ws: Workspace, layer: str) -> list[str]:
    return [layer_room(kind) for kind in kinds_of(ws, layer)]


def _columns(values: NDArray, names: Sequence[str], annotators: Sequence[str], nothing: int) -> NDArray:
    """The columns of `names` among those of all annotators, with `nothing` for whoever is not named."""
    wide = np.full((len(values), len(annotators)), nothing, values.dtype)
    wide[:, [annotators.index(name) for name in names]] = values
    return wide


@dataclass(frozen=True, slots=True)
class Given:
    """One shard of examples, and by step the files of the annotations and of the written texts that belong to it."""

    examples: Path
    layers: dict[str, list[Path]]
    written: dict[str, list[Path]]

    def joined(self) -> Joined:
        """Every annotator's rows, on their texts."""
        annotators: list[Annotator] = []
        for layer, paths in self.layers.items():
            kinds: dict[bool, list[pa.Table]] = {}
            for path in paths:
                table = pq.read_table(path)
                kinds.setdefault("reviewer" in table.column_names, []).append(table)
            for tables in kinds.values():
                annotators += Annotator.of_layer(layer, pa.concat_tables(tables))
        wanted = {address for annotator in annotators for address in annotator.text_id}
        examples = pq.ParquetFile(self.examples).iter_batches(columns=["id", *TEXTS])
        used = {maker_of(address) for address in wanted}
        written = {step: _texts(paths) for step, paths in self.written.items() if step in used}
        return join(annotators, texts_of(wanted, examples, written), at_least=1)


def _texts(paths: Sequence[Path]) -> Iterator[pa.Table]:
    return (pq.read_table(path, columns=["text_id", "text"]) for path in paths)


@dataclass(frozen=True, slots=True)
class ConsensusWork:
    """One shard of spans, by a model of these annotators. Before `prepare` there is none."""

    producer: Producer
    margin: float
    given: Given
    model: DawidSkene | None = None
    annotators: tuple[str, ...] = ()

    def run(self, writer: ShardWriter) -> None:
        """A row for every text; a reject for every row of a layer that does not fit its text."""
        if self.model is None:
            raise UsageError("a shard of a consensus cannot be made alone: the step first fits a model over all")
        joined = self.given.joined()
        coded = joined.coded
        pieces = refine(coded)
        label = _columns(pieces.clauses().label, coded.annotators, self.annotators, -1)
        score = _columns(pieces.clause_scores(), coded.annotators, self.annotators, 0)
        decided, probability = self.model.decide(label, self.margin, score)
        columns = {
            "text_id": coded.ids,
            "text_sha256": [text_sha256(text) for text in coded.texts],
            "scheme": [coded.scheme.id] * len(coded.ids),
            "segmenter": [SEGMENTER] * len(coded.ids),
            "spans": self._spans(pieces, coded.scheme, label, decided, probability),
            "producer": [self.producer.to_row()] * len(coded.ids),
        }
        writer.write(SPANS, pa.table(columns, schema=Spans.arrow_schema()))
        for row in joined.left_out:
            reject = Reject(
                builder=self.producer.name,
                split="",
                key=row.text_id,
                code=row.code,
                message=row.message,
                producer=self.producer,
            )
            writer.reject(reject)

    def _spans(
        self,
        pieces: Pieces,
        scheme: Scheme,
        label: NDArray[np.int8],
        decided: NDArray[np.int8],
        probability: NDArray[np.float64],
    ) -> pa.ListArray:
        sure = decided >= 0
        names = np.array(scheme.labels, object)
        votes, which = np.unique(label[sure] == decided[sure, None], axis=0, return_inverse=True)
        makers = np.array([self._makers(row) for row in votes], object)
        values = pa.StructArray.from_arrays(
            [
                pa.array(pieces.clause_start[sure], pa.int32()),
                pa.array(pieces.clause_end[sure], pa.int32()),
                pa.array(names[decided[sure]], pa.string()),
                pa.array(probability[sure].astype(np.float32)),
                pa.array(makers[which.reshape(-1)], pa.string()),
            ],
            fields=list(SPANS_TYPE.value_type),
        )
        offsets = np.searchsorted(pieces.clause_text[sure], np.arange(pieces.texts + 1)).astype(np.int32)
        return pa.ListArray.from_arrays(pa.array(offsets), values, type=SPANS_TYPE)

    def _makers(self, votes: NDArray[np.bool_]) -> str:
        """Whose label it is. Where all that was said is more likely an error, it is the model's own."""
        return "+".join(name for name, voted in zip(self.annotators, votes, strict=True) if voted) or "consensus"
