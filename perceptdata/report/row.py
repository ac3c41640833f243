"""One row with everything known of it: what `perceptdata show` prints.

print_row(row_of(ws, "gsm8k/train/train/0", why=True), Console())
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq

from perceptdata.errors import UsageError
from perceptdata.example import TEXTS, Example, text_id
from perceptdata.resolution import count_rows_of
from perceptdata.view import DEFAULT_VIEWS
from perceptdata.workspace import EXAMPLES, REJECTS, layer_room

if TYPE_CHECKING:
    from rich.console import Console

    from perceptdata.workspace import Workspace

COLOURS = {
    "perception": "black on bright_cyan",
    "reasoning": "black on bright_yellow",
    "other": "black on white",
    "description": "black on bright_cyan",
    "think": "black on bright_yellow",
    "answer": "black on bright_green",
}


@dataclass(slots=True)
class Row:
    """An example, the rows of every layer that speak of it, and on request why it is where it is.

    Or its rejects alone.
    """

    example: Example | None
    layers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    rejects: list[dict[str, Any]] = field(default_factory=list)
    origin: dict[str, Any] = field(default_factory=dict)
    views: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        example = self.example.model_dump(mode="json") if self.example else None
        return {
            "example": example,
            "layers": self.layers,
            "rejects": self.rejects,
            "origin": self.origin,
            "views": self.views,
        }


def row_of(ws: Workspace, asked: str, why: bool = False) -> Row:
    """Find a row by example id, text address or rejected key.

    Raises UsageError with the nearest ids when there is none.
    """
    owner = asked.rpartition("#")[0] or asked
    rows = ws.examples().to_table(filter=pc.field("id") == owner).to_pylist() if ws.shards(EXAMPLES) else []
    rejects = ws.rejects().to_table(filter=pc.field("key") == asked).to_pylist() if ws.shards(REJECTS) else []
    if not rows and not rejects:
        raise UsageError(f"there is no row '{asked}' in {ws.path}{_nearest(ws, owner)}")
    if not rows:
        return Row(None, rejects=rejects)
    example = Example.from_row(rows[0])
    found = Row(example, rejects=rejects)
    for step, kinds in ws.layers().items():
        for kind in kinds:
            rows = _rows_of(ws, step, kind, example)
            if rows:
                found.layers[f"{step} {kind}"] = rows
    if why:
        found.origin = _origin(ws, example)
        found.views = dict(_views(ws, example))
    return found


def _rows_of(ws: Workspace, step: str, kind: Any, example: Example) -> list[dict[str, Any]]:
    layer = ws.dataset(layer_room(kind), step)
    if "example_id" in layer.schema.names:
        chosen = pc.field("example_id") == example.id
    elif kind == "captions":
        chosen = pc.field("image").isin([image.sha256 for image in example.images])
    else:
        chosen = pc.starts_with(pc.field("text_id"), pattern=f"{example.id}#")
    return layer.to_table(filter=chosen).to_pylist()


def _origin(ws: Workspace, example: Example) -> dict[str, Any]:
    for step, shard, _, file in ws.shards(EXAMPLES):
        if pq.read_table(ws.file(file), columns=[], filters=pc.field("id") == example.id).num_rows:
            run = ws.manifest.steps[step]
            return {
                "step": step,
                "version": run.active,
                "shard": shard,
                "file": file.path,
                "options": run.current.options,
            }
    return {}


def _views(ws: Workspace, example: Example) -> Iterable[tuple[str, str]]:
    """For each view: in it, or the reason why not."""
    for name in [*ws.manifest.views, *(name for name in DEFAULT_VIEWS if name not in ws.manifest.views)]:
        try:
            view = ws.view(name)
            ids = view.rows.column("example_id")
        except UsageError as error:  # the view does not fit the workspace (any more); it has its own remedy
            yield name, f"not in it: {error}"
            continue
        places = [place for place, each in enumerate(ids.to_pylist()) if each == example.id]
        if places:
            yield name, f"in it, row {', '.join(map(str, places))}"
            continue
        try:
            holds = bool(count_rows_of(ws, view.spec, example.id))
        except duckdb.Error as error:
            yield name, f"not in it: {error}"
            continue
        if not holds:
            yield name, f"not in it: where {view.spec.where} is not true of it"
        elif view.spec.mix or view.spec.size:
            yield name, "not in it: the mixture left it out"
        else:
            yield name, f"not in it: it has no text from {view.spec.text.from_}"


def _nearest(ws: Workspace, owner: str) -> str:
    if not ws.shards(EXAMPLES):
        return "; it has no examples yet"
    ids = ws.examples().scanner(columns=["id"]).head(20_000).column("id").to_pylist()
    near = difflib.get_close_matches(owner, ids, n=1, cutoff=0.3) or ids[:1]
    return f"; is it '{near[0]}'?"


def print_row(row: Row, console: Console) -> None:
    """Print a row for a person: texts with spans in colour, layers, origin."""
    from rich.markup import escape
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    for reject in row.rejects:
        console.print(
            f"[red]rejected[/red] {escape(reject['key'])}: [bold]{reject['code']}[/bold] {escape(reject['message'])}"
        )
    if row.example is None:
        return
    example = row.example
    head = Table.grid(padding=(0, 2))
    for name, value in _head(example):
        head.add_row(f"[dim]{name}[/dim]", Text(value))
    console.print(Panel(head, title=escape(example.id), title_align="left"))
    spans = _spans_by_text(row)
    for name in TEXTS:
        text = example.text(name)
        if text:
            _print_text(console, name, text, spans.get(text_id(example.id, name), []))
    for label, records in row.layers.items():
        if label.endswith(" responses"):
            for record in records:
                address = record["text_id"]
                _print_text(console, address.rpartition("#")[2], record["text"], spans.get(address, []))
        elif label.endswith(" scores"):
            for record in records:
                about = record["text_id"] or record["example_id"]
                value = record["value"] if record["unscored"] is None else f"unscored: {record['unscored']}"
                console.print(f"[dim]{label}[/dim] {record['name']} of {escape(about)}: {value}", highlight=False)
    if row.origin:
        origin = row.origin
        console.print(f"[dim]made by[/dim] {origin['step']}/{origin['version']}, {origin['file']}", highlight=False)
        console.print(f"[dim]options[/dim] {escape(str(origin['options']))}", highlight=False)
    for view, reason in row.views.items():
        console.print(f"[dim]view[/dim] {view}: {escape(reason)}", highlight=False)


def _head(example: Example) -> list[tuple[str, str]]:
    source, answer = example.source, example.answer
    checker = f", checked by {answer.checker.name}" if answer.checker else ""
    rows = [
        ("stage", example.stage),
        ("group", example.group),
        ("source", f"{source.corpus} ({source.builder} {source.version}), {source.split}, key {source.key}"),
        ("licence", f"{source.licence}, to {source.allowed_use}"),
        (
            "images",
            ", ".join(f"{image.sha256[:12]}… {image.width}x{image.height}" for image in example.images) or "none",
        ),
        ("choices", " | ".join(example.choices)),
        ("answer", f"{answer.text}  ({answer.kind}{checker})"),
        ("meta", str(example.meta) if example.meta else ""),
    ]
    return [(name, value) for name, value in rows if value]


def _spans_by_text(row: Row) -> dict[str, list[tuple[str, list[dict[str, Any]]]]]:
    found: dict[str, list[tuple[str, list[dict[str, Any]]]]] = {}
    for label, records in row.layers.items():
        if label.endswith(" spans"):
            for record in records:
                found.setdefault(record["text_id"], []).append((label.removesuffix(" spans"), record["spans"]))
    return found


def _print_text(console: Any, name: str, text: str, layers: list[tuple[str, list[dict[str, Any]]]]) -> None:
    from rich.panel import Panel
    from rich.text import Text

    for step, spans in layers or [("", [])]:
        shown = Text(text)
        for span in spans:
            shown.stylize(COLOURS.get(span["label"], "reverse"), span["start"], span["end"])
        used = [label for label in COLOURS if any(span["label"] == label for span in spans)]
        legend = Text(" ").join(Text(f" {label} ", COLOURS[label]) for label in used)
        title = f"{name}, spans of {step}" if step else name
        console.print(Panel(shown, title=title, title_align="left", subtitle=legend or None, subtitle_align="left"))
