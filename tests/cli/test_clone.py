"""`perceptdata clone`: a folder or a repository becomes a workspace, and says so."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import releases
from toys import card, picture, write_lines

from perceptdata.publishing.release.build import ReleaseSpec, build_release
from perceptdata.workspace import Workspace

Cli = Callable[..., Any]


@pytest.fixture
def ws(with_toys: None, tmp_path: Path) -> Workspace:
    seeing = {"stage": "visual_reasoning", "question": "<image>What?", "images": ["0.png"]}
    rows = [card(number, **(seeing if number % 2 else {})) for number in range(6)]
    write_lines(tmp_path / "cards" / "0.jsonl", rows)
    (tmp_path / "cards" / "0.png").write_bytes(picture(0))
    ws = Workspace.create(tmp_path / "ws")
    releases.run(ws, "cards", "build", use="toy_cards", path=tmp_path / "cards")
    releases.run(ws, "tags", "tag", use="toy_words")
    return ws


def test_a_folder_becomes_a_workspace(cli: Cli, ws: Workspace, tmp_path: Path) -> None:
    releases.publish(ws, tmp_path / "out")
    planned = cli("clone", "out", "--dry-run")
    assert (planned.code, planned.err) == (0, "")
    assert planned.out.startswith("6 examples in 1 files, ")
    assert "steps: cards, tags" in planned.out
    assert not (tmp_path / "workspace").exists()
    made = cli("clone", "out")
    assert (made.code, made.err) == (0, "")
    assert "out: 6 examples, 6 spans, 1 images; every hash holds" in made.out
    assert "perceptdata status" in made.out
    again = cli("clone", "out")
    assert "1 of 1 files were there already" in again.out
    assert cli("sql", "select count(*) as n from spans").out.count("6") == 1


def test_json_is_one_document(cli: Cli, ws: Workspace, tmp_path: Path) -> None:
    releases.publish(ws, tmp_path / "out")
    digest = build_release(ws, ReleaseSpec(repo="acme/toys")).digest
    planned = json.loads(cli("clone", "out", "--dry-run", "--json").out)
    assert (planned["digest"], planned["examples"], planned["steps"]) == (digest, 6, ["cards", "tags"])
    done = json.loads(cli("clone", "out", "--json", "--workspace", "other").out)
    assert done["rows"] == {"examples": 6, "spans": 6, "images": 1}
    assert (done["digest"], done["read"], done["kept"], done["revision"]) == (digest, 1, 0, None)


def test_what_is_wrong_is_one_sentence(cli: Cli, ws: Workspace, tmp_path: Path) -> None:
    said = cli("clone", "nowhere")
    assert (said.code, said.err) == (2, "error: 'nowhere' is neither a folder nor OWNER/NAME\n")
    said = cli("clone", "cards")
    assert said.code == 2
    assert "has no manifest.json: perceptdata did not publish it" in said.err


def test_a_repository_is_cloned_at_a_revision(cli: Cli, hub: Any, ws: Workspace, tmp_path: Path) -> None:
    from huggingface_hub import HfApi

    api = HfApi(endpoint=hub.url, token=hub.token)
    api.create_repo("tester/toys", repo_type="dataset")
    releases.publish(ws, tmp_path / "one")
    api.upload_folder(repo_id="tester/toys", repo_type="dataset", folder_path=str(tmp_path / "one"))
    api.create_tag("tester/toys", tag="v1", repo_type="dataset")
    write_lines(tmp_path / "cards" / "1.jsonl", [card(7)])
    releases.run(ws, "cards", "build", use="toy_cards", path=tmp_path / "cards")
    releases.run(ws, "tags", "tag", use="toy_words")
    releases.publish(Workspace(ws.path), tmp_path / "two")
    api.upload_folder(repo_id="tester/toys", repo_type="dataset", folder_path=str(tmp_path / "two"))
    done = json.loads(cli("clone", "tester/toys", "--revision", "v1", "--json", "--workspace", "first").out)
    assert done["rows"]["examples"] == 6
    assert done["revision"] == api.dataset_info("tester/toys", revision="v1").sha
    done = json.loads(cli("clone", "tester/toys", "--json", "--workspace", "second").out)
    assert done["rows"]["examples"] == 7
    assert releases.rows_of(Workspace(tmp_path / "second"), "examples") == releases.rows_of(
        Workspace(ws.path), "examples"
    )
    assert list((tmp_path / "second" / "cache" / "clone").rglob("*.parquet")) == []  # one file at a time
    for call in ("tester/nothing", "tester/toys --revision v9"):
        said = cli("clone", *call.split(), "--workspace", "none")
        assert said.code == 1
        assert said.err.startswith("error: looking at tester/")
        assert hub.token not in said.err
