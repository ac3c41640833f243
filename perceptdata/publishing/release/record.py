"""What a release says of itself: where its rows come from and how they were made, as `manifest.json` and the card say.

    record = record_of(ws, spec, configs)
    record.to_json(digest, shards)

No time of day, no path, no address and no secret enters it: options that hold one are left out.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from perceptdata import __version__
from perceptdata.manifest import StepVersion, digest
from perceptdata.publishing.release.citations import Paper, papers_of
from perceptdata.publishing.release.config import FULL, Config, LayerConfig, ViewConfig
from perceptdata.publishing.release.evidence import evidence_of
from perceptdata.publishing.release.licences import Holding, Settlement, settle
from perceptdata.publishing.release.shard import Shard
from perceptdata.publishing.release.spec import ReleaseSpec
from perceptdata.query import connect
from perceptdata.shard import IMAGES
from perceptdata.workspace import REJECTS

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

MANIFEST = "manifest.json"
FORMAT = 1
_PRIVATE = re.compile(
    r"(^|_)(urls?|path|paths|folder|dir|directory|root|file|files|images|host|token|secret|password|headers|api_key|"
    r"key_env|credentials|spool)$"
)
_PLACE = re.compile(r"[a-z][a-z0-9+.-]*://|[/~\\]|[A-Za-z]:[\\/]|\.{1,2}/", re.IGNORECASE)
_SECRET = re.compile(r"\b(hf_|sk-|ghp_|xox[abp]-|AKIA)[A-Za-z0-9_-]{12,}")


@dataclass(frozen=True, slots=True)
class SourceRow:
    """Rows of one corpus, as one source of the workspace read it."""

    source: str
    corpus: str
    builder: str
    version: str
    licence: str
    use: str
    rows: int

    def holding(self) -> Holding:
        """What licences are settled by."""
        return Holding(self.corpus, self.licence, self.use, self.rows)


@dataclass(frozen=True, slots=True)
class Record:
    """`configs`, `steps`, `views` and `evidence` are plain values, by name."""

    configs: dict[str, dict[str, Any]]
    sources: list[SourceRow]
    images: int
    steps: dict[str, dict[str, Any]]
    views: dict[str, dict[str, Any]]
    evidence: dict[str, Any]
    settlement: Settlement
    allowed: tuple[str, ...]

    def content(self) -> dict[str, Any]:
        """Everything, as plain values: what the release's digest is made of."""
        return {
            "format": FORMAT,
            "perceptdata": __version__,
            "configs": self.configs,
            "sources": [asdict(source) for source in self.sources],
            "images": self.images,
            "licences": list(self.settlement.licences),
            "allowed": sorted(self.allowed),
            "steps": self.steps,
            "views": self.views,
            "evidence": self.evidence,
        }

    def to_json(self, release: str, shards: Sequence[Shard]) -> str:
        """The manifest's text: the release's digest, then what it holds, then its files."""
        files = [
            {"path": shard.path, "rows": shard.rows, "bytes": shard.bytes, "sha256": shard.sha256} for shard in shards
        ]
        whole = {"digest": release, **self.content(), "files": files}
        return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"

    @property
    def layers(self) -> set[str]:
        """The kinds of layer that the steps wrote, reviews included."""
        return {room.removeprefix("layers/") for step in self.steps.values() for room in step["rows"]}

    def papers(self) -> list[Paper]:
        """The papers whose methods made these rows."""
        return papers_of({source.builder for source in self.sources}, self.layers)

    @property
    def rejected(self) -> dict[str, int]:
        """Dropped rows by reason, over all steps, the most frequent first."""
        counted: Counter[str] = Counter()
        for step in self.steps.values():
            counted.update(step["rejected"])
        return dict(counted.most_common())


def record_of(ws: Workspace, spec: ReleaseSpec, configs: Sequence[Config]) -> Record:
    """The record of a workspace's release."""
    sources, images = _sources(ws, configs)
    holdings: Counter[tuple[str, str, str]] = Counter()
    for source in sources:
        holdings[source.corpus, source.licence, source.use] += source.rows
    settlement = settle([Holding(*key, rows) for key, rows in sorted(holdings.items())], spec.licence, spec.allow)
    return Record(
        configs={config.name: _config(config) for config in configs},
        sources=sources,
        images=images,
        steps={name: _step(state.active, state.current) for name, state in ws.manifest.steps.items()},
        views={name: {"definition": view.definition} for name, view in ws.manifest.views.items()},
        evidence=evidence_of(ws),
        settlement=settlement,
        allowed=spec.allow,
    )


def _config(config: Config) -> dict[str, Any]:
    said: dict[str, Any] = {"rows": len(config), "splits": config.splits}
    if isinstance(config, ViewConfig) and config.name != FULL:
        view = config.rows.view
        said |= {"definition": view.spec.definition(), "fingerprint": view.fingerprint, "dropped": view.dropped}
    if isinstance(config, LayerConfig):
        said["steps"] = sorted(config.layer.steps)
    return said


def _step(version: str, run: StepVersion) -> dict[str, Any]:
    """A run: what it did, with which options, how many rows it has and refused; `data` is the hash of its files."""
    rejected: Counter[str] = Counter()
    rooms: Counter[str] = Counter()
    for shard in run.shards.values():
        rejected.update(shard.rejected)
        rooms.update({room: file.rows for room, file in shard.files.items() if room not in (IMAGES, REJECTS)})
    files = sorted(
        (room, file.sha256) for shard in run.shards.values() for room, file in shard.files.items() if room != REJECTS
    )
    return {
        "do": run.do,
        "version": version,
        "options": public(run.options),
        "rows": dict(sorted(rooms.items())),
        "rejected": dict(rejected.most_common()),
        "data": digest(files),
    }


def public(value: Any, key: str = "") -> Any:
    """Options without what is nobody else's: addresses, paths and secrets are left out, wherever they stand."""
    if isinstance(value, Mapping):
        return {name: kept for name, each in value.items() if (kept := public(each, str(name))) is not _LEFT_OUT}
    if isinstance(value, (list, tuple)):
        return [kept for each in value if (kept := public(each, key)) is not _LEFT_OUT]
    if isinstance(value, str) and (_PRIVATE.search(key) or _PLACE.match(value) or _SECRET.search(value)):
        return _LEFT_OUT
    return value


_LEFT_OUT = object()


def _sources(ws: Workspace, configs: Sequence[Config]) -> tuple[list[SourceRow], int]:
    """The published examples, each once, by source and terms; and how many images they show."""
    ids = [config.rows.ids for config in configs if isinstance(config, ViewConfig)]
    chosen = pa.chunked_array([chunk for each in ids for chunk in each.chunks], pa.string()).unique()
    connection = connect(ws)
    connection.register("_chosen", pa.table({"id": chosen}))
    found = connection.execute(
        "select split_part(id, '/', 1), source.corpus, source.builder, source.version, source.licence, "
        "source.allowed_use, count(*) from examples semi join _chosen using (id) group by all order by all"
    ).fetchall()
    shown = connection.execute(
        "select count(distinct image.sha256) from (select unnest(images) as image from examples semi join _chosen "
        "using (id))"
    ).fetchall()
    return [SourceRow(*row) for row in found], int(shown[0][0])
