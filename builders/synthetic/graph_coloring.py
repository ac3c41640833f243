"""Graph colouring: colour every vertex of a drawn graph with as few colours as possible.

The first diagnostic task of "On Asymmetric Optimization of Reasoning and Perception in VLM Post-Training"
(arXiv 2605.29496). A scene is a connected graph with labels 0 to v - 1; its facts are `{"v": 4, "edges": [[0, 1],
…]}`. The answer gives each vertex its colour in order of the labels, `0:a, 1:b, 2:a`: no braces or backslashes, so it
stands inside `\\boxed{}`. Any proper colouring with the chromatic number of colours is right.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations
from math import comb
from typing import ClassVar, Self

from pydantic import model_validator

from perceptdata.plugins import Plugin, Question, Solution

from .builder import SyntheticBuilder, SyntheticFamily, facts_checker
from .canvas import Canvas
from .colouring import COLOURS, adjacency, chromatic_number, connected, explain
from .graph_claims import check as check_claim
from .graph_text import Edge, Graph, parse_colours, parse_graph
from .layout import MAX_VERTICES, place
from .splits import shuffled

_FEW = 1 << 17  # graphs that are listed rather than streamed
_SPARE = 64  # candidates a record may need; running dry then has a chance below e^-20
_LINE, _FONT = 2.5, {20: 22, 15: 17}


class GraphOptions(Plugin):
    """Which graphs: numbers of vertices, and ranges (both ends included) of edges and of the chromatic number."""

    vertices: tuple[int, ...] = (7, 8, 9)
    edges: tuple[int, int] = (4, 24)
    colours: tuple[int, int] = (2, 4)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not self.vertices or not all(4 <= count <= MAX_VERTICES for count in self.vertices):
            raise ValueError(f"vertices are 4 to {MAX_VERTICES}")
        if len(set(self.vertices)) < len(self.vertices):
            raise ValueError("a number of vertices stands twice")
        if not 2 <= self.colours[0] <= self.colours[1]:
            raise ValueError("colours are a range from 2 upwards")
        for count in self.vertices:
            if not self.edge_counts(count):
                raise ValueError(f"no connected graph of {count} vertices is in range; widen edges or colours")
        return self

    def edge_counts(self, vertices: int) -> range:
        """The numbers of edges in range that a connected graph with a chromatic number in range can have.

        At least a complete graph of the fewest colours with all other vertices hung on; at most Turán's graph, whose
        parts are as equal as can be.
        """
        fewest, most = self.colours
        least = comb(fewest, 2) + vertices - fewest if fewest <= vertices else comb(vertices, 2) + 1
        parts = [len(range(part, vertices, most)) for part in range(most)]
        turan = comb(vertices, 2) - sum(comb(part, 2) for part in parts)
        return range(max(self.edges[0], least), min(self.edges[1], turan) + 1)


class GraphColoring(GraphOptions, SyntheticFamily[Graph]):
    """Connected graphs, drawn with numbered vertices, to be coloured with the fewest colours."""

    name: ClassVar[str] = "graph_coloring"
    corpus: ClassVar[str] = "graph_coloring"

    def cores(self, row: int, rows: int, key: int, rng: random.Random) -> Iterator[Graph]:
        """A random size and number of edges each time, then the next of the record's own graphs of that kind."""
        kinds = [(count, edges) for count in self.vertices for edges in self.edge_counts(count)]
        number = dict.fromkeys(kinds, row)
        while kinds:
            kind = rng.choice(kinds)
            vertices, edges = kind
            size = comb(comb(vertices, 2), edges)
            if number[kind] >= size:
                kinds.remove(kind)
                continue
            yield Graph(vertices, _edge_set(vertices, edges, shuffled(number[kind], size, key)))
            number[kind] += rows

    def finish(self, core: Graph, rng: random.Random) -> Graph | None:
        """The graph itself, if it is connected and its chromatic number is in range."""
        if not connected(adjacency(core.vertices, core.edges)):
            return None
        low, high = self.colours
        return core if low <= fewest_colours(core) <= high else None

    def capacity(self) -> int:
        """A 64th of all labelled graphs with these numbers of vertices and edges."""
        return self._size() // _SPARE

    def listed(self) -> Sequence[Graph] | None:
        """All graphs of up to 6 vertices: 22 of 4, 727 of 5 and 26,538 of 6 with the default ranges."""
        if self._size() > _FEW:
            return None
        rng = random.Random(0)  # `finish` draws nothing from it
        return [
            graph
            for count in self.vertices
            for edges in self.edge_counts(count)
            for chosen in combinations(tuple(combinations(range(count), 2)), edges)
            if (graph := self.finish(Graph(count, chosen), rng)) is not None
        ]

    def canonical(self, scene: Graph) -> str:
        """The labelled edge set, with the number of vertices."""
        return f"{scene.vertices}:{scene.edges}"

    def ground_truth(self, scene: Graph) -> str:
        """`{"v": 7, "c": 3, "edges": [[0, 1], …]}`."""
        return json.dumps({"v": scene.vertices, "c": fewest_colours(scene), "edges": scene.edges})

    def facts(self, scene: Graph) -> str:
        """`{"v": 7, "edges": [[0, 1], …]}`."""
        return json.dumps({"v": scene.vertices, "edges": scene.edges})

    def parse(self, text: str) -> Graph | None:
        """See `graph_text.parse_graph`."""
        return parse_graph(text)

    def picture(self, scene: Graph, rng: random.Random) -> Canvas:
        """Numbered circles and straight lines."""
        layout = place(scene.vertices, scene.edges, rng)
        canvas = Canvas(layout.width, layout.height)
        canvas.lines(((layout.centres[u], layout.centres[w]) for u, w in scene.edges), _LINE)
        for label, centre in enumerate(layout.centres):
            canvas.disc(centre, layout.radius)
            canvas.text(centre, str(label), _FONT[layout.radius])
        return canvas

    def solve(self, scene: Graph, rng: random.Random) -> Solution:
        """A lower bound, then a colouring that meets it."""
        colours, trace = explain(adjacency(scene.vertices, scene.edges), fewest_colours(scene))
        return Solution(", ".join(f"{vertex}:{COLOURS[own]}" for vertex, own in enumerate(colours)), trace)

    def check(self, answer: str, scene: Graph, dense: bool = False) -> float:
        """1.0 iff every vertex has a colour, no edge joins two alike, and the colours are as few as possible.

        Dense: the share of edges whose ends have different colours, times c / used where more than c colours are used;
        never more than the share of vertices that have a colour.
        """
        colours = parse_colours(answer, scene.vertices)
        if not colours:
            return 0.0
        kept = sum(u in colours and w in colours and colours[u] != colours[w] for u, w in scene.edges)
        excess = min(1.0, fewest_colours(scene) / len(set(colours.values())))
        share = kept / len(scene.edges) if scene.edges else 1.0
        score = min(share * excess, len(colours) / scene.vertices)
        return score if dense else float(score == 1.0)

    def check_perception(self, text: str, scene: Graph, dense: bool = False) -> float:
        """1.0 iff the edges are the same set and the number of vertices is right. Dense: F1 of the edges, less where
        the number of vertices is wrong.
        """
        stated = self.parse(text)
        if stated is None:
            return 0.0
        if not dense:
            return float(stated == scene)
        both = len(set(stated.edges) & set(scene.edges))
        total = len(stated.edges) + len(scene.edges)
        low, high = sorted((stated.vertices, scene.vertices))
        return (2 * both / total if total else 1.0) * low / high

    def check_claim(self, text: str, scene: Graph) -> bool | None:
        """See `graph_claims.check`."""
        return check_claim(text, scene)

    def ask(self, scene: Graph) -> str:
        """The task; it states the labels, as the paper's does."""
        return (
            f"A graph has {scene.vertices} vertices, labelled 0 to {scene.vertices - 1}. Find its chromatic number, "
            "then colour it with exactly that many colours: give every vertex a colour so that no two vertices joined "
            "by an edge have the same one. Call the colours a, b, c and so on, and state the colour of each vertex."
        )

    def ask_perception(self, scene: Graph, rng: random.Random) -> list[Question]:
        """The whole graph; whether two vertices are joined; how many neighbours one has."""
        edges = set(scene.edges)
        joined = rng.random() < 0.5
        pairs = [pair for pair in combinations(range(scene.vertices), 2) if (pair in edges) == joined]
        u, w = rng.choice(pairs or scene.edges)
        vertex = rng.randrange(scene.vertices)
        degree = sum(vertex in edge for edge in scene.edges)
        return [
            Question(
                "perception",
                "How many vertices does this graph have, and which of them are joined? List every edge.",
                self.facts(scene),
                "structure",
                checker=facts_checker(self),
            ),
            Question(
                "perception-edge",
                f"Is there an edge between vertex {u} and vertex {w} in this graph?",
                "yes" if (u, w) in edges else "no",
                "choice",
                ("yes", "no"),
            ),
            Question(
                "perception-degree", f"How many edges meet at vertex {vertex} of this graph?", str(degree), "number"
            ),
        ]

    def _size(self) -> int:
        return sum(comb(comb(count, 2), edges) for count in self.vertices for edges in self.edge_counts(count))


class GraphColoringBuilder(GraphOptions, SyntheticBuilder):
    """Graph colouring as staged examples; see `SyntheticBuilder`."""

    name: ClassVar[str] = "graph_coloring"
    corpus: ClassVar[str] = "graph_coloring"

    def family(self) -> GraphColoring:
        """The family with this builder's options."""
        return GraphColoring(**{field: getattr(self, field) for field in GraphOptions.model_fields})


@lru_cache(maxsize=4096)
def fewest_colours(graph: Graph) -> int:
    """The chromatic number."""
    return chromatic_number(adjacency(graph.vertices, graph.edges))


def _edge_set(vertices: int, edges: int, number: int) -> tuple[Edge, ...]:
    """Edge set `number` of all those with `edges` edges (combinatorial number system)."""
    chosen = []
    for slot, pair in zip(range(comb(vertices, 2) - 1, -1, -1), combinations(range(vertices), 2), strict=True):
        without = comb(slot, edges)
        if number >= without:
            number -= without
            edges -= 1
            chosen.append(pair)
            if not edges:
                break
    return tuple(chosen)
