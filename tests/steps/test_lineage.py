"""A step never reads what was made of its own answers."""

from pathlib import Path
from typing import Any

from perceptdata.manifest import FileEntry, ShardEntry, StepState, StepVersion
from perceptdata.steps.lineage import example_shards
from perceptdata.workspace import EXAMPLES, Workspace

FILE = FileEntry(path="x", rows=1, bytes=1, sha256="0")


def step(do: str, **options: Any) -> StepState:
    shard = ShardEntry(input="i", about="a", files={EXAMPLES: FILE} if do == "build" else {})
    return StepState(active="1", versions={"1": StepVersion(do=do, options=options, shards={"0": shard})})


def test_what_descends_from_a_step_is_not_its_input(tmp_path: Path) -> None:
    ws = Workspace.create(tmp_path / "ws")
    ws.manifest.steps.update(
        photos=step("build"),
        writes=step("generate"),
        mcq=step("build", **{"from": "writes"}),
        tells=step("generate", of=["mcq"]),
        more=step("build", **{"from": "tells"}),
        apart=step("generate", of=["photos"]),
        other=step("build", **{"from": "apart"}),
    )

    def read(name: str, *of: str) -> list[str]:
        return [source for source, _, _ in example_shards(ws, name, of)]

    assert read("writes") == ["photos", "other"]
    assert read("tells") == ["photos", "mcq", "other"]
    assert read("new") == ["photos", "mcq", "more", "other"]
    assert read("writes", "mcq") == ["mcq"]
