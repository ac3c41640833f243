"""Layers: what was learned about examples and their texts, as rows beside them (standoff annotation).

    responses, captions      generated texts
    spans                    labelled clauses of a text
    verdicts, reviews        what judges and people say of a claim or a span
    token_scores             one number a token, for analysis
    scores                   one number an example or text: pass rates, difficulty, rewards, flags

Every row names its producer: name, version, and the hash of the options it ran with. Rows that address a text carry
`text_id` and `text_sha256`; together they are the key, so a layer can never be read against another text than its own.
"""

from __future__ import annotations

import hashlib
from typing import Literal

from pydantic import Field

from perceptdata.example import Stage
from perceptdata.records import Float32, Int32, Json, Record

LayerKind = Literal["responses", "captions", "spans", "verdicts", "reviews", "token_scores", "scores"]

CORRECT = "correct"
"""The name of the score that says how right a response's answer is; others stand beside it."""


def text_sha256(text: str) -> str:
    """The hash that ties a layer row to its text: SHA-256 of the UTF-8 bytes, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


class Producer(Record):
    """Who made a row: a plugin or step, its version, and the first 8 hex digits of its options' hash."""

    name: str
    version: str
    config: str


class GeneratedText(Record):
    """What a model wrote, with what it took; sample number `sample` of its step."""

    text_id: str
    sample: Int32
    text: str
    text_sha256: str
    finish_reason: str | None = None
    model: str | None = None
    prompt_tokens: Int32 | None = None
    completion_tokens: Int32 | None = None
    cost: float | None = None
    meta: Json = Field(default_factory=dict)
    producer: Producer


class Response(GeneratedText):
    """An answer to an example. Its text address is `<example_id>#<step>/<sample>`."""

    example_id: str


class Caption(GeneratedText):
    """A generated or given caption of one image. Its text address is `img:<sha256>#<step>/<sample>`."""

    image: str


class SpanRecord(Record):
    """A span as stored: half-open code-point offsets into the text of its row."""

    start: Int32
    end: Int32
    label: str
    score: Float32
    tagger: str


class Spans(Record):
    """The spans of one text under one scheme. `segmenter` is the version of the clause rules they were made with."""

    text_id: str
    text_sha256: str
    scheme: str
    segmenter: str | None = None
    spans: tuple[SpanRecord, ...]
    producer: Producer


class Verdict(Record):
    """One judge's word on one claim `text[start:end]`. Where there is none, `unjudged` says why."""

    text_id: str
    text_sha256: str
    claim: Int32
    start: Int32
    end: Int32
    verdict: str | None = None
    unjudged: str | None = None
    score: Float32 | None = None
    evidence: str | None = None
    meta: Json = Field(default_factory=dict)
    producer: Producer


class Review(Record):
    """One person's word on a text: spans they marked, or a verdict on a claim, with what they spent on it."""

    text_id: str
    text_sha256: str
    reviewer: str
    scheme: str
    spans: tuple[SpanRecord, ...] = ()
    verdict: str | None = None
    seconds: Float32 | None = None
    meta: Json = Field(default_factory=dict)
    producer: Producer


class TokenScores(Record):
    """One number a token of a text, under the named tokenizer; token i is `text[start[i]:end[i]]`, in code points.

    Tokens may share characters (the bytes of one), and leave out white space.
    """

    text_id: str
    text_sha256: str
    tokenizer: str
    name: str
    values: tuple[Float32, ...]
    start: tuple[Int32, ...]
    end: tuple[Int32, ...]
    producer: Producer


class Score(Record):
    """One named number about an example or text. Where there is none, `unscored` says why."""

    example_id: str
    text_id: str | None = None
    name: str
    value: float | None = None
    unscored: str | None = None
    meta: Json = Field(default_factory=dict)
    producer: Producer


class Reject(Record):
    """A row that could not be used: its key, a stable reason code, and a sentence."""

    builder: str
    split: str
    key: str
    stage: Stage | None = None
    code: str
    message: str
    producer: Producer


LAYERS: dict[LayerKind, type[Record]] = {
    "responses": Response,
    "captions": Caption,
    "spans": Spans,
    "verdicts": Verdict,
    "reviews": Review,
    "token_scores": TokenScores,
    "scores": Score,
}
