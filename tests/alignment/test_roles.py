"""Offsets in, roles out: worked by hand, and against an oracle that looks at every character."""

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptdata.alignment.roles import Policy, Tokens, label
from perceptdata.errors import Rejected, UsageError
from perceptdata.spans import PRO, SEGMENTS, Scheme, Span, SpanSet


def pro(*spans: tuple[int, int, str]) -> SpanSet:
    names = {"p": "perception", "r": "reasoning", "o": "other"}
    return SpanSet.of([Span(start, end, names[label]) for start, end, label in spans], PRO)


def roles(
    text: str, pairs: list[tuple[int, int]], start: int, spans: SpanSet, policy: Policy = "contract"
) -> tuple[list[int], int]:
    found = label([text], Tokens.of([pairs]), [start], [spans], policy)
    return found.roles.tolist(), int(found.straddles[0])


def test_a_token_is_labelled_by_what_is_not_white_space() -> None:
    #       0123456789012345
    text = "Q: It is 3. So 7"
    pairs = [(0, 1), (1, 2), (2, 5), (5, 8), (8, 10), (10, 11), (11, 14), (14, 16)]
    # "Q" ":" " It" " is" " 3" "." " So" " 7"; the completion begins at "It"
    assert roles(text, pairs, 3, pro((0, 8, "p"), (9, 13, "r"))) == ([0, 0, 1, 1, 1, 1, 2, 2], 0)
    trimmed = [(0, 1), (1, 2), (3, 5), (6, 8), (9, 10), (10, 11), (12, 14), (15, 16)]
    assert roles(text, trimmed, 3, pro((0, 8, "p"), (9, 13, "r"))) == ([0, 0, 1, 1, 1, 1, 2, 2], 0)


def test_what_no_span_covers_is_other_and_so_is_the_end_of_the_turn() -> None:
    text = "ab cd ef<end>"
    pairs = [(0, 2), (2, 5), (5, 8), (8, 13)]
    assert roles(text, pairs, 0, pro((3, 5, "r"))) == ([3, 2, 3, 3], 0)
    assert roles(text, pairs, 0, pro((0, 2, "o"), (3, 5, "p"))) == ([3, 1, 3, 3], 0)
    assert roles(text, pairs, 0, pro()) == ([3, 3, 3, 3], 0)


@pytest.mark.parametrize(
    ("policy", "expected"), [("contract", [1, 3, 2]), ("expand", [1, 1, 2]), ("strict", [1, 3, 2])]
)
def test_a_token_with_two_roles_is_counted_and_follows_the_policy(policy: Policy, expected: list[int]) -> None:
    # "ab|cd": the middle token holds b of the first span and c of the second
    assert roles("abcd", [(0, 1), (1, 3), (3, 4)], 0, pro((0, 2, "p"), (2, 4, "r")), policy) == (expected, 1)


def test_a_token_of_three_roles_or_around_a_span_straddles_too() -> None:
    assert roles("abc", [(0, 3)], 0, pro((1, 2, "p"))) == ([3], 1)  # uncovered, perception, uncovered
    assert roles("abc", [(0, 3)], 0, pro((0, 1, "p"), (1, 2, "r"), (2, 3, "p"))) == ([3], 1)
    assert roles("abc", [(0, 3)], 0, pro((0, 1, "p"), (1, 3, "p"))) == ([1], 0)  # neighbours of one role are one
    assert roles("a c", [(0, 3)], 0, pro((0, 1, "p"), (2, 3, "p"))) == ([1], 0)  # nor does a space part them


def test_the_prompt_never_takes_a_token_of_the_completion() -> None:
    # ":)" where the prompt ends with ":" and the answer begins with ")"
    for policy, role in (("expand", 1), ("contract", 3)):
        assert roles("a:)", [(0, 1), (1, 3)], 2, pro((0, 1, "p")), policy) == ([0, role], 1)


def test_bytes_of_one_character_have_its_role() -> None:
    assert roles("x𝒙y", [(0, 1), (1, 2), (1, 2), (1, 2), (1, 2), (2, 3)], 0, pro((1, 2, "p"), (2, 3, "r"))) == (
        [3, 1, 1, 1, 1, 2],
        0,
    )


def test_a_character_that_no_token_covers_is_no_harm() -> None:
    """As with NFC: the token of `é` is at its `e`, and the accent's place is empty."""
    assert roles("caf\u0065\u0301 so", [(0, 3), (3, 4), (5, 8)], 0, pro((0, 5, "p"), (6, 8, "r"))) == ([1, 1, 2], 0)


def test_white_space_alone_has_the_role_of_its_place() -> None:
    text = "ab\n\ncd  ef"
    pairs = [(0, 2), (2, 4), (4, 6), (6, 7), (7, 10)]
    assert roles(text, pairs, 0, pro((0, 2, "p"), (4, 10, "p"))) == ([1, 3, 1, 1, 1], 0)
    assert roles("Q\n\nA", [(0, 1), (1, 3), (3, 4)], 2, pro((1, 2, "r"))) == ([0, 0, 2], 0)  # begins in the prompt


def test_added_tokens_without_characters_go_by_their_place_in_the_row() -> None:
    """A beginning token (0, 0) is of the prompt, an end token (0, 0) of the completion, in every row of a batch."""
    pairs = [(0, 0), (0, 1), (1, 2), (0, 0)]
    found = label(["ab"] * 2, Tokens.of([pairs] * 2), [1, 1], [pro((0, 1, "p"))] * 2)
    assert found.roles.tolist() == [0, 0, 1, 3] * 2
    assert label(["ab"], Tokens.of([[(0, 0), (0, 0)]]), [0], [pro()]).roles.tolist() == [0, 0]


def test_segments_are_roles_too() -> None:
    spans = SpanSet.of([Span(0, 1, "description"), Span(1, 2, "think"), Span(2, 3, "answer")], SEGMENTS)
    assert roles("abc", [(0, 1), (1, 2), (2, 3)], 0, spans) == ([1, 2, 3], 0)


def test_rows_do_not_touch_each_other() -> None:
    """The last span of a row ends where the next row's prompt begins; empty rows and rows without spans in between."""
    texts = ["ab", "", "cd", "ef"]
    tokens = Tokens.of([[(0, 1), (1, 2)], [], [(0, 1), (1, 2)], [(0, 2)]])
    found = label(texts, tokens, [0, 0, 1, 0], [pro((0, 2, "p")), pro(), pro((0, 1, "p")), pro((0, 1, "r"))])
    assert found.roles.tolist() == [1, 1, 0, 1, 3]
    assert found.straddles.tolist() == [0, 0, 0, 1]
    assert len(label([], Tokens.of([]), [], []).roles) == 0


@pytest.mark.parametrize(
    "spans",
    [
        pro((0, 3, "p"), (2, 4, "r")),
        pro((3, 9, "p")),
        SpanSet.of([Span(-1, 2, "other")]),
    ],
)
def test_spans_that_are_none_are_refused(spans: SpanSet) -> None:
    texts = ["abcd", "Qabcd", "abcd"]
    with pytest.raises(Rejected) as error:
        label(texts, Tokens.of([[(0, 4)], [(0, 5)], [(0, 4)]]), [0, 1, 0], [pro(), spans, pro()])
    assert error.value.code == "spans.range"


def test_what_is_unknown_is_named() -> None:
    with pytest.raises(UsageError, match="write strict, contract, expand"):
        roles("a", [(0, 1)], 0, pro(), "shrink")
    other = SpanSet(Scheme("mine@1", ("x",)), *(np.zeros(1, kind) for kind in (np.int32, np.int32, np.int8)))
    with pytest.raises(UsageError, match="mine@1"):
        roles("a", [(0, 1)], 0, other)


@st.composite
def rows(draw: st.DrawFn) -> tuple[str, list[tuple[int, int]], int, list[tuple[int, int, str]]]:
    """A text cut into tokens anywhere, some cut again into bytes, some trimmed, and disjoint spans anywhere."""
    text = draw(st.text(st.sampled_from("ab.é𝒙 \n\u3000\u200d"), max_size=14))
    size = len(text)
    cuts = sorted(draw(st.sets(st.integers(0, size))) | {0, size})
    pairs: list[tuple[int, int]] = []
    for start, end in pairwise(cuts):
        if draw(st.booleans()):
            start += len(text[start:end]) - len(text[start:end].lstrip())
        pairs += [(start, end)] * draw(st.integers(1, 2))
    begin = draw(st.integers(0, size))
    edges = sorted(draw(st.lists(st.integers(0, size - begin), max_size=6)))
    spans = [
        (start, end, draw(st.sampled_from("pro")))
        for start, end in zip(edges[::2], edges[1::2], strict=False)
        if start < end
    ]
    return text, pairs, begin, spans


def oracle(text: str, pair: tuple[int, int], begin: int, spans: list[tuple[int, int, str]], policy: str) -> tuple:
    """The role of one token with characters, and whether it has two, character by character."""
    place = [0] * begin + [3] * (len(text) - begin)
    for start, end, name in spans:
        place[begin + start : begin + end] = [{"p": 1, "r": 2, "o": 3}[name]] * (end - start)
    ink = [place[at] for at in range(*pair) if not text[at].isspace()]
    if not ink:
        return place[pair[0]], False
    if len(set(ink)) == 1:
        return ink[0], False
    return next(role for role in ink if role) if policy == "expand" else 3, True


@given(st.lists(rows(), max_size=4), st.sampled_from(["contract", "expand"]))
def test_every_token_has_the_role_of_its_characters(batch: list, policy: Policy) -> None:
    tokens = Tokens.of([pairs for _, pairs, _, _ in batch])
    found = label(
        [text for text, *_ in batch],
        tokens,
        [begin for _, _, begin, _ in batch],
        [pro(*spans) for *_, spans in batch],
        policy,
    )
    expected = [
        [oracle(text, pair, begin, spans, policy) for pair in pairs if pair[0] < pair[1]]
        for text, pairs, begin, spans in batch
    ]
    sized = tokens.end > tokens.start
    assert found.roles[sized].tolist() == [role for row in expected for role, _ in row]
    assert found.straddles.tolist() == [sum(two for _, two in row) for row in expected]


def test_a_trainer_imports_it_without_the_rest() -> None:
    probe = "import sys, perceptdata.alignment.roles; print(*{name.partition('.')[0] for name in sys.modules})"
    modules = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout.split()
    assert {"duckdb", "pyarrow", "pydantic", "transformers", "tokenizers", "torch", "PIL"} & set(modules) == set()
    assert "numpy" in modules
