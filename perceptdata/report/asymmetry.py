"""The asymmetry plot: what was gained in perception along x, in reasoning along y, a dot a checkpoint or slice.

    asymmetry([("sft", gains[0])])

Above the diagonal reasoning gained more, as post-training is said to do (arXiv 2605.29496). Both axes have one scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from markupsafe import Markup

from perceptdata.diagnosis.gains import Gains
from perceptdata.diagnosis.measures import Paired

PLOT, AXIS = 340, 30
"""Pixels of the plot, and below it."""


def asymmetry(named: Sequence[tuple[str, Gains]], joined: bool = False) -> Markup | None:
    """The plot; None where perception or reasoning was measured nowhere. `joined` draws the way from nothing gained
    over one checkpoint after the other; else the first dot is the coloured one.
    """
    known = [(name, each.a_p, each.a_r) for name, each in named if each.a_p is not None and each.a_r is not None]
    if not known:
        return None
    ends = [end for _, p, r in known for pair in (p, r) for end in (pair.low, pair.high)]
    low, high = min(0.0, *ends), max(0.0, *ends)
    room = max(0.02, 0.08 * (high - low))
    low, high = low - room, high + room

    def x(value: float) -> float:
        return 100 * (value - low) / (high - low)

    def y(value: float) -> float:
        return PLOT * (1 - (value - low) / (high - low))

    drawn = [
        Markup('<line class="axis" x1="0" x2="100%" y1="{0:.1f}" y2="{0:.1f}"/>').format(y(0)),
        Markup('<line class="axis" x1="{0:.2f}%" x2="{0:.2f}%" y1="0" y2="{1}"/>').format(x(0), PLOT),
        Markup('<line class="diagonal" x1="0" x2="100%" y1="{}" y2="0"/>').format(PLOT),
    ]
    way = [(0.0, 0.0), *((p.difference, r.difference) for _, p, r in known)] if joined else []
    for (left, below), (right, above) in pairwise(way):
        drawn.append(_line("way", (x(left), x(right)), (y(below), y(above))))
    for at, (_, p, r) in reversed(list(enumerate(known))):
        kind, size = ("rest", 4) if at and not joined else ("perception", 7)
        drawn.append(_line(f"reach line-{kind}", (x(p.low), x(p.high)), (y(r.difference), y(r.difference))))
        drawn.append(_line(f"reach line-{kind}", (x(p.difference), x(p.difference)), (y(r.low), y(r.high))))
        drawn.append(
            Markup('<circle class="fill-{}" cx="{:.2f}%" cy="{:.1f}" r="{}"/>').format(
                kind, x(p.difference), y(r.difference), size
            )
        )
    for name, p, r in reversed(known):
        side, shift = ("end", -12) if x(p.difference) > 70 else ("start", 12)
        drawn.append(
            Markup('<text class="label" x="{:.2f}%" y="{:.1f}" dx="{}" text-anchor="{}">{}</text>').format(
                x(p.difference), max(y(r.difference) - 9, 14), shift, side, name
            )
        )
    ticks = (
        ("0", PLOT + 20, "start", f"{_points(low)} points of a_p"),
        ("100%", PLOT + 20, "end", f"{_points(high)} points of a_p"),
        ("4", 14, "start", f"{_points(high)} points of a_r"),
    )
    for x_at, y_at, side, word in ticks:
        drawn.append(
            Markup('<text class="tick" x="{}" y="{}" text-anchor="{}">{}</text>').format(x_at, y_at, side, word)
        )
    told = "; ".join(f"{name}: a_p {p}, a_r {r} points" for name, p, r in known)
    return Markup('<svg class="chart asymmetry" role="img" width="100%" height="{}" aria-label="{}">{}</svg>').format(
        PLOT + AXIS, f"Gain of reasoning against gain of perception. {told}", Markup("").join(drawn)
    )


def rows(each: Gains) -> list[tuple[str, str, Paired]]:
    """What was gained, with the colour's class: a, a_p, a_r, and a_r less a_p."""
    named = (
        ("a", "ink", each.a),
        ("a_p: perception", "perception", each.a_p),
        ("a_r: reasoning", "reasoning", each.a_r),
    )
    found = [(name, kind, pair) for name, kind, pair in named if pair is not None]
    if each.asymmetry is not None:
        found.append(("a_r less a_p", "rest", each.asymmetry))
    return found


def _line(kind: str, xs: tuple[float, float], ys: tuple[float, float]) -> Markup:
    return Markup('<line class="{}" x1="{:.2f}%" x2="{:.2f}%" y1="{:.1f}" y2="{:.1f}"/>').format(kind, *xs, *ys)


def _points(value: float) -> str:
    return f"{100 * value:+.0f}"
