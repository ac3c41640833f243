"""Samples: drawn the same every time, with traps that are false."""

import json

import audited
import pytest

from perceptdata import registry
from perceptdata.errors import UsageError, WorkspaceError
from perceptdata.plugins import CaptionItem, Claim
from perceptdata.review import Claims, draw, load_sample, read_claims
from perceptdata.review.drawing import redrawn, sample_path
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import run_step
from perceptdata.workspace import Workspace


def test_the_same_design_draws_the_same_and_another_seed_does_not(ws: Workspace) -> None:
    first = draw(ws, audited.design(), "one")
    assert load_sample(ws, "one") == first
    assert draw(ws, audited.design(), "one") == first
    other = draw(ws, audited.design(seed=4), "other")
    assert {(each.text_id, each.claim) for each in other.claims} != {
        (each.text_id, each.claim) for each in first.claims
    }
    with pytest.raises(UsageError, match="'one' was drawn already, otherwise"):
        draw(ws, audited.design(seed=5), "one")


def test_every_reading_is_asked_once_and_a_share_twice(ws: Workspace) -> None:
    sample = draw(ws, audited.design(judges=("panel",), disputed=10, doubled=0.25), "one")
    assert len(sample.claims) >= 90
    assert len({(each.text_id, each.claim) for each in sample.claims}) == len(sample.claims)
    read = [turn.claim for turn in sample.turns if turn.trap is None]
    twice = {claim for claim in read if read.count(claim) == 2}
    assert set(read) == set(range(len(sample.claims)))
    assert len(twice) == -(-len(sample.claims) // 4)
    assert sorted(turn.trap for turn in sample.turns if turn.trap is not None) == list(range(24))
    assert len({turn.item for turn in sample.turns}) == len(sample.turns)
    for claim in twice:
        assert {turn.reader for turn in sample.turns if turn.claim == claim} == {"reader-1", "reader-2"}
    assert sum(stratum.population for stratum in sample.strata) >= len(sample.claims)
    assert any(stratum.disputed for stratum in sample.strata)


def test_traps_are_false_by_the_oracle_and_not_among_the_sampled(ws: Workspace, claims: Claims) -> None:
    sample = draw(ws, audited.design(), "one")
    judge = registry.make("judges", "oracle", {})
    sampled = {(each.text_id, each.claim) for each in sample.claims}
    for trap in sample.traps:
        assert (trap.text_id, trap.claim) not in sampled
        assert trap.how in ("numbers", "sides", "negated")
        text = claims.captions[trap.text_id].text
        assert trap.false != text[trap.start : trap.end]
        shown = text[: trap.start] + trap.false + text[trap.end :]
        item = CaptionItem(
            trap.text_id,
            shown,
            (Claim(trap.start, trap.start + len(trap.false), "other"),),
            trap.image,
            memoryview(b""),
            claims.shown[trap.image].examples,
        )
        assert judge.judge([item])[0].opinions[0].verdict == "contradicted"


def test_only_accepted_captions_are_read(ws: Workspace, claims: Claims) -> None:
    sample = draw(ws, audited.design(), "one")
    wrong = {owner for owner, vote in zip(claims.owner.tolist(), claims.votes[:, 0].tolist(), strict=True) if vote}
    assert wrong
    assert not wrong & {each.text_id for each in (*sample.claims, *sample.traps)}
    assert sample.accepted == len(claims.captions) - len(wrong)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"traps": 2000}, "only [0-9]+ of 2000 traps can be made"),
        ({"judges": ("unseeing",), "panel": "dawid_skene"}, "without a third"),
        ({"judges": ("panel",), "panel": "weighted_logit"}, "needs a calibration of panel/noisy_a"),
        ({"judges": ("nobody",)}, "nobody"),
    ],
)
def test_what_cannot_be_drawn_is_said(ws: Workspace, changed: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        draw(ws, audited.design(**changed), "one")
    assert not sample_path(ws, "one").exists()


def test_dawid_and_skene_accept_what_the_better_judges_say(ws: Workspace, claims: Claims) -> None:
    sample = draw(ws, audited.design(judges=("panel",), panel="dawid_skene", threshold=0.5), "one")
    asked = {each.text_id for each in sample.claims}
    right = {owner for owner, vote in zip(claims.owner.tolist(), claims.votes[:, 0].tolist(), strict=True) if not vote}
    assert asked <= right
    assert any(stratum.disputed for stratum in sample.strata)


def test_a_panel_that_accepts_nothing_is_named(ws: Workspace) -> None:
    with ws.lock("test"):
        run_step(ws, "consistent", make_step("judge", {"from": "caps", "use": ["consistency"], "probes": []}))
    with pytest.raises(UsageError, match="the panel accepts no caption of 'caps'"):
        draw(ws, audited.design(judges=("consistent",)), "one")


def test_a_design_of_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="one reader reads nothing twice"):
        audited.design(readers=("ann",))
    with pytest.raises(ValueError, match="names of their own"):
        audited.design(readers=("ann", "last"))


def test_changes_after_the_draw_are_noticed(ws: Workspace) -> None:
    sample = draw(ws, audited.design(judges=("panel",)), "one")
    claims = read_claims(ws, "caps", ["panel"])
    assert redrawn(ws, sample, claims) == []
    path = sample_path(ws, "one")
    kept = json.loads(path.read_text())
    kept["claims"] = kept["claims"][:-1]
    path.write_text(json.dumps(kept))
    assert "it was changed" in redrawn(ws, load_sample(ws, "one"), claims)[0]
    with ws.lock("test"):
        run_step(
            ws, "panel", make_step("judge", {"from": "caps", "use": [{"noisy_a": {"seed": 5}}, "noisy_b", "noisy_c"]})
        )
    assert "others than those" in redrawn(ws, sample, read_claims(ws, "caps", ["panel"]))[0]


def test_a_sample_that_is_not_there_or_damaged_is_named(ws: Workspace) -> None:
    with pytest.raises(UsageError, match="no audit 'none' was drawn"):
        load_sample(ws, "none")
    sample_path(ws, "bad").parent.mkdir(parents=True, exist_ok=True)
    sample_path(ws, "bad").write_text("{}")
    with pytest.raises(WorkspaceError, match="cannot be read as an audit's sample"):
        load_sample(ws, "bad")
