"""Exact colouring against brute force, and traces that say true things."""

import random
import re
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptdata.builders.synthetic.colouring import (
    COLOURS,
    adjacency,
    chromatic_number,
    colour,
    connected,
    explain,
    largest_clique,
)

WHEEL = [(0, 1), (1, 2), (2, 3), (3, 4), (0, 4), *((rim, 5) for rim in range(5))]  # needs 4, has no clique of 4
GROETZSCH = [
    *((0, 1), (1, 2), (2, 3), (3, 4), (0, 4)),
    *((1, 5), (4, 5), (0, 6), (2, 6), (1, 7), (3, 7), (2, 8), (4, 8), (0, 9), (3, 9)),
    *((outer, 10) for outer in range(5, 10)),
]  # needs 4, has no triangle


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    vertices = draw(st.integers(1, 6))
    pairs = list(combinations(range(vertices), 2))
    return vertices, [pair for pair in pairs if draw(st.booleans())]


def brute_force(vertices: int, edges: list[tuple[int, int]]) -> int:
    return next(
        count
        for count in range(1, vertices + 1)
        if any(all(own[u] != own[w] for u, w in edges) for own in product(range(count), repeat=vertices))
    )


def proper(colours: list[int], edges: list[tuple[int, int]]) -> bool:
    return all(colours[u] != colours[w] for u, w in edges)


@given(graphs())
def test_chromatic_number_against_brute_force(graph: tuple[int, list[tuple[int, int]]]) -> None:
    vertices, edges = graph
    assert chromatic_number(adjacency(vertices, edges)) == brute_force(vertices, edges)


@given(graphs())
def test_explained_colourings_are_proper_and_smallest(graph: tuple[int, list[tuple[int, int]]]) -> None:
    vertices, edges = graph
    fewest = brute_force(vertices, edges)
    colours, trace = explain(adjacency(vertices, edges), fewest)
    assert proper(colours, edges)
    assert sorted(set(colours)) == list(range(fewest))
    assert "\n\n" not in trace


@given(graphs())
def test_every_neighbour_a_trace_names_is_one(graph: tuple[int, list[tuple[int, int]]]) -> None:
    vertices, edges = graph
    adjacent = adjacency(vertices, edges)
    _, trace = explain(adjacent, chromatic_number(adjacent))
    for vertex, clause in re.findall(r"Vertex (\d+),? (?:is )?next to ((?:\d+ \([a-z]\)(?:, | and )?)+)", trace):
        for neighbour in re.findall(r"(\d+) \(", clause):
            assert adjacent[int(vertex)] >> int(neighbour) & 1


@given(graphs())
def test_largest_clique_against_brute_force(graph: tuple[int, list[tuple[int, int]]]) -> None:
    vertices, edges = graph
    clique = largest_clique(adjacency(vertices, edges))
    assert all(pair in edges for pair in combinations(clique, 2))
    larger = combinations(range(vertices), len(clique) + 1)
    assert not any(all(pair in edges for pair in combinations(some, 2)) for some in larger)


@given(graphs())
def test_connected_against_closure(graph: tuple[int, list[tuple[int, int]]]) -> None:
    vertices, edges = graph
    reached = {0}
    for _ in range(vertices):
        reached |= {end for edge in edges if reached & set(edge) for end in edge}
    assert connected(adjacency(vertices, edges)) == (len(reached) == vertices)


@pytest.mark.parametrize(("vertices", "edges"), [(6, WHEEL), (11, GROETZSCH)])
def test_bounds_that_no_clique_shows(vertices: int, edges: list[tuple[int, int]]) -> None:
    adjacent = adjacency(vertices, edges)
    assert len(largest_clique(adjacent)) < 4
    assert chromatic_number(adjacent) == 4
    colours, trace = explain(adjacent, 4)
    assert proper(colours, edges)
    assert trace.startswith("Could 3 colours be enough?")
    assert "no colour is left" in trace


def test_a_trace_in_full() -> None:
    """A triangle 0 1 2 with 3 hung on 2: 3 is next to c, may be a or b."""
    colours, trace = explain(adjacency(4, [(0, 1), (0, 2), (1, 2), (2, 3)]), 3)
    assert colours == [0, 1, 2, 0]
    assert trace == (
        "Vertices 0, 1 and 2 are all joined to each other, so at least 3 colours are needed.\n"
        "Now try 3: give 0 the colour a, 1 the colour b and 2 the colour c. "
        "Vertex 3, next to 2 (c), can be a or b, say a.\n"
        "Every vertex has a colour, so 3 colours are enough and the chromatic number is 3."
    )


def test_a_refutation_in_full() -> None:
    """The five-cycle: two colours run into each other."""
    _, trace = explain(adjacency(5, [(0, 1), (1, 2), (2, 3), (3, 4), (0, 4)]), 3)
    assert trace.splitlines()[0] == (
        "Could 2 colours be enough? Vertices 0 and 1 are joined, so let 0 be a and 1 be b. "
        "Vertex 2 is next to 1 (b), so it is a. Vertex 3 is next to 2 (a), so it is b. "
        "Vertex 4 is next to 0 (a) and 3 (b), so no colour is left for it. "
        "So 2 are not enough and at least 3 colours are needed."
    )


def test_too_few_colours() -> None:
    triangle = adjacency(3, [(0, 1), (0, 2), (1, 2)])
    assert colour(triangle, 2) is None
    assert colour(triangle, 2, (0, 1, 2)) is None
    with pytest.raises(ValueError, match="fewer than the chromatic number"):
        explain(triangle, 2)
    with pytest.raises(ValueError, match="are enough"):
        explain(triangle, 4)


def test_larger_random_graphs_are_coloured_properly() -> None:
    rng = random.Random(0)
    for _ in range(50):
        vertices = rng.randint(9, 12)
        edges = [pair for pair in combinations(range(vertices), 2) if rng.random() < 0.4]
        adjacent = adjacency(vertices, edges)
        fewest = chromatic_number(adjacent)
        colours, _ = explain(adjacent, fewest)
        assert proper(colours, edges)
        assert len(set(colours)) == fewest <= len(COLOURS)
        assert colour(adjacent, fewest - 1) is None
