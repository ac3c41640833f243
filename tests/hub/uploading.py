"""How bytes come in: which way a file goes, large objects whole or in parts, and tokens for the xet store."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import yaml
from hub.accounts import readable, writable
from hub.exchange import Answer, Refusal, Request, route
from hub.reading import FRONT

if TYPE_CHECKING:
    from hub.server import Hub

LARGE = 10 << 20
BINARY = (".parquet", ".arrow", ".png", ".jpg", ".zip", ".tar", ".gz", ".zst", ".bin")
MOST_ASKED = 256
FULL = "Private repository storage limit reached, please upgrade your plan to increase your private storage limit."


@route("POST", "/api/validate-yaml")
def validate_yaml(hub: Hub, request: Request) -> Answer:
    said = request.json()
    match = FRONT.match(said["content"])
    try:
        front = yaml.safe_load(match[1]) if match else None
    except yaml.YAMLError as error:
        return Answer.json({"errors": [{"message": str(error)}], "warnings": []}, 400)
    if front is not None and not isinstance(front, dict):
        return Answer.json({"errors": [{"message": "the metadata is not a mapping"}], "warnings": []}, 400)
    missing = [] if front else [{"message": "empty or missing yaml metadata in repo card"}]
    return Answer.json({"errors": [], "warnings": missing})


@route("POST", "/api/datasets/{owner}/{name}/preupload/{rev}")
def preupload(hub: Hub, request: Request, owner: str, name: str, rev: str) -> Answer:
    repo = writable(hub, request, owner, name, proposing="create_pr" in request.query or rev.startswith("refs/pr/"))
    files, asked = repo.commits[repo.find(rev)].files, request.json()["files"]
    if len(asked) > MOST_ASKED:
        raise Refusal(400, f"more than {MOST_ASKED} files at once")
    ways = []
    for file in asked:
        large = file["size"] > LARGE or file["path"].lower().endswith(BINARY)
        way = {"path": file["path"], "uploadMode": "lfs" if large else "regular", "shouldIgnore": False}
        if entry := files.get(file["path"]):
            way["oid"] = entry.sha256 if entry.lfs else entry.oid
        ways.append(way)
    return Answer.json({"files": ways})


@route("POST", r"/datasets/{owner}/(?P<name>[^/]+)\.git/info/lfs/objects/batch")
def batch(hub: Hub, request: Request, owner: str, name: str) -> Answer:
    """Where each object goes. One that is here already has no actions."""
    readable(hub, request, owner, name)
    if hub.account(request) is None:
        raise Refusal(401, "Invalid username or password.")
    said = request.json()
    parted = bool(hub.part_bytes) and "multipart" in said["transfers"]
    objects = []
    for item in said["objects"]:
        about: dict[str, Any] = {"oid": item["oid"], "size": item["size"]}
        if not hub.storage.has(item["oid"]):
            hub.check_quota(item["size"])
            about["actions"] = _actions(hub, item["oid"], item["size"], parted)
        objects.append(about)
    return Answer.json({"transfer": "multipart" if parted else "basic", "objects": objects})


def _actions(hub: Hub, oid: str, size: int, parted: bool) -> dict[str, Any]:
    verify = {"href": f"{hub.url}/lfs/{oid}/verify", "header": {}}
    if not parted or size <= hub.part_bytes:
        return {"upload": {"href": f"{hub.url}/lfs/{oid}", "header": {}}, "verify": verify}
    count = -(-size // hub.part_bytes)
    header = {"chunk_size": str(hub.part_bytes)}
    header |= {str(number): f"{hub.url}/lfs/{oid}/part/{number}" for number in range(1, count + 1)}
    return {"upload": {"href": f"{hub.url}/lfs/{oid}/complete", "header": header}, "verify": verify}


@route("PUT", "/lfs/{oid}")
def put(hub: Hub, request: Request, oid: str) -> Answer:
    if not hub.storage.receive(oid, request.chunks()):
        raise Refusal(400, "the bytes have another SHA-256")
    return Answer(headers={"ETag": f'"{oid}"'})


@route("PUT", "/lfs/{oid}/part/{number}")
def put_part(hub: Hub, request: Request, oid: str, number: str) -> Answer:
    return Answer(headers={"ETag": hub.storage.receive_part(oid, int(number), request.chunks())})


@route("POST", "/lfs/{oid}/complete")
def complete(hub: Hub, request: Request, oid: str) -> Answer:
    said = request.json()
    if said["oid"] != oid or not hub.storage.join(oid, [(part["partNumber"], part["etag"]) for part in said["parts"]]):
        raise Refusal(400, "the parts do not make that object")
    return Answer.json({"success": True})


@route("POST", "/lfs/{oid}/verify")
def verify(hub: Hub, request: Request, oid: str) -> Answer:
    path = hub.storage.path(oid)
    if not path.exists() or path.stat().st_size != request.json()["size"]:
        raise Refusal(404, "no such object")
    return Answer()


@route("GET", "/api/datasets/{owner}/{name}/xet-write-token/{rev}")
def xet_write_token(hub: Hub, request: Request, owner: str, name: str, rev: str) -> Answer:
    repo = writable(hub, request, owner, name, proposing="create_pr" in request.query)
    repo.find(rev)
    hub.check_quota(0)
    return _xet_token(hub)


@route("GET", "/api/datasets/{owner}/{name}/xet-read-token/{rev}")
def xet_read_token(hub: Hub, request: Request, owner: str, name: str, rev: str) -> Answer:
    readable(hub, request, owner, name)
    return _xet_token(hub)


def _xet_token(hub: Hub) -> Answer:
    end = str(int(time.time()) + 3600)
    headers = {"X-Xet-Cas-Url": hub.storage.xet.url, "X-Xet-Access-Token": "x", "X-Xet-Token-Expiration": end}
    said = {"casUrl": hub.storage.xet.url, "accessToken": "x", "exp": int(end)}
    return Answer.json(said, headers=headers)
