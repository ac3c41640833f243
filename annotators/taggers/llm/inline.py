"""The text with tags in it, for models that lose count: they write it again, with `<p>…</p>` around what perceives.

The reply is taken only if it is the same text, byte for byte, once the tags are out. Tags that the text has itself are
none of ours: ours then carry a number that its do not.
"""

from __future__ import annotations

import re
from itertools import count, groupby

import numpy as np
from numpy.typing import NDArray

from perceptdata.errors import Rejected
from perceptdata.llm import Message, Request, Sampling

from .labels import CODES, DATA, MEANING
from .quotes import parted
from .sheet import CONTEXT, Piece, Reading, Sheet, quoted


def passage(sheet: Sheet) -> tuple[int, int]:
    """The stretch of the text that is written again: from the first clause that is asked to the last."""
    return int(sheet.item.start[sheet.asked[0]]), int(sheet.item.end[sheet.asked[-1]])


def suffix(text: str) -> str:
    """What our tags end in, so that the text has none of them: nothing, or a number."""
    return next(mark for number in count() if not _tags(mark := str(number or "")).search(text))


def request(sheet: Sheet, sampling: Sampling, see_image: bool) -> Request:
    """The call for a sheet."""
    start, end = passage(sheet)
    text, mark = sheet.item.text[start:end], suffix(sheet.item.text[start:end])
    fence = next(hexed for n in count() if (hexed := f"{sheet.seed[8:].hex()}{n or ''}") not in text)
    task = f"""\
You mark the parts of a text that a vision-language model wrote about an image.

{MEANING}

The text stands between two lines that hold the code {fence}. Write it out again, exactly as it is, every sign and \
line break, with tags around its parts: <p{mark}>…</p{mark}> around what perceives, <r{mark}>…</r{mark}> around what \
reasons, <o{mark}>…</o{mark}> around the rest. Tags never stand inside one another. Change, correct, add or leave out \
nothing else, and write neither the lines with the code nor anything before or after the text. {DATA}"""
    before = sheet.item.text[int(sheet.item.start[max(0, sheet.asked[0] - CONTEXT)]) : start].strip()
    context = f"What comes before the text, not to be repeated: {quoted(before)}" if before else ""
    said = [sheet.setting(), context, f"{fence} begin", text, f"{fence} end"]
    messages = (Message("system", task), sheet.message("\n".join(filter(None, said)), see_image))
    return Request(messages, sampling, sample=sheet.sample)


def read(reply: str, sheet: Sheet) -> Reading:
    """What the tagged text says of the sheet's clauses.

    A clause gets the label of most of its letters and digits, or two labels where one part of it has the one and the
    rest the other. Raises Rejected `tag.inline_altered` for another text, `tag.inline_nested` for tags out of turn.
    """
    start, end = passage(sheet)
    text = sheet.item.text[start:end]
    label = _labels(reply.strip(), text)
    pieces, missing = {}, []
    for place in sheet.asked:
        first, last = int(sheet.item.start[place]), int(sheet.item.end[place])
        found = _pieces(sheet.item.text[first:last], label[first - start : last - start], first)
        if found:
            pieces[place] = found
        else:
            missing.append(place)
    return Reading(pieces, tuple(missing))


def _tags(mark: str) -> re.Pattern[str]:
    return re.compile(rf"<(/?)([pro]){mark}>")


def _labels(reply: str, text: str) -> NDArray[np.int8]:
    """The label of every character of the text, -1 where no tag is around it."""
    written: list[str] = []
    label: list[NDArray[np.int8]] = []
    opened = ""
    at = 0

    def take(upto: int) -> None:
        written.append(reply[at:upto])
        label.append(np.full(upto - at, CODES[opened.upper()] if opened else -1, np.int8))

    nested = False
    for tag in _tags(suffix(text)).finditer(reply):
        take(tag.start())
        at = tag.end()
        closes, name = bool(tag[1]), tag[2]
        nested |= opened != (name if closes else "")
        opened = "" if closes else name
    take(len(reply))
    if (plain := "".join(written)) != text:
        place = next(
            (n for n, (a, b) in enumerate(zip(plain, text, strict=False)) if a != b), min(len(plain), len(text))
        )
        raise Rejected("tag.inline_altered", f"without its tags, the reply differs from the text at character {place}")
    if nested or opened:
        raise Rejected("tag.inline_nested", "the reply's tags do not open and close in turn")
    return np.concatenate(label)


def _pieces(clause: str, label: NDArray[np.int8], start: int) -> tuple[Piece, ...]:
    """What the labels of a clause's characters come to; nothing where no label has more than half of them."""
    says = np.array([sign.isalnum() for sign in clause])
    if not says.any():
        says = np.array([not sign.isspace() for sign in clause])
    places = says.nonzero()[0]
    runs = [(kind, len(list(run))) for kind, run in groupby(label[places].tolist())]
    if len(runs) == 2 and min(runs)[0] >= 0:
        # The border falls as that of a quote would: punctuation stays with what it follows, no word is cut.
        parts = parted(clause, clause[: places[runs[0][1]]].rstrip())
        if parts is not None:
            return tuple(
                Piece(start + first, start + last, kind) for (first, last), (kind, _) in zip(parts, runs, strict=True)
            )
    kind = max({kind for kind, _ in runs}, key=lambda kind: sum(length for other, length in runs if other == kind))
    most = sum(length for other, length in runs if other == kind)
    return (Piece(start, start + len(clause), kind),) if kind >= 0 and 2 * most > len(places) else ()
