"""`oracle`: exact verdicts, where the scene is known exactly.

    judged: {do: judge, from: caps, use: [oracle]}

The scene is read from the facts of an example that shows this image alone and whose facts are exact by construction
(`facts_quality: oracle`): a synthetic family reads and checks its own (`Family.check_claim`), NLVR's boxes are read by
`boxes`, CLEVR's scenes by `tabletop`. A claim that cannot be checked exactly is unjudged: an oracle does not guess.
Annotations (Geometry3K's, people's captions) have slips, so they are nobody's oracle; the judge `reference` takes them
for what they are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar

from perceptdata import registry
from perceptdata.errors import PerceptDataError
from perceptdata.example import Example
from perceptdata.plugins import CaptionItem, Family, Judge, Judged, Opinion
from perceptdata.records import canonical_json

from . import boxes, tabletop
from .sheet import CONTRADICTED, SUPPORTED

CHECKERS = ("family", "family_perception")  # whose arguments name the family that drew the scene
EVIDENCE = 200  # characters of the facts that stand beside a verdict


class Oracle(Judge):
    """True or false, by the scene; nothing else has a score."""

    name: ClassVar[str] = "oracle"
    version: ClassVar[str] = "2"

    def judge(self, captions: Sequence[CaptionItem]) -> list[Judged]:
        """Of each claim, whether the scene bears it out."""
        return [Judged(tuple(_opinions(item))) for item in captions]


def _opinions(item: CaptionItem) -> list[Opinion]:
    known = [each for each in item.examples if each.facts_quality == "oracle" and each.facts and len(each.images) == 1]
    if not known:
        return [Opinion(None, unjudged="oracle.no_scene")] * len(item.claims)
    drawn = next((each for each in known if each.answer.checker and each.answer.checker.name in CHECKERS), None)
    facts = str((drawn or known[0]).facts)
    try:
        said = _by_family(item, drawn) if drawn else _by_facts(item, facts)
    except PerceptDataError:  # a family that is not installed any more
        said = None
    if said is None:
        return [Opinion(None, unjudged="oracle.no_scene")] * len(item.claims)
    evidence = facts if len(facts) <= EVIDENCE else f"{facts[:EVIDENCE]}…"
    return [
        Opinion(None, unjudged="oracle.unread")
        if true is None
        else Opinion(SUPPORTED if true else CONTRADICTED, float(true), evidence)
        for true in said
    ]


def _by_family(item: CaptionItem, example: Example) -> list[bool | None] | None:
    checker = example.answer.checker
    assert checker is not None  # by the caller
    family = _family(str(checker.args.get("family")), canonical_json(checker.args.get("family_options", {})))
    scene = family.parse(str(example.facts))
    if scene is None:
        return None
    return [family.check_claim(item.claim(place), scene) for place in range(len(item.claims))]


def _by_facts(item: CaptionItem, facts: str) -> list[bool | None] | None:
    """By what the facts state themselves: boxes of shapes, or objects on a table."""
    table = tabletop.read(facts)
    if table is not None:
        return [tabletop.check(item.claim(place), table) for place in range(len(item.claims))]
    scene = boxes.read(facts)
    if scene is None:
        return None
    return [boxes.check(item.claim(place), item.text[: each.start], scene) for place, each in enumerate(item.claims)]


@lru_cache(maxsize=64)
def _family(name: str, options: str) -> Family[Any]:
    return registry.make("families", name, json.loads(options))
