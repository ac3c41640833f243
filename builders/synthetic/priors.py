"""Pictures that agree with what everybody knows, and pictures that do not: the counter-prior test of ViLP.

A large thing, and small ones beside it. What is asked of the large one can be guessed: how many legs a spider has, what
colour a banana is. Each record is three scenes with one question: in the first the guess is right, in the other two it
is wrong. `meta.prior` of their visual and textual twins says so (`aligned`, `counter`, `counter`), and `meta.guess` is
the guess. Accuracy on the first is ViLP's Prior, on the others its Score (arXiv 2606.19120, Table 2). The scheme is
ViLP's, pictures and words are ours.

The three are one group, so that no split parts them, and share all but the large thing's value. Small things have
values by chance, usual or not. The facts:

    large spider: 7 legs
    banana: blue
    clock: 3 at the top
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import combinations
from typing import Any, ClassVar

from pydantic import Field

from perceptdata.draft import Draft
from perceptdata.plugins import Plugin

from .builder import SyntheticFamily
from .canvas import Canvas
from .claims import judge
from .priors_picture import draw
from .priors_text import RULES, read, state
from .priors_things import NAMES, THINGS, Seen, Still
from .priors_work import TEMPLATES
from .splits import Split
from .tasked import Case, TaskedBuilder, TaskedFamily, Template, digits

VALUES, COUNTERS = 4, 2


class PriorsOptions(Plugin):
    """How many small things stand `beside` the large one. With `told`, the question opens with what is usual (ViLP-F);
    without, it is asked alone (ViLP-P).
    """

    beside: int = Field(3, ge=1, le=3)
    told: bool = False


class Priors(PriorsOptions, TaskedFamily[Still, str]):
    """Usual and unusual things. Scenes that are generated are usual; `others` are the rest of a record."""

    name: ClassVar[str] = "priors"
    corpus: ClassVar[str] = "priors"
    TEMPLATES = TEMPLATES

    def kinds(self) -> Sequence[str]:
        """The large things."""
        return NAMES

    def size(self, kind: str) -> int:
        """The small things with their values."""
        return len(_chosen(kind, self.beside)) * VALUES**self.beside

    def scene(self, kind: str, number: int, rng: random.Random) -> Still | None:
        """The large thing as usual, the small ones by number."""
        values, place = number % VALUES**self.beside, number // VALUES**self.beside
        names = _chosen(kind, self.beside)[place]
        shown = zip(names, digits(values, VALUES, self.beside, rng), strict=True)
        return Still(Seen(kind, THINGS[kind].usual), tuple(Seen(name, THINGS[name].values[at]) for name, at in shown))

    def others(self, scene: Still) -> list[Still]:
        """The same with each unusual value of the large thing."""
        name = scene.main.thing
        return [scene._replace(main=Seen(name, value)) for value in THINGS[name].values[1:]]

    def canonical(self, scene: Still) -> str:
        """The facts without the large thing's value: what a record's scenes have in common, and no other record's."""
        return self.facts(scene._replace(main=Seen(scene.main.thing, THINGS[scene.main.thing].usual)))

    def facts(self, scene: Still) -> str:
        """See the module."""
        return state(scene)

    def parse(self, text: str) -> Still | None:
        """See `priors_text.read`."""
        return read(text)

    def picture(self, scene: Still, rng: random.Random) -> Canvas:
        """See `priors_picture`."""
        return draw(scene)

    def check_claim(self, text: str, scene: Still) -> bool | None:
        """See `priors_text.RULES`."""
        return judge(text, scene, RULES)

    def ask(self, scene: Still) -> str:
        """The task in words, with what is usual before it if that is `told`."""
        words = super().ask(scene)
        if not self.told:
            return words
        thing = THINGS[scene.main.thing]
        article = "An" if thing.name[0].casefold() in "aeiou" else "A"
        return f"{thing.told(f'{article} {thing.name} usually', thing.usual)} {words}"

    def ask_facts(self, scene: Still) -> str:
        """The question for all that is shown."""
        return (
            "Name the large thing and the small ones. Of what has legs, arms, leaflets, strings, wheels, sails, eyes "
            "or rings, how many; of a chess board, how many squares along a side; of a clock or a compass, what stands "
            "at the top; of a traffic light, the colour of the lamp at the top; of a rainbow, that of the outermost "
            "band; of a stop sign, its shape; of anything else, its colour."
        )

    def offer(
        self, template: Template[Still], scene: Still, rng: random.Random
    ) -> tuple[Case, tuple[str, ...], int] | None:
        """A case with all that its record may show as choices: the same ones in the same order for all its scenes."""
        cases = template.cases(scene)
        if not cases:
            return None
        case = rng.choice(cases)
        worked, name = template.work(scene, *case), str(case[0])
        shown = [scene, *([] if name != scene.main.thing else [*self.others(scene), self._usual(scene)])]
        found = (template.work(each, *case) for each in shown)
        answers = {each.answer for each in found if each is not None}
        if name != scene.main.thing:
            answers |= set(THINGS[name].values)
        if worked is None or len(answers) < VALUES:
            return None
        choices = tuple(rng.sample(sorted(answers), len(answers)))
        return case, choices, choices.index(worked.answer)

    @staticmethod
    def _usual(scene: Still) -> Still:
        return scene._replace(main=Seen(scene.main.thing, THINGS[scene.main.thing].usual))


class PriorsBuilder(PriorsOptions, TaskedBuilder):
    """Three scenes a record, each with its twins; those of the second and third end in `-counter1` and `-counter2`."""

    name: ClassVar[str] = "priors"
    corpus: ClassVar[str] = "priors"

    def family(self) -> Priors:
        """The family with this builder's options."""
        options = {field: getattr(self, field) for field in PriorsOptions.model_fields}
        return Priors(**options, templates=self.templates)

    def _twins(
        self, family: SyntheticFamily[Any], scene: Any, split: Split, row: int, rng: random.Random
    ) -> Iterator[Draft]:
        assert isinstance(family, Priors)
        guess: dict[str, str] = {}
        counters = rng.sample(family.others(scene), COUNTERS)
        seed = rng.getrandbits(64)  # one for all three: they ask the same, and offer the same choices
        for number, shown in enumerate([scene, *counters]):
            prior, end = ("counter", f"-counter{number}") if number else ("aligned", "")
            for draft in super()._twins(family, shown, split, row, random.Random(seed)):
                if not str(draft.twin).startswith("perception"):
                    said = guess.setdefault(str(draft.twin), draft.answer.text)
                    draft = replace(draft, meta={**draft.meta, "prior": prior, "guess": said})
                yield replace(draft, twin=f"{draft.twin}{end}")


@lru_cache(maxsize=len(NAMES) * 3)
def _chosen(kind: str, count: int) -> tuple[tuple[str, ...], ...]:
    return tuple(combinations(sorted(name for name in NAMES if name != kind), count))
