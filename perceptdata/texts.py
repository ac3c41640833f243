"""Texts on their way in: made NFC with LF line ends once, checked once, and never changed again.

    texts.clean("cafe\\u0301\\r\\n", "question")                        # "café\\n"
    texts.normalise_spans(raw, texts.normalise(raw), gold_spans)     # offsets move with their characters

What cannot be kept is refused by name: NUL and lone surrogates (no file format holds them), and chat models' special
tokens (inside a text they are an injection: a tokenizer turns `<|im_start|>` into one control id).
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

import numpy as np

from perceptdata.errors import Rejected
from perceptdata.spans import SpanSet

_SURROGATE = re.compile("[\ud800-\udfff]")

# Every name of the form <|...|> is refused, so that next year's models are covered too. One-letter names are not: <|x|>
# is how people type the mean of |x|. The rest is a closed list. Tags that our own formats and corpora write (<image>,
# <think>, <description>, <CAPTION>, <answer>) and HTML are not on it, nor are GSM8K's calculator marks <<48/2=24>>.
_NAMED = (
    "s|/s|bos|eos|pad|unk"  # sentencepiece: Llama 2, Mistral, Gemma, T5
    "|start_of_turn|end_of_turn|start_of_image|end_of_image|image_soft_token"  # Gemma 3
    "|end_of_utterance|fake_token_around_image|global-img|row_[0-9]_col_[0-9]"  # Idefics, SmolVLM
    "|IMG_CONTEXT|img|/img|quad|/quad|ref|/ref|box|/box"  # InternVL
    "|<SYS>|</SYS>|sop|eop"  # Llama 2, GLM
)
_ANGLE = re.compile(rf"<(?:\|[\w/.\-]{{2,64}}\||｜[^<>｜]{{2,64}}｜|{_NAMED})>")  # the wide bars are DeepSeek's
_SQUARE = re.compile(r"\[(?:/?INST|IMG|IMG_BREAK|IMG_END|gMASK|/?AVAILABLE_TOOLS|TOOL_CALLS|/?TOOL_RESULTS)\]")


def normalise(text: str) -> str:
    """NFC, and LF for CRLF and for a lone CR. Returns `text` itself where nothing changes."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", text)


def check(text: str, where: str) -> None:
    """Raise Rejected for NUL, a lone surrogate or a special token; `where` names the field in the message."""
    if "\0" in text:
        raise Rejected("text.nul", f"{where} contains NUL at character {text.index(chr(0))}")
    if not text.isascii() and (found := _SURROGATE.search(text)):
        raise Rejected(
            "text.surrogate",
            f"{where} contains the lone surrogate U+{ord(found.group()):04X} at character {found.start()}",
        )
    if ("<" in text and (found := _ANGLE.search(text))) or ("[" in text and (found := _SQUARE.search(text))):
        raise Rejected(
            "text.special_token", f"{where} contains the special token {found.group()} at character {found.start()}"
        )


def clean(text: str, where: str) -> str:
    """The normalised text, after the checks."""
    text = normalise(text)
    check(text, where)
    return text


def normalise_spans(raw: str, text: str, spans: SpanSet) -> SpanSet:
    """Spans over `raw` as spans over `text = normalise(raw)`.

    The raw text is cut at every border and each piece is normalised alone. The pieces join up to `text` exactly when no
    border lies inside a character that normalisation joins; a border's new offset is then the length of what stands
    before it. Raises Rejected: `spans.range` for spans outside `raw`, `spans.cut_character` for a border with no place.
    """
    spans.check(len(raw))
    if raw == text:
        return spans
    borders = np.unique(np.concatenate(([0], spans.start, spans.end, [len(raw)])))
    cuts = borders.tolist()
    pieces = [normalise(raw[start:end]) for start, end in pairwise(cuts)]
    if "".join(pieces) != text:
        joined = (at for at in cuts if normalise(raw[:at]) + normalise(raw[at:]) != text)
        at = next(joined, cuts[-1])
        raise Rejected(
            "spans.cut_character",
            f"a span's border at character {at} cuts {raw[max(at - 1, 0) : at + 1]!a}, which normalisation joins",
        )
    moved = np.cumsum([0, *map(len, pieces)]).astype(np.int32)
    return SpanSet(
        spans.scheme,
        moved[np.searchsorted(borders, spans.start)],
        moved[np.searchsorted(borders, spans.end)],
        spans.label,
        spans.score,
        spans.tagger,
        spans.taggers,
    )
