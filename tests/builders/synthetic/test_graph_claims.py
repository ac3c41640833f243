"""Sentences about a graph: true, false, or not understood."""

import pytest

from perceptdata.builders.synthetic.graph_claims import check
from perceptdata.builders.synthetic.graph_coloring import GraphColoring
from perceptdata.builders.synthetic.graph_text import Graph

GRAPH = Graph(4, ((0, 1), (0, 2), (1, 2), (2, 3)))


@pytest.mark.parametrize(
    ("claim", "true"),
    [
        ("The graph has 4 vertices.", True),
        ("The graph has four vertices and five edges.", False),
        ("There are no edges", False),
        ("Vertex 0 is joined to 1 and 2.", True),
        ("Vertex 0 is connected to vertices 1, 2, and 3.", False),
        ("vertex 0 is not joined to 3", True),
        ("vertex 0 is not joined to 2 and 3", False),
        ("Vertices 0 and 3 are not joined.", True),
        ("Nodes 3 and 2 are connected to each other", True),
        ("There is an edge between vertex 0 and vertex 1.", True),
        ("There is no edge between 0 and 3", True),
        ("There is a line between 0 and 3", False),
        ("Edges: 0-1, 0-2, 2-1, 2-3.", True),
        ("Edges: 0-1, 0-2", False),  # a list of edges states all of them
        ("The edges are (0, 1), (0, 2), (1, 2) and (2, 3).", True),
        ("Also 1-0.", True),
        ("0-1 and 0-3", False),
        ("Vertex 2 has degree 3", True),
        ("vertex 3 has one edge", True),
        ("vertex 3 has no neighbours", False),
        ('{"v": 4, "edges": [[0, 1], [0, 2], [1, 2], [2, 3]]}', True),
        ('{"v": 4, "edges": [[0, 1]]}', False),
        # Not understood:
        ("The graph looks like a house with 4 vertices.", None),
        ("It has 4 edges", None),  # the graph, or a vertex named before?
        ("The graph does not have 4 vertices", None),
        ("At least 3 vertices", None),
        ("The vertices are numbered 0 to 3.", None),
        ("The graph.", None),
        ("", None),
    ],
)
def test_claims(claim: str, true: bool | None) -> None:
    assert check(claim, GRAPH) is true
    assert GraphColoring().check_claim(claim, GRAPH) is true
