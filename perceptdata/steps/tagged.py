"""One shard of spans: its texts, what the chain's taggers read beside them, and what models said of them.

for batch in work.batches():
    tag_batch(batch.items, work.taggers, batch.meta)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from perceptdata.errors import Rejected
from perceptdata.example import Example, text_id
from perceptdata.layers import Producer, Reject, Spans, text_sha256
from perceptdata.llm import ReplyCache
from perceptdata.plugins import Tagger
from perceptdata.segmentation import VERSION as SEGMENTER
from perceptdata.shard import ShardWriter
from perceptdata.tagging import Texts, answers_for, asking, spans_to_arrow, tag_batch
from perceptdata.workspace import layer_room

SPANS = layer_room("spans")
BATCH = 1024

Item = tuple[str, str, Example | None]


@dataclass(frozen=True, slots=True)
class TagWork:
    """One shard of spans, over one kind of the examples' own texts (`own`) or over a shard of responses.

    `beside` are the files of the layers that taggers read, by step. `replies` is where models' answers are kept.
    """

    taggers: tuple[Tagger, ...]
    producer: Producer
    examples: Path
    own: str | None
    responses: Path | None
    beside: tuple[tuple[str, tuple[Path, ...]], ...]
    replies: Path

    def run(self, writer: ShardWriter) -> None:
        """Tag in batches; an example without the text gets no row."""
        empty = True
        with ReplyCache(self.replies) if asking(self.taggers) else nullcontext() as replies:
            answers = answers_for(self.taggers, replies) if replies is not None else {}
            for batch in self.batches(writer):
                empty = False
                problems: list[tuple[str, str, Rejected]] = []
                sets = tag_batch(
                    batch.items, self.taggers, batch.meta, answers, lambda *told, kept=problems: kept.append(told)
                )
                writer.write(SPANS, self._table(batch.items, spans_to_arrow(sets)))
                of = {address: example for address, _, example in batch.items}
                for tagger, address, problem in problems:
                    writer.reject(self._reject(address, of[address], problem, tagger))
        if empty:
            writer.write(SPANS, Spans.arrow_schema().empty_table())

    def batches(self, writer: ShardWriter | None = None) -> Iterator[Texts]:
        """The shard's texts. Rows of other layers that speak of another text than theirs go to the writer's rejects."""
        beside = {step: _rows(paths) for step, paths in self.beside}
        texts = self._texts()
        for start in range(0, len(texts), BATCH):
            items = texts[start : start + BATCH]
            if not beside:
                yield Texts(items)
                continue
            meta: list[dict[str, Any]] = []
            for address, text, example in items:
                sha256 = text_sha256(text)
                rows = {step: of.get(address, []) for step, of in beside.items()}
                for step, each in rows.items():
                    if writer is not None and any(row["text_sha256"] != sha256 for row in each):
                        problem = Rejected("text.changed", f"the row of '{step}' was made from another text")
                        writer.reject(self._reject(address, example, problem, step))
                meta.append(
                    {step: [row for row in each if row["text_sha256"] == sha256] for step, each in rows.items()}
                )
            yield Texts(items, meta)

    def _texts(self) -> list[Item]:
        examples = [Example.from_row(row) for row in pq.read_table(self.examples).to_pylist()]
        if self.own is not None:
            texts = ((example, example.text(self.own)) for example in examples)
            return [(text_id(example.id, self.own), text, example) for example, text in texts if text]
        by_id = {example.id: example for example in examples}
        rows = pq.read_table(self.responses, columns=["text_id", "example_id", "text"]).to_pylist()
        return [(row["text_id"], row["text"], by_id[row["example_id"]]) for row in rows]

    def _table(self, batch: Sequence[Item], spans: pa.Array) -> pa.Table:
        schema = Spans.arrow_schema()
        producer = pa.array([self.producer.to_row()] * len(batch), schema.field("producer").type)
        columns = {
            "text_id": [address for address, _, _ in batch],
            "text_sha256": [text_sha256(text) for _, text, _ in batch],
            "scheme": [self.taggers[0].scheme.id] * len(batch),
            "segmenter": [SEGMENTER] * len(batch),
            "spans": spans,
            "producer": producer,
        }
        return pa.table(columns, schema=schema)

    def _reject(self, address: str, example: Example | None, problem: Rejected, by: str) -> Reject:
        return Reject(
            builder=self.producer.name,
            split=example.source.split if example else "",
            key=address,
            stage=example.stage if example else None,
            code=problem.code,
            message=f"{by}: {problem.message}",
            producer=self.producer,
        )


def _rows(paths: Sequence[Path]) -> dict[str, list[dict[str, Any]]]:
    """A layer's rows by the text they speak of."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in paths:
        for row in pq.read_table(path).to_pylist():
            found.setdefault(row["text_id"], []).append(row)
    return found
