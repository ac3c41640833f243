"""The oracle speaks where the scene is exact, and of what it can read; elsewhere it is silent."""

from collections.abc import Callable
from typing import Any

import pytest

from perceptdata.example import Example
from perceptdata.plugins import CaptionItem
from perceptdata.registry import make

GRAPH = '{"v": 4, "edges": [[0, 1], [0, 2], [1, 2], [2, 3]]}'
BOXES = "Left box: 1 object\n- small blue circle at (9, 82)\nMiddle box: 0 objects\nRight box: 0 objects"

Item = Callable[..., CaptionItem]
Shows = Callable[..., Example]


def verdicts(item: CaptionItem) -> list[Any]:
    (judged,) = make("judges", "oracle").judge([item])
    return [opinion.verdict or opinion.unjudged for opinion in judged.opinions]


def test_a_family_judges_its_own_scenes(item: Item, shows: Shows) -> None:
    caption = item(
        "The graph has four vertices. Vertex 0 is joined to 1 and 3. It looks like a kite.",
        shows(GRAPH, id="other"),  # says nothing of who drew it
        shows(GRAPH, family="graph_coloring"),
    )
    assert verdicts(caption) == ["supported", "contradicted", "oracle.unread"]
    (judged,) = make("judges", "oracle").judge([caption])
    assert [opinion.score for opinion in judged.opinions] == [1.0, 0.0, None]
    assert judged.opinions[0].evidence == GRAPH


def test_the_facts_themselves_are_supported(item: Item, shows: Shows) -> None:
    assert verdicts(item(GRAPH, shows(GRAPH, family="graph_coloring"))) == ["supported"]
    grid = '[[1, 2, 3, 4], [3, 4, 1, 2], [2, 1, 4, 3], [4, 3, 2, "-"]]'
    drawn = shows(grid, family="sudoku")
    drawn.answer.checker.args["family_options"] = {"size": 4}
    assert verdicts(item(grid, drawn)) == ["supported"]
    assert verdicts(item(grid.replace("[1, 2, 3, 4]", "[1, 2, 4, 3]"), drawn)) == ["contradicted"]
    assert verdicts(item("The first cell holds 1.", drawn)) == ["oracle.unread"]


def test_boxes_are_read_without_a_family(item: Item, shows: Shows) -> None:
    assert verdicts(item(BOXES, shows(BOXES))) == ["supported"] * 4
    assert verdicts(item("The left box is empty.", shows(BOXES))) == ["contradicted"]


@pytest.mark.parametrize(
    "given",
    [
        {"facts": BOXES, "quality": "reference"},  # somebody's annotation
        {"facts": None},
        {"facts": BOXES, "count": 2},  # of which image?
        {"facts": "A dog sleeps."},
        {"facts": "no graph", "family": "graph_coloring"},
        {"facts": GRAPH, "family": "gone"},  # the family is not installed
    ],
)
def test_without_an_exact_scene_there_is_no_verdict(given: dict[str, Any], item: Item, shows: Shows) -> None:
    assert verdicts(item("The left box is empty.", shows(**given))) == ["oracle.no_scene"]
    assert verdicts(item("The left box is empty.")) == ["oracle.no_scene"]


def test_long_facts_are_quoted_in_part(item: Item, shows: Shows) -> None:
    lines = [f"- small blue circle at ({x}, 1)" for x in range(10, 19)]
    facts = "\n".join(["Left box: 9 objects", *lines, "Middle box: 0 objects", "Right box: 0 objects"])
    (judged,) = make("judges", "oracle").judge([item("Left box: 9 objects", shows(facts))])
    assert judged.opinions[0].evidence == f"{facts[:200]}…"
