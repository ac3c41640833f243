"""Scenes as staged examples: every scene becomes three twins, and more where asked.

    perception   <image> + what does it show          answer: the facts
    visual       <image> + the task                   answer: the solver's; response: facts, trace, answer
    textual      the task with the facts in words     answer: the solver's; response: trace, answer

A family of this folder says how its scenes are counted out (`SyntheticFamily`); `SyntheticBuilder` draws them, split by
split and record by record, as `splits` lays down. Record `i` of a split is seeded by its own name alone, so parts can
be read in any order by any number of workers.
"""

from __future__ import annotations

import hashlib
import random
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from pydantic import NonNegativeInt

from perceptdata.draft import Draft, with_facts
from perceptdata.errors import UsageError
from perceptdata.example import IMAGE, STAGES, Answer, CheckerRef, Stage
from perceptdata.plugins import Builder, Family, Part, Question, Scene
from perceptdata.spans import SEGMENTS, Span, SpanSet

from .canvas import BACKEND, Canvas
from .splits import SPLITS, Split, borders, digest, row_counts, shuffled

GAP = "\n\n"  # between facts, trace and answer; a trace itself has no blank line


class SyntheticFamily(Family[Scene], ABC):
    """A family whose scenes can be dealt out to records without two of them getting the same one.

    A *core* is a scene as far as its canonical text goes: `finish` turns it into a whole scene with the same text.
    """

    @abstractmethod
    def cores(self, row: int, rows: int, key: int, rng: random.Random) -> Iterator[Scene]:
        """Record `row`'s own stream of cores out of `rows` streams; for one `key`, no two streams share a scene."""

    def own_cores(self, row: int, rows: int, key: int, rng: random.Random, share: tuple[int, int]) -> Iterator[Scene]:
        """Those of `cores` whose canonical text has its hash in the split's share of the hash space."""
        start, stop = share
        return (core for core in self.cores(row, rows, key, rng) if start <= digest(self.canonical(core)) < stop)

    @abstractmethod
    def finish(self, core: Scene, rng: random.Random) -> Scene | None:
        """The scene of a core, or None where the core does not qualify."""

    @abstractmethod
    def capacity(self) -> int:
        """How many records `cores` can serve in all without a stream running dry."""

    @abstractmethod
    def listed(self) -> Sequence[Scene] | None:
        """Every core that qualifies, where there are few enough to list; else None."""

    @abstractmethod
    def ground_truth(self, scene: Scene) -> str:
        """The scene and what is wanted of it as JSON, in the shape of the published data sets."""

    @abstractmethod
    def picture(self, scene: Scene, rng: random.Random) -> Canvas:
        """The scene, drawn."""

    def ask_whole(self, scene: Scene, rng: random.Random) -> Question:
        """The question that asks for the facts whole."""
        return self.ask_perception(scene, rng)[0]

    def draw(self, scene: Scene, rng: random.Random) -> bytes:
        """The scene as a PNG file."""
        return self.picture(scene, rng).png()

    def generate(self, rng: random.Random) -> Scene:
        """A random scene; all randomness comes from `rng`."""
        listed = _sorted_by_hash(self)
        if listed is None:
            cores = self.cores(0, 1, rng.getrandbits(64), rng)
        else:
            cores = iter(rng.sample(listed, min(1, len(listed))))
        for core in cores:
            scene = self.finish(core, rng)
            if scene is not None:
                return scene
        raise UsageError(f"{self.name}: these options allow no scene; widen them")


@lru_cache(maxsize=8)
def _sorted_by_hash(family: SyntheticFamily[Any]) -> Sequence[Any] | None:
    cores = family.listed()
    return None if cores is None else sorted(cores, key=lambda core: digest(family.canonical(core)))


class SyntheticBuilder(Builder, ABC):
    """Scenes of one family, drawn, described and solved here. Takes no source.

    `rows` counts records a split; left out, the paper's 4,000 / 16,000 / 500, or as many as exist in that proportion.
    `responses` names the splits whose task twins bring the solver's response. `atomic` adds twins that ask for single
    facts.
    """

    SHARD: ClassVar[int] = 500
    licence: ClassVar[str] = "Apache-2.0"
    stages: ClassVar[tuple[Stage, ...]] = STAGES

    rows: dict[Split, NonNegativeInt] | None = None
    seed: int = 0
    responses: tuple[Split, ...] = ("train_sft",)
    atomic: bool = False

    @abstractmethod
    def family(self) -> SyntheticFamily[Any]:
        """The family with this builder's options."""

    def counts(self) -> dict[Split, int]:
        """Records a split. UsageError where more are asked for than there are scenes."""
        family = self.family()
        cores = _sorted_by_hash(family)
        return row_counts(self.rows, family.capacity() if cores is None else len(cores), self.name)

    def parts(self, source: Path | None) -> Sequence[Part]:
        """Each split in stretches of `SHARD` records."""
        if source is not None:
            raise UsageError(f"{self.name} draws its scenes itself and reads no source; leave out {source}")
        return [
            Part(split=split, start=start, stop=min(start + self.SHARD, rows))
            for split, rows in self.counts().items()
            for start in range(0, rows, self.SHARD)
        ]

    def read(self, part: Part) -> Iterator[Draft]:
        """The twins of every record of one part, record by record."""
        if part.split not in SPLITS:
            raise UsageError(f"{self.name} has the splits {', '.join(SPLITS)}, not '{part.split}'")
        split, family, counts = part.split, self.family(), self.counts()
        for row in range(part.start, counts[split] if part.stop is None else part.stop):
            rng = random.Random(f"{self.version}:{self.name}:{self.seed}:{split}:{row}")
            asking, scene = self._scene(family, counts, split, row, rng)
            yield from self._twins(asking, scene, split, row, rng)

    def _dealt(
        self, family: SyntheticFamily[Any], scene: Any, row: int, rng: random.Random
    ) -> SyntheticFamily[Any] | None:
        """The family as it asks about this record's scene; None where the scene does not serve the record."""
        return family

    def _scene(
        self, family: SyntheticFamily[Any], counts: Mapping[Split, int], split: Split, row: int, rng: random.Random
    ) -> tuple[SyntheticFamily[Any], Any]:
        """What is asked of record `row`, and its scene: see `splits` for why no other record has it."""
        key = digest(f"{self.version}:{self.name}:{self.seed}:{split}")
        listed = _sorted_by_hash(family)
        if listed is not None:
            start, stop = borders(counts, len(listed))[split]
            cores: Iterator[Any] = iter([listed[start + shuffled(row, stop - start, key)]])
        else:
            cores = family.own_cores(row, counts[split], key, rng, borders(counts, 1 << 64)[split])
        for core in cores:
            scene = family.finish(core, rng)
            asking = None if scene is None else self._dealt(family, scene, row, rng)
            if asking is not None:
                return asking, scene
        raise UsageError(f"{self.name}: record {split}/{row} found no scene of its own; ask for fewer rows")

    def _twins(
        self, family: SyntheticFamily[Any], scene: Any, split: Split, row: int, rng: random.Random
    ) -> Iterator[Draft]:
        facts = family.facts(scene)
        solution = family.solve(scene, rng)
        image = family.draw(scene, rng)
        questions = family.ask_perception(scene, rng) if self.atomic else [family.ask_whole(scene, rng)]
        task = family.ask(scene)
        told = split in self.responses
        boxed = f"\\boxed{{{solution.answer}}}"
        scored_by = CheckerRef(name="family", args=_family_args(family))
        meta = {"ground_truth": family.ground_truth(scene)}
        common: dict[str, Any] = {
            "key": str(row),
            "split": split,
            "group": f"{self.name}/{hashlib.sha256(family.canonical(scene).encode()).hexdigest()[:16]}",
            "facts": facts,
            "facts_quality": "oracle",
        }
        drawn: dict[str, Any] = common | {"images": (image,), "meta": meta | {"drawn_by": BACKEND}}
        solved = Answer(text=solution.answer, kind="structure", checker=scored_by)
        for question in questions:
            yield Draft(
                stage="perception",
                twin=question.twin,
                question=IMAGE + question.text,
                choices=question.choices,
                answer=_answer(question),
                **drawn,
            )
        yield Draft(
            stage="visual_reasoning",
            twin="visual",
            question=IMAGE + task,
            answer=solved,
            **_response(told, (facts, "description"), (solution.trace, "think"), (boxed, "answer")),
            **drawn,
        )
        yield Draft(
            stage="textual_reasoning",
            twin="textual",
            question=with_facts(task, facts),
            answer=solved,
            meta=meta,
            **_response(told, (solution.trace, "think"), (boxed, "answer")),
            **common,
        )


def facts_checker(family: SyntheticFamily[Any]) -> CheckerRef:
    """The checker of a question that asks for the facts whole."""
    return CheckerRef(name="family_perception", args=_family_args(family))


def _family_args(family: SyntheticFamily[Any]) -> dict[str, Any]:
    """Names the family for a checker. Only options that differ from the defaults: they change how a text is read."""
    changed = family.model_dump(mode="json", exclude_defaults=True)
    return {"family": family.name} | ({"family_options": changed} if changed else {})


def _answer(question: Question) -> Answer:
    index = question.choices.index(question.answer) if question.choices else None
    return Answer(text=question.answer, kind=question.kind, index=index, checker=question.checker)


def _response(told: bool, *segments: tuple[str, str]) -> dict[str, Any]:
    """The segments as one response with its gold spans; nothing where the split brings none."""
    if not told:
        return {}
    spans, at = [], 0
    for text, label in segments:
        spans.append(Span(at, at + len(text), label))
        at += len(text) + len(GAP)
    response = GAP.join(text for text, _ in segments)
    return {"response": response, "spans": {"response": SpanSet.of(spans, SEGMENTS, "solver")}}
