"""The papers whose methods made rows of a kind."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple


class Paper(NamedTuple):
    """A paper by its arXiv number, and the builders and layers that rest on it; with neither, everything does."""

    key: str
    authors: str
    title: str
    arxiv: str
    builders: frozenset[str] = frozenset()
    layers: frozenset[str] = frozenset()

    def bibtex(self) -> str:
        """The entry."""
        return (
            f"@misc{{{self.key},\n  title = {{{self.title}}},\n  author = {{{self.authors}}},\n  year = {{2026}},\n"
            f"  eprint = {{{self.arxiv}}},\n  archivePrefix = {{arXiv}}\n}}"
        )


PAPERS = (
    Paper(
        "asymmetric2026",
        "Wu and Lin and Chang and Peng",
        "On Asymmetric Optimization of Reasoning and Perception in VLM Post-Training",
        "2605.29496",
        frozenset({"sudoku", "graph_coloring", "asymmetric"}),
        frozenset({"spans"}),
    ),
    Paper(
        "seeing2026",
        "Wu and Chen and Tu and Tang and Shi and Liu and Lu and Xie and Zhou",
        "From Seeing to Thinking: Decoupling Perception and Reasoning Improves Post-Training of VLMs",
        "2605.20177",
    ),
    Paper(
        "pgpo2026",
        "Ye and Li and Feng and Chen and Li and Ren and Chen and Tu and Qin",
        "PGPO: Perception-Grounded Policy Optimization",
        "2604.01840",
        layers=frozenset({"token_scores"}),
    ),
)


def papers_of(builders: Collection[str], layers: Collection[str]) -> list[Paper]:
    """Those that rows of these builders with these layers rest on."""
    return [
        paper
        for paper in PAPERS
        if not (paper.builders or paper.layers) or paper.builders.intersection(builders) or paper.layers & set(layers)
    ]
