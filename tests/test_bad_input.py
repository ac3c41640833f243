"""Bad input end to end: each row becomes a reject with its stable code and key, and the good rows stay.

Through the toy builder, whose rows are drafts, and through `auto`, which reads what users have.
"""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from toys import card, picture, write_lines

from perceptdata.errors import REASONS, UsageError
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import run_step
from perceptdata.workspace import Workspace

pytestmark = pytest.mark.usefixtures("with_toys")


def build(tmp_path: Path, use: str, path: Path, **options: Any) -> Workspace:
    ws = Workspace.create(tmp_path / "ws")
    with ws.lock("test"):
        run_step(ws, "rows", make_step("build", {"use": use, "path": path, **options}))
    return ws


def rejects(ws: Workspace) -> dict[str, str]:
    """Code by key."""
    rows = ws.rejects().to_table().to_pylist()
    assert len({row["key"] for row in rows}) == len(rows)
    assert all(row["message"] and "Traceback" not in row["message"] for row in rows)
    return {row["key"]: row["code"] for row in rows}


def kept(ws: Workspace) -> list[str]:
    return [each.split("/", 2)[2] for each in ws.examples().to_table(columns=["id"]).column("id").to_pylist()]


def animated() -> bytes:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def bomb() -> bytes:
    """A PNG that says it is 60,000 pixels square."""
    data = bytearray(picture(1))
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    return bytes(data)


def odd(mode: str) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (6, 4)).save(buffer, "TIFF" if mode == "CMYK" else "PNG")
    return buffer.getvalue()


def seen(key: str, *images: str, **changes: Any) -> dict[str, Any]:
    return {
        "key": key,
        "stage": "visual_reasoning",
        "question": "<image>" * len(images) + "What?",
        "images": list(images),
        **changes,
    }


def test_every_kind_of_trouble_costs_its_own_row_and_no_other(tmp_path: Path) -> None:
    source = tmp_path / "cards"
    source.mkdir()
    files = {
        "good.png": picture(1),
        "cut.png": picture(1)[:-20],
        "empty.png": b"",
        "text.png": b"I am not a picture",
        "moves.gif": animated(),
        "bomb.png": bomb(),
        "palette.png": odd("P"),
        "cmyk.tiff": odd("CMYK"),
        "clear.png": odd("RGBA"),
    }
    for name, data in files.items():
        (source / name).write_bytes(data)
    with zipfile.ZipFile(source / "pack.zip", "w") as archive:
        archive.writestr("in/good.png", picture(2))
        archive.writestr("../out.png", picture(3))
    (tmp_path / "outside.png").write_bytes(picture(4))
    bad: dict[str, tuple[str, Any]] = {
        "truncated": ("image.truncated", seen("truncated", "cut.png")),
        "empty": ("image.truncated", seen("empty", "empty.png")),
        "no-image": ("image.unreadable", seen("no-image", "text.png")),
        "animated": ("image.animated", seen("animated", "moves.gif")),
        "bomb": ("image.too_large", seen("bomb", "bomb.png")),
        "missing": ("image.missing", seen("missing", "nowhere.png")),
        "second-missing": ("image.missing", seen("second-missing", "good.png", "nowhere.png")),
        "climbs": ("image.path_escapes", seen("climbs", "../outside.png")),
        "zip-climbs": ("image.path_escapes", seen("zip-climbs", "pack.zip!../out.png")),
        "zip-missing": ("image.missing", seen("zip-missing", "pack.zip!in/nowhere.png")),
        "too-few": ("image.placeholders", seen("too-few", question="<image>What?")),
        "too-many": ("image.placeholders", seen("too-many", "good.png", question="What?")),
        "surrogate": ("text.surrogate", card(0, key="surrogate", question="a \ud800 b")),
        "nul": ("text.nul", card(0, key="nul", response="a \0 b")),
        "special": ("text.special_token", card(0, key="special", question="<|im_start|>system")),
        "fails": (
            "answer.gold_fails",
            card(0, key="fails", answer={"text": "z", "kind": "choice"}, choices=["a", "b"]),
        ),
        "no-answer": ("answer.missing", card(0, key="no-answer", answer={"text": " "})),
        "index": (
            "answer.index",
            card(0, key="index", answer={"text": "b", "kind": "choice", "index": 2}, choices=["a", "b"]),
        ),
        "no-text": ("field.invalid", card(0, key="no-text", question=7)),
        "no-stage": ("field.invalid", card(0, key="no-stage", stage="seeing")),
        "nan": ("field.invalid", card(0, key="nan", scores={"difficulty": float("nan")})),
        "deep": ("field.invalid", card(0, key="deep", meta={"a": float("inf")})),
    }
    good = [
        card(1),
        seen("plain", "good.png", answer={"text": "yes"}),
        seen("palette", "palette.png", answer={"text": "yes"}),
        seen("cmyk", "cmyk.tiff", answer={"text": "yes"}),
        seen("clear", "clear.png", answer={"text": "yes"}),
        seen("zipped", "pack.zip!in/good.png", answer={"text": "yes"}),
        seen("twice", "good.png", "good.png", answer={"text": "yes"}),
    ]
    rows: list[Any] = []
    for number, (_, row) in enumerate(bad.values()):
        rows += [row, *good[number : number + 1]]
    write_lines(source / "0.jsonl", [*rows, "{not json", card(1)])

    ws = build(tmp_path, "toy_cards", source)
    lines = len(rows) + 2
    assert rejects(ws) == {
        **{key: code for key, (code, _) in bad.items()},
        f"0/{lines - 2}": "row.unreadable",
        "1": "id.duplicate",
    }
    assert set(rejects(ws).values()) <= set(REASONS)
    assert kept(ws) == ["1", "plain", "palette", "cmyk", "clear", "zipped", "twice"]
    assert ws.examples().count_rows() + ws.rejects().count_rows() == lines
    # Palette, CMYK and transparent pictures are fine: their bytes pass through, and decoding makes them RGB.
    stored = {
        batch["bytes"] for view in ws.view("all").batches() for row in view.to_pylist() for batch in row["images"]
    }
    assert {files["palette.png"], files["cmyk.tiff"], files["clear.png"]} <= stored
    modes = {image.mode for row in ws.view("all") for image in row["images"]}
    assert modes == {"RGB"}


def test_texts_are_normalised_once_and_it_is_recorded(tmp_path: Path) -> None:
    loose = card(
        1, question="Cafe\u0301?\r\nYes\rno", response="plain", answer={"text": "e\u0301", "accepts": ["\u00e9"]}
    )
    write_lines(tmp_path / "cards" / "0.jsonl", [loose, card(2)])
    ws = build(tmp_path, "toy_cards", tmp_path / "cards")
    first, second = ws.examples().to_table().to_pylist()
    assert first["question"] == "Caf\u00e9?\nYes\nno"
    assert first["answer"]["text"] == "\u00e9"
    assert json.loads(first["meta"]) == {"normalised": ["answer.text", "question"]}
    assert json.loads(second["meta"]) == {}


@pytest.mark.parametrize("special", ["<|im_start|>", "<|vision_start|>", "</s>", "[INST]"])
def test_a_special_token_is_refused_in_every_text(tmp_path: Path, special: str) -> None:
    said = f"see {special} here"
    rows = [
        card(0, question=said),
        card(1, response=said),
        card(2, facts=said),
        card(3, answer={"text": said}),
        card(4, choices=[said, "b"]),
        card(5, history=[{"role": "user", "text": said}]),
        card(6, responses=[{"text": said}]),
        card(7),
    ]
    write_lines(tmp_path / "cards" / "0.jsonl", rows)
    ws = build(tmp_path, "toy_cards", tmp_path / "cards")
    assert kept(ws) == ["7"]
    assert rejects(ws) == {str(number): "text.special_token" for number in range(7)}


def test_what_users_have_goes_through_auto(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    attack = f"[__import__('pathlib').Path({str(ran)!r}).touch()]"
    rows: list[Any] = [
        {"id": "good", "question": "What is shown?", "answer": "a", "choices": "['a', 'b']", "image": "a.png"},
        {"id": "code", "question": "What is shown?", "answer": "a", "choices": attack, "image": "a.png"},
        {"id": "gone", "question": "What is shown?", "answer": "a", "choices": "['a', 'b']", "image": "b.png"},
        {
            "id": "out",
            "question": "What is shown?",
            "answer": "a",
            "choices": "['a', 'b']",
            "image": "../../etc/hostname",
        },
        {"id": "special", "question": "<|im_end|> shown?", "answer": "a", "choices": "['a', 'b']", "image": "a.png"},
        '{"id": "cut", "question": "What is',
        {"id": "good", "question": "And again?", "answer": "b", "choices": "['a', 'b']", "image": "a.png"},
        {"id": "last", "question": "What is shown?", "answer": "b", "choices": "['a', 'b']", "image": "a.png"},
    ]
    write_lines(tmp_path / "rows" / "vqa.jsonl", rows)
    (tmp_path / "rows" / "a.png").write_bytes(picture(1))
    ws = build(tmp_path, "auto", tmp_path / "rows" / "vqa.jsonl")
    codes = {key.rpartition("/")[2]: code for key, code in rejects(ws).items()}
    assert [each.rpartition("/")[2] for each in kept(ws)] == ["good", "last"]
    assert codes.pop("code").startswith(("row.", "field.", "answer.", "auto."))
    assert codes == {
        "gone": "image.missing",
        "out": "image.path_escapes",
        "special": "text.special_token",
        "5": "row.unreadable",
        "good": "id.duplicate",
    }
    assert not ran.exists()


def test_a_source_that_is_no_source_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "rows.xyz").write_text("?")
    with pytest.raises(UsageError, match=r"rows\.xyz"):
        build(tmp_path, "auto", tmp_path / "rows.xyz")
