"""One shard of captions with their claims: which images it captions, and where each caption comes from.

for image in work.images():
    work.written([image], answers)        # its captions, or why there are none
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from perceptdata import llm
from perceptdata.errors import Rejected
from perceptdata.example import Example, text_id
from perceptdata.formats import Format
from perceptdata.layers import Caption, Producer, Reject, Spans, text_sha256
from perceptdata.llm.asking import Answers, Ask, answers_of
from perceptdata.packs import ImageStore
from perceptdata.plugins import Captioned, Captioner, Claim, ImageItem
from perceptdata.shard import ShardWriter
from perceptdata.spans import Span, SpanSet
from perceptdata.steps.pictures import shown
from perceptdata.tagging import TextSpans
from perceptdata.texts import clean
from perceptdata.verification.asking import AskingCaptioner, captions_by
from perceptdata.verification.claims import CLAIMS, leaks, split
from perceptdata.verification.decomposition import asks, decomposed, segmenter_of
from perceptdata.workspace import layer_room

CORPUS, FACTS = "corpus", "facts"
CAPTIONS, SPANS = layer_room("captions"), layer_room("spans")
LEAKS, FROM = "leaks", "from"
DESCRIPTION = "description"
BATCH = 256

Made = Sequence[Captioned | Rejected]
Rows = dict[str, list[dict[str, Any]]]
"""The given texts by image or example."""


@dataclass(frozen=True, slots=True)
class CaptionWork:
    """One shard of captions: of a `captioner`, or of texts that are there (`origin`, read from `given` or the facts).

    `examples` are this shard's own, then those of shards that show its images again; `repeated` are images that an
    earlier shard captions. A caption's sample is its place among those of its image.
    """

    step: str
    producer: Producer
    examples: tuple[Path, ...]
    repeated: frozenset[str]
    packs: tuple[Path, ...]
    replies: Path
    captioner: Captioner | None = None
    origin: str = ""
    form: Format | None = None
    given: tuple[Path, ...] = ()
    decompose: llm.Endpoint | None = None

    def images(self) -> Iterator[list[ImageItem]]:
        """The images that are captioned here, some at a time."""
        store = ImageStore(self.packs)
        items: list[ImageItem] = []
        for sha256, examples in shown(self.examples, self.repeated):
            items.append(ImageItem(sha256, memoryview(store[sha256]).cast("B"), examples))
            if len(items) == BATCH:
                yield items
                items = []
        if items:
            yield items

    def run(self, writer: ShardWriter) -> None:
        """A row for each caption, and one for its claims; a reject for each that failed."""
        writer.write(CAPTIONS, Caption.arrow_schema().empty_table())
        writer.write(SPANS, Spans.arrow_schema().empty_table())
        with llm.ReplyCache(self.replies) as replies:
            answers = self._answers(replies)
            cut = answers_of(replies, self.decompose) if self.decompose else None
            rows = self._rows()
            for items in self.images():
                for caption in self._captions(items, answers, rows, writer):
                    writer.add(CAPTIONS, caption)
                    writer.add(SPANS, self._claims(caption, cut, writer))

    def asks(self, answers: Answers) -> Iterator[Ask]:
        """What the captioner wants to know of this shard's images."""
        if isinstance(self.captioner, AskingCaptioner):
            for items in self.images():
                yield from self.captioner.asks(items, answers)

    def cuts(self, replies: llm.ReplyCache) -> Iterator[Ask]:
        """How the captions that are there are cut into claims."""
        answers, rows = self._answers(replies), self._rows()
        for items in self.images():
            for caption in self._captions(items, answers, rows):
                yield from asks(caption.text, split([caption.text])[0])

    def _answers(self, replies: llm.ReplyCache) -> Answers | None:
        return answers_of(replies, self.captioner.endpoint) if isinstance(self.captioner, AskingCaptioner) else None

    def _captions(
        self, items: Sequence[ImageItem], answers: Answers | None, rows: Rows, writer: ShardWriter | None = None
    ) -> Iterator[Caption]:
        """The captions of some images. What failed goes to the writer's rejects, where there is one."""
        if self.captioner is not None:
            written: Sequence[Made] = captions_by(self.captioner, items, answers)
        else:
            written = [self._given(item, rows) for item in items]
        for item, made in zip(items, written, strict=True):
            for sample, each in enumerate(made):
                address = text_id(f"img:{item.sha256}", self.step, sample)
                try:
                    if isinstance(each, Rejected):
                        raise each
                    yield self._caption(item, address, sample, each)
                except Rejected as error:
                    if writer is not None:
                        writer.reject(self._reject(address, error, item.examples))

    def _caption(self, item: ImageItem, address: str, sample: int, made: Captioned) -> Caption:
        text = clean(made.text, "caption").strip()
        if not text:
            raise Rejected("caption.empty", "the caption has no text")
        meta = dict(made.meta)
        if told := leaks(text, item.examples):
            meta[LEAKS] = told
        return Caption(
            text_id=address,
            image=item.sha256,
            sample=sample,
            text=text,
            text_sha256=text_sha256(text),
            finish_reason=made.finish_reason,
            model=made.model,
            prompt_tokens=made.prompt_tokens,
            completion_tokens=made.completion_tokens,
            cost=made.cost,
            meta=meta,
            producer=self.producer,
        )

    def _claims(self, caption: Caption, cut: Answers | None, writer: ShardWriter) -> TextSpans:
        whole = split([caption.text])[0]
        claims, problem = decomposed(caption.text, whole, cut) if cut else (whole, None)
        if problem is not None:
            writer.reject(self._reject(caption.text_id, problem))
        clauses = set(whole)
        spans = [Span(*claim, tagger="clauses" if claim in clauses else "decomposition") for claim in claims]
        return TextSpans(
            text_id=caption.text_id,
            text_sha256=caption.text_sha256,
            spans=SpanSet.of(spans, CLAIMS).check(len(caption.text)),
            producer=self.producer,
            segmenter=segmenter_of(self.decompose),
        )

    def _given(self, item: ImageItem, rows: Rows) -> Made:
        """The captions that are there already, each text once."""
        found: dict[str, Captioned | Rejected] = {}
        for made in self._texts(item, rows):
            key = made.message if isinstance(made, Rejected) else made.text
            found.setdefault(key, made)
        return tuple(found.values())

    def _texts(self, item: ImageItem, rows: Rows) -> Iterator[Captioned | Rejected]:
        alone = [example for example in item.examples if len(example.images) == 1]
        if self.origin == FACTS:
            for example in alone:
                if example.facts:
                    yield Captioned(example.facts, meta={FROM: FACTS, "quality": example.facts_quality})
        elif self.origin == CORPUS:
            for row in rows.get(item.sha256, ()):
                yield _of_row(row, row["text"], {FROM: row["text_id"]})
        else:
            for example in alone:
                for row in rows.get(example.id, ()):
                    yield self._described(row)

    def _described(self, row: dict[str, Any]) -> Captioned | Rejected:
        """The description in a response."""
        assert self.form is not None  # the step makes it for every other origin
        text = row["text"]
        span = next((each for each in self.form.parse(text).segments if each.label == DESCRIPTION), None)
        if span is None:
            return Rejected(
                "caption.no_description", f"{row['text_id']} has no description that {self.form.name} finds"
            )
        return _of_row(row, text[span.start : span.end], {FROM: row["text_id"], "start": span.start, "end": span.end})

    def _rows(self) -> Rows:
        found: Rows = {}
        key = "image" if self.origin == CORPUS else "example_id"
        for path in self.given:
            for row in pq.read_table(path, columns=[key, "text_id", "text", "finish_reason", "model"]).to_pylist():
                found.setdefault(row[key], []).append(row)
        return found

    def _reject(self, address: str, error: Rejected, examples: Sequence[Example] = ()) -> Reject:
        return Reject(
            builder=self.producer.name,
            split=examples[0].source.split if examples else "",
            key=address,
            code=error.code,
            message=error.message,
            producer=self.producer,
        )


def _of_row(row: dict[str, Any], text: str, meta: dict[str, Any]) -> Captioned:
    return Captioned(text, finish_reason=row["finish_reason"], model=row["model"], meta=meta)


def claims_of(spans: Sequence[dict[str, Any]]) -> tuple[Claim, ...]:
    """The claims in a row of the caption step's spans."""
    return tuple(Claim(span["start"], span["end"], span["label"]) for span in spans)
