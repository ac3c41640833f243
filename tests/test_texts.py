"""Normalisation, the refusals, and spans that move with their characters."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptdata import texts
from perceptdata.errors import Rejected
from perceptdata.spans import Span, SpanSet

# Letters and marks that compose, Hangul jamo that join, both line ends, and plain text between them.
FRAGMENTS = [
    "a",
    "e",
    "o",
    " ",
    "\u0301",
    "\u0302",
    "\u0323",
    "\u1112",
    "\u1161",
    "\u11ab",
    "\r",
    "\n",
    "\r\n",
    "é",
    "Å",
]
RAW = st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=14).map("".join)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("cafe\u0301", "caf\u00e9"),
        ("a\r\nb\rc\n", "a\nb\nc\n"),
        ("\r\r\n\n", "\n\n\n"),
        ("\u212b", "\u00c5"),  # the angstrom sign is the letter
        ("\u1112\u1161\u11ab", "\ud55c"),  # three jamo, one syllable
        ("½ x² ﬁ", "½ x² ﬁ"),  # NFC, not NFKC: compatibility characters stay
    ],
)
def test_normalise(raw: str, text: str) -> None:
    assert texts.normalise(raw) == text


@given(RAW)
def test_normalise_once_is_enough(raw: str) -> None:
    text = texts.normalise(raw)
    assert texts.normalise(text) is text or texts.normalise(text) == text
    assert unicodedata.is_normalized("NFC", text)
    assert "\r" not in text


def test_a_text_that_needs_nothing_is_returned_itself() -> None:
    text = "plain ASCII\n" * 3
    assert texts.normalise(text) is text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a\0b", "text.nul"),
        ("bad \ud800", "text.surrogate"),
        ("\udfff", "text.surrogate"),
        ("x<|im_start|>user", "text.special_token"),
        ("<|endoftext|>", "text.special_token"),
        ("<|image_pad|>", "text.special_token"),
        ("<|vision_start|>", "text.special_token"),
        ("<｜end▁of▁sentence｜>", "text.special_token"),
        ("<start_of_turn>user", "text.special_token"),
        ("[INST] do", "text.special_token"),
        ("[/INST]", "text.special_token"),
        ("<s>", "text.special_token"),
        ("</s>", "text.special_token"),
        ("<IMG_CONTEXT>", "text.special_token"),
        ("<<SYS>>", "text.special_token"),
    ],
)
def test_refused(text: str, code: str) -> None:
    with pytest.raises(Rejected, match="question contains") as caught:
        texts.clean(text, "question")
    assert caught.value.code == code


@pytest.mark.parametrize(
    "text",
    [
        "<image>What is x?",
        "<think>a</think><description>b</description><CAPTION>c</CAPTION><answer>d</answer>",
        "He pays 48/2=<<48/2=24>>24 dollars.",
        "the mean <|x|> and a<s and s>b",
        "[[5, 3], [1, 2]] [A] [inst]",
        "𝒙 ∠ABC 你好 \U0001f600",
        "<br><img src='a.png'>",
    ],
)
def test_kept(text: str) -> None:
    assert texts.clean(text, "question") == text


def spans_of(*borders: tuple[int, int]) -> SpanSet:
    return SpanSet.of([Span(start, end, "reasoning", 0.5) for start, end in borders], tagger="gold")


def test_spans_move_with_their_characters() -> None:
    raw = "cafe\u0301\r\nnoir"  # c a f e ◌́ CR LF n o i r
    moved = texts.normalise_spans(raw, texts.normalise(raw), spans_of((0, 5), (7, 11)))
    assert [(span.start, span.end) for span in moved] == [(0, 4), (5, 9)]
    assert [(span.label, span.score, span.tagger) for span in moved] == [("reasoning", 0.5, "gold")] * 2


def test_spans_of_an_unchanged_text_are_returned_themselves() -> None:
    spans = spans_of((0, 2))
    assert texts.normalise_spans("abc", "abc", spans) is spans


@pytest.mark.parametrize("borders", [(0, 4), (4, 5)])
def test_a_border_inside_a_joined_character_is_refused(borders: tuple[int, int]) -> None:
    with pytest.raises(Rejected, match="at character 4") as caught:
        texts.normalise_spans("cafe\u0301", "caf\u00e9", spans_of(borders))
    assert caught.value.code == "spans.cut_character"


def test_a_border_between_cr_and_lf_is_refused() -> None:
    with pytest.raises(Rejected) as caught:
        texts.normalise_spans("a\r\nb", "a\nb", spans_of((0, 2)))
    assert caught.value.code == "spans.cut_character"


def test_spans_outside_the_raw_text_are_refused() -> None:
    with pytest.raises(Rejected) as caught:
        texts.normalise_spans("ab", "ab", spans_of((0, 3)))
    assert caught.value.code == "spans.range"


def joins(raw: str, at: int) -> bool:
    """Whether normalisation joins what stands left and right of `at`."""
    return texts.normalise(raw[:at]) + texts.normalise(raw[at:]) != texts.normalise(raw)


@given(RAW, st.data())
def test_covered_text_normalises_to_covered_text(raw: str, data: st.DataObject) -> None:
    text = texts.normalise(raw)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(raw)), min_size=2, max_size=6)))
    pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
    if any(joins(raw, at) for pair in pairs for at in pair):
        with pytest.raises(Rejected, match="normalisation joins") as caught:
            texts.normalise_spans(raw, text, spans_of(*pairs))
        assert caught.value.code == "spans.cut_character"
    else:
        moved = texts.normalise_spans(raw, text, spans_of(*pairs))
        assert [text[span.start : span.end] for span in moved] == [texts.normalise(raw[a:b]) for a, b in pairs]
