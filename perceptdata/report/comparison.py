"""The page of a comparison: what changed between two, in figures that a person can check and items to look at.

    html = render(found)            # findings of results, layers, views or runs

Like the page about a workspace it is one file that asks for nothing; it needs no script.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from markupsafe import Markup

from perceptdata.comparison.findings import Findings, Row
from perceptdata.comparison.runs import RunFindings
from perceptdata.comparison.texts import LayerFindings
from perceptdata.report.curves import Curve, curves, figure
from perceptdata.report.page import page
from perceptdata.report.thumbnail import thumbnail

VERDICTS = {
    "better": "better",
    "worse": "worse",
    "undecided": "no difference shown",
    "too_few": "too few items",
}
ROW, AXIS, DOT = 34, 26, 5
TEXT = 4000
"""Characters of an answer that are shown."""


class Card(NamedTuple):
    """One item as it is shown."""

    title: str
    note: str
    question: str
    answer: str
    a: str
    b: str
    pictures: list[str]


def render(found: Findings | LayerFindings | RunFindings) -> str:
    """The page. The same findings give the same bytes."""
    known: dict[str, Any] = {"found": found, "what": found.to_json()["kind"], "verdicts": VERDICTS, "figure": figure}
    known |= {"points": points, "wins": [], "losses": [], "changed": [], "chart": None, "drawn": []}
    if isinstance(found, Findings):
        known["chart"] = differences(found)
        known["wins"] = [_moved(each) for each in found.wins]
        known["losses"] = [_moved(each) for each in found.losses]
    elif isinstance(found, LayerFindings):
        known["changed"] = [_card(each.of, "", each.asked, each.a, each.b) for each in found.changed]
    else:
        known["drawn"] = [
            (
                line.name,
                curves(line.steps, [Curve(found.a, "ink", line.a), Curve(found.b, "perception", line.b)], line.name),
            )
            for line in found.lines
        ]
    return page("comparison", **known)


def points(value: float | None, signed: bool = True) -> str:
    """A share in points; – where there is none."""
    if value is None or value != value:
        return "–"
    return f"{100 * value:+.1f}" if signed else f"{100 * value:.1f}"


def differences(found: Findings) -> Markup:
    """Each benchmark's difference as a mark on its interval, around zero; the average of them last."""
    rows = [(row.benchmark, row.difference, row.verdict, _told(row)) for row in found.rows if row.items]
    if found.average is not None:
        rows.append(("average of benchmarks", found.average, "average", "each as heavy"))
    reach = max([0.01, *(abs(end) for _, each, _, _ in rows for end in (each.low, each.high) if end == end)])
    height = ROW * len(rows) + AXIS

    def place(value: float) -> str:
        return f"{50 + 50 * value / reach:.3f}%"

    drawn = [
        Markup('<line class="axis" x1="50%" x2="50%" y1="0" y2="{}"/>').format(ROW * len(rows)),
        Markup('<text class="tick" x="0" y="{}">{}</text>').format(height - 8, points(-reach)),
        Markup('<text class="tick" x="50%" y="{}" text-anchor="middle">0</text>').format(height - 8),
        Markup('<text class="tick" x="100%" y="{}" text-anchor="end">{}</text>').format(height - 8, points(reach)),
    ]
    for at, (name, each, verdict, told) in enumerate(rows):
        top = ROW * at
        kind = {"better": "accept", "worse": "reject"}.get(verdict, "ink")
        drawn.append(
            Markup(
                '<text x="0" y="{}">{}</text><text class="note" x="100%" y="{}">{}</text>'
                '<line class="range stroke-{}" x1="{}" x2="{}" y1="{}" y2="{}"/>'
                '<circle class="fill-{}" cx="{}" cy="{}" r="{}"><title>{}</title></circle>'
            ).format(
                *(top + 13, name, top + 13, f"{points(each.value)} [{points(each.low)}, {points(each.high)}]"),
                *(kind, place(each.low), place(each.high), top + 24, top + 24),
                *(kind, place(each.value), top + 24, DOT, f"{name}: {points(each.value)} points, {told}"),
            )
        )
    label = f"Differences from {found.a} to {found.b} in points, with 95 % intervals"
    return Markup('<svg class="chart differences" role="img" width="100%" height="{}" aria-label="{}">{}</svg>').format(
        height, label, Markup("").join(drawn)
    )


def _told(row: Row) -> str:
    return f"{row.wins:,} won, {row.losses:,} lost of {row.items:,}, p = {row.p_holm:.3g}"


def _moved(each: Any) -> Card:
    note = f"{points(each.a, signed=False)} → {points(each.b, signed=False)}" if {each.a, each.b} != {0.0, 1.0} else ""
    return _card(f"{each.benchmark} · {each.item}", note, each.asked, each.said_a, each.said_b)


def _card(title: str, note: str, asked: Any, a: str, b: str) -> Card:
    pictures = [made for data in asked.images if (made := thumbnail(data)) is not None]
    return Card(title, note, _cut(asked.question), _cut(asked.answer), _cut(a), _cut(b), pictures)


def _cut(text: str) -> str:
    return text if len(text) <= TEXT else f"{text[:TEXT]} … ({len(text) - TEXT:,} more characters)"
