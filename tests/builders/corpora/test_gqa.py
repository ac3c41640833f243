import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from perceptdata.builders.corpora.gqa import GQA
from perceptdata.builders.corpora.gqa_graph import facts, only_looks, regions
from perceptdata.errors import Rejected, UsageError


def test_graphs_as_text_with_relations_as_list_or_dict(shape) -> None:
    graphs = shape("gqa").GRAPHS
    assert facts(graphs["2370799"]) == (
        "Location: street\n"
        "1. woman at (2, 8), 10 wide, 30 high\n"
        "2. wood cart at (20, 10), 30 wide, 20 high\n"
        "2 is to the right of 1"  # the other relation names an object that is not there
    )
    assert facts(graphs["2354786"]) == (
        "1. table at (0, 20), 60 wide, 20 high\n2. small, yellow banana at (1, 2), 3 wide, 4 high\n2 is on top of 1"
    )
    assert [(region.label, region.coords) for region in regions(graphs["2354786"])] == [
        ("table", (0.0, 20.0, 60.0, 40.0)),
        ("banana", (1.0, 2.0, 4.0, 6.0)),
    ]
    plain = json.loads(json.dumps(graphs["2354786"]))
    plain["objects"]["681267"]["relations"] = {"681268": "on top of"}
    assert facts(plain) == facts(graphs["2354786"])
    with pytest.raises(Rejected, match="cannot be read"):
        facts({"objects": {"1": {"name": "cat"}}})


@pytest.mark.parametrize(
    ("operations", "looks"),
    [
        (["select", "query"], True),
        (["select", "filter color", "exist"], True),
        (["select", "verify color"], True),
        (["select", "relate", "query"], False),
        (["select", "exist", "select", "exist", "and"], False),
        (["select", "select", "same color"], False),
        (["select", "verify rel"], False),
        (["select", "choose color"], True),
        ([], None),
    ],
)
def test_what_a_program_asks_for(operations: list[str], looks: bool | None) -> None:
    assert only_looks([{"operation": name} for name in operations]) is looks


def test_the_original_files(tmp_path: Path, shape, take, read) -> None:
    source = shape("gqa").write(tmp_path)
    drafts, bad = read(GQA(), source)
    assert not bad
    assert [(draft.key, draft.twin, draft.stage, draft.split) for draft in drafts] == [
        ("02930152", "picture", "visual_reasoning", "val"),
        ("02930152", "text", "textual_reasoning", "val"),
        ("07333408", "picture", "perception", "val"),
        ("07333408", "text", "textual_reasoning", "val"),
        ("07333409", "picture", "perception", "val"),
    ]
    assert drafts[1].question.endswith("2 is to the right of 1")
    assert drafts[0].meta["fullAnswer"] == "It is woman."
    parts = GQA().parts(source)
    assert [(part.path.name, [file.name for file in part.beside]) for part in parts] == [
        ("val_balanced_questions.json", ["val_sceneGraphs.json"])
    ]
    assert [part.path.name for part in GQA(kind="all").parts(source)] == ["val_all_questions.json"]
    only = read(GQA(), source / "questions1.2/val_balanced_questions.json")[0]
    assert [draft.facts for draft in only] == [draft.facts for draft in drafts]


def test_without_graphs_the_question_stands_alone(tmp_path: Path, shape, read) -> None:
    source = shape("gqa").write(tmp_path)
    (source / "sceneGraphs/val_sceneGraphs.json").unlink()
    drafts, _ = read(GQA(), source)
    assert [(draft.twin, draft.facts) for draft in drafts] == [("picture", None)] * 3


def test_the_hub_join(tmp_path: Path, shape, take, read, monkeypatch: pytest.MonkeyPatch) -> None:
    source = shape("gqa").hub(tmp_path)
    monkeypatch.setattr("perceptdata.builders.corpora.gqa.IMAGES_A_PART", 1)
    parts = GQA().parts(source)
    assert [(part.path.parent.name, part.start, part.stop) for part in parts] == [
        ("testdev_balanced_images", 0, 1),
        ("testdev_balanced_images", 1, 2),
        ("testdev_balanced_instructions", 0, None),
    ]
    assert all(part.beside for part in parts)
    _, bad = read(GQA(), source)
    assert [(row.key, row.code, row.split) for row in bad] == [("07333409", "image.missing", "testdev")]
    examples = take(GQA(), source)
    assert [(e.source.key, e.group, e.source.allowed_use) for e in examples] == [
        ("02930152", "gqa/2370799", "evaluate"),
        ("07333408", "gqa/2354786", "evaluate"),
    ]


def test_bad_questions_of_the_hub(tmp_path: Path, shape, read) -> None:
    source = shape("gqa").hub(tmp_path)
    file = source / "testdev_balanced_instructions/testdev-00000-of-00001.parquet"
    rows = pq.read_table(file).to_pylist()
    rows[0]["answer"], rows[1]["question"] = None, " "
    pq.write_table(pq.read_table(file).schema.empty_table().from_pylist(rows), file)
    drafts, bad = read(GQA(), source)
    assert not drafts
    assert [(row.key, row.code) for row in bad] == [
        ("02930152", "answer.missing"),
        ("07333408", "field.invalid"),
        ("07333409", "image.missing"),
    ]


def test_a_half_download_is_refused(tmp_path: Path, shape) -> None:
    source = shape("gqa").hub(tmp_path)
    images = source / "testdev_balanced_images/testdev-00000-of-00001.parquet"
    data = images.read_bytes()
    images.write_bytes(data[:50])
    with pytest.raises(UsageError, match="cannot be read as Parquet"):
        GQA().parts(source)
    images.unlink()
    with pytest.raises(UsageError, match="download both folders"):
        GQA().parts(source)
    with pytest.raises(UsageError, match="holds no file of GQA"):
        GQA().parts(shape("gqa").write(tmp_path) / "images")
