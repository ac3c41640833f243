"""Graphs and colourings as models write them.

Everything is found by regular expressions that run in linear time, so a text of any length or depth is read or refused
and never raises.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .colouring import COLOURS

Edge = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Graph:
    """A simple graph. `edges` is sorted, each with its smaller end first."""

    vertices: int
    edges: tuple[Edge, ...]


_NUMBER = r"[\"']?(\d{1,4})[\"']?"
_PAIR = re.compile(
    rf"[\[({{]\s*{_NUMBER}\s*[,\-–—]\s*{_NUMBER}\s*[\])}}]"  # [0, 1]  (0,1)  {0, 1}
    r"|(?<![\w.\-–—])(\d{1,4})\s?[-–—]{1,2}\s?(\d{1,4})(?![\w\-–—])"  # 0-1
)
_BETWEEN = re.compile(r"[^A-Za-z(){}]{0,16}|[\s,;]*and\s*")  # between two edges of one list
_KEY = re.compile(r"\bedges?\b", re.IGNORECASE)
_NO_EDGES = re.compile(r"\bedges\b[\"']?\s*[:=]\s*\[\s*\]", re.IGNORECASE)
_NOT_A_RANGE = r"(?!\d|\s*(?:,|-|–|\.\.|to\b|through\b)\s*\d)"
_VERTICES = re.compile(
    rf"\b(?:v|n|vertices|nodes)\b[\"']?\s*[:=]\s*(\d{{1,4}}){_NOT_A_RANGE}|\b(\d{{1,4}})\s+(?:vertices|nodes)\b",
    re.IGNORECASE,
)


def parse_graph(text: str) -> Graph | None:
    """The graph that a text states, or None.

    Edges may be bracketed pairs or `0-1`, reversed or doubled, in JSON or a list or a sentence. Where a text has
    several lists of edges, the first after the word "edges" counts, else the longest. A number of vertices that is not
    stated follows from the largest label. A loop, or a label beyond the stated number, is no graph.
    """
    stated = _VERTICES.search(text)
    vertices = int(stated[1] or stated[2]) if stated else None
    pairs = _pairs(text)
    if not pairs:
        return Graph(vertices, ()) if vertices is not None and _NO_EDGES.search(text) else None
    labels = max(max(pair) for pair in pairs) + 1
    if any(u == w for u, w in pairs) or (vertices is not None and vertices < labels):
        return None
    edges = {(min(pair), max(pair)) for pair in pairs}
    return Graph(labels if vertices is None else vertices, tuple(sorted(edges)))


def _pairs(text: str) -> list[Edge]:
    """The pairs of the list of edges that counts."""
    runs: list[list[Edge]] = []
    marked: list[Edge] | None = None
    last = 0
    for match in _PAIR.finditer(text):
        u, w = (int(number) for number in match.groups() if number is not None)
        between = text[last : match.start()]
        if runs and _BETWEEN.fullmatch(between):
            runs[-1].append((u, w))
        else:
            runs.append([(u, w)])
            if marked is None and _KEY.search(between[-80:]):
                marked = runs[-1]
        last = match.end()
    return marked or max(runs, key=len, default=[])


_LATEX = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mathit|boxed|quad)\b|\\[,;!]|[{}$*]")
_ASSIGNED = re.compile(
    r"\b(\d{1,4})[\"']?\s*(?:[:=-]|-+>|→|↦|\\to\b|\bis\b)\s*[\"']?([a-z])\b"  # 0:a  "0": "a"  0 -> a
    r"|\(\s*(\d{1,4})\s*,\s*([a-z])\s*\)|\b(\d{1,4})([a-z])\b",  # (0, a)  0a
    re.IGNORECASE | re.ASCII,
)
_CLASS = re.compile(
    r"\b([a-z])[\"']?\s*(?:[:=]|-+>|→)\s*[\[(]?((?:\s*\d{1,4}\s*(?:,|\band\b)?)+)", re.IGNORECASE | re.ASCII
)
_LETTERS = re.compile(r"[a-z]", re.IGNORECASE | re.ASCII)


def parse_colours(text: str, vertices: int) -> dict[int, int] | None:
    """Vertex to colour (a is 0), or None where a text says none, two for one vertex, or names a vertex that is not
    there.

    Read are `0:a, 1:b`, JSON, `vertex 0 is a`, `0 → a`, `(0, a)`, `0a`, colour classes `a: 0, 2; b: 1`, and a bare
    list of letters.
    """
    plain = _LATEX.sub(" ", text)
    given = []
    for match in _ASSIGNED.finditer(plain):
        vertex, letter = (group for group in match.groups() if group is not None)
        given.append((int(vertex), letter))
    if not given:
        given = [(int(number), colour) for colour, some in _CLASS.findall(plain) for number in re.findall(r"\d+", some)]
    if not given and not re.search(r"[a-z]{2}|\d", plain, re.IGNORECASE):
        letters = _LETTERS.findall(plain)
        given = list(enumerate(letters)) if len(letters) == vertices else []
    colours: dict[int, int] = {}
    for vertex, letter in given:
        colour = COLOURS.index(letter.lower())
        if vertex >= vertices or colours.setdefault(vertex, colour) != colour:
            return None
    return colours or None
