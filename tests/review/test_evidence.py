"""Evidence: answers as arrays, who answered, and what speaks against a certificate."""

import audited
import numpy as np
import pytest

from perceptdata.errors import UsageError, WorkspaceError
from perceptdata.review import audit_of, draw, objections, read_claims
from perceptdata.review.answers import Answer, as_reviews
from perceptdata.review.calibrations import Labels, calibrate_judges, load_calibrations
from perceptdata.review.evidence import reader_kinds
from perceptdata.review.rows import PRODUCER
from perceptdata.steps.declared import make_step
from perceptdata.steps.reviews import reviews_of
from perceptdata.steps.run import run_step
from perceptdata.verification.verdicts import SUPPORTED
from perceptdata.workspace import Workspace


def test_answers_stand_where_they_were_asked(ws: Workspace) -> None:
    sample = draw(ws, audited.design(), "one")
    said = {turn.item: ("supported", "contradicted", "not_visible")[at % 3] for at, turn in enumerate(sample.turns)}
    rows = as_reviews(sample, [Answer(turn, said[turn.item], None) for turn in sample.turns], "person", PRODUCER)
    last = sample.last_words()[0]
    rows += as_reviews(sample, [Answer(last, "supported", None)], "person", PRODUCER)
    audit = audit_of(sample, rows)
    codes = {"supported": 0, "contradicted": 1, "not_visible": 2}
    for turn in sample.turns:
        column = sample.design.readers.index(turn.reader)
        table, row = (audit.traps, turn.trap) if turn.trap is not None else (audit.readings, turn.claim)
        assert table[row, column] == codes[said[turn.item]]
    assert (audit.readings >= 0).sum() + (audit.traps >= 0).sum() == len(sample.turns)
    assert audit.last[0] == SUPPORTED
    assert (audit.last[1:] < 0).all()
    assert (audit.trap_last < 0).all()
    assert audit.population.tolist() == [stratum.population for stratum in sample.strata]


def test_a_last_word_of_nobody_spoils_the_readers(ws: Workspace) -> None:
    sample = draw(ws, audited.design(), "one")
    people = as_reviews(sample, [Answer(turn, "supported", None) for turn in sample.turns], "person", PRODUCER)
    assert reader_kinds(sample, people) == ["person", "person"]
    machine = as_reviews(sample, [Answer(sample.last_words()[0], "supported", None)], "model", PRODUCER)
    assert reader_kinds(sample, [*people, *machine]) == ["model", "model"]
    turn = next(turn for turn in sample.turns if turn.reader == "reader-2")
    one = as_reviews(sample, [Answer(turn, "supported", None)], "simulated", PRODUCER)
    assert reader_kinds(sample, [*people[:1], *one])[1] == "simulated"


def test_a_calibration_is_of_labels_and_goes_stale_with_its_judge(ws: Workspace) -> None:
    claims = read_claims(ws, "caps", ["exact", "panel"])
    with ws.lock("test"):
        files = calibrate_judges(ws, claims, Labels.of_oracle(claims, "exact/oracle"))
    assert sorted(files) == ["panel/noisy_a", "panel/noisy_b", "panel/noisy_c"]
    made = load_calibrations(ws)["panel/noisy_a"]
    truth, vote = claims.votes[:, 0] == SUPPORTED, claims.votes[:, 1] == SUPPORTED
    assert made.overall.sensitivity.value == pytest.approx(vote[truth].mean())
    assert made.overall.specificity.value == pytest.approx(1 - vote[~truth].mean())
    assert made.against == ("oracle",)
    assert made.mapping is not None
    assert "numbers" in made.probes
    sample = draw(ws, audited.design(judges=("panel",), panel="weighted_logit", threshold=0.5), "one")
    before = objections(ws, sample, read_claims(ws, "caps", ["panel"]))
    assert [each for each in before if "too few were probed" not in each] == []
    with ws.lock("test"):
        use = [{judge: {"sensitivity": 0.97, "gross": 0.999}} for judge in audited.PANEL]
        probes = {"probes": ["shuffled", "numbers"], "probe_captions": 70}
        run_step(ws, "panel", make_step("judge", {"from": "caps", "use": use, **probes}))
    reasons = objections(ws, sample, read_claims(ws, "caps", ["panel"]))
    assert any("others than those that audit 'one' was drawn from" in each for each in reasons)
    assert any(each.startswith("the calibration of panel/noisy_a is stale: the prompt changed") for each in reasons)
    files["panel/noisy_b"].write_text("{}")
    with pytest.raises(WorkspaceError, match="cannot be read as a calibration"):
        load_calibrations(ws)


def test_labels_of_people_come_from_all_claims_or_not_at_all(ws: Workspace) -> None:
    with ws.lock("test"):
        accepted = audited.audit(ws, "accepted", kind="person")
        every = audited.audit(ws, "every", kind="person", threshold=0.0, judges=("panel",))
        pretended = audited.audit(ws, "pretended", threshold=0.0, judges=("panel",), seed=6)
    claims = read_claims(ws, "caps", ["panel"])
    with pytest.raises(UsageError, match="was drawn from accepted claims alone"):
        Labels.of_people(claims, accepted, reviews_of(ws, "accepted"))
    labels = Labels.of_people(claims, every, reviews_of(ws, "every"))
    assert (labels.truth >= 0).sum() == len(every.claims)
    exact = read_claims(ws, "caps", ["exact"]).votes[:, 0]
    on = labels.truth > SUPPORTED
    assert on.any()
    assert (exact[on] > SUPPORTED).all()  # who had the last word erred in nothing
    with ws.lock("test"):
        calibrate_judges(ws, claims, labels)
        simulated = Labels.of_people(claims, pretended, reviews_of(ws, "pretended"))
        with pytest.raises(UsageError, match="models alone calibrate nothing"):
            calibrate_judges(ws, claims, simulated)
    assert load_calibrations(ws)["panel/noisy_a"].against == ("person",)
    with pytest.raises(UsageError, match="is no oracle among these judges; none is"):
        Labels.of_oracle(claims, "panel/noisy_a")


def test_a_judge_that_does_not_look_or_was_not_probed_is_an_objection(ws: Workspace) -> None:
    sample = draw(ws, audited.design(judges=("unseeing",)), "one")
    (reason,) = objections(ws, sample, read_claims(ws, "caps", ["unseeing"]))
    assert reason.startswith("unseeing/blind is refused: it is not looking")
    with ws.lock("test"):
        run_step(ws, "unasked", make_step("judge", {"from": "caps", "use": ["oracle"], "probes": []}))
    sample = draw(ws, audited.design(judges=("unasked",)), "two")
    (reason,) = objections(ws, sample, read_claims(ws, "caps", ["unasked"]))
    assert "no wrong image was probed" in reason
    assert np.isfinite(sample.design.threshold)
