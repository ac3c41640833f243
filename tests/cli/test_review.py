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
    done = cli("review", "plan", "--people", 2, "--hours", 16, "--target", 0.95)
    assert done.code == 0
    assert "2560 readings" in done.out
    lines = [line for line in done.out.splitlines() if "│ all" in line]
    assert len(lines) == 4
    assert "attainable" in lines[0]
    assert "not attainable" not in lines[0]
    assert "not attainable below" in lines[3]  # .96 against a target of .95
    told = json.loads(cli("review", "plan", "--target", 0.98, "--json").out)
    assert [row["attainable"] for row in told["rows"]] == [True, False, False, False]
    assert told["rows"][1]["required"] is None  # a true .98 never proves .98


def test_a_plan_counts_slices_from_the_layers(cli: Callable[..., Any], judged: Path) -> None:
    asked = ("review", "plan", "--from", "caps", "--judges", "exact", "--by", "claim", "-w", judged, "--json")
    told = json.loads(cli(*asked).out)
    claims = read_claims(Workspace(judged), "caps", ["exact"])
    assert set(told["slices"]) <= set(claims.kinds)
    assert 0 < sum(told["slices"].values()) < len(claims)
    assert {row["slice"] for row in told["rows"]} == {None, *told["slices"]}
    assert 0 < told["images"] <= 70
    assert f"of {told['images']} images" in cli(*asked[:-1]).out
    assert cli("review", "plan", "--from", "caps").code == 2
    assert cli("review", "plan", "--judges", "exact").code == 2
    assert "the judges too" in cli("review", "plan", "--from", "caps").err


def test_from_the_draw_to_the_certificate(cli: Callable[..., Any], judged: Path, tmp_path: Path) -> None:
    claims = read_claims(Workspace(judged), "caps", ["exact"])
    where = ("--workspace", judged, "--name", "first")
    draw = (
        *("review", "audit", "--from", "caps", "--judges", "exact", "--to", tmp_path / "read", "--target", 0.8),
        *("--audits", 90, "--traps", 24, "--check", "oracle", "--reader", "ann", "--reader", "bob"),
    )
    done = cli(*draw, *where)
    assert done.code == 0, done.err
    assert "with 24 traps" in done.out
    assert f"{tmp_path / 'read' / 'ann.jsonl'}" in done.out
    assert "may hold answers" in cli(*draw, *where).err
    files = [tmp_path / "read" / f"{name}.jsonl" for name in ("ann", "bob")]
    for file in files:
        audited.reader(miss=0.05).fill_in(file, claims)
    done = cli("review", "read", files[0], "--kind", "simulated", *where)
    assert ", 0 to read" not in done.out
    done = cli("review", "read", *files, "--kind", "simulated", *where, "--json")
    stands = json.loads(done.out)
    assert stands["unread"] == 0
    assert stands["waiting"] > 10
    assert "wait for a last word" in cli("review", "read", *files, "--kind", "simulated", *where).out
    assert "taken in as of a simulated reader" in cli("review", "read", *files, *where).err
    done = cli("review", "adjudicate", "--to", tmp_path / "last", *where)
    assert f"{stands['waiting']} items to look at once more" in done.out
    last = audited.reader(miss=0.0, alarm=0.0).fill_in(tmp_path / "last" / "last.jsonl", claims)
    assert "perceptdata certify --audit first" in cli("review", "read", last, "--kind", "simulated", *where).out
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


def test_a_refusal_is_a_sentence_and_exit_code_1(cli: Callable[..., Any], judged: Path, tmp_path: Path) -> None:
    where = ("--workspace", judged, "--name", "unread")
    done = cli(
        *(
            "review",
            "audit",
            "--from",
            "caps",
            "--judges",
            "exact",
            "--to",
            tmp_path / "read",
            "--hours",
            0.5,
            "--target",
            0.8,
        ),
        *("--people", 1, "--traps", 20, "--json"),
        *where,
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


def test_options_of_nonsense_are_named(cli: Callable[..., Any], judged: Path, tmp_path: Path) -> None:
    asked = ("review", "audit", "--from", "caps", "--judges", "exact", "--to", tmp_path, "-w", judged, "--reader", "a")
    done = cli(*asked, "--reader", "a", "--audits", 5, "--traps", 5)
    assert done.code == 2
    assert "readers need names of their own" in done.err
