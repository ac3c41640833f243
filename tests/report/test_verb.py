"""`perceptdata report` and the output behind it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from perceptdata.cli import app
from perceptdata.errors import UsageError, WorkspaceError
from perceptdata.steps.declared import make_output
from perceptdata.steps.report import Report
from perceptdata.workspace import Workspace


def test_a_recipe_names_the_file_and_it_is_taken_from_its_folder(full: Workspace, tmp_path: Path) -> None:
    written = make_output({"report": "out/page.html", "sample": 5}, tmp_path).write(full)
    assert written.files == [tmp_path / "out" / "page.html"]
    assert written.rows == 4  # one item of each source, with all its twins
    assert written.files[0].read_text(encoding="utf-8").startswith("<!doctype html>")


def test_without_a_name_it_goes_into_the_workspace(full: Workspace) -> None:
    assert Report().file(full) == full.path / "report" / "index.html"


def test_wrong_options_are_named(full: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'sampel'.*did you mean 'sample'"):
        make_output({"report": "x.html", "sampel": 5}, tmp_path)
    with pytest.raises(UsageError, match="'sample'"):
        make_output({"report": "x.html", "sample": 0}, tmp_path)


def test_a_place_that_cannot_be_written_is_named(full: Workspace, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match="file cannot be written"):
        Report(report=tmp_path / "file" / "page.html").write(full)


def test_the_verb_prints_the_file_and_what_to_do_next(full: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    done = CliRunner().invoke(app, ["report", "--workspace", str(full.path), "--to", str(file)])
    assert done.exit_code == 0, done.output
    assert file.exists()
    assert str(file) in done.output
    assert f"perceptdata show ROW --why --workspace {full.path}" in done.output


def test_json_and_dry_run(full: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    asked = ["report", "-w", str(full.path), "--to", str(file), "--view", "hard", "--json"]
    planned = CliRunner().invoke(app, [*asked, "--dry-run"])
    assert json.loads(planned.output) == {"file": str(file), "rows": 8, "sample": 8}
    assert not file.exists()
    done = CliRunner().invoke(app, asked)
    assert json.loads(done.output) == {"output": "report", "files": [str(file)], "rows": 8}
