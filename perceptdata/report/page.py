"""The page: one HTML file that asks for nothing outside itself.

    html = render(ws, view=None, size=200)

Everything is inline: style, script, charts, thumbnails. A content security policy allows exactly that style and that
script, by hash, and pictures as data; the rows travel as JSON and are put on the page as text, so no corpus can add
markup.
"""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from perceptdata.example import STAGES
from perceptdata.manifest import digest
from perceptdata.report.charts import Bar, Part, bars, histogram, sliver
from perceptdata.report.history import SHOWN_REJECTS, History
from perceptdata.report.holdings import Holdings
from perceptdata.report.sample import Sample, draw
from perceptdata.report.shares import UNLABELLED, LayerShares, layer_shares
from perceptdata.report.subject import Subject

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

_UNSAFE_IN_JSON = {ord(mark): f"\\u{ord(mark):04x}" for mark in "<>&\u2028\u2029"}


def render(ws: Workspace, view: str | None = None, size: int = 200) -> tuple[str, int]:
    """The page and how many rows it shows. The same workspace gives the same bytes."""
    subject = Subject(ws, view)
    sample = draw(subject, size)
    return _html(ws, view, Holdings.of(subject), layer_shares(subject), History.of(ws), sample), len(sample.rows)


def _html(
    ws: Workspace,
    view: str | None,
    held: Holdings,
    layers: list[LayerShares],
    history: History,
    sample: Sample,
) -> str:
    return page(
        "workspace",
        name=ws.path.resolve().name,
        view=view,
        held=held,
        layers=layers,
        history=history,
        sample=sample,
        sample_json=embed(sample.to_json()),
        fingerprint=digest(history.fingerprint, view)[:16] if view else history.fingerprint,
        stages=STAGES,
        unlabelled=UNLABELLED,
        shown_rejects=SHOWN_REJECTS,
        charts={"sources": _sources(held), "kinds": _kinds(held), "lengths": _lengths(held)},
        share_chart=_shares,
        sliver=sliver,
    )


def page(kind: str, **known: Any) -> str:
    """A page as one file: `kind`.html.j2 in the house style, with its own style and script where it has them."""
    room = files("perceptdata.report")
    own = {part: room.joinpath(f"{kind}.{part}") for part in ("css", "js")}
    read = {part: file.read_text(encoding="utf-8") if file.is_file() else "" for part, file in own.items()}
    style, script = Markup(room.joinpath("page.css").read_text(encoding="utf-8") + read["css"]), Markup(read["js"])
    allowed = f"style-src {_hash(style)}; " + (f"script-src {_hash(script)}; " if script else "")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters.update(words=_words, percent=_percent, told=_told)
    template = environment.from_string(room.joinpath(f"{kind}.html.j2").read_text(encoding="utf-8"))
    return template.render(
        policy=f"default-src 'none'; img-src data:; {allowed}base-uri 'none'; form-action 'none'",
        style=style,
        script=script,
        **known,
    )


def embed(value: Any) -> Markup:
    """JSON that can stand inside a script element whatever its texts hold: no `<`, `>`, `&` or line separator."""
    return Markup(json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_UNSAFE_IN_JSON))


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _sources(held: Holdings) -> Markup:
    rows = [
        Bar(
            source,
            tuple(Part(stage, held.count(corpus=source, stage=stage)) for stage in STAGES),
            f"{held.count(corpus=source):,}",
        )
        for source in held.sources
    ]
    return bars(rows, "Examples by source and stage")


def _kinds(held: Holdings) -> Markup:
    total: dict[str, dict[str, int]] = {}
    for row in held.kinds:
        total.setdefault(row["kind"], {})[row["stage"]] = row["n"]
    rows = [
        Bar(kind, tuple(Part(stage, by.get(stage, 0)) for stage in STAGES), f"{sum(by.values()):,}")
        for kind, by in sorted(total.items(), key=lambda item: (-sum(item[1].values()), item[0]))
    ]
    return bars(rows, "Answer kinds by stage")


def _lengths(held: Holdings) -> Markup | None:
    lengths = held.lengths
    if lengths is None:
        return None
    about = f"Lengths of {lengths.texts:,} traces in tokens: median {lengths.median:,}, longest {lengths.longest:,}"
    return histogram(lengths, about)


def _shares(layer: LayerShares) -> Markup:
    rows = []
    for share in layer.shares:
        parts = {kind: tokens / share.total if share.total else 0.0 for kind, tokens in share.tokens.items()}
        rows.append(
            Bar(
                share.corpus,
                tuple(Part(kind, part, _percent(part)) for kind, part in parts.items()),
                f"{_percent(parts[layer.labels[0]])} {layer.labels[0]}",
                f"{_words(share.stage)}, {share.text}",
            )
        )
    return bars(rows, f"Shares of tokens in layer {layer.step}", longest=1)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _percent(share: float) -> str:
    return f"{100 * share:.1f}\u00a0%"


def _told(options: Any) -> str:
    return json.dumps(options, ensure_ascii=False, indent=2, sort_keys=True)
