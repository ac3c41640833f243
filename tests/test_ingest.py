"""From draft to example, layers or reject: what is kept, what is changed, and every reason for refusing."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

from perceptdata.draft import BadRow, Draft, DraftResponse, FileIn
from perceptdata.errors import REASONS, PluginError, Rejected
from perceptdata.example import Answer, Image, Region, Source, Turn
from perceptdata.ingest import Ingest, Ingested
from perceptdata.layers import Caption, Producer, Reject, Response, Score, text_sha256
from perceptdata.plugins import Builder, Part
from perceptdata.spans import SEGMENTS, Span, SpanSet
from perceptdata.tagging import TextSpans

PRODUCER = Producer(name="toy", version="3", config="00000000")


class Toy(Builder):
    name = "toy"
    version = "3"
    corpus = "Toy corpus"
    licence = "CC0-1.0"
    allowed_use = "research"

    def read(self, part: Part) -> Iterator[Draft | BadRow]:
        return iter(())


def png(width: int = 6, height: int = 4, colour: str = "red") -> bytes:
    file = io.BytesIO()
    Pillow.new("RGB", (width, height), colour).save(file, "PNG")
    return file.getvalue()


RED, BLUE = png(), png(colour="blue")
RED_SHA = hashlib.sha256(RED).hexdigest()
INGEST = Ingest(Toy(), "toy", PRODUCER, max_pixels=1000)


def draft(**fields: Any) -> Draft:
    plain: dict[str, Any] = {
        "key": "11",
        "stage": "textual_reasoning",
        "question": "Find x.",
        "answer": Answer(text="13"),
    }
    return Draft(**{**plain, **fields})


def ingest(**fields: Any) -> Ingested:
    return INGEST(draft(**fields))


# What becomes of a good row


def test_a_plain_row() -> None:
    made = ingest()
    example = made.example
    assert (example.id, example.group, example.stage) == ("toy/train/11", "toy/train/11", "textual_reasoning")
    assert (example.question, example.answer, example.meta) == ("Find x.", Answer(text="13"), {})
    assert example.source == Source(
        builder="toy",
        version="3",
        corpus="Toy corpus",
        split="train",
        key="11",
        licence="CC0-1.0",
        allowed_use="research",
    )
    assert (made.images, made.layers) == ([], {})


def test_a_row_with_everything() -> None:
    made = ingest(
        split="dev",
        twin="visual",
        stage="visual_reasoning",
        question="<image>And <image>?",
        images=[RED, BLUE],
        choices=["3", "13"],
        answer=Answer(text="13", kind="choice", index=1),
        facts="AB = 3",
        facts_quality="reference",
        response="So 13.",
        regions=[Region(label="A", coords=(1.0, 2.0), image=1)],
        history=[Turn(role="user", text="Hello."), Turn(role="assistant", text="Hello!")],
        meta={"level": 2},
        corpus="Other corpus",
        licence="CC-BY-4.0",
        allowed_use="evaluate",
    )
    example = made.example
    assert (example.id, example.group) == ("toy/dev/11/visual", RED_SHA)
    assert example.images == tuple(
        Image(sha256=hashlib.sha256(data).hexdigest(), width=6, height=4) for data in (RED, BLUE)
    )
    assert [image.data for image in made.images] == [RED, BLUE]
    assert (example.choices, example.facts, example.facts_quality) == (("3", "13"), "AB = 3", "reference")
    assert (example.response, example.meta) == ("So 13.", {"level": 2})
    assert [turn.text for turn in example.history] == ["Hello.", "Hello!"]
    assert example.regions[0].image == 1
    source = example.source
    assert (source.corpus, source.licence, source.allowed_use) == ("Other corpus", "CC-BY-4.0", "evaluate")


def test_a_group_of_its_own_stays() -> None:
    assert ingest(group="toy/scene-4", images=[RED], question="<image>?").example.group == "toy/scene-4"


def test_texts_are_normalised_once_and_the_change_is_recorded() -> None:
    raw = "cafe\u0301\r\n"
    made = ingest(
        question=f"{raw}?<image>",
        images=[RED],
        choices=["b", raw],
        answer=Answer(text=raw, kind="choice", index=1, accepts=("plain", raw), unit="A\u030a"),
        facts=raw,
        response="plain",
        history=[Turn(role="user", text=raw)],
        regions=[Region(label=raw, coords=(0.0, 0.0))],
        captions=[raw],
        responses=[DraftResponse(raw)],
        meta={"level": 2},
    )
    example, text = made.example, "caf\u00e9\n"
    assert (example.question, example.choices, example.facts) == (f"{text}?<image>", ("b", text), text)
    assert example.answer == Answer(text=text, kind="choice", index=1, accepts=("plain", text), unit="\u00c5")
    assert (example.history[0].text, example.regions[0].label) == (text, text)
    changed = ["answer.accepts", "answer.text", "answer.unit", "captions", "choices", "facts", "history", "question"]
    assert example.meta == {"level": 2, "normalised": [*changed, "regions", "responses"]}
    (caption,), (response,) = made.layers["captions"], made.layers["responses"]
    assert isinstance(caption, Caption)
    assert isinstance(response, Response)
    assert (caption.text, response.text) == (text, text)
    assert caption.text_sha256 == response.text_sha256 == text_sha256(text)


def test_a_normalised_row_goes_through_unchanged() -> None:
    first = ingest(question="cafe\u0301 <image>", images=[RED]).example
    again = ingest(question=first.question, images=[RED]).example
    assert again.question == first.question
    assert (first.meta, again.meta) == ({"normalised": ["question"]}, {})


def test_gold_spans_move_with_their_text() -> None:
    raw = "e\u0301t\u00e9: x = 3"
    spans = SpanSet.of([Span(0, 4, "think", 0.5), Span(6, 11, "answer")], SEGMENTS, tagger="gold")
    made = ingest(response=raw, spans={"response": spans})
    moved = SpanSet.of([Span(0, 3, "think", 0.5), Span(5, 10, "answer")], SEGMENTS, tagger="gold")
    address, sha256 = "toy/train/11#response", text_sha256("\u00e9t\u00e9: x = 3")
    assert made.layers["spans"] == [TextSpans(address, sha256, moved, PRODUCER)]


def test_layers_that_the_source_brings() -> None:
    given = [DraftResponse("So 13.", model="m", score=1.0, meta={"beam": 2}), DraftResponse("So 4.", score=0.0)]
    made = ingest(
        images=[RED, BLUE],
        question="<image><image>?",
        responses=[*given, DraftResponse("Unjudged.")],
        captions=["Red.", "All red."],
        scores={"difficulty": 0.25},
    )
    common: dict[str, Any] = {"example_id": "toy/train/11", "producer": PRODUCER}
    assert made.layers["responses"] == [
        Response(
            text_id=f"toy/train/11#toy/{n}",
            sample=n,
            text=text,
            text_sha256=text_sha256(text),
            model=model,
            meta=meta,
            **common,
        )
        for n, (text, model, meta) in enumerate(
            [("So 13.", "m", {"beam": 2}), ("So 4.", None, {}), ("Unjudged.", None, {})]
        )
    ]
    assert made.layers["captions"] == [
        Caption(
            text_id=f"img:{RED_SHA}#toy/{n}",
            image=RED_SHA,
            sample=n,
            text=text,
            text_sha256=text_sha256(text),
            producer=PRODUCER,
        )
        for n, text in enumerate(["Red.", "All red."])
    ]
    assert made.layers["scores"] == [
        Score(name="difficulty", value=0.25, **common),
        Score(name="correct", value=1.0, text_id="toy/train/11#toy/0", **common),
        Score(name="correct", value=0.0, text_id="toy/train/11#toy/1", **common),
    ]
    assert "spans" not in made.layers


# What is refused

LABEL = "A"
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("text.nul", {"question": "a\0"}, "question contains NUL"),
    ("text.surrogate", {"facts": "a\ud800"}, "facts contains the lone surrogate U\\+D800"),
    ("text.special_token", {"response": "<|im_start|>user"}, "response contains the special token <\\|im_start\\|>"),
    ("text.special_token", {"captions": ["</s>"], "images": [RED], "question": "<image>"}, "captions contains"),
    ("text.special_token", {"responses": [DraftResponse("[INST]")]}, "responses contains"),
    ("text.nul", {"history": [Turn(role="user", text="\0")]}, "history contains"),
    ("text.nul", {"regions": [Region(label="\0", coords=(0.0, 0.0))]}, "regions contains"),
    ("text.nul", {"answer": Answer(text="a", accepts=("\0",))}, "answer.accepts contains"),
    ("text.nul", {"key": "a\0"}, "key contains"),
    ("text.surrogate", {"split": "\udc00"}, "split contains"),
    ("text.surrogate", {"twin": "\udc00"}, "twin contains"),
    ("answer.missing", {"answer": Answer(text=" \n")}, "empty"),
    ("answer.missing", {"answer": None}, "NoneType"),
    ("answer.index", {"answer": Answer(text="3", kind="choice", index=1), "choices": ["3", "13"]}, "index 1 is '13'"),
    ("answer.index", {"answer": Answer(text="5", kind="choice", index=1), "choices": ["3", "13"]}, "its text is '5'"),
    ("answer.index", {"answer": Answer(text="3", kind="choice", index=2), "choices": ["3", "13"]}, "with 2 choices"),
    (
        "answer.gold_fails",
        {"answer": Answer(text="5", kind="choice"), "choices": ["3", "13"]},
        "'5' scores 0 by its kind",
    ),
    ("image.placeholders", {"images": [RED]}, "0 <image> .* for 1 images"),
    ("image.placeholders", {"question": "<image>Find x."}, "1 <image> .* for 0 images"),
    ("image.truncated", {"images": [RED[:-5]], "question": "<image>"}, "ends too early"),
    ("image.unreadable", {"images": [b"GIF??"], "question": "<image>"}, "no image"),
    ("image.too_large", {"images": [png(100, 11)], "question": "<image>"}, "100 x 11 pixels; the limit is 1,000"),
    ("image.missing", {"images": [Path("nowhere.png")], "question": "<image>"}, "'nowhere.png' cannot be opened"),
    ("image.path_escapes", {"images": [FileIn(Path(), "../x.png")], "question": "<image>"}, "leads out"),
    ("image.missing", {"captions": ["Red."]}, "no image"),
    ("spans.range", {"spans": {"facts": SpanSet.of([Span(0, 1, "other")])}}, "'facts', which the row does not have"),
    ("spans.range", {"spans": {"id": SpanSet.of([Span(0, 1, "other")])}}, "'id', which the row does not have"),
    ("spans.range", {"spans": {"question": SpanSet.of([Span(0, 99, "other")])}}, "outside a text"),
    ("spans.cut_character", {"facts": "e\u0301", "spans": {"facts": SpanSet.of([Span(0, 1, "other")])}}, "joins"),
    ("field.invalid", {"stage": "guess"}, "'stage': Input should be 'perception'"),
    ("field.invalid", {"allowed_use": "sale"}, "'allowed_use': Input should be"),
    ("field.invalid", {"facts_quality": "good"}, "'facts_quality'"),
    ("field.invalid", {"question": ""}, "'question': String should have at least 1"),
    ("field.invalid", {"question": 7}, "question is int, not text"),
    ("field.invalid", {"choices": "['3', '13']"}, "choices is str, not a list of texts"),
    ("field.invalid", {"choices": [3, 13]}, "choices is int, not text"),
    ("field.invalid", {"key": ""}, "key is ''"),
    ("field.invalid", {"key": 11}, "key is 11"),
    ("field.invalid", {"twin": ""}, "twin is ''"),
    ("field.invalid", {"group": ""}, "group is ''"),
    ("field.invalid", {"meta": {"a": {1, 2}}}, "meta cannot be stored as JSON"),
    ("field.invalid", {"meta": {"a": math.nan}}, "meta cannot be stored as JSON"),
    ("field.invalid", {"meta": {"a": "\ud800"}}, "meta cannot be stored as JSON"),
    ("field.invalid", {"responses": [DraftResponse("a", meta={"a": {1}})]}, "meta cannot be stored as JSON"),
    ("field.invalid", {"answer": Answer(text="1", tolerance=math.inf)}, "tolerance is inf"),
    ("field.invalid", {"answer": Answer(text="1", tolerance=-1)}, "tolerance is -1"),
    ("field.invalid", {"scores": {"difficulty": math.nan}}, "score 'difficulty' is nan"),
    ("field.invalid", {"responses": [DraftResponse("a", score=math.inf)]}, "score 'correct' is inf"),
    ("field.invalid", {"regions": [Region(label=LABEL, coords=(0.0, 0.0))]}, "on image 0 of 0"),
    (
        "field.invalid",
        {"regions": [Region(label=LABEL, coords=(0.0, 0.0, 1.0))], "images": [RED], "question": "<image>"},
        "give 2 or 4 numbers",
    ),
]


@pytest.mark.parametrize(("code", "fields", "message"), REFUSED)
def test_refused(code: str, fields: dict[str, Any], message: str) -> None:
    row = draft(**fields)
    with pytest.raises(Rejected, match=message) as caught:
        INGEST(row)
    assert caught.value.code == code
    reject = INGEST.reject(row, caught.value)
    assert (reject.builder, reject.code, reject.message) == ("toy", code, caught.value.message)
    Reject.table([reject])  # it can be stored, whatever was wrong


def test_a_draft_is_not_changed() -> None:
    row = draft(question="e\u0301\r\n", meta={"level": 2}, answer=Answer(text="e\u0301"))
    before = dataclasses.replace(row, meta=dict(row.meta))
    INGEST(row)
    assert row == before


# Rejects


def test_a_reject_names_its_row() -> None:
    error = Rejected("answer.missing", "the answer is empty")
    assert INGEST.reject(draft(split="dev", twin="visual"), error) == Reject(
        builder="toy",
        split="dev",
        key="11/visual",
        stage="textual_reasoning",
        code="answer.missing",
        message="the answer is empty",
        producer=PRODUCER,
    )
    bad = INGEST.reject(BadRow("a.jsonl/7", "row.unreadable", "no JSON"), Rejected("row.unreadable", "no JSON"))
    assert (bad.split, bad.key, bad.stage, bad.code) == ("train", "a.jsonl/7", None, "row.unreadable")


def test_a_reject_can_always_be_stored() -> None:
    reject = INGEST.reject(draft(key="\ud800", stage="guess"), Rejected("toy.odd", "odd \udfff"))
    assert (reject.key, reject.stage, reject.message) == ("\\ud800", None, "odd \\udfff")
    assert Reject.table([reject]).num_rows == 1


@pytest.mark.parametrize("code", ["oops", "other.reason", "toy"])
def test_an_unknown_reason_code_is_the_plugin_s_fault(code: str) -> None:
    with pytest.raises(PluginError, match=f"'toy' rejects with the code '{code}'"):
        INGEST.reject(draft(), Rejected(code, "no"))


def test_every_code_of_the_engine_is_accepted() -> None:
    for code in [*REASONS, "toy.no_problem"]:
        assert INGEST.reject(draft(), Rejected(code, "no")).code == code
