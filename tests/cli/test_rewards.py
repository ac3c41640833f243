"""`perceptdata rewards probe` and `serve` on the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rewards.scenes import write_scenes

Cli = Callable[..., Any]


@pytest.fixture
def ws(cli: Cli, tmp_path: Path) -> Path:
    write_scenes(tmp_path / "cards", 12, 4)
    assert cli("build", "toy_cards", "--source", "cards", "-w", "ws").code == 0
    return tmp_path / "ws"


def test_probe_prints_the_ranking_and_who_passes(cli: Cli, ws: Path) -> None:
    done = cli("rewards", "probe", "--from", "toy_cards", "-w", "ws")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    rows = {line.split()[0]: line for line in lines if line.startswith(" ") and line.split()}
    assert [name for name in rows if name in ("solver", "render")] == ["solver", "render"]
    assert rows["solver"].split()[-1] == rows["render"].split()[-1] == "yes"
    assert rows["wellformed"].split()[-1] == "no"
    assert "  perceptdata rewards serve --workspace ws" in lines[-1]


def test_probe_as_json(cli: Cli, ws: Path) -> None:
    words = ["rewards", "probe", "--from", "toy_cards", "-w", "ws", "--surrogate", "solver", "--json"]
    found = json.loads(cli(*words, "--limit", "11").out)
    assert (found["from"], found["view"], found["rollouts"]) == ("toy_cards", "all", 44)
    by_name = {each["name"]: each for each in found["rewards"]}
    assert set(by_name) == {"outcome", "format", "solver"}
    assert by_name["solver"]["passes"] is True
    assert by_name["outcome"]["passes"] is None
    assert by_name["solver"]["cost"]["calls"] == 0


def test_probe_of_captions_needs_their_certificate(cli: Cli, ws: Path) -> None:
    words = ["rewards", "probe", "--from", "toy_cards", "-w", "ws", "--reference", "toy_cards", "--surrogate", "facts"]
    refused = cli(*words)
    assert refused.code == 2
    assert "cannot be a reward's reference: they have no certificate" in refused.err
    assert cli(*words, "--certificate", "none.json").code == 2
    allowed = cli(*words, "--allow-uncertified")
    assert allowed.code == 0
    assert "facts (uncertified)" in allowed.out


def test_where_none_passes_that_is_said(cli: Cli, ws: Path) -> None:
    done = cli("rewards", "probe", "--from", "toy_cards", "-w", "ws", "--surrogate", "wellformed")
    assert done.code == 0
    assert "no surrogate follows perception surely better than the outcome: train on none of them" in done.out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["probe", "--from", "none"], "step 'none' has no responses"),
        (["probe", "--from", "toy_cards", "--surrogate", "x=y"], "--surrogate takes NAME=WEIGHT, not 'x=y'"),
        (["probe", "--from", "toy_cards", "--set", "captions=c"], "--set takes NAME.KEY=VALUE"),
        (["probe", "--from", "toy_cards", "--set", "facts.captions=c"], "'facts', which is not among the surrogates"),
        (["probe", "--from", "toy_cards", "--format", "none"], "there is no format 'none'"),
        (["probe", "--from", "toy_cards", "--format-set", "no=1"], "unknown key 'no'"),
        (["probe", "--from", "toy_cards", "--view", "perception"], "perception is known for 0 scenes"),
        (["serve", "--host", "0.0.0.0"], "can be reached from other machines"),
        (["serve", "--token-env", "NO_SUCH_TOKEN"], "the token is read from $NO_SUCH_TOKEN, which is not set"),
        (["serve", "--reward", "outcom=1", "--workers", "1"], "there is no reward 'outcom'"),
    ],
)
def test_wrong_use(cli: Cli, ws: Path, words: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_TOKEN", raising=False)
    done = cli("rewards", *words, "-w", "ws")
    assert (done.code, done.out) == (2, "")
    assert sentence in done.err
