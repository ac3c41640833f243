"""Files in the shapes that training sets are handed around in: rows written by hand in the exact layout of each."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from drawn import png, put, put_json, put_parquet

from perceptdata.builders.interchange.captions import Captions
from perceptdata.builders.interchange.curriculum import CapCurriculum
from perceptdata.builders.interchange.training import EasyR1, LLaVA, ShareGPT, Verl
from perceptdata.builders.interchange.vlmevalkit import VLMEvalKit
from perceptdata.builders.own.auto import Auto
from perceptdata.errors import Rejected, UsageError
from perceptdata.ingest import Ingest
from perceptdata.layers import Producer

PICTURE = png("a")
BASE64 = base64.b64encode(PICTURE).decode()
CHAT = [{"role": "user", "content": "<image>Find x."}, {"role": "assistant", "content": "It is \\boxed{4}."}]

# The same picture in every way in which files hold one, and what the file is.
PICTURES: dict[str, tuple[Any, str]] = {
    "bytes in a list": ([{"bytes": PICTURE, "path": None}], ".parquet"),
    "bytes": ({"bytes": PICTURE, "path": "a.png"}, ".parquet"),
    "raw bytes": (PICTURE, ".parquet"),
    "base64": (BASE64, ".jsonl"),
    "data address in a list": ([f"data:image/png;base64,{BASE64}"], ".jsonl"),
    "path": ("a.png", ".jsonl"),
    "path in a list": (["./a.png"], ".json"),
    "path in an object": ([{"path": "a.png"}], ".json"),
    "verl's object": ([{"image": "a.png"}], ".parquet"),
    "path with the folder": ("images/a.png", ".jsonl"),
}
ROWS: dict[str, tuple[type[Auto], Callable[[Any], dict[str, Any]]]] = {
    "easyr1": (EasyR1, lambda image: {"problem": "<image>Find x.", "images": image, "answer": "4"}),
    "verl": (
        Verl,
        lambda image: {
            "data_source": "own/shape",
            "prompt": CHAT[:1],
            "images": image,
            "ability": "math",
            "reward_model": {"style": "rule", "ground_truth": "4"},
            "extra_info": {"split": "train", "index": 0, "answer": "long \\boxed{4}", "question": "Find x."},
        },
    ),
    "sharegpt": (ShareGPT, lambda image: {"messages": CHAT, "images": image}),
    "llava": (
        LLaVA,
        lambda image: {
            "id": "1",
            "image": image,
            "conversations": [{"from": "human", "value": "Find x.\n<image>"}, {"from": "gpt", "value": "4"}],
        },
    ),
    "cap_curriculum": (CapCurriculum, lambda image: {"problem": "<image>Find x.", "images": image, "answer": "4"}),
}


def write(folder: Path, suffix: str, rows: list[dict[str, Any]]) -> Path:
    put(folder / "images/a.png", PICTURE)
    file = folder / f"rows{suffix}"
    return put_parquet(file, rows) if suffix == ".parquet" else put_json(file, rows)


@pytest.mark.parametrize("how", PICTURES)
@pytest.mark.parametrize("shape", ROWS)
def test_a_file_in_any_shape_builds_by_its_reader_and_by_auto(shape: str, how: str, corpus: Path, take: Any) -> None:
    reader, row = ROWS[shape]
    picture, suffix = PICTURES[how]
    file = write(corpus, suffix, [row(picture)])
    for builder in (reader(images=corpus / "images"), Auto(images=corpus / "images")):
        (one,) = take(builder, file)
        assert (one.answer.text, len(one.images), one.stage) == ("4", 1, "visual_reasoning")
        assert one.question.count("<image>") == 1
        assert one.source.builder == builder.name


def test_two_turns_are_two_examples(corpus: Path, take: Any) -> None:
    more = [{"role": "user", "content": "And y?"}, {"role": "assistant", "content": "5"}]
    first, second = take(ShareGPT(), write(corpus, ".jsonl", [{"messages": CHAT + more, "images": [BASE64]}]))
    assert (first.answer.text, second.answer.text, len(second.history)) == ("4", "5", 2)


def test_llama_factorys_index_of_files_holds_no_rows(corpus: Path, take: Any) -> None:
    write(corpus, ".json", [{"messages": CHAT, "images": [BASE64]}])
    put_json(corpus / "dataset_info.json", {"mine": {"file_name": "rows.json", "formatting": "sharegpt"}})
    assert len(take(ShareGPT(), corpus)) == 1


def test_a_file_of_another_shape_is_refused_with_the_way_out(corpus: Path, take: Any) -> None:
    file = write(corpus, ".jsonl", [{"query": "How much?", "answer": "4"}])
    with pytest.raises(UsageError, match=r"not in the shape of easyr1, which has problem \(there are answer, query\)"):
        EasyR1().parts(file)
    (one,) = take(EasyR1(map={"query": "question"}), file)
    assert (one.question, one.answer.text) == ("How much?", "4")


# --- VLM-CapCurriculum

ASKED = "<image>Which?\nOptions:\nA: red\nB: blue\nC: grey\nD: pink\nRespond using only the letter of the option."
STAGE1 = {
    "index": "d_1",
    "answer": "B",
    "example_id": "train_00009",
    "split": "train",
    "image_path": [BASE64],
    **{f"option_{letter}": text for letter, text in zip("ABCD", ("red", "blue", "grey", "pink"), strict=True)},
    "prompt": ASKED,
    "predictions": ["B", "A", "\\boxed{B}", "no idea"],
    "correctness": [True, False, True, False],
    "pass_rate": 0.5,
}


def test_cap_curriculum_brings_its_difficulty(corpus: Path, read: Any) -> None:
    builder = CapCurriculum()
    (draft,), _ = read(builder, write(corpus, ".jsonl", [STAGE1]))
    assert (draft.key, draft.stage, draft.group) == ("d_1", "perception", "train_00009")
    assert (draft.question, draft.choices, draft.answer.index) == ("<image>Which?", ("red", "blue", "grey", "pink"), 1)
    assert draft.scores == {"pass_rate": 0.5}
    made = Ingest(builder, "cap", Producer(name="b", version="1", config="00000000"))(draft)
    scores: Any = made.layers["scores"]
    responses: Any = made.layers["responses"]
    assert [(row.name, row.value) for row in scores] == [
        ("pass_rate", 0.5),
        ("correct", 1.0),
        ("correct", 0.0),
        ("correct", 1.0),
        ("correct", 0.0),
    ]
    assert [row.text for row in responses] == STAGE1["predictions"]


def test_cap_curriculum_reads_what_the_writer_left(corpus: Path, take: Any) -> None:
    generated = {"question": "Which?", "options": {"A": "red", "B": "blue", "C": "x", "D": "y"}, "answer": "B"}
    (one,) = take(CapCurriculum(), write(corpus, ".jsonl", [{"generated": generated, "meta": {"example_id": "t"}}]))
    assert (one.question, one.choices, one.answer.text) == ("Which?", ("red", "blue", "x", "y"), "blue")


def test_pictures_named_twice_are_shown_once(corpus: Path, take: Any) -> None:
    (one,) = take(CapCurriculum(), write(corpus, ".jsonl", [{**STAGE1, "images": [BASE64]}]))
    assert len(one.images) == 1


def test_auto_finds_difficulty_too(corpus: Path, read: Any) -> None:
    rows = [{"question": "How much?", "answer": "4", "pass_rate": 0.25, "predictions": ["4"], "correctness": [1]}]
    (draft,), _ = read(Auto(), write(corpus, ".jsonl", rows))
    assert draft.scores == {"pass_rate": 0.25}
    assert [(each.text, each.score) for each in draft.responses] == [("4", 1.0)]
    (bad,) = read(Auto(map={"pass_rate": "score.rate"}), write(corpus, ".jsonl", [{**rows[0], "pass_rate": "high"}]))[1]
    assert (bad.code, "a score is no number" in bad.message) == ("field.invalid", True)


# --- VLMEvalKit

HEAD = ["index", "image", "hint", "question", "A", "B", "C", "D", "answer", "category"]


def tsv(folder: Path, *rows: dict[str, str]) -> Path:
    lines = ["\t".join(HEAD), *("\t".join(row.get(name, "") for name in HEAD) for row in rows)]
    return put(folder / "rows.tsv", "\n".join(lines).encode())


def test_vlmevalkit(corpus: Path, take: Any) -> None:
    first = {
        "index": "0",
        "image": BASE64,
        "question": "Which?",
        "A": "red",
        "B": "blue",
        "answer": "B",
        "category": "c",
    }
    again = {**first, "index": "1000000", "image": "0", "A": "blue", "B": "red", "answer": "A", "hint": "Look left."}
    two = {**first, "index": "2", "image": json.dumps([BASE64, BASE64])}
    one, same, pair = take(VLMEvalKit(), tsv(corpus, first, again, two))
    assert (one.choices, one.answer.index, one.question) == (("red", "blue"), 1, "<image>Which?")
    assert same.images == one.images
    assert same.question == "<image>Look left.\nWhich?"
    assert len(pair.images) == 2
    assert {each.source.allowed_use for each in (one, same, pair)} == {"evaluate"}
    assert take(VLMEvalKit(use="train", licence="MIT"), tsv(corpus, first))[0].source.allowed_use == "train"


def test_a_picture_that_points_nowhere_is_a_reject(corpus: Path, read: Any) -> None:
    lost = {"index": "1", "image": "77", "question": "Which?", "A": "red", "B": "blue", "answer": "B"}
    whole = {**lost, "index": "2", "image": BASE64}
    builder = VLMEvalKit()
    drafts, _ = read(builder, tsv(corpus, whole, lost))
    ingest = Ingest(builder, "v", Producer(name="b", version="1", config="00000000"))
    assert ingest(drafts[0]).images
    with pytest.raises(Rejected, match="77"):
        ingest(drafts[1])


# --- captions


def test_captions(corpus: Path, read: Any, take: Any) -> None:
    rows = [
        {"id": "x", "image": "a.png", "description": "A red patch.", "split": "val"},
        {"file_name": "a.png", "caption": "Another word for it."},
        {"image": "a.png", "caption": " "},
        {"caption": "No picture."},
    ]
    file = write(corpus, ".jsonl", rows)
    drafts, bad = read(Captions(images=corpus / "images"), file)
    assert [(draft.key, draft.split, draft.captions) for draft in drafts] == [
        ("x", "val", ("A red patch.",)),
        ("rows/1", "train", ("Another word for it.",)),
    ]
    assert [each.code for each in bad] == ["field.invalid", "image.missing"]
    named = Captions(images=corpus / "images", caption="text2", image="pic", split="test", licence="MIT", corpus="Mine")
    (one,) = take(named, write(corpus, ".json", [{"pic": "a.png", "text2": "A patch.", "caption": "not this"}]))
    assert (one.facts, one.source.split, one.source.licence, one.source.corpus) == ("A patch.", "test", "MIT", "Mine")


# --- what was found is said


def test_the_mapping_is_said_before_anything_is_built(corpus: Path, cli: Any) -> None:
    write(corpus, ".jsonl", [{"query": "How much is 2 + 2?", "label": "4", "pic": BASE64}])
    said = cli("build", "auto", "--source", corpus, "-w", "ws")
    assert said.code == 0
    assert "query  ->  question" in said.err
    assert "images: base64" in said.err
    found = json.loads(cli("build", "auto", "--source", corpus, "-w", "ws", "--dry-run", "--json").out)
    assert found["mapped"][0]["columns"] == {"pic": "images", "query": "question", "label": "answer"}
    wrong = cli("build", "auto", "--source", write(corpus / "other", ".jsonl", [{"a1": 1}]), "-w", "ws")
    assert (wrong.code, "no column holds questions" in wrong.err) == (2, True)


def test_a_recipe_says_it_too_and_only_when_it_builds(corpus: Path, cli: Any) -> None:
    write(corpus, ".jsonl", [{"query": "How much is 2 + 2?", "label": "4"}])
    put(corpus.parent / "recipe.yaml", b"sources: [{use: auto, name: own, path: corpus/rows.jsonl}]\n")
    assert "own: rows.jsonl\nquery  ->  question" in cli("run", "recipe.yaml").err
    assert "question" not in cli("run", "recipe.yaml").err
