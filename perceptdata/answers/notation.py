r"""One spelling for what is written in many: the normal forms that the rungs compare.

    plain("  A  Dog. ")                  "a dog"                text: case, space and a closing full stop do not matter
    tidy(r"\left[\dfrac12, \infty\right)")   r"[\frac12, ∞)"    maths: one sign for each relation, operator and constant
    latex("2√3 ≤ π")                     r"2\sqrt{3} \le \pi "  and back, for a parser of LaTeX

All are linear in the text and never raise.
"""

from __future__ import annotations

import re
import unicodedata

_WRAP = r"text|textbf|textit|textrm|textsf|mathrm|mathbf|mathit|mathsf|mbox|operatorname|boldsymbol|bm"
_UNWRAP = re.compile(rf"\\(?:{_WRAP})\s*\{{([^{{}}]*)\}}")
_WHOLE = re.compile(rf"\\(?:{_WRAP})\s*\{{([^{{}}]*)\}}|\*\*([^*]+)\*\*|\\\((.*)\\\)|\\\[(.*)\\\]", re.DOTALL)
_DEGREE = re.compile(r"\^\s*(?:\{\s*\\circ\s*\}|\\circ(?![a-zA-Z])|°)|\\degree(?![a-zA-Z])")
_COMMAND = re.compile(r"\\(?:([a-zA-Z]+) ?|(.))", re.DOTALL)
_THIN = re.compile(r"(?<=[0-9])(?:\\,|\\!|\{,\\!\}|[\u2009\u202f\u2006])(?=[0-9]{3})")
_SUPERSCRIPTS = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+")

_SIGNS = {
    "frac": "\\frac",
    "dfrac": "\\frac",
    "tfrac": "\\frac",
    "cfrac": "\\frac",
    "cdot": "*",
    "times": "*",
    "ast": "*",
    "div": "/",
    "le": "≤",
    "leq": "≤",
    "leqslant": "≤",
    "ge": "≥",
    "geq": "≥",
    "geqslant": "≥",
    "lt": "<",
    "gt": ">",
    "ne": "≠",
    "neq": "≠",
    "infty": "∞",
    "pi": "π",
    "cup": "∪",
    "in": "∈",
    "pm": "±",
    "mid": "|",
    "vert": "|",
    "colon": ":",
    "displaystyle": "",
    "left": "",
    "right": "",
    "big": "",
    "bigl": "",
    "bigr": "",
    "quad": " ",
    "qquad": " ",
    "textdollar": "$",
    "%": "%",
    "$": "$",
    "!": "",
    ",": " ",
    ";": " ",
    ":": " ",
    " ": " ",
}
_CHARACTERS = str.maketrans(
    {
        "−": "-",
        "–": "-",
        "×": "*",
        "·": "*",
        "⋅": "*",
        "∗": "*",
        "÷": "/",
        "⁄": "/",
        "⩽": "≤",
        "≦": "≤",
        "⩾": "≥",
        "≧": "≥",
        "∶": ":",
        "：": ":",
        "，": ",",
        "％": "%",
        "º": "°",
        "˚": "°",
        "∣": "|",
        "~": " ",
        "½": "\\frac{1}{2}",
        "⅓": "\\frac{1}{3}",
        "⅔": "\\frac{2}{3}",
        "¼": "\\frac{1}{4}",
        "¾": "\\frac{3}{4}",
    }
)
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_BACK = str.maketrans(
    {
        "*": "\\cdot ",
        "≤": "\\le ",
        "≥": "\\ge ",
        "≠": "\\ne ",
        "∞": "\\infty ",
        "π": "\\pi ",
        "∪": "\\cup ",
        "∈": "\\in ",
        "±": "\\pm ",
        "ℝ": "\\mathbb{R}",
        "°": "^{\\circ}",
    }
)
_ROOT = re.compile(r"√\s*(?:\(([^()]*)\)|([0-9]+|[a-zA-Z]))")


def plain(text: str) -> str:
    """The bare text without case."""
    return bare(text).casefold()


def bare(text: str) -> str:
    """NFC, white space collapsed, a pair of `$`, a text command or bold marks around the whole, and a closing full stop
    taken off.
    """
    text = unicodedata.normalize("NFC", " ".join(text.split()))
    text = text.removesuffix(".").rstrip()
    if len(text) > 2 and text[0] == text[-1] == "$":
        text = text.strip("$").strip()
    if whole := _WHOLE.fullmatch(text):
        text = next(part for part in whole.groups() if part is not None).strip()
    return text


def tidy(text: str) -> str:
    """Maths in one spelling: relations and constants as single characters, `*` and `/`, no sizing, no text commands."""
    text = bare(text)
    if not text.isascii():
        text = _THIN.sub("", text).translate(_CHARACTERS)
        text = _SUPERSCRIPTS.sub(lambda found: f"^{{{found[0].translate(_RAISED)}}}", text)
    if "\\" in text or "°" in text or "{,}" in text:
        text = _THIN.sub("", text).replace("{,}", ",").replace("\\mathbb{R}", "ℝ")
        text = _UNWRAP.sub(r"\1", text)
        text = _COMMAND.sub(_sign, _DEGREE.sub("°", text))
    return " ".join(text.split()).removesuffix(".").rstrip()


def _sign(found: re.Match[str]) -> str:
    return _SIGNS.get(found[1] or found[2], found[0])


def latex(tidied: str) -> str:
    r"""A tidied text as LaTeX again."""
    return _ROOT.sub(lambda found: f"\\sqrt{{{found[1] or found[2]}}}", tidied).translate(_BACK)
