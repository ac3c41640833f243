"""All that forbids publishing is found before a byte is sent, and said all at once."""

import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hub.accounts import Account as Owner
from hub.server import Hub
from hub.toy import ToyRelease
from pydantic import ValidationError

from perceptdata.errors import UsageError
from perceptdata.publishing.hub import checks
from perceptdata.publishing.hub.account import Account
from perceptdata.publishing.hub.client import RemoteFile, Standing, ours
from perceptdata.publishing.hub.failure import HubError
from perceptdata.publishing.hub.publish import survey
from perceptdata.publishing.hub.target import Target
from perceptdata.publishing.release.shard import PlannedShard

REPO = "tester/toys"


def refused(hub: Hub, put: Any, release: ToyRelease | None = None, **target: Any) -> str:
    hub.calls.clear()
    with pytest.raises(UsageError) as error:
        put(release or ToyRelease(), **target)
    assert not any(call.said.startswith(("POST", "PUT", "DELETE")) for call in hub.calls)
    return str(error.value)


def test_every_problem_is_said_at_once(hub: Hub, put: Any) -> None:
    hub.accounts[hub.token] = Owner("tester", role="read")
    said = refused(hub, put, ToyRelease(problems=["a licence forbids it", "a layer is stale"]))
    assert said.splitlines() == [
        "tester/toys cannot be published:",
        "  - a licence forbids it",
        "  - a layer is stale",
        "  - the token of tester may only read; make one that may write, and put it into HF_TOKEN",
    ]


def test_a_token_is_needed(hub: Hub, put: Any, monkeypatch: pytest.MonkeyPatch, scratch: Path) -> None:
    monkeypatch.setenv("HF_TOKEN", "")
    assert "there is no token" in refused(hub, put)
    assert survey(ToyRelease(), Target(repo=REPO), scratch).state == "new"
    monkeypatch.setenv("HF_TOKEN", "hf_unknown")
    with pytest.raises(HubError, match="401"):
        put(ToyRelease())


class Case(NamedTuple):
    account: Account
    repo: str
    problem: str | None
    proposing: bool = False


@pytest.mark.parametrize(
    "case",
    [
        Case(Account("ann", "write"), "ann/x", None),
        Case(Account("ann"), "ann/x", None),  # a token that does not tell
        Case(Account("ann", "write", {"acme": "admin"}), "acme/x", None),
        Case(Account("ann", "write", {"acme": "read"}), "acme/x", "may only read in acme"),
        Case(Account("ann", "write"), "bob/x", "neither bob nor one of its members"),
        Case(Account("ann", "write"), "bob/x", None, proposing=True),
        Case(Account("ann", "read"), "bob/x", "may only read", proposing=True),
        Case(Account("ann", "fineGrained", writes=frozenset({"ann/x"})), "ann/x", None),
        Case(Account("ann", "fineGrained", writes=frozenset({"ann"})), "ann/x", None),
        Case(Account("ann", "fineGrained", writes=frozenset({"ann/y"})), "ann/x", "may write to ann/y, not to ann/x"),
        Case(Account("ann", "fineGrained"), "ann/x", "may write to nothing"),
    ],
    ids=str,
)
def test_what_an_account_may(case: Case) -> None:
    problem = case.account.problem(case.repo, case.proposing)
    assert problem is None if case.problem is None else case.problem in str(problem)


def test_a_fine_grained_token_says_what_it_writes(hub: Hub, put: Any) -> None:
    hub.accounts[hub.token] = Owner("tester", "fineGrained", scopes=["tester/other"])
    assert "may write to tester/other, not to tester/toys" in refused(hub, put)
    hub.accounts[hub.token] = Owner("tester", "fineGrained", scopes=[REPO])
    put(ToyRelease())


def test_files_of_others_are_not_overwritten(hub: Hub, put: Any) -> None:
    hub.commit(REPO, {"toys/train-00001-of-00003.parquet": b"theirs"})
    assert "has toys/train-00001-of-00003.parquet, which perceptdata did not publish" in refused(hub, put)
    hub.commit("tester/more", dict.fromkeys(("manifest.json", "croissant.json"), b"x"))
    assert "has croissant.json, manifest.json, which" in refused(hub, put, repo="tester/more")
    many = {f"toys/train-{number:05d}-of-00009.parquet": b"x" for number in range(9)}
    hub.commit("tester/many", many)
    assert "and 6 more, which" in refused(hub, put, ToyRelease(shards=9), repo="tester/many")


def test_a_repository_must_stand_as_wished(hub: Hub, put: Any) -> None:
    assert "nothing can be proposed to it" in refused(hub, put, pr=True)
    done = put(ToyRelease())
    assert "tester/toys is public and --private was asked" in refused(hub, put, ToyRelease("two"), private=True)
    assert f"'{done.tag}' is a tag" in refused(hub, put, ToyRelease("two"), revision=done.tag)
    assert f"the tag '{done.tag}' of tester/toys names another version" in refused(
        hub, put, ToyRelease("two"), tag=done.tag
    )
    assert "'main' is a branch" in refused(hub, put, ToyRelease("two"), tag="main")
    hub.repos[REPO].tags["empty"] = next(iter(hub.repos[REPO].commits))  # of a commit without a manifest
    assert "names another version" in refused(hub, put, ToyRelease("two"), tag="empty")


def test_more_than_the_hub_takes() -> None:
    here = Standing("0", {f"theirs/{number}": RemoteFile(1, None) for number in range(3)})
    few = [PlannedShard(f"a/{number}", 1, 10) for number in range(3)]
    assert checks.size_problems(few, here) == []
    huge = [PlannedShard("a/1", 1, 51 * 10**9)]
    assert "larger than the Hub takes (50 GB)" in checks.size_problems(huge, here)[0]
    wide = [PlannedShard(f"a/{number}", 1, 10) for number in range(10_001)]
    assert checks.size_problems(wide, None) == [
        "'a' would hold 10,001 files, and the Hub takes 10,000; make larger shards"
    ]
    many = [PlannedShard(f"{number // 9000}/{number}", 1, 10) for number in range(100_000)]
    assert checks.size_problems(many, here) == [
        "it would hold 100,006 files, and the Hub takes 100,000; make larger shards"
    ]
    branch = Target(repo=REPO, revision="next")
    assert "the Hub merges only into main" in checks.staging_problems(branch, wide)[0]
    assert checks.staging_problems(branch, few) == checks.staging_problems(Target(repo=REPO), wide) == []


def test_what_may_be_too_much_is_a_warning() -> None:
    shards = [PlannedShard("a/1", 1, 30 * 10**9)]
    private, public = Target(repo=REPO, private=True), Target(repo=REPO)
    used = checks.Facts(True, None, 80 * 10**9, {}, {})
    assert [said.partition(";")[0] for said in checks.warnings(public, shards, used)] == [
        "up to 30.0 GB come to 80.0 GB of older versions",
        "1 files are larger than the Hub advises (20 GB)",
    ]
    assert len(checks.warnings(private, shards, None)) == 1
    assert checks.warnings(private, [PlannedShard("a/1", 1, 10)], None) == []


def test_the_disk_holds_a_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shards = [PlannedShard("a/1", 1, 10**9), PlannedShard("a/2", 1, 2 * 10**9)]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**10, 0, 2 * 10**9))
    assert checks.disk_problems(shards, tmp_path / "not" / "there") == [
        f"{tmp_path} has 2.0 GB free and a shard of 2.0 GB is made there; free some space"
    ]
    assert checks.disk_problems(shards[:1], tmp_path) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"repo": "toys"}, "OWNER/toys"),
        ({"repo": "a/b/c"}, "namespace"),
        ({"repo": "a/b.git"}, "git"),
        ({"repo": REPO, "pr": True, "revision": "x"}, "a pull request goes to main"),
        ({"repo": REPO, "pr": True, "tag": "x"}, "no version until it is merged"),
        ({"repo": REPO, "gated": "yes"}, "'auto' or 'manual'"),
    ],
)
def test_a_target_is_checked(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Target(**wrong)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"digest": 1, "files": []}', '{"digest": "a", "files": [{}]}', "\xff"]
)
def test_a_manifest_of_something_else_is_not_ours(text: str) -> None:
    assert ours(text.encode("latin-1")) is None
    assert ours(json.dumps({"digest": "a", "files": [{"path": "x"}]}).encode()) is not None
