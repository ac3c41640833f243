"""What changes a repository: commits, branches, tags, pull requests."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

from hub.accounts import readable, writable
from hub.exchange import Answer, Refusal, Request, route
from hub.reading import FRONT
from hub.repository import Entry

if TYPE_CHECKING:
    from hub.server import Hub

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n"
MOVED = "A commit has happened since. Please refresh and try again."


def is_own(hub: Hub, request: Request, owner: str, name: str, rev: str) -> bool:
    """Whether that is a pull request of the asker's."""
    repo, account = readable(hub, request, owner, name), hub.account(request)
    return any(rev == f"refs/pr/{pull.number}" and account and pull.author == account.name for pull in repo.pulls)


def _git_oid(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@route("POST", "/api/datasets/{owner}/{name}/commit/{rev}")
def commit(hub: Hub, request: Request, owner: str, name: str, rev: str) -> Answer:
    """All of the lines or none of them."""
    proposing = "create_pr" in request.query
    repo, account = (
        writable(hub, request, owner, name, proposing or is_own(hub, request, owner, name, rev)),
        hub.account(request),
    )
    parent = repo.find(rev)
    files, header = dict(repo.commits[parent].files), {}
    for line in request.body().splitlines():
        item = json.loads(line)
        kind, said = item["key"], item["value"]
        if kind == "header":
            header = said
            if not parent.startswith(said.get("parentCommit") or ""):
                raise Refusal(412, MOVED)
        elif kind == "file":
            files[said["path"]] = _small(hub, said)
        elif kind == "lfsFile":
            files[said["path"]] = _large(hub, said)
        elif kind == "deletedFile":
            if files.pop(said["path"], None) is None:
                raise Refusal(404, f"A file with this name doesn't exist: {said['path']}", "EntryNotFound")
        elif kind == "deletedFolder":
            below = f"{said['path'].rstrip('/')}/"
            files = {path: entry for path, entry in files.items() if not path.startswith(below)}
    oid = repo.add(files, parent, header["summary"], header.get("description", ""))
    url = f"{hub.url}/datasets/{repo.id}"
    answer: dict[str, Any] = {"success": True, "commitOid": oid, "commitUrl": f"{url}/commit/{oid}"}
    if proposing:
        pull = repo.open_pull(header["summary"], account.name if account else "", parent, oid)
        answer["pullRequestUrl"] = f"{url}/discussions/{pull.number}"
    else:
        repo.move(rev, oid)
    return Answer.json(answer)


def _small(hub: Hub, said: dict[str, Any]) -> Entry:
    data = base64.b64decode(said["content"], validate=True)
    if said["path"] == "README.md" and not FRONT.match(data.decode()):
        raise Refusal(400, "the card has no metadata")
    return Entry(_git_oid(data), len(data), hub.storage.put(data))


def _large(hub: Hub, said: dict[str, Any]) -> Entry:
    if not hub.storage.has(said["oid"]):
        raise Refusal(400, f"Your push was rejected: LFS pointer pointed to a file that does not exist: {said['path']}")
    found = hub.storage.xet.find(said["oid"])
    hub.check_quota(said["size"])
    pointer = POINTER.format(said["oid"], said["size"]).encode()
    return Entry(_git_oid(pointer), said["size"], said["oid"], lfs=True, xet=found[0] if found else None)


@route("GET", "/api/datasets/{owner}/{name}/refs")
def refs(hub: Hub, request: Request, owner: str, name: str) -> Answer:
    repo = readable(hub, request, owner, name)

    def listed(known: dict[str, str], before: str) -> list[dict[str, str]]:
        return [{"name": key, "ref": before + key, "targetCommit": oid} for key, oid in known.items()]

    pulls = {key: oid for key, oid in repo.branches.items() if key.startswith("refs/pr/")}
    branches = {key: oid for key, oid in repo.branches.items() if key not in pulls}
    said = {"branches": listed(branches, "refs/heads/"), "converts": [], "tags": listed(repo.tags, "refs/tags/")}
    if "include_prs" in request.query:
        said["pullRequests"] = listed(pulls, "")
    return Answer.json(said)


@route("POST DELETE", "/api/datasets/{owner}/{name}/branch/{branch}")
def branch(hub: Hub, request: Request, owner: str, name: str, branch: str) -> Answer:
    repo, start = writable(hub, request, owner, name), request.json().get("startingPoint")
    if request.method == "DELETE":
        if repo.branches.pop(branch, None) is None:
            raise Refusal(404, "no such branch", "RevisionNotFound")
    elif branch in repo.branches:
        raise Refusal(409, f"Reference already exists: {branch}")
    else:
        repo.branches[branch] = repo.find(start or "main")
    return Answer.json({})


@route("POST DELETE", "/api/datasets/{owner}/{name}/tag/{rev}")
def tag(hub: Hub, request: Request, owner: str, name: str, rev: str) -> Answer:
    """A new tag on a revision, or the end of the tag of that name."""
    repo, said = writable(hub, request, owner, name), request.json()
    if request.method == "DELETE":
        if repo.tags.pop(rev, None) is None:
            raise Refusal(404, "no such tag", "RevisionNotFound")
        return Answer.json({})
    if said["tag"] in repo.tags:
        raise Refusal(409, f"Tag reference exists already: {said['tag']}")
    repo.tags[said["tag"]] = repo.find(rev)
    return Answer.json({})


@route("POST", "/api/datasets/{owner}/{name}/super-squash/{branch}")
def squash(hub: Hub, request: Request, owner: str, name: str, branch: str) -> Answer:
    repo = writable(hub, request, owner, name)
    repo.move(branch, repo.add(repo.commits[repo.find(branch)].files, None, "Super-squash"))
    return Answer.json({})


@route("GET POST", "/api/datasets/{owner}/{name}/discussions")
def discussions(hub: Hub, request: Request, owner: str, name: str) -> Answer:
    """All of them by what they are and how they stand (closed means merged, too), or a new one."""
    repo = readable(hub, request, owner, name)
    account = hub.account(request)
    if request.method == "POST":
        if account is None:
            raise Refusal(401, "Invalid username or password.")
        said = request.json()
        pull = repo.open_pull(said["title"], account.name, repo.head.oid)
        pull.is_pull = bool(said.get("pullRequest"))
        return Answer.json({"num": pull.number, "pullRequest": pull.is_pull})
    want = request.query
    found = [
        repo.about(pull)
        for pull in reversed(repo.pulls)
        if (want.get("type") != "pull_request" or pull.is_pull)
        and (want.get("status") != "open" or pull.status in ("open", "draft"))
        and want.get("author", pull.author) == pull.author
    ]
    start = int(want.get("p", 0)) * hub.page
    return Answer.json({"discussions": found[start : start + hub.page], "count": len(found), "start": start})


@route("GET", "/api/datasets/{owner}/{name}/discussions/{number}")
def discussion(hub: Hub, request: Request, owner: str, name: str, number: str) -> Answer:
    repo = readable(hub, request, owner, name)
    pull = repo.pull(int(number))
    more = {
        "events": [],
        "filesWithConflicts": repo.conflicts(pull),
        "changes": {"base": "refs/heads/main", "mergeCommitId": pull.merged},
        "diff": "",
    }
    return Answer.json({**repo.about(pull), **more})


@route("POST", "/api/datasets/{owner}/{name}/discussions/{number}/merge")
def merge(hub: Hub, request: Request, owner: str, name: str, number: str) -> Answer:
    repo = writable(hub, request, owner, name)
    repo.merge(repo.pull(int(number)))
    return Answer.json({})


@route("POST", "/api/datasets/{owner}/{name}/discussions/{number}/status")
def status(hub: Hub, request: Request, owner: str, name: str, number: str) -> Answer:
    repo = writable(hub, request, owner, name, is_own(hub, request, owner, name, f"refs/pr/{number}"))
    repo.pull(int(number)).status = request.json()["status"]
    return Answer.json(
        {
            "newStatus": {
                "id": "1",
                "type": "status-change",
                "createdAt": "2026-01-01T00:00:00.000Z",
                "author": {"name": repo.owner},
                "data": {"status": repo.pull(int(number)).status},
            }
        }
    )
