"""A row's conversation in the words of each trainer, for responses and for pairs of them alike."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import pyarrow as pa

from perceptdata.example import IMAGE
from perceptdata.publishing.exports.pictures import Shape
from perceptdata.publishing.exports.rows import Row

BLOCKS = pa.list_(
    pa.struct([("role", pa.string()), ("content", pa.list_(pa.struct([("type", pa.string()), ("text", pa.string())])))])
)
MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
SHAREGPT = pa.list_(pa.struct([("from", pa.string()), ("value", pa.string())]))

TRL = Shape(
    jsonl=False,
    absolute=True,
    features=True,
    by_path=lambda path: {"bytes": None, "path": path},
    path_type=pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
)
MS_SWIFT = Shape()
LLAMA_FACTORY = Shape()


def blocks(role: str, text: str) -> dict[str, Any]:
    """TRL's message of blocks: text alone would have its images moved to the front."""
    parts = [part for part in re.split(f"({re.escape(IMAGE)})", text) if part]
    content = [{"type": "image", "text": None} if part == IMAGE else {"type": "text", "text": part} for part in parts]
    return {"role": role, "content": content}


def trl_prompt(row: Row) -> list[dict[str, Any]]:
    """What the model is given."""
    system = [blocks("system", row.system)] if row.system else []
    return [*system, *(blocks(turn.role, turn.text) for turn in row.turns)]


def messages(row: Row) -> list[dict[str, Any]]:
    """`role` and `content`, as ms-swift and verl read them, without the response."""
    system = [{"role": "system", "content": row.system}] if row.system else []
    return [*system, *({"role": turn.role, "content": turn.text} for turn in row.turns)]


def sharegpt(row: Row) -> list[dict[str, Any]]:
    """`from` and `value`, without the response; the system prompt goes in a column of its own."""
    names = {"user": "human", "assistant": "gpt"}
    return [{"from": names[turn.role], "value": turn.text} for turn in row.turns]


def said(row: Row) -> str:
    """The response. Raises Rejected where there is none."""
    if not row.response:
        raise row.refuse("export.no_response", "it has no response to learn from")
    return row.response


def segments(text: str, spans: Sequence[Mapping[str, Any]], weights: Mapping[str, float]) -> list[tuple[str, float]]:
    """The text in pieces of one weight each, which joined are the text.

    What no span covers weighs as `other`. White space between two pieces is cut behind its last line break, as
    tokenizers do that join line breaks to what stands before them and blanks to the word behind.
    """
    cuts: list[tuple[int, float]] = []  # where a weight begins
    place = 0
    for span in sorted(spans, key=lambda span: span["start"]):
        if text[place : span["start"]].strip():
            _cut(cuts, place, weights["other"])
        _cut(cuts, span["start"], weights[span["label"]])
        place = span["end"]
    if text[place:].strip() or not cuts:
        _cut(cuts, place, weights["other"])
    begins = [0, *(_border(text, start) for start, _ in cuts[1:]), len(text)]
    pieces = [(text[start:end], weight) for (start, end), (_, weight) in zip(pairwise(begins), cuts, strict=True)]
    return [piece for piece in pieces if piece[0]]


def _cut(cuts: list[tuple[int, float]], start: int, weight: float) -> None:
    if not cuts or cuts[-1][1] != weight:
        cuts.append((start, weight))


def _border(text: str, start: int) -> int:
    """The place behind the last line break of the white space around `start`, or before its blanks."""
    before = start
    while before and text[before - 1].isspace():
        before -= 1
    while start < len(text) and text[start].isspace():
        start += 1
    return max(before, text.rfind("\n", before, start) + 1)
