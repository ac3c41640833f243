"""`facts`: references, their certificate, the local comparison and the judge."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from llm.server import Say, Server
from rewards.scenes import FAMILY, misread, write_cups, written
from verification.auditing import passing

from perceptdata.errors import UsageError
from perceptdata.example import Example
from perceptdata.plugins import Rollout, Scored
from perceptdata.rewards import make_surrogate
from perceptdata.rewards.surrogates.references import captions_fingerprint
from perceptdata.verification.certificate import Certificate, Evidence, Fingerprints, Use, issue
from perceptdata.verification.surrogate import Comparison
from perceptdata.workspace import Workspace

GOOD = Comparison(surrogate=0.8, outcome=0.4, lower=0.3, n=400, images=80, unscored=0)


def certified(ws: Path, to: Path, use: Use = "reward", kinds: tuple[str, str] = ("person", "person")) -> Path:
    """A certificate of the workspace's captions, as a good audit gives it."""
    rows = Workspace(ws).layer("cards", "captions").to_table().to_pylist()
    prints = Fingerprints(data=captions_fingerprint(rows), judges=("j",), prompts=("p",), traps="t")
    evidence = Evidence(
        audit=passing(claims=500, failing=5, traps=50, missed=1),
        slices=["all"],
        captions=1250,
        reader_kinds=kinds,
        fingerprints=prints,
        thresholds={"panel": 0.9},
        surrogate=GOOD,
    )
    found = issue(evidence, use=use)
    assert isinstance(found, Certificate), found
    to.write_text(found.model_dump_json())
    return to


def facts(ws: Path, **options: Any) -> Any:
    return make_surrogate("facts", {"workspace": ws, "captions": "cards", "allow_uncertified": True, **options})


def score(surrogate: Any, example: Example, *descriptions: str) -> list[Scored]:
    found: list[Scored] = surrogate.score([Rollout(example, written(text, "4")) for text in descriptions])
    return found


def test_captions_without_a_certificate_are_refused(cup_ws: Path) -> None:
    with pytest.raises(UsageError, match=r"captions of 'cards' cannot be a reward's reference: they have no certif"):
        facts(cup_ws, allow_uncertified=False).prepare()


def test_certified_captions_score_without_a_mark(cup_ws: Path, cups: list[Example], tmp_path: Path) -> None:
    certificate = certified(cup_ws, tmp_path / "certificate.json")
    surrogate = facts(cup_ws, allow_uncertified=False, certificate=certificate)
    surrogate.prepare()
    assert surrogate.stamp is None
    found = score(surrogate, cups[0], "Three red cups stand on the left.", "Two red cups stand on the left.")
    assert found == [Scored(0.5), Scored(0.0)]


def test_the_certificate_is_found_where_a_certify_step_leaves_it(cup_ws: Path, tmp_path: Path) -> None:
    shutil.copytree(cup_ws, tmp_path / "ws")
    (tmp_path / "ws" / "certificates" / "cards").mkdir(parents=True)
    certified(cup_ws, tmp_path / "ws" / "certificates" / "cards" / "certificate.json")
    surrogate = facts(tmp_path / "ws", allow_uncertified=False)
    surrogate.prepare()
    assert surrogate.stamp is None


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"use": "filter"}, "the certificate is for filtering, not for rewards"),
        ({"kinds": ("simulated", "simulated")}, "the certificate was issued on simulated readers"),
    ],
)
def test_a_certificate_of_another_kind_does_not_count(
    cup_ws: Path, tmp_path: Path, options: dict[str, Any], fault: str
) -> None:
    certificate = certified(cup_ws, tmp_path / "certificate.json", **options)
    with pytest.raises(UsageError, match=fault):
        facts(cup_ws, allow_uncertified=False, certificate=certificate).prepare()


def test_nor_one_that_was_changed_or_is_of_other_captions(cup_ws: Path, scene_ws: Path, tmp_path: Path) -> None:
    certificate = certified(cup_ws, tmp_path / "certificate.json")
    with pytest.raises(UsageError, match="speaks of other captions"):
        facts(scene_ws, allow_uncertified=False, certificate=certificate).prepare()
    forged = json.loads(certificate.read_text())
    forged["findings"]["captions_lower"] = 0.999
    certificate.write_text(json.dumps(forged))
    with pytest.raises(UsageError, match="was changed after it was issued"):
        facts(cup_ws, allow_uncertified=False, certificate=certificate).prepare()
    certificate.write_text("{}")
    with pytest.raises(UsageError, match="holds no certificate"):
        facts(cup_ws, allow_uncertified=False, certificate=certificate).prepare()
    with pytest.raises(UsageError, match="the certificate cannot be read"):
        facts(cup_ws, allow_uncertified=False, certificate=tmp_path / "none.json").prepare()


def test_what_uncertified_captions_score_is_marked(cup_ws: Path, cups: list[Example]) -> None:
    surrogate = facts(cup_ws)
    surrogate.prepare()
    assert surrogate.stamp == "uncertified"
    assert score(surrogate, cups[0], "Three red cups stand on the left.", "") == [
        Scored(0.5, "uncertified"),
        Scored(0.0, "no_description"),
    ]
    assert surrogate.options()["allow_uncertified"] is True


def test_an_image_without_a_caption_does_not_apply(cup_ws: Path, cups: list[Example]) -> None:
    assert score(facts(cup_ws), cups[2], "Anything.") == [Scored(None, "no_reference", applies=False)]


def test_scenes_are_compared_as_scenes(scene_ws: Path, tasks: dict[str, Example]) -> None:
    task = tasks["cards/train/0"]
    scene: Any = FAMILY.parse(task.facts or "")
    wrong = FAMILY.facts(misread(scene, random.Random(0)))
    found = score(facts(scene_ws), task, task.facts or "", wrong, "I see a grid.")
    assert [each.value for each in found] == [1.0, 15 / 16, 0.0]


def test_the_judge_settles_what_the_local_comparison_leaves_open(
    cup_ws: Path, cups: list[Example], judge: Callable[..., tuple[Server, dict[str, Any]]]
) -> None:
    def script(asked: dict[str, Any], times: int) -> Say:
        given = json.loads(asked["messages"][-1]["content"])
        assert set(given["facts"]) == {"1"}  # the cups were settled locally
        assert given["facts"]["1"] == "A blue ball lies behind the table."
        return Say.text(json.dumps({"facts": [{"id": 1, "says": "stated"}]}))

    server, endpoint = judge(script)
    surrogate = facts(cup_ws, endpoint=endpoint)
    surrogate.prepare()
    text = "Three red cups stand on the left. Azure sphere, rear."
    assert [each.value for each in score(surrogate, cups[0], text)] == [1.0]
    assert [each.value for each in score(surrogate, cups[0], text)] == [1.0]
    assert len(server.asked) == 1  # the second time it was known
    assert (surrogate.spent.calls, surrogate.spent.cached) == (1, 1)
    assert "urls" not in surrogate.options()["endpoint"]


@pytest.mark.parametrize(
    ("say", "reason"),
    [
        (Say.text('{"facts": []}'), "judge: facts_left_out; uncertified"),
        (Say.text("I would rather not", finish_reason="content_filter"), "judge: content_filter; uncertified"),
        (Say.error(400), "judge: rejected; uncertified"),
    ],
)
def test_a_judge_that_fails_leaves_it_unscored(
    cup_ws: Path, cups: list[Example], judge: Any, tmp_path: Path, say: Say, reason: str
) -> None:
    shutil.copytree(cup_ws, tmp_path / "ws")
    _, endpoint = judge(lambda asked, times: say)
    found = score(facts(tmp_path / "ws", endpoint=endpoint), cups[0], "Azure sphere.")
    assert found == [Scored(None, reason)]


def test_captions_that_state_nothing_are_no_reference(built: Callable[..., Path]) -> None:
    silent = built(lambda folder: write_cups(folder, captions=("...", "It is.")))
    with pytest.raises(UsageError, match="step 'cards' has no caption that states anything"):
        facts(silent).prepare()
