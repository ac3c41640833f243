"""Certify: a certificate and a layer, or a refusal and none; made again by anybody."""

import importlib
import json
import shutil
from pathlib import Path

import audited
import pytest
from jsonschema import Draft202012Validator

from perceptdata.errors import UsageError
from perceptdata.review import read_claims
from perceptdata.rewards.surrogates.references import References, certificate_faults
from perceptdata.schemas import schema
from perceptdata.steps.certificates import read_outcome, verify_certificate, write_page
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import Outcome, plan_step, run_step
from perceptdata.verification.certificate import Certificate, Refusal
from perceptdata.verification.verdicts import SUPPORTED
from perceptdata.workspace import Workspace

CERT = "certificates/certified/certificate.json"


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Judged captions and two audits of them, one by careful and one by lenient simulated readers; nobody writes."""
    ws = audited.judged(tmp_path_factory)
    with ws.lock("fixture"):
        audited.audit(ws, "careful", errors={"miss": 0.05, "alarm": 0.02})
        audited.audit(ws, "lenient", errors={"miss": 0.6, "alarm": 0.0}, seed=7, target=0.97)
        audited.audit(ws, "people", kind="person", errors={"miss": 0.05}, use="reward")
    return ws


@pytest.fixture
def ws(read: Workspace, tmp_path: Path) -> Workspace:
    shutil.copytree(read.path, tmp_path / "ws")
    return Workspace(tmp_path / "ws")


def certify(ws: Workspace, audit: str, name: str = "certified", **options: object) -> Outcome:
    with ws.lock("test"):
        return run_step(ws, name, make_step("certify", {"from": "caps", "audit": audit, **options}))


def test_what_is_proven_is_certified_and_marked(ws: Workspace) -> None:
    done = certify(ws, "careful")
    assert done.stopped is None
    found = read_outcome(ws, "certified")
    assert isinstance(found, Certificate)
    assert found.findings.claims.lower >= found.findings.target == 0.8
    assert found.findings.readers.kind == "simulated"
    assert "its readers were simulated" in found.does_not_cover[0]
    rows = ws.layer("certified", "captions").to_table().to_pylist()
    assert len(rows) == found.findings.captions == done.made["layers/captions"]
    claims = read_claims(ws, "caps", ["exact"])
    wrong = {owner for owner, vote in zip(claims.owner.tolist(), claims.votes[:, 0].tolist(), strict=True) if vote}
    assert {row["text_id"] for row in rows} == set(claims.owner.tolist()) - wrong
    before = {row["text_id"]: row for row in ws.layer("caps", "captions").to_table().to_pylist()}
    for row in rows:
        assert json.loads(row["meta"])["certificate"] == found.fingerprint
        assert row["producer"]["name"] == "certify"
        assert (row["text"], row["text_sha256"]) == tuple(
            before[row["text_id"]][key] for key in ("text", "text_sha256")
        )
    assert verify_certificate(ws, "certified", ws.path / CERT) == []
    Draft202012Validator(schema(Certificate)).validate(json.loads((ws.path / CERT).read_text()))
    again = certify(ws, "careful")
    assert again.skipped == again.shards


def test_simulated_readers_never_open_the_door_to_rewards(ws: Workspace) -> None:
    certify(ws, "careful")
    rows = ws.layer("certified", "captions").to_table().to_pylist()
    faults = certificate_faults(ws.path / CERT, rows)
    assert "the certificate was issued on simulated readers" in faults
    assert "the certificate speaks of other captions" not in faults  # both sides call the captions the same
    with pytest.raises(UsageError, match="cannot be a reward's reference"):
        References.load(ws, "certified", ws.path / CERT, allow_uncertified=False)


def test_lenient_readers_prove_nothing(ws: Workspace) -> None:
    done = certify(ws, "lenient")
    assert "the lower bound of precision is" in str(done.stopped)
    found = read_outcome(ws, "certified")
    assert isinstance(found, Refusal)
    assert found.findings.readers.miss > 0.3
    assert not (ws.path / CERT).exists()
    with pytest.raises(UsageError, match="has no captions"):
        ws.layer("certified", "captions")


def test_a_refusal_withdraws_what_was_certified(ws: Workspace) -> None:
    certify(ws, "careful")
    with ws.lock("test"):
        use = [{judge: {"specificity": 0.95}} for judge in audited.PANEL]
        run_step(ws, "exact", make_step("judge", {"from": "caps", "use": use, "probe_captions": 70}))
    done = certify(ws, "careful")
    assert "others than those that audit 'careful' was drawn from" in str(done.stopped)
    assert not (ws.path / CERT).exists()
    assert isinstance(read_outcome(ws, "certified"), Refusal)
    with pytest.raises(UsageError, match="has no captions"):
        ws.layer("certified", "captions")


def test_rewards_need_a_surrogate_that_follows_perception(ws: Workspace) -> None:
    assert "the surrogate must be compared with the outcome" in str(certify(ws, "people").stopped)
    certify(ws, "people", name="kept", use="filter")
    kept = read_outcome(ws, "kept")
    assert isinstance(kept, Certificate)
    assert kept.findings.readers.kind == "person"
    rollouts = importlib.import_module("rollouts").Rollouts
    with ws.lock("test"):
        run_step(ws, "rollouts", rollouts(source="graphs"))
        leaning = {"workspace": str(ws.path), "captions": "kept", "allow_uncertified": True}
        probed = run_step(
            ws, "probe", make_step("probe", {"from": "rollouts", "surrogate": "facts", "options": leaning})
        )
        run_step(ws, "flat", make_step("probe", {"from": "rollouts", "surrogate": "wellformed"}))
    assert probed.made["layers/scores"] == 3 * ws.layer("rollouts", "responses").count_rows()
    names = ws.sql("select name, count(value), min(unscored) from probe group by name order by name").fetchall()
    assert [name for name, _, _ in names] == ["correct", "facts", "perception"]
    done = certify(ws, "people", probe="flat", surrogate="wellformed")
    assert "the surrogate does not surely follow perception" in str(done.stopped)
    assert certify(ws, "people", probe="probe", surrogate="facts").stopped is None
    found = read_outcome(ws, "certified")
    assert isinstance(found, Certificate)
    assert found.findings.surrogate is not None
    assert found.findings.surrogate.passes
    assert verify_certificate(ws, "certified", ws.path / CERT) == []
    assert len(References.load(ws, "certified", ws.path / CERT, allow_uncertified=False).captions) > 20
    with pytest.raises(UsageError, match="no rollout of 'probe' has scores solver"):
        certify(ws, "people", probe="probe", surrogate="solver")
    with pytest.raises(UsageError, match="was drawn for filtering"):
        certify(ws, "careful", use="reward")


def test_without_an_audit_the_step_waits_for_people(ws: Workspace) -> None:
    done = certify(ws, "nobody")
    assert "no audit 'nobody' was drawn" in str(done.stopped)
    assert read_outcome(ws, "certified") is None
    with pytest.raises(UsageError, match="neither a certificate nor a refusal"):
        write_page(ws, "certified")
    with ws.lock("test"):
        run_step(ws, "other", make_step("caption", {"use": {"seeded": {"wrong": 0.0}}}))
        wrong = make_step("certify", {"from": "other", "audit": "careful"})
        with pytest.raises(UsageError, match="is of 'caps', not of 'other'"):
            run_step(ws, "wrong", wrong)
    with pytest.raises(UsageError, match="name both, or neither"):
        make_step("certify", {"from": "caps", "probe": "probe"})


def test_a_certificate_that_was_changed_or_belongs_elsewhere_is_noticed(ws: Workspace, tmp_path: Path) -> None:
    certify(ws, "careful")
    found = json.loads((ws.path / CERT).read_text())
    found["findings"]["claims"]["exact"] = 0.999
    forged = tmp_path / "forged.json"
    forged.write_text(json.dumps(found))
    said = verify_certificate(ws, "certified", forged)
    assert "the certificate was changed after it was issued" in said
    assert any(each.startswith("claims.exact: 0.999 in the certificate") for each in said)
    (tmp_path / "none.json").write_text("{}")
    with pytest.raises(UsageError, match="holds no certificate"):
        verify_certificate(ws, "certified", tmp_path / "none.json")
    with pytest.raises(UsageError, match="cannot be read"):
        verify_certificate(ws, "certified", tmp_path / "nowhere.json")
    with pytest.raises(UsageError, match=r"no certify step 'caps' .*; certified is"):
        verify_certificate(ws, "caps", ws.path / CERT)


def test_a_certificate_outlives_its_captions_but_does_not_hold(ws: Workspace, tmp_path: Path) -> None:
    certify(ws, "careful")
    kept = Path(shutil.copy(ws.path / CERT, tmp_path / "kept.json"))
    (ws.path / CERT).with_name("refusal.json").write_text("{}")
    certify(ws, "people", use="filter")  # the same captions, proven by another audit
    other = read_outcome(ws, "certified")
    assert isinstance(other, Certificate)
    said = verify_certificate(ws, "certified", kept)
    assert "captions of 'certified' bear the mark of another certificate" in said
    assert not any("are others than those that were certified" in each for each in said)
    certify(ws, "lenient")
    said = verify_certificate(ws, "certified", kept)
    assert any(each.startswith("readers.miss: ") for each in said)
    assert "target or use are others than those that were fixed when the audit was drawn" in said
    assert said[-1] == "'certified' holds no certified captions today"


def test_a_lost_certificate_is_written_again_and_new_answers_make_another(ws: Workspace) -> None:
    certify(ws, "careful")
    before = (ws.path / CERT).read_bytes()
    (ws.path / CERT).unlink()
    certify(ws, "careful")
    assert (ws.path / CERT).read_bytes() == before
    step = make_step("certify", {"from": "caps", "audit": "careful"})
    assert plan_step(ws, "certified", step).todo == []
    (ws.path / "reviews/careful/sample.json").write_bytes(
        (ws.path / "reviews/careful/sample.json").read_bytes() + b"\n"
    )
    assert len(plan_step(ws, "certified", step).todo) == 1


def test_the_exact_panel_accepts_only_what_is_true(read: Workspace) -> None:
    claims = read_claims(read, "caps", ["exact"])
    assert 0.85 < (claims.votes[:, 0] == SUPPORTED).mean() < 1
