"""The files of users. Records called shapes are written by hand in the exact layout of a published corpus."""

import base64
import io
import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from perceptdata.builders.own.auto import Auto
from perceptdata.draft import FileIn, ZipMember
from perceptdata.errors import Rejected, UsageError
from perceptdata.example import IMAGE
from perceptdata.ingest import Ingest
from perceptdata.layers import Producer
from perceptdata.registry import make


def png(colour: str = "red") -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (3, 2), colour).save(data, "PNG")
    return data.getvalue()


def jsonl(folder: Path, *rows: Any, name: str = "rows.jsonl") -> Path:
    (folder / name).write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
    return folder / name


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for name in ("a", "b"):
        (tmp_path / f"images/{name}.png").write_bytes(png("red" if name == "a" else "blue"))
    return tmp_path / "images"


# --- real files -------------------------------------------------------------------------------------------------------


def test_mathvision(shared: Path, take) -> None:
    folder = shared / "corpora/mathvision"
    examples = {e.source.key: e for e in take(Auto(images=folder / "images"), folder / "testmini.jsonl")}
    assert len(examples) == 40
    assert Counter(len(e.images) for e in examples.values()) == {1: 40}
    assert all(
        e.question.count(IMAGE) == 1 for e in examples.values()
    )  # 335 of the corpus' records have several tokens
    assert "image2" not in examples["63"].question
    assert (examples["173"].answer.index, examples["173"].answer.text) == (4, "$6(\\sqrt{2}-1)$")
    assert (examples["53"].answer.index, examples["53"].choices) == (0, ("A", "B", "C", "D", "E"))
    assert (examples["870"].answer.text, examples["870"].meta["raw_answer"]) == ("(A)", "A")
    assert (examples["4"].answer.text, examples["4"].answer.kind) == ("6", "number")
    assert {e.source.split for e in examples.values()} == {"testmini"}
    assert (examples["1668"].response or "").startswith("When Cathie cut the paper")


def test_mmk12(shared: Path, take) -> None:
    examples = take(Auto(licence="Apache-2.0", corpus="MMK12"), shared / "corpora/mmk12/k12.json")
    assert len(examples) == 40
    assert {(e.source.corpus, e.source.licence) for e in examples} == {("MMK12", "Apache-2.0")}
    by_text = {e.answer.text: e.answer for e in examples}
    assert by_text["5n-4"].kind == "expression"
    assert (by_text["69"].unit, by_text["69"].accepts) == ("°", ("$$69^{\\circ}$$",))


def test_math(shared: Path, take) -> None:
    folder = shared / "corpora/math_hendrycks"
    examples = take(Auto(), folder / "math.json")
    assert len(examples) == 84
    assert {e.stage for e in examples} == {"textual_reasoning"}
    first = next(e for e in examples if e.source.key.endswith("prealgebra_2009.json"))
    assert first.answer.text == "2\\sqrt3"
    assert (first.response or "").endswith("$AB=\\sqrt{12}=\\boxed{2\\sqrt3}$.")
    single = take(Auto(), folder / "MATH")  # one file a record
    assert len(single) == 28
    assert {e.source.split for e in single} == {"test"}
    assert next(e for e in single if e.source.key == "test/algebra/15").answer.text == "100"


# --- shapes -----------------------------------------------------------------------------------------------------------


def test_shape_easyr1(tmp_path: Path, pictures: Path, take) -> None:
    file = jsonl(tmp_path, {"problem": "<image>Find $x$.", "images": ["a.png"], "answer": "3"})
    (one,) = take(Auto(images=pictures), file)
    assert (one.question, one.answer.text, one.stage, len(one.images)) == (
        "<image>Find $x$.",
        "3",
        "visual_reasoning",
        1,
    )


def test_shape_easyr1_as_parquet_with_embedded_images(tmp_path: Path, take) -> None:
    table = pa.Table.from_pylist(
        [
            {
                "problem": "<image>What colour is it?",
                "images": [{"bytes": png(), "path": None}],
                "answer": "red",
                "id": n,
            }
            for n in range(5)
        ]
    )
    pq.write_table(table, tmp_path / "train-00000-of-00001.parquet", row_group_size=2)
    examples = take(Auto(), tmp_path)
    assert [e.source.key for e in examples] == list("01234")
    assert {(e.stage, e.source.split) for e in examples} == {("perception", "train")}
    assert examples[0].group == examples[4].group == examples[0].images[0].sha256


def test_shape_sharegpt(tmp_path: Path, pictures: Path, read, take) -> None:
    row = {
        "id": "000",
        "image": "a.png",
        "conversations": [
            {"from": "human", "value": "What colour is it?\n<image>"},
            {"from": "gpt", "value": "<CAPTION>A red patch.</CAPTION><CONCLUSION>red</CONCLUSION>"},
            {"from": "human", "value": "How large?"},
            {"from": "gpt", "value": "Small."},
        ],
    }
    first, second = take(Auto(images=pictures), jsonl(tmp_path, row))
    assert (first.source.key, second.source.key) == ("000", "000/turn2")
    assert (first.answer.text, second.answer.text) == ("red", "Small.")
    assert (first.response or "").startswith("<CAPTION>")
    assert second.response is None  # nothing but the answer
    assert [turn.role for turn in second.history] == ["user", "assistant"]
    assert len(first.images) == len(second.images) == 1
    assert first.group == second.group


def test_shape_vlmevalkit_tsv(tmp_path: Path, take) -> None:
    picture = base64.b64encode(png()).decode()
    names = ["index", "image", "question", "A", "B", "C", "answer", "l2-category"]
    fields = ["7", picture, '"Which, ""red"" or not?"', "red", "blue", "", "B", "colour"]
    (tmp_path / "rows.tsv").write_text("\t".join(names) + "\n" + "\t".join(fields) + "\n")
    (one,) = take(Auto(), tmp_path / "rows.tsv")
    assert (one.source.key, one.choices, one.answer.index) == ("7", ("red", "blue"), 1)
    assert one.question == '<image>Which, "red" or not?'
    assert one.meta["l2-category"] == "colour"


def test_shape_verl(tmp_path: Path, pictures: Path, take) -> None:
    row = {
        "data_source": "shape",
        "prompt": [{"role": "system", "content": "Think."}, {"role": "user", "content": "<image>Find x."}],
        "images": [{"path": "a.png"}],
        "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": "12"},
        "extra_info": {"split": "train", "index": 3, "answer": "12", "question": "Find x."},
    }
    (one,) = take(Auto(images=pictures), jsonl(tmp_path, row))
    assert (one.question, one.answer.text, one.answer.kind) == ("<image>Find x.", "12", "number")
    assert (one.source.key, one.source.split, one.meta["system"], one.meta["ability"]) == (
        "3",
        "train",
        "Think.",
        "math",
    )


MULTIPLE_CHOICE = {
    "list+index, ScienceQA": {"question": "Which?", "choices": ["red", "blue"], "answer": 1},
    "list+text, MathVista": {"question": "Which?", "choices": ["red", "blue"], "answer": "blue"},
    "list+letter, MathVision": {"question": "Which?", "options": ["red", "blue"], "answer": "B"},
    "inline, MathVerse": {"question": "Which?\nChoices:\nA:red\nB:blue", "answer": "B"},
    "joined, We-Math": {"question": "Which?", "option": "A. red; B．blue", "answer": "B"},
    "columns, MMBench": {"question": "Which?", "A": "red", "B": "blue", "answer": "B"},
    "columns, VLM-CapCurriculum": {"prompt": "Which?", "option_A": "red", "option_B": "blue", "answer": "B"},
    "list+numbers, Geometry3K": {
        "question": "Which?",
        "choices": ["red", "blue"],
        "answer": "B",
        "precise_value": [1.5, 2.0],
    },
    "boxed, ViRL39K": {"question": "Which?\n(A) red\n(B) blue", "answer": "\\boxed{B}"},
}


@pytest.mark.parametrize("shape", MULTIPLE_CHOICE)
def test_shapes_of_multiple_choice(tmp_path: Path, take, shape: str) -> None:
    (one,) = take(Auto(), jsonl(tmp_path, MULTIPLE_CHOICE[shape]))
    assert (one.question, one.choices) == ("Which?", ("red", "blue"))
    assert (one.answer.kind, one.answer.index, one.answer.text) == ("choice", 1, "blue")
    assert one.answer.accepts == (("2.0",) if "numbers" in shape else ())


def test_shape_vqav2_answers_go_by_frequency(tmp_path: Path, take) -> None:
    answers = [{"answer": "sky", "answer_id": n} for n in range(3)] + [{"answer": "blue sky", "answer_id": 4}]
    (one,) = take(Auto(), jsonl(tmp_path, {"question": "What?", "answers": answers[::-1], "question_id": 5}))
    assert (one.answer.text, one.answer.accepts, one.source.key) == ("sky", ("blue sky",), "5")


def test_shape_gsm8k(tmp_path: Path, take) -> None:
    (one,) = take(Auto(), jsonl(tmp_path, {"question": "1+1?", "answer": "One and one are two.\n#### 2"}))
    assert (one.answer.text, one.response) == ("2", "One and one are two.\n#### 2")


def test_an_interval_is_one_answer_and_a_written_list_of_texts_several(tmp_path: Path, take) -> None:
    rows = [{"question": "Where?", "answer": "[0, 1]"}, {"question": "Who?", "answer": "['Ann', 'Bob']"}]
    interval, names = take(Auto(), jsonl(tmp_path, *rows))
    assert (interval.answer.text, interval.answer.accepts) == ("[0, 1]", ())
    assert (names.answer.text, names.answer.accepts) == ("Ann", ("Bob",))


def test_a_turn_that_cannot_be_used_costs_that_turn_alone(tmp_path: Path, read) -> None:
    row = {
        "messages": [
            {"role": "user", "content": "1+1?"},
            {"role": "assistant", "content": "2"},
            {"role": "user", "content": "2+2?"},
            {"role": "assistant", "content": ""},
            {"role": "user", "content": "3+3?"},
        ],
        "answer": "6",
    }
    drafts, bad = read(Auto(), jsonl(tmp_path, row))
    assert [(draft.key, draft.answer.text) for draft in drafts] == [("rows/0", "2"), ("rows/0/turn3", "6")]
    assert [(one.key, one.code) for one in bad] == [("rows/0/turn2", "answer.missing")]


# --- options ----------------------------------------------------------------------------------------------------------


def test_the_map_of_a_recipe(tmp_path: Path, pictures: Path, take) -> None:
    rows = [
        {
            "q": "Who?",
            "a": "Ann",
            "gold": ["Anna", "ann b."],
            "pic": "a.png",
            "kind": "text",
            "part": "dev",
            "n": 4,
            "of": "s1",
        },
        {"q": "Which?", "a": None, "right": 1, "list": "['x', 'y']", "pic": "b.png", "st": "perception"},
    ]
    mapping = {
        "q": "question",
        "a": "answer",
        "gold": "answer.accepts",
        "right": "answer.index",
        "list": "choices",
        "pic": "images",
        "kind": "answer.kind",
        "part": "split",
        "n": "meta.count",
        "of": "group",
        "st": "stage",
    }
    builder = make("builders", "auto", {"map": mapping, "images": str(pictures), "licence": "internal"})
    first, second = take(builder, jsonl(tmp_path, *rows))
    assert (first.answer.text, first.answer.accepts, first.answer.kind) == ("Ann", ("Anna", "ann b."), "text")
    assert (first.source.split, first.meta["count"], first.group, first.source.licence) == ("dev", 4, "s1", "internal")
    assert (second.answer.index, second.answer.text, second.stage) == (1, "y", "perception")
    assert first.id == "auto/dev/rows/0"


def test_stage_and_split_for_all_rows(tmp_path: Path, take) -> None:
    (one,) = take(
        Auto(stage="perception", split="dev"), jsonl(tmp_path, {"question": "1+1?", "answer": "2", "split": "test"})
    )
    assert (one.stage, one.source.split) == ("perception", "dev")
    assert "stage_rule" not in one.meta


def test_images_in_a_zip_file(tmp_path: Path, read, take) -> None:
    with zipfile.ZipFile(tmp_path / "pics.zip", "w") as archive:
        archive.writestr("images/a.png", png())
        archive.writestr("../out.png", png())
    rows = [
        {"question": "Who?", "image": name, "answer": "Ann"} for name in ("images/a.png", "../out.png", "images/no.png")
    ]
    builder, file = Auto(images=tmp_path / "pics.zip"), jsonl(tmp_path, *rows)
    drafts, _ = read(builder, file)
    assert [draft.images for draft in drafts[:1]] == [[ZipMember(tmp_path / "pics.zip", "images/a.png")]]
    assert refused(builder, drafts) == [None, "image.path_escapes", "image.missing"]


def test_parts_are_stretches(tmp_path: Path, read, monkeypatch: pytest.MonkeyPatch) -> None:
    file = jsonl(tmp_path, *({"question": f"{n}+1?", "answer": str(n + 1)} for n in range(7)))
    whole, _ = read(Auto(), file)
    monkeypatch.setattr(Auto, "SHARD", 3)
    assert [(part.start, part.stop) for part in Auto().parts(file)] == [(0, 3), (3, 6), (6, 7)]
    assert read(Auto(), file)[0] == whole
    assert [draft.key for draft in whole] == [f"rows/{n}" for n in range(7)]


# --- bad input --------------------------------------------------------------------------------------------------------


def refused(builder: Auto, drafts: list[Any]) -> list[str | None]:
    """What the engine says of each draft: a reason code, or None where it is taken."""
    ingest = Ingest(builder, "source", Producer(name="auto", version="1", config="00000000"))
    codes: list[str | None] = []
    for draft in drafts:
        try:
            ingest(draft)
            codes.append(None)
        except Rejected as error:
            codes.append(error.code)
    return codes


def test_bad_rows_are_named_and_the_rest_goes_on(tmp_path: Path, pictures: Path, read) -> None:
    target = tmp_path / "made"
    rows: list[Any] = [
        {"question": "Who?", "image": "a.png", "answer": "Ann"},
        '{"question": "cut off',
        {"question": "Which?", "choices": ["x", "y"], "answer": "z"},
        {"question": "Which?", "choices": "A. x; A. y", "answer": "A"},
        {"question": "Which?", "choices": f"[__import__('pathlib').Path({str(target)!r}).touch()]", "answer": "A"},
        {"question": "Which?", "choices": ["x", "x"], "answer": "x"},
        {"question": "Nothing?", "answer": ""},
        {"question": 7, "answer": "1"},
        {"image": "a.png", "answer": "1"},
        {"question": "Whence?", "image": "https://example.org/a.png", "answer": "1"},
        {"question": "Last?", "image": "b.png", "answer": "yes"},
    ]
    drafts, bad = read(Auto(images=pictures), jsonl(tmp_path, *rows))
    assert [(row.key, row.code) for row in bad] == [
        ("rows/1", "row.unreadable"),
        ("rows/2", "answer.index"),
        ("rows/3", "field.invalid"),
        ("rows/4", "field.invalid"),
        ("rows/5", "answer.index"),
        ("rows/6", "answer.missing"),
        ("rows/7", "field.invalid"),
        ("rows/8", "field.invalid"),
        ("rows/9", "image.missing"),
    ]
    assert bad[0].message.startswith("rows.jsonl, line 2: not JSON")
    assert not target.exists()
    assert [draft.key for draft in drafts] == ["rows/0", "rows/10"]


def test_images_that_are_not_there_or_elsewhere(tmp_path: Path, pictures: Path, read) -> None:
    (tmp_path / "secret.png").write_bytes(png())
    names = ("a.png", "no.png", "../secret.png", str(tmp_path / "secret.png"), "images/../../secret.png")
    rows = ({"question": "Who?", "image": name, "answer": "Ann"} for name in names)
    builder = Auto(images=pictures)
    drafts, bad = read(builder, jsonl(tmp_path, *rows))
    assert not bad
    assert [draft.images for draft in drafts[:1]] == [[FileIn(pictures, "a.png")]]
    assert refused(builder, drafts) == [None, "image.missing", *["image.path_escapes"] * 3]


def test_a_bad_answer_index(tmp_path: Path, read) -> None:
    rows = [{"question": "Which?", "choices": ["x", "y"], "right": right} for right in (0, 2, -1, True, "B")]
    drafts, bad = read(Auto(map={"right": "answer.index"}), jsonl(tmp_path, *rows))
    assert len(drafts) == 1
    assert [row.code for row in bad] == ["answer.index"] * 4


def test_unknown_stages_and_kinds(tmp_path: Path, read) -> None:
    rows = [
        {"question": "1?", "answer": "1", "s": "seeing", "k": "text"},
        {"question": "1?", "answer": "1", "k": "word"},
    ]
    _, bad = read(Auto(map={"s": "stage", "k": "answer.kind"}), jsonl(tmp_path, *rows))
    assert [row.message for row in bad] == [
        "rows.jsonl, line 1: the stage is 'seeing', none of perception, visual_reasoning, textual_reasoning",
        "rows.jsonl, line 2: the answer kind is 'word', none of "
        "choice, number, expression, set, text, structure, boxes",
    ]


def test_one_bad_file_among_many_is_one_bad_row(tmp_path: Path, read) -> None:
    (tmp_path / "test").mkdir()
    (tmp_path / "test/1.json").write_text('{"question": "1+1?", "answer": "2"}')
    (tmp_path / "test/2.json").write_text("{")
    (tmp_path / ".hidden.json").write_text("{")
    drafts, bad = read(Auto(), tmp_path)
    assert [(draft.key, draft.split) for draft in drafts] == [("test/1", "test")]
    assert [(row.key, row.code, row.split) for row in bad] == [("test/2", "row.unreadable", "test")]


def test_wrong_requests_name_the_remedy(tmp_path: Path) -> None:
    file = jsonl(tmp_path, {"a": 1})
    with pytest.raises(UsageError, match="no column holds questions"):
        Auto().parts(file)
    with pytest.raises(UsageError, match="images names the folder or zip file"):
        Auto(images=tmp_path / "none").parts(file)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="holds no file of rows"):
        Auto().parts(tmp_path / "empty")
    with pytest.raises(UsageError, match="licence"):
        make("builders", "auto", {"licens": "MIT"})


def test_rows_may_say_whether_a_guess_would_be_right(tmp_path: Path, pictures: Path, take) -> None:
    """What `diagnose` reads (ViLP's scheme): a column of that name, or one that is mapped to it."""
    rows = [
        {"question": "How many legs?", "answer": "8", "image": "a.png", "group": "spider", "prior": "aligned"},
        {"question": "How many legs?", "answer": "7", "image": "b.png", "group": "spider", "prior": "counter"},
    ]
    other = [{("side" if name == "prior" else name): value for name, value in row.items()} for row in rows]
    named = take(Auto(images=pictures), jsonl(tmp_path, *rows))
    mapped = take(Auto(images=pictures, map={"side": "meta.prior"}), jsonl(tmp_path, *other, name="other.jsonl"))
    for examples in (named, mapped):
        assert [example.meta["prior"] for example in examples] == ["aligned", "counter"]
        assert len({example.group for example in examples}) == 1  # no split parts them
