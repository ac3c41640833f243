"""Tag: which texts, which chain of taggers, and a layer whose rows can be read against their text alone."""

from pathlib import Path
from typing import Any

import pytest
from toys import card, write_lines

from perceptdata.errors import UsageError
from perceptdata.layers import text_sha256
from perceptdata.segmentation import VERSION
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import Outcome, run_step
from perceptdata.workspace import Workspace

pytestmark = pytest.mark.usefixtures("with_toys")


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    tried = {"responses": [{"text": "I see one try."}, {"text": "So another."}]}
    rows = [card(1, **tried), card(2, response=None), card(3, facts="a picture of 3", facts_quality="oracle")]
    write_lines(tmp_path / "cards" / "0.jsonl", rows)
    made = Workspace.create(tmp_path / "ws")
    run(made, "cards", "build", use="toy_cards", path=tmp_path / "cards")
    return made


def run(ws: Workspace, name: str, do: str, **options: Any) -> Outcome:
    with ws.lock("test"):
        return run_step(ws, name, make_step(do, options))


def spans(ws: Workspace, step: str) -> dict[str, list[tuple[int, int, str]]]:
    rows = ws.layer(step, "spans").to_table().to_pylist()
    return {row["text_id"]: [(each["start"], each["end"], each["label"]) for each in row["spans"]] for row in rows}


def test_the_layer_is_keyed_by_text_and_names_its_maker(ws: Workspace) -> None:
    outcome = run(ws, "tags", "tag", use="toy_words")
    assert outcome.made == {"layers/spans": 2}  # the row without a response has none
    # "I see 1 and 0. So the sum is 1.": two clauses of 14 and 16 characters, and the space between is no one's.
    first = ws.layer("tags", "spans").to_table().to_pylist()[0]
    assert spans(ws, "tags")["cards/train/1#response"] == [(0, 14, "perception"), (15, 31, "reasoning")]
    assert first["text_sha256"] == text_sha256("I see 1 and 0. So the sum is 1.")
    assert (first["scheme"], first["segmenter"]) == ("pro@1", VERSION)
    assert first["producer"] == {"name": "tag", "version": "1", "config": outcome.version}
    assert {each["tagger"] for each in first["spans"]} == {"toy_words"}


def test_any_text_can_be_tagged_the_example_s_or_a_step_s(ws: Workspace) -> None:
    run(ws, "tags", "tag", use="toy_words", **{"from": ["facts", "question", "cards"]})
    found = spans(ws, "tags")
    assert set(found) == {
        "cards/train/3#facts",
        *(f"cards/train/{number}#question" for number in (1, 2, 3)),
        "cards/train/1#cards/0",
        "cards/train/1#cards/1",
    }
    assert found["cards/train/1#cards/0"] == [(0, 14, "perception")]
    assert found["cards/train/1#cards/1"] == [(0, 11, "reasoning")]
    assert set(ws.manifest.steps["tags"].current.shards) == {
        "cards-00000-facts",
        "cards-00000-question",
        "cards-00000-cards",
    }


def test_a_later_tagger_labels_what_the_earlier_left_open(ws: Workspace) -> None:
    run(ws, "tags", "tag", use=["cues", {"toy_words": {"see": ["nothing"]}}])
    row = ws.layer("tags", "spans").to_table().to_pylist()[0]
    assert len(row["spans"]) == 2  # every clause is labelled once
    makers = {each["tagger"].split(":")[0] for each in row["spans"]}
    assert makers <= {"cues", "toy_words"}


def test_the_options_of_a_chain_are_in_the_fingerprint(ws: Workspace) -> None:
    prints = {
        make_step("tag", {"use": use, **rest}).fingerprint
        for use, rest in (
            ("toy_words", {}),
            (["toy_words", "cues"], {}),
            (["cues", "toy_words"], {}),
            ({"toy_words": {"see": ["look"]}}, {}),
            ("toy_words", {"from": "facts"}),
        )
    }
    assert len(prints) == 5
    same = {make_step("tag", {"use": use}).fingerprint for use in ("toy_words", ["toy_words"], {"toy_words": None})}
    assert len(same) == 1
    defaults = {"toy_words": {"see": ["see", "picture"]}}
    assert make_step("tag", {"use": defaults}).fingerprint in same  # a default said aloud is the same default


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"use": []}, "'use': Tuple should have at least 1 item"),
        ({"from": []}, "'from': Tuple should have at least 1 item"),
        ({"use": [{"cues": {}, "toy_words": {}}]}, "each tagger of 'use' is a name or one {name: {options}}"),
        ({"use": "toy_word"}, "there is no tagger 'toy_word'; did you mean 'toy_words'?"),
    ],
)
def test_a_wrong_chain_is_said(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        make_step("tag", options)
    assert said in str(caught.value)
