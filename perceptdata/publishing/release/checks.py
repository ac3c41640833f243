"""Everything that forbids publishing, found before a byte is written."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import datasets
import pyarrow as pa
import pyarrow.dataset as ds

from perceptdata.layers import LayerKind
from perceptdata.manifest import FileEntry
from perceptdata.publishing.features import features
from perceptdata.publishing.release.config import FULL, Config, LayerConfig, ViewConfig
from perceptdata.publishing.release.layers import PUBLISHED
from perceptdata.query import sandbox
from perceptdata.workspace import EXAMPLES, ROOMS, layer_room

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

GROUP_LIMIT = 286 << 20
"""Bytes of a row group that the Hub's viewer still scans (it refuses 300,000,000)."""
ADDRESSED: tuple[LayerKind, ...] = ("spans", "verdicts", "token_scores")
"""Layers whose rows speak of a text, and name its hash."""
_SPLIT = re.compile(r"\w+")

_STALE = """
    with texts as (
        select unnest([id || '#question', id || '#facts', id || '#response']) as text_id,
            unnest([question, facts, response]) as text from examples
    ), known as (
        select text_id, sha256(text) as text_sha256 from texts where text is not null
        union all select text_id, text_sha256 from responses
        union all select text_id, text_sha256 from captions
    )
    select count(*) from layer anti join known using (text_id, text_sha256)
    where starts_with(text_id, 'img:') or regexp_replace(text_id, '#[^#]*$', '') in (select id from examples)
"""
"""Layer rows whose text is not there, or is another than the one that they were made from. Rows of examples that are
gone are counted elsewhere.
"""


def problems_of(ws: Workspace, configs: Sequence[Config]) -> list[str]:
    """A sentence for each. Licences are the record's, and not looked at here."""
    if not any(isinstance(config, ViewConfig) and len(config) for config in configs):
        return [f"{ws.path} has no rows to publish; build a source, or choose rows with another view"]
    return [*_unfinished(ws), *_shapes(configs), *_strangers(configs), *_stale(ws, configs)]


def _unfinished(ws: Workspace) -> Iterator[str]:
    for name, state in ws.manifest.steps.items():
        run = state.current
        if not run.complete:
            done = f"{len(run.shards)} of {run.expected} shards"
            yield f"step '{name}' is not finished ({done}); run it again, or take it out of the workspace"


def _shapes(configs: Sequence[Config]) -> Iterator[str]:
    for config in configs:
        if not len(config):
            yield f"view '{config.name}' has no rows, and `datasets` loads no config without rows; leave it out"
            continue
        if (
            isinstance(config, ViewConfig)
            and config.rows.view.name == config.name
            and config.name in (*PUBLISHED, FULL)
        ):
            yield f"view '{config.name}' would bear the name of a layer's config; give it another name"
        yield from (
            f"split '{split}' of '{config.name}' has a name that `datasets` does not take; use letters, digits and _"
            for split in config.splits
            if not _SPLIT.fullmatch(split)
        )
        if isinstance(config, ViewConfig):
            largest = max(map(config.largest_row, config.splits))
            if largest > GROUP_LIMIT:
                yield (
                    f"a row of '{config.name}' shows {largest >> 20} MiB of images, and the Hub's viewer reads no row "
                    f"group above {GROUP_LIMIT >> 20} MiB; make the images smaller or leave the row out"
                )
        written = config.schema
        if large := [field.name for field in written if _is_large(field.type)]:
            yield f"columns {', '.join(large)} of '{config.name}' are of large types, which do not load beside others"
        if datasets.Features.from_arrow_schema(written) != features(written):
            yield f"the features of '{config.name}' are not those that its files would say; report this"


def _strangers(configs: Sequence[Config]) -> Iterator[str]:
    counted: Counter[str] = Counter()
    for config in configs:
        if isinstance(config, LayerConfig):
            counted += config.layer.strangers
    for step, rows in sorted(counted.items()):
        verb = "row of step '{}' speaks" if rows == 1 else "rows of step '{}' speak"
        yield f"{rows:,} {verb.format(step)} of examples or images that are not there; run '{step}' again"


def _stale(ws: Workspace, configs: Sequence[Config]) -> Iterator[str]:
    """Rows about a text that has changed, one shard of examples after another: memory is that of one shard."""
    addressed = [
        config.layer.kind for config in configs if isinstance(config, LayerConfig) and config.layer.kind in ADDRESSED
    ]
    by_shard: dict[str, dict[str, list[tuple[str, FileEntry]]]] = {}
    about_texts: list[LayerKind] = ["responses", *addressed]
    for kind in about_texts:
        for step, _, entry, file in ws.shards(layer_room(kind)):
            by_shard.setdefault(entry.about, {}).setdefault(kind, []).append((step, file))
    captions = _files(ws, "captions", [file for _, _, _, file in ws.shards(layer_room("captions"))])
    counted: Counter[str] = Counter()
    for source, shard, _, file in ws.shards(EXAMPLES):
        layers = by_shard.get(f"{source}/{shard}", {})
        responses = _files(ws, "responses", [each for _, each in layers.get("responses", [])])
        for kind in addressed:
            for step, each in layers.get(kind, []):
                connection = sandbox()
                connection.register("examples", ds.dataset(ws.file(file), schema=ROOMS[EXAMPLES].arrow_schema()))
                connection.register("responses", responses)
                connection.register("captions", captions)
                connection.register("layer", ds.dataset(ws.file(each), schema=ROOMS[layer_room(kind)].arrow_schema()))
                counted[step] += connection.execute(_STALE).fetchall()[0][0]
    for step, rows in sorted((+counted).items()):
        verb = (
            "row of step '{}' was made from a text that has"
            if rows == 1
            else "rows of step '{}' were made from texts that have"
        )
        yield f"{rows:,} {verb.format(step)} changed since; run '{step}' again"


def _files(ws: Workspace, kind: str, files: Sequence[FileEntry]) -> ds.Dataset:
    schema = ROOMS[f"layers/{kind}"].arrow_schema()
    return ds.dataset([str(ws.file(file)) for file in files], schema=schema, format="parquet")


def _is_large(kind: pa.DataType) -> bool:
    if pa.types.is_large_string(kind) or pa.types.is_large_binary(kind) or pa.types.is_large_list(kind):
        return True
    return any(_is_large(kind.field(at).type) for at in range(kind.num_fields)) if pa.types.is_nested(kind) else False
