"""The checkers read the scene from the example and ask its family."""

import pytest

from perceptdata import registry
from perceptdata.errors import UsageError
from perceptdata.example import Answer, Example, Source


def example(facts: str | None) -> Example:
    source = Source(builder="b", version="1", corpus="c", split="test", key="0", licence="x")
    answer = Answer(text="-", kind="structure")
    return Example(id="e/0", stage="perception", group="g", question="?", answer=answer, facts=facts, source=source)


GRAPH = example('{"v": 3, "edges": [[0, 1], [1, 2]]}')
GRID = example('[[1, "-", 3, 4], [3, 4, 1, 2], [2, 1, 4, 3], [4, 3, 2, 1]]')


def test_a_colouring_is_scored_against_the_facts() -> None:
    strict = registry.make("checkers", "family", {"family": "graph_coloring"})
    dense = registry.make("checkers", "family", {"family": "graph_coloring", "dense": True})
    assert strict.score("0:b, 1:a, 2:b", GRAPH) == 1.0
    assert strict.score("0:a, 1:a, 2:b", GRAPH) == 0.0
    assert dense.score("0:a, 1:a, 2:b", GRAPH) == 0.5


def test_perception_is_scored_against_the_facts() -> None:
    strict = registry.make("checkers", "family_perception", {"family": "graph_coloring"})
    dense = registry.make("checkers", "family_perception", {"family": "graph_coloring", "dense": True})
    assert strict.score("3 vertices, edges 1-0 and 2-1", GRAPH) == 1.0
    assert strict.score("3 vertices, edges 1-0", GRAPH) == 0.0
    assert dense.score("3 vertices, edges 1-0", GRAPH) == pytest.approx(2 / 3)


def test_options_of_the_family_are_passed_on() -> None:
    options = {"family": "sudoku", "family_options": {"size": 4}}
    assert registry.make("checkers", "family", options).score("1234/3412/2143/4321", GRID) == 1.0
    assert registry.make("checkers", "family_perception", options).score("1.34\n3412\n2143\n4321", GRID) == 1.0


@pytest.mark.parametrize("facts", [None, "nothing", '[[1, "-"]]'])
def test_an_example_without_a_scene_is_an_error_of_the_data(facts: str | None) -> None:
    checker = registry.make("checkers", "family", {"family": "graph_coloring"})
    with pytest.raises(UsageError, match="e/0"):
        checker.score("0:a", example(facts))


def test_an_unknown_family_is_named() -> None:
    checker = registry.make("checkers", "family", {"family": "sudoko"})
    with pytest.raises(UsageError, match="sudoku"):
        checker.score("x", GRID)
