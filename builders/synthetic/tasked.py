"""Families of which many things can be asked: the scene is what is seen, the task is an option of the family.

    family = Charts(task=("difference", "Mon", "Fri"))      # what a checker's arguments name
    family.ask(scene)      "By how much do Mon and Fri differ?"
    family.solve(scene, rng).answer      "12"

A kind of question is a `Template`: it lists its cases in a scene, words one, and works one out, or says that the scene
does not decide it (a tie that nobody could see, a division that does not come out). From that follows what keeps a
question from being answered without looking:

- *tasks* whose answers are few (`Template.answers`) are dealt out evenly: record by record each answer in turn, and a
  scene that cannot have it is not taken;
  the same goes for words of the question that would give a hint (`Template.frames`: few things fit "red objects", more
  fit "small objects"): each goes with each answer equally often;
- *choices* are answers to several cases of one template in the same scene, of which one is then drawn to be asked. All
  of them are true of the scene, and which is right cannot be told from them: they were drawn alike.

Scenes are numbered within their kind (`kinds`, `size`, `scene`), so that records can be dealt disjoint ones; see
`splits`. Different numbers of a kind must give different scenes.
"""

from __future__ import annotations

import json
import math
import random
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Generic, Self, TypeVar

from perceptdata.answers.notation import plain
from perceptdata.answers.numbers import agree, quantity
from perceptdata.draft import Draft
from perceptdata.errors import UsageError
from perceptdata.example import IMAGE, Answer, AnswerKind
from perceptdata.plugins import Question, Scene, Solution

from .builder import SyntheticBuilder, SyntheticFamily, facts_checker
from .splits import Split, digest, shuffled

Task = tuple[str | int, ...]
Case = tuple[str | int, ...]
Kind = TypeVar("Kind", bound=Hashable)

YES_NO = ("yes", "no")
CHOICES = 4
_SPARE = 64  # candidates a record may need
_LOOKS = 40  # cases that are looked at for one that fits


def same_text(said: str, gold: str) -> bool:
    """Case, space and the closing full stop do not matter."""
    return plain(said) == plain(gold)


def same_number(said: str, gold: str) -> bool:
    """The same number; a unit may stand with it or not."""
    ours, theirs = quantity(said), quantity(gold)
    if ours is None or theirs is None:
        return False
    return agree(ours, theirs, ours.unit or theirs.unit, None) is None


_SAME: dict[AnswerKind, Callable[[str, str], bool]] = {"number": same_number}


@dataclass(frozen=True, slots=True)
class Template(Generic[Scene]):
    """A kind of question about scenes.

    `cases(scene)` lists arguments; `words(*case)` is the question; `work(scene, *case)` its answer with the reasoning,
    or None where the scene does not decide it. `answers` are all answers, where they are few. `looks`: looking alone
    answers it. `same(said, gold)` compares answers where their kind does not say how. `frame(scene, *case)` is one of
    `frames`: what of the case could hint at the answer.
    """

    name: str
    words: Callable[..., str]
    cases: Callable[[Scene], Sequence[Case]]
    work: Callable[..., Solution | None]
    answers: tuple[str, ...] = ()
    kind: AnswerKind = "text"
    looks: bool = False
    same: Callable[[str, str], bool] | None = None
    frames: tuple[Hashable, ...] = ()
    frame: Callable[..., Hashable] | None = None

    def framed(self, scene: Scene, frame: Hashable | None) -> Sequence[Case]:
        """The cases in one frame; all of them where there are no frames."""
        cases = self.cases(scene)
        return cases if self.frame is None else [case for case in cases if self.frame(scene, *case) == frame]

    def agrees(self, said: str, gold: str) -> bool:
        """Whether both are one answer."""
        return (self.same or _SAME.get(self.kind, same_text))(said, gold)


class TaskedFamily(SyntheticFamily[Scene], Generic[Scene, Kind]):
    """Scenes and the templates of what can be asked of them.

    `task` is a template's name and its arguments; left out, each scene has one that its own text decides. `templates`
    names those that tasks are made from, of those that take more than looking.
    """

    TEMPLATES: ClassVar[tuple[Template[Any], ...]]

    task: Task | None = None
    templates: tuple[str, ...] | None = None

    @abstractmethod
    def kinds(self) -> Sequence[Kind]:
        """The kinds of scenes that these options allow."""

    @abstractmethod
    def size(self, kind: Kind) -> int:
        """How many numbers a kind has."""

    @abstractmethod
    def scene(self, kind: Kind, number: int, rng: random.Random) -> Scene | None:
        """A scene that this number tells from all others of its kind; None where it has none."""

    def cores(self, row: int, rows: int, key: int, rng: random.Random) -> Iterator[Scene]:
        """A random kind each time, then the next of the record's own scenes of that kind."""
        return (scene for scene, _ in self._walk(row, rows, key, rng, None))

    def own_cores(self, row: int, rows: int, key: int, rng: random.Random, share: tuple[int, int]) -> Iterator[Scene]:
        """See `SyntheticFamily.own_cores`; of other splits no scene is made where `ahead` says so."""
        start, stop = share
        for scene, known in self._walk(row, rows, key, rng, share):
            if known or start <= digest(self.canonical(scene)) < stop:
                yield scene

    def ahead(self, kind: Kind, number: int) -> str | None:
        """What the scenes of a number have in common and no others have, in words, where that is known before one is
        made: its hash then decides the split in place of the canonical text's. It must not depend on options.
        """
        return None

    def _walk(
        self, row: int, rows: int, key: int, rng: random.Random, share: tuple[int, int] | None
    ) -> Iterator[tuple[Scene, bool]]:
        """Scenes, each with whether it is known to be in the share."""
        kinds = list(self.kinds())
        number = dict.fromkeys(kinds, row)
        while kinds:
            kind = rng.choice(kinds)
            size = self.size(kind)
            if number[kind] >= size:
                kinds.remove(kind)
                continue
            place = shuffled(number[kind], size, key)
            number[kind] += rows
            part = self.ahead(kind, place) if share else None
            if share and part is not None and not share[0] <= digest(part) < share[1]:
                continue
            scene = self.scene(kind, place, rng)
            if scene is not None:
                yield scene, part is not None

    def finish(self, core: Scene, rng: random.Random) -> Scene | None:
        """The scene as it is."""
        return core

    def capacity(self) -> int:
        """A 64th of all numbers."""
        return sum(self.size(kind) for kind in self.kinds()) // _SPARE

    def listed(self) -> Sequence[Scene] | None:
        """Never listed: there are many scenes, or too many."""
        return None

    def canonical(self, scene: Scene) -> str:
        """The facts: what is seen is the scene."""
        return self.facts(scene)

    def ground_truth(self, scene: Scene) -> str:
        """`{"task": […], "answer": "…", "facts": "…"}`."""
        template, case = self._asked(scene)
        answer = self._worked(template, scene, case).answer
        return json.dumps({"task": [template.name, *case], "answer": answer, "facts": self.facts(scene)})

    def ask(self, scene: Scene) -> str:
        """The task in words."""
        template, case = self._asked(scene)
        return template.words(*case)

    def solve(self, scene: Scene, rng: random.Random) -> Solution:
        """The task's answer and the reasoning to it. UsageError where the scene does not decide it."""
        template, case = self._asked(scene)
        return self._worked(template, scene, case)

    def check(self, answer: str, scene: Scene, dense: bool = False) -> float:
        """1.0 iff it is the task's answer; there is no partial credit."""
        template, case = self._asked(scene)
        return float(template.agrees(answer, self._worked(template, scene, case).answer))

    def check_perception(self, text: str, scene: Scene, dense: bool = False) -> float:
        """1.0 iff the text states exactly the scene. Dense: F1 of the lines of the facts."""
        stated = self.parse(text)
        if stated is None:
            return 0.0
        if not dense or stated == scene:
            return float(stated == scene)
        ours, theirs = (Counter(self.facts(each).splitlines()) for each in (stated, scene))
        return 2 * (ours & theirs).total() / (ours.total() + theirs.total())

    def ask_perception(self, scene: Scene, rng: random.Random) -> list[Question]:
        """The facts whole, then a question of each template that looking answers."""
        questions = [self.ask_whole(scene, rng)]
        for template in self.TEMPLATES:
            asked = self.offer(template, scene, rng) if template.looks else None
            if asked is not None:
                case, choices, right = asked
                twin = f"perception-{template.name}"
                questions.append(Question(twin, template.words(*case), choices[right], "choice", choices))
        return questions

    def ask_whole(self, scene: Scene, rng: random.Random) -> Question:
        """The question that asks for the facts whole."""
        checker = facts_checker(self)
        return Question("perception", self.ask_facts(scene), self.facts(scene), "structure", checker=checker)

    @abstractmethod
    def ask_facts(self, scene: Scene) -> str:
        """The question that asks for the facts whole, and says how places and values are named."""

    def dealt(self, scene: Scene, row: int, rng: random.Random) -> Self | None:
        """The family with the task of record `row` set: each template in turn, and of its answers each in turn."""
        names = self._reasoning
        template = names[row % len(names)]
        turn = row // len(names)
        wanted = template.answers[turn % len(template.answers)] if template.answers else None
        turn //= len(template.answers) or 1
        frame = template.frames[turn % len(template.frames)] if template.frames else None
        case = self._pick(template, scene, wanted, frame, rng)
        return None if case is None else self.model_copy(update={"task": (template.name, *case)})

    def offer(
        self, template: Template[Scene], scene: Scene, rng: random.Random
    ) -> tuple[Case, tuple[str, ...], int] | None:
        """A case with choices, and which is right: other answers that are as true of this scene, or yes and no."""
        frame = rng.choice(template.frames) if template.frames else None
        if template.answers == YES_NO:
            both = [self._pick(template, scene, answer, frame, rng) for answer in YES_NO]
            right = rng.randrange(2)
            case = both[right]
            return None if case is None or None in both else (case, YES_NO, right)
        found: dict[str, Case] = {}
        for case in _some(template.framed(scene, frame), rng):
            worked = template.work(scene, *case)
            if worked is not None and not any(template.agrees(worked.answer, other) for other in found):
                found[worked.answer] = case
            if len(found) == CHOICES:
                break
        if len(found) < 2:
            return None
        choices = rng.sample(sorted(found), len(found))
        right = rng.randrange(len(choices))
        return found[choices[right]], tuple(choices), right

    def offered(self, scene: Scene, rng: random.Random) -> tuple[str, tuple[str, ...], int] | None:
        """A question that takes more than looking, with choices: its words, the choices, and which is right."""
        for template in rng.sample(self._reasoning, len(self._reasoning)):
            asked = self.offer(template, scene, rng)
            if asked is not None:
                return template.words(*asked[0]), asked[1], asked[2]
        return None

    @cached_property
    def _reasoning(self) -> tuple[Template[Scene], ...]:
        known = {template.name: template for template in self.TEMPLATES if not template.looks}
        wrong = [name for name in self.templates or () if name not in known]
        if wrong or self.templates == ():
            said = f"'{wrong[0]}'" if wrong else "none"
            raise UsageError(f"{self.name}: templates are {', '.join(known)}, not {said}")
        return tuple(known[name] for name in self.templates or known)

    def _asked(self, scene: Scene) -> tuple[Template[Scene], Case]:
        """The task's template and arguments."""
        if self.task is None:
            return self._own_task(scene)
        named = next((template for template in self.TEMPLATES if template.name == self.task[0]), None)
        if named is None:
            raise UsageError(f"{self.name}: there is no task '{self.task[0]}'")
        return named, self.task[1:]

    def _own_task(self, scene: Scene) -> tuple[Template[Scene], Case]:
        rng = random.Random(self.canonical(scene))
        for template in rng.sample(self._reasoning, len(self._reasoning)):
            frame = rng.choice(template.frames) if template.frames else None
            case = self._pick(template, scene, None, frame, rng)
            if case is not None:
                return template, case
        raise UsageError(f"{self.name}: nothing can be asked of this scene")

    def _worked(self, template: Template[Scene], scene: Scene, case: Case) -> Solution:
        worked = template.work(scene, *case)
        if worked is None:
            raise UsageError(f"{self.name}: the scene does not decide {template.name} {case}")
        return worked

    @staticmethod
    def _pick(
        template: Template[Scene], scene: Scene, wanted: str | None, frame: Hashable | None, rng: random.Random
    ) -> Case | None:
        """A case that the scene decides, with the answer that is wanted."""
        for case in _some(template.framed(scene, frame), rng):
            worked = template.work(scene, *case)
            if worked is not None and wanted in (None, worked.answer):
                return case
        return None


class TaskedBuilder(SyntheticBuilder):
    """Scenes of a family with tasks. `choices` adds a twin that asks with four choices, all true of the scene."""

    templates: tuple[str, ...] | None = None
    choices: bool = False

    def _dealt(
        self, family: SyntheticFamily[Any], scene: Any, row: int, rng: random.Random
    ) -> SyntheticFamily[Any] | None:
        assert isinstance(family, TaskedFamily)
        return family.dealt(scene, row, rng)

    def _twins(
        self, family: SyntheticFamily[Any], scene: Any, split: Split, row: int, rng: random.Random
    ) -> Iterator[Draft]:
        seen = None
        for draft in super()._twins(family, scene, split, row, rng):
            seen = draft if draft.twin == "visual" else seen
            yield draft
        assert isinstance(family, TaskedFamily)
        asked = family.offered(scene, rng) if self.choices else None
        if asked is not None and seen is not None:
            words, choices, right = asked
            answer = Answer(text=choices[right], kind="choice", index=right)
            yield replace(
                seen,
                twin="visual-choice",
                question=IMAGE + words,
                choices=choices,
                answer=answer,
                response=None,
                spans={},
                meta={"drawn_by": seen.meta["drawn_by"]},
            )


def span(base: int, count: int) -> int:
    """How many numbers `digits` tells apart: at most 2^62, for `shuffled` mixes no more bits than that."""
    return base ** min(count, int(62 / math.log2(base)))


def digits(number: int, base: int, count: int, rng: random.Random) -> list[int]:
    """`count` digits, the first of them by number, those beyond `span` by chance."""
    found, left = [], span(base, count)
    for _ in range(count):
        number, digit = divmod(number, base) if left > 1 else (0, rng.randrange(base))
        left //= base
        found.append(digit)
    return found


def _some(cases: Sequence[Case], rng: random.Random) -> list[Case]:
    """Some of the cases in random order: enough to find one that fits, few enough to look at."""
    return rng.sample(cases, min(len(cases), _LOOKS))
