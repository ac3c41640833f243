"""The authors' diagnostic sets: scenes read from the ground truth, responses cut where perception ends."""

import json
from pathlib import Path

import pytest

from perceptdata.builders.corpora.asymmetric import Asymmetric, perception_end, read_scene, segments
from perceptdata.builders.synthetic.graph_coloring import GraphColoring
from perceptdata.builders.synthetic.sudoku import Sudoku
from perceptdata.errors import Rejected

TOLD = '{"edges": [[0, 1], [0, 2], [1, 2], [2, 3]]}'


def test_rows_become_three_twins(shape, corpus: Path, read) -> None:
    drafts, bad = read(Asymmetric(), shape("asymmetric").write(corpus))
    assert len(drafts) == 3 * 4
    assert {row.code for row in bad} == {"asymmetric.ground_truth"}
    by_split: dict[str, list] = {}
    for draft in drafts:
        by_split.setdefault(draft.split, []).append(draft)
    assert {split: len(found) for split, found in by_split.items()} == {"train_sft": 6, "train_rl": 3, "test": 3}
    assert {draft.allowed_use for draft in by_split["test"]} == {"evaluate"}
    perception, visual, textual = by_split["train_sft"][:3]
    assert [draft.stage for draft in (perception, visual, textual)] == [
        "perception",
        "visual_reasoning",
        "textual_reasoning",
    ]
    assert visual.facts == perception.answer.text == '{"v": 4, "edges": [[0, 1], [0, 2], [1, 2], [2, 3]]}'
    assert visual.question.startswith("<image>The graph in the image has 4 vertices")
    assert visual.answer.checker.args == {"family": "graph_coloring"}
    assert visual.meta["perceived"] == "right"
    assert by_split["train_sft"][4].meta["perceived"] == "wrong"
    assert (textual.images, visual.facts in textual.question) == ((), True)
    sudoku = by_split["train_rl"][1]
    assert sudoku.answer.checker.args == {"family": "sudoku", "family_options": {"size": 4}}
    assert sudoku.answer.text == "1234/3412/2143/4321"
    assert sudoku.response is None


def test_the_group_is_the_scenes_own(shape, corpus: Path, read) -> None:
    """A scene that was drawn here and stands in the published set is one group."""
    drafts, _ = read(Asymmetric(), shape("asymmetric").write(corpus))
    graphs = {draft.group for draft in drafts if draft.group.startswith("graph_coloring/")}
    assert len(graphs) == 1


def test_spans_cut_where_perception_ends(shape, corpus: Path, read) -> None:
    drafts, _ = read(Asymmetric(), shape("asymmetric").write(corpus))
    visual = next(draft for draft in drafts if draft.response)
    spans = list(visual.spans["response"].check(len(visual.response)))
    texts = [visual.response[span.start : span.end] for span in spans]
    assert [span.label for span in spans] == ["description", "think", "answer"]
    assert texts == [
        f"```json\n{TOLD}\n```",
        "The triangle 0, 1, 2 needs three colours.\nSo",
        "\\boxed{0:a, 1:b, 2:c, 3:a}",
    ]


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (f"{TOLD} then", TOLD),
        (f"First {{not json}} {TOLD}\nthen", f"First {{not json}} {TOLD}"),
        (
            'The vertices are [0, 1, 2]. {"v": 3, "edges": [[0, 1]]} so',
            'The vertices are [0, 1, 2]. {"v": 3, "edges": [[0, 1]]}',
        ),
        ("no block", None),
        ("[" * 5000, None),
    ],
)
def test_where_perception_ends(response: str, said: str | None) -> None:
    end = perception_end(response, GraphColoring())
    assert (None if end is None else response[:end]) == said
    list(segments(response, end).check(len(response)))


@pytest.mark.parametrize(
    "truth",
    [
        "",
        "7",
        "{}",
        [[1, 1, 3, 4], [3, 4, 1, 2], [2, 1, 4, 3], [4, 3, 2, 1]],  # two ones in a row
        {"v": 2, "edges": [[0, 0]]},
        {"v": 20, "c": 2, "edges": [[0, 19]]},
        {"v": 4, "c": 2, "edges": [[0, 1], [1, 2], [0, 2]]},
    ],
)
def test_what_is_no_scene_is_rejected(truth: object) -> None:
    with pytest.raises(Rejected, match=r"JSON|neither|graph|chromatic|solution|vertices|Sudoku"):
        read_scene(truth)


def test_scenes_as_published() -> None:
    family, grid = read_scene(json.dumps([[5, 3, 4, 6, 7, 8, 9, 1, 2]] + [[0] * 9] * 8))
    assert isinstance(family, Sudoku)
    assert grid[:2] == (5, 3)
