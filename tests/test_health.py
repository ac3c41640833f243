"""The doctor: what is missing, at the wrong version, broken or damaged is named with its remedy."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from toys import write_cards

from perceptdata import health, registry
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import run_step
from perceptdata.workspace import Workspace


def test_this_machine_and_installation_are_in_order() -> None:
    checks = health.machine() + health.installation()
    assert [check for check in checks if check.state == "bad"] == []
    named = {check.what: check for check in checks}
    assert {"python", "cores", "free space here", "pyarrow", "duckdb", "builders", "taggers"} <= set(named)
    assert "sudoku" in named["builders"].found


def test_little_space_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health.shutil, "disk_usage", lambda path: SimpleNamespace(free=health.LITTLE_SPACE - 1))
    (check,) = (check for check in health.machine() if check.what == "free space here")
    assert (check.state, check.remedy) == ("note", "images need room")


def test_what_is_missing_or_too_old_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["pyarrow>=9999", "not-a-package-anywhere>=1", 'another-missing>=1; extra == "spacy"', "duckdb>=1"]
    monkeypatch.setattr(health, "requires", lambda package: lines)
    named = {check.what: check for check in health.installation()}
    assert (named["pyarrow"].state, named["duckdb"].state) == ("bad", "ok")
    assert named["pyarrow"].remedy == "perceptdata takes >=9999: pip install 'pyarrow>=9999'"
    assert named["not-a-package-anywhere"].found == "not installed"
    assert "another-missing" not in named  # an extra that nobody asked for


def test_a_broken_plugin_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = registry.Entry("builders", "wreck", "wreck:Wreck", "wreckage", "1.0", "RuntimeError: flooded")
    monkeypatch.setattr(health.registry, "entries", lambda kind, check: [broken] if kind == "builders" else [])
    bad = [check for check in health.installation() if check.state == "bad"]
    assert [(check.what, check.found, check.remedy) for check in bad] == [
        ("builders: wreck", "RuntimeError: flooded", "mend or uninstall wreckage")
    ]


@pytest.mark.usefixtures("with_toys")
def test_a_workspace_is_read_file_by_file(tmp_path: Path) -> None:
    write_cards(tmp_path / "cards", shards=2, rows=6)
    ws = Workspace.create(tmp_path / "ws")
    with ws.lock("test"):
        run_step(ws, "cards", make_step("build", {"use": "toy_cards", "path": tmp_path / "cards"}))
    assert {check.state for check in health.workspace(ws.path)} == {"ok"}
    (files,) = (check for check in health.workspace(ws.path) if check.what == "files")
    assert files.found == "10 files, 0 of them wrong"  # two shards of examples, images, rejects, responses, scores
    pack = next((ws.path / "images").rglob("*.arrow"))
    data = pack.read_bytes()
    for damaged, said in (
        (data[:-1], f"{len(data) - 1} bytes, the manifest says {len(data)}"),
        (b"x" * len(data), "cannot be read"),
        (data.replace(b"IDAT", b"IDAX", 1), "has other bytes than its name says"),
    ):
        pack.write_bytes(damaged)
        (wrong,) = (check for check in health.workspace(ws.path) if check.what.startswith("images/"))
        assert said in wrong.found
        assert wrong.remedy == "delete it and run its step again"
    pack.unlink()
    (wrong,) = (check for check in health.workspace(ws.path) if check.what.startswith("images/"))
    assert wrong.found == "missing"


def test_a_workspace_that_cannot_be_opened_is_one_bad_check(tmp_path: Path) -> None:
    (check,) = health.workspace(tmp_path / "nowhere")
    assert check.state == "bad"
    assert "is not a workspace" in check.found


def test_a_workspace_that_cannot_be_written_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ws = Workspace.create(tmp_path / "ws")
    monkeypatch.setattr(health.os, "access", lambda path, mode: False)
    (check,) = (check for check in health.workspace(ws.path) if check.what == "may write")
    assert (check.state, check.remedy) == ("note", "reading still works")
