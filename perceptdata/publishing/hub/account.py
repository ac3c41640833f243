"""Whose token it is, and what it may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Account:
    """A user with organisations (the role there by name), and the token's role: write, read, fineGrained, or none told.

    `writes` are the names (users, organisations, repositories) that a fine-grained token may write to.
    """

    name: str
    role: str | None = None
    organisations: Mapping[str, str | None] = field(default_factory=dict)
    writes: frozenset[str] = frozenset()

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Account:
        """From what the Hub says to `whoami`."""
        token = (said.get("auth") or {}).get("accessToken") or {}
        scoped = (token.get("fineGrained") or {}).get("scoped") or []
        writes = {
            entry["entity"]["name"]
            for entry in scoped
            if {"repo.write", "repo.content.write"} & set(entry.get("permissions") or ())
            and (entry.get("entity") or {}).get("name")
        }
        organisations = {entry["name"]: entry.get("roleInOrg") for entry in said.get("orgs") or []}
        return cls(said["name"], token.get("role"), organisations, frozenset(writes))

    def problem(self, repo: str, proposing: bool) -> str | None:
        """Why this account cannot write to a repository, or, proposing, open a pull request there; None if it can."""
        owner = repo.partition("/")[0]
        if self.role == "read":
            return f"the token of {self.name} may only read; make one that may write, and put it into HF_TOKEN"
        if proposing:
            return None
        if self.role == "fineGrained":
            if not {owner, repo} & self.writes:
                allowed = ", ".join(sorted(self.writes)) or "nothing"
                return f"the fine-grained token of {self.name} may write to {allowed}, not to {repo}; widen its scope"
            return None
        if owner != self.name and owner not in self.organisations:
            return f"{self.name} is neither {owner} nor one of its members; name another owner, or propose with --pr"
        if self.organisations.get(owner) == "read":
            return f"{self.name} may only read in {owner}; ask for the right to write, or propose with --pr"
        return None
