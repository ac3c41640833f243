"""Multiple choice, in the seven layouts in which corpora write it (`Layout`), as a list of choices and an index.

list+index      ["red", "blue"], 1                list+text      ["red", "blue"], "blue"
list+letter     ["red", "blue"], "B"              joined         "A. red; B. blue", "B"
columns         A = "red", B = "blue"; "B"        inline         "Which?\\nA: red\\nB: blue", "B"
list+numbers    list+letter with a parallel list of numeric values
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from perceptdata.answers import choice_index
from perceptdata.errors import Rejected

from .literals import is_written_list, read_list

Layout = Literal["list+index", "list+text", "list+letter", "list+numbers", "joined", "columns", "inline"]

LETTERS = "ABCDEFGHIJ"
_MARK = re.compile(r"(?:^|(?<=[\s;；,]))[(（]?([A-J])\s*[.．:：)）、]\s*")
_LINE = re.compile(r"[ \t]*[(（]?([A-J])\s*[.．:：)）、][ \t]*(\S.*)")
_TITLE = re.compile(r"\s*(?:\n|^)[ \t]*(choices|options)\s*[:：][ \t]*$", re.I)


class Inline(NamedTuple):
    """The question without its block of choices, and the choices."""

    question: str
    choices: tuple[str, ...]


def read_choices(value: Any) -> tuple[str, ...]:
    """The choices of one value: a list, a list written as text, a dict by letter, or one joined text.

    Raises Rejected `field.invalid` for a text that is neither, and for a letter that stands twice.
    """
    if value is None or value == "":
        return ()
    if isinstance(value, Mapping):
        present = [(str(letter), str(text)) for letter, text in sorted(value.items()) if text not in (None, "")]
        return tuple(text for _, text in present)
    if isinstance(value, list | tuple) or is_written_list(value):
        texts = [str(each).strip() for each in read_list(value)]
        found = [_LINE.fullmatch(text) for text in texts]
        lettered = [match for match in found if match]
        if texts and len(lettered) == len(texts) and [match[1] for match in lettered] == list(LETTERS[: len(texts)]):
            return tuple(match[2].strip() for match in lettered)
        return tuple(texts)
    return _joined(str(value))


def _joined(text: str) -> tuple[str, ...]:
    starts: list[re.Match[str]] = []
    for mark in _MARK.finditer(text):
        if mark[1] == LETTERS[len(starts) : len(starts) + 1]:
            starts.append(mark)
        elif mark[1] in {start[1] for start in starts} and text[: mark.start()].rstrip()[-1:] in (";", "；", "\n"):
            raise Rejected("field.invalid", f"the choices name {mark[1]} twice: {text[:120]!r}")
    if len(starts) < 2 or text[: starts[0].start()].strip():
        raise Rejected("field.invalid", f"these are no choices that begin with A, B, …: {text[:120]!r}")
    ends = [*(start.start() for start in starts[1:]), len(text)]
    return tuple(
        text[start.end() : end].strip().rstrip(";；,").strip() for start, end in zip(starts, ends, strict=True)
    )


def inline_choices(question: str) -> Inline | None:
    """The block of lines `A: …`, `B: …` in a question, with its title (`Choices:`) if it has one; None without."""
    lines = question.split("\n")
    for first in range(len(lines)):
        run: list[str] = []
        for line in lines[first:]:
            match = _LINE.fullmatch(line.rstrip())
            if match is None or match[1] != LETTERS[len(run) : len(run) + 1]:
                break
            run.append(match[2].strip())
        if len(run) >= 2:
            before = _TITLE.sub("", "\n".join(lines[:first])).rstrip()
            after = "\n".join(lines[first + len(run) :]).strip()
            return Inline("\n".join(filter(None, (before, after))), tuple(run))
    return None


def index_of(answer: Any, choices: Sequence[str], counted: bool) -> int:
    """Which choice the answer names: by index where the column holds indices (`counted`), else by text or letter.

    Raises Rejected `answer.index` where it names none, or a text that stands twice among the choices.
    """
    if counted and (isinstance(answer, int) or str(answer).strip().isdigit()):
        index: int | None = int(answer)
    else:
        index = choice_index(str(answer), choices)
    if index is None or not 0 <= index < len(choices):
        raise Rejected("answer.index", f"the answer {str(answer)[:80]!r} names none of the {len(choices)} choices")
    if list(choices).count(choices[index]) > 1 and str(answer).strip() == choices[index]:
        raise Rejected("answer.index", f"the answer {str(answer)[:80]!r} stands twice among the choices")
    return index


def layout_of(answers: Sequence[Any], choices: Sequence[Sequence[str]], numbers: bool) -> Layout | None:
    """How the answers of some rows name their choices; None where there are no rows with choices.

    Whole numbers are indices where all are in range and some are no text among their row's choices.
    """
    rows = [
        (answer, options) for answer, options in zip(answers, choices, strict=True) if options and answer is not None
    ]
    if not rows:
        return None
    texts = [(str(answer).strip(), [option.strip() for option in options]) for answer, options in rows]
    if all(text.isdigit() and int(text) < len(options) for text, options in texts) and not all(
        text in options for text, options in texts
    ):
        return "list+index"
    if any(len(text) == 1 and text in LETTERS and text not in options for text, options in texts):
        return "list+numbers" if numbers else "list+letter"
    return "list+text"
