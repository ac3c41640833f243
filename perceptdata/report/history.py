"""How a workspace came about: its steps, what each left out and why, and the views that were defined.

Read from the manifest; only the rejected rows that are shown, the first of each reason, are read from disk.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from perceptdata.errors import REASONS
from perceptdata.manifest import StepVersion, digest
from perceptdata.shard import IMAGES
from perceptdata.view import DEFAULT_VIEWS
from perceptdata.workspace import EXAMPLES, REJECTS, ROOMS

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

SHOWN_REJECTS = 200


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason of one step: how many rows it cost (the whole count), and the first of them."""

    code: str
    meaning: str
    count: int
    rows: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Funnel:
    """What a source offered and what became of it. A row of the source with three twins is three rows here."""

    step: str
    accepted: int
    reasons: list[Reason]

    @property
    def rejected(self) -> int:
        """Rows that were left out."""
        return sum(reason.count for reason in self.reasons)

    @property
    def read(self) -> int:
        """All rows that were offered."""
        return self.accepted + self.rejected


@dataclass(frozen=True, slots=True)
class StepLine:
    """One run of a step. `state` is done, partial, or replaced by newer options; `made` counts rows by room."""

    step: str
    do: str
    version: str
    state: str
    plugins: str
    made: dict[str, int]
    rejected: int
    shards: int
    expected: int
    seconds: float
    finished: str
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ViewLine:
    """A defined view: what it chose and what it left out."""

    name: str
    rows: int | None
    dropped: dict[str, int]
    definition: dict[str, Any]
    fingerprint: str


@dataclass(frozen=True, slots=True)
class History:
    """Everything the manifest knows. `fingerprint` is of the current files' contents, by step."""

    perceptdata: str
    format: int
    fingerprint: str
    steps: list[StepLine] = field(default_factory=list)
    funnels: list[Funnel] = field(default_factory=list)
    views: list[ViewLine] = field(default_factory=list)
    recipe: str | None = None
    default_views: tuple[str, ...] = tuple(DEFAULT_VIEWS)

    @classmethod
    def of(cls, ws: Workspace) -> History:
        """Read it."""
        manifest = ws.manifest
        recipe = ws.path / "recipe.yaml"
        files = [
            [step, file.sha256]
            for step, state in manifest.steps.items()
            for _, shard in sorted(state.current.shards.items())
            for _, file in sorted(shard.files.items())
        ]
        return cls(
            manifest.perceptdata,
            manifest.format,
            digest(files)[:16],
            [
                _step(step, version, run, version == state.active)
                for step, state in manifest.steps.items()
                for version, run in sorted(state.versions.items(), key=lambda item: item[0] != state.active)
            ],
            _funnels(ws),
            [
                ViewLine(name, view.rows, view.dropped, view.definition, (view.fingerprint or "")[:16])
                for name, view in manifest.views.items()
            ],
            recipe.read_text(encoding="utf-8") if recipe.exists() else None,
        )

    @property
    def rejected(self) -> int:
        """Rows that any step left out."""
        return sum(funnel.rejected for funnel in self.funnels)


def _step(step: str, version: str, run: StepVersion, active: bool) -> StepLine:
    rooms = {room: run.rows(room) for room in (*ROOMS, IMAGES) if room != REJECTS}
    return StepLine(
        step,
        run.do,
        version,
        ("done" if run.complete else "partial") if active else "replaced",
        ", ".join(_plugins(run.options)),
        {room.removeprefix("layers/"): rows for room, rows in rooms.items() if rows},
        sum(count for shard in run.shards.values() for count in shard.rejected.values()),
        len(run.shards),
        run.expected,
        sum(shard.seconds for shard in run.shards.values()),
        run.finished or "",
        run.options,
    )


def _plugins(options: dict[str, Any]) -> list[str]:
    """The plugins among a step's options, with their versions: they stand there as `{name, version, …}`."""
    values = [value for option in options.values() for value in (option if isinstance(option, list) else [option])]
    return [
        f"{value['name']} {value['version']}"
        for value in values
        if isinstance(value, dict) and {"name", "version"} <= value.keys()
    ]


def _funnels(ws: Workspace) -> list[Funnel]:
    """A funnel for each step that builds, and for each other that rejected something."""
    funnels = []
    for step, state in ws.manifest.steps.items():
        reasons: Counter[str] = Counter()
        for shard in state.current.shards.values():
            reasons.update(shard.rejected)
        if reasons or state.current.do == "build":
            listed = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
            found = [Reason(code, REASONS.get(code, ""), count, _rejects(ws, step, code)) for code, count in listed]
            funnels.append(Funnel(step, state.current.rows(EXAMPLES), found))
    return funnels


def _rejects(ws: Workspace, step: str, code: str) -> list[dict[str, Any]]:
    scanner = ws.rejects(step).scanner(columns=["split", "key", "stage", "message"], filter=pc.field("code") == code)
    return scanner.head(SHOWN_REJECTS).to_pylist()
