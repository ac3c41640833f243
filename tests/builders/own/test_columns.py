import json
from pathlib import Path

import pytest

from perceptdata.builders.own.auto import Auto
from perceptdata.builders.own.columns import detect, flat
from perceptdata.errors import UsageError


def rows(folder: Path, *given: object) -> Path:
    file = folder / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in given))
    return file


def test_mathvision(shared: Path) -> None:
    folder = shared / "corpora/mathvision"
    found = detect(folder / "testmini.jsonl", folder / "images")
    assert found.columns == {
        "id": "id",
        "question": "question",
        "options": "choices",
        "answer": "answer",
        "image": "images",
        "solution": "response",
        "level": "meta.level",
        "subject": "meta.subject",
    }
    assert (found.choices, found.images, found.answer, found.warnings) == ("list+letter", "path", "choice", ())


def test_a_dict_by_key_with_the_answer_in_its_solution(shared: Path) -> None:
    found = detect(shared / "corpora/math_hendrycks/math.json")
    assert found.columns["<key>"] == "id"
    assert found.columns["solution"] == "response"
    assert found.warnings == ("no column holds the answer; it is taken from the end of the response",)


def test_names_are_compared_without_case_and_spaces(tmp_path: Path) -> None:
    found = detect(
        rows(tmp_path, {"Question ID": 1, "Problem Text": "1+1?", "Final-Answer": "2", "knowledge concept": "sums"})
    )
    assert found.columns == {
        "Problem Text": "question",
        "Question ID": "id",
        "Final-Answer": "answer",
        "knowledge concept": "meta.knowledge concept",
    }


def test_images_are_found_by_value_whatever_their_name(tmp_path: Path) -> None:
    found = detect(
        rows(tmp_path, {"q1": "x", "question": "Who?", "snapshot": "a/b.png", "answer": "Ann", "image": None})
    )
    assert found.columns["snapshot"] == "images"
    assert found.images == "path"
    assert found.warnings[0].startswith("image paths are sought in ")


def test_embedded_images_go_before_paths_and_numbered_ones_together(tmp_path: Path) -> None:
    row = {
        "question": "Which?",
        "answer": "1",
        "image_1": "a.png",
        "image_2": "b.png",
        "image_3": None,
        "mask": "m.png",
    }
    assert detect(rows(tmp_path, row)).of("images") == ["image_1", "image_2"]


def test_an_id_that_repeats_is_none(tmp_path: Path) -> None:
    found = detect(rows(tmp_path, *({"image_id": 7, "id": 7, "question": q, "answer": "a"} for q in "xy")))
    assert found.columns["id"] == "meta.id"


def test_a_users_map_goes_first(tmp_path: Path) -> None:
    file = rows(tmp_path, {"text": "Who?", "question": "unused", "gold": "Ann", "pic": "a.png", "answer": "A."})
    found = detect(file, tmp_path, {"text": "question", "gold": "answer.accepts", "pic": "images"})
    assert found.of("question") == ["text"]
    assert found.columns["question"] == "meta.question"
    assert (found.columns["gold"], found.columns["answer"]) == ("answer.accepts", "answer")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"text": "anser"}, "no target 'anser'; did you mean 'answer'"),
        ({"text": "meta."}, "no target 'meta.'"),
        ({"txt": "question"}, "no column 'txt'; did you mean 'text'"),
    ],
)
def test_a_wrong_map_names_the_remedy(tmp_path: Path, given: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        detect(rows(tmp_path, {"text": "Who?", "answer": "Ann"}), None, given)


def test_solution_is_an_answer_or_a_rationale(tmp_path: Path) -> None:
    tagged = {"problem": "How many?", "solution": "<answer> 145° </answer>"}
    assert detect(rows(tmp_path, tagged)).columns["solution"] == "answer"
    told = {"problem": "How many?", "solution": "First we count the apples and then the pears: \\boxed{5}."}
    assert detect(rows(tmp_path, told)).columns["solution"] == "response"


def test_objects_are_looked_into(tmp_path: Path) -> None:
    row = {
        "data_source": "shape",
        "prompt": [{"role": "user", "content": "1+1?"}],
        "reward_model": {"style": "rule", "ground_truth": "2"},
        "extra_info": {"split": "train", "index": 0},
    }
    found = detect(rows(tmp_path, row))
    assert found.columns == {
        "prompt": "conversation",
        "reward_model.ground_truth": "answer",
        "extra_info.split": "split",
        "extra_info.index": "id",
        "data_source": "meta.data_source",
        "reward_model.style": "meta.reward_model.style",
    }
    assert flat({"image": {"bytes": b"", "path": None}}) == {"image": {"bytes": b"", "path": None}}


def test_nothing_that_could_be_a_question(tmp_path: Path) -> None:
    found = detect(rows(tmp_path, {"a": 1}))
    assert found.warnings == (
        "no column holds questions; map one with map: {COLUMN: question}",
        "no column holds the answer; map one with map: {COLUMN: answer}",
    )


def test_a_mapping_for_people_and_for_programs(tmp_path: Path) -> None:
    found = Auto.detect(rows(tmp_path, {"question": "Which?", "options": ["x", "y"], "answer": "B", "pic": "a.png"}))
    assert found.describe().splitlines() == [
        "pic       ->  images",
        "question  ->  question",
        "options   ->  choices",
        "answer    ->  answer",
        "choices: list+letter",
        "images: path",
        "answers: choice",
        f"warning: image paths are sought in {tmp_path.name}/; name another root with images",
    ]
    assert json.loads(json.dumps(found.to_json())) == found.to_json()
    assert found.to_json()["columns"] == dict(found.columns)
