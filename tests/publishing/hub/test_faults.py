"""Publishing to a Hub that fails: what is tried again, what is said, and that the repository is never half done."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from hub.faults import Fault
from hub.server import Hub
from hub.toy import ToyRelease

from perceptdata.errors import UsageError, WorkspaceError
from perceptdata.publishing.hub import checks, failure
from perceptdata.publishing.hub.failure import HubError
from perceptdata.publishing.hub.publish import publish, survey
from perceptdata.publishing.hub.target import Target
from perceptdata.workspace import hold

REPO = "tester/toys"
COMMIT = "POST .*/commit/"


def stands(hub: Hub) -> str | None:
    """The version on main, None where there is nothing yet; fails on anything between two versions."""
    head = hub.repos[REPO].head
    if not head.files:
        return None
    said = json.loads(hub.read(REPO, "manifest.json"))
    named = {file["path"]: file["sha256"] for file in said["files"]}
    there = {path: entry.sha256 for path, entry in head.files.items() if path.endswith(".parquet")}
    assert there == named
    return said["version"]


@pytest.mark.parametrize("status", [500, 502, 503, 409, 408])
def test_a_commit_that_fails_in_passing_is_made_again(hub: Hub, put: Any, status: int) -> None:
    put(ToyRelease("one"))
    hub.faults.append(Fault(COMMIT, status, times=2))
    put(ToyRelease("two"))
    assert stands(hub) == "two"
    assert len(hub.repos[REPO].commits) == 3


def test_a_rate_limit_is_waited_for(hub: Hub, put: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(failure.time, "sleep", slept.append)
    hub.faults.append(Fault(COMMIT, 429, headers={"RateLimit": '"api";r=0;t=41'}))
    hub.faults.append(Fault(COMMIT, 429, headers={"Retry-After": "7"}))
    put(ToyRelease())
    assert [seconds for seconds in slept if seconds >= 1] == [42.0, 7.0]
    assert stands(hub) == "one"


def test_a_long_rate_limit_is_told_and_not_waited_for(hub: Hub, put: Any) -> None:
    hub.faults.append(Fault(COMMIT, 429, headers={"RateLimit": '"api";r=0;t=3000'}))
    release = ToyRelease()
    with pytest.raises(HubError, match=r"asks to wait 50 minutes.*goes on where this one stopped"):
        put(release)
    assert stands(hub) is None
    again = ToyRelease()
    assert put(again).sent == 0  # all were uploaded before
    assert (again.written, stands(hub)) == ([], "one")


def test_a_hub_that_stays_away_is_given_up(hub: Hub, put: Any) -> None:
    put(ToyRelease("one"))
    hub.faults.append(Fault(COMMIT, 503, times=99))
    with pytest.raises(HubError, match=r"committing to tester/toys: the Hub says 503 \(injected\); run the same"):
        put(ToyRelease("two"))
    assert stands(hub) == "one"


@pytest.mark.parametrize("status", [0, 500, 504])
def test_a_lost_answer_was_a_success(hub: Hub, put: Any, status: int) -> None:
    put(ToyRelease("one"))
    hub.faults.append(Fault(COMMIT, status, after=True))
    done = put(ToyRelease("two"))
    repo = hub.repos[REPO]
    assert stands(hub) == "two"
    assert len(repo.commits) == 3
    assert done.commit == repo.head.oid == repo.tags[done.tag]


def test_a_dropped_connection_is_tried_again(hub: Hub, put: Any) -> None:
    hub.faults.append(Fault(COMMIT, times=2))
    hub.faults.append(Fault("GET .*/tree/", times=1))
    hub.faults.append(Fault("POST .*/tag/", 503))
    assert put(ToyRelease()).tag in hub.repos[REPO].tags
    assert stands(hub) == "one"


def test_somebody_elses_commit_is_kept(hub: Hub, put: Any) -> None:
    """412: the branch moved between our look and our commit, and the card with it."""
    put(ToyRelease("one"))

    def meanwhile() -> None:
        hub.commit(REPO, {"README.md": hub.read(REPO, "README.md") + b"\nNew words.\n", "notes.txt": b"x"})

    hub.faults.append(Fault("POST /api/validate-yaml", None, then=meanwhile))
    put(ToyRelease("two"))
    assert (next(call.status for call in hub.calls if call.status == 412), stands(hub)) == (412, "two")
    assert hub.read(REPO, "README.md").endswith(b"New words.\n")
    assert hub.read(REPO, "notes.txt") == b"x"


def test_a_file_of_others_that_comes_meanwhile_stops_us(hub: Hub, put: Any) -> None:
    path = "toys/train-00000-of-00003.parquet"
    hub.faults.append(Fault("POST /api/validate-yaml", None, then=lambda: hub.commit(REPO, {path: b"theirs"}) and None))
    with pytest.raises(UsageError, match=f"has {path}, which perceptdata did not publish"):
        put(ToyRelease())
    assert hub.read(REPO, path) == b"theirs"


def test_two_that_publish_at_once_leave_one_of_both(hub: Hub, put: Any, tmp_path: Path) -> None:
    """The other one, elsewhere, commits while we do: the later is the version, whole."""
    put(ToyRelease("one"))

    def meanwhile() -> None:
        publish(ToyRelease("other", shards=5), Target(repo=REPO), tmp_path / "elsewhere")

    hub.faults.append(Fault("POST /api/validate-yaml", None, then=meanwhile))
    put(ToyRelease("two"))
    assert stands(hub) == "two"
    assert len(hub.repos[REPO].head.files) == 3 + 3


def test_one_place_publishes_once_at_a_time(hub: Hub, put: Any, scratch: Path) -> None:
    (scratch / "tester--toys").mkdir(parents=True)
    with hold(scratch / "tester--toys", "a test"), pytest.raises(WorkspaceError, match="in use by process"):
        put(ToyRelease())


def test_an_upload_that_fails_once_is_sent_again(hub: Hub, put: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failure.time, "sleep", lambda seconds: None)
    hub.faults.append(Fault("PUT /lfs/", 500))
    hub.faults.append(Fault("PUT /lfs/", skip=1))
    put(ToyRelease())
    assert stands(hub) == "one"


def test_an_interrupted_publication_goes_on(hub: Hub, put: Any, scratch: Path) -> None:
    put(ToyRelease("one", shards=2))
    hub.faults.append(Fault("PUT /lfs/", 403, skip=2, times=99))
    first = ToyRelease("two", shards=5)
    with pytest.raises(HubError, match=r"uploading toys/train-00002-of-00005.parquet .* the Hub says 403"):
        put(first)
    assert stands(hub) == "one"
    assert survey(ToyRelease("two", shards=5), Target(repo=REPO), scratch).uploaded > 0
    hub.faults.clear()
    hub.calls.clear()
    second = ToyRelease("two", shards=5)
    assert put(second).sent == 3
    assert second.written == [f"toys/train-0000{number}-of-00005.parquet" for number in (2, 3, 4)]
    assert hub.asked("PUT /lfs/") == 3
    assert (stands(hub), hub.asked("/commit/")) == ("two", 1)


def test_uploads_that_the_hub_threw_away_are_sent_again(hub: Hub, put: Any) -> None:
    hub.faults.append(Fault(COMMIT, 403))
    with pytest.raises(HubError, match="the Hub says 403"):
        put(ToyRelease())
    for path in hub.storage.folder.iterdir():
        path.unlink()
    again = ToyRelease()
    assert put(again).sent == 3
    assert (len(again.written), stands(hub)) == (3, "one")


def test_uploads_that_vanish_every_time_are_told(hub: Hub, put: Any) -> None:
    words = "Your push was rejected: LFS pointer pointed to a file that does not exist: x"
    hub.faults.append(Fault(COMMIT, 400, times=9, words=words))
    with pytest.raises(HubError, match="does not find what was just uploaded"):
        put(ToyRelease())
    assert stands(hub) is None


def test_a_full_quota_is_said(hub: Hub, put: Any) -> None:
    put(ToyRelease("one"))
    hub.quota = 1
    with pytest.raises(HubError, match=r"Private repository storage limit reached.*the storage that is left"):
        put(ToyRelease("two"))
    assert stands(hub) == "one"


def test_a_lost_tag_is_found(hub: Hub, put: Any) -> None:
    hub.faults.append(Fault("POST .*/tag/", after=True))
    done = put(ToyRelease())
    assert hub.repos[REPO].tags == {done.tag: done.commit}


def test_a_failed_tag_leaves_a_version_that_the_next_run_names(hub: Hub, put: Any) -> None:
    hub.faults.append(Fault("POST .*/tag/", 403))
    with pytest.raises(HubError, match="tagging tester/toys"):
        put(ToyRelease())
    assert stands(hub) == "one"
    done = put(ToyRelease())
    assert (done.again, hub.repos[REPO].tags) == (True, {done.tag: done.commit})


class TestManyCommits:
    """More files than one commit holds: readers of main see nothing until the merge."""

    @pytest.fixture(autouse=True)
    def small(self, monkeypatch: pytest.MonkeyPatch, put: Any) -> None:
        put(ToyRelease("one", shards=2))
        monkeypatch.setattr(checks, "COMMIT_FILES", 4)

    def test_goes_on_with_the_same_pull_request(self, hub: Hub, put: Any) -> None:
        hub.faults.append(Fault(COMMIT, 403, skip=2))
        with pytest.raises(HubError):
            put(ToyRelease("two", shards=9))
        assert stands(hub) == "one"
        before = len(hub.repos[REPO].commits)
        put(ToyRelease("two", shards=9))
        repo = hub.repos[REPO]
        assert (stands(hub), len(repo.pulls)) == ("two", 1)
        assert len(repo.commits) == before + 2 + 1  # what was left, and the merge

    def test_lost_answers_do_no_harm(self, hub: Hub, put: Any) -> None:
        hub.faults.append(Fault("POST .*/discussions$", after=True))
        hub.faults.append(Fault(COMMIT, after=True, skip=1))
        hub.faults.append(Fault("POST .*/merge$", after=True))
        done = put(ToyRelease("two", shards=9))
        repo = hub.repos[REPO]
        assert (stands(hub), len(repo.pulls), done.commit) == ("two", 1, repo.head.oid)

    def test_a_merge_that_fails_is_made_again(self, hub: Hub, put: Any) -> None:
        hub.faults.append(Fault("POST .*/merge$", 503, times=2))
        put(ToyRelease("two", shards=9))
        assert stands(hub) == "two"

    def test_a_conflict_is_told(self, hub: Hub, put: Any) -> None:
        def meanwhile() -> None:
            hub.commit(REPO, {"croissant.json": b"by hand"})

        hub.faults.append(Fault("POST .*/status$", None, then=meanwhile))
        with pytest.raises(HubError, match=r"merging pull request 1 .*409 \(Conflicts in croissant.json\)"):
            put(ToyRelease("two", shards=9))
        assert stands(hub) == "one"
        put(ToyRelease("two", shards=9))
        assert (stands(hub), [pull.status for pull in hub.repos[REPO].pulls]) == ("two", ["closed", "merged"])


SECRET = "hf_aVerySecretTokenIndeed1234567"


@pytest.mark.parametrize(
    "fault",
    [
        Fault("whoami", 401, words=f"Invalid user token: {SECRET}"),
        Fault("GET .*/tree/", 403, words=f"no, {SECRET}"),
        Fault("POST .*/repos/create", 403, words=f"Bearer {SECRET} may not"),
        Fault("PUT /lfs/", 403, times=9, words=SECRET),
        Fault(COMMIT, 403, words=f"{SECRET}!"),
        Fault(COMMIT, 503, times=99, words=f"busy, {SECRET}"),
        Fault(COMMIT, 0, times=99),
        Fault("POST .*/tag/", 403, words=SECRET),
        None,
    ],
    ids=lambda fault: fault.what if fault else "no fault",
)
def test_the_token_is_nowhere(
    hub: Hub,
    scratch: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    fault: Fault | None,
) -> None:
    """Not in what is raised (with all its causes), told, logged, printed, kept here, or published."""
    import traceback

    monkeypatch.setenv("HF_TOKEN", SECRET)
    hub.accounts[SECRET] = hub.accounts.pop(hub.token)
    told: list[str] = []
    caplog.set_level(logging.DEBUG, "huggingface_hub")
    caplog.set_level(logging.INFO)  # below it, the HTTP library itself prints every header that it receives
    if fault is not None:
        hub.faults.append(fault)
        with pytest.raises(HubError) as raised:
            publish(ToyRelease(), Target(repo=REPO), scratch, tell=told.append)
        told += traceback.format_exception(raised.value)
        told += [repr(raised.value)]
    else:
        told.append(repr(publish(ToyRelease(), Target(repo=REPO), scratch).to_json()))
    told += [caplog.text, *capfd.readouterr()]
    told += [path.read_text(errors="replace") for path in scratch.rglob("*") if path.is_file()]
    told += [path.read_text(errors="replace") for path in hub.storage.folder.iterdir()]
    assert SECRET not in "\n".join(told)
