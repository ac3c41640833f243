"""`solver`: what the described scene leads to when nobody reasons wrongly (a surrogate for a_p of arXiv 2605.29496).

    against: known     1 where an exact solver, given the described scene, reaches an answer that is right
    against: own       1 where the model's own answer is right for the scene that it described

`known` reads the known answer and no labels of perception. A scene that is wrong in a place that does not matter
passes, and one that leaves out what matters does not. `own` reads no label at all: it tells reasoning from perception
(a_r), and rises where a model describes what it can solve instead of what it sees. The probe says which is worth what.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar, Literal

from perceptdata.answers.ladder import rule
from perceptdata.example import Example
from perceptdata.plugins import Family, Scored
from perceptdata.rewards.scene import family_of
from perceptdata.rewards.surrogates.described import Described, Describing
from perceptdata.rewards.surrogates.solving import Solving


class Solver(Describing):
    """Does an exact solver reach the known answer from the scene that was described?"""

    name: ClassVar[str] = "solver"

    against: Literal["known", "own"] = "known"

    @cached_property
    def _solving(self) -> Solving:
        return Solving()

    def close(self) -> None:
        """End the solving process."""
        self._solving.close()

    def lacks(self, example: Example) -> str | None:
        """Only a family's scenes can be solved."""
        return "no_family" if family_of(example) is None else None

    def compare(self, batch: Sequence[Described]) -> list[Scored]:
        """See `Describing.compare`. The same scene of the same question is solved once."""
        known: dict[tuple[str, str, str], Scored] = {}
        found = []
        for each in batch:
            example = each.rollout.example
            key = (example.id, each.text, each.rollout.response if self.against == "own" else "")
            if key not in known:
                family = family_of(example)
                assert family is not None  # by `lacks`
                known[key] = self._score(each, family)
            found.append(known[key])
        return found

    def _score(self, each: Described, family: Family[Any]) -> Scored:
        if family.parse(each.text) is None:
            return Scored(0.0, "no_scene_stated")
        if self.against == "own":
            answer = self.form.parse(each.rollout.response).answer
            if answer is None:
                return Scored(0.0, "no_answer")
            value = self._solving.check(family, each.text, answer)
            return Scored(0.0, "unsolved") if value is None else Scored(value)
        solution = self._solving.solve(family, each.text)
        if solution is None:
            return Scored(0.0, "unsolved")
        verdict = rule(solution, _task(each.rollout.example))
        if verdict is None:
            return Scored(None, "no_exact_rung", applies=False)
        return Scored(verdict.score, verdict.reason, applies=verdict.score is not None)


def _task(example: Example) -> Example:
    """The example, with its answer checked as the solution of its scene; a twin's would be checked as a description."""
    checker = example.answer.checker
    assert checker is not None  # by `family_of`
    return example.model_copy(
        update={"answer": example.answer.model_copy(update={"checker": checker.model_copy(update={"name": "family"})})}
    )
