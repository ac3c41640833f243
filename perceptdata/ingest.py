"""Ingest: a draft becomes an example with its images and layer rows, or a reject. The one gate into a workspace.

    ingest = Ingest(builder, step="geometry3k", producer=producer)
    try:
        made = ingest(draft)                      # Ingested(example, images, layers)
    except Rejected as error:
        reject = ingest.reject(draft, error)

Texts are normalised and checked here, once; the fields that changed are named in `meta["normalised"]`. Images are
measured and hashed, never changed. The gold answer must score 1.0 by its own comparison. Every reason for refusing a
row is a `Rejected`; anything else that escapes is a fault of the program or the machine, and stops the run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from perceptdata import answers, images
from perceptdata.draft import BadRow, Draft
from perceptdata.errors import REASONS, PluginError, Rejected
from perceptdata.example import (
    STAGES,
    TEXTS,
    Answer,
    Example,
    Image,
    Region,
    Source,
    Turn,
    example_id,
    text_id,
    use_under,
)
from perceptdata.images import CheckedImage
from perceptdata.layers import (
    CORRECT,
    Caption,
    LayerKind,
    Producer,
    Reject,
    Response,
    Score,
    text_sha256,
)
from perceptdata.plugins import Builder
from perceptdata.records import Record, canonical_json
from perceptdata.registry import option_errors
from perceptdata.tagging import TextSpans
from perceptdata.texts import check, clean, normalise_spans

NORMALISED = "normalised"


@dataclass(frozen=True, slots=True)
class Ingested:
    """What one draft became. `images` are those to store, in the example's order; `layers` hold kinds with rows."""

    example: Example
    images: list[CheckedImage]
    layers: dict[LayerKind, Sequence[Record | TextSpans]]


class Ingest:
    """Makes examples of one builder's drafts. `step` is the source's name: it begins ids and names layers."""

    def __init__(self, builder: Builder, step: str, producer: Producer, max_pixels: int = images.MAX_PIXELS) -> None:
        self._builder = builder
        self._step = step
        self._producer = producer
        self._max_pixels = max_pixels

    def __call__(self, draft: Draft) -> Ingested:
        """The example with its images and layer rows. Raises Rejected where the row cannot be used."""
        try:
            return self._ingest(draft)
        except ValidationError as error:
            raise Rejected("field.invalid", option_errors(error, Example)) from None

    def reject(self, row: Draft | BadRow, error: Rejected) -> Reject:
        """The reject of a row that was refused here or could not be read. Raises PluginError for an unknown code."""
        if error.code not in REASONS and not error.code.startswith(f"{self._builder.name}."):
            raise PluginError(
                f"builder '{self._builder.name}' rejects with the code '{error.code}': use one of errors.REASONS, or "
                f"'{self._builder.name}.<reason>'"
            )
        twin = row.twin if isinstance(row, Draft) else None
        stage = row.stage if isinstance(row, Draft) and row.stage in STAGES else None
        return Reject(
            builder=self._builder.name,
            split=_storable(row.split),
            key=_storable(row.key) if twin is None else f"{_storable(row.key)}/{_storable(twin)}",
            stage=stage,
            code=error.code,
            message=_storable(error.message),
            producer=self._producer,
        )

    def _ingest(self, draft: Draft) -> Ingested:
        _check_names(draft)
        text = _Texts()
        question = text("question", draft.question)
        choices = text.each("choices", draft.choices)
        answer = text.answer(draft.answer)
        facts = None if draft.facts is None else text("facts", draft.facts)
        response = None if draft.response is None else text("response", draft.response)
        history = tuple([text.turn(turn) for turn in draft.history])
        regions = tuple([text.region(region) for region in draft.regions])
        captions = text.each("captions", draft.captions)
        responses = [text("responses", given.text) for given in draft.responses]
        checked = [ref if isinstance(ref, Image) else images.read(ref, self._max_pixels) for ref in draft.images]
        _check_regions(regions, len(checked))

        identity = example_id(self._step, draft.split, draft.key, draft.twin)
        example = Example(
            id=identity,
            stage=draft.stage,
            group=draft.group or (checked[0].sha256 if checked else identity),
            images=tuple([Image(sha256=one.sha256, width=one.width, height=one.height) for one in checked]),
            question=question,
            choices=choices,
            answer=answer,
            facts=facts,
            facts_quality=draft.facts_quality,
            response=response,
            regions=regions,
            history=history,
            source=self._source(draft),
            meta=_meta(draft.meta, text.changed),
        )
        _check_answer(example)

        layers: dict[LayerKind, Sequence[Record | TextSpans]] = {
            "spans": self._spans(draft, example),
            "responses": self._responses(draft, example, responses),
            "captions": self._captions(example, captions),
            "scores": self._scores(draft, example),
        }
        fresh = [one for one in checked if isinstance(one, CheckedImage)]
        return Ingested(example, fresh, {kind: rows for kind, rows in layers.items() if rows})

    def _source(self, draft: Draft) -> Source:
        licence = draft.licence or self._builder.licence
        return Source(
            builder=self._builder.name,
            version=self._builder.version,
            corpus=draft.corpus or self._builder.corpus,
            split=draft.split,
            key=draft.key,
            licence=licence,
            allowed_use=use_under(licence, draft.allowed_use or self._builder.allowed_use),
        )

    def _spans(self, draft: Draft, example: Example) -> list[TextSpans]:
        rows = []
        for name, spans in draft.spans.items():
            raw = getattr(draft, name) if name in TEXTS else None
            text = example.text(name) if name in TEXTS else None
            if raw is None or text is None:
                raise Rejected("spans.range", f"spans for the text '{name}', which the row does not have")
            rows.append(
                TextSpans(
                    text_id(example.id, name), text_sha256(text), normalise_spans(raw, text, spans), self._producer
                )
            )
        return rows

    def _responses(self, draft: Draft, example: Example, texts: Sequence[str]) -> list[Record]:
        return [
            Response(
                text_id=text_id(example.id, self._step, sample),
                example_id=example.id,
                sample=sample,
                text=text,
                text_sha256=text_sha256(text),
                model=given.model,
                meta=_meta(given.meta),
                producer=self._producer,
            )
            for sample, (given, text) in enumerate(zip(draft.responses, texts, strict=True))
        ]

    def _captions(self, example: Example, texts: Sequence[str]) -> list[Record]:
        if texts and not example.images:
            raise Rejected("image.missing", "the row has captions and no image that they could belong to")
        return [
            Caption(
                text_id=text_id(f"img:{example.images[0].sha256}", self._step, sample),
                image=example.images[0].sha256,
                sample=sample,
                text=text,
                text_sha256=text_sha256(text),
                producer=self._producer,
            )
            for sample, text in enumerate(texts)
        ]

    def _scores(self, draft: Draft, example: Example) -> list[Record]:
        named: list[tuple[str | None, str, float]] = [(None, name, value) for name, value in draft.scores.items()]
        for sample, given in enumerate(draft.responses):
            if given.score is not None:
                named.append((text_id(example.id, self._step, sample), CORRECT, given.score))
        for _, name, value in named:
            if not _finite(value):
                raise Rejected("field.invalid", f"score '{name}' is {value!r}; give a finite number")
        return [
            Score(example_id=example.id, text_id=address, name=name, value=value, producer=self._producer)
            for address, name, value in named
        ]


class _Texts:
    """Cleans the texts of one draft, and remembers by field name which of them changed."""

    def __init__(self) -> None:
        self.changed: set[str] = set()

    def __call__(self, field: str, raw: Any) -> str:
        if not isinstance(raw, str):
            raise Rejected("field.invalid", f"{field} is {type(raw).__name__}, not text")
        text = clean(raw, field)
        if text != raw:
            self.changed.add(field)
        return text

    def each(self, field: str, raws: Any) -> tuple[str, ...]:
        if isinstance(raws, str) or not isinstance(raws, Sequence):
            raise Rejected("field.invalid", f"{field} is {type(raws).__name__}, not a list of texts")
        return tuple([self(field, raw) for raw in raws])

    def answer(self, answer: Answer) -> Answer:
        if not isinstance(answer, Answer):
            raise Rejected("answer.missing", f"the answer is {type(answer).__name__}, not an Answer")
        fresh: dict[str, Any] = {"text": self("answer.text", answer.text)}
        if not fresh["text"].strip():
            raise Rejected("answer.missing", "the answer is empty")
        if answer.accepts:
            fresh["accepts"] = self.each("answer.accepts", answer.accepts)
        if answer.unit is not None:
            fresh["unit"] = self("answer.unit", answer.unit)
        if answer.tolerance is not None and not (_finite(answer.tolerance) and answer.tolerance >= 0):
            raise Rejected("field.invalid", f"answer.tolerance is {answer.tolerance!r}; give a finite number from 0 up")
        changed = any(name.startswith("answer.") for name in self.changed)
        return answer.model_copy(update=fresh) if changed else answer

    def turn(self, turn: Turn) -> Turn:
        text = self("history", turn.text)
        return turn if text == turn.text else Turn(role=turn.role, text=text)

    def region(self, region: Region) -> Region:
        label = self("regions", region.label)
        return region if label == region.label else region.model_copy(update={"label": label})


def _check_names(draft: Draft) -> None:
    """The parts of the id, before they are quoted; an empty or unprintable one would name nothing."""
    for field in ("key", "split", "twin", "group"):
        value = getattr(draft, field)
        if value is None and field in ("twin", "group"):
            continue
        if not isinstance(value, str) or not value:
            raise Rejected("field.invalid", f"{field} is {value!r}; give a text that is not empty")
        check(value, field)


def _check_regions(regions: Sequence[Region], count: int) -> None:
    for region in regions:
        if not 0 <= region.image < count:
            raise Rejected("field.invalid", f"region '{region.label}' is on image {region.image} of {count}")
        if len(region.coords) not in (2, 4) or not all(map(math.isfinite, region.coords)):
            raise Rejected("field.invalid", f"region '{region.label}' has coords {region.coords}; give 2 or 4 numbers")


def _check_answer(example: Example) -> None:
    answer = example.answer
    if answer.kind == "choice" and answer.index is not None:
        named = answers.choice_index(answer.text, example.choices)
        if named is None or example.choices[named] != example.choices[answer.index]:
            raise Rejected(
                "answer.index",
                f"answer index {answer.index} is {example.choices[answer.index]!r}, but its text is {answer.text!r}",
            )
    score = answers.gold_score(example)
    if score != 1.0:
        judge = f"checker '{answer.checker.name}'" if answer.checker else f"kind '{answer.kind}'"
        raise Rejected("answer.gold_fails", f"the gold answer {answer.text[:80]!r} scores {score:g} by its {judge}")


def _meta(given: Mapping[str, Any], changed: set[str] | None = None) -> dict[str, Any]:
    meta = dict(given)
    if changed:
        meta[NORMALISED] = sorted(changed)
    if meta:
        try:
            canonical_json(meta).encode()
        except (TypeError, ValueError) as error:  # not JSON; or a lone surrogate, which no file can hold
            raise Rejected("field.invalid", f"meta cannot be stored as JSON: {error}") from None
    return meta


def _finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _storable(value: Any) -> str:
    """Any value as text that a file can hold: a reject must never fail to be written."""
    return str(value).encode("utf-8", "backslashreplace").decode()
