"""Checkers that ask a synthetic family: is the task solved (`a`), is the scene stated right (`a_p`)?

The scene is read from the example's facts, so a checker needs nothing but the example, and any right answer counts,
not only the witness that the solver gave.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, ClassVar

from pydantic import Field

from perceptdata import registry
from perceptdata.errors import UsageError
from perceptdata.example import Example
from perceptdata.plugins import Checker, Family
from perceptdata.records import canonical_json


class _FamilyOptions(Checker):
    """Which family, with which options; `dense` gives partial credit."""

    family: str
    family_options: dict[str, Any] = Field(default_factory=dict)
    dense: bool = False

    def scene(self, example: Example) -> tuple[Family[Any], Any]:
        """The family and the example's scene. UsageError where the example's facts state none."""
        family = _family(self.family, canonical_json(self.family_options))
        scene = None if example.facts is None else family.parse(example.facts)
        if scene is None:
            raise UsageError(f"{example.id}: its facts state no {self.family} scene; score it with another checker")
        return family, scene


class FamilyChecker(_FamilyOptions):
    """Does the answer satisfy the scene's constraints?"""

    name: ClassVar[str] = "family"

    def score(self, answer: str, example: Example) -> float:
        """`Family.check`."""
        family, scene = self.scene(example)
        return family.check(answer, scene, self.dense)


class FamilyPerceptionChecker(_FamilyOptions):
    """Does the text state exactly the scene?"""

    name: ClassVar[str] = "family_perception"

    def score(self, answer: str, example: Example) -> float:
        """`Family.check_perception`."""
        family, scene = self.scene(example)
        return family.check_perception(answer, scene, self.dense)


@lru_cache(maxsize=64)
def _family(name: str, options: str) -> Family[Any]:
    return registry.make("families", name, json.loads(options))
