"""Annotators and texts out of a workspace.

joined = read(ws, ["tags", "reviews"])
texts = texts_of(wanted, examples, {"cot": tables})
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from perceptdata.agreement.annotations import Annotator, Joined, join
from perceptdata.errors import UsageError
from perceptdata.example import TEXTS, split_text_id, text_id
from perceptdata.layers import LayerKind
from perceptdata.spans import SCHEMES
from perceptdata.workspace import layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

ANNOTATED: tuple[LayerKind, ...] = ("spans", "reviews")
WRITTEN: tuple[LayerKind, ...] = ("responses", "captions")
"""The layers whose rows are texts."""


def kinds_of(ws: Workspace, layer: str) -> list[LayerKind]:
    """Which kinds of annotation a step wrote. Raises UsageError where it wrote none."""
    kinds = [kind for kind in ANNOTATED if ws.shards(layer_room(kind), layer)]
    if not kinds:
        have = [name for name, found in ws.layers().items() if set(found).intersection(ANNOTATED)]
        raise UsageError(f"step '{layer}' has no spans or reviews; {', '.join(have) or 'no step'} has")
    return kinds


def read(ws: Workspace, layers: Sequence[str]) -> Joined:
    """What all annotators of the named layers say, joined on the texts of the workspace."""
    annotators = [
        annotator
        for layer in layers
        for kind in kinds_of(ws, layer)
        for annotator in Annotator.of_layer(layer, ws.layer(layer, kind).to_table())
    ]
    if len(annotators) < 2:
        raise UsageError("two annotators are compared at least; name another layer")
    wanted = {address for annotator in annotators for address in annotator.text_id}
    steps = {maker_of(address) for address in wanted}.difference(TEXTS)
    written = {
        step: (ws.layer(step, kind).to_batches(columns=["text_id", "text"]))
        for step in sorted(steps)
        for kind in WRITTEN
        if ws.shards(layer_room(kind), step)
    }
    examples = ws.examples().to_batches(columns=["id", *TEXTS]) if ws.sources() else ()
    return join(annotators, texts_of(wanted, examples, written))


def labelled(ws: Workspace, layers: Sequence[str]) -> list[str]:
    """Those of the layers that label stretches of texts: spans of a scheme of ours, reviews that give no verdict."""
    found = []
    for layer in layers:
        spans, reviews = (bool(ws.shards(layer_room(kind), layer)) for kind in ANNOTATED)
        schemes = ws.layer(layer, "spans").to_table(columns=["scheme"]).column("scheme").unique() if spans else []
        own = reviews and any(
            batch.column("verdict").null_count for batch in ws.layer(layer, "reviews").to_batches(columns=["verdict"])
        )
        if own or any(scheme.as_py() in SCHEMES for scheme in schemes):
            found.append(layer)
    return found


def texts_of(
    wanted: Iterable[str],
    examples: Iterable[pa.RecordBatch | pa.Table],
    written: Mapping[str, Iterable[pa.RecordBatch | pa.Table]],
) -> dict[str, str]:
    """The texts at the wanted addresses, as far as they are there: the examples' own, and what steps wrote."""
    names: dict[str, list[str]] = {}
    for address in wanted:
        names.setdefault(maker_of(address), []).append(address)
    own = {name: pa.array([at.rpartition("#")[0] for at in names[name]]) for name in TEXTS if name in names}
    found: dict[str, str] = {}
    if own:
        for batch in examples:
            for name, owners in own.items():
                found |= {text_id(key, name): text for key, text in _rows(batch, "id", name, owners)}
    for step, batches in written.items():
        addresses = pa.array(names.get(step, []), pa.string())
        for batch in batches:
            found |= dict(_rows(batch, "text_id", "text", addresses))
    return found


def _rows(batch: pa.RecordBatch | pa.Table, key: str, text: str, wanted: pa.Array) -> Iterator[tuple[str, str]]:
    chosen = batch.filter(pc.and_(pc.is_in(batch.column(key), wanted), pc.is_valid(batch.column(text))))
    yield from zip(chosen.column(key).to_pylist(), chosen.column(text).to_pylist(), strict=True)


def maker_of(address: str) -> str:
    """The example's own text or the step that an address names; of what is no address, nothing that exists."""
    return address.rpartition("#")[2].partition("/")[0]


def source_of(address: str) -> str:
    """The source a text belongs to; of a caption, `captions`."""
    owner = split_text_id(address).owner
    return "captions" if owner.startswith("img:") else unquote(owner.partition("/")[0])
