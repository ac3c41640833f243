"""Who asks, and what they may: tokens, organisations, private and gated repositories."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hub.exchange import Answer, Refusal, Request, route
from hub.repository import Repository

if TYPE_CHECKING:
    from hub.server import Hub

HIDDEN = "Repository Not Found"


@dataclass
class Account:
    """Whose token it is. `role` is the token's: write, read or fineGrained; an organisation has a role of its own.

    A fine-grained token writes to the names (users, organisations, or repositories) in `scopes`.
    """

    name: str
    role: str = "write"
    organisations: dict[str, str] = field(default_factory=dict)
    scopes: list[str] = field(default_factory=list)

    def is_of(self, owner: str) -> bool:
        return owner == self.name or owner in self.organisations

    def may_write(self, repo_id: str) -> bool:
        owner = repo_id.partition("/")[0]
        if self.role == "fineGrained":
            return owner in self.scopes or repo_id in self.scopes
        return self.role == "write" and self.is_of(owner) and self.organisations.get(owner) != "read"


def readable(hub: Hub, request: Request, owner: str, name: str) -> Repository:
    """The repository, if the asker may know of it."""
    repo, account = hub.repos.get(f"{owner}/{name}"), hub.account(request)
    if repo is None or (repo.private and (account is None or not account.is_of(owner))):
        raise Refusal(404 if account else 401, HIDDEN, "RepoNotFound")
    return repo


def downloadable(hub: Hub, request: Request, owner: str, name: str) -> Repository:
    """The repository, if the asker may have its files."""
    repo, account = readable(hub, request, owner, name), hub.account(request)
    if repo.gated and (account is None or not account.is_of(owner)):
        raise Refusal(403 if account else 401, "Access to this dataset is restricted", "GatedRepo")
    return repo


def writable(hub: Hub, request: Request, owner: str, name: str, proposing: bool = False) -> Repository:
    """The repository, if the asker may change it. Everybody with an account may propose, and change that."""
    repo, account = readable(hub, request, owner, name), hub.account(request)
    if account is None:
        raise Refusal(401, "Invalid username or password.")
    if not proposing and not account.may_write(repo.id):
        raise Refusal(403, f"Forbidden: you do not have write access to {repo.id}")
    return repo


@route("GET", "/api/whoami-v2")
def whoami(hub: Hub, request: Request) -> Answer:
    account = hub.account(request)
    if account is None:
        raise Refusal(401, "Invalid credentials in Authorization header")
    token: dict[str, Any] = {"displayName": "a test", "role": account.role}
    if account.role == "fineGrained":
        token["fineGrained"] = {
            "scoped": [
                {
                    "entity": {"type": "dataset" if "/" in scope else "user", "name": scope},
                    "permissions": ["repo.content.read", "repo.write"],
                }
                for scope in account.scopes
            ]
        }
    organisations = [{"type": "org", "name": name, "roleInOrg": role} for name, role in account.organisations.items()]
    about = {"type": "user", "id": "1", "name": account.name, "fullname": account.name, "orgs": organisations}
    return Answer.json({**about, "auth": {"type": "access_token", "accessToken": token}})


@route("POST", "/api/repos/create")
def create(hub: Hub, request: Request) -> Answer:
    said, account = request.json(), hub.account(request)
    if account is None:
        raise Refusal(401, "Invalid username or password.")
    if said.get("type") != "dataset":
        raise Refusal(400, "this Hub holds datasets only")
    repo_id = f"{said.get('organization') or account.name}/{said['name']}"
    about = {"url": f"{hub.url}/datasets/{repo_id}", "name": repo_id, "id": repo_id}
    if repo_id in hub.repos:
        return Answer.json({"error": "You already created this dataset repo", **about}, 409)
    if not account.may_write(repo_id):
        raise Refusal(403, f"You don't have the rights to create a dataset under the namespace {repo_id}")
    hub.repos[repo_id] = Repository(repo_id, said.get("visibility") == "private" or bool(said.get("private")))
    return Answer.json(about)


@route("DELETE", "/api/repos/delete")
def delete(hub: Hub, request: Request) -> Answer:
    said, account = request.json(), hub.account(request)
    repo_id = f"{said.get('organization') or (account.name if account else '')}/{said['name']}"
    writable(hub, request, *repo_id.split("/"))
    del hub.repos[repo_id]
    return Answer.json({})


@route("PUT", "/api/datasets/{owner}/{name}/settings")
def settings(hub: Hub, request: Request, owner: str, name: str) -> Answer:
    repo, said = writable(hub, request, owner, name), request.json()
    repo.gated = said.get("gated", repo.gated)
    if "visibility" in said or "private" in said:
        repo.private = said.get("visibility") == "private" or bool(said.get("private"))
    return Answer.json(said)


@route("GET", "/api/datasets/{owner}/{name}/auth-check")
def auth_check(hub: Hub, request: Request, owner: str, name: str) -> Answer:
    downloadable(hub, request, owner, name)
    return Answer.json({})
