"""Tag: texts get a spans layer, clause by clause, from one tagger or a chain of them.

    Tag(use=["structure", "cues"])                     # the source's own responses
    Tag(**{"from": ["cot"], "use": ["structure", {"cues": {"margin": 0.1}}]})

Each tagger sees what the ones before it said, and labels only what they left open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BeforeValidator, Field

from perceptdata import registry
from perceptdata.errors import UsageError
from perceptdata.example import Example, text_id
from perceptdata.layers import Producer, Spans, text_sha256
from perceptdata.manifest import digest
from perceptdata.plugins import Tagger
from perceptdata.segmentation import VERSION as SEGMENTER
from perceptdata.shard import ShardWriter
from perceptdata.steps.step import Shard, Step
from perceptdata.tagging import spans_to_arrow, tag_batch
from perceptdata.workspace import EXAMPLES, layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

OWN = ("response", "facts", "question")
SPANS = layer_room("spans")
RESPONSES = layer_room("responses")
BATCH = 1024


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str | dict) else value


class Tag(Step):
    """Spans over the texts that `from` names, by the chain of taggers in `use`.

    A text is the example's own (`response`, `facts`, `question`) or the name of a step that wrote responses.
    """

    do: ClassVar[str] = "tag"
    from_: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        default=("response",), alias="from", min_length=1
    )
    use: Annotated[tuple[str | dict[str, dict[str, Any] | None], ...], BeforeValidator(_listed)] = Field(
        default=("structure", "cues"), min_length=1
    )

    @cached_property
    def taggers(self) -> tuple[Tagger, ...]:
        """The chain, with options checked. All of one scheme."""
        chain = []
        for item in self.use:
            named = {item: None} if isinstance(item, str) else item
            if len(named) != 1:
                raise UsageError(f"each tagger of 'use' is a name or one {{name: {{options}}}}, not {item}")
            ((name, options),) = named.items()
            chain.append(registry.make("taggers", name, options))
        if len({tagger.scheme.id for tagger in chain}) != 1:
            raise UsageError("the taggers of one step must share a scheme; give the others a step of their own")
        return tuple(chain)

    def identity(self) -> dict[str, Any]:
        """The chain with every option resolved, and the clause rules."""
        chain = [{"name": tagger.name, "version": tagger.version, **tagger.options()} for tagger in self.taggers]
        return {"do": self.do, "version": self.version, "from": self.from_, "use": chain, "segmenter": SEGMENTER}

    def needs(self) -> tuple[str, ...]:
        """The steps among `from`."""
        return tuple(name for name in self.from_ if name not in OWN)

    def plan(self, ws: Workspace, name: str) -> list[Shard]:
        """One shard for each shard of examples, and one for each shard of a step's responses."""
        examples = {f"{step}/{shard}": file for step, shard, _, file in ws.shards(EXAMPLES)}
        shards = []
        for text in self.from_:
            if text in OWN:
                for about, file in examples.items():
                    work = TagWork(self.taggers, self.producer(), ws.file(file), text)
                    shards.append(Shard(_shard(text, about), file.sha256, about, work))
                continue
            ws.layer(text, "responses")
            for _, _, entry, file in ws.shards(RESPONSES, text):
                answered = examples[entry.about]
                work = TagWork(self.taggers, self.producer(), ws.file(answered), None, ws.file(file))
                shards.append(Shard(_shard(text, entry.about), digest(file.sha256, answered.sha256), entry.about, work))
        return shards


def _shard(text: str, about: str) -> str:
    return f"{about.replace('/', '-')}-{text}"


@dataclass(frozen=True, slots=True)
class TagWork:
    """One shard of spans, over one kind of the examples' own texts (`own`) or over a shard of responses."""

    taggers: tuple[Tagger, ...]
    producer: Producer
    examples: Path
    own: str | None
    responses: Path | None = None

    def run(self, writer: ShardWriter) -> None:
        """Tag in batches; an example without the text gets no row."""
        texts = self._texts()
        for start in range(0, len(texts), BATCH):
            batch = texts[start : start + BATCH]
            writer.write(SPANS, self._table(batch, spans_to_arrow(tag_batch(batch, self.taggers))))
        if not texts:
            writer.write(SPANS, Spans.arrow_schema().empty_table())

    def _texts(self) -> list[tuple[str, str, Example | None]]:
        examples = [Example.from_row(row) for row in pq.read_table(self.examples).to_pylist()]
        if self.own is not None:
            texts = ((example, example.text(self.own)) for example in examples)
            return [(text_id(example.id, self.own), text, example) for example, text in texts if text]
        by_id = {example.id: example for example in examples}
        rows = pq.read_table(self.responses, columns=["text_id", "example_id", "text"]).to_pylist()
        return [(row["text_id"], row["text"], by_id[row["example_id"]]) for row in rows]

    def _table(self, batch: Sequence[tuple[str, str, Example | None]], spans: pa.Array) -> pa.Table:
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
