"""Records: three twins a scene, disjoint splits, the same bytes in any order."""

import io
import json
from collections import Counter
from dataclasses import asdict
from typing import Any

import pytest
from PIL import Image

from perceptdata import registry
from perceptdata.builders.synthetic.builder import SyntheticBuilder
from perceptdata.builders.synthetic.splits import PAPER_ROWS
from perceptdata.draft import Draft, with_facts
from perceptdata.errors import UsageError
from perceptdata.example import Example, Source
from perceptdata.plugins import Checker, Part
from perceptdata.spans import SEGMENTS

FAMILIES = ("graph_coloring", "sudoku")
SETS = [
    ("graph_coloring", {}),
    ("graph_coloring", {"vertices": [7]}),
    ("graph_coloring", {"vertices": [4, 5]}),
    ("sudoku", {}),
    ("sudoku", {"size": 6}),
    ("sudoku", {"size": 4, "blanks": 8}),
]


def builder(name: str, **options: Any) -> SyntheticBuilder:
    return registry.make("builders", name, options)


def drafts(made: SyntheticBuilder) -> list[Draft]:
    return [draft for part in made.parts(None) for draft in made.read(part)]


def example(draft: Draft) -> Example:
    source = Source(builder="b", version="1", corpus="c", split=draft.split, key=draft.key, licence="x")
    fields = {"id": f"{draft.split}/{draft.key}/{draft.twin}", "images": (), "source": source}
    fields |= {name: getattr(draft, name) for name in ("stage", "group", "choices", "answer", "facts", "meta")}
    return Example(question=draft.question.replace("<image>", ""), **fields)


def scenes_of(made: SyntheticBuilder, found: list[Draft]) -> list[str]:
    """The canonical texts of the drafts' scenes, one a record: what no two records may share."""
    family = made.family()
    return [family.canonical(family.parse(draft.facts)) for draft in found if draft.twin == "textual"]


@pytest.mark.parametrize(("name", "options"), SETS)
def test_each_scene_has_its_twins(name: str, options: dict) -> None:
    made = builder(name, rows={"train_sft": 2, "test": 2}, **options)
    found = drafts(made)
    assert Counter(draft.twin for draft in found) == {"perception": 4, "visual": 4, "textual": 4}
    for perception, visual, textual in zip(found[::3], found[1::3], found[2::3], strict=True):
        assert (perception.stage, visual.stage, textual.stage) == (
            "perception",
            "visual_reasoning",
            "textual_reasoning",
        )
        assert perception.images == visual.images
        assert len({perception.group, visual.group, textual.group}) == 1
        assert perception.facts == visual.facts == textual.facts == perception.answer.text
        assert {draft.facts_quality for draft in (perception, visual, textual)} == {"oracle"}
        assert visual.answer == textual.answer
        assert textual.question == with_facts(visual.question, str(visual.facts))
        assert visual.question.startswith("<image>")
        assert (len(perception.images), len(textual.images)) == (1, 0)
        assert "pillow" in visual.meta["drawn_by"]
        assert json.loads(visual.meta["ground_truth"])
        json.dumps(asdict(visual)["meta"])


@pytest.mark.parametrize(("name", "options"), SETS)
def test_gold_answers_score_one(name: str, options: dict) -> None:
    checkers: dict[str, Checker] = {}
    for draft in drafts(builder(name, rows={"train_sft": 6, "train_rl": 24, "test": 3}, **options)):
        named = draft.answer.checker
        assert named is not None
        if named.name not in checkers:
            checkers[named.name] = registry.make("checkers", named.name, named.args)
        assert checkers[named.name].score(draft.answer.text, example(draft)) == 1.0
        assert checkers[named.name].score("garbage", example(draft)) == 0.0
    assert set(checkers) == {"family", "family_perception"}


@pytest.mark.parametrize("name", FAMILIES)
def test_responses_are_facts_trace_answer_with_their_spans(name: str) -> None:
    perception, visual, textual = drafts(builder(name, rows={"train_sft": 1}))
    assert perception.response is None
    assert visual.response is not None
    assert textual.response is not None
    spans = visual.spans["response"].check(len(visual.response))
    assert spans.scheme == SEGMENTS
    assert [span.label for span in spans] == ["description", "think", "answer"]
    facts, trace, answer = (visual.response[span.start : span.end] for span in spans)
    assert facts == visual.facts
    assert answer == f"\\boxed{{{visual.answer.text}}}"
    assert visual.response == f"{facts}\n\n{trace}\n\n{answer}"
    assert textual.response == f"{trace}\n\n{answer}"
    assert [span.label for span in textual.spans["response"]] == ["think", "answer"]


def test_responses_stand_in_the_splits_that_ask_for_them() -> None:
    rows = {"train_sft": 1, "train_rl": 1, "test": 1}
    with_response = {draft.split for draft in drafts(builder("sudoku", rows=rows)) if draft.response}
    assert with_response == {"train_sft"}
    made = builder("sudoku", rows=rows, responses=["train_rl", "test"])
    assert {draft.split for draft in drafts(made) if draft.response} == {"train_rl", "test"}


@pytest.mark.parametrize("name", FAMILIES)
def test_atomic_questions_are_further_twins(name: str) -> None:
    plain = drafts(builder(name, rows={"test": 2}))
    more = drafts(builder(name, rows={"test": 2}, atomic=True))
    atomic = [draft for draft in more if str(draft.twin).startswith("perception-")]
    assert len(atomic) == 4
    assert [draft for draft in more if draft not in atomic] == plain
    for draft in atomic:
        assert draft.answer.kind in ("number", "choice")
        if draft.choices:
            assert draft.choices[draft.answer.index] == draft.answer.text


@pytest.mark.parametrize(("name", "options"), SETS)
def test_no_scene_stands_twice(name: str, options: dict) -> None:
    made = builder(name, rows={"train_sft": 14, "train_rl": 56, "test": 4}, **options)
    found = drafts(made)
    scenes = scenes_of(made, found)
    assert len(set(scenes)) == len(scenes) == 74
    assert len({draft.group for draft in found}) == 74


def test_crowded_spaces_do_not_collide() -> None:
    """1,200 independent draws from the 16,807 trees and 68,295 graphs with one cycle would collide about 10 times."""
    made = builder("graph_coloring", vertices=[7], edges=[6, 7], rows={"train_sft": 400, "train_rl": 700, "test": 100})
    assert len(set(scenes_of(made, drafts(made)))) == 1200


@pytest.mark.parametrize(
    ("name", "options", "exist"), [("sudoku", {"size": 4}, 288), ("graph_coloring", {"vertices": [4]}, 22)]
)
def test_small_spaces_are_exhausted_exactly(name: str, options: dict, exist: int) -> None:
    made = builder(name, **options)
    assert sum(made.counts().values()) == exist
    scenes = scenes_of(made, drafts(made))
    assert len(set(scenes)) == len(scenes) == exist
    with pytest.raises(UsageError, match=f"at most {exist}"):
        builder(name, rows={"test": exist + 1}, **options).parts(None)


def test_splits_of_other_seeds_are_disjoint_too() -> None:
    """The hash has no seed: what is test in one set is never training in another of the same proportions."""
    by_split: dict[str, set[str]] = {}
    for seed in range(3):
        made = builder("graph_coloring", vertices=[5], rows={"train_rl": 60, "test": 20}, seed=seed)
        for split, rows in made.counts().items():
            found = list(made.read(Part(split=split, stop=rows)))
            by_split.setdefault(split, set()).update(scenes_of(made, found))
    assert len(by_split["test"]) > 20
    assert not by_split["train_rl"] & by_split["test"]


@pytest.mark.parametrize(("name", "options"), SETS)
def test_any_order_gives_the_same_bytes(name: str, options: dict) -> None:
    rows = {"train_sft": 5, "train_rl": 9, "test": 2}
    forward = drafts(builder(name, rows=rows, **options))
    made = builder(name, rows=rows, **options)
    backward = [
        list(made.read(Part(split=split, start=row, stop=row + 1)))
        for split, count in reversed(made.counts().items())
        for row in reversed(range(count))
    ]
    assert [draft for record in reversed(backward) for draft in record] == forward


@pytest.mark.parametrize("name", FAMILIES)
def test_seeds_change_the_scenes(name: str) -> None:
    first, second = (drafts(builder(name, rows={"test": 3}, seed=seed)) for seed in (0, 1))
    assert not {draft.facts for draft in first} & {draft.facts for draft in second}


def test_defaults_are_the_papers() -> None:
    made = builder("sudoku")
    assert made.counts() == PAPER_ROWS
    parts = made.parts(None)
    assert {part.split: sum(p.stop - p.start for p in parts if p.split == part.split) for part in parts} == PAPER_ROWS
    assert max(part.stop - part.start for part in parts) == 500
    assert all(part.path is None for part in parts)


def test_graph_pictures_are_as_wide_as_published() -> None:
    found = drafts(builder("graph_coloring", rows={"test": 12}))
    sizes = [Image.open(io.BytesIO(draft.images[0])).size for draft in found if draft.twin == "visual"]
    assert all(427 <= width <= 466 for width, _ in sizes)
    assert len(set(sizes)) > 6


def test_a_source_is_refused(tmp_path: Any) -> None:
    with pytest.raises(UsageError, match="reads no source"):
        builder("sudoku").parts(tmp_path)


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(UsageError, match="train_sft, train_rl, test"):
        list(builder("sudoku").read(Part(split="train")))


def test_options_without_a_scene_are_refused() -> None:
    """A connected graph of 4 vertices with 4 edges has a cycle of 3 or 4: never 4 colours, though K4 has 6 edges."""
    with pytest.raises(UsageError, match="widen edges or colours"):
        builder("graph_coloring", vertices=[4], edges=[4, 5], colours=[4, 4])


@pytest.mark.parametrize("option", [{"rows": {"train": 5}}, {"size": 7}, {"colors": [2, 4]}])
def test_wrong_options_are_named(option: dict) -> None:
    with pytest.raises(UsageError, match=next(iter(option))):
        builder("sudoku", **option)
