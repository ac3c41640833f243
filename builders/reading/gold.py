"""The final answer inside what a corpus calls its answer or solution, and its kind.

final_answer("… so 36 + 64 = \\\\boxed{100}.")      "100"
typed("$25^{\\\\circ}$")                            Answer(text="25", kind="number", unit="°")
"""

from __future__ import annotations

import re

from perceptdata.example import Answer, AnswerKind

_TAG = re.compile(r"<(answer|conclusion)>(.*?)</\1>", re.I | re.S)
_BOXED = re.compile(r"\\f?boxed\s*\{")
_LINE = re.compile(r"^\W*(?:final )?answer\s*(?:is)?\s*[:：]\s*(\S.*)$", re.I | re.M)


def marked_answer(text: str) -> str | None:
    """The answer that a mark names: a tag, `####`, the last `\\boxed{}` (braces matched), or an `Answer:` line."""
    if tags := _TAG.findall(text):
        return tags[-1][1].strip()
    if "####" in text:
        return text.rpartition("####")[2].strip()
    if (inner := boxed(text)) is not None:
        return inner
    lines = _LINE.findall(text)
    return lines[-1].strip() if lines else None


def final_answer(text: str) -> str:
    """The marked answer, or the whole text where nothing is marked."""
    marked = marked_answer(text)
    return text.strip() if marked is None else marked


def boxed(text: str) -> str | None:
    """What stands in the last `\\boxed{…}`, or None where there is none or its brace is never closed."""
    found = None
    for match in _BOXED.finditer(text):
        depth = 1
        for place in range(match.end(), len(text)):
            depth += (text[place] == "{") - (text[place] == "}")
            if depth == 0:
                found = text[match.end() : place].strip()
                break
    return found


_WRAPPED = re.compile(r"(\$\$?)([^$]+)\1\.?", re.S)
_NUMBER = re.compile(
    r"(?P<number>[-−+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?)\s*(?P<unit>°|\^\s*\{?\s*\\circ\s*\}?|\\?%)?"
)
_FRACTION = re.compile(r"-?\\[dt]?frac\{\d+\}\{\d+\}|-?\d+/\d+")
_FORMULA = re.compile(r"\\[A-Za-z]+|[=<>≤≥^√π∠]|\d\s*[:+*/-]\s*[\dA-Za-z(]|\d[a-z]\b")
_WORDS = re.compile(r"[A-Za-z]{4,}")
_LATEX = re.compile(r"\\[A-Za-z]+")


def typed(text: str) -> Answer:
    """An open answer with the kind its text suggests. Units of degrees and percent are told apart from the number."""
    raw = text.strip()
    wrapped = _WRAPPED.fullmatch(raw)
    plain = wrapped[2].strip() if wrapped else raw
    number = _NUMBER.fullmatch(plain.removesuffix("."))
    if number and any(mark.isdigit() for mark in number["number"]):
        value = number["number"].replace(",", "").replace("−", "-").removeprefix("+")
        unit = {"": None, "%": "%", "\\%": "%"}.get(number["unit"] or "", "°")
        return Answer(text=value, kind="number", unit=unit, accepts=() if raw == value else (raw,))
    if _FRACTION.fullmatch(plain):
        return Answer(text=plain, kind="number")
    return Answer(text=plain, kind=_kind(plain))


def _kind(text: str) -> AnswerKind:
    """Maths or words: an expression has a mark of maths and no word of four letters outside LaTeX commands."""
    return "expression" if _FORMULA.search(text) and not _WORDS.search(_LATEX.sub("", text)) else "text"
