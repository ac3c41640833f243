"""Labelled texts from a file or a workspace.

A file has one JSON object a line: `id`, `text`, `spans` (`[{"start": 0, "end": 12, "label": "perception"}, …]`, code
points, half open) and, where known, `source`, `model`, `licence`, `question`, and `first_pass` and `second_pass`: the
spans of two annotators whole, of which `spans` are what they agree on. Other keys are left alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from perceptdata.errors import Rejected, UsageError
from perceptdata.example import Example, split_text_id
from perceptdata.layers import text_sha256
from perceptdata.segmentation import segment
from perceptdata.spans import PRO, Span, SpanSet
from perceptdata.texts import normalise

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

PASSES = ("first_pass", "second_pass")


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text with its spans; `passes` are two annotators' own spans, or empty."""

    id: str
    text: str
    spans: SpanSet
    source: str = ""
    model: str = ""
    licence: str = ""
    question: str = ""
    example: Example | None = None
    passes: tuple[SpanSet, ...] = ()

    def painted(self, spans: SpanSet) -> NDArray[np.int8]:
        """The label code of each code point; -1 for white space and what no span covers."""
        codes = np.full(len(self.text), -1, np.int8)
        for start, end, label in zip(spans.start.tolist(), spans.end.tolist(), spans.label.tolist(), strict=True):
            codes[start:end] = label
        codes[[char.isspace() for char in self.text]] = -1
        return codes


def read_labelled(path: Path) -> list[LabelledText]:
    """The texts of a labelled file, in order. UsageError, with the line, where it cannot be read as one."""
    try:
        lines = path.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read as labelled texts: {error}") from error
    found: dict[str, LabelledText] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            one = _of_row(row)
        except (ValueError, KeyError, TypeError, AttributeError, Rejected, UsageError) as error:
            said = f"it has no {error}" if isinstance(error, KeyError) else str(error)
            raise UsageError(
                f"{path}, line {number} is no labelled text ({said}); a line is a JSON object with id, text and spans"
            ) from error
        if one.id in found:
            raise UsageError(f"{path}, line {number}: there is a text '{one.id}' already; ids are unique in a file")
        found[one.id] = one
    if not found:
        raise UsageError(f"{path} holds no labelled text; a line is a JSON object with id, text and spans")
    return list(found.values())


def _of_row(row: Mapping[str, Any]) -> LabelledText:
    text = row["text"]
    if normalise(text) != text:
        raise ValueError("the text is not NFC with line feeds, so its offsets may be of another text")
    passes = [_spans(row[name], text) for name in PASSES if name in row]
    source, model, licence, question = (str(row.get(name) or "") for name in ("source", "model", "licence", "question"))
    return LabelledText(
        str(row["id"]),
        text,
        _spans(row["spans"], text),
        source,
        model,
        licence,
        question,
        passes=tuple(passes) if len(passes) == 2 else (),
    )


def _spans(spans: Sequence[Mapping[str, Any]], text: str) -> SpanSet:
    return SpanSet.of([Span(int(one["start"]), int(one["end"]), one["label"]) for one in spans]).check(len(text))


def from_layer(ws: Workspace, step: str) -> list[LabelledText]:
    """The texts that a spans or reviews layer labels. Of several reviews of one text the last stands.

    The source of a text is the model that wrote it, or its corpus where the corpus brought it.
    """
    kinds = [kind for kind in ws.layers().get(step, []) if kind in ("spans", "reviews")]
    if not kinds:
        raise UsageError(f"{ws.path} has no spans or reviews layer '{step}'; `perceptdata status` lists the layers")
    rows = {row["text_id"]: row for row in ws.layer(step, kinds[0]).to_table().to_pylist() if row["scheme"] == PRO.id}
    examples = {row["id"]: Example.from_row(row) for row in ws.examples().to_table().to_pylist()}
    answers: dict[str, dict[str, Any]] = {}
    for other, layers in ws.layers().items():
        if "responses" in layers:
            columns = ["text_id", "example_id", "text", "model"]
            table = ws.layer(other, "responses").to_table(columns=columns)
            answers.update((row["text_id"], row) for row in table.to_pylist())
    found = []
    for text_id, row in rows.items():
        answer = answers.get(text_id)
        owner, name = split_text_id(text_id)
        example = examples.get(answer["example_id"] if answer else owner)
        text = answer["text"] if answer else example.text(name) if example else None
        if example is None or text is None or text_sha256(text) != row["text_sha256"]:
            raise UsageError(f"layer '{step}' labels {text_id}, which this workspace does not hold as it was labelled")
        spans = _spans(row["spans"], text)
        source = (answer or {}).get("model") or example.source.corpus
        found.append(
            LabelledText(
                text_id,
                text,
                spans,
                source,
                (answer or {}).get("model") or "",
                example.source.licence,
                example.question,
                example,
            )
        )
    if not found:
        raise UsageError(f"layer '{step}' labels no text under {PRO.id}")
    return sorted(found, key=lambda one: one.id)


def sources(texts: Sequence[LabelledText]) -> list[str]:
    """The sources, in the order they come."""
    return list(dict.fromkeys(one.source for one in texts))


def clause_labels(texts: Sequence[LabelledText]) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """Label and weight of every clause of our own segmenter: the label of most of its non-space characters, and how
    many characters bear it; -1 and 0 where no span reaches.
    """
    found = segment([one.text for one in texts])
    votes = np.zeros((len(found.start), len(PRO.labels)), np.int64)
    for at, one in enumerate(texts):
        codes = one.painted(one.spans)
        start, end = found.of(at)
        for label in range(len(PRO.labels)):
            seen = np.concatenate(([0], np.cumsum(codes == label)))
            votes[found.offsets[at] : found.offsets[at + 1], label] = seen[end] - seen[start]
    weight = votes.max(axis=1, initial=0)
    return np.where(weight > 0, votes.argmax(axis=1), -1).astype(np.int8), weight
