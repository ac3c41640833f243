"""One dataset repository: commits that name all their files, branches, tags and pull requests."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hub.exchange import Refusal

WHEN = "2026-01-01T00:00:00.000Z"


@dataclass(frozen=True)
class Entry:
    """A file of a commit. `sha256` says where its bytes lie; `lfs` that git itself holds a pointer only."""

    oid: str
    size: int
    sha256: str
    lfs: bool = False
    xet: str | None = None


@dataclass(frozen=True)
class Commit:
    """A version of everything."""

    oid: str
    files: Mapping[str, Entry]
    parent: str | None
    title: str
    message: str = ""


@dataclass
class Pull:
    """A pull request onto main, or a mere discussion."""

    number: int
    title: str
    author: str
    base: str
    status: str = "draft"
    is_pull: bool = True
    merged: str | None = None


@dataclass
class Repository:
    """The history of one repository, and its settings."""

    id: str
    private: bool = False
    gated: str | bool = False
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    pulls: list[Pull] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.branches["main"] = self.add({}, None, "initial commit")

    @property
    def owner(self) -> str:
        return self.id.partition("/")[0]

    @property
    def head(self) -> Commit:
        """What is on main."""
        return self.commits[self.branches["main"]]

    def add(self, files: Mapping[str, Entry], parent: str | None, title: str, message: str = "") -> str:
        """Enter a commit; nothing points to it yet."""
        state = repr((self.id, len(self.commits), parent, title, sorted(files.items())))
        oid = hashlib.sha1(state.encode()).hexdigest()
        self.commits[oid] = Commit(oid, dict(files), parent, title, message)
        return oid

    def find(self, revision: str) -> str:
        """The commit that a branch, a tag, a pull request or the beginning of its own name stands for."""
        short = revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
        found = self.branches.get(short) or self.tags.get(short)
        if found is None and len(revision) >= 7:
            found = next((oid for oid in self.commits if oid.startswith(revision)), None)
        if found is None:
            raise Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return found

    def move(self, branch: str, oid: str) -> None:
        """Let a branch, or a pull request (`refs/pr/1`), point to a commit."""
        short = branch.removeprefix("refs/heads/")
        if short not in self.branches:
            raise Refusal(404, f"{branch} is not a branch", "RevisionNotFound")
        self.branches[short] = oid

    def open_pull(self, title: str, author: str, base: str, head: str | None = None) -> Pull:
        pull = Pull(len(self.pulls) + 1, title, author, base, "open" if head else "draft")
        self.pulls.append(pull)
        self.branches[f"refs/pr/{pull.number}"] = head or base
        return pull

    def pull(self, number: int) -> Pull:
        if not 0 < number <= len(self.pulls):
            raise Refusal(404, "Discussion not found")
        return self.pulls[number - 1]

    def conflicts(self, pull: Pull) -> list[str]:
        """Files that both sides changed since they parted, each to something else."""
        base = self.commits[pull.base].files
        ours, theirs = self.head.files, self.commits[self.branches[f"refs/pr/{pull.number}"]].files
        return sorted(
            path for path in {*ours, *theirs} if base.get(path) != ours.get(path) != theirs.get(path) != base.get(path)
        )

    def merge(self, pull: Pull) -> str:
        """What the pull request changed, as one commit on main."""
        if pull.status != "open":
            raise Refusal(409, f"This pull request is {pull.status}, not open")
        if conflicts := self.conflicts(pull):
            raise Refusal(409, f"Conflicts in {', '.join(conflicts)}")
        base, theirs = self.commits[pull.base].files, self.commits[self.branches[f"refs/pr/{pull.number}"]].files
        files = {path: entry for path, entry in self.head.files.items() if path in theirs or path not in base}
        files |= {path: entry for path, entry in theirs.items() if base.get(path) != entry}
        pull.merged = self.branches["main"] = self.add(files, self.head.oid, f"{pull.title} (#{pull.number})")
        pull.status = "merged"
        return pull.merged

    def about(self, pull: Pull) -> dict[str, Any]:
        """A discussion as the API tells it."""
        return {
            "num": pull.number,
            "title": pull.title,
            "author": {"name": pull.author},
            "status": pull.status,
            "createdAt": WHEN,
            "isPullRequest": pull.is_pull,
            "repo": {"name": self.id, "type": "dataset"},
        }

    @property
    def used(self) -> int:
        """Bytes of all versions, each object once."""
        kept = {entry.sha256: entry.size for commit in self.commits.values() for entry in commit.files.values()}
        return sum(kept.values())
