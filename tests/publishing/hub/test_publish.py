"""Publishing to a Hub that works: what stands there afterwards, and that nothing is done twice."""

import json
from pathlib import Path
from typing import Any

import pytest
from hub.accounts import Account
from hub.server import Hub
from hub.toy import ToyRelease

from perceptdata.errors import UsageError
from perceptdata.publishing.hub import checks
from perceptdata.publishing.hub.publish import publish, survey
from perceptdata.publishing.hub.target import Target

REPO = "tester/toys"


def versions(hub: Hub, revision: str = "main", repo: str = REPO) -> dict[str, Any]:
    return json.loads(hub.read(repo, "manifest.json", revision))


def test_a_release_is_one_commit_and_a_tag(hub: Hub, put: Any, scratch: Path) -> None:
    release = ToyRelease()
    done = put(release)
    repo = hub.repos[REPO]
    assert sorted(repo.head.files) == [
        "README.md",
        "croissant.json",
        "manifest.json",
        *(f"toys/train-0000{number}-of-00003.parquet" for number in range(3)),
    ]
    assert len(repo.commits) == 2  # the first is the Hub's own
    assert done.commit == repo.head.oid == repo.tags[f"v-{release.digest[:12]}"]
    assert (done.sent, done.kept, done.rows, done.again) == (3, 0, 12, False)
    assert done.bytes == sum(entry.size for path, entry in repo.head.files.items() if path.endswith(".parquet"))
    assert not repo.private
    assert [path.name for path in (scratch / "tester--toys").iterdir()] == [".lock"]  # no shard, no journal


def test_the_same_release_again_is_left_alone(hub: Hub, put: Any) -> None:
    first, second = put(ToyRelease()), ToyRelease()
    hub.calls.clear()
    done = put(second)
    assert (done.again, done.sent, done.commit, done.tag) == (True, 0, first.commit, first.tag)
    assert second.written == []
    assert not any(call.said.startswith(("POST", "PUT", "DELETE")) for call in hub.calls)


def test_the_same_release_with_another_tag_gets_the_tag(hub: Hub, put: Any) -> None:
    put(ToyRelease())
    put(ToyRelease(), tag="paper")
    repo = hub.repos[REPO]
    assert len(repo.commits) == 2
    assert repo.tags["paper"] == repo.head.oid


def test_the_next_version_sends_what_changed_and_takes_away_only_its_own(hub: Hub, put: Any) -> None:
    put(ToyRelease("one", same=[1]))
    hub.commit(REPO, {"notes.txt": b"mine", "data/theirs.parquet": b"theirs"})
    done = put(ToyRelease("two", same=[1]))
    assert (done.sent, done.kept) == (2, 1)
    assert versions(hub)["version"] == "two"
    done = put(ToyRelease("three", shards=1, folder="other"))
    assert done.gone == [f"toys/train-0000{number}-of-00003.parquet" for number in range(3)]
    assert sorted(hub.repos[REPO].head.files) == [
        "README.md",
        "croissant.json",
        "data/theirs.parquet",
        "manifest.json",
        "notes.txt",
        "other/train-00000-of-00001.parquet",
    ]
    assert hub.read(REPO, "notes.txt") == b"mine"


def test_what_people_wrote_into_the_card_stays(hub: Hub, put: Any) -> None:
    put(ToyRelease("one"))
    card = hub.read(REPO, "README.md")
    hub.commit(REPO, {"README.md": card + b"\nRead this.\n"})
    put(ToyRelease("two"))
    assert hub.read(REPO, "README.md").endswith(b"# Toys\n\nRead this.\n")


def test_a_repository_that_is_there_is_kept_as_it_is(hub: Hub, put: Any) -> None:
    hub.repo(REPO, private=True)
    put(ToyRelease())
    assert hub.repos[REPO].private
    put(ToyRelease("two"), repo="acme/toys", private=True, gated="manual")
    assert (hub.repos["acme/toys"].private, hub.repos["acme/toys"].gated) == (True, "manual")


def test_the_gate_is_shut_before_the_data_come(hub: Hub, put: Any) -> None:
    put(ToyRelease(), gated="auto")
    said = [call.said for call in hub.calls]
    assert said.index(f"PUT /api/datasets/{REPO}/settings") < next(
        at for at, call in enumerate(said) if call.startswith("PUT /lfs/")
    )


def test_a_branch_of_its_own(hub: Hub, put: Any) -> None:
    put(ToyRelease("one"))
    done = put(ToyRelease("two"), revision="next/try")
    assert versions(hub)["version"] == "one"
    assert versions(hub, "next/try")["version"] == "two"
    assert hub.repos[REPO].tags[done.tag] == hub.repos[REPO].branches["next/try"]


def test_a_pull_request_is_opened_once_and_left_open(hub: Hub, put: Any) -> None:
    put(ToyRelease("one"))
    first, again = put(ToyRelease("two"), pr=True), put(ToyRelease("two"), pr=True)
    repo = hub.repos[REPO]
    assert first.pull == again.pull == f"{hub.url}/datasets/{REPO}/discussions/1"
    assert (first.tag, [pull.status for pull in repo.pulls]) == (None, ["open"])
    assert versions(hub)["version"] == "one"
    assert versions(hub, "refs/pr/1")["version"] == "two"
    repo.merge(repo.pulls[0])
    assert put(ToyRelease("two")).again


def test_a_pull_request_that_main_left_behind_is_closed(hub: Hub, put: Any) -> None:
    put(ToyRelease("one"))
    put(ToyRelease("two"), pr=True)
    hub.commit(REPO, {"notes.txt": b"new"})
    put(ToyRelease("two"), pr=True)
    assert [pull.status for pull in hub.repos[REPO].pulls] == ["closed", "open"]
    assert "notes.txt" in hub.repos[REPO].commits[hub.repos[REPO].find("refs/pr/2")].files


def test_those_who_may_not_write_may_propose(hub: Hub, put: Any) -> None:
    put(ToyRelease("one"))
    hub.accounts[hub.token] = Account("somebody")
    with pytest.raises(UsageError, match=r"somebody is neither tester nor one of its members.*--pr"):
        put(ToyRelease("two"))
    assert put(ToyRelease("two"), pr=True).pull is not None


def test_more_files_than_one_commit_holds_are_merged_as_one(
    hub: Hub, put: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(ToyRelease("one", shards=2))
    monkeypatch.setattr(checks, "COMMIT_FILES", 4)
    before = hub.repos[REPO].head.oid
    done = put(ToyRelease("two", shards=9))
    repo = hub.repos[REPO]
    seen = [commit.title for commit in repo.commits.values()]
    assert len(seen) == 2 + 4 + 1  # before; nine shards and what closes them by four; the merge
    assert repo.head.parent == before  # main went from one version to the next
    assert repo.tags[done.tag] == repo.head.oid
    assert versions(hub)["version"] == "two"
    assert not any(path.endswith("-of-00002.parquet") for path in repo.head.files)


def test_a_survey_changes_nothing(hub: Hub, scratch: Path) -> None:
    plan = survey(ToyRelease(), Target(repo=REPO, private=True), scratch)
    assert (plan.state, plan.private, plan.problems, plan.rows, len(plan.shards)) == ("new", True, [], 12, 3)
    assert plan.bytes == 3 * 1004
    assert json.loads(json.dumps(plan.to_json()))["tag"] == f"v-{ToyRelease().digest[:12]}"
    assert hub.repos == {}
    assert not scratch.exists()
    assert not any(call.said.startswith(("POST", "PUT", "DELETE")) for call in hub.calls)


def test_a_survey_says_what_would_go(hub: Hub, put: Any, scratch: Path) -> None:
    put(ToyRelease("one"))
    assert survey(ToyRelease("one"), Target(repo=REPO), scratch).state == "published"
    plan = survey(ToyRelease("two", folder="other"), Target(repo=REPO), scratch)
    assert (plan.state, len(plan.gone)) == ("changed", 3)


def test_progress_counts_shards_and_rows(hub: Hub, scratch: Path) -> None:
    seen: list[tuple[int, int, int]] = []
    publish(ToyRelease(), Target(repo=REPO), scratch, watch=lambda *at: seen.append(at))
    assert seen == [(0, 3, 0), (1, 3, 4), (2, 3, 8), (3, 3, 12)]
