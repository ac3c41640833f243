"""The diagnostic sets of "On Asymmetric Optimization of Reasoning and Perception" (arXiv 2605.29496).

    asymmetric/<split>/<file>/<n>/perception    what does it show
    asymmetric/<split>/<file>/<n>/visual        the query as it stands, with its picture
    asymmetric/<split>/<file>/<n>/textual       the task with the facts in words

Rows are `query, image, ground_truth, response`, in `test`, `train_sft` and `train_rl`. The ground truth says which task
it is: `{"v", "c", "edges"}` is graph colouring, rows of digits are a Sudoku. Both are scenes of our own families, so
answers are checked by rule, and the group is the scene's: the same one as in a set that was drawn here. A response
begins with what it perceives, a JSON block; to its end it is the description, and what it states is compared with the
ground truth (`meta.perceived`: right, wrong, or not_stated).
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from perceptdata.draft import Draft, with_facts
from perceptdata.errors import Rejected
from perceptdata.example import IMAGE, STAGES, Answer, CheckerRef, Stage
from perceptdata.plugins import Family
from perceptdata.spans import SEGMENTS, Span, SpanSet

from ..synthetic.graph_coloring import GraphColoring, fewest_colours
from ..synthetic.graph_text import Graph
from ..synthetic.sudoku import Sudoku
from .tabular import Row, Tabular

SPLITS = ("train_sft", "train_rl", "test")
_BLOCK = re.compile(r"[\[{]")
_FENCE = re.compile(r"\s*```")
_BOXED = re.compile(r"\\boxed\{|<answer>|\bfinal answer\b", re.IGNORECASE)


class Asymmetric(Tabular):
    """A folder with the Parquet files or JSON lines of one of the sets, or of both."""

    name: ClassVar[str] = "asymmetric"
    corpus: ClassVar[str] = "asymmetric-VLM"
    licence: ClassVar[str] = "unstated"
    stages: ClassVar[tuple[Stage, ...]] = STAGES
    EVALUATED: ClassVar[Sequence[str]] = ("test",)

    def split(self, row: Row) -> str:
        """One of the set's own three, from the file's name or its folder's."""
        named = (split for split in SPLITS for part in (row.file.stem, row.file.parent.name) if split in part.lower())
        return next(named, row.split)

    def examples(self, row: Row) -> Iterator[Draft]:
        """Three twins a row. Raises Rejected where the ground truth is no scene, or not one that can be solved."""
        family, scene = read_scene(row.need("ground_truth"))
        facts, query = family.facts(scene), row.text("query").replace(IMAGE, "").strip()
        changed = family.model_dump(mode="json", exclude_defaults=True)
        args: dict[str, Any] = {"family": family.name} | ({"family_options": changed} if changed else {})
        rng = random.Random(0)  # which of the right answers is the witness, and no more
        solved = Answer(
            text=family.solve(scene, rng).answer, kind="structure", checker=CheckerRef(name="family", args=args)
        )
        images = row.pictures("image", "images")
        response = str(row.get("response") or "").strip() or None
        end = None if response is None else perception_end(response, family)
        meta: dict[str, Any] = {"ground_truth": json.dumps(_plain(row.need("ground_truth")))}
        if response is not None:
            said = None if end is None else family.parse(response[:end])
            meta["perceived"] = "not_stated" if said is None else "right" if said == scene else "wrong"
        common: dict[str, Any] = {
            "facts": facts,
            "facts_quality": "oracle",
            "group": f"{family.name}/{hashlib.sha256(family.canonical(scene).encode()).hexdigest()[:16]}",
            "meta": meta,
        }
        whole = family.ask_perception(scene, rng)[0]
        stated = Answer(text=whole.answer, kind=whole.kind, checker=whole.checker)
        yield Draft(row.key, "perception", IMAGE + whole.text, stated, twin="perception", images=images, **common)
        visual = Draft(row.key, "visual_reasoning", IMAGE + query, solved, twin="visual", images=images, **common)
        if response is not None:
            visual.response, visual.spans = response, {"response": segments(response, end)}
        yield visual
        yield Draft(
            row.key,
            "textual_reasoning",
            with_facts(family.ask(scene), facts),
            solved,
            twin="textual",
            **common,
        )


def read_scene(truth: Any) -> tuple[Family[Any], Any]:
    """The family and the scene of a ground truth. Raises Rejected `asymmetric.ground_truth`."""
    value = _plain(truth)
    if isinstance(value, dict) and "edges" in value:
        graph = GraphColoring().parse(json.dumps(value))
        if graph is None:
            raise Rejected("asymmetric.ground_truth", "the edges state no graph")
        if value.get("c") not in (None, _colours(graph)):
            raise Rejected("asymmetric.ground_truth", f"c is {value['c']}, the chromatic number is {_colours(graph)}")
        return GraphColoring(), graph
    if isinstance(value, list) and len(value) in (4, 6, 9):
        family = Sudoku.model_validate({"size": len(value)})
        grid = family.parse(json.dumps(value))
        if grid is None:
            raise Rejected("asymmetric.ground_truth", f"the {len(value)} rows state no Sudoku")
        try:
            family.solve(grid, random.Random(0))
        except Exception:  # what a solver does with a grid that has no solution is its own affair
            raise Rejected("asymmetric.ground_truth", "the Sudoku has no solution") from None
        return family, grid
    raise Rejected("asymmetric.ground_truth", "neither a graph (v, c, edges) nor the rows of a Sudoku")


def perception_end(response: str, family: Family[Any]) -> int | None:
    """Where the description ends: behind the first JSON block that states a scene, its closing fence with it."""
    decoder, at = json.JSONDecoder(), 0
    while (start := _BLOCK.search(response, at)) is not None:
        try:
            _, end = decoder.raw_decode(response, start.start())
        except (ValueError, RecursionError):
            at = start.end()
            continue
        if family.parse(response[start.start() : end]) is not None:
            fence = _FENCE.match(response, end)
            return fence.end() if fence else end
        at = end
    return None


def segments(response: str, end: int | None) -> SpanSet:
    """Description, reasoning, and the answer from its last mark on."""
    start = end or 0
    marks = [mark.start() for mark in _BOXED.finditer(response, start)]
    last = marks[-1] if marks else len(response)
    spans = [(0, start, "description"), (start, last, "think"), (last, len(response), "answer")]
    trimmed = (_trimmed(response, *span) for span in spans)
    return SpanSet.of([span for span in trimmed if span is not None], SEGMENTS, "source")


def _trimmed(text: str, start: int, end: int, label: str) -> Span | None:
    """The stretch without white space at its ends; None where nothing is left."""
    inside = text[start:end]
    start += len(inside) - len(inside.lstrip())
    end = start + len(inside.strip())
    return Span(start, end, label) if end > start else None


def _plain(truth: Any) -> Any:
    """A ground truth as JSON: it is stored as text in most copies."""
    if not isinstance(truth, str):
        return truth
    try:
        return json.loads(truth)
    except (ValueError, RecursionError) as error:
        raise Rejected("asymmetric.ground_truth", f"not JSON: {error}") from None


def _colours(graph: Graph) -> int:
    if graph.vertices > 16:
        raise Rejected("asymmetric.ground_truth", f"{graph.vertices} vertices are more than can be solved exactly")
    return fewest_colours(graph)
