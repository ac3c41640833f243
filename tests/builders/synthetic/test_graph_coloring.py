"""Graph colouring: shapes as published, facts that read back, answers checked by constraint."""

import json
import random
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from perceptdata.builders.synthetic.graph_coloring import GraphColoring, fewest_colours
from perceptdata.builders.synthetic.graph_text import Graph, parse_colours

FAMILY = GraphColoring()
PATH = Graph(4, ((0, 1), (1, 2), (2, 3)))  # 2 colours
KITE = Graph(4, ((0, 1), (0, 2), (1, 2), (2, 3)))  # 3 colours


@st.composite
def scenes(draw: st.DrawFn) -> Graph:
    vertices = draw(st.integers(1, 12))
    pairs = list(combinations(range(vertices), 2))
    edges = draw(st.sets(st.sampled_from(pairs))) if pairs else set()
    return Graph(vertices, tuple(sorted(edges)))


@pytest.fixture(scope="module")
def drawn() -> list[Graph]:
    rng = random.Random(0)
    return [FAMILY.generate(rng) for _ in range(150)]


def test_scenes_are_what_was_asked_for(drawn: list[Graph]) -> None:
    assert {graph.vertices for graph in drawn} == {7, 8, 9}
    assert {fewest_colours(graph) for graph in drawn} == {2, 3, 4}
    assert {len(graph.edges) for graph in drawn} <= set(range(6, 25))
    for graph in drawn:
        assert graph.edges == tuple(sorted(set(graph.edges)))
        assert all(0 <= u < w < graph.vertices for u, w in graph.edges)
        reached = {0}
        for _ in range(graph.vertices):
            reached |= {end for edge in graph.edges if reached & set(edge) for end in edge}
        assert len(reached) == graph.vertices


def test_chromatic_numbers_against_brute_force(drawn: list[Graph]) -> None:
    for graph in [graph for graph in drawn if graph.vertices == 7][:20]:
        fewest = next(
            count
            for count in range(1, 8)
            if any(all(own[u] != own[w] for u, w in graph.edges) for own in product(range(count), repeat=7))
        )
        assert fewest_colours(graph) == fewest


def test_ground_truth_as_published(drawn: list[Graph]) -> None:
    """The published strings have 27 + 8 n characters for n edges."""
    assert FAMILY.ground_truth(KITE) == '{"v": 4, "c": 3, "edges": [[0, 1], [0, 2], [1, 2], [2, 3]]}'
    for graph in drawn:
        truth = FAMILY.ground_truth(graph)
        assert len(truth) == 27 + 8 * len(graph.edges)
        assert list(json.loads(truth)) == ["v", "c", "edges"]


@given(scenes())
def test_facts_read_back(scene: Graph) -> None:
    assert FAMILY.parse(FAMILY.facts(scene)) == scene


@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"vertices": 4, "edges": [[0,1],[1,2],[2,3]]}\n```',
        '{"v": 4, "edges": [[1, 0], [2, 1], [1, 2], [3, 2]]}',
        "{'n': 4, 'edges': [(0, 1), (1, 2), (2, 3)]}",
        "The graph has 4 vertices. Its edges are 0-1, 1-2 and 2-3.",
        "Vertices: 0, 1, 2, 3\nEdges:\n- (0, 1)\n- (1, 2)\n- (2, 3)",
        "Edges:\n1. [0, 1]\n2. [1, 2]\n3. [2, 3]",
        "[[0, 1], [1, 2], [2, 3]]",
        "vertices: 0 to 3; E = {{0,1}, {1,2}, {2,3}}",
        'I see {"v": 4, "edges": [[0, 1], [1, 2], [2, 3]]}.\n\nNow (0, 3) is not an edge, so ...',
        "   edges : [ [ 0 , 1 ] ,\n [ 1 , 2 ] ,\n [ 2 , 3 ] ]",
    ],
)
def test_parse_reads_what_models_write(text: str) -> None:
    assert FAMILY.parse(text) == PATH


@pytest.mark.parametrize(
    "text",
    ["", "no graph here", '{"v": 4}', "[[0, 0], [0, 1]]", '{"v": 2, "edges": [[0, 5]]}', "[" * 50_000, "(0" * 50_000],
)
def test_parse_refuses_the_rest(text: str) -> None:
    assert FAMILY.parse(text) is None


def test_a_graph_without_edges_can_be_stated() -> None:
    assert FAMILY.parse('{"v": 3, "edges": []}') == Graph(3, ())


@given(st.text())
def test_nothing_a_model_writes_raises(text: str) -> None:
    FAMILY.parse(text)
    assert 0 <= FAMILY.check(text, KITE, dense=True) <= 1
    assert 0 <= FAMILY.check_perception(text, KITE, dense=True) <= 1


@given(st.lists(st.sampled_from([*"0123456789ſK²٣[](){}:,-\"' \n", "edges", "v", "->", "a", "b"])).map("".join))
def test_nothing_that_looks_like_an_answer_raises(text: str) -> None:
    FAMILY.parse(text)
    FAMILY.check(text, KITE)


@pytest.mark.parametrize(
    "text",
    [
        "0:a, 1:b, 2:a, 3:b",
        '{"0": "a", "1": "b", "2": "a", "3": "b"}',
        r"\{0: a, 1: b, 2: a, 3: b\}",
        r"0 \to \text{a}, 1 \to \text{b}, 2 \to \text{a}, 3 \to \text{b}",
        "vertex 0 is A, vertex 1 is B, vertex 2 is A, vertex 3 is B",
        "(0, a), (1, b), (2, a), (3, b)",
        "0a 1b 2a 3b",
        "a: 0, 2; b: 1, 3",
        "a = {0, 2}, b = {1, 3}",
        "[a, b, a, b]",
    ],
)
def test_right_colourings_in_many_hands(text: str) -> None:
    assert parse_colours(text, 4) == {0: 0, 1: 1, 2: 0, 3: 1}
    assert FAMILY.check(text, PATH) == FAMILY.check(text, PATH, dense=True) == 1.0


@pytest.mark.parametrize(
    ("text", "dense"),
    [
        ("0:a, 1:a, 2:b, 3:a", 2 / 3),  # one of three edges has two alike
        ("0:a, 1:b, 2:c, 3:b", 2 / 3),  # proper, but three colours where two will do
        ("0:a, 1:b, 2:c, 3:d", 1 / 2),
        ("0:a, 1:b, 2:a", 2 / 3),  # a vertex left out
        ("0:a, 0:b, 1:b, 2:a, 3:b", 0.0),  # two colours for one vertex
        ("0:a, 1:b, 2:a, 3:b, 4:a", 0.0),  # a vertex that is not there
        ("I do not know", 0.0),
        ("", 0.0),
    ],
)
def test_wrong_colourings(text: str, dense: float) -> None:
    assert FAMILY.check(text, PATH) == 0.0
    assert FAMILY.check(text, PATH, dense=True) == pytest.approx(dense)


def test_any_proper_smallest_colouring_is_right() -> None:
    right = sum(
        FAMILY.check(", ".join(f"{vertex}:{'abcd'[own]}" for vertex, own in enumerate(colours)), KITE)
        for colours in product(range(4), repeat=4)
    )
    assert right == 4 * 6 * 2  # three of four colours, their orders on the triangle, two choices for vertex 3


@pytest.mark.parametrize(
    ("text", "strict", "dense"),
    [
        ('{"v": 4, "edges": [[0, 1], [1, 2], [2, 3]]}', 1.0, 1.0),
        ('{"v": 4, "edges": [[0, 1], [1, 2]]}', 0.0, 2 * 2 / 5),
        ('{"v": 4, "edges": [[0, 1], [1, 2], [2, 3], [0, 3]]}', 0.0, 2 * 3 / 7),
        ('{"v": 5, "edges": [[0, 1], [1, 2], [2, 3]]}', 0.0, 4 / 5),
        ("nothing", 0.0, 0.0),
    ],
)
def test_perception(text: str, strict: float, dense: float) -> None:
    assert FAMILY.check_perception(text, PATH) == strict
    assert FAMILY.check_perception(text, PATH, dense=True) == pytest.approx(dense)


def test_solutions_are_right_and_their_traces_reason_only(drawn: list[Graph]) -> None:
    rng = random.Random(0)
    for graph in drawn:
        answer, trace = FAMILY.solve(graph, rng)
        assert FAMILY.check(answer, graph) == 1.0
        assert not set(answer) & set("\\{}")
        assert FAMILY.facts(graph) not in trace
        assert "\n\n" not in trace


def test_questions_about_the_picture(drawn: list[Graph]) -> None:
    rng = random.Random(0)
    said = []
    for graph in drawn:
        whole, edge, degree = FAMILY.ask_perception(graph, rng)
        assert FAMILY.check_perception(whole.answer, graph) == 1.0
        u, w = (int(word) for word in edge.text.replace("?", "").split() if word.isdigit())
        assert edge.answer == ("yes" if (u, w) in graph.edges else "no")
        vertex = next(int(word) for word in degree.text.split() if word.isdigit())
        assert int(degree.answer) == sum(vertex in pair for pair in graph.edges)
        said.append(edge.answer)
    assert 0.35 < said.count("yes") / len(said) < 0.65


def test_a_complete_graph_has_no_missing_edge_to_ask_for() -> None:
    complete = Graph(4, tuple(combinations(range(4), 2)))
    answers = {FAMILY.ask_perception(complete, random.Random(seed))[1].answer for seed in range(10)}
    assert answers == {"yes"}


def test_the_task_names_the_labels_and_no_format() -> None:
    asked = FAMILY.ask(KITE)
    assert "4 vertices, labelled 0 to 3" in asked
    assert "boxed" not in asked
    assert "<image>" not in asked


def test_small_spaces_are_counted_exactly() -> None:
    """OEIS A001187: 38 and 728 connected labelled graphs; 16 trees of 4 have 3 edges, and one of 5 needs 5 colours."""
    assert len(GraphColoring(vertices=(4,)).listed() or ()) == 38 - 16
    assert len(GraphColoring(vertices=(5,)).listed() or ()) == 728 - 1
    assert len(GraphColoring(vertices=(5,), colours=(2, 5)).listed() or ()) == 728
    assert FAMILY.listed() is None


def test_streams_never_meet() -> None:
    family = GraphColoring(vertices=(7,), edges=(6, 8))
    taken: set[str] = set()
    for row in range(50):
        cores = family.cores(row, 50, 99, random.Random(row))
        own = {family.canonical(core) for core, _ in zip(cores, range(40), strict=False)}
        assert len(own) == 40
        assert not own & taken
        taken |= own


def test_streams_together_are_everything() -> None:
    family = GraphColoring(vertices=(4,), edges=(3, 6))
    seen = [core for row in range(3) for core in family.cores(row, 3, 1, random.Random(row))]
    assert len(seen) == len(set(seen)) == 20 + 15 + 6 + 1  # edge sets of 3, 4, 5 and 6 of 6 pairs


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"vertices": (3,)}, "4 to 12"),
        ({"vertices": (13,)}, "4 to 12"),
        ({"vertices": ()}, "4 to 12"),
        ({"vertices": (7, 7)}, "twice"),
        ({"vertices": (7,), "edges": (4, 5)}, "7 vertices is in range"),  # a tree has 6
        ({"vertices": (4,), "edges": (5, 6), "colours": (2, 2)}, "4 vertices is in range"),  # bipartite: at most 4
        ({"vertices": (4,), "colours": (5, 6)}, "4 vertices is in range"),
        ({"colours": (1, 2)}, "from 2"),
        ({"vertexes": (7,)}, "vertexes"),
    ],
)
def test_impossible_options_are_refused(options: dict, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        GraphColoring(**options)


@pytest.mark.parametrize("vertices", [4, 5])
@pytest.mark.parametrize("colours", [2, 3, 4])
def test_edge_counts_are_just_those_that_exist(vertices: int, colours: int) -> None:
    family = GraphColoring(vertices=(vertices,), edges=(1, 10), colours=(colours, colours))
    assert sorted({len(graph.edges) for graph in family.listed() or ()}) == list(family.edge_counts(vertices))
