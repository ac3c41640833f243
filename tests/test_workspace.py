"""The workspace on disk: made, opened, refused, locked, read-only, full, pruned."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from toys import write_cards

from perceptdata import health, manifest
from perceptdata.errors import UsageError, WorkspaceError
from perceptdata.manifest import FORMAT
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import Outcome, run_step
from perceptdata.view import ViewSpec, define_view
from perceptdata.workspace import EXAMPLES, Workspace, hold

HOLDER = """
import sys, time
from perceptdata.workspace import Workspace
with Workspace(sys.argv[1]).lock("a long run"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write_cards(tmp_path / "cards", shards=2, rows=4)
    return tmp_path / "cards"


def build(ws: Workspace, source: Path, **options: Any) -> Outcome:
    step = make_step("build", {"use": "toy_cards", "path": source, **options})
    with ws.lock("build"):
        return run_step(ws, "cards", step)


def manifest_of(ws: Workspace) -> dict[str, Any]:
    return json.loads(ws.manifest_path.read_bytes())


# Making and opening


def test_create_then_open(tmp_path: Path) -> None:
    made = Workspace.create(tmp_path / "deep" / "ws")
    assert [path.name for path in made.path.iterdir()] == ["manifest.json"]
    assert Workspace.open(made.path).manifest == made.manifest
    assert Workspace.create(made.path).manifest == made.manifest  # opens what is there


def test_what_is_not_a_workspace_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"is not a workspace .*perceptdata build … --workspace"):
        Workspace(tmp_path / "nowhere")


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(UsageError, match=r"holds other files \(thesis\.tex, …\); name an empty folder"):
        Workspace.create(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "ws").write_text("a file")
    with pytest.raises(WorkspaceError, match="cannot be written"):
        Workspace.create(tmp_path / "ws")


def test_an_interrupted_create_is_taken_up(tmp_path: Path) -> None:
    (tmp_path / ".manifest.json.tmp").write_text('{"form')
    assert Workspace.create(tmp_path).manifest.format == FORMAT


@pytest.mark.usefixtures("with_toys")
def test_an_empty_workspace_answers(tmp_path: Path) -> None:
    ws = Workspace.create(tmp_path / "ws")
    assert ws.sql("select count(*) from examples").fetchall() == [(0,)]
    assert len(ws.view("all")) == 0
    assert ws.layers() == {}
    assert ws.sources() == []
    with pytest.raises(UsageError, match="step 'tags' has no spans; no step has"):
        ws.layer("tags", "spans")


# Formats


def with_format(ws: Workspace, number: int) -> None:
    ws.manifest_path.write_text(json.dumps({**manifest_of(ws), "format": number}))


def test_a_newer_format_says_so(tmp_path: Path) -> None:
    ws = Workspace.create(tmp_path / "ws")
    with_format(ws, FORMAT + 1)
    for open_it in (Workspace, Workspace.create, health.migrate):
        with pytest.raises(
            WorkspaceError, match=r"was written by a newer perceptdata .* upgrade perceptdata to open it"
        ):
            open_it(ws.path)


def test_an_older_format_is_migrated_by_one_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ws = Workspace.create(tmp_path / "ws")
    with_format(ws, FORMAT - 2)
    with pytest.raises(WorkspaceError, match=f"perceptdata doctor --migrate --workspace {ws.path}"):
        Workspace(ws.path)

    steps: list[int] = []

    def migration(to: int) -> Any:
        def migrate(path: Path) -> None:
            with pytest.raises(WorkspaceError, match=r"is in use by .*doctor --migrate"), hold(path, "write"):
                pass  # nobody else writes meanwhile
            steps.append(to)
            with_format(ws, to)

        return migrate

    monkeypatch.setattr(health, "MIGRATIONS", {FORMAT - 2: migration(FORMAT - 1), FORMAT - 1: migration(FORMAT)})
    assert health.migrate(ws.path) == [
        f"{ws.path}: format {FORMAT - 2} is now format {FORMAT - 1}",
        f"{ws.path}: format {FORMAT - 1} is now format {FORMAT}",
    ]
    assert steps == [FORMAT - 1, FORMAT]
    assert Workspace(ws.path).manifest.format == FORMAT
    assert health.migrate(ws.path) == [f"{ws.path} has format {FORMAT} already"]


def test_a_format_that_nothing_migrates_is_said(tmp_path: Path) -> None:
    ws = Workspace.create(tmp_path / "ws")
    with_format(ws, FORMAT - 1)
    assert FORMAT - 1 not in manifest.MIGRATIONS
    with pytest.raises(WorkspaceError, match="which nothing migrates; build it anew"):
        health.migrate(ws.path)


def test_migrating_nothing_leaves_no_trace(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="cannot be read"):
        health.migrate(tmp_path)
    assert list(tmp_path.iterdir()) == []


# The lock


def test_the_holder_is_named_while_it_lives_and_forgotten_when_it_is_killed(tmp_path: Path) -> None:
    ws = Workspace.create(tmp_path / "ws")
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(ws.path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(WorkspaceError, match=rf"is in use by process {holder.pid} on \S+ \(a long run, since 2"),
            ws.lock("mine"),
        ):
            pass
        assert len(Workspace(ws.path).view("all")) == 0  # reading needs no lock
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert json.loads((ws.path / ".lock").read_text())["pid"] == holder.pid  # its note is still there
    with ws.lock("mine"):
        assert json.loads((ws.path / ".lock").read_text())["pid"] == os.getpid()
    assert (ws.path / ".lock").read_text() == ""


def test_a_lock_is_not_taken_twice_in_one_process(tmp_path: Path) -> None:
    ws = Workspace.create(tmp_path / "ws")
    with ws.lock("first"):
        with pytest.raises(WorkspaceError, match=rf"in use by process {os.getpid()} .*first"), ws.lock("second"):
            pass
        with pytest.raises(WorkspaceError), Workspace(ws.path).lock("third"):
            pass
    with ws.lock("fourth"):
        pass


def test_locking_sees_what_another_wrote(tmp_path: Path) -> None:
    ws, other = Workspace.create(tmp_path / "ws"), Workspace(tmp_path / "ws")
    with other.lock("other"):
        define_view(other, "mine", ViewSpec(seed=4))
    assert "mine" not in ws.manifest.views
    with ws.lock("now"):
        assert "mine" in ws.manifest.views


# Disks that are full or may not be written


@pytest.mark.parametrize(
    ("code", "remedy"),
    [(errno.ENOSPC, "free some space"), (errno.EACCES, "give yourself write permission"), (errno.EROFS, "read-only")],
)
def test_no_room_or_permission_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, remedy: str
) -> None:
    ws = Workspace.create(tmp_path / "ws")

    def fail(*args: Any, **kwargs: Any) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", fail)
        with pytest.raises(WorkspaceError, match=rf"new cannot be written .*{remedy}"):
            Workspace.create(tmp_path / "new")
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", fail)
        with pytest.raises(WorkspaceError, match=rf"ws cannot be written .*{remedy}"), ws.lock("x"):
            pass


@pytest.mark.usefixtures("with_toys")
@pytest.mark.parametrize("at", [1, 2, 3, 5, 8, 13])
def test_a_disk_that_fills_up_keeps_the_manifest_and_a_rerun_completes(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """The `at`-th sync to disk fails: in a shard's file, in its folder, in the manifest."""
    ws = Workspace.create(tmp_path / "ws")
    calls, fsync = iter(range(1, 1000)), os.fsync

    def filling(handle: int) -> None:
        if next(calls) == at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", filling)
        with pytest.raises(WorkspaceError, match=r"No space left on device.*run the same command again"):
            build(ws, source)
    again = Workspace(ws.path)  # the manifest can be read, and speaks of whole files only
    assert [check.found for check in health.workspace(ws.path) if check.state == "bad"] == []
    undisturbed = Workspace.create(tmp_path / "other")
    assert build(again, source).made == build(undisturbed, source).made
    assert again.examples().to_table().equals(undisturbed.examples().to_table())


@pytest.mark.usefixtures("with_toys")
def test_reading_works_where_writing_does_not(tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ws = Workspace.create(tmp_path / "ws")
    build(ws, source)
    rows = list(ws.view("visual_reasoning"))
    assert rows
    shutil.rmtree(ws.path / "cache")
    shutil.rmtree(ws.path / "views")

    def fail(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", fail)
    monkeypatch.setattr(os, "replace", fail)
    assert [row["id"] for row in Workspace(ws.path).view("visual_reasoning")] == [row["id"] for row in rows]


# What the manifest says and what is there


@pytest.mark.usefixtures("with_toys")
def test_a_file_that_is_gone_is_named_and_made_again(tmp_path: Path, source: Path) -> None:
    ws = Workspace.create(tmp_path / "ws")
    build(ws, source)
    _, _, _, file = ws.shards(EXAMPLES)[1]
    before = ws.file(file).read_bytes()
    ws.file(file).unlink()
    with pytest.raises(WorkspaceError, match="is in the manifest but not on disk; run the step that made it again"):
        ws.examples()
    assert [check.what for check in health.workspace(ws.path) if check.state == "bad"] == ["files", file.path]
    assert build(ws, source).skipped == 1
    assert ws.file(file).read_bytes() == before


@pytest.mark.usefixtures("with_toys")
def test_the_doctor_finds_a_changed_byte_anywhere(tmp_path: Path, source: Path) -> None:
    ws = Workspace.create(tmp_path / "ws")
    build(ws, source)
    assert not [check for check in health.workspace(ws.path) if check.state == "bad"]
    paths = [path for room in ("examples", "images", "rejects") for path in (ws.path / room).rglob("*.*")]
    assert len(paths) >= 5
    for path in paths:
        data = bytearray(path.read_bytes())
        at = data.index(b"IHDR") if path.suffix == ".arrow" else len(data) // 2
        data[at] ^= 0xFF
        path.write_bytes(data)
        bad = [check.what for check in health.workspace(ws.path) if check.state == "bad"]
        assert bad == ["files", path.relative_to(ws.path).as_posix()]
        data[at] ^= 0xFF
        path.write_bytes(data)


@pytest.mark.usefixtures("with_toys")
def test_prune_removes_what_nothing_names_and_keeps_the_rest(tmp_path: Path, source: Path) -> None:
    ws = Workspace.create(tmp_path / "ws")
    build(ws, source)
    build(ws, source, note="other")
    (ws.path / "examples" / "cards" / ".00009.parquet.1.part").write_text("left behind")
    (ws.path / "examples" / "gone").mkdir()
    assert len(ws.view("all")) > 0
    ws.view("all")[0]  # fills the cache
    ((step, old),) = ws.stale()
    assert step == "cards"
    kept = {file.path: ws.file(file).read_bytes() for _, _, _, file in ws.shards(EXAMPLES)}
    with ws.lock("prune"):
        freed = ws.prune()
    assert freed > 0
    assert ws.stale() == []
    assert {path: (ws.path / path).read_bytes() for path in kept} == kept
    left = [path for path in (ws.path / "examples").rglob("*") if path.is_file()]
    assert sorted(path.relative_to(ws.path).as_posix() for path in left) == sorted(kept)
    assert not list(ws.path.rglob(old))
    assert not (ws.path / "examples" / "gone").exists()
    assert not (ws.path / "cache").exists()
    assert Workspace(ws.path).manifest == ws.manifest
    assert len(ws.view("all")) > 0
