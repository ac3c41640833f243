"""The page of a certificate, or of a refusal, as a person reads it: what is proven, how, of what, and what is not.

    html = render(outcome, "certified", calibrations)

Like the page about a workspace it is one file that asks for nothing; it needs no script.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from markupsafe import Markup

from perceptdata.report.page import page
from perceptdata.verification.calibration import Calibration, Worth
from perceptdata.verification.certificate import Bound, Certificate, Refusal
from perceptdata.verification.intervals import Share

LEAST = 0.5
"""Where the axis of precision begins, unless a bound lies under it."""
BAR, ROW = 10, 44
PLOT, TOP, AXIS = 220, 10, 26
POINTS = 60


class Curve(NamedTuple):
    """A judge's calibration, and its scores against probabilities where it gives scores."""

    judge: str
    calibration: Calibration
    picture: Markup | None


def render(outcome: Certificate | Refusal, name: str, calibrations: Mapping[str, Calibration]) -> str:
    """The page. The same outcome gives the same bytes."""
    findings = outcome.findings
    bounds = [findings.claims, *findings.slices]
    judged = [judge.partition(":")[0] for judge in findings.fingerprints.judges]
    curves = [
        Curve(judge, calibrations[judge], calibration_curve(judge, calibrations[judge]))
        for judge in judged
        if judge in calibrations
    ]
    return page(
        "certificate",
        name=name,
        issued=isinstance(outcome, Certificate),
        intact=isinstance(outcome, Certificate) and outcome.intact(),
        reasons=outcome.reasons if isinstance(outcome, Refusal) else (),
        uncovered=outcome.does_not_cover if isinstance(outcome, Certificate) else (),
        fingerprint=outcome.fingerprint if isinstance(outcome, Certificate) else None,
        found=findings,
        simulated=findings.readers.kind != "person",
        bounds=bounds,
        chart=bounds_chart(bounds, findings.target),
        curves=curves,
        uncalibrated=[judge for judge in judged if judge not in calibrations],
        number=number,
        said=said,
        worths=lambda made: (made.overall, *made.slices),
        errors=errors,
    )


def number(value: float | None, digits: int = 3) -> str:
    """A share to so many digits; – where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def said(share: Share) -> str:
    """The interval of a share."""
    if share.value is None:
        return "–"
    return f"{share.low:.2f} to {share.high:.2f}"


def errors(worth: Worth) -> int:
    """How many labelled claims were false."""
    return worth.labels - sum(worth.confusion[0])


def bounds_chart(bounds: list[Bound], target: float) -> Markup:
    """The estimate of all claims and of each slice as a mark, what is proven as a bar, the target as a line."""
    low = min([LEAST, *(bound.lower for bound in bounds)])
    width = 1 - low
    height = ROW * len(bounds) + AXIS
    goal = _percent((target - low) / width)
    drawn = []
    for at, bound in enumerate(bounds):
        top = ROW * at
        lower, estimate = (_percent((value - low) / width) for value in (bound.lower, bound.estimate))
        kind = "accept" if bound.lower >= target else "reject"
        told = f"{bound.slice or 'all claims'}: at least {bound.lower:.3f}, estimate {bound.estimate:.3f}"
        drawn.append(
            Markup(
                '<text x="0" y="{}">{}</text><text class="note" x="100%" y="{}">{}</text>'
                '<rect class="rail" x="0" y="{}" width="100%" height="{}" rx="3"/>'
                '<rect class="fill-{}" x="0" y="{}" width="{}" height="{}" rx="3"><title>{}</title></rect>'
                '<rect class="fill-ink" x="{}" y="{}" width="3" height="{}" transform="translate(-1.5 0)"/>'
                '<line class="target" x1="{}" x2="{}" y1="{}" y2="{}"/>'
            ).format(
                *(top + 15, bound.slice or "all claims", top + 15, f"≥ {bound.lower:.3f}"),
                *(top + 22, BAR, kind, top + 22, lower, BAR, told),
                *(estimate, top + 19, BAR + 6),
                *(goal, goal, top + 18, top + 24 + BAR),
            )
        )
    drawn.append(
        Markup(
            '<text class="tick" x="0" y="{}">{}</text><text class="tick" x="100%" y="{}" text-anchor="end">1</text>'
            '<text class="tick" x="{}" y="{}" text-anchor="{}">target {}</text>'
        ).format(
            *(height - 6, f"{low:.2f}", height - 6, goal, height - 6),
            *("end" if target - low > 0.8 * width else "middle", f"{target:g}"),
        )
    )
    about = "; ".join(f"{bound.slice or 'all claims'} at least {bound.lower:.3f}" for bound in bounds)
    return Markup('<svg class="chart bounds" role="img" width="100%" height="{}" aria-label="{}">{}</svg>').format(
        height, f"Lower bounds of precision, target {target:g}: {about}", Markup("").join(drawn)
    )


def calibration_curve(judge: str, made: Calibration) -> Markup | None:
    """How probably a claim of a score is supported, beside the diagonal on which scores would be probabilities."""
    mapping = made.mapping
    if mapping is None:
        return None
    at = [place / POINTS for place in range(POINTS + 1)]
    values = mapping(at).tolist()
    path = "M" + "L".join(f"{1000 * x:.1f} {PLOT * (1 - y):.1f}" for x, y in zip(at, values, strict=True))
    ticks = (("0", "start", "score 0"), ("50%", "middle", "0.5"), ("100%", "end", "1"))
    words = [
        Markup('<text class="tick" x="{}" y="{}" text-anchor="{}">{}</text>').format(x, TOP + PLOT + 19, anchor, word)
        for x, anchor, word in ticks
    ]
    for share in (0.0, 0.5, 1.0):
        y = TOP + PLOT * (1 - share) + (12 if share == 1 else -5)
        words.append(Markup('<text class="tick" x="4" y="{}">{:g}</text>').format(y, share))
    drawn = Markup(
        '<svg y="{}" height="{}" width="100%" viewBox="0 0 1000 {}" preserveAspectRatio="none">'
        '<path class="diagonal" d="M0 {}L1000 0"/><path class="line line-perception" d="{}"/></svg>'
    ).format(TOP, PLOT, PLOT, PLOT, path)
    about = f"{judge}: a score of 0.5 means supported with {values[POINTS // 2]:.2f}, of 0.9 with {values[54]:.2f}"
    return Markup('<svg class="chart curves" role="img" width="100%" height="{}" aria-label="{}">{}{}{}</svg>').format(
        TOP + PLOT + AXIS,
        about,
        Markup('<rect class="rail" x="0" y="{}" width="100%" height="{}" rx="4"/>').format(TOP, PLOT),
        drawn,
        Markup("").join(words),
    )


def _percent(share: float) -> str:
    return f"{100 * max(share, 0):.2f}%"
