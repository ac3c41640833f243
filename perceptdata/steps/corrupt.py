"""Corrupt: a layer with known errors in it, to measure what errors cost. Made to train on in experiments, for nothing
else.

    {do: corrupt, from: tags, flip: 0.1}         # a tenth of the spans carry the other label
    {do: corrupt, from: tags, shuffle: true}     # each text's labels change places: the shares stay, the places do not
    {do: corrupt, from: caps, mismatch: true}    # each image carries another image's captions

What is drawn depends on the seed and the text alone, and the spans flipped at 10 % are among those flipped at 30 %. At
`flip: 0` the layer says the same: the control. A span whose label changed says so (`tagger: corrupt+<who gave it>`); a
mismatched caption names the image that it is of (`meta.of_image`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import Field, model_validator

from perceptdata.layers import Caption, Producer, Reject, Spans
from perceptdata.manifest import digest
from perceptdata.shard import ShardWriter
from perceptdata.steps.step import Shard, Step
from perceptdata.tagging import SPANS_TYPE
from perceptdata.workspace import layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

SPANS, CAPTIONS = layer_room("spans"), layer_room("captions")
OTHER = {"perception": "reasoning", "reasoning": "perception"}
ROWS = 8192
"""Rows of a spans layer that are in memory at a time."""


class Corrupt(Step):
    """`flip` is the chance that a span of perception becomes one of reasoning, or the other way; `shuffle` permutes the
    labels of each text among its spans. Both are of spans; `mismatch` is of captions.
    """

    do: ClassVar[str] = "corrupt"
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
        shards = []
        for _, shard, entry, file in ws.shards(room, self.from_):
            work: Any = FlipWork(self.producer(), ws.file(file), self.flip, self.seed)
            if self.mismatch:
                work = MismatchWork(self.producer(), ws.file(file), name, self.seed)
            shards.append(Shard(shard, digest(file.sha256), entry.about, work))
        return shards


def drawn(seed: int, text: str) -> np.random.Generator:
    """Chance that belongs to one text: the same in any shard, for any number of workers."""
    key = sha256(f"{seed} {text}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(key[:16], "little")))


@dataclass(frozen=True, slots=True)
class FlipWork:
    """One shard of spans. `flip` is None where labels are shuffled instead."""

    producer: Producer
    spans: Path
    flip: float | None
    seed: int

    def run(self, writer: ShardWriter) -> None:
        """The same rows in the same order, some labels changed."""
        writer.write(SPANS, Spans.arrow_schema().empty_table())
        for batch in pq.ParquetFile(self.spans).iter_batches(batch_size=ROWS):
            table = pa.Table.from_batches([batch])
            made = {name: table.column(name) for name in table.column_names}
            made["spans"] = self._spans(table.column("spans").combine_chunks(), table.column("text_id").to_pylist())
            made["producer"] = pa.array([self.producer.to_row()] * len(table), table.schema.field("producer").type)
            writer.write(SPANS, pa.table(made, schema=Spans.arrow_schema()))

    def _spans(self, spans: pa.ListArray, texts: list[str]) -> pa.ListArray:
        values = spans.flatten()
        before = np.asarray(values.field("label").to_pylist(), object)
        ends = np.r_[0, np.cumsum(spans.value_lengths().to_numpy())]
        after = before.copy()
        for at, text in enumerate(texts):
            part = slice(ends[at], ends[at + 1])
            after[part] = self._labels(before[part], drawn(self.seed, text))
        changed = after != before
        taggers = np.asarray(values.field("tagger").to_pylist(), object)
        taggers[changed] = [f"corrupt+{who}" for who in taggers[changed]]
        names = [field.name for field in SPANS_TYPE.value_type]
        columns = {name: values.field(name) for name in names}
        columns |= {"label": pa.array(after, pa.string()), "tagger": pa.array(taggers, pa.string())}
        made = pa.StructArray.from_arrays([columns[name] for name in names], fields=list(SPANS_TYPE.value_type))
        return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), made, type=SPANS_TYPE)

    def _labels(self, labels: NDArray[Any], chance: np.random.Generator) -> NDArray[Any]:
        if self.flip is None:
            return labels[chance.permutation(len(labels))]
        hit = chance.random(len(labels)) < self.flip
        return np.array(
            [OTHER.get(label, label) if yes else label for label, yes in zip(labels, hit, strict=True)], object
        )


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
