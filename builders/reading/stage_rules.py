"""Which stage a plain VQA row belongs to, by rule: the first rule of RULES that fits decides.

    stage_of("What colour is the car?", images=1)        ("perception", RULES[2])

A row without an image reasons over text. With an image, a question that asks to work something out reasons over the
picture; one that only asks to read it off perceives. What no rule knows counts as visual reasoning: calling perception
what needs reasoning would spoil the stage that is meant to be answerable by looking.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from perceptdata.example import IMAGE, Stage


class Rule(NamedTuple):
    """`pattern` is searched in the lower-case question; None fits all. `image`: for rows with or without images."""

    name: str
    image: bool
    pattern: str | None
    stage: Stage
    reason: str


RULES = (
    Rule("no_image", False, None, "textual_reasoning", "there is nothing to look at"),
    Rule(
        "works_out",
        True,
        r"\b(calculate|compute|solve|prove|derive|determine|evaluate|simplify"
        r"|find the (value|area|perimeter|length|measure|sum)"
        r"|what is the (area|perimeter|volume|value of|sum|difference|product|ratio|average|mean|median|probability)"
        r"|how (much|many) (more|fewer|less)|how many different|at least|at most"
        r"|must|will|would|if|let|suppose|given that)\b",
        "visual_reasoning",
        "the question asks for a result that is not printed in the picture",
    ),
    Rule(
        "attribute",
        True,
        r"\b(what|which) (colou?r|shape|size|material|kind|type|sort|brand|animal|vehicle|sport)\b",
        "perception",
        "an attribute or kind of a thing is seen",
    ),
    Rule(
        "exists",
        True,
        r"(^|[.?!,:] )(is|are) there (an?|any|some|no|one|two|three)\b|\bdo you see\b"
        r"|\b(visible|present) in the (image|picture|figure|photo)",
        "perception",
        "whether a thing is there is seen",
    ),
    Rule(
        "reads",
        True,
        r"\b(what|which) (number|word|words|text|letter|letters|name|date|title|label|sign|value)\b[^.?]*"
        r"\b(written|printed|shown|displayed|marked|labell?ed|say|says|read|reads)\b"
        r"|\bwhat (is|does) [^.?]*\b(written|say|labell?ed|titled)\b|\bread the\b|\btranscribe\b",
        "perception",
        "text in the picture is read",
    ),
    Rule(
        "counts",
        True,
        r"^\W*(count|how many) [^.?]*\b(are|is|can you (see|find)|do you see)\b[^.?]*"
        r"\b(there|shown|visible|in (this|the) (image|picture|photo|scene|figure|diagram))\W*$",
        "perception",
        "visible things are counted",
    ),
    Rule(
        "places",
        True,
        r"^\W*where (is|are)\b"
        r"|\b(what|who|which \w+) (is|are) (to the )?(left|right|above|below|behind|next|under|on top|in front)\b",
        "perception",
        "a place or neighbour is seen",
    ),
    Rule(
        "describes",
        True,
        r"^\W*(please )?(describe|caption)\b|\bwhat (is|are) (shown|depicted|happening|in the (image|picture|photo))\b",
        "perception",
        "the picture is described",
    ),
    Rule("otherwise", True, None, "visual_reasoning", "no rule says that looking is enough"),
)

_COMPILED = tuple(re.compile(rule.pattern) if rule.pattern else None for rule in RULES)


def stage_of(question: str, images: int) -> tuple[Stage, Rule]:
    """The stage and the rule that decided it."""
    text = " ".join(question.replace(IMAGE, " ").lower().split())
    for rule, pattern in zip(RULES, _COMPILED, strict=True):
        if rule.image == (images > 0) and (pattern is None or pattern.search(text)):
            return rule.stage, rule
    raise AssertionError("the last rule fits every row with an image, the first every row without")
