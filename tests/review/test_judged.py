"""Claims and votes out of layers."""

import numpy as np
import pytest

from perceptdata.errors import UsageError
from perceptdata.review import Claims, read_claims
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import run_step
from perceptdata.verification.verdicts import SUPPORTED
from perceptdata.workspace import Workspace


def test_every_claim_of_every_caption_has_a_row_and_every_judge_a_column(judged: Workspace, claims: Claims) -> None:
    spans = judged.layer("caps", "spans").to_table().to_pylist()
    assert len(claims) == sum(len(row["spans"]) for row in spans) > 200
    assert claims.judges == ("exact/oracle", "panel/noisy_a", "panel/noisy_b", "panel/noisy_c")
    assert claims.votes.shape == (len(claims), 4)
    texts = {row["text_id"]: row["text"] for row in judged.layer("caps", "captions").to_table().to_pylist()}
    for at in (0, 7, len(claims) - 1):
        place = claims.places[at]
        assert claims.text(at) == texts[place.text_id][place.start : place.end]
    said = judged.sql("select count(*) from exact where verdict = 'supported'").fetchall()
    assert said == [((claims.votes[:, 0] == SUPPORTED).sum(),)]


def test_one_judge_of_a_step_can_be_named(judged: Workspace) -> None:
    assert read_claims(judged, "caps", ["panel/noisy_b"]).judges == ("panel/noisy_b",)
    with pytest.raises(UsageError, match="'panel/nobody' judged nothing"):
        read_claims(judged, "caps", ["panel/nobody"])


def test_a_claim_that_nobody_judged_is_there_all_the_same(ws: Workspace) -> None:
    with ws.lock("test"):
        done = run_step(ws, "consistent", make_step("judge", {"from": "caps", "use": ["consistency"], "probes": []}))
    assert done.made["layers/verdicts"] > 200  # one caption an image: nothing to be consistent with
    claims = read_claims(ws, "caps", ["consistent"])
    assert set(claims.votes.ravel().tolist()) == {-1}
    assert not claims.sure.any()


def test_slices_are_of_sources_kinds_and_metadata(claims: Claims) -> None:
    assert set(claims.slices(("source",))) == {"graph_coloring"}
    assert set(claims.slices(("source", "claim"))) == {f"graph_coloring, {kind}" for kind in set(claims.kinds)}
    (drawn,) = set(claims.slices(("meta.drawn_by",)))
    assert drawn not in ("", "unknown")
    assert set(claims.slices(("meta.nothing",))) == {"unknown"}
    assert set(claims.slices(())) == {"all"}
    with pytest.raises(UsageError, match=r"source, claim or meta\.KEY, not by 'colour'"):
        claims.slices(("colour",))


def test_probes_tell_who_looks(judged: Workspace, claims: Claims) -> None:
    assert claims.report("exact/oracle").refused is None
    blind = read_claims(judged, "caps", ["unseeing"])
    assert "it is not looking" in str(blind.report("unseeing/blind").refused)
    assert "it is not looking" in str(blind.voices["unseeing/blind"].refused)


def test_verdicts_of_other_captions_are_refused(ws: Workspace) -> None:
    with ws.lock("test"):
        run_step(ws, "caps", make_step("caption", {"use": {"seeded": {"wrong": 0.06, "seed": 9}}}))
    with pytest.raises(UsageError, match=r"exact/oracle judged claim .* does not hold like that today; judge again"):
        read_claims(ws, "caps", ["exact"])


def test_the_fingerprint_is_of_claims_and_votes(judged: Workspace, claims: Claims) -> None:
    assert read_claims(judged, "caps", ["exact", "panel"]).fingerprint == claims.fingerprint
    assert read_claims(judged, "caps", ["exact"]).fingerprint != claims.fingerprint
    assert np.isfinite(claims.voices["panel/noisy_a"].score).all()
