"""Claims: the stretches of a caption that are true or false by themselves, each with its place and its kind.

    split(["Two red cups. The left one is full."])      # [[Claim(0, 13, "count"), Claim(14, 35, "spatial")]]
    leaks(caption, examples)                            # ids of examples whose answer it gives away

A claim is a clause (`segmentation`), or a part of one (`decomposition`); it is never rewritten, so that it can always
be shown where it stands. Kinds only make slices of what is counted; they follow from a word list and say nothing of
the truth. The most specific comes first: a clause that names a place and a colour is `spatial`.

A caption leaks where it states the answer to a question that asks for more than to look, and the facts of the image do
not state it too: whoever rewards such a caption rewards the answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from perceptdata.example import Example
from perceptdata.plugins import Claim
from perceptdata.segmentation import VERSION, segment
from perceptdata.spans import Scheme

KINDS = ("spatial", "count", "colour", "text", "other")
CLAIMS = Scheme("claims@1", KINDS)
SEGMENTER = VERSION

_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_DIGITS = {word: str(number) for number, word in enumerate(_NUMBERS)}
_NUMBER_WORD = re.compile(rf"\b({'|'.join(_NUMBERS)})\b", re.IGNORECASE)

_SPATIAL = re.compile(
    r"\b(?:left(?:most)?|right(?:most)?(?!\s+(?:angles?|angled|triangles?))|above|below|beneath|under(?:neath)?|behind|"
    r"in front of|on top of|next to|beside|between|near(?:est)?|inside|outside|touch(?:es|ing)|top|bottom|upper|lower|"
    r"middle|cent(?:er|re)|corner|edge of|around|across from|adjacent|parallel|perpendicular|row|column|at \()",
    re.IGNORECASE,
)
_COLOUR = re.compile(
    r"\b(?:black|white|gr[ae]y|red|green|blue|yellow|orange|purple|violet|pink|brown|cyan|magenta|golden?|silver|"
    r"beige|turquoise|colou?r(?:ed|s)?)\b",
    re.IGNORECASE,
)
_TEXT = re.compile(
    r"\b(?:reads?|says|written|labell?ed|label|caption(?:ed)?|titled?|text|word|letters?|sign|inscription|logo|"
    r"headline)\b|[\"“«]",
    re.IGNORECASE,
)
_COUNT = re.compile(r"\d|\b(?:no|none|several|many|few|pair|dozen|empty)\b", re.IGNORECASE)


def kind_of(claim: str) -> str:
    """One of `KINDS`."""
    if _SPATIAL.search(claim):
        return "spatial"
    if _TEXT.search(claim):
        return "text"
    if _COUNT.search(in_digits(claim)):
        return "count"
    return "colour" if _COLOUR.search(claim) else "other"


def split(texts: Sequence[str]) -> list[list[Claim]]:
    """The claims of each text: its clauses that hold a letter or a digit."""
    found = segment(texts)
    claims = []
    for at, text in enumerate(texts):
        start, end = found.of(at)
        places = zip(start.tolist(), end.tolist(), strict=True)
        claims.append([claim(text, first, last) for first, last in places if any(map(str.isalnum, text[first:last]))])
    return claims


def claim(text: str, start: int, end: int) -> Claim:
    """A claim with its kind."""
    return Claim(start, end, kind_of(text[start:end]))


def in_digits(text: str) -> str:
    """The text with number words up to twelve as digits."""
    return _NUMBER_WORD.sub(lambda found: _DIGITS[found[0].lower()], text)


def leaks(caption: str, examples: Sequence[Example]) -> list[str]:
    """The ids of the examples whose answer the caption gives away, in order; all of them show its image.

    Answers yes and no are not looked for: the words say nothing out of their sentence.
    """
    facts = "\n".join(dict.fromkeys(example.facts for example in examples if example.facts))
    return [
        example.id
        for example in examples
        if example.stage != "perception"
        and _plain(example.answer.text) not in ("yes", "no")
        and _says(caption, example)
        and not _says(facts, example)
    ]


def states_answer(seen: str, example: Example) -> bool:
    """Whether the text holds the gold answer as it is written, between word borders: of a choice its words, not its
    letter.
    """
    gold = example.answer
    texts = (example.choices[gold.index],) if gold.index is not None else (gold.text, *gold.accepts)
    plain = _plain(seen)
    return any(
        re.search(rf"(?<![a-z0-9.]){re.escape(wanted)}(?![a-z0-9]|\.\d)", plain) is not None
        for text in texts
        if (wanted := _plain(text))
    )


def _says(text: str, example: Example) -> bool:
    return states_answer(text, example) or states_answer(in_digits(text), example)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
