"""Roles: what each token of a sequence is to a training loss.

    tokens = Tokens.of(encoding.offsets for encoding in tokenizer.encode_batch(texts))
    found = label(texts, tokens, completions, spans)
    found.roles                     # int8, one a token, all rows one after the other

0 is the prompt, padding and image tokens; 1 perception, 2 reasoning; 3 is the rest of the completion: other, what no
span covers, the end of the turn. Numpy alone: nothing here knows tokenizers, templates or workspaces.

A token belongs to its characters that are not white space: `Ġcube` begins before its clause and `.\\n` ends after it,
and neither is in doubt. So the text is mapped to an axis of its non-space characters (one cumulative sum). There a span
is an interval, neighbours of one role are one interval, and a token straddles two roles exactly when its first and its
last character lie in different ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from perceptdata.errors import Rejected, UsageError
from perceptdata.spans import SpanSet

PROMPT, PERCEPTION, REASONING, OTHER = range(4)
NAMES = ("prompt", "perception", "reasoning", "other")

# A scheme's labels, in its order, as roles. A description is what was perceived, thoughts are what was reasoned.
SCHEME_ROLES = {
    "pro@1": (PERCEPTION, REASONING, OTHER),
    "segments@1": (PERCEPTION, REASONING, OTHER),
}

Policy = Literal["strict", "contract", "expand"]
POLICIES: tuple[Policy, ...] = ("strict", "contract", "expand")

_HIGHEST_SPACE = 0x3000
_IS_INK = np.array([not chr(code).isspace() for code in range(_HIGHEST_SPACE + 2)])  # the last one stands for all above


@dataclass(frozen=True, slots=True)
class Tokens:
    """Where tokens lie in their texts: half-open code-point offsets, flat over rows.

    `start` and `end` are int32, one a token; `rows` (int64, one more than there are rows) says where each row begins.
    Tokens of a row are in the order of the text. Several may share a character (its bytes), and a token may be empty,
    as (0, 0), where a tokenizer has added it.
    """

    start: NDArray[np.int32]
    end: NDArray[np.int32]
    rows: NDArray[np.int64]

    @classmethod
    def of(cls, offsets: Iterable[Sequence[tuple[int, int]]]) -> Tokens:
        """From what tokenizers give: a list of pairs a row."""
        lists = list(offsets)
        rows = np.zeros(len(lists) + 1, np.int64)
        np.cumsum([len(pairs) for pairs in lists], out=rows[1:])
        flat = np.fromiter(chain.from_iterable(chain.from_iterable(lists)), np.int32, 2 * int(rows[-1]))
        return cls(flat[0::2], flat[1::2], rows)

    def __len__(self) -> int:
        return len(self.start)


@dataclass(frozen=True, slots=True)
class Labelled:
    """`roles` is int8, one a token. `straddles` counts, for each row, the tokens whose characters have two roles."""

    roles: NDArray[np.int8]
    straddles: NDArray[np.int64]


def label(
    texts: Sequence[str],
    tokens: Tokens,
    completions: Sequence[int] | NDArray,
    spans: Sequence[SpanSet],
    policy: Policy = "contract",
) -> Labelled:
    """The role of every token of a batch.

    `completions` says where in each text the completion begins; it runs to the end of the text. `spans` count from
    there. A token with two roles becomes `other`, or with `expand` takes the earlier one (the prompt is none); refusing
    its row, as `strict` does, is the caller's. White space alone has the role of the place where it begins.

    Raises Rejected `spans.range` for spans that overlap, are not sorted, or leave their text.
    """
    if policy not in POLICIES:
        raise UsageError(f"'{policy}' is no policy for straddling tokens; write {', '.join(POLICIES)}")
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    bases = np.cumsum(lengths) - lengths
    ink = _ink_before(texts)
    borders, roles = _borders(bases, lengths, np.asarray(completions, np.int64), spans)

    # Of several borders at one character the last counts; a border between equal roles is none.
    place = ink[borders]
    last = np.append(place[1:] != place[:-1], True)[: len(place)]
    place, role = place[last], roles[last]
    change = np.append(True, role[1:] != role[:-1])[: len(role)]
    place, role = place[change], role[change]

    base = np.repeat(bases, np.diff(tokens.rows))
    first, end = ink[tokens.start + base], ink[tokens.end + base]
    inked = end > first
    at = np.searchsorted(place, first, "right") - 1
    behind = np.searchsorted(place, end, "left") - 1  # the piece of the last character, end - 1
    found = role[at]
    crossing = np.flatnonzero((behind != at) & inked)
    if len(crossing):
        earlier = found[crossing]
        kept = np.where(earlier == PROMPT, role[at[crossing] + 1], earlier)
        found[crossing] = kept if policy == "expand" else OTHER
    blank = np.flatnonzero(~inked)
    if len(blank):
        found[blank] = roles[np.searchsorted(borders, tokens.start[blank] + base[blank], "right") - 1]
        empty = blank[tokens.start[blank] == tokens.end[blank]]
        _place_empty(found, tokens, empty)
    rows = np.searchsorted(tokens.rows, crossing, "right") - 1
    return Labelled(found, np.bincount(rows, minlength=len(texts)))


def _ink_before(texts: Sequence[str]) -> NDArray[np.int32]:
    """For each code point of the joined texts, and their end, how many non-space ones stand before it."""
    joined = "".join(texts)
    codes = (
        np.frombuffer(joined.encode("ascii"), np.uint8)
        if joined.isascii()
        else np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    )
    before = np.zeros(len(codes) + 1, np.int32)
    np.cumsum(_IS_INK.take(codes, mode="clip"), out=before[1:])
    return before


def _borders(
    bases: NDArray, lengths: NDArray, completions: NDArray, spans: Sequence[SpanSet]
) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """Where in the joined texts a role begins, and which: for each row its prompt, its completion, then each span and
    what follows it.
    """
    counts = np.fromiter(map(len, spans), np.int64, len(spans))
    row = np.repeat(np.arange(len(spans)), counts)
    shift = (bases + completions)[row]
    borders = np.empty(2 * (len(bases) + len(row)), np.int64)
    roles = np.empty(len(borders), np.int8)
    head = 2 * (np.cumsum(counts) - counts + np.arange(len(bases)))
    borders[head], roles[head] = bases, PROMPT
    borders[head + 1], roles[head + 1] = bases + completions, OTHER
    if len(row):
        opens = 2 * (np.arange(len(row)) + row + 1)
        borders[opens] = np.concatenate([one.start for one in spans]) + shift
        borders[opens + 1] = np.concatenate([one.end for one in spans]) + shift
        roles[opens] = np.concatenate([_roles_of(one) for one in spans])
        roles[opens + 1] = OTHER
    last = borders[head + 1 + 2 * counts]
    if (np.diff(borders) < 0).any() or (last > bases + lengths).any():
        for at, one in enumerate(spans):
            one.check(int(lengths[at] - completions[at]))
        raise Rejected("spans.range", "a completion begins outside its text")
    return borders, roles


def _roles_of(spans: SpanSet) -> NDArray[np.int8]:
    if spans.scheme.id not in SCHEME_ROLES:
        raise UsageError(f"labels of {spans.scheme.id} have no roles; roles are known for {', '.join(SCHEME_ROLES)}")
    return np.array(SCHEME_ROLES[spans.scheme.id], np.int8)[spans.label]


def _place_empty(found: NDArray, tokens: Tokens, empty: NDArray) -> None:
    """A token without characters has no place in the text, only one in the sequence: after the completion's first token
    it is of the completion (an end token added by the tokenizer), before it of the prompt.
    """
    if not len(empty):
        return
    order = np.arange(len(tokens))
    order[empty] = -1
    before = np.maximum.accumulate(order)[empty]
    row_start = tokens.rows[np.searchsorted(tokens.rows, empty, "right") - 1]
    inside = (before >= row_start) & (found[before] != PROMPT)
    found[empty] = np.where(inside, OTHER, PROMPT)
