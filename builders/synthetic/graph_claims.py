"""What a sentence claims of a graph, checked against the graph itself.

    check("Vertex 0 is joined to 1, 2 and 3.", graph)       # True or False
    check("The graph looks like a house.", graph)           # None

A sentence is judged only if every word of it was understood; all that it states must hold. A list of edges after the
word "edges" states all of them, as in the facts; edges named one by one state themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .graph_text import Graph, parse_graph

_LIST = r"\d{1,3}(?:(?:\s*,\s*and|\s*,|\s+and)\s+(?:to\s+|with\s+)?(?:vert\w+\s+|nodes?\s+)?\d{1,3})*"
_V = r"\b(?:(?:vertex|vertices|nodes?)\s+)"
_JOINED = r"(?:joined|connected|linked|adjacent)"
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_WORD = re.compile(rf"\b({'|'.join(_NUMBERS[1:])})\b")
_HELD = re.compile(
    r"\b(?:there|is|are|the|this|graph|figure|image|has|have|with|and|shows?|contains?|also|by)\b|[\s.,;:!]+"
)

Rule = Callable[["re.Match[str]", Graph], bool]


def check(text: str, graph: Graph) -> bool | None:
    """Whether the sentence is true of the graph; None where it says nothing that could be checked, or more."""
    left = " ".join(_WORD.sub(lambda found: str(_NUMBERS.index(found[0])), text.casefold()).split())
    if left[:1] in "{[" and left[-1:] in "}]" and (stated := parse_graph(left)):
        return stated == graph
    said: list[bool] = []
    for pattern, rule in _RULES:
        said += [rule(found, graph) for found in pattern.finditer(left)]
        left = pattern.sub(" ", left)
    return None if _HELD.sub("", left) or not said else all(said)


def _all_edges(found: re.Match[str], graph: Graph) -> bool:
    return set(_edges(found[0])) == set(graph.edges)


def _degree(found: re.Match[str], graph: Graph) -> bool:
    degree = sum(int(found[1]) in edge for edge in graph.edges)
    return degree == int((found[2] or found[3]).replace("no", "0"))


def _between(found: re.Match[str], graph: Graph) -> bool:
    return _has(found[2], found[3], graph) != (found[1] == "no")


def _joined_to(found: re.Match[str], graph: Graph) -> bool:
    others = re.findall(r"\d+", found[3])
    if found[2]:
        return not any(_has(found[1], other, graph) for other in others)
    return all(_has(found[1], other, graph) for other in others)


def _joined(found: re.Match[str], graph: Graph) -> bool:
    return _has(found[1], found[2], graph) != bool(found[3])


def _counted(found: re.Match[str], graph: Graph) -> bool:
    count = 0 if found[1] == "no" else int(found[1])
    return count == (len(graph.edges) if found[2][0] in "el" else graph.vertices)


def _pair(found: re.Match[str], graph: Graph) -> bool:
    return all(edge in graph.edges for edge in _edges(found[0]))


_PAIR = r"(?:[\[(]\s*\d{1,3}\s*,\s*\d{1,3}\s*[\])]|(?<![\w.–-])\d{1,3}\s?[-–]\s?\d{1,3}(?![\w–-]))"
_RULES: tuple[tuple[re.Pattern[str], Rule], ...] = (
    (re.compile(rf"\bedges(?:\s+are|\s*:)\s*\[?\s*{_PAIR}(?:[\s,;]*(?:and\s+)?{_PAIR})*\s*\]?"), _all_edges),
    (
        re.compile(rf"(?:{_V})?\b(\d{{1,3}}) has (?:degree (\d{{1,3}})|(\d{{1,3}}|no) (?:neighbou?rs?|edges?)\b)"),
        _degree,
    ),
    (
        re.compile(rf"\b(an?|no) (?:edge|line) (?:joins|between) (?:{_V})?(\d{{1,3}}) and (?:{_V})?(\d{{1,3}})\b"),
        _between,
    ),
    (re.compile(rf"(?:{_V})?\b(\d{{1,3}}) is (not )?{_JOINED} (?:to|with) (?:{_V})?({_LIST})\b"), _joined_to),
    (re.compile(rf"{_V}(\d{{1,3}}) and (\d{{1,3}}) are (not )?{_JOINED}\b(?: to each other)?"), _joined),
    (re.compile(r"\b(no|\d{1,4}) (vertices|vertex|nodes?|edges?|lines?)\b"), _counted),
    (re.compile(_PAIR), _pair),
)


def _edges(text: str) -> list[tuple[int, int]]:
    found = re.findall(r"(\d{1,3})\s*[,–-]\s*(\d{1,3})", text)
    return [(min(int(u), int(w)), max(int(u), int(w))) for u, w in found]


def _has(u: str, w: str, graph: Graph) -> bool:
    return (min(int(u), int(w)), max(int(u), int(w))) in graph.edges
