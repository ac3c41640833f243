"""What is read from a repository: what is known of it, its tree, its files, and their bytes with ranges."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote

import yaml
from hub.accounts import downloadable, readable
from hub.exchange import Answer, Refusal, Request, route
from hub.repository import WHEN, Commit, Entry, Repository

if TYPE_CHECKING:
    from hub.server import Hub

FRONT = re.compile(r"\s*---\r?\n(.*?)\r?\n---(\r?\n|$)", re.DOTALL)


def card_of(hub: Hub, commit: Commit) -> dict[str, Any]:
    """The YAML at the head of the card."""
    entry = commit.files.get("README.md")
    match = FRONT.match(hub.storage.file(entry.sha256).read_text(encoding="utf-8")) if entry else None
    return (yaml.safe_load(match[1]) if match else None) or {}


@route("GET", "/api/datasets/{owner}/{name}")
@route("GET", "/api/datasets/{owner}/{name}/revision/{rev}")
def about(hub: Hub, request: Request, owner: str, name: str, rev: str = "main") -> Answer:
    repo = readable(hub, request, owner, name)
    commit = repo.commits[repo.find(rev)]
    known = {
        "author": repo.owner,
        "sha": commit.oid,
        "private": repo.private,
        "gated": repo.gated,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": [],
        "lastModified": WHEN,
        "createdAt": WHEN,
        "cardData": card_of(hub, commit),
        "usedStorage": repo.used,
        "siblings": [{"rfilename": path, **_sibling(entry, request)} for path, entry in sorted(commit.files.items())],
    }
    return Answer.json({"_id": "0", "id": repo.id, **known})


def _sibling(entry: Entry, request: Request) -> dict[str, Any]:
    if "blobs" not in request.query:
        return {}
    large = {"lfs": {"sha256": entry.sha256, "size": entry.size, "pointerSize": 134}} if entry.lfs else {}
    return {"blobId": entry.oid, "size": entry.size, **large}


def _listed(path: str, entry: Entry) -> dict[str, Any]:
    item: dict[str, Any] = {"type": "file", "oid": entry.oid, "size": entry.size, "path": path}
    if entry.lfs:
        item["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": 134}
    if entry.xet:
        item["xetHash"] = entry.xet
    return item


@route("GET", "/api/datasets/{owner}/{name}/tree/{rev}")
@route("GET", "/api/datasets/{owner}/{name}/tree/{rev}/{path...}")
def tree(hub: Hub, request: Request, owner: str, name: str, rev: str, path: str = "") -> Answer:
    """Files and folders under a path, page by page."""
    repo = readable(hub, request, owner, name)
    commit = repo.commits[repo.find(rev)]
    below = f"{path.rstrip('/')}/" if path else ""
    inside = {key: entry for key, entry in sorted(commit.files.items()) if key.startswith(below)}
    if not inside and path:
        raise Refusal(404, f"{path} does not exist on {rev}", "EntryNotFound")
    deep = request.query.get("recursive", "").lower() == "true"
    items: dict[str, dict[str, Any]] = {}
    for key, entry in inside.items():
        parts = key.removeprefix(below).split("/")
        for depth in range(1, len(parts) if deep else min(2, len(parts))):
            folder = below + "/".join(parts[:depth])
            items.setdefault(folder, {"type": "directory", "oid": "0" * 40, "size": 0, "path": folder})
        if deep or len(parts) == 1:
            items[key] = _listed(key, entry)
    if request.query.get("expand", "").lower() == "true":
        for item in items.values():
            item["lastCommit"] = {"id": commit.oid, "title": commit.title, "date": WHEN}
    start = int(request.query.get("cursor", 0))
    end = start + int(request.query.get("limit", hub.page))
    more = {}
    if end < len(items):
        options = "&".join(f"{key}={value}" for key, value in request.query.items() if key != "cursor")
        more["Link"] = f'<{hub.url}{request.path}?{options}&cursor={end}>; rel="next"'
    return Answer.json(list(items.values())[start:end], headers=more)


@route("POST", "/api/datasets/{owner}/{name}/paths-info/{rev}")
def paths_info(hub: Hub, request: Request, owner: str, name: str, rev: str) -> Answer:
    repo = readable(hub, request, owner, name)
    files = repo.commits[repo.find(rev)].files
    if "json" in request.headers.get("content-type", ""):
        paths = request.json()["paths"]
    else:
        paths = parse_qs(request.body().decode()).get("paths", [])
    items = [_listed(path, files[path]) for path in paths if path in files]
    folders = [path for path in paths if path not in files and any(key.startswith(f"{path}/") for key in files)]
    return Answer.json(
        items + [{"type": "directory", "oid": "0" * 40, "size": 0, "path": folder} for folder in folders]
    )


@route("GET HEAD", "/datasets/{owner}/{name}/resolve/{rev}/{path...}")
def resolve(hub: Hub, request: Request, owner: str, name: str, rev: str, path: str) -> Answer:
    """A small file itself; of a large one, where it lies: on another host, so that clients read our headers first."""
    repo = downloadable(hub, request, owner, name)
    commit = repo.find(rev)
    entry = repo.commits[commit].files.get(path)
    said = {"X-Repo-Commit": commit}
    if entry is None:
        answer = Refusal(404, f"{path} does not exist on {rev}", "EntryNotFound").answer()
        answer.headers |= said
        return answer
    said |= {"ETag": f'"{entry.sha256 if entry.lfs else entry.oid}"', "Accept-Ranges": "bytes"}
    if not entry.lfs:
        return Answer(200, headers={**said, "Content-Type": "text/plain"}, file=hub.storage.file(entry.sha256))
    said |= {"X-Linked-Size": str(entry.size), "X-Linked-Etag": f'"{entry.sha256}"'}
    if entry.xet:
        refresh = f"{hub.url}/api/datasets/{repo.id}/xet-read-token/{quote(commit, safe='')}"
        said |= {"X-Xet-Hash": entry.xet, "Link": f'<{refresh}>; rel="xet-auth"'}
    return Answer(302, headers={**said, "Location": f"{hub.elsewhere}/cdn/{entry.sha256}"})


@route("GET HEAD", "/cdn/{oid}")
def cdn(hub: Hub, request: Request, oid: str) -> Answer:
    headers = {"ETag": f'"{oid}"', "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
    return Answer(200, headers=headers, file=hub.storage.file(oid))


@route("GET", "/api/datasets/{owner}/{name}/commits/{rev}")
def commits(hub: Hub, request: Request, owner: str, name: str, rev: str) -> Answer:
    repo = readable(hub, request, owner, name)
    return Answer.json(
        [
            {"id": at.oid, "title": at.title, "message": at.message, "date": WHEN, "authors": [{"user": repo.owner}]}
            for at in history(repo, repo.find(rev))
        ]
    )


def history(repo: Repository, oid: str | None) -> list[Commit]:
    """A commit and all before it, the newest first."""
    found = []
    while oid is not None:
        found.append(repo.commits[oid])
        oid = repo.commits[oid].parent
    return found
