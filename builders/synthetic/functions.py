"""Plots of functions: lines, parabolas and V shapes on a grid, with two points of each marked.

A scene is what the plot shows: the scale of the axes, and each curve by its shape and its marked points, which stand on
the grid. They decide the curve, so its values follow. The facts:

    axes from -6 to 6
    f: line through (-2, 1) and (3, -4)
    g: parabola with vertex (1, -2) through (3, 2)
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from typing import ClassVar, Self

from pydantic import model_validator

from perceptdata.plugins import Plugin

from .canvas import Canvas
from .claims import judge
from .functions_picture import draw
from .functions_plot import CurveKind, Plot, all_curves
from .functions_text import RULES, read, state
from .functions_work import TEMPLATES
from .tasked import TaskedBuilder, TaskedFamily


class FunctionsOptions(Plugin):
    """Which plots: shapes of curves, how many curves, and what a grid line may be worth."""

    curves: tuple[CurveKind, ...] = ("line", "parabola", "v")
    count: tuple[int, int] = (1, 2)
    scales: tuple[int, ...] = (1, 2, 5)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not self.curves or len(set(self.curves)) < len(self.curves):
            raise ValueError("curves are some of line, parabola, v, each once")
        if not 1 <= self.count[0] <= self.count[1] <= 2:
            raise ValueError("count is a range from 1 to 2")
        if not self.scales or not all(1 <= scale <= 50 for scale in self.scales):
            raise ValueError("scales are from 1 to 50")
        return self


class Functions(FunctionsOptions, TaskedFamily[Plot, tuple[int, tuple[CurveKind, ...]]]):
    """Lines, parabolas and V shapes on a grid."""

    name: ClassVar[str] = "functions"
    corpus: ClassVar[str] = "functions"
    TEMPLATES = TEMPLATES

    def kinds(self) -> Sequence[tuple[int, tuple[CurveKind, ...]]]:
        """Scales, and shapes of one curve or two."""
        return _kinds(self.scales, self.curves, self.count)

    def size(self, kind: tuple[int, tuple[CurveKind, ...]]) -> int:
        """All curves of the shapes together."""
        size = 1
        for shape in kind[1]:
            size *= len(all_curves(shape))
        return size

    def scene(self, kind: tuple[int, tuple[CurveKind, ...]], number: int, rng: random.Random) -> Plot | None:
        """Curves by number; two that share a point near a mark are not taken."""
        curves = []
        for shape in kind[1]:
            number, at = divmod(number, len(all_curves(shape)))
            curves.append(all_curves(shape)[at])
        if len(curves) == 2:
            for curve, other in (curves, curves[::-1]):
                if any(abs(other.near(x) - y) < 1 for x, y in (curve.one, curve.two)):
                    return None
        return Plot(kind[0], tuple(curves))

    def facts(self, scene: Plot) -> str:
        """See the module."""
        return state(scene)

    def parse(self, text: str) -> Plot | None:
        """See `read`."""
        return read(text)

    def picture(self, scene: Plot, rng: random.Random) -> Canvas:
        """A grid with numbers at every second line, f drawn whole and g in dashes, dots on the marked points."""
        return draw(scene)

    def check_claim(self, text: str, scene: Plot) -> bool | None:
        """See `RULES`."""
        return judge(text, scene, RULES)

    def ask_facts(self, scene: Plot) -> str:
        """The question for the whole plot."""
        return (
            "What does this plot show? State from where to where the axes run, then for each curve whether it is a "
            "line, a parabola or a V shape, and its two marked points; for a parabola and a V shape, the vertex first."
        )


class FunctionsBuilder(FunctionsOptions, TaskedBuilder):
    """Plots as staged examples; see `SyntheticBuilder`."""

    name: ClassVar[str] = "functions"
    corpus: ClassVar[str] = "functions"

    def family(self) -> Functions:
        """The family with this builder's options."""
        options = {field: getattr(self, field) for field in FunctionsOptions.model_fields}
        return Functions(**options, templates=self.templates)


@lru_cache(maxsize=16)
def _kinds(
    scales: tuple[int, ...], shapes: tuple[CurveKind, ...], count: tuple[int, int]
) -> tuple[tuple[int, tuple[CurveKind, ...]], ...]:
    return tuple(
        (scale, curves)
        for scale in scales
        for curves_ in range(count[0], count[1] + 1)
        for curves in product(shapes, repeat=curves_)
    )
