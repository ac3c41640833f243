"""Instruments: clocks, dial gauges and a ruler with bars on it, four to a picture, to be read and calculated with.

All values stand on a tick, or half way between two, and ticks are at least 8 pixels apart. The facts:

    clock A: 4:35            gauges with a scale from 0 to 100        ruler of 10 cm
    clock B: 11:05           gauge A: 35                              bar A: from 1.5 to 6
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations
from typing import ClassVar, Literal, NamedTuple, Self

from pydantic import model_validator

from perceptdata.plugins import Plugin

from .canvas import Canvas
from .claims import judge
from .gauges_picture import draw
from .gauges_text import HALF_DAY, RULER, RULES, TICKS, Panel, read, state
from .gauges_work import TEMPLATES
from .tasked import TaskedBuilder, TaskedFamily, digits, span

SCALES = ((0, 10), (0, 20), (0, 50), (0, 100), (0, 200), (20, 120), (-50, 50))

Instrument = Literal["clock", "gauge", "ruler"]


class _Kind(NamedTuple):
    kind: Instrument
    low: int
    high: int


class GaugesOptions(Plugin):
    """Which instruments, how many in a picture, and whether clocks show single minutes instead of fives."""

    instruments: tuple[Instrument, ...] = ("clock", "gauge", "ruler")
    count: int = 4
    minutes: bool = False

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not self.instruments or len(set(self.instruments)) < len(self.instruments):
            raise ValueError("instruments are some of clock, gauge, ruler, each once")
        if not 2 <= self.count <= 4:
            raise ValueError("count is 2 to 4")
        return self


class Gauges(GaugesOptions, TaskedFamily[Panel, _Kind]):
    """Clocks, gauges, and bars on a ruler."""

    name: ClassVar[str] = "gauges"
    corpus: ClassVar[str] = "gauges"
    TEMPLATES = TEMPLATES

    def kinds(self) -> Sequence[_Kind]:
        """The instruments; gauges with each scale."""
        return _kinds(self.instruments)

    def size(self, kind: _Kind) -> int:
        """All readings together."""
        return span(self._readings(kind.kind), self.count)

    def _readings(self, kind: str) -> int:
        return {"clock": HALF_DAY if self.minutes else HALF_DAY // 5, "gauge": TICKS + 1}.get(kind, len(_bars()))

    def scene(self, kind: _Kind, number: int, rng: random.Random) -> Panel | None:
        """Readings by number; none twice in a picture."""
        found = digits(number, self._readings(kind.kind), self.count, rng)
        if len(set(found)) < len(found):
            return None
        if kind.kind == "clock":
            return Panel("clock", 0, 0, tuple((minutes * (1 if self.minutes else 5),) for minutes in found))
        if kind.kind == "ruler":
            return Panel("ruler", 0, 0, tuple(_bars()[bar] for bar in found))
        return Panel("gauge", kind.low, kind.high, tuple((tick,) for tick in found))

    def facts(self, scene: Panel) -> str:
        """See the module."""
        return state(scene)

    def parse(self, text: str) -> Panel | None:
        """See `gauges_text.read`."""
        return read(text)

    def picture(self, scene: Panel, rng: random.Random) -> Canvas:
        """See `gauges_picture`."""
        if scene.kind == "gauge":
            shown = [(reading[0] / TICKS, 0.0) for reading in scene.readings]
            step = (scene.high - scene.low) / (TICKS / 2)
            return draw("gauge", shown, [f"{scene.low + at * step:g}" for at in range(TICKS // 2 + 1)])
        if scene.kind == "ruler":
            return draw("ruler", [(one / RULER, two / RULER) for one, two in scene.readings], [])
        return draw("clock", [(reading[0] / HALF_DAY, reading[0] % 60 / 60) for reading in scene.readings], [])

    def check_claim(self, text: str, scene: Panel) -> bool | None:
        """See `gauges_text.RULES`."""
        return judge(text, scene, RULES)

    def ask_facts(self, scene: Panel) -> str:
        """The question for all readings."""
        return {
            "clock": "What time does each of these clocks show?",
            "gauge": "From where to where does the scale of these gauges run, and what does each read?",
            "ruler": "How long is this ruler, and from which mark to which does each bar reach?",
        }[scene.kind]


class GaugesBuilder(GaugesOptions, TaskedBuilder):
    """Instruments as staged examples; see `SyntheticBuilder`."""

    name: ClassVar[str] = "gauges"
    corpus: ClassVar[str] = "gauges"

    def family(self) -> Gauges:
        """The family with this builder's options."""
        options = {field: getattr(self, field) for field in GaugesOptions.model_fields}
        return Gauges(**options, templates=self.templates)


@lru_cache(maxsize=8)
def _kinds(instruments: tuple[Instrument, ...]) -> tuple[_Kind, ...]:
    found: list[_Kind] = []
    for kind in instruments:
        found += [_Kind(kind, *scale) for scale in SCALES] if kind == "gauge" else [_Kind(kind, 0, 0)] * len(SCALES)
    return tuple(found)


@lru_cache(maxsize=1)
def _bars() -> tuple[tuple[int, int], ...]:
    return tuple((one, two) for one, two in combinations(range(RULER + 1), 2) if two - one >= 2)
