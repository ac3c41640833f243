"""Unkind texts through whole conversations: what the tokens of a role decode to is what its spans cover."""

from functools import cache
from itertools import groupby, pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from models import families

from perceptdata import texts
from perceptdata.alignment.aligner import Aligner, Completion
from perceptdata.errors import Rejected
from perceptdata.spans import PRO, Span, SpanSet
from perceptdata.vlm.loading import Reader
from perceptdata.vlm.rendering import Request

TEXTS = 300
PARTS = st.one_of(
    st.text(max_size=12),
    st.text(st.characters(categories=("Mn", "Me", "Mc", "Lo", "So", "Sk")), max_size=6),
    st.sampled_from(
        [
            "e\u0301\u0323q\u0307",  # marks that compose, and marks that do not
            "👩\u200d👩\u200d👧\u200d👦👍🏽🇩🇪",
            "שלום עולם \u202eabc\u202c مرحبا",
            "\\[ \\frac{-b \\pm \\sqrt{b^2-4ac}}{2a} \\]",
            "$x_{1}$≈3.14\\boxed{\\text{a b}}",
            "<think><think>a</think> </description><b>",
            "한국어日本語。図、",
            "\u1100\u1161\u11a8",
            " \u00a0\u2009\u3000\t\n\n\r\n ",
            "Ġcube▁<0x41>##s",
            "\ufeff\u200b\u2060",
            "isn't 'll 12345.678 ---",
        ]
    ),
)


@cache
def readers() -> tuple[Reader, ...]:
    """Byte-level with NFC and without, offsets trimmed, and pieces with byte fallback."""
    plain = families.reader("qwen3")

    def like(nfc: bool, trim: bool) -> Reader:
        tokenizer = families.byte_level(("<pad>", "<|im_end|>"), "<|im_end|>", nfc=nfc, trim=trim)
        tokenizer.chat_template = plain.tokenizer.chat_template
        return Reader(f"nfc {nfc}, trim {trim}", tokenizer, None, (tokenizer.eos_token_id,))

    gemma = families.reader("gemma")
    return plain, like(nfc=False, trim=False), like(nfc=True, trim=True), gemma


@cache
def aligner(place: int) -> Aligner:
    return Aligner(readers()[place], "contract")


def ink(text: str) -> str:
    """Without white space, and without the mark that pieces write for a space and read as one."""
    return "".join(text.replace("▁", " ").split())


def runs(pairs: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Neighbours of one role joined, white space left out."""
    kept = [(role, ink(text)) for role, text in pairs if ink(text)]
    return [(role, "".join(text for _, text in run)) for role, run in groupby(kept, lambda pair: pair[0])]


def check(place: int, text: str, edges: list[int]) -> bool:
    """Whether the row could be compared: no token of it has two roles."""
    made = aligner(place)
    borders = sorted({min(edge, len(text)) for edge in edges})
    spans = [
        Span(start, end, PRO.labels[number % 3])
        for number, (start, end) in enumerate(pairwise(borders))
        if number % 4 != 3  # and some stretches without
    ]
    request = Request(key="a", question="What?")
    roles = made.align([Completion(request, text, SpanSet.of(spans))])
    assert roles.rejects == ()
    ids, found = roles.row(0)
    if roles.straddles[0]:
        return False
    tokenizer = made.reader.tokenizer
    said = [
        (role, tokenizer.decode([token for _, token in pairs], skip_special_tokens=False))
        for role, pairs in groupby(zip(found.tolist(), ids.tolist(), strict=True), lambda pair: pair[0])
        if role
    ]
    meant: list[tuple[int, str]] = []
    at = 0
    for span in spans:
        meant += [(3, text[at : span.start]), (1 + PRO.labels.index(span.label), text[span.start : span.end])]
        at = span.end
    end = made.converse(request, "x").text.rpartition("x")[2]
    assert runs(said) == runs([*meant, (3, text[at:]), (3, end)])
    return True


@settings(max_examples=TEXTS)
@given(
    st.sampled_from(range(4)),
    st.lists(PARTS, min_size=1, max_size=8),
    st.sampled_from(["", " ", "\n"]),
    st.lists(st.integers(0, 80), max_size=8),
    st.booleans(),
)
@example(0, ["\u0338 begins with a mark, a\u0338"], "", [0, 4], False)
@example(3, ["  lead", "trail  "], " ", [0, 3, 5, 9], False)
def test_what_tokens_say_is_what_spans_cover(
    place: int, parts: list[str], between: str, edges: list[int], at_spaces: bool
) -> None:
    text = texts.normalise(between.join(parts))
    try:
        texts.check(text, "the response")
    except Rejected:
        return
    if at_spaces:
        edges = [at for at in range(len(text) + 1) if at == len(text) or text[at].isspace()][:8]
    compared = check(place, text, edges)
    assert compared or not at_spaces  # between words no token has two roles


@pytest.mark.parametrize("place", range(4))
def test_a_line_of_a_hundred_thousand_characters(place: int) -> None:
    for piece in ("so x = 7, ", "∠ABC≈𝒙 é ", "图中有三个方块。 "):
        text = piece * (100_000 // len(piece))
        size = len(piece)
        edges = [size * at - 1 for at in range(1, 5000, 7)]
        assert check(place, text, edges)
    assert isinstance(check(place, "a" * 100_000, [0, 40_000, 60_001, 100_000]), bool)
