"""Corrupt: a layer with known errors in it, to measure what errors cost. Made to train on in experiments, for nothing
else.

    {do: corrupt, from: tags, flip: 0.1}         # a tenth of the labelled clauses carry the other label
    {do: corrupt, from: tags, shuffle: true}     # the labels of each text's clauses change places: as many of each stay
    {do: corrupt, from: caps, mismatch: true}    # each image carries another image's captions

The unit is the clause, as of tags: a span of twenty clauses is twenty chances of an error, not one. What is drawn
depends on the seed and the text alone, and what is flipped at 10 % is among what is flipped at 30 %. At `flip: 0` the
layer says the same: the control. A span whose label changed says so (`tagger: corrupt+<who gave it>`); a mismatched
caption names the image that it is of (`meta.of_image`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import Field, model_validator

from perceptdata.agreement.reading import maker_of, texts_of
from perceptdata.example import TEXTS
from perceptdata.layers import Caption, Producer, Reject, Spans
from perceptdata.manifest import digest
from perceptdata.segmentation import segment
from perceptdata.shard import ShardWriter
from perceptdata.steps.step import Shard, Step
from perceptdata.tagging import SPANS_TYPE
from perceptdata.workspace import EXAMPLES, layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

SPANS, CAPTIONS, RESPONSES = layer_room("spans"), layer_room("captions"), layer_room("responses")
OTHER = {"perception": "reasoning", "reasoning": "perception"}
ROWS = 8192
"""Rows of a spans layer that are in memory at a time."""


class Corrupt(Step):
    """`flip` is the chance that a clause of perception becomes one of reasoning, or the other way; `shuffle` permutes
    the labels of each text among its labelled clauses. Both are of spans; `mismatch` is of captions.
    """

    do: ClassVar[str] = "corrupt"
    version: ClassVar[str] = "2"
    from_: str = Field(alias="from")
    flip: float | None = Field(default=None, ge=0, le=1)
    shuffle: bool = False
    mismatch: bool = False
    seed: int = 0

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum((self.flip is not None, self.shuffle, self.mismatch)) != 1:
            raise ValueError("say one of flip, shuffle and mismatch: a layer has one kind of error")
        return self

    def needs(self) -> tuple[str, ...]:
        """The layer that is corrupted."""
        return (self.from_,)

    def plan(self, ws: Workspace, name: str) -> list[Shard]:
        """One shard for each of the layer's. Raises UsageError where the step wrote no such layer."""
        room = CAPTIONS if self.mismatch else SPANS
        ws.layer(self.from_, "captions" if self.mismatch else "spans")
        examples = {f"{step}/{shard}": ws.file(file) for step, shard, _, file in ws.shards(EXAMPLES)}
        responses: dict[str, list[tuple[str, Path]]] = {}
        for step, kinds in ws.layers().items():
            for _, _, entry, file in ws.shards(RESPONSES, step) if "responses" in kinds else ():
                responses.setdefault(entry.about, []).append((step, ws.file(file)))
        shards = []
        for _, shard, entry, file in ws.shards(room, self.from_):
            beside = tuple(responses.get(entry.about, ()))
            work: Any = FlipWork(
                self.producer(), ws.file(file), examples.get(entry.about), beside, self.flip, self.seed
            )
            if self.mismatch:
                work = MismatchWork(self.producer(), ws.file(file), name, self.seed)
            shards.append(Shard(shard, digest(file.sha256), entry.about, work))
        return shards


def drawn(seed: int, text: str) -> np.random.Generator:
    """Chance that belongs to one text: the same in any shard, for any number of workers."""
    key = sha256(f"{seed} {text}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(key[:16], "little")))


class Piece(NamedTuple):
    """A clause's part of span number `span` of its text."""

    span: int
    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class FlipWork:
    """One shard of spans, and where their texts are: the examples' own, and what steps wrote. `flip` is None where
    labels are shuffled instead.
    """

    producer: Producer
    spans: Path
    examples: Path | None
    responses: tuple[tuple[str, Path], ...]
    flip: float | None
    seed: int

    def run(self, writer: ShardWriter) -> None:
        """The same rows in the same order, some labels changed."""
        writer.write(SPANS, Spans.arrow_schema().empty_table())
        for batch in pq.ParquetFile(self.spans).iter_batches(batch_size=ROWS):
            table = pa.Table.from_batches([batch])
            texts = table.column("text_id").to_pylist()
            borders = self._borders(texts)
            rows = [
                self._row(spans, borders.get(text, ()), drawn(self.seed, text))
                for spans, text in zip(table.column("spans").to_pylist(), texts, strict=True)
            ]
            made = {name: table.column(name) for name in table.column_names}
            made["spans"] = pa.array(rows, SPANS_TYPE)
            made["producer"] = pa.array([self.producer.to_row()] * len(table), table.schema.field("producer").type)
            writer.write(SPANS, pa.table(made, schema=Spans.arrow_schema()))

    def _borders(self, texts: list[str]) -> dict[str, NDArray[np.int32]]:
        """Where the clauses of each text begin; a text that is not there is taken as one."""
        makers = {maker_of(text) for text in texts}
        written: dict[str, list[pa.Table]] = {}
        for step, path in self.responses:
            if step in makers:
                written.setdefault(step, []).append(pq.read_table(path, columns=["text_id", "text"]))
        own = [] if self.examples is None else [pq.read_table(self.examples, columns=["id", *TEXTS])]
        found = texts_of(texts, own, written)
        cut = segment(list(found.values()))
        return {text: cut.of(at)[0] for at, text in enumerate(found)}

    def _row(
        self, spans: list[dict[str, Any]], borders: Sequence[int] | NDArray[np.int32], chance: np.random.Generator
    ) -> list[dict[str, Any]]:
        """The spans of one text anew: cut into clauses, some of other labels, and joined again where they are not."""
        pieces = [
            Piece(at, start, end, span["label"])
            for at, span in enumerate(spans)
            for start, end in pairwise(
                [span["start"], *(border for border in borders if span["start"] < border < span["end"]), span["end"]]
            )
        ]
        after = self._labels([piece.label for piece in pieces], chance)
        made: list[dict[str, Any]] = []
        last = -1
        for piece, label in zip(pieces, after, strict=True):
            if piece.span == last and made[-1]["label"] == label:
                made[-1]["end"] = piece.end
                continue
            last, span = piece.span, spans[piece.span]
            tagger = span["tagger"] if label == piece.label else f"corrupt+{span['tagger']}"
            made.append({**span, "start": int(piece.start), "end": int(piece.end), "label": label, "tagger": tagger})
        return made

    def _labels(self, labels: list[str], chance: np.random.Generator) -> list[str]:
        if self.flip is None:
            return [labels[at] for at in chance.permutation(len(labels))]
        hit = chance.random(len(labels)) < self.flip
        return [OTHER.get(label, label) if yes else label for label, yes in zip(labels, hit, strict=True)]


@dataclass(frozen=True, slots=True)
class MismatchWork:
    """One shard of captions; the images of a shard exchange theirs."""

    producer: Producer
    captions: Path
    name: str
    seed: int

    def run(self, writer: ShardWriter) -> None:
        """For each image the captions of another; a reject where no other image of the shard says anything else."""
        writer.write(CAPTIONS, Caption.arrow_schema().empty_table())
        said: dict[str, list[dict[str, Any]]] = {}
        for row in pq.read_table(self.captions).to_pylist():
            said.setdefault(row["image"], []).append(row)
        for image, other in self._pairs(said):
            if other is None:
                writer.reject(self._alone(image))
                continue
            for row in sorted(said[other], key=lambda row: row["sample"]):
                writer.add(CAPTIONS, self._caption(image, other, row))

    def _pairs(self, said: dict[str, list[dict[str, Any]]]) -> Iterator[tuple[str, str | None]]:
        """Each image with the next one, in an order that is drawn, whose captions differ from its own."""
        ring = sorted(said, key=lambda image: sha256(f"{self.seed} {image}".encode()).digest())
        texts = {image: {row["text"] for row in rows} for image, rows in said.items()}
        place = {image: at for at, image in enumerate(ring)}
        for image in said:
            after = (ring[(place[image] + step) % len(ring)] for step in range(1, len(ring)))
            yield image, next((other for other in after if not texts[other] & texts[image]), None)

    def _caption(self, image: str, other: str, row: dict[str, Any]) -> Caption:
        meta = {**(row["meta"] if isinstance(row["meta"], dict) else {}), "of_image": other, "of_text": row["text_id"]}
        return Caption(
            text_id=f"img:{image}#{self.name}/{row['sample']}",
            sample=row["sample"],
            text=row["text"],
            text_sha256=row["text_sha256"],
            model=row["model"],
            meta=meta,
            producer=self.producer,
            image=image,
        )

    def _alone(self, image: str) -> Reject:
        message = f"no other image of its shard has captions that differ from those of {image}"
        return Reject(
            builder="corrupt", split="", key=image, code="corrupt.alone", message=message, producer=self.producer
        )
