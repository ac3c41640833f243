"""A clone is the workspace that was published: examples, images, layers, views; and it goes on where it stopped."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from releases import publish as to_folder
from releases import rows_of, run

from perceptdata.errors import UsageError, WorkspaceError
from perceptdata.manifest import digest
from perceptdata.publishing.release.bring import BringAll
from perceptdata.publishing.release.clone import clone
from perceptdata.publishing.release.restored import stored
from perceptdata.records import canonical_json
from perceptdata.view import ViewSpec, define_view
from perceptdata.workspace import ROOMS, Workspace

Publish = Callable[..., Path]


def assert_same(ws: Workspace, other: Workspace) -> None:
    """All rows but rejects, all images, and the rows of a view."""
    assert list(other.manifest.steps) == list(ws.manifest.steps)
    for room in ROOMS:
        if room != "rejects":
            for step in ws.manifest.steps:
                assert rows_of(other, room, step) == rows_of(ws, room, step), (room, step)
    hashes = {image["sha256"] for row in rows_of(ws, "examples") for image in row["images"]}
    assert len(other.images) == len(hashes)
    for sha256 in hashes:
        assert other.images[sha256].equals(ws.images[sha256])
        assert other.images.row(sha256) == ws.images.row(sha256)


def views_rows(ws: Workspace, name: str) -> str:
    tables = [table.drop_columns(["images"]) for table in ws.view(name).batches()]
    return digest(canonical_json([row for table in tables for row in table.to_pylist()]))


def test_a_clone_is_what_was_published(published_ws: Workspace, publish: Publish, tmp_path: Path) -> None:
    with published_ws.lock("test"):
        define_view(published_ws, "tagged", ViewSpec.model_validate({"spans": "tags", "order": "random"}))
    folder = publish(published_ws)
    done = clone(str(folder), tmp_path / "clone")
    assert (done.read, done.kept) == (2, 0)
    assert done.rows["examples"] == 48
    other = Workspace(tmp_path / "clone")
    assert_same(published_ws, other)
    for name in ("all", "perception", "tagged"):
        assert views_rows(other, name) == views_rows(published_ws, name)
    for name, state in other.manifest.steps.items():
        own = published_ws.manifest.steps[name]
        assert (state.active, state.current.do, state.current.complete) == (own.active, own.current.do, True)
        for entry in state.current.shards.values():
            assert entry.about.count("/") == 1


def test_a_clone_published_again_has_the_same_data(published_ws: Workspace, publish: Publish, tmp_path: Path) -> None:
    folder = publish(published_ws)
    clone(str(folder), tmp_path / "clone")
    again = publish(Workspace(tmp_path / "clone"), "again")
    first, second = (json.loads((each / "manifest.json").read_text()) for each in (folder, again))
    assert second["files"] == first["files"]
    cards = [(each / "README.md").read_text() for each in (folder, again)]
    assert cards[0] == cards[1]


def test_steps_go_on_from_a_clone(with_toys: None, published_ws: Workspace, publish: Publish, tmp_path: Path) -> None:
    clone(str(publish(published_ws)), tmp_path / "clone")
    other = Workspace(tmp_path / "clone")
    run(other, "fresh", "tag", use="toy_words")
    assert [row["spans"] for row in rows_of(other, "layers/spans", "fresh")] == [
        row["spans"] for row in rows_of(other, "layers/spans", "tags")
    ]


def test_real_corpora_come_back(shared: Path, tmp_path: Path) -> None:
    ws = Workspace.create(tmp_path / "ws")
    run(ws, "geometry3k", "build", use="geometry3k", path=shared / "corpora" / "geometry3k" / "data_examples")
    run(ws, "sudoku", "build", use="sudoku", limit=12)
    run(ws, "tags", "tag")
    run(ws, "caps", "caption", **{"from": "facts"})
    folder = to_folder(ws, tmp_path / "out", shard_bytes=150_000)
    done = clone(str(folder), tmp_path / "clone")
    assert done.read > 2
    assert_same(ws, Workspace(tmp_path / "clone"))


def dying(call: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process is interrupted while it writes file number `call`."""
    whole, calls = BringAll.write, iter(range(100))

    def write(self: Any, *given: Any) -> None:
        if next(calls) == call:
            raise KeyboardInterrupt
        whole(self, *given)

    monkeypatch.setattr(BringAll, "write", write)


@pytest.mark.parametrize("call", [0, 2])
def test_an_interrupted_clone_goes_on(
    published_ws: Workspace, publish: Publish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    folder = publish(published_ws, shard_bytes=60_000)
    files = len(list(folder.glob("full/*.parquet")))
    assert files > 3
    with monkeypatch.context() as patch:
        dying(call, patch)
        with pytest.raises(KeyboardInterrupt):
            clone(str(folder), tmp_path / "clone")
    done = clone(str(folder), tmp_path / "clone")
    assert (done.read, done.kept) == (files - call, call)
    assert_same(published_ws, Workspace(tmp_path / "clone"))
    again = clone(str(folder), tmp_path / "clone")
    assert (again.read, again.kept) == (0, files)
    assert list((tmp_path / "clone").rglob("*.part")) == []


def test_a_lost_file_of_a_clone_is_made_again(published_ws: Workspace, publish: Publish, tmp_path: Path) -> None:
    folder = publish(published_ws, shard_bytes=60_000)
    clone(str(folder), tmp_path / "clone")
    next((tmp_path / "clone" / "layers" / "captions").rglob("*.parquet")).unlink()
    assert clone(str(folder), tmp_path / "clone").read == 1
    assert_same(published_ws, Workspace(tmp_path / "clone"))


def test_a_damaged_file_is_refused_by_name(published_ws: Workspace, publish: Publish, tmp_path: Path) -> None:
    folder = publish(published_ws)
    path = folder / "full" / "train-00000-of-00001.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:1000] + b"x" + whole[1001:])
    with pytest.raises(WorkspaceError, match=r"full/train-00000-of-00001.parquet of .* is damaged: its SHA-256"):
        clone(str(folder), tmp_path / "clone")
    path.unlink()
    with pytest.raises(WorkspaceError, match=r"full/train-00000-of-00001.parquet of .* is missing"):
        clone(str(folder), tmp_path / "clone")
    path.write_bytes(whole)
    clone(str(folder), tmp_path / "clone")
    assert_same(published_ws, Workspace(tmp_path / "clone"))


def test_an_image_that_is_not_its_hash_is_refused(published_ws: Workspace, publish: Publish, tmp_path: Path) -> None:
    """A file that somebody wrote anew, and whose hash stands in a manifest they wrote anew too."""
    folder = publish(published_ws)
    path = folder / "full" / "test-00000-of-00001.parquet"
    table = pq.read_table(path)
    rows = table.to_pylist()
    first = next(row for row in rows if row["images"])
    second = next(row for row in rows if row["images"] and row["image_info"] != first["image_info"])
    first["images"][0]["bytes"] = second["images"][0]["bytes"]
    pq.write_table(pa.Table.from_pylist(rows, table.schema), path)
    manifest = json.loads((folder / "manifest.json").read_text())
    (entry,) = (each for each in manifest["files"] if each["path"] == "full/test-00000-of-00001.parquet")
    entry["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(WorkspaceError, match=r"image [0-9a-f]{64} in full/test-.* is not the one that was published"):
        clone(str(folder), tmp_path / "clone")


def test_a_manifest_that_counts_other_rows_is_refused(
    published_ws: Workspace, publish: Publish, tmp_path: Path
) -> None:
    folder = publish(published_ws)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["steps"]["tags"]["rows"]["layers/spans"] += 1
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(WorkspaceError, match="rows of layers/spans of step 'tags'"):
        clone(str(folder), tmp_path / "clone")


def test_only_an_empty_workspace_or_the_same_clone_will_do(
    published_ws: Workspace, publish: Publish, tmp_path: Path
) -> None:
    folder = publish(published_ws)
    shutil.copytree(published_ws.path, tmp_path / "taken")
    with pytest.raises(UsageError, match="taken holds data of its own; name an empty folder with --workspace"):
        clone(str(folder), tmp_path / "taken")
    clone(str(folder), tmp_path / "clone")
    other = publish(published_ws, "other", licence="MIT")
    with pytest.raises(UsageError, match="is a clone of something else, or of another version"):
        clone(str(other), tmp_path / "clone")


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (None, "has no manifest.json: perceptdata did not publish it"),
        ("{", "is not one that perceptdata wrote, or is damaged"),
        ("[]", "is not one that perceptdata wrote, or is damaged"),
        ('{"format": 99}', "was published by a newer perceptdata"),
        ('{"format": 1, "files": []}', "is not one that perceptdata wrote, or is damaged"),
    ],
)
def test_what_is_no_release_is_refused(tmp_path: Path, manifest: str | None, words: str) -> None:
    (tmp_path / "data").mkdir()
    if manifest is not None:
        (tmp_path / "data" / "manifest.json").write_text(manifest)
    with pytest.raises(UsageError, match=words):
        clone(str(tmp_path / "data"), tmp_path / "clone")


def test_a_source_that_is_neither_folder_nor_repository_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'nowhere' is neither a folder nor OWNER/NAME"):
        clone("nowhere", tmp_path / "clone")
    with pytest.raises(UsageError, match="is a folder, which has no revisions"):
        clone(str(tmp_path), tmp_path / "clone", revision="v1")


def test_fields_that_may_not_be_null_stand_under_a_null() -> None:
    inner = pa.struct([pa.field("name", pa.string(), nullable=False), pa.field("n", pa.list_(pa.int32()))])
    kind = pa.struct([pa.field("a", pa.string(), nullable=False), pa.field("b", inner)])
    values = [
        None,
        {"a": "x", "b": None},
        {"a": "y", "b": {"name": "z", "n": [1, 2]}},
        {"a": "w", "b": {"name": "v", "n": None}},
    ]
    loose = pa.struct(
        [pa.field("a", pa.string()), pa.field("b", pa.struct([("name", pa.string()), ("n", pa.list_(pa.int32()))]))]
    )
    made = stored(pa.chunked_array([values[:2], values[2:]], loose), kind)
    assert made.type == kind
    assert made.to_pylist() == values
    lists = stored(pa.chunked_array([[values, None, []]], pa.list_(loose)), pa.list_(kind))
    assert lists.to_pylist() == [values, None, []]
    assert stored(pa.chunked_array([[None]], loose), kind).to_pylist() == [None]
