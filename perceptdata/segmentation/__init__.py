"""Text -> clauses: the unit that is tagged, reviewed and agreed on.

    clauses("The figure shows 32, so x = 7.")      # [(0, 20), (21, 30)]
    found = segment(texts)                         # a batch at once: flat arrays, offsets in code points
    start, end = found.of(3)                       # the clauses of text 3; a clause's id is its index in its text

Clauses and the gaps between them tile a text exactly. Only clauses are labelled; white space, list markers, signs of
headings and ruled lines are gaps. A text is cut

    at every line break, and around tags (`<think>`, `</answer>`) and fenced code, which are clauses of their own;
    behind `.`, `?`, `!` (with closing quotes and brackets) before white space, and behind CJK full stops; a full stop
        ends no sentence after an abbreviation, between initials, or before a lower-case word;
    before a connective that turns from stating to concluding or back: ", so", ", which means", " because". Nowhere else
        inside a sentence: "32, so x = 7" is exactly the place where perception ends and reasoning begins;

and never inside maths, inline code or a row of a table (`atoms`). The rules look only a few characters around, so that
a whole batch is cut at once (`buffer`), and the clauses of a text do not depend on its batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from ahocorasick_rs import BytesAhoCorasick, MatchKind
from numpy.typing import NDArray

from perceptdata.segmentation.atoms import find_atoms
from perceptdata.segmentation.buffer import BREAK, CJK_STOP, CLOSER, DIGIT, LOWER, SPACE, STOP, UPPER, WORD, Buffer

VERSION = "clauses@1"

# Cut before these where a comma, semicolon, colon or dash stands before them …
_AFTER_PAUSE = (
    *("so", "therefore", "thus", "hence", "consequently", "and so", "and therefore", "and thus", "and hence"),
    *(
        "which means",
        "which suggests",
        "which indicates",
        "which implies",
        "which shows that",
        "which makes",
        "which gives",
    ),
    *("which is why", "which confirms", "meaning", "indicating", "suggesting", "implying", "it follows"),
    *("but wait", "but let's", "but we", "but the image", "but the figure", "but the diagram", "but the graph"),
)
# … and before these after any space.
_AFTER_SPACE = ("because", "since")
# Longer than a connective, and no place to cut.
_TOGETHER = (
    *(f"{pause} so {word} " for pause in ",;:-" for word in ("that", "far", "much", "many", "long", "called")),
    *(
        f" {word} because "
        for word in ("is", "are", "was", "were", "just", "only", "simply", "partly", "it's", "that's")
    ),
    *(f" {word} since " for word in ("ever", "long", "is", "has been")),
    *(f"{colon} {word} " for colon in (":", ":  ") for word in _AFTER_SPACE),  # "Angle: since", "**Angle:** Since"
)
# A full stop behind these never ends a sentence …
_ABBREVIATIONS = (
    "e.g.",
    "i.e.",
    "cf.",
    "vs.",
    "approx.",
    "al.",
    "dr.",
    "mr.",
    "mrs.",
    "ms.",
    "prof.",
    "st.",
    "mt.",
    "ca.",
)
# … nor behind these before a number.
_NUMBERED = (
    "fig.",
    "figs.",
    "eq.",
    "eqs.",
    "no.",
    "nos.",
    "sec.",
    "ch.",
    "vol.",
    "p.",
    "pp.",
    "tab.",
    "thm.",
    "ex.",
    "q.",
)

_CUT, _KEEP, _NO_STOP, _NO_STOP_BEFORE_NUMBER = range(4)


@dataclass(frozen=True, slots=True, eq=False)
class Clauses:
    """The clauses of a batch. `start`, `end` int32, in code points of their own text; those of text i are
    `offsets[i]:offsets[i + 1]`.
    """

    start: NDArray[np.int32]
    end: NDArray[np.int32]
    offsets: NDArray[np.int64]

    def of(self, text: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Starts and ends of one text's clauses."""
        part = slice(self.offsets[text], self.offsets[text + 1])
        return self.start[part], self.end[part]


def clauses(text: str) -> list[tuple[int, int]]:
    """The clauses of one text."""
    found = segment([text])
    return list(zip(found.start.tolist(), found.end.tolist(), strict=True))


def segment(texts: Sequence[str]) -> Clauses:
    """The clauses of a batch of texts."""
    buffer = Buffer.of(texts)
    atoms = find_atoms(buffer)
    cut = np.zeros(len(buffer.raw) + 1, bool)
    cut[_connectives_and_abbreviations(buffer)] = True
    lone = atoms.alone
    places = np.concatenate((np.flatnonzero(cut), buffer.find(BREAK)))
    places = places[~atoms.inside(places)]
    cut[:] = False
    cut[places] = True
    cut[atoms.start[lone]] = True
    cut[atoms.end[lone]] = True

    solid = (buffer.kind & np.uint8(SPACE)) == 0
    for first, last in atoms.gaps:
        solid[first:last] = False
    letters = np.flatnonzero(solid)
    rank = np.searchsorted(letters, np.flatnonzero(cut))
    full = rank[1:] > rank[:-1]
    start = letters[rank[:-1][full]]
    end = letters[rank[1:][full] - 1] + 1

    offsets = np.searchsorted(start, buffer.base)
    own = np.repeat(buffer.base[:-1], np.diff(offsets))
    return Clauses((start - own).astype(np.int32), (end - own).astype(np.int32), offsets)


def _connectives_and_abbreviations(buffer: Buffer) -> NDArray[np.int64]:
    """Where sentences end and connectives begin, atoms not yet considered."""
    automaton, rules, leads = _automaton()
    pattern, start, end = buffer.matches(automaton)
    rule = rules[pattern]
    raw = np.frombuffer(buffer.raw, np.uint8)
    ends_word = buffer.has(SPACE, end) | (raw[end] == ord(","))
    before_number = buffer.has(DIGIT, end + 1)
    cuts = (rule == _CUT) & ends_word & ~before_number
    connectives = (start + leads[pattern])[cuts]
    connectives -= raw[connectives - 1] == ord("(")
    begins_word = ~buffer.has(WORD, start - 1) & (raw[start - 1] != ord("."))
    guards = begins_word & ((rule == _NO_STOP) | ((rule == _NO_STOP_BEFORE_NUMBER) & before_number))
    return np.concatenate((connectives, _sentence_ends(buffer, raw, end[guards] - 1)))


def _sentence_ends(buffer: Buffer, raw: NDArray[np.uint8], abbreviated: NDArray[np.int64]) -> NDArray[np.int64]:
    """The places behind full stops and what closes with them. `abbreviated` are full stops that end no sentence."""
    stop = buffer.find(STOP)
    after = stop + 1
    for _ in range(4):
        after += buffer.has(STOP | CLOSER, after)
    ends = buffer.has(SPACE, after) | (raw[stop] == CJK_STOP)
    stop, after = stop[ends], after[ends]

    following = after.copy()
    for _ in range(3):
        following += buffer.has(SPACE, following) & (raw[following] != 0)
    initial = buffer.has(UPPER, stop - 1) & ~buffer.has(WORD, stop - 2)
    beside_initial = (buffer.has(UPPER, following) & (raw[following + 1] == ord("."))) | (raw[stop - 2] == ord("."))
    second_of_two = (raw[stop - 2] == ord(" ")) & (raw[np.maximum(stop - 3, 0)] == ord("."))
    second_of_two &= buffer.has(UPPER, np.maximum(stop - 4, 0))
    goes_on = (raw[stop] == ord(".")) & (
        buffer.has(LOWER, following) | (initial & (beside_initial | second_of_two)) | np.isin(stop, abbreviated)
    )
    return after[~goes_on]


@cache
def _automaton() -> tuple[BytesAhoCorasick, NDArray[np.int8], NDArray[np.int64]]:
    """The automaton over folded text, the rule of each pattern, and how far behind its start its cut lies."""
    patterns: list[tuple[str, int, int]] = [(words, _KEEP, 0) for words in _TOGETHER]
    pauses = (",", ";", ":", "-", ", ")  # the last for a closing quote, which is folded to a space
    patterns += [(f"{pause} {words}", _CUT, len(pause) + 1) for pause in pauses for words in _AFTER_PAUSE]
    patterns += [(f" {words}", _CUT, 1) for words in _AFTER_SPACE]
    patterns += [(words, _NO_STOP, 0) for words in _ABBREVIATIONS]
    patterns += [(words, _NO_STOP_BEFORE_NUMBER, 0) for words in _NUMBERED]
    automaton = BytesAhoCorasick([words.encode() for words, _, _ in patterns], matchkind=MatchKind.LeftmostLongest)
    return (
        automaton,
        np.array([rule for _, rule, _ in patterns], np.int8),
        np.array([lead for _, _, lead in patterns], np.int64),
    )
