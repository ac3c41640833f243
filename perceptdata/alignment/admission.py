"""Admission: can roles be placed by this tokenizer's offsets?

    admit(tokenizer)        # or a UsageError that says what is wrong with it

Offsets are taken on trust everywhere else, and known to be wrong for some tokenizers. So before anything is labelled, a
set of unkind texts is encoded, and every token is decoded again and compared with the characters that it claims.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from perceptdata.errors import UsageError

if TYPE_CHECKING:
    from tokenizers import Encoding
    from transformers import PreTrainedTokenizerBase

PROBES = (
    'Plain words, a comma; and "quotes" (brackets) isn\'t it?',
    "  two spaces before,  two within, a tab\tand a line\n\n\nand the end  ",
    "\\[ \\frac{-b \\pm \\sqrt{b^2-4ac}}{2a} \\approx 3.14159 \\] so $x_{1}=7$, \\boxed{42}.",
    "<think>tags</think> <description>nested <think>again</think></description> <0x41> Ġ ##x",
    "café naïve Ångström ∠ABC = 90°, 𝒙 ≤ ½ → ∑ ¬∀",
    "图中有三个红色方块。所以答案是5。 한국어 日本語テスト",
    "שלום עולם، مرحبا بالعالم",
    "👩‍👩‍👧‍👦 👍🏽 🇩🇪 e\u0301\u0323 q\u0307\u0323 \u200bzero\u200dwidth\ufeff",
    "\u00a0hard space\u2009thin\u3000wide\u2028line",
    "a" * 300 + "0" * 60 + "\\" * 40,
)


def admit(tokenizer: PreTrainedTokenizerBase) -> None:
    """Return if this tokenizer's offsets can be trusted; else raise UsageError with the first thing that is wrong.

    Needed: a fast tokenizer, no character rewritten or lost (normalisation to NFC apart), and offsets that name the
    very characters each token stands for.
    """
    name = type(tokenizer).__name__
    if not getattr(tokenizer, "is_fast", False):
        raise UsageError(
            f"{name} gives no offsets, so spans cannot be placed on its tokens; use the fast tokenizer of this model "
            "(a tokenizer.json in its folder)"
        )
    for probe in PROBES:
        text = unicodedata.normalize("NFC", probe)
        raw, encoding = encode_all(tokenizer, [probe, text], add_special_tokens=False)
        _check_order(name, probe, raw.offsets)
        _check_order(name, text, encoding.offsets)
        behind = 0
        for ids, start, end in [*_groups(encoding.ids, encoding.offsets), ([], len(text), len(text))]:
            said = _ink(tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False))
            meant = _ink(text[min(behind, start) : end])  # with what was skipped: only white space may be
            if said != meant:
                raise UsageError(
                    f"{name} cannot be used: for {meant[:40]!a} its tokens read {said[:40]!a}; a tokenizer must keep "
                    "every character and say rightly where it stood"
                )
            behind = max(behind, end)


def encode_all(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], add_special_tokens: bool) -> list[Encoding]:
    """Texts as ids with offsets, whole: an earlier call may have left the tokenizer cutting or padding."""
    backend = tokenizer.backend_tokenizer
    if backend.truncation is not None:
        backend.no_truncation()
    if backend.padding is not None:
        backend.no_padding()
    return backend.encode_batch(texts, add_special_tokens=add_special_tokens)


def _check_order(name: str, text: str, offsets: Sequence[tuple[int, int]]) -> None:
    """Offsets lie in the text and never go back."""
    first = last = 0
    for start, end in offsets:
        if not 0 <= start <= end <= len(text) or (start < end and (start < first or end < last)):
            raise UsageError(
                f"{name} cannot be used: it has a token at [{start}, {end}) of {text!a}, after one at [{first}, {last})"
            )
        first, last = max(first, start), max(last, end)


def _groups(ids: Sequence[int], offsets: Sequence[tuple[int, int]]) -> Iterator[tuple[list[int], int, int]]:
    """Tokens that share characters, such as the bytes of one, together: alone they cannot be decoded."""
    group: list[int] = []
    first = behind = 0
    for token, (start, end) in zip(ids, offsets, strict=True):
        if group and start >= behind:
            yield group, first, behind
            group = []
        if not group:
            first, behind = start, end
        group.append(token)
        behind = max(behind, end)
    if group:
        yield group, first, behind


def _ink(text: str) -> str:
    return "".join(text.split())
