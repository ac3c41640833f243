"""Curves over the steps of a run, as inline SVG pictures that need no script.

    curves((1, 2, 3), [Curve("perception", "perception", (0.9, None, 0.4))], "Loss")

Places along the x axis are shares of the width, so a chart fills what it gets; lines keep their thickness. Values that
are missing leave a gap. What stands at a step is told where the pointer rests, and the last values in the description.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from markupsafe import Markup

PLOT, TOP, AXIS = 130, 20, 24
"""Pixels of the plot, and of what is written above and below it."""
WIDTH = 1000
"""Units of the plot's width."""
POINTS, COLUMNS = 300, 60
"""A longer curve is drawn as the means of so many stretches, and told in so many."""


class Curve(NamedTuple):
    """One line: its name, what it is (its colour's class), and a value a step, None where there is none."""

    name: str
    kind: str
    values: tuple[float | None, ...]

    @property
    def last(self) -> float | None:
        """The last value there is."""
        return next((value for value in reversed(self.values) if value is not None), None)


def curves(steps: Sequence[int], lines: Sequence[Curve], about: str) -> Markup:
    """The lines over one y axis, from the least of their values to the greatest. Each has one value at least."""
    known = [value for line in lines for value in line.values if value is not None]
    low, high = min(known), max(known)
    drawn = [
        Markup('<line class="axis" x1="0" x2="100%" y1="{0}" y2="{0}"/>').format(TOP - 0.5),
        Markup('<line class="axis" x1="0" x2="100%" y1="{0}" y2="{0}"/>').format(TOP + PLOT + 0.5),
        Markup('<svg x="0" y="{}" width="100%" height="{}" viewBox="0 0 {} {}" preserveAspectRatio="none">').format(
            TOP, PLOT, WIDTH, PLOT
        ),
    ]
    for line in lines:
        drawn.append(
            Markup('<path class="line line-{}" d="{}"/>').format(line.kind, _path(steps, line.values, low, high))
        )
    drawn.append(Markup("</svg>"))
    drawn += _told(steps, lines)
    ticks = [
        ("0", TOP - 6, "start", figure(high)),
        ("0", TOP + PLOT + 17, "start", figure(low)),
        ("100%", TOP + PLOT + 17, "end", f"steps {steps[0]:,} to {steps[-1]:,}"),
    ]
    for x, y, anchor, word in ticks:
        drawn.append(Markup('<text class="tick" x="{}" y="{}" text-anchor="{}">{}</text>').format(x, y, anchor, word))
    said = "; ".join(f"{line.name}: {figure(line.last)} at last" for line in lines if line.last is not None)
    label = f"{about}, steps {steps[0]:,} to {steps[-1]:,}. {said}"
    return Markup('<svg class="chart curves" role="img" width="100%" height="{}" aria-label="{}">{}</svg>').format(
        TOP + PLOT + AXIS, label, Markup("").join(drawn)
    )


def figure(value: float) -> str:
    """As many digits as a glance takes in."""
    if value and not 1e-3 <= abs(value) < 1e6:
        return f"{value:.2e}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _path(steps: Sequence[int], values: Sequence[float | None], low: float, high: float) -> str:
    """Strokes from gap to gap; a value that stands alone is a dot."""
    words: list[str] = []
    pen_down = False
    for start, end in _stretches(len(steps), POINTS):
        there = [value for value in values[start:end] if value is not None]
        if not there:
            pen_down = False
            continue
        mean = sum(there) / len(there)
        x = WIDTH * _share((steps[start] + steps[end - 1]) / 2, steps[0], steps[-1])
        y = PLOT * (1 - _share(mean, low, high))
        words.append(f"{'L' if pen_down else 'M'}{x:.1f} {y:.1f}{'' if pen_down else 'h0'}")
        pen_down = True
    return "".join(words)


def _told(steps: Sequence[int], lines: Sequence[Curve]) -> Iterator[Markup]:
    for start, end in _stretches(len(steps), COLUMNS):
        left, right = (_share(at, 0, len(steps)) for at in (start, end))
        where = f"step {steps[start]:,}" if end - start == 1 else f"steps {steps[start]:,} to {steps[end - 1]:,}"
        said = []
        for line in lines:
            there = [value for value in line.values[start:end] if value is not None]
            if there:
                said.append(f"{line.name} {figure(sum(there) / len(there))}")
        yield Markup(
            '<rect class="told" x="{:.2f}%" y="{}" width="{:.2f}%" height="{}"><title>{}</title></rect>'
        ).format(100 * left, TOP, 100 * (right - left), PLOT, f"{where}: {', '.join(said) or 'nothing'}")


def _stretches(count: int, most: int) -> Iterator[tuple[int, int]]:
    """`count` places in at most `most` stretches of like length."""
    parts = min(count, most)
    for part in range(parts):
        yield count * part // parts, count * (part + 1) // parts


def _share(at: float, first: float, last: float) -> float:
    return (at - first) / (last - first) if last > first else 0.5
