"""Each format, read back: by the builder `auto`, or as the trainer's own code takes it apart."""

import io
import json
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as pq
import pytest
from PIL import Image
from publishing.exports.conftest import THOUGHT, image_of, lines, number, view

from perceptdata import registry
from perceptdata.errors import UsageError
from perceptdata.publishing.exports.cap_curriculum import CapCurriculum
from perceptdata.publishing.exports.conversations import segments
from perceptdata.publishing.exports.easyr1 import EasyR1
from perceptdata.publishing.exports.jsonl import Jsonl
from perceptdata.publishing.exports.llama_factory import LlamaFactory
from perceptdata.publishing.exports.ms_swift import MsSwift
from perceptdata.publishing.exports.trl import Trl
from perceptdata.publishing.exports.verl import Verl
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import run_step
from perceptdata.workspace import Workspace

RULE = registry.make("formats", "think_boxed").rule
WEIGHTS = {"perception": 2.0, "reasoning": 0.5, "other": 1.0}


def read_back(folder: Path, to: Path, file: str, **options: Any) -> list[dict[str, Any]]:
    """What `auto` makes of an exported file, as rows of a view."""
    ws = Workspace.create(to)
    with ws.lock("test"):
        run_step(ws, "back", make_step("build", {"use": "auto", "path": folder / file, **options}))
    assert [(row["key"], row["message"]) for row in ws.rejects("back").to_table().to_pylist()] == []
    return sorted(view(ws), key=lambda row: row["question"])


def kept(ws: Workspace, spec: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """The rows of `talk_ws` that every format can hold, of split train."""
    chosen = view(
        ws, where="split = 'train' and id not like '%/5' and id not like '%/6' and id not like '%/7'", **(spec or {})
    )
    return list(chosen)


def pixels(images: list[Image.Image]) -> list[bytes]:
    return [image.convert("RGB").tobytes() for image in images]


def test_jsonl_gives_every_row_back(talk_ws: Workspace, tmp_path: Path) -> None:
    one_turn = "split = 'train' and id not like '%/3'"  # `auto` reads no earlier turns out of a plain row
    Jsonl().export(view(talk_ws, where=one_turn), tmp_path / "out")
    targets = {"images": "images", "answer_kind": "answer.kind"}
    back = read_back(tmp_path / "out", tmp_path / "ws", "train.jsonl", map=targets)
    own = sorted(view(talk_ws, where=one_turn), key=lambda row: row["question"])
    assert len(back) == len(own) == 7
    for theirs, mine in zip(back, own, strict=True):
        assert theirs["answer"] == mine["answer"]
        assert [theirs[name] for name in ("response", "facts", "stage", "group")] == [
            mine[name] for name in ("response", "facts", "stage", "group")
        ]
        assert pixels(theirs["images"]) == pixels(mine["images"])


def test_trl_loads_as_datasets_with_its_images(talk_ws: Workspace, tmp_path: Path) -> None:
    for images in ("path", "bytes"):
        out = tmp_path / images
        Trl(images=images).export(view(talk_ws, where="id not like '%/6'", spans="tags"), out)
        loaded = datasets.load_dataset(
            "parquet", data_files=str(out / "train.parquet"), split="train", cache_dir=str(tmp_path / "c")
        )
        assert loaded.features["images"] == datasets.List(datasets.Image())
        own = kept(talk_ws, {"spans": "tags"})
        assert [row["id"] for row in loaded] == [row["id"] for row in own]
        for row, mine in zip(loaded, own, strict=True):
            assert pixels(row["images"]) == pixels(mine["images"])
            assert [(s["start"], s["end"], s["label"]) for s in row["spans"]] == [
                (s["start"], s["end"], s["label"]) for s in mine["spans"]
            ]
            assert row["completion"] == [{"role": "assistant", "content": [{"type": "text", "text": mine["response"]}]}]
        left_right = loaded[2]["prompt"][0]["content"]
        assert [part["text"] for part in left_right] == ["Left ", None, ", right ", None, f": what is 2?\n\n{RULE}"]
        assert [part["type"] for part in left_right] == ["text", "image", "text", "image", "text"]
        assert [turn["role"] for turn in loaded[3]["prompt"]] == ["user", "assistant", "user"]


def test_trl_for_grpo_has_the_columns_that_rewards_read(talk_ws: Workspace, tmp_path: Path) -> None:
    Trl(task="grpo", root="/data").export(view(talk_ws), tmp_path / "out")
    rows = pq.read_table(tmp_path / "out" / "train.parquet").to_pylist()
    assert [number(row["id"]) for row in rows] == [0, 1, 2, 3, 4, 5, 6, 7]  # the response stays behind
    assert rows[1]["images"][0]["path"].startswith("/data/images/")
    assert (rows[4]["facts"], rows[4]["answer"], rows[4]["captions"]) == ("There is a hat.", "a hat", None)
    assert json.loads(rows[4]["gold"]) == {
        "id": rows[4]["id"],
        "stage": "visual_reasoning",
        "question": "<image>Which?",
        "choices": ["a cup", "a hat"],
        "answer": {"text": "a hat", "kind": "choice", "index": 1},
    }
    assert "A. a cup\nB. a hat" in rows[4]["prompt"][0]["content"][1]["text"]
    assert "FORMAT: dict[str, Any] = {'use': 'think_boxed'}" in (tmp_path / "out" / "reward.py").read_text()


def test_ms_swift_pieces_join_to_the_response_with_the_weights_of_its_spans(talk_ws: Workspace, tmp_path: Path) -> None:
    MsSwift(perception=2, reasoning=0.5).export(view(talk_ws, spans="tags"), tmp_path / "out")
    rows = lines(tmp_path / "out" / "train.jsonl")
    for row, own in zip(rows, kept(talk_ws, {"spans": "tags"}), strict=True):
        pieces = [turn for turn in row["messages"] if "loss_scale" in turn]
        text = "".join(turn["content"] for turn in pieces)
        assert text == own["response"]
        # An oracle by characters: what a span covers weighs as its label says.
        weighed = [turn["loss_scale"] for turn in pieces for _ in turn["content"]]
        for span in own["spans"]:
            solid = [at for at in range(span["start"], span["end"]) if not text[at].isspace()]
            assert {weighed[at] for at in solid} == {WEIGHTS[span["label"]]}
    said = [(turn["role"], turn["content"], turn.get("loss")) for turn in rows[3]["messages"][:3]]
    assert said == [
        ("user", "<image>What is it?", None),
        ("assistant", "A box.", False),
        ("user", f"And <image>?\n\n{RULE}", None),
    ]
    assert "--is_binary_loss_scale false" in (tmp_path / "out" / "README.md").read_text()


def test_ms_swift_in_parquet_says_the_same(talk_ws: Workspace, tmp_path: Path) -> None:
    MsSwift(perception=2, images="bytes").export(view(talk_ws, spans="tags"), tmp_path / "bytes")
    MsSwift(perception=2).export(view(talk_ws, spans="tags"), tmp_path / "path")
    rows = pq.read_table(tmp_path / "bytes" / "train.parquet").to_pylist()
    for row, line in zip(rows, lines(tmp_path / "path" / "train.jsonl"), strict=True):
        bare = [{key: value for key, value in turn.items() if value is not None} for turn in row["messages"]]
        assert bare == line["messages"]
        files = [(tmp_path / "path" / path).read_bytes() for path in line["images"]]
        assert [image["bytes"] for image in row["images"]] == files


@pytest.mark.parametrize(
    ("text", "spans", "pieces"),
    [
        ("I see 7. So 8.", [(0, 8, "perception"), (9, 14, "reasoning")], [("I see 7.", 2.0), (" So 8.", 0.5)]),
        ("A.\n\nB.", [(0, 2, "perception"), (4, 6, "reasoning")], [("A.\n\n", 2.0), ("B.", 0.5)]),
        ("A.\n  B.", [(0, 2, "perception"), (5, 7, "reasoning")], [("A.\n", 2.0), ("  B.", 0.5)]),
        ("x A. y", [(2, 4, "perception")], [("x", 1.0), (" A.", 2.0), (" y", 1.0)]),
        ("A. B.", [(0, 2, "perception"), (3, 5, "perception")], [("A. B.", 2.0)]),
        (" A. ", [(1, 3, "reasoning")], [(" A. ", 0.5)]),
        ("plain", [], [("plain", 1.0)]),
        ("AB", [(0, 1, "perception"), (1, 2, "reasoning")], [("A", 2.0), ("B", 0.5)]),
    ],
)
def test_segments(text: str, spans: list[tuple[int, int, str]], pieces: list[tuple[str, float]]) -> None:
    given = [{"start": start, "end": end, "label": label} for start, end, label in spans]
    assert segments(text, given, WEIGHTS) == pieces


def test_ms_swift_says_when_weights_weigh_nothing(talk_ws: Workspace) -> None:
    assert any("all weights are equal" in note for note in MsSwift().plan(view(talk_ws, spans="tags")).notes)
    assert any("carries no spans" in note for note in MsSwift(perception=2).plan(view(talk_ws)).notes)


def test_ms_swift_for_grpo_ends_with_the_question(talk_ws: Workspace, tmp_path: Path) -> None:
    MsSwift(task="grpo").export(view(talk_ws), tmp_path / "out")
    rows = lines(tmp_path / "out" / "train.jsonl")
    assert {row["messages"][-1]["role"] for row in rows} == {"user"}
    assert json.loads(rows[4]["gold"])["answer"]["index"] == 1
    assert (tmp_path / "out" / "reward.py").exists()


def test_llama_factory_is_read_back_as_conversations(talk_ws: Workspace, tmp_path: Path) -> None:
    one_turn = "split = 'train' and id not like '%/3'"
    LlamaFactory().export(view(talk_ws, where=one_turn), tmp_path / "out")
    back = read_back(tmp_path / "out", tmp_path / "ws", "train.jsonl", map={"images": "images"})
    own = {f"{row['question']}": row for row in kept(talk_ws)}
    assert len(back) == 4
    for row in back:
        mine = next(each for question, each in own.items() if row["question"].startswith(question))
        assert row["response"] == mine["response"]
        assert pixels(row["images"]) == pixels(mine["images"])


def test_llama_factory_describes_each_file(talk_ws: Workspace, tmp_path: Path) -> None:
    LlamaFactory().export(view(talk_ws), tmp_path / "out")
    info = json.loads((tmp_path / "out" / "dataset_info.json").read_text())
    assert {name: entry["file_name"] for name, entry in info.items()} == {
        "chosen_train": "train.jsonl",
        "chosen_test": "test.jsonl",
    }
    (row,) = lines(tmp_path / "out" / "test.jsonl")
    assert set(info["chosen_test"]["columns"].values()) <= set(row)
    assert [turn["from"] for turn in row["conversations"]] == ["human", "gpt"]
    assert "dataset: chosen_train\n" in (tmp_path / "out" / "train_sft.yaml").read_text()


def test_a_systems_rule_goes_where_each_trainer_has_it(talk_ws: Workspace, tmp_path: Path) -> None:
    form = {"use": "think_boxed", "place": "system"}
    one = view(talk_ws, where="id like '%/1'")
    LlamaFactory(format=form).export(one, tmp_path / "lf")
    assert lines(tmp_path / "lf" / "train.jsonl")[0]["system"] == RULE
    MsSwift(format=form).export(one, tmp_path / "swift")
    assert lines(tmp_path / "swift" / "train.jsonl")[0]["messages"][0] == {"role": "system", "content": RULE}
    Trl(format=form).export(one, tmp_path / "trl")
    (row,) = pq.read_table(tmp_path / "trl" / "train.parquet").to_pylist()
    assert row["prompt"][0] == {"role": "system", "content": [{"type": "text", "text": RULE}]}
    with pytest.raises(UsageError, match="EasyR1 has no system prompt"):
        EasyR1(format=form).plan(one)


def test_verl_carries_what_a_reward_reads(talk_ws: Workspace, tmp_path: Path) -> None:
    Verl().export(view(talk_ws), tmp_path / "out")
    rows = pq.read_table(tmp_path / "out" / "train.parquet").to_pylist()
    row = rows[4]
    assert row["data_source"] == "perceptdata/toy_cards"
    assert row["reward_model"] == {"style": "rule", "ground_truth": "a hat"}
    assert row["extra_info"]["facts"] == "There is a hat."
    assert row["extra_info"]["question"] == "<image>Which?"
    assert row["prompt"][0]["content"].startswith("<image>Which?\n\nChoices:\nA. a cup")
    assert [turn["role"] for turn in rows[3]["prompt"]] == ["user", "assistant", "user"]
    data = [Path(image["image"]).read_bytes() for image in rows[2]["images"]]
    own = next(view(talk_ws, where="id like '%/2'").batches(images=False)).to_pylist()[0]
    assert data == [image_of(talk_ws.images, own, place) for place in (0, 1)]
    assert (tmp_path / "out" / "verl_pgpo.py").exists()
    Verl(images="bytes").export(view(talk_ws), tmp_path / "bytes")
    embedded = pq.read_table(tmp_path / "bytes" / "train.parquet").to_pylist()
    assert [image["bytes"] for image in embedded[2]["images"]] == data
    assert Image.open(io.BytesIO(data[0])).size == (24, 16)


def test_easyr1_in_one_column_what_others_have_in_many(talk_ws: Workspace, tmp_path: Path) -> None:
    planned = EasyR1().plan(view(talk_ws))
    assert any("export.history" in note for note in planned.notes)
    assert any("no other column" in note for note in planned.notes)
    EasyR1().export(view(talk_ws), tmp_path / "out")
    rows = pq.read_table(tmp_path / "out" / "train.parquet").to_pylist()
    assert [number(row["id"]) for row in rows] == [0, 1, 2, 4, 5, 7]
    assert json.loads(rows[3]["answer"])["facts"] == "There is a hat."
    assert "for_easyr1" in (tmp_path / "out" / "README.md").read_text()
    EasyR1(ground_truth="text").export(view(talk_ws, where="id not like '%/3' and split = 'train'"), tmp_path / "text")
    assert not (tmp_path / "text" / "reward.py").exists()
    back = read_back(tmp_path / "text", tmp_path / "ws", "train.parquet", map={"images": "images"})
    texts = {row["question"].split("\n")[0]: row["answer"]["text"] for row in back}
    assert texts["<image>Which?"] == "a hat"
    assert texts["<image>What is 1?"] == "1"
    assert [len(row["images"]) for row in back if row["question"].startswith("Left")] == [2]


def test_cap_curriculum_has_options_by_letter(talk_ws: Workspace, tmp_path: Path) -> None:
    CapCurriculum().export(view(talk_ws, where="id not like '%/3' and split = 'train'"), tmp_path / "out")
    rows = {number(row["index"]): row for row in lines(tmp_path / "out" / "train.jsonl")}
    asked = "<image>Which?\nOptions:\nA: a cup\nB: a hat\nAnswer with the letter of the right option.\n"
    assert (rows[4]["prompt"], rows[4]["answer"], rows[4]["option_B"]) == (asked, "B", "a hat")
    assert rows[1]["prompt"] == "<image>What is 1?"
    back = read_back(tmp_path / "out", tmp_path / "ws", "train.jsonl", map={"image_path": "images"})
    which = next(row for row in back if "Which" in row["question"])
    assert (which["choices"], which["answer"]["index"]) == (["a cup", "a hat"], 1)
    assert len(which["images"]) == 1


def test_cap_curriculum_has_pass_rates(scored_ws: Workspace, tmp_path: Path) -> None:
    CapCurriculum(rate="cards").export(view(scored_ws), tmp_path / "out")
    (row,) = lines(tmp_path / "out" / "train.jsonl")
    assert (row["pass_rate"], row["correctness"]) == (0.5, [True, False])


def test_more_choices_than_letters_are_left_out(many_ws: Workspace) -> None:
    with pytest.raises(UsageError, match=r"export\.choices"):
        CapCurriculum().plan(view(many_ws))


def test_responses_of_a_step_are_what_is_learned(scored_ws: Workspace, tmp_path: Path) -> None:
    LlamaFactory().export(view(scored_ws, text="cards.best"), tmp_path / "out")
    (row,) = lines(tmp_path / "out" / "train.jsonl")
    assert row["conversations"][-1]["value"] == THOUGHT.format(1)
