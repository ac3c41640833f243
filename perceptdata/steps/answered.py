"""One shard of responses, made from replies that are on disk: what `generate` leaves behind.

for prompt in work.prompts():
    requests = work.requests(prompt)          # what `generate` asks, and what `run` looks up again
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from perceptdata import llm
from perceptdata.errors import Rejected
from perceptdata.example import Example, text_id
from perceptdata.formats import Format
from perceptdata.layers import Producer, Reject, Response, text_sha256
from perceptdata.query import ids_where
from perceptdata.shard import ShardWriter
from perceptdata.spans import SEGMENTS, Span, SpanSet
from perceptdata.steps.prompt import Prompt, See, prompt_of
from perceptdata.tagging import TextSpans
from perceptdata.texts import clean
from perceptdata.workspace import layer_room

RESPONSES, SPANS = layer_room("responses"), layer_room("spans")


@dataclass(frozen=True, slots=True)
class GenerateWork:
    """One shard of responses, made from replies that are on disk."""

    step: str
    producer: Producer
    examples: Path
    captions: tuple[Path, ...]
    replies: Path
    endpoint: llm.Endpoint
    form: Format
    sampling: llm.Sampling
    n: int
    see: See
    where: str | None
    local: bool
    template: str | None = None

    def count(self) -> int:
        """How many examples are asked."""
        return len(self._chosen())

    def prompts(self) -> Iterator[Prompt | Reject]:
        """A prompt for each chosen example, in order; a reject where it cannot be asked."""
        captions = self._captions()
        for example in self._read():
            yield self._prompt(example, captions)

    def requests(self, prompt: Prompt) -> list[llm.Request]:
        """The n requests of a prompt."""
        return [prompt.request(self.sampling, sample, self.form.max_pixels) for sample in range(self.n)]

    def run(self, writer: ShardWriter) -> None:
        """A response for each reply that can be used or was cut off at its limit; a reject for every other."""
        texts: list[TextSpans] = []
        captions = self._captions()
        with llm.ReplyCache(self.replies) as replies:
            for example in self._read():
                prompt = self._prompt(example, captions)
                if isinstance(prompt, Reject):
                    writer.reject(prompt)
                    continue
                for sample, request in enumerate(self.requests(prompt)):
                    address = text_id(example.id, self.step, sample)
                    reply = replies.get(request.key(self.endpoint))
                    try:
                        response = self._response(example, address, sample, prompt, reply)
                    except Rejected as error:
                        writer.reject(self._reject(example, error, sample))
                        continue
                    writer.add(RESPONSES, response)
                    if self.see == "facts" and example.images and self.template is None:
                        texts.append(self._border(example, response))
        if texts:
            writer.write(SPANS, TextSpans.table(texts))

    def _chosen(self) -> list[str]:
        table = pq.read_table(self.examples)
        return ids_where(table, self.where) if self.where else table.column("id").to_pylist()

    def _read(self) -> Iterator[Example]:
        table = pq.read_table(self.examples)
        if self.where:
            chosen = pa.array(ids_where(table, self.where), pa.string())
            table = table.filter(pc.is_in(table.column("id"), value_set=chosen))
        for row in table.to_pylist():
            yield Example.from_row(row)

    def _prompt(self, example: Example, captions: Mapping[str, str]) -> Prompt | Reject:
        try:
            prompt = prompt_of(example, self.see, self.form, captions, self.template)
            self._check_length(prompt, example)
        except Rejected as error:
            return self._reject(example, error)
        return prompt

    def _check_length(self, prompt: Prompt, example: Example) -> None:
        """About how long the prompt is, against the format's limit; a local model counts its own tokens instead."""
        limit = self.form.max_prompt_tokens
        if limit is None or self.local:
            return
        sizes = [(image.width, image.height) for image in example.images if prompt.images]
        tokens = llm.prompt_tokens(self.requests(prompt)[0], sizes)
        if tokens > limit:
            raise Rejected("prompt.too_long", f"the prompt has about {tokens} tokens; the format allows {limit}")

    def _captions(self) -> dict[str, str]:
        """The first caption of each image of this shard; the layer is read once."""
        if not self.captions:
            return {}
        shown = pc.list_flatten(pq.read_table(self.examples, columns=["images"]).column("images"))
        wanted = pc.unique(pc.struct_field(shown, "sha256"))
        found: dict[str, str] = {}
        for path in self.captions:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(columns=["image", "text"]):
                    kept = batch.filter(pc.is_in(batch.column("image"), value_set=wanted))
                    for image, text in zip(
                        kept.column("image").to_pylist(), kept.column("text").to_pylist(), strict=True
                    ):
                        found.setdefault(image, text)
        return found

    def _response(
        self, example: Example, address: str, sample: int, prompt: Prompt, reply: llm.Reply | None
    ) -> Response:
        if reply is None:
            raise Rejected("generate.unanswered", f"there is no reply to {address}; run the step again")
        if not reply.ok and reply.error != "length":
            raise Rejected(f"generate.{reply.error}", reply.message or llm.ERRORS[str(reply.error)])
        text = clean(prompt.prefill + reply.text, "response")
        if self.see == "facts" and example.images and self.template is None:
            text = f"{example.facts}\n\n{text.lstrip()}"
        return Response(
            text_id=address,
            example_id=example.id,
            sample=sample,
            text=text,
            text_sha256=text_sha256(text),
            finish_reason=reply.finish_reason,
            model=reply.model,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            cost=reply.cost,
            meta={"see": self.see, **({"reasoning": reply.reasoning} if reply.reasoning else {})},
            producer=self.producer,
        )

    def _border(self, example: Example, response: Response) -> TextSpans:
        """The gold border of an assembled trace: the facts are the description, whatever else the format finds."""
        facts = len(example.facts or "")
        segments = self.form.parse(response.text).segments
        spans = SpanSet.of([Span(0, facts, "description")], SEGMENTS, tagger="facts")
        rest = [span for span in segments if span.start >= facts]
        if not rest:
            start = facts + len(response.text[facts:]) - len(response.text[facts:].lstrip())
            rest = [Span(start, len(response.text), "think")] if start < len(response.text) else []
        return TextSpans(
            text_id=response.text_id,
            text_sha256=response.text_sha256,
            spans=SpanSet.of([*spans, *rest], SEGMENTS, tagger=self.form.name),
            producer=self.producer,
        )

    def _reject(self, example: Example, error: Rejected, sample: int | None = None) -> Reject:
        return Reject(
            builder=self.producer.name,
            split=example.source.split,
            key=example.id if sample is None else text_id(example.id, self.step, sample),
            stage=example.stage,
            code=error.code,
            message=error.message,
            producer=self.producer,
        )
