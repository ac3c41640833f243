"""A workspace, published and read by `datasets` itself: by tag, as a stream, by hf://, in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import releases
from hub.faults import Fault
from hub.server import Hub
from PIL import Image

from perceptdata.publishing.hub.failure import HubError
from perceptdata.publishing.release.build import ReleaseSpec, build_release
from perceptdata.workspace import Workspace

REPO = "tester/cards"
READ = """
import datasets, json, sys
import pyarrow.parquet as pq
from huggingface_hub import HfFileSystem
repo, tag = sys.argv[1:]
said = {"configs": datasets.get_dataset_config_names(repo, revision=tag)}
whole = datasets.load_dataset(repo, "full", revision=tag)
said["rows"] = sum(len(rows) for rows in whole.values())
first = next(iter(whole.values()))[0]
said["first"] = [first["id"], list(first["images"][0].size)]
streamed = datasets.load_dataset(repo, "full", revision=tag, streaming=True)
first = next(iter(next(iter(streamed.values()))))
said["streamed"] = [first["id"], list(first["images"][0].size)]
files = HfFileSystem().glob(f"hf://datasets/{repo}@{tag}/full/*.parquet")
said["files"] = sum(pq.read_metadata(HfFileSystem().open(path)).num_rows for path in files)
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def ws(toy_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return releases.make(toy_site, tmp_path_factory.mktemp("published"))


def read(hub: Hub, tag: str | None) -> Any:
    env = {**os.environ, **hub.environment()}
    done = subprocess.run([sys.executable, "-c", READ, REPO, str(tag)], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("xet", [False, True], ids=["lfs", "xet"])
def test_a_workspace_is_published_and_read(
    ws: Workspace, hub: Hub, put: Any, monkeypatch: pytest.MonkeyPatch, xet: bool
) -> None:
    hub.here(monkeypatch, xet=xet)
    monkeypatch.setattr(Image, "open", lambda *picture, **options: pytest.fail("an image was decoded"))
    release = build_release(ws, ReleaseSpec(repo=REPO, licence="cc0-1.0"))
    try:
        done = put(release, repo=REPO)
    except HubError as error:
        if not xet:
            raise
        pytest.skip(f"this hf_xet has no local store: {error}")
    said = read(hub, done.tag)
    planned: dict[str, int] = {}
    for shard in release.plan():
        config = shard.path.partition("/")[0]
        planned[config] = planned.get(config, 0) + shard.rows
    assert set(said["configs"]) == set(planned)
    assert said["first"] == said["streamed"]
    assert said["rows"] == said["files"] == planned["full"] == len(ws.view("all"))
    again = build_release(ws, ReleaseSpec(repo=REPO, licence="cc0-1.0"))
    assert put(again, repo=REPO).again


def test_an_interrupted_workspace_goes_on_with_the_same_bytes(ws: Workspace, hub: Hub, put: Any) -> None:
    spec = ReleaseSpec(repo=REPO, licence="cc0-1.0", shard_bytes=16000)
    hub.faults.append(Fault("PUT /lfs/", 403, skip=5, times=99))
    with pytest.raises(HubError):
        put(build_release(ws, spec), repo=REPO)
    hub.faults.clear()
    hub.calls.clear()
    release = build_release(ws, spec)
    done = put(release, repo=REPO)
    manifest = json.loads(hub.read(REPO, "manifest.json"))
    files = hub.repos[REPO].head.files
    assert {file["path"]: file["sha256"] for file in manifest["files"]} == {
        path: entry.sha256 for path, entry in files.items() if entry.lfs
    }
    assert len(release.plan()) == done.sent + 5
