"""`llm` on real traces, asked of a model that knows the labels: what the way there and back costs, borders included."""

import json
from collections.abc import Callable
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import pytest
from llm.labelling import asked_in, passage_in
from llm.server import Say, Server

from perceptdata import llm
from perceptdata.annotators.taggers.llm.quotes import echoes
from perceptdata.annotators.taggers.llm.sheet import CLAUSES
from perceptdata.errors import Rejected
from perceptdata.labelled import LabelledText, read_labelled
from perceptdata.labelled.scoring import compare
from perceptdata.plugins import Tagger
from perceptdata.segmentation import segment
from perceptdata.tagging import Texts, answers_for, ask_models, tag_batch

CODES = "PRO"


@pytest.fixture(scope="module")
def traces(shared: Path) -> list[LabelledText]:
    return read_labelled(shared / "gold" / "dev.jsonl")


class Knowing:
    """A model that finds each sheet or passage among the traces and says what they are labelled."""

    def __init__(self, traces: list[LabelledText]) -> None:
        self.traces = traces
        self.painted = [trace.painted(trace.spans) for trace in traces]
        self.sheets: dict[tuple[str, ...], list[tuple[int, int, int]]] = {}
        for at, trace in enumerate(traces):
            start, end = segment([trace.text]).of(0)
            places = [(at, a, b) for a, b in zip(start.tolist(), end.tolist(), strict=True)]
            for first in range(0, len(places), CLAUSES):
                sheet = places[first : first + CLAUSES]
                self.sheets[tuple(trace.text[a:b] for _, a, b in sheet)] = sheet

    def runs(self, at: int, start: int, end: int) -> list[tuple[int, int, int]]:
        """Label, start and end of the stretches of one label in a part of a trace; what has none goes with the last."""
        found: list[tuple[int, int, int]] = []
        for label, group in groupby(range(start, end), key=lambda place: int(self.painted[at][place])):
            places = list(group)
            if label < 0 and found:
                found[-1] = (*found[-1][:2], places[-1] + 1)
            elif found and found[-1][0] == label:
                found[-1] = (label, found[-1][1], places[-1] + 1)
            else:
                found.append((label, places[0], places[-1] + 1))
        return [run for run in found if run[0] >= 0]

    def __call__(self, asked: dict[str, Any], times: int) -> Say:
        passage = passage_in(asked)
        return self.write(passage) if passage is not None else self.label(asked)

    def label(self, asked: dict[str, Any]) -> Say:
        clauses = asked_in(asked)
        entries: list[dict[str, Any]] = []
        for clause, place in zip(clauses, self.sheets[tuple(clause.text for clause in clauses)], strict=True):
            runs = self.runs(*place)
            if len(runs) == 2:
                quote = self.traces[place[0]].text[place[1] : runs[1][1]].strip()
                kinds = {"first": CODES[runs[0][0]], "then": CODES[runs[1][0]]}
                entries.append({"id": clause.number, "label": "MIXED", "split_quote": quote, **kinds})
            else:
                longest = max(runs, key=lambda run: run[2] - run[1], default=(2, 0, 0))
                entries.append({"id": clause.number, "label": CODES[longest[0]]})
        return Say.text(json.dumps({"labels": entries}))

    def write(self, passage: str) -> Say:
        at = next(at for at, trace in enumerate(self.traces) if passage in trace.text)
        first = self.traces[at].text.index(passage)
        pieces, behind = [], 0
        for label, start, end in self.runs(at, first, first + len(passage)):
            name, start, end = CODES[label].lower(), start - first, end - first
            pieces += [passage[behind:start], f"<{name}>{passage[start:end]}</{name}>"]
            behind = end
        return Say.text("".join(pieces) + passage[behind:])


# Three clauses of which the two labelling passes think differently have no label, and so no tag around them.
@pytest.mark.parametrize(("mode", "open_texts"), [("ids", 0), ("inline", 3)])
def test_perfect_answers_arrive_whole(
    mode: str,
    open_texts: int,
    traces: list[LabelledText],
    serve: Callable[..., Server],
    asking: Callable[..., Tagger],
    tmp_path: Path,
) -> None:
    chain = [asking(serve(Knowing(traces)), mode=mode)]
    items = [(trace.id, trace.text, trace.example) for trace in traces]
    meta = [{"question": trace.question} for trace in traces]
    problems: list[Rejected] = []
    with llm.ReplyCache(tmp_path / "replies.sqlite") as replies:
        assert ask_models(lambda: [Texts(items, meta)], chain, replies).stopped is None
        known = answers_for(chain, replies)
        sets = tag_batch(items, chain, meta, known, lambda who, at, why: problems.append(why))
    measured = compare(traces, sets)
    assert measured.macro_f1 > 0.995
    assert [problem.code for problem in problems] == ["tag.ids_missing"] * open_texts


def test_a_drift_by_one_is_seen_in_every_audited_call(traces: list[LabelledText]) -> None:
    calls = [[trace.text[a:b] for a, b in zip(*segment([trace.text]).of(0), strict=True)] for trace in traces]
    sheets = [clauses[at : at + CLAUSES] for clauses in calls for at in range(0, len(clauses), CLAUSES)]
    assert all(echoes(clause, " ".join(clause.split()[:4])) for sheet in sheets for clause in sheet)
    drifting = [sheet for sheet in sheets if len(sheet) > 1]
    seen = [
        any(not echoes(clause, " ".join(other.split()[:4])) for clause, other in pairwise(sheet)) for sheet in drifting
    ]
    assert sum(seen) == len(drifting) > 60
