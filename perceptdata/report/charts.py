"""The page's charts, as inline SVG pictures that need no script.

    bars([Bar("NLVR", (Part("perception", 120), Part("visual_reasoning", 40)), "160")], "Examples by source")

Lengths along the x axis are percentages, heights and letters are pixels: a chart fills whatever width it gets and its
letters never shrink. Colours are classes, so that both colour schemes can set them. Each figure is in the picture's
description too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup

from perceptdata.report.holdings import Histogram

THICK, GAP = 14, 12
"""Pixels of a bar, and below it."""
PLOT, AXIS = 150, 26
"""Pixels of a histogram's plot, and of the axis below it."""
SLIVER = 0.4
"""The least width of a part that is not empty, in percent: one rejected row of a million is still seen."""


class Part(NamedTuple):
    """One stretch of a bar: what it is (its colour's class), how much, and how that is said where it is no count."""

    kind: str
    amount: float
    told: str = ""


class Bar(NamedTuple):
    """One horizontal bar: its name, its parts, what is written at its end, and a second line below the name."""

    label: str
    parts: tuple[Part, ...]
    note: str
    detail: str = ""

    @property
    def name(self) -> str:
        """Both lines."""
        return f"{self.label}, {self.detail}" if self.detail else self.label

    @property
    def head(self) -> int:
        """Pixels from the bar's top line to the bar itself."""
        return 42 if self.detail else 24


def bars(rows: Sequence[Bar], about: str, longest: float | None = None) -> Markup:
    """Horizontal stacked bars to one scale; `longest` fills the width (the largest bar unless given)."""
    scale = longest or max((sum(part.amount for part in row.parts) for row in rows), default=0) or 1
    drawn: list[Markup] = []
    top = 0
    for row in rows:
        drawn.append(
            Markup('<text class="label" x="0" y="{}">{}</text><text class="note" x="100%" y="{}">{}</text>').format(
                top + 16, row.label, top + 16, row.note
            )
        )
        if row.detail:
            drawn.append(Markup('<text class="detail" x="0" y="{}">{}</text>').format(top + 34, row.detail))
        at = top + row.head
        drawn.append(Markup('<rect class="rail" x="0" y="{}" width="100%" height="{}"/>').format(at, THICK))
        drawn += _parts(row, at, scale)
        top = at + THICK + GAP
    told = "; ".join(f"{row.name}: {row.note}" for row in rows)
    return _picture(drawn, max(top - GAP, 0) + 2, f"{about}. {told}")


def _parts(row: Bar, top: int, scale: float) -> Iterable[Markup]:
    at = 0.0
    for kind, amount, told in row.parts:
        if amount:
            width = max(100 * amount / scale, SLIVER)
            title = f"{row.name}, {kind.replace('_', ' ')}: {told or f'{amount:,}'}"
            yield Markup(
                '<rect class="part fill-{}" x="{:.3f}%" y="{}" width="{:.3f}%" height="{}"><title>{}</title></rect>'
            ).format(kind, min(at, 100 - width), top, width, THICK, title)
            at += width


def sliver(kind: str, start: float, amount: float, whole: float, about: str) -> Markup:
    """One bar of a funnel: `amount` of `whole`, standing from `start` on."""
    width = max(100 * amount / whole, SLIVER) if whole and amount else 0.0
    left = min(100 * start / whole, 100 - width) if whole else 0.0
    rects = [
        Markup('<rect class="rail" x="0" y="0" width="100%" height="{}"/>').format(THICK),
        Markup('<rect class="part fill-{}" x="{:.3f}%" y="0" width="{:.3f}%" height="{}"/>').format(
            kind, left, width, THICK
        ),
    ]
    return _picture(rects, THICK, about)


def histogram(lengths: Histogram, about: str) -> Markup:
    """Upright bars with three figures on the axis; the last bar, where open-ended, is set apart by its colour."""
    count = len(lengths.counts)
    tallest = max(lengths.counts) or 1
    step = 100 / count
    drawn = []
    for number, texts in enumerate(lengths.counts):
        height = round(PLOT * texts / tallest, 1) if texts else 0
        if texts and height < 2:
            height = 2
        first, last = number * lengths.width, (number + 1) * lengths.width - 1
        beyond = lengths.open_ended and number == count - 1
        span = f"{first:,} or more" if beyond else f"{first:,} to {last:,}"
        drawn.append(
            Markup(
                '<rect class="part fill-{}" x="{:.3f}%" y="{}" width="{:.3f}%" height="{}"><title>{}</title></rect>'
            ).format(
                "rest" if beyond else "ink",
                number * step,
                PLOT - height,
                step,
                height,
                f"{span} tokens: {texts:,} texts",
            )
        )
    drawn.append(Markup('<line class="axis" x1="0" x2="100%" y1="{0}" y2="{0}"/>').format(PLOT + 0.5))
    middle = count // 2
    ends = f"{lengths.width * (count - 1):,}+" if lengths.open_ended else f"{lengths.width * count:,}"
    marks = [
        ("0", "0", "start"),
        (f"{middle * step:.3f}%", f"{middle * lengths.width:,}", "middle"),
        ("100%", ends, "end"),
    ]
    for x, word, anchor in marks if count > 3 else [marks[0], marks[2]]:
        drawn.append(
            Markup('<text class="tick" x="{}" y="{}" text-anchor="{}">{}</text>').format(x, PLOT + 19, anchor, word)
        )
    return _picture(drawn, PLOT + AXIS, about)


def _picture(drawn: Iterable[Markup], height: int, about: str) -> Markup:
    inside = Markup("").join(drawn)
    return Markup('<svg class="chart" role="img" width="100%" height="{}" aria-label="{}">{}</svg>').format(
        height, about, inside
    )
