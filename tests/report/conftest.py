"""Workspaces to report on: a small one with everything in it, hostile texts included, and an empty one; Chromium."""

import hashlib
import io
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image as Pillow
from PIL import ImageDraw
from report.chromium import FLAGS, LISTEN
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from perceptdata.example import STAGES, Answer, Example, Image, Source, text_id
from perceptdata.layers import Producer, Reject, Response, SpanRecord, Spans, text_sha256
from perceptdata.shard import ShardWriter
from perceptdata.view import ViewSpec, define_view
from perceptdata.workspace import EXAMPLES, Workspace, layer_room

HASH = "0a1b2c3d"
MADE_BY = Producer(name="fixture", version="1", config=HASH)
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


def spans_of(example: Example, text: str, pieces: Iterable[tuple[str, str, float]]) -> Spans:
    """A spans row over the response, from (piece, label, score); each piece stands in the text once."""
    found = [
        SpanRecord(start=text.index(piece), end=text.index(piece) + len(piece), label=label, score=score, tagger="cues")
        for piece, label, score in pieces
    ]
    return Spans(
        text_id=text_id(example.id, "response"),
        text_sha256=text_sha256(text),
        scheme="pro@1",
        spans=tuple(sorted(found, key=lambda span: span.start)),
        producer=MADE_BY,
    )


def _run(ws: Workspace, step: str, do: str, shards: dict[str, ShardWriter], options: dict[str, object]) -> None:
    """Enter a finished step; `shards` by the shard of examples that each speaks of."""
    run = ws.begin(step, HASH, do, {"do": do, **options}, len(shards))
    for about, shard in shards.items():
        run.shards[shard.shard] = shard.entry("0" * 64, about)
    ws.finish(run)


def fill(path: Path) -> Workspace:
    """8 problems of three twins, 5 sums, 2 reasons of rejects, generated responses, spans and a view."""
    ws = Workspace.create(path)
    problems = [(picture(number), geometry(number, picture(number))) for number in range(8)]
    sums = [arithmetic(number) for number in range(5)]
    with ws.lock("fixture"):
        with ShardWriter(ws.path, "geometry", HASH, "00000") as shard:
            for image, twins in problems:
                shard.add_image(image)
                for example in twins:
                    shard.add(EXAMPLES, example)
            for number in range(3):
                shard.reject(reject(f"bad-{number}", "image.missing", f"{number}.png is not there"))
            shard.reject(reject("evil", "geometry.odd", HOSTILE))
        _run(ws, "geometry", "build", {"geometry/00000": shard}, {"builder": {"name": "geometry", "version": "1"}})
        with ShardWriter(ws.path, "sums", HASH, "00000") as shard:
            for example in sums:
                shard.add(EXAMPLES, example)
        _run(ws, "sums", "build", {"sums/00000": shard}, {"builder": {"name": "sums", "version": "2"}})
        with ShardWriter(ws.path, "cot", HASH, "sums-00000") as shard:
            for sample in range(2):
                shard.add(layer_room("responses"), response_of(sums[1], sample))
        _run(ws, "cot", "generate", {"sums/00000": shard}, {})
        with ShardWriter(ws.path, "tags", HASH, "geometry-00000") as first:
            said = [(piece, "perception", 0.91) for piece in LOOKS] + [(piece, "reasoning", 0.5) for piece in THINKS]
            for _, twins in problems:
                for example in twins:
                    if example.response:
                        first.add(layer_room("spans"), spans_of(example, TRACE, said))
        with ShardWriter(ws.path, "tags", HASH, "sums-00000") as second:
            second.add(layer_room("spans"), spans_of(sums[0], sums[0].response or "", [(HOSTILE, "other", 1.0)]))
            second.add(layer_room("spans"), spans_of(sums[1], "We added.", [("We added.", "reasoning", 1.0)]))
        shards = {"geometry/00000": first, "sums/00000": second}
        _run(ws, "tags", "tag", shards, {"use": [{"name": "cues", "version": "3"}]})
        define_view(ws, "hard", ViewSpec(where="stage = 'visual_reasoning' and tags.perception > 0.1", spans="tags"))
    return ws


def response_of(example: Example, sample: int) -> Response:
    """A generated response."""
    text = f"Sample {sample}: x = {sample}."
    return Response(
        text_id=text_id(example.id, "cot", sample),
        example_id=example.id,
        sample=sample,
        text=text,
        text_sha256=text_sha256(text),
        producer=MADE_BY,
    )


def reject(key: str, code: str, message: str) -> Reject:
    """A rejected row of the geometry source."""
    return Reject(builder="geometry", split="train", key=key, code=code, message=message, producer=MADE_BY)


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


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """One Chromium for all tests of a page."""
    binary, found = shutil.which("chromium"), shutil.which("chromedriver")
    if not (binary and found):
        pytest.skip("chromium and chromedriver are not installed (Debian: apt-get install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with webdriver.Chrome(options=options, service=Service(found)) as started:
        started.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": LISTEN})
        yield started
