"""`perceptdata review` and `certify`, as somebody types them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import audited
import pytest

from perceptdata.review import read_claims
from perceptdata.workspace import Workspace


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return audited.judged(tmp_path_factory).path


def test_a_plan_says_what_can_be_proven_before_anyone_works(cli: Callable[..., Any]) -> None:
    done = cli("review", "forecast", "--people", 2, "--hours", 16, "--target", 0.95)
    assert done.code == 0
    assert "2560 readings" in done.out
    lines = [line for line in done.out.splitlines() if "│ all" in line]
    assert len(lines) == 4
    assert "attainable" in lines[0]
    assert "not attainable" not in lines[0]
    assert "not attainable below" in lines[3]  # .96 against a target of .95
    told = json.loads(cli("review", "forecast", "--target", 0.98, "--json").out)
    assert [row["attainable"] for row in told["rows"]] == [True, False, False, False]
    assert told["rows"][1]["required"] is None  # a true .98 never proves .98


def test_a_plan_counts_slices_from_the_layers(cli: Callable[..., Any], judged: Path) -> None:
    asked = ("review", "forecast", "--from", "caps", "--judges", "exact", "--by", "claim", "-w", judged, "--json")
    told = json.loads(cli(*asked).out)
    claims = read_claims(Workspace(judged), "caps", ["exact"])
    assert set(told["slices"]) <= set(claims.kinds)
    assert 0 < sum(told["slices"].values()) < len(claims)
    assert {row["slice"] for row in told["rows"]} == {None, *told["slices"]}
    assert 0 < told["images"] <= 70
    assert f"of {told['images']} images" in cli(*asked[:-1]).out
    assert cli("review", "forecast", "--from", "caps").code == 2
    assert cli("review", "forecast", "--judges", "exact").code == 2
    assert "the judges too" in cli("review", "forecast", "--from", "caps").err


def test_from_the_draw_to_the_certificate(cli: Callable[..., Any], judged: Path, tmp_path: Path) -> None:
    claims = read_claims(Workspace(judged), "caps", ["exact"])
    where = ("first", "--workspace", judged)
    draw = (
        *("review", "audit", "--from", "caps", "--judges", "exact", "--target", 0.8),
        *("--audits", 90, "--traps", 24, "--check", "oracle", "--reader", "ann", "--reader", "bob"),
    )
    done = cli(*draw, *where)
    assert done.code == 0, done.err
    assert "with 24 traps" in done.out
    assert "ann: " in done.out
    assert cli(*draw, *where).out == done.out  # the same draw again
    assert "was drawn already, otherwise" in cli(*draw, "--seed", 2, *where).err
    assert "need a folder" in cli("review", "push", *where).err
    assert "new tasks, 0 were there" in cli("review", "push", "--to", tmp_path / "read", *where).out
    files = [tmp_path / "read" / f"{name}.jsonl" for name in ("ann", "bob")]
    audited.reader(miss=0.05).fill_in(files[0], claims)
    done = cli("review", "pull", "--kind", "simulated", *where)
    assert ", 0 to read" not in done.out
    assert "! bob has answered none of " in cli("review", "status", *where).out
    audited.reader(miss=0.05).fill_in(files[1], claims)
    done = cli("review", "pull", "--kind", "simulated", *where, "--json")
    stands = json.loads(done.out)
    assert stands["unread"] == 0
    assert stands["waiting"] > 10
    done = cli("review", "pull", *where)  # nothing is new: nobody becomes a person by it
    assert "0 new annotations, 0 changed" in done.out
    assert "wait for a last word" in done.out
    assert f"{stands['waiting']} tasks for a last word" in cli("review", "adjudicate", "--dry-run", *where).out
    done = cli("review", "adjudicate", *where)
    assert f"{stands['waiting']} new items to look at once more" in done.out
    audited.reader(miss=0.0, alarm=0.0).fill_in(tmp_path / "read" / "last.jsonl", claims)
    assert "perceptdata certify --audit first" in cli("review", "pull", "--kind", "simulated", *where).out
    assert json.loads(cli("review", "status", *where, "--json").out)["people"]["ann"]["traps"] > 5
    verb = ("certify", "--audit", "first", "--workspace", judged)
    assert "1 of 1 shards to make" in cli(*verb, "--dry-run").out
    assert json.loads(cli(*verb, "--dry-run", "--json").out)["todo"] == 1
    done = cli(*verb)
    assert done.code == 0, done.err
    assert "simulated readers: this proves nothing of captions" in done.out
    certificate = judged / "certificates/certified/certificate.json"
    assert certificate.with_name("index.html").read_text().startswith("<!doctype html>")
    assert json.loads(cli(*verb, "--json").out)["issued"] is True
    check = ("certify", "--workspace", judged, "--verify")
    assert "holds: made again from the layers" in cli(*check, certificate).out
    forged = tmp_path / "forged.json"
    forged.write_text(certificate.read_text().replace('"alarm": 0.0', '"alarm": 0.5', 1))
    done = cli(*check, forged)
    assert done.code == 1
    assert "readers.alarm: 0.5 in the certificate" in done.err
    assert json.loads(cli(*check, forged, "--json").out)["holds"] is False


def test_a_refusal_is_a_sentence_and_exit_code_1(cli: Callable[..., Any], judged: Path) -> None:
    done = cli(
        *("review", "audit", "unread", "--from", "caps", "--judges", "exact", "--hours", 0.5, "--target", 0.8),
        *("--people", 1, "--traps", 20, "--json", "--workspace", judged),
    )
    told = json.loads(done.out)
    assert told["readings"] == told["audited"] + 20  # one reader reads nothing twice
    done = cli("certify", "--audit", "unread", "--workspace", judged, "--name", "never")
    assert done.code == 1
    assert done.err.startswith("error: no certificate: some reader read no trap")
    assert (judged / "certificates/never/refusal.json").exists()
    assert not (judged / "certificates/never/certificate.json").exists()
    done = cli("certify", "--audit", "unread", "--workspace", judged, "--name", "never", "--json")
    assert done.code == 1
    assert json.loads(done.out)["issued"] is False
    assert cli("certify", "--audit", "none", "--workspace", judged).code == 2


def test_judges_are_calibrated_against_an_oracle(cli: Callable[..., Any], judged: Path) -> None:
    verb = ("review", "calibrate", "--from", "caps", "--judges", "panel", "--workspace", judged)
    done = cli(*verb, "--oracle", "exact/oracle")
    assert done.code == 0, done.err
    assert done.out.count("specificity") == 3
    assert set(json.loads(cli(*verb, "--oracle", "exact/oracle", "--json").out)) == {
        f"panel/{judge}" for judge in audited.PANEL
    }
    assert "name one of them" in cli(*verb).err
    assert cli(*verb, "--audit", "nobody").code == 2


def test_options_of_nonsense_are_named(cli: Callable[..., Any], judged: Path) -> None:
    asked = ("review", "audit", "--from", "caps", "--judges", "exact", "-w", judged, "--reader", "a")
    done = cli(*asked, "--reader", "a", "--audits", 5, "--traps", 5)
    assert done.code == 2
    assert "readers need names of their own" in done.err
