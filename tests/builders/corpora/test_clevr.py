import json
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from perceptdata.builders.corpora.clevr import CLEVR
from perceptdata.builders.corpora.clevr_programs import only_looks, read_program, run
from perceptdata.builders.corpora.clevr_questions import ask
from perceptdata.builders.corpora.clevr_scene import facts, parse_facts, read_scene
from perceptdata.errors import Rejected, UsageError

SCENE_FACTS = """\
3 objects, from left to right:
1. small red metal sphere at (120, 160)
2. large red rubber cube at (240, 200)
3. small blue metal sphere at (360, 156)
Left of 1: none
Left of 2: 1
Left of 3: 1, 2
In front of 1: 2
In front of 2: none
In front of 3: 2"""


@pytest.fixture(scope="module")
def clevr(shape) -> ModuleType:
    return shape("clevr")


def test_facts_state_the_scene_and_are_read_back(clevr: ModuleType, shared: Path) -> None:
    scene, place = read_scene(clevr.scene(1))
    assert facts(scene) == SCENE_FACTS
    assert place == (0, 2, 1)  # where each object of the record stands among the things
    assert parse_facts(SCENE_FACTS) == scene
    real = json.loads((shared / "corpora/clevr/scenes/CLEVR_val_scenes.json").read_text())["scenes"][0]
    scene, place = read_scene(real)
    assert parse_facts(facts(scene)) == scene
    purple = place[3]
    assert [str(scene.things[at]) for at in sorted(scene.related("left", purple))] == [
        "large brown rubber cylinder"
        if each == 0
        else f"{real['objects'][each]['size']} {real['objects'][each]['color']} "
        f"{real['objects'][each]['material']} {real['objects'][each]['shape']}"
        for each in sorted(real["relationships"]["left"][3], key=lambda one: place[one])
    ]
    for name in ("left", "right", "front", "behind"):
        for number in range(5):
            assert scene.related(name, place[number]) == {place[other] for other in real["relationships"][name][number]}


@pytest.mark.parametrize(
    "change",
    [
        ("3 objects", "2 objects"),
        ("2. large red", "4. large red"),
        ("Left of 2: 1\n", ""),
        ("In front of 1: 2", "In front of 1: 9"),
        ("sphere at", "pyramid at"),
        (SCENE_FACTS, ""),
    ],
)
def test_facts_that_do_not_fit_are_no_scene(change: tuple[str, str]) -> None:
    assert parse_facts(SCENE_FACTS.replace(*change)) is None


def test_programs_run_by_hand(clevr: ModuleType) -> None:
    for number, (image, _, answer, written) in enumerate(clevr.PROGRAMS):
        scene, _ = read_scene(clevr.scene(image))
        assert run(read_program(written), scene)[0] == answer, number
    scene, _ = read_scene(clevr.scene(1))
    steps = read_program(clevr.PROGRAMS[2][3])
    assert run(steps, scene)[1].splitlines() == [
        "1. All objects: 1, 2, 3.",
        "2. Of 1, 2, 3, those with color red: 1, 2.",
        "3. That makes 2.",
        "4. All objects: 1, 2, 3.",
        "5. Of 1, 2, 3, those with size large: 2.",
        "6. Of 2, those with material metal: none.",
        "7. That makes 0.",
        "8. 2 is greater than 0.",
    ]
    assert [only_looks(read_program(program)) for *_, program in clevr.PROGRAMS] == [True, False, False]


@pytest.mark.parametrize(
    ("functions", "answer"),
    [
        ([("scene", [], []), ("filter_shape", [0], ["sphere"]), ("exist", [1], [])], "yes"),
        ([("scene", [], []), ("filter_color", [0], ["cyan"]), ("exist", [1], [])], "no"),
        # the red cube; others of its color; what shape they have
        (
            [
                ("scene", [], []),
                ("filter_shape", [0], ["cube"]),
                ("unique", [1], []),
                ("same_color", [2], []),
                ("unique", [3], []),
                ("query_shape", [4], []),
            ],
            "sphere",
        ),
        # red things or spheres: all three; red things and spheres: one
        (
            [
                ("scene", [], []),
                ("filter_color", [0], ["red"]),
                ("scene", [], []),
                ("filter_shape", [2], ["sphere"]),
                ("union", [1, 3], []),
                ("count", [4], []),
                ("intersect", [1, 3], []),
                ("count", [6], []),
                ("less_than", [5, 7], []),
            ],
            "no",
        ),
        (
            [
                ("scene", [], []),
                ("filter_shape", [0], ["cube"]),
                ("unique", [1], []),
                ("query_size", [2], []),
                ("relate", [2], ["right"]),
                ("unique", [4], []),
                ("query_size", [5], []),
                ("equal_size", [3, 6], []),
            ],
            "no",
        ),
        (
            [
                ("scene", [], []),
                ("count", [0], []),
                ("scene", [], []),
                ("count", [2], []),
                ("equal_integer", [1, 3], []),
            ],
            "yes",
        ),
    ],
)
def test_every_function(clevr: ModuleType, functions: list, answer: str) -> None:
    scene, _ = read_scene(clevr.scene(1))
    written = [{"function": name, "inputs": inputs, "value_inputs": values} for name, inputs, values in functions]
    assert run(read_program(written), scene)[0] == answer


@pytest.mark.parametrize(
    "written",
    [
        [],
        [{"function": "count", "inputs": [0], "value_inputs": []}],
        [{"inputs": []}],
        ["scene"],
    ],
)
def test_programs_that_cannot_be_read(written: list) -> None:
    with pytest.raises(Rejected, match="program"):
        read_program(written)


@pytest.mark.parametrize("name", ["filter_color", "filter_taste", "unique", "fly", "relate"])
def test_programs_that_cannot_be_run(clevr: ModuleType, name: str) -> None:
    scene, _ = read_scene(clevr.scene(1))
    written = [clevr.step("scene", []), clevr.step(name, [0], "pink")]
    with pytest.raises(Rejected, match="step 2"):
        run(read_program(written), scene)


def test_questions_of_looking(clevr: ModuleType) -> None:
    scene, _ = read_scene(clevr.scene(0))
    asked = {each.twin: each for each in ask(scene, "seed", 9)}
    assert set(asked) == {"size", "color", "material", "shape", "count"}
    assert ask(scene, "seed", 9) == list(asked.values())
    assert len(ask(scene, "seed", 2)) == 2
    for seed in range(40):  # whatever is chosen, exactly one thing has the name, and its property is not in it
        for each in ask(scene, str(seed), 9):
            if each.twin != "count":
                named = each.text.removesuffix("?").removesuffix(" made of").partition(" the ")[2].split()
                fits = [
                    thing for thing in scene.things if all(word in (*str(thing).split(), "object") for word in named)
                ]
                assert len(fits) == 1
                assert getattr(fits[0], each.twin) == each.answer.text
                assert each.answer.text not in named
            else:
                kind = each.text.removeprefix("How many ").removesuffix("s are there?").split()
                count = sum(all(word in (*str(thing).split(), "object") for word in kind) for thing in scene.things)
                assert each.answer.text == str(count)


def test_the_examples(clevr: ModuleType, tmp_path: Path, read, take) -> None:
    source = clevr.write(tmp_path)
    drafts, bad = read(CLEVR(), source)
    assert [(row.key, row.code, row.split) for row in bad] == [("000000/0", "answer.missing", "test")]
    examples = {example.id: example for example in take(CLEVR(), source)}
    assert Counter(example.stage for example in examples.values()) == {
        "perception": 2 + 8 + 1,  # the facts, four questions a scene, and the question that only counts
        "visual_reasoning": 2,
        "textual_reasoning": 3,
    }
    asked = examples["clevr/val/000000/101/question"]
    assert asked.question == "<image>What color is the shiny sphere behind the brown thing?"
    assert asked.group == "clevr/val/000000"
    assert asked.meta["program"][3] == {"function": "relate", "inputs": [2], "value_inputs": ["behind"]}
    assert asked.facts_quality == "oracle"
    assert asked.response is not None
    assert asked.response.startswith(f"{asked.facts}\n\n1. All objects: 1, 2, 3, 4, 5.")
    assert asked.response.endswith("The answer is purple.")
    textual = examples["clevr/val/000000/101/text"]
    assert textual.answer == asked.answer
    assert textual.question.endswith(f"The figure shows:\n{asked.facts}")
    assert textual.images == ()
    spans = next(draft for draft in drafts if draft.twin == "question" and draft.key == "000000/101").spans["response"]
    assert [(asked.response[s.start : s.end].split()[0], s.label) for s in spans] == [
        ("5", "perception"),
        ("1.", "reasoning"),
    ]
    whole = examples["clevr/val/000001/facts"]
    assert whole.answer.text == whole.facts == SCENE_FACTS
    assert [region.coords for region in whole.regions] == [(120.0, 160.0), (240.0, 200.0), (360.0, 156.0)]


def test_bad_records(clevr: ModuleType, tmp_path: Path, read) -> None:
    source = clevr.write(tmp_path)
    questions = [*(clevr.question(0) for _ in range(5)), clevr.question(2), clevr.question(0)]
    questions[0]["answer"] = "3"
    questions[1]["image_index"] = 99
    questions[2]["program"][1]["value_inputs"] = []
    questions[3]["question"] = " "
    questions[4]["image_index"] = "7"
    (source / "questions/CLEVR_val_questions.json").write_text(clevr.wrap("questions", questions)[:-30])
    scene = clevr.scene(1)
    scene["relationships"]["right"][0] = []
    other = clevr.scene(1) | {"image_index": 5}
    other["objects"][0]["color"] = "pink"
    (source / "scenes/CLEVR_val_scenes.json").write_text(clevr.wrap("scenes", [clevr.scene(0), scene, other]))
    drafts, bad = read(CLEVR(), source)
    assert [(row.key, row.code) for row in bad if row.split == "val"] == [
        ("000000/100", "clevr.program_disagrees"),
        ("000000/100", "field.invalid"),
        ("000000/100", "field.invalid"),
        ("000001", "field.invalid"),
        ("000001/102", "field.invalid"),
        ("000005", "field.invalid"),
        ("000099/100", "clevr.no_scene"),
        ("questions-4", "field.invalid"),
        ("questions-6", "row.unreadable"),
    ]
    scenes = [{**clevr.scene(0), "image_index": None}, "torn"]
    (source / "scenes/CLEVR_val_scenes.json").write_text(clevr.wrap("scenes", scenes))
    _, bad = read(CLEVR(), source)
    assert [(row.key, row.code) for row in bad][:2] == [("scenes-0", "field.invalid"), ("scenes-1", "row.unreadable")]
    assert Counter(row.code for row in bad)["clevr.no_scene"] == 5
    assert {draft.key for draft in drafts} == {"000000"}


def test_questions_without_scenes_and_pictures_elsewhere(clevr: ModuleType, tmp_path: Path, read, take) -> None:
    source = clevr.write(tmp_path)
    (source / "scenes/CLEVR_val_scenes.json").unlink()
    (source / "images/val").rename(tmp_path / "flat")
    examples = take(CLEVR(images=tmp_path / "flat"), source)
    assert [(example.source.key, example.facts) for example in examples] == [
        ("000000/100", None),
        ("000000/101", None),
        ("000001/102", None),
    ]


def test_parts(clevr: ModuleType, tmp_path: Path, read, monkeypatch: pytest.MonkeyPatch) -> None:
    source = clevr.write(tmp_path)
    whole, _ = read(CLEVR(), source)
    monkeypatch.setattr("perceptdata.builders.corpora.clevr.SCENES", 1)
    cuts = [(part.split, part.path.stem.split("_")[2], part.start, part.stop) for part in CLEVR().parts(source)]
    assert cuts == [
        ("val", "scenes", 0, 1),
        ("val", "scenes", 1, 2),
        ("val", "questions", 0, 3),  # what has no scene
        ("test", "questions", 0, 1),
    ]
    assert read(CLEVR(), source)[0] == whole
    with pytest.raises(UsageError, match="holds no scenes/"):
        CLEVR().parts(tmp_path / "CLEVR_v1.0/images")
