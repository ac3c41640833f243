"""The page of a comparison: what changed between two, in figures that a person can check and items to look at.

    html = render(found)            # findings of diagnoses, results, layers, views or runs

Like the page about a workspace it is one file that asks for nothing; it needs no script.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from perceptdata.agreement.comparison import Estimate
from perceptdata.comparison.diagnoses import DiagnosisFindings
from perceptdata.comparison.findings import Findings, Moved, Row
from perceptdata.comparison.sides import AnyFindings
from perceptdata.comparison.texts import LayerFindings
from perceptdata.diagnosis.measures import FEWEST, Paired
from perceptdata.report.asymmetry import asymmetry, rows
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


def render(found: AnyFindings) -> str:
    """The page. The same findings give the same bytes."""
    known: dict[str, Any] = {"found": found, "what": found.to_json()["kind"], "verdicts": VERDICTS, "figure": figure}
    known |= {"points": points, "wins": [], "losses": [], "changed": [], "chart": None, "drawn": []}
    if isinstance(found, DiagnosisFindings):
        named = [("all items" if each.of == "all" else each.value, each) for each in found.gains]
        known["fewest"] = FEWEST
        families = [(name, each) for name, each in named[1:] if each.of == "family" and each.items >= FEWEST]
        known["asymmetry"] = asymmetry([named[0], *families])
        known["chart"] = marks([(name, kind, pair, str(pair)) for name, kind, pair in rows(found.gains[0])])
        known["wins"] = [_perceived(each, found) for each in found.wins]
        known["losses"] = [_perceived(each, found) for each in found.losses]
    elif isinstance(found, Findings):
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
    colours = {"better": "accept", "worse": "reject"}
    lines = [
        (row.benchmark, colours.get(row.verdict, "ink"), row.difference, _told(row)) for row in found.rows if row.items
    ]
    if found.average is not None:
        lines.append(("average of benchmarks", "ink", found.average, "each as heavy"))
    return marks(lines)


def marks(lines: Sequence[tuple[str, str, Estimate | Paired, str]]) -> Markup:
    """Differences as marks on their intervals, around zero; of each name, colour, numbers, and what hovering tells."""
    drawn_of = [(name, kind, *_ends(each), told) for name, kind, each, told in lines]
    reach = max([0.01, *(abs(end) for _, _, _, *ends, _ in drawn_of for end in ends if end == end)])
    height = ROW * len(drawn_of) + AXIS

    def place(value: float) -> str:
        return f"{50 + 50 * value / reach:.3f}%"

    drawn = [
        Markup('<line class="axis" x1="50%" x2="50%" y1="0" y2="{}"/>').format(ROW * len(drawn_of)),
        Markup('<text class="tick" x="0" y="{}">{}</text>').format(height - 8, points(-reach)),
        Markup('<text class="tick" x="50%" y="{}" text-anchor="middle">0</text>').format(height - 8),
        Markup('<text class="tick" x="100%" y="{}" text-anchor="end">{}</text>').format(height - 8, points(reach)),
    ]
    for at, (name, kind, value, low, high, told) in enumerate(drawn_of):
        top = ROW * at
        drawn.append(
            Markup(
                '<text x="0" y="{}">{}</text><text class="note" x="100%" y="{}">{}</text>'
                '<line class="range stroke-{}" x1="{}" x2="{}" y1="{}" y2="{}"/>'
                '<circle class="fill-{}" cx="{}" cy="{}" r="{}"><title>{}</title></circle>'
            ).format(
                *(top + 13, name, top + 13, f"{points(value)} [{points(low)}, {points(high)}]"),
                *(kind, place(low), place(high), top + 24, top + 24),
                *(kind, place(value), top + 24, DOT, f"{name}: {points(value)} points, {told}"),
            )
        )
    return Markup('<svg class="chart differences" role="img" width="100%" height="{}" aria-label="{}">{}</svg>').format(
        height, "Differences in points, with 95 % intervals", Markup("").join(drawn)
    )


def _ends(each: Estimate | Paired) -> tuple[float, float, float]:
    return (each.difference if isinstance(each, Paired) else each.value), each.low, each.high


def _told(row: Row) -> str:
    return f"{row.wins:,} won, {row.losses:,} lost of {row.items:,}, p = {row.p_holm:.3g}"


def _perceived(each: Moved, found: DiagnosisFindings) -> Card:
    """A card that says whether it was seen as well."""
    before, after = found.seen.get(each.item, (None, None))
    seen = "" if before is None or after is None else f"described rightly: {_often(before)} → {_often(after)}"
    return _card(each.item, seen, each.asked, each.said_a, each.said_b)


def _often(value: float) -> str:
    return {0.0: "no", 1.0: "yes"}.get(value, f"{100 * value:.0f} %")


def _moved(each: Moved) -> Card:
    note = f"{points(each.a, signed=False)} → {points(each.b, signed=False)}" if {each.a, each.b} != {0.0, 1.0} else ""
    return _card(f"{each.benchmark} · {each.item}", note, each.asked, each.said_a, each.said_b)


def _card(title: str, note: str, asked: Any, a: str, b: str) -> Card:
    pictures = [made for data in asked.images if (made := thumbnail(data)) is not None]
    return Card(title, note, _cut(asked.question), _cut(asked.answer), _cut(a), _cut(b), pictures)


def _cut(text: str) -> str:
    return text if len(text) <= TEXT else f"{text[:TEXT]} … ({len(text) - TEXT:,} more characters)"
