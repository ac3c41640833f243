"""The page of a diagnosis: the conclusion first, then the numbers it is drawn from.

    html = render(found)
    html = render_sweep(points)

Like the page about a workspace it is one file that asks for nothing; it needs no script.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from perceptdata.diagnosis.attribution import Attribution
from perceptdata.diagnosis.diagnosis import Diagnosis
from perceptdata.diagnosis.gains import Point
from perceptdata.diagnosis.measures import FEWEST, Rate
from perceptdata.diagnosis.rates import Rates
from perceptdata.diagnosis.shares import Training
from perceptdata.report.asymmetry import asymmetry
from perceptdata.report.curves import Curve, curves, figure
from perceptdata.report.page import page

HEAD, BAR, ROW = 24, 16, 58
"""Pixels of a bar's line of words, of the bar, and of both with the gap below."""
PLOT, LEFT, AXIS = 340, 8, 30
"""Pixels of the frontier's plot, percent left of it, pixels below it."""
MOST_ROWS = 12
WORDS = {
    "blank": "with a blank picture",
    "shuffled": "with another item's picture",
    "removed": "with no picture",
    "oracle_blank": "facts given, picture blanked",
}
CURVES = {
    "What perception has": ("token_share", "loss_share", "lambda"),
    "Loss of each part": ("loss_perception", "loss_reasoning"),
    "Perceived in training": ("probe/perception",),
    "Leakage of the answer (PALR)": ("palr/all", "palr/description", "palr/reasoning"),
    "Length of a rollout": ("completions/mean_length",),
}
COLOURS = {
    "token_share": "perception",
    "loss_share": "answer",
    "lambda": "ink",
    "loss_perception": "perception",
    "loss_reasoning": "reasoning",
    "probe/perception": "perception",
    "palr/all": "ink",
    "palr/description": "perception",
    "palr/reasoning": "reasoning",
    "completions/mean_length": "ink",
}
KIND_COLOURS = {
    "perception": "perception",
    "reasoning": "reasoning",
    "knowledge": "visual_reasoning",
    "calculation": "ink",
    "extraction": "other",
    "none": "accept",
}


class Line(NamedTuple):
    """One bar with its interval: what it is, its colour's class, and the rate."""

    label: str
    kind: str
    rate: Rate


class Shape(NamedTuple):
    """A chart with its title, and what its colours stand for."""

    title: str
    picture: Markup
    key: list[tuple[str, str, str]]


def render(found: Diagnosis) -> str:
    """The page. The same diagnosis gives the same bytes."""
    overall = found.overall
    return page(
        "diagnosis",
        found=found,
        overall=overall,
        sweep=None,
        chart=bars_with_intervals(_rates(overall), "End to end, perception, and reasoning from given facts"),
        slices=[(of, [each for each in found.rates if each.of == of]) for of in ("family", "size", "difficulty")],
        slice_chart=slice_chart,
        blind=bars_with_intervals(_blind(found), "Accuracy without the picture"),
        errors=[(title, each, parts_of(each)) for title, each in _attributions(found)],
        training=_training(found.training) if found.training else [],
        kind_colours=KIND_COLOURS,
        fewest=FEWEST,
        percent_of=percent_of,
        points=points,
        figure=figure,
        frontier=None,
    )


def render_sweep(points_: Sequence[Point]) -> str:
    """The page of a sweep: its frontier, a row a run, and what each gained."""
    return page(
        "diagnosis",
        found=None,
        overall=None,
        sweep=list(points_),
        frontier=frontier(points_),
        asymmetry=asymmetry([(each.name, each.gained) for each in points_ if each.gained is not None], joined=True),
        percent_of=percent_of,
        points=points,
    )


def percent_of(value: float | None, digits: int = 0) -> str:
    """A share in percent; – where there is none."""
    return "–" if value is None else f"{100 * value:.{digits}f}\u00a0%"


def points(value: float) -> str:
    """A difference in percentage points, with its sign."""
    return f"{100 * value:+.1f}"


def bars_with_intervals(lines: Sequence[Line], about: str) -> Markup | None:
    """A bar a rate, and its interval as a line over its end; None where nothing was measured."""
    known = [line for line in lines if line.rate.value is not None]
    drawn: list[Markup] = []
    for at, (label, kind, rate) in enumerate(known):
        top = at * ROW
        bar = top + HEAD
        middle = bar + BAR / 2
        assert rate.value is not None  # chosen so above
        note = f"{percent_of(rate.value)}, {100 * rate.low:.0f} to {100 * rate.high:.0f}"
        drawn.append(
            Markup('<text class="label" x="0" y="{0}">{1}</text><text class="note" x="100%" y="{0}">{2}</text>').format(
                top + 16, label, note
            )
        )
        drawn.append(Markup('<rect class="rail" x="0" y="{}" width="100%" height="{}"/>').format(bar, BAR))
        drawn.append(
            Markup('<rect class="part fill-{}" x="0" y="{}" width="{:.2f}%" height="{}"/>').format(
                kind, bar, 100 * rate.value, BAR
            )
        )
        drawn.append(
            Markup('<line class="whisker" x1="{:.2f}%" x2="{:.2f}%" y1="{y}" y2="{y}"/>').format(
                100 * rate.low, 100 * rate.high, y=middle
            )
        )
        for edge in (rate.low, rate.high):
            drawn.append(
                Markup('<line class="whisker" x1="{x:.2f}%" x2="{x:.2f}%" y1="{}" y2="{}"/>').format(
                    middle - 4, middle + 4, x=100 * edge
                )
            )
    told = "; ".join(f"{line.label}: {line.rate}" for line in known)
    return _svg(drawn, len(known) * ROW, f"{about}. {told}") if known else None


def slice_chart(rates: Rates) -> Markup:
    """a, a_p and a_r of one slice as three dots with their intervals on one line."""
    drawn = [Markup('<rect class="rail" x="0" y="11" width="100%" height="2"/>')]
    a_r = rates.a_r if rates.a_r.value is not None else rates.a_r_text
    for place, (kind, rate) in enumerate((("ink", rates.a), ("perception", rates.a_p), ("reasoning", a_r))):
        if rate.value is not None:
            y = 6 + 6 * place
            drawn.append(
                Markup('<line class="reach line-{}" x1="{:.2f}%" x2="{:.2f}%" y1="{y}" y2="{y}"/>').format(
                    kind, 100 * rate.low, 100 * rate.high, y=y
                )
            )
            drawn.append(
                Markup('<circle class="fill-{}" cx="{:.2f}%" cy="{}" r="4"/>').format(kind, 100 * rate.value, y)
            )
    return _svg(drawn, 24, f"a {rates.a}, a_p {rates.a_p}, a_r {a_r}")


def parts_of(found: Attribution) -> Markup | None:
    """One stacked bar of corrected shares; None where nothing is wrong."""
    at, drawn = 0.0, [Markup('<rect class="rail" x="0" y="0" width="100%" height="22"/>')]
    for share in found.shares:
        if share.corrected:
            width = 100 * share.corrected
            drawn.append(
                Markup('<rect class="part fill-{}" x="{:.2f}%" y="0" width="{:.2f}%" height="22"/>').format(
                    KIND_COLOURS[share.kind], at, min(width, 100 - at)
                )
            )
            at += width
    told = ", ".join(f"{share.kind} {percent_of(share.corrected)}" for share in found.shares)
    return _svg(drawn, 22, told) if at else None


def frontier(points_: Sequence[Point]) -> Markup | None:
    """a_p along x, a_r along y, a dot a run; None where a_p or a_r is missing everywhere."""
    known = [
        (point, point.a_p.value, point.a_r.value)
        for point in points_
        if point.a_p.value is not None and point.a_r.value is not None
    ]
    if not known:
        return None
    x_low, x_high = _reach([p for _, p, _ in known])
    y_low, y_high = _reach([r for _, _, r in known])
    drawn = [
        Markup('<line class="axis" x1="0" x2="100%" y1="{0}" y2="{0}"/>').format(PLOT + 0.5),
        Markup('<line class="axis" x1="0.5" x2="0.5" y1="0" y2="{}"/>').format(PLOT),
    ]
    best = max(known, key=lambda each: each[0].a.value or 0.0)[0]
    for point, p, r in sorted(known, key=lambda each: each[1]):
        x = LEFT + (100 - 2 * LEFT) * (p - x_low) / (x_high - x_low)
        y = 24 + (PLOT - 44) * (1 - (r - y_low) / (y_high - y_low))
        kind = "perception" if point is best else "ink" if point.frontier else "rest"
        anchor = "end" if x > 70 else "start"
        shift = -10 if anchor == "end" else 10
        drawn.append(Markup('<circle class="fill-{}" cx="{:.2f}%" cy="{:.1f}" r="6"/>').format(kind, x, y))
        drawn.append(
            Markup('<text class="label" x="{:.2f}%" y="{:.1f}" dx="{}" text-anchor="{}">{} · a {}</text>').format(
                x, y - 9, shift, anchor, point.name, percent_of(point.a.value)
            )
        )
    ticks = (
        ("0", PLOT + 20, "start", f"a_p {percent_of(x_low)}"),
        ("100%", PLOT + 20, "end", f"{percent_of(x_high)}"),
        ("6", 14, "start", f"a_r {percent_of(y_high)}"),
        ("6", PLOT - 8, "start", percent_of(y_low)),
    )
    for x_at, y_at, side, word in ticks:
        drawn.append(
            Markup('<text class="tick" x="{}" y="{}" text-anchor="{}">{}</text>').format(x_at, y_at, side, word)
        )
    told = "; ".join(f"{point.name}: a_p {point.a_p}, a_r {point.a_r}, a {point.a}" for point, _, _ in known)
    return _svg(drawn, PLOT + AXIS, f"Perception against reasoning. {told}")


def _rates(overall: Rates) -> list[Line]:
    return [
        Line("a: right from the picture", "ink", overall.a),
        Line(
            f"a_p: the picture described {'exactly' if overall.perceived == 'exact' else 'fully'}",
            "perception",
            overall.a_p,
        ),
        Line("a_r: right once the facts are given", "reasoning", overall.a_r),
        Line("a_r, text only", "reasoning", overall.a_r_text),
    ]


def _blind(found: Diagnosis) -> list[Line]:
    lines = [Line("with its picture", "ink", found.overall.a)]
    lines += [Line(WORDS[loss.condition], "rest", loss.accuracy) for loss in found.shortcuts.losses]
    if found.shortcuts.peeking is not None:
        lines.append(Line("facts given, with its picture", "reasoning", found.overall.a_r))
        lines.append(Line(WORDS["oracle_blank"], "rest", found.shortcuts.peeking.accuracy))
    for name, rate in (("as one would guess", found.shortcuts.aligned), ("against the guess", found.shortcuts.counter)):
        if rate is not None:
            lines.append(Line(f"answers that are {name}", "visual_reasoning", rate))
    return lines


def _attributions(found: Diagnosis) -> list[tuple[str, Attribution]]:
    named = [("Told exactly, on scenes that are known", found.errors)]
    if found.judged is not None:
        people, judges = found.judged.basis.startswith("said by people"), found.judged.accuracy is not None
        named.append(
            (f"Told by {'people and judges' if people and judges else 'people' if people else 'judges'}", found.judged)
        )
    return [(title, each) for title, each in named if each.wrong]


def _training(training: Training) -> list[Shape]:
    found = []
    for title, names in CURVES.items():
        here = {name: training.curves[name] for name in names if name in training.curves}
        if not here:
            continue
        steps = sorted({step for line in here.values() for step, _ in line})
        lines = [
            Curve(name, COLOURS[name], tuple(dict(line).get(step) for step in steps)) for name, line in here.items()
        ]
        key = [(line.name, line.kind, figure(line.last or 0.0)) for line in lines]
        found.append(Shape(title, curves(steps, lines, title), key))
    return found


def _reach(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = max(0.02, 0.15 * (high - low))
    return max(0.0, low - room), min(1.0, high + room)


def _svg(drawn: Sequence[Markup], height: float, about: str) -> Markup:
    inside = Markup("").join(drawn)
    return Markup('<svg class="chart" role="img" width="100%" height="{}" aria-label="{}">{}</svg>').format(
        height, about, inside
    )
