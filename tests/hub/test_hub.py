"""The Hub for tests is worth something only if the clients, as they are, find in it what they find in the real one."""

import io
from pathlib import Path
from typing import Any

import pytest
from hub.accounts import Account
from hub.faults import Fault
from hub.server import Hub
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

REPO = "tester/things"
LARGE = bytes(range(256)) * 40
KIND: Any = {"repo_id": REPO, "repo_type": "dataset"}


@pytest.fixture
def api(hub: Hub) -> HfApi:
    api = HfApi(endpoint=hub.url, token=hub.token)
    api.create_repo(REPO, repo_type="dataset")
    return api


def add(api: HfApi, files: dict[str, bytes], **more: Any) -> Any:
    operations = [CommitOperationAdd(path, data) for path, data in files.items()]
    return api.create_commit(**KIND, operations=operations, commit_message="some", **more)


def test_large_files_come_and_go_whole(hub: Hub, api: HfApi, tmp_path: Path) -> None:
    add(api, {"data/a.parquet": LARGE, "notes.txt": b"few words"})
    assert hub.asked("PUT /lfs/") == 1
    for path, data in (("data/a.parquet", LARGE), ("notes.txt", b"few words")):
        assert Path(api.hf_hub_download(REPO, path, repo_type="dataset")).read_bytes() == data
    add(api, {"data/b.parquet": LARGE})
    assert hub.asked("PUT /lfs/") == 1  # known by its hash


def test_large_files_come_in_parts(hub: Hub, api: HfApi) -> None:
    hub.part_bytes = 4000
    add(api, {"data/a.parquet": LARGE})
    assert hub.asked("/part/") == 3
    assert hub.read(REPO, "data/a.parquet") == LARGE
    assert hub.asked("/complete") == hub.asked("/verify") == 1
    assert sorted(path.name for path in hub.storage.folder.iterdir() if "." in path.name) == []


def test_large_files_come_by_xet(hub: Hub, api: HfApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By hf_xet itself, which keeps a store in a folder when it is told so. That is documented nowhere."""
    hub.here(monkeypatch, xet=True)
    try:
        add(api, {"data/a.parquet": LARGE * 100})
    except (OSError, RuntimeError) as error:
        pytest.skip(f"this hf_xet has no local store: {error}")
    assert hub.asked("xet-write-token") == 1
    assert hub.asked("PUT /lfs/") == 0
    stored = hub.storage.xet.bytes
    assert stored > 0
    assert hub.read(REPO, "data/a.parquet") == LARGE * 100
    assert Path(api.hf_hub_download(REPO, "data/a.parquet", repo_type="dataset")).read_bytes() == LARGE * 100
    add(api, {"data/b.parquet": LARGE * 100})
    assert hub.storage.xet.bytes - stored < len(LARGE) * 10


def test_parts_of_files_can_be_read(hub: Hub, api: HfApi) -> None:
    import httpx2

    add(api, {"data/a.parquet": LARGE})
    url = f"{hub.url}/datasets/{REPO}/resolve/main/data/a.parquet"
    for asked, start, end in (("bytes=10-19", 10, 20), ("bytes=10000-", 10000, 10240), ("bytes=-5", 10235, 10240)):
        got = httpx2.get(url, headers={"Range": asked}, follow_redirects=True)
        assert (got.status_code, got.content) == (206, LARGE[start:end])
        assert got.headers["Content-Range"] == f"bytes {start}-{end - 1}/10240"
    assert httpx2.get(url, headers={"Range": "bytes=99999-"}, follow_redirects=True).status_code == 416
    first = httpx2.head(url)
    assert (first.status_code, first.headers["X-Linked-Size"]) == (302, "10240")
    assert first.headers["Location"].startswith("http://localhost:")


def test_the_tree_comes_by_pages(hub: Hub, api: HfApi) -> None:
    add(api, {f"data/{number}.txt": b"x" for number in range(7)} | {"README.md": b"---\nlicense: mit\n---\n"})
    hub.page = 3
    assert len(list(api.list_repo_tree(REPO, repo_type="dataset", recursive=True))) == 9
    assert [item.path for item in api.list_repo_tree(REPO, repo_type="dataset")] == ["README.md", "data"]
    assert len(api.list_repo_files(REPO, repo_type="dataset")) == 8
    with pytest.raises(EntryNotFoundError):
        list(api.list_repo_tree(REPO, "nowhere", repo_type="dataset"))
    infos = api.get_paths_info(REPO, ["data", "data/3.txt", "none"], repo_type="dataset")
    assert [info.path for info in infos] == ["data/3.txt", "data"]


def test_a_commit_on_an_old_head_is_refused(hub: Hub, api: HfApi) -> None:
    old = api.dataset_info(REPO).sha
    add(api, {"a.txt": b"a"}, parent_commit=old)
    with pytest.raises(HfHubHTTPError) as refused:
        add(api, {"b.txt": b"b"}, parent_commit=old)
    assert refused.value.response.status_code == 412
    api.create_commit(**KIND, operations=[CommitOperationDelete("a.txt")], commit_message="gone")
    assert hub.repos[REPO].head.files == {}
    assert [commit.title for commit in api.list_repo_commits(REPO, repo_type="dataset")][:2] == ["gone", "some"]


def test_a_card_without_valid_yaml_is_refused(hub: Hub, api: HfApi) -> None:
    with pytest.raises(ValueError, match="Invalid metadata"):
        add(api, {"README.md": b"---\na: [\n---\n"})
    assert hub.repos[REPO].head.files == {}


def test_branches_tags_and_squash(hub: Hub, api: HfApi) -> None:
    first = add(api, {"a.txt": b"a"}).oid
    api.create_branch(**KIND, branch="next/try")
    api.create_tag(**KIND, tag="v1")
    add(api, {"a.txt": b"b"}, revision="next/try")
    refs = api.list_repo_refs(REPO, repo_type="dataset")
    assert {ref.name: ref.target_commit == first for ref in refs.branches} == {"main": True, "next/try": False}
    assert [(ref.name, ref.ref, ref.target_commit) for ref in refs.tags] == [("v1", "refs/tags/v1", first)]
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_tag(**KIND, tag="v1")
    api.delete_tag(**KIND, tag="v1")
    with pytest.raises(RevisionNotFoundError):
        api.dataset_info(REPO, revision="v1")
    api.super_squash_history(**KIND)
    assert len(api.list_repo_commits(REPO, repo_type="dataset")) == 1
    assert hub.read(REPO, "a.txt") == b"a"
    api.delete_branch(**KIND, branch="next/try")


def test_a_pull_request_is_merged(hub: Hub, api: HfApi) -> None:
    add(api, {"a.txt": b"a", "b.txt": b"b"})
    pull = add(api, {"a.txt": b"changed", "c.txt": b"c"}, create_pr=True).pr_num
    add(api, {"d.txt": b"d"})
    assert hub.read(REPO, "a.txt") == b"a"
    api.merge_pull_request(REPO, pull, repo_type="dataset")
    assert {path: hub.read(REPO, path) for path in hub.repos[REPO].head.files} == {
        "a.txt": b"changed",
        "b.txt": b"b",
        "c.txt": b"c",
        "d.txt": b"d",
    }
    draft = api.create_pull_request(REPO, "Another", repo_type="dataset")
    assert (draft.status, draft.git_reference) == ("draft", "refs/pr/2")
    add(api, {"b.txt": b"one"}, revision="refs/pr/2")
    add(api, {"b.txt": b"two"})
    api.change_discussion_status(REPO, 2, "open", repo_type="dataset")
    assert api.get_discussion_details(REPO, 2, repo_type="dataset").conflicting_files == ["b.txt"]
    with pytest.raises(HfHubHTTPError, match="409"):
        api.merge_pull_request(REPO, 2, repo_type="dataset")
    listed = api.get_repo_discussions(REPO, repo_type="dataset", discussion_status="open")
    assert [pull.num for pull in listed] == [2]


def test_who_may_see_and_who_may_write(hub: Hub, api: HfApi) -> None:
    api.create_repo("acme/secret", repo_type="dataset", private=True)
    hub.accounts["stranger"], hub.accounts["reader"] = Account("stranger"), Account("tester", role="read")
    stranger, reader = HfApi(endpoint=hub.url, token="stranger"), HfApi(endpoint=hub.url, token="reader")
    with pytest.raises(RepositoryNotFoundError):
        stranger.dataset_info("acme/secret")
    assert api.dataset_info("acme/secret").private
    api.update_repo_settings("acme/secret", repo_type="dataset", private=False, gated="manual")
    assert stranger.dataset_info("acme/secret").gated == "manual"
    add(api, {"a.txt": b"a"})
    api.upload_file(path_or_fileobj=b"a", path_in_repo="a.txt", repo_id="acme/secret", repo_type="dataset")
    with pytest.raises(GatedRepoError):
        stranger.hf_hub_download("acme/secret", "a.txt", repo_type="dataset")
    for other in (stranger, reader):
        with pytest.raises(HfHubHTTPError, match="403"):
            add(other, {"a.txt": b"b"})
    with pytest.raises(HfHubHTTPError, match="403"):
        stranger.create_repo("acme/mine", repo_type="dataset")
    assert reader.whoami()["auth"]["accessToken"]["role"] == "read"
    api.delete_repo("acme/secret", repo_type="dataset")
    assert "acme/secret" not in hub.repos


def test_faults_strike_as_ordered(hub: Hub, api: HfApi) -> None:
    hub.faults += [Fault("POST .*/commit/", 503, skip=1), Fault("POST .*/commit/", after=True)]
    with pytest.raises(Exception, match=r"Server disconnected|closed"):
        add(api, {"a.txt": b"a"})
    assert "a.txt" in hub.repos[REPO].head.files  # it was done, and its answer lost
    with pytest.raises(HfHubHTTPError, match="503"):
        add(api, {"b.txt": b"b"})
    add(api, {"b.txt": b"b"})


def test_a_quota_is_a_wall(hub: Hub, api: HfApi) -> None:
    hub.quota = 5000
    with pytest.raises(HfHubHTTPError, match="storage limit reached"):
        add(api, {"data/a.parquet": LARGE})


def test_what_it_does_not_know_is_not_found(hub: Hub) -> None:
    import httpx2

    assert httpx2.get(f"{hub.url}/api/models/x/y").status_code == 404
    assert httpx2.put(f"{hub.url}/lfs/{'0' * 64}", content=io.BytesIO(b"other")).status_code == 400
