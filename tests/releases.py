"""A workspace with every kind of layer, its release, and the few questions that tests of publishing ask of them."""

from pathlib import Path
from typing import Any

import pytest
from toys import write_cards

from perceptdata.publishing.release.build import ReleaseSpec, WorkspaceRelease, build_release
from perceptdata.publishing.release.shard import Shard
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import run_step
from perceptdata.workspace import Workspace


def run(ws: Workspace, name: str, do: str, **options: Any) -> None:
    with ws.lock("test"):
        run_step(ws, name, make_step(do, options))


def make(site: Path, folder: Path) -> Workspace:
    """Two sources that share images, texts tagged twice, captions with claims and verdicts."""
    write_cards(folder / "cards", shards=3, rows=12)
    write_cards(folder / "more", shards=1, rows=12, seed=4)
    ws = Workspace.create(folder / "ws")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        run(ws, "cards", "build", use="toy_cards", path=folder / "cards")
        run(ws, "more", "build", use="toy_cards", path=folder / "more")
        run(ws, "tags", "tag", use="toy_words")
        run(ws, "tries", "tag", use="toy_words", **{"from": ["cards", "more"]})
        run(ws, "caps", "caption", use={"toy_sizes": {"n": 2}})
        run(ws, "verdicts", "judge", **{"from": "caps", "use": "toy_lengths", "probes": []})
    return ws


def write(release: WorkspaceRelease, folder: Path, card: str | None = None) -> list[Shard]:
    """Write a release as `publish --to` does."""
    shards = [shard for shard, _ in release.shards(folder, lambda path: None)]
    for path, data in release.closing(shards, card).items():
        (folder / path).write_bytes(data)
    return shards


def publish(ws: Workspace, folder: Path, **spec: Any) -> Path:
    """The folder of a release."""
    write(build_release(ws, ReleaseSpec(repo="acme/toys", **spec)), folder)
    return folder


def rows_of(ws: Workspace, room: str, step: str | None = None) -> list[dict[str, Any]]:
    """The rows of a room, in an order that does not depend on shards."""
    found = ws.dataset(room, step).to_table().to_pylist() if ws.shards(room, step) else []
    return sorted(found, key=repr)
