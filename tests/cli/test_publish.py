"""`perceptdata publish` as people type it, to a Hub on the loopback and to a folder."""

import json
from pathlib import Path
from typing import Any

import pytest
import releases
from hub.faults import Fault
from hub.server import Hub

from perceptdata.publishing.hub import failure
from perceptdata.workspace import Workspace

REPO = "tester/cards"


@pytest.fixture(scope="module")
def ws(toy_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return releases.make(toy_site, tmp_path_factory.mktemp("published"))


@pytest.fixture
def publish(ws: Workspace, cli: Any) -> Any:
    return lambda *words: cli("publish", *words, "--licence", "cc0-1.0", "--workspace", ws.path)


def test_a_dry_run_shows_and_sends_nothing(hub: Hub, publish: Any) -> None:
    said = publish(REPO, "--dry-run", "--private")
    assert (said.code, said.err) == (0, "")
    assert "in all" in said.out
    assert f"to {hub.url}/datasets/{REPO} (new, private), branch main, tag v-" in said.out
    plan = json.loads(publish(REPO, "--dry-run", "--json").out)
    assert (plan["problems"], plan["state"]) == ([], "new")
    assert hub.repos == {}


def test_it_publishes_once(hub: Hub, publish: Any) -> None:
    said = publish(REPO, "--tag", "v1")
    assert said.code == 0
    assert f"{hub.url}/datasets/{REPO} at v1" in said.out
    assert "perceptdata clone tester/cards --revision v1" in said.out
    assert set(hub.repos[REPO].tags) == {"v1"}
    assert "held this version already" in publish(REPO, "--tag", "v1").out
    assert "holds this version already: nothing would be sent" in publish(REPO, "--tag", "v1", "--dry-run").out
    done = json.loads(publish(REPO, "--json").out)
    assert (done["again"], done["sent"]) == (True, 0)


def test_views_gates_branches_and_pull_requests(hub: Hub, publish: Any) -> None:
    assert publish(REPO, "--view", "perception", "--gated", "manual", "--title", "Cards").code == 0
    assert hub.repos[REPO].gated == "manual"
    assert {path.partition("/")[0] for path in hub.repos[REPO].head.files if "/" in path} == {"perception"}
    assert "# Cards" in hub.read(REPO, "README.md").decode()
    assert "would remove perception/" in publish(REPO, "--view", "all", "--dry-run").out
    assert publish(REPO, "--revision", "next").code == 0
    assert "next" in hub.repos[REPO].branches
    said = publish(REPO, "--pr", "--shard-bytes", "5000")
    assert f"proposed at {hub.url}/datasets/{REPO}/discussions/1" in said.out
    assert "next:" not in said.out


def test_a_folder_needs_no_hub_and_no_name(publish: Any, tmp_path: Path) -> None:
    said = publish("--to", "out", "--dry-run")
    assert (said.code, (tmp_path / "out").exists()) == (0, False)
    assert publish("--to", "out").out.startswith("out: ")
    assert (tmp_path / "out" / "full").is_dir()
    assert "lay there already" in publish("--to", "out").out
    assert json.loads(publish("--to", "out", "--json").out)["again"]
    assert json.loads(publish("--to", "out", "--dry-run", "--json").out)["problems"] == []
    assert "old ones removed" in publish("--to", "out", "--view", "perception").out


def test_what_is_wrong_is_a_sentence(hub: Hub, publish: Any, ws: Workspace, cli: Any) -> None:
    for words, said in (
        ((), "say where to: OWNER/NAME on the Hub, or a folder with --to"),
        (("cards",), "'cards' is a name without its owner; say OWNER/cards"),
        ((REPO, "--gated", "maybe"), "'auto' or 'manual'"),
        ((REPO, "--pr", "--tag", "x"), "no version until it is merged"),
        ((REPO, "--view", "nothing"), "there is no view 'nothing'"),
        (("bob/cards",), "tester is neither bob nor one of its members"),
        (("bob/cards", "--dry-run"), "tester is neither bob nor one of its members"),
    ):
        done = publish(*words)
        assert (done.code, said in done.err) == (2, True), done.err
    assert hub.repos == {}


def test_a_hub_that_fails_is_a_sentence(hub: Hub, publish: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failure, "WAITS", (1.0,))
    monkeypatch.setattr(failure.time, "sleep", lambda seconds: None)
    hub.faults.append(Fault("POST .*/commit/", 503, times=9))
    done = publish(REPO)
    assert done.code == 1
    assert done.err.splitlines() == [
        "committing to tester/cards: the Hub says 503 (injected); again in 1 s",
        "error: committing to tester/cards: the Hub says 503 (injected); run the same command again to go on from here",
    ]
    hub.faults.clear()
    assert ", 0 of them sent" in publish(REPO).out


def test_offline_is_said(hub: Hub, publish: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    done = publish(REPO)
    assert (done.code, done.err) == (1, "error: HF_HUB_OFFLINE is set, so the Hub cannot be asked; unset it\n")


def test_a_recipe_publishes(hub: Hub, ws: Workspace, tmp_path: Path) -> None:
    from perceptdata.steps.declared import make_output
    from perceptdata.steps.publish import Publish

    output = make_output({"publish": REPO, "view": "perception", "licence": "cc0-1.0", "private": True}, tmp_path)
    assert isinstance(output, Publish)
    done = output.write(ws)
    assert (done.output, done.files, hub.repos[REPO].private) == (f"publish {REPO}", [], True)
    assert f"{hub.url}/datasets/{REPO} at v-" in done.notes[0]
    local = make_output({"publish": REPO, "to": "out", "licence": "cc0-1.0"}, tmp_path).write(ws)
    assert (tmp_path / "out" / "manifest.json") in local.files
