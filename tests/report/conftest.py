"""Workspaces to report on: a small one with everything in it, hostile texts included, and an empty one."""

import hashlib
import io
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image as Pillow
from PIL import ImageDraw

from perceptdata.example import STAGES, Answer, Example, Image, Source, text_id
from perceptdata.layers import Producer, Reject, Response, SpanRecord, Spans, text_sha256
from perceptdata.shard import ShardWriter
from perceptdata.view import ViewSpec, define_view
from perceptdata.workspace import EXAMPLES, Workspace, layer_room

MADE_BY = Producer(name="fixture", version="1", config="0" * 8)
HOSTILE = (
    "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'> \"q\" & '\u2028' {{ 7 * 7 }}"
)
TRACE = "In the figure, AB is 32. So x = 7. 😀 The label reads 5, hence y = 2."
LOOKS = ("In the figure, AB is 32.", "The label reads 5,")
THINKS = ("So x = 7.", "hence y = 2.")


def picture(number: int) -> SimpleNamespace:
    """A triangle as PNG, as a pack takes it."""
    drawn = Pillow.new("RGB", (360, 260), "white")
    pen = ImageDraw.Draw(drawn)
    pen.polygon([(40, 220), (320, 220), (60 + 40 * number, 40)], outline="black", width=3)
    pen.text((170, 230), f"AB = {30 + number}", fill="black")
    file = io.BytesIO()
    drawn.save(file, "PNG")
    data = file.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    return SimpleNamespace(sha256=digest, data=data, media_type="image/png", width=360, height=260)


def geometry(number: int, image: SimpleNamespace) -> list[Example]:
    """The three twins of one problem."""
    shown = (Image(sha256=image.sha256, width=360, height=260),)
    facts = f"Line AB has length {30 + number}.\nAngle ABC is right."
    return [
        Example(
            id=f"geometry/train/{number}/{stage}",
            stage=stage,
            group=f"geometry/train/{number}",
            images=() if stage == "textual_reasoning" else shown,
            question=("" if stage == "textual_reasoning" else "<image>") + f"Find $x_{number}$.",
            choices=("7", "9", "12", "13") if stage != "perception" else (),
            answer=Answer(text="7", kind="choice", index=0)
            if stage != "perception"
            else Answer(text=facts, kind="text"),
            facts=facts,
            facts_quality="reference",
            response=TRACE if stage != "perception" else None,
            source=Source(
                builder="geometry", version="1", corpus="Geometry", split="train", key=str(number), licence="CC-BY-4.0"
            ),
        )
        for stage in STAGES
    ]


def arithmetic(number: int) -> Example:
    """A question without an image; number 0 is hostile in every field a person could write."""
    evil = number == 0
    return Example(
        id=f"sums/test/{number}",
        stage="textual_reasoning",
        group=f"sums/test/{number}",
        question=HOSTILE if evil else f"What is {number} + {number}?",
        answer=Answer(text=HOSTILE if evil else str(2 * number), kind="text" if evil else "number"),
        response=f"<think>{HOSTILE}</think>" if evil else f"We add. So it is {2 * number}.",
        source=Source(builder="sums", version="2", corpus="Sums", split="test", key=str(number), licence="MIT"),
        meta={"note": HOSTILE} if evil else {},
    )


def spans_of(example: Example, name: str, text: str, pieces: Iterable[tuple[str, str, float]]) -> Spans:
    """A spans row from (piece, label, score); each piece stands in the text once."""
    found = [
        SpanRecord(start=text.index(piece), end=text.index(piece) + len(piece), label=label, score=score, tagger="cues")
        for piece, label, score in pieces
    ]
    return Spans(
        text_id=text_id(example.id, name),
        text_sha256=text_sha256(text),
        scheme="pro@1",
        spans=tuple(sorted(found, key=lambda span: span.start)),
        producer=MADE_BY,
    )


def _run(ws: Workspace, step: str, do: str, shard: ShardWriter, options: dict[str, object]) -> None:
    run = ws.begin(step, "0a1b2c3d", do, {"do": do, **options}, 1)
    run.shards[shard.shard] = shard.entry("0" * 64, f"{step}/{shard.shard}")
    ws.finish(run)


def fill(path: Path) -> Workspace:
    """8 problems of three twins, 5 sums, 2 reasons of rejects, generated responses, spans and a view."""
    ws = Workspace.create(path)
    with ws.lock("fixture"):
        problems = []
        with ShardWriter(ws.path, "geometry", "0a1b2c3d", "00000") as shard:
            for number in range(8):
                image = picture(number)
                shard.add_image(image)
                for example in geometry(number, image):
                    problems.append(example)
                    shard.add(EXAMPLES, example)
            for number in range(3):
                shard.reject(reject("geometry", f"bad-{number}", "image.missing", f"{number}.png is not there"))
            shard.reject(reject("geometry", "evil", "geometry.odd", HOSTILE))
        _run(ws, "geometry", "build", shard, {"builder": {"name": "geometry", "version": "1"}})
        sums = [arithmetic(number) for number in range(5)]
        with ShardWriter(ws.path, "sums", "0a1b2c3d", "00000") as shard:
            for example in sums:
                shard.add(EXAMPLES, example)
        _run(ws, "sums", "build", shard, {"builder": {"name": "sums", "version": "2"}})
        with ShardWriter(ws.path, "cot", "0a1b2c3d", "00000") as shard:
            for sample in range(2):
                text = f"Sample {sample}: x = {sample}."
                shard.add(
                    layer_room("responses"),
                    Response(
                        text_id=text_id(sums[1].id, "cot", sample),
                        example_id=sums[1].id,
                        sample=sample,
                        text=text,
                        text_sha256=text_sha256(text),
                        producer=MADE_BY,
                    ),
                )
        _run(ws, "cot", "generate", shard, {})
        with ShardWriter(ws.path, "tags", "0a1b2c3d", "00000") as shard:
            said = [(piece, "perception", 0.91) for piece in LOOKS] + [(piece, "reasoning", 0.5) for piece in THINKS]
            for example in problems:
                if example.response:
                    shard.add(layer_room("spans"), spans_of(example, "response", TRACE, said))
            evil = sums[0].response or ""
            shard.add(layer_room("spans"), spans_of(sums[0], "response", evil, [(HOSTILE, "other", 1.0)]))
            gone = spans_of(sums[1], "response", "We add.", [("We add.", "reasoning", 1.0)])
            shard.add(layer_room("spans"), gone)
        _run(ws, "tags", "tag", shard, {"use": [{"name": "cues", "version": "3"}]})
        define_view(ws, "hard", ViewSpec(where="stage = 'visual_reasoning' and tags.perception > 0.1", spans="tags"))
    return ws


def reject(builder: str, key: str, code: str, message: str) -> Reject:
    """A rejected row."""
    return Reject(builder=builder, split="train", key=key, code=code, message=message, producer=MADE_BY)


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with everything; nobody writes to it."""
    return fill(tmp_path_factory.mktemp("report") / "full")


@pytest.fixture
def empty(tmp_path: Path) -> Workspace:
    """A workspace with nothing."""
    return Workspace.create(tmp_path / "empty")


@pytest.fixture(scope="session")
def words() -> SimpleNamespace:
    """The texts of the full workspace, and the pieces of its trace that are tagged."""
    return SimpleNamespace(hostile=HOSTILE, trace=TRACE, looks=LOOKS, thinks=THINKS)
