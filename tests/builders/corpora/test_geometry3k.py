import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from perceptdata.builders.corpora.geometry3k import Geometry3K, problem_text
from perceptdata.builders.corpora.geometry_forms import parse_facts, read_diagram
from perceptdata.draft import FileIn
from perceptdata.errors import UsageError
from perceptdata.example import IMAGE


@pytest.fixture
def problems(samples: Path, tmp_path: Path) -> Path:
    """A copy of the packaged problems that a test may break."""
    folder = tmp_path / "problems"
    shutil.copytree(samples / "geometry3k", folder)
    return folder


def rewrite(file: Path, **fields: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | fields))


def test_the_packaged_problems_make_three_twins_each(samples: Path, read, take) -> None:
    drafts, bad = read(Geometry3K(), samples / "geometry3k")
    assert not bad
    stages = Counter((draft.key, draft.stage) for draft in drafts)
    for key in ("11", "12", "15", "16", "19"):
        assert stages[key, "visual_reasoning"] == stages[key, "textual_reasoning"] == 1
        assert stages[key, "perception"] >= 3
        assert {draft.group for draft in drafts if draft.key == key} == {f"geometry3k/{key}"}
    assert len(take(Geometry3K(), samples / "geometry3k")) == len(drafts)


def test_each_twin_has_the_right_picture(samples: Path, read) -> None:
    drafts, _ = read(Geometry3K(), samples / "geometry3k")
    wanted = {
        "perception": "img_diagram_point.png",
        "visual_reasoning": "img_diagram.png",
        "textual_reasoning": None,
    }
    for draft in drafts:
        names = [image.name for image in draft.images if isinstance(image, FileIn)]
        assert names == [name for name in [wanted[draft.stage]] if name]
        assert draft.question.count(IMAGE) == len(names)
        assert draft.facts_quality == "reference"


def test_the_facts_read_back_and_answer_the_facts_question(samples: Path, read) -> None:
    drafts, _ = read(Geometry3K(), samples / "geometry3k")
    for draft in drafts:
        record = json.loads((samples / "geometry3k" / draft.key / "logic_form.json").read_text())
        assert parse_facts(draft.facts or "").stated() == read_diagram(record).stated()
        if draft.twin == "facts":
            assert (draft.answer.kind, draft.answer.text) == ("structure", draft.facts)
        if draft.twin == "text":
            assert draft.question.endswith(draft.facts or "?")


def test_problem_15_by_hand(samples: Path, read) -> None:
    drafts = {draft.twin: draft for draft in read(Geometry3K(), samples / "geometry3k")[0] if draft.key == "15"}
    visual = drafts["visual"]
    assert visual.question == "<image>Find y."
    assert visual.choices == ["5", "5\\sqrt{2}", "5\\sqrt{3}", "10"]
    assert (visual.answer.text, visual.answer.index) == ("5\\sqrt{3}", 2)
    assert visual.answer.accepts == ("8.660254037844386",)
    assert visual.meta["answer"] == "C"
    assert visual.split == "train"
    assert visual.facts == (
        "Points: A, B, C\nSegments: AB, AC, BC\nAC is perpendicular to BC\nAB = 10\nAC = y\nBC = x\nangle ABC = 60°"
    )
    assert drafts["value-angle-ABC"].question == "<image>Which value does the figure give for the measure of angle ABC?"
    assert drafts["value-angle-ABC"].answer.text == "60"


def test_the_question_is_cleaned() -> None:
    spaced = {"annotat_text": "In $\\odot X, A B=30$ and \n$m \\widehat{C Z}=40$. Find $m\\widehat{A B}$"}
    assert problem_text(spaced) == "In $\\odot X, AB=30$ and $m \\widehat{CZ}=40$. Find $m\\widehat{AB}$."
    assert problem_text({"annotat_text": "", "compact_text": "Find x."}) == "Find x."
    assert problem_text({"annotat_text": "A B is given. What is $10 x$?"}) == "A B is given. What is $10 x$?"


def test_the_real_folder_with_its_bulk_file(shared: Path, read, take) -> None:
    source = shared / "corpora/geometry3k/data_examples"
    drafts, bad = read(Geometry3K(), source)
    assert Counter(row.code for row in bad) == {"geometry3k.no_problem": 30}
    assert [row.key for row in bad[:3]] == ["0", "1", "2"]
    assert Counter(example.stage for example in take(Geometry3K(), source)) == Counter(draft.stage for draft in drafts)
    assert sum(draft.stage == "visual_reasoning" for draft in drafts) == 10


def test_the_bulk_file_fills_in_for_a_missing_one(problems: Path, tmp_path: Path, read) -> None:
    forms = json.loads((problems / "15/logic_form.json").read_text())
    bulk = tmp_path / "forms.json"
    bulk.write_text(
        json.dumps({"15": {**forms, "diagram_logic_forms": str(forms.pop("diagram_logic_form"))}, "99": {}})
    )
    (problems / "15/logic_form.json").unlink()
    drafts, bad = read(Geometry3K(logic_forms=bulk), problems)
    assert [(row.key, row.code) for row in bad] == [("99", "geometry3k.no_problem")]
    facts = next(draft.facts for draft in drafts if draft.key == "15")
    assert facts is not None
    assert "angle ABC = 60°" in facts


def test_without_forms_the_problem_alone_remains(problems: Path, read) -> None:
    (problems / "15/logic_form.json").unlink()
    drafts, bad = read(Geometry3K(), problems)
    assert [draft.twin for draft in drafts if draft.key == "15"] == ["visual"]
    assert [(row.key, row.code) for row in bad] == [("15/facts", "geometry3k.no_logic_form")]


def test_the_layout_by_split(problems: Path, tmp_path: Path, read) -> None:
    rewrite(problems / "15/data.json", data_type="")
    (tmp_path / "corpus/val").mkdir(parents=True)
    (tmp_path / "corpus/train").mkdir()
    shutil.move(problems / "15", tmp_path / "corpus/val/15")
    shutil.move(problems / "16", tmp_path / "corpus/train/16")
    drafts, bad = read(Geometry3K(), tmp_path / "corpus")
    assert not bad
    assert {(draft.key, draft.split) for draft in drafts} == {("15", "val"), ("16", "train")}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"answer": "E"}, "answer.index"),
        ({"answer": "12"}, "answer.index"),
        ({"answer": ""}, "answer.missing"),
        ({"compact_choices": ["5", "5", "6", "7"]}, "answer.index"),
        ({"annotat_text": "", "compact_text": "", "problem_text": ""}, "field.invalid"),
    ],
)
def test_a_problem_that_contradicts_itself(problems: Path, read, fields: dict[str, object], code: str) -> None:
    rewrite(problems / "15/data.json", **fields)
    drafts, bad = read(Geometry3K(), problems)
    assert [(row.key, row.code) for row in bad] == [("15", code)]
    assert {draft.key for draft in drafts} == {"11", "12", "16", "19"}


def test_broken_json(problems: Path, read) -> None:
    (problems / "11/data.json").write_text("{")
    (problems / "12/logic_form.json").write_text("[]")
    drafts, bad = read(Geometry3K(), problems)
    assert [(row.key, row.code) for row in bad] == [("11", "row.unreadable"), ("12/facts", "row.unreadable")]
    assert [draft.twin for draft in drafts if draft.key == "12"] == ["visual"]


def test_wrong_requests_name_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="name the folder of problem folders"):
        Geometry3K().parts(tmp_path)
    with pytest.raises(UsageError, match="--source"):
        Geometry3K().parts(None)


def test_parts_cut_the_problems(samples: Path, read, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = read(Geometry3K(), samples / "geometry3k")
    monkeypatch.setattr(Geometry3K, "PROBLEMS", 2)
    assert len(Geometry3K().parts(samples / "geometry3k")) == 3
    assert read(Geometry3K(), samples / "geometry3k")[0] == whole
