"""Publishing a release: all checks, then the uploads, then one commit and a tag.

    plan = survey(release, Target(repo="acme/geometry"), scratch)      # what would be done; nothing is
    done = publish(release, Target(repo="acme/geometry"), scratch)

Interrupted at any point and called again, it uploads what is missing and commits once: readers of the repository see
the version before, and then this one.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from perceptdata.errors import UsageError
from perceptdata.publishing.hub import checks
from perceptdata.publishing.hub.client import SMALL, Client, Facts, Standing, quiet
from perceptdata.publishing.hub.commit import Commits, UploadsLost
from perceptdata.publishing.hub.failure import HubError
from perceptdata.publishing.hub.journal import Journal
from perceptdata.publishing.hub.operations import stands
from perceptdata.publishing.release.shard import PlannedShard, Shard
from perceptdata.workspace import hold

if TYPE_CHECKING:
    from perceptdata.publishing.hub.target import Target
    from perceptdata.publishing.release.shard import Release

Watch = Callable[[int, int, int], None]
Tell = Callable[[str], None]


@dataclass(slots=True)
class Survey:
    """What publishing would do. `bytes` are about those of all data files; `uploaded` of them are on the Hub already.

    `state` is new (no repository yet), changed, or published: the branch holds this very release. `problems` forbid it.
    """

    repo: str
    url: str
    revision: str
    digest: str
    tag: str | None
    state: str
    private: bool
    gated: str | None
    shards: list[PlannedShard]
    rows: int
    bytes: int
    uploaded: int
    gone: list[str]
    problems: list[str]
    warnings: list[str]

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `--dry-run --json`."""
        return asdict(self)


@dataclass(slots=True)
class Published:
    """What publishing did: the commit and its tag, files sent and files that were there, files of ours taken away.

    `again`: the branch held this release already. `pull` is the address of a pull request that was left open.
    """

    repo: str
    url: str
    revision: str
    digest: str
    commit: str
    tag: str | None
    rows: int
    bytes: int
    sent: int
    kept: int
    gone: list[str] = field(default_factory=list)
    again: bool = False
    pull: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return asdict(self)

    def said(self) -> str:
        """What came of it, in a line."""
        files = f"{self.sent + self.kept} files"
        if self.again:
            return f"{files}; {self.revision} of {self.url} held this version already"
        sent = f"{files}, {self.sent} of them sent"
        if self.pull is not None:
            return f"{sent}; proposed at {self.pull}"
        gone = f", {len(self.gone)} old ones removed" if self.gone else ""
        return f"{sent}{gone}; {self.url} at {self.tag}"


class _Site:
    """The release and the place it goes to, looked at once."""

    def __init__(self, release: Release, target: Target, scratch: Path, client: Client) -> None:
        self.release, self.target, self.client = release, target, client
        self.folder = scratch / target.repo.replace("/", "--")
        self.journal = Journal(self.folder, target.repo, client.endpoint, release.digest)
        self.planned = list(release.plan())
        self.facts: Facts | None = client.facts(target.repo)
        self.standing: Standing | None = None
        if self.facts is not None:
            branch = target.revision if target.revision in self.facts.branches else "main"
            self.standing = client.standing(target.repo, branch)

    @property
    def published(self) -> bool:
        """The branch is there, and holds the release."""
        there = self.facts is not None and self.target.revision in self.facts.branches
        return there and self.standing is not None and self.standing.digest == self.release.digest

    def problems(self) -> list[str]:
        """Everything that forbids publishing."""
        found = [*self.release.problems(), *checks.account_problems(self.client, self.target)]
        found += checks.repository_problems(self.client, self.target, self.release, self.facts)
        if self.standing is not None:
            paths = [shard.path for shard in self.planned]
            found += checks.standing_problems(self.target, paths, self.standing)
        found += checks.size_problems(self.planned, self.standing)
        found += checks.staging_problems(self.target, self.planned)
        return found if self.published else found + checks.disk_problems(self.planned, self.folder)


def survey(release: Release, target: Target, scratch: Path, client: Client | None = None) -> Survey:
    """Look at everything and change nothing. Raises HubError where the Hub does not answer."""
    with quiet():
        return _survey(_Site(release, target, scratch, client or Client()))


def _survey(site: _Site) -> Survey:
    release, target, facts, planned = site.release, site.target, site.facts, site.planned
    ours = site.standing.ours if site.standing else set()
    return Survey(
        repo=target.repo,
        url=site.client.url(target.repo),
        revision=target.revision,
        digest=release.digest,
        tag=None if target.pr else target.tag_of(release.digest),
        state="new" if facts is None else "published" if site.published else "changed",
        private=facts.private if facts else target.private,
        gated=target.gated or (facts.gated if facts else None),
        shards=planned,
        rows=sum(shard.rows for shard in planned),
        bytes=sum(shard.bytes for shard in planned),
        uploaded=sum(made.bytes for shard in planned if (made := site.journal.made(shard.path))),
        gone=sorted(ours - SMALL - {shard.path for shard in planned}),
        problems=site.problems(),
        warnings=checks.warnings(target, planned, facts),
    )


def publish(
    release: Release,
    target: Target,
    scratch: Path,
    *,
    client: Client | None = None,
    watch: Watch | None = None,
    tell: Tell | None = None,
) -> Published:
    """Make the release a version of the repository. `watch(done, total, rows)` counts shards, `tell` hears of waits.

    `scratch` keeps what is uploaded, and a shard at a time. Raises UsageError with everything that forbids it, before a
    byte is sent, and HubError where the Hub refuses or is gone for too long.
    """
    client = client or Client(tell=tell)
    with quiet():
        site = _Site(release, target, scratch, client)
        if problems := site.problems():
            raise UsageError(listed(f"{target.repo} cannot be published", problems))
        _prepare(site)
        if site.published and site.standing is not None:
            tag = _tag(site, site.standing.head)
            shards = [stands_for(shard, site.standing) for shard in site.planned]
            return _published(site, site.standing.head, tag, shards, sent=0, again=True)
        site.folder.mkdir(parents=True, exist_ok=True)
        with hold(site.folder, f"publishing {target.repo}"):
            return _transact(site, watch or (lambda done, total, rows: None), tell)


def listed(what: str, problems: list[str]) -> str:
    """One problem in a sentence, several as a list."""
    return f"{what}: {problems[0]}" if len(problems) == 1 else "\n  - ".join([f"{what}:", *problems])


def stands_for(planned: PlannedShard, standing: Standing) -> Shard:
    """A shard of the release that the branch holds."""
    remote = standing.files.get(planned.path)
    size, sha256 = (remote.size, remote.sha256 or "") if remote else (planned.bytes, "")
    return Shard(planned.path, planned.rows, size, sha256)


def _prepare(site: _Site) -> None:
    """The repository, its branch and its gate, before any data could be seen without them."""
    client, target, api, facts = site.client, site.target, site.client.api, site.facts
    if facts is None:
        client.ask(
            f"making {target.repo}",
            lambda: api.create_repo(target.repo, repo_type="dataset", private=target.private or None, exist_ok=True),
        )
    if target.gated is not None and (facts is None or facts.gated != target.gated):
        gate = target.gated
        client.ask(
            f"gating {target.repo}", lambda: api.update_repo_settings(target.repo, repo_type="dataset", gated=gate)
        )
    branches = facts.branches if facts is not None else {"main": ""}
    if target.revision not in branches:
        client.ask(
            f"making the branch {target.revision} of {target.repo}",
            lambda: api.create_branch(target.repo, branch=target.revision, repo_type="dataset", exist_ok=True),
        )


def _transact(site: _Site, watch: Watch, tell: Tell | None) -> Published:
    folder = site.folder / site.release.digest
    site.journal.begin()
    for last in (False, True):
        shutil.rmtree(folder, ignore_errors=True)
        try:
            shards, sent = _upload(site, folder, watch)
            commits = Commits(site.client, site.target, site.release, shards, tell)
            commit = commits.land()
            break
        except UploadsLost:
            # Uploads that no commit names are swept up after a while.
            site.journal.forget()
            site.journal.begin()
            if last:
                raise HubError(
                    f"committing to {site.target.repo}: the Hub does not find what was just uploaded; run the same "
                    "command again later"
                ) from None
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    tag = _tag(site, commit)
    site.journal.forget()
    pull = f"{site.client.url(site.target.repo)}/discussions/{commits.pull}" if site.target.pr else None
    return _published(site, commit, tag, shards, sent, gone=commits.gone, pull=pull)


def _upload(site: _Site, folder: Path, watch: Watch) -> tuple[list[Shard], int]:
    """Make each shard and send it, unless the Hub has it; one lies on disk at a time. The shards, and how many went."""
    shards: list[Shard] = []
    sent = rows = 0
    watch(0, len(site.planned), 0)
    for shard, path in site.release.shards(folder, site.journal.made):
        if path is not None:
            if site.standing is None or not stands(shard, site.standing):
                pa.default_memory_pool().release_unused()  # what making it took is not held while it is sent
                _send(site, shard, path)
                sent += 1
            site.journal.add(shard)
            path.unlink()
        shards.append(shard)
        rows += shard.rows
        watch(len(shards), len(site.planned), rows)
    return shards, sent


def _send(site: _Site, shard: Shard, path: Path) -> None:
    from huggingface_hub import CommitOperationAdd

    target = site.target

    def send() -> None:
        addition = CommitOperationAdd(shard.path, str(path))
        addition.upload_info.sha256 = bytes.fromhex(shard.sha256)  # known, so it is not hashed once more
        site.client.api.preupload_lfs_files(
            target.repo, [addition], repo_type="dataset", revision=target.revision, create_pr=target.pr
        )
        if addition._upload_mode != "lfs":
            raise HubError(
                f"{target.repo} keeps {shard.path} as a text file: its .gitattributes must have the line "
                "'*.parquet filter=lfs diff=lfs merge=lfs -text'"
            )

    site.client.ask(f"uploading {shard.path} to {target.repo}", send)


def _tag(site: _Site, commit: str) -> str | None:
    """Name the version, unless its name is there; none for a pull request."""
    from huggingface_hub.errors import HfHubHTTPError

    if site.target.pr:
        return None
    client, repo, tag = site.client, site.target.repo, site.target.tag_of(site.release.digest)
    if site.facts is not None and tag in site.facts.tags:
        return tag

    def name() -> None:
        try:
            client.api.create_tag(repo, tag=tag, revision=commit, repo_type="dataset")
        except HfHubHTTPError as error:  # 409: made by a try whose answer was lost, or by somebody just now
            if error.response.status_code != 409 or client.digest_at(repo, tag) != site.release.digest:
                raise

    client.ask(f"tagging {repo}", name)
    return tag


def _published(
    site: _Site,
    commit: str,
    tag: str | None,
    shards: list[Shard],
    sent: int,
    gone: list[str] | None = None,
    again: bool = False,
    pull: str | None = None,
) -> Published:
    return Published(
        repo=site.target.repo,
        url=site.client.url(site.target.repo),
        revision=site.target.revision,
        digest=site.release.digest,
        commit=commit,
        tag=tag,
        rows=sum(shard.rows for shard in shards),
        bytes=sum(shard.bytes for shard in shards),
        sent=sent,
        kept=len(shards) - sent,
        gone=gone or [],
        again=again,
        pull=pull,
    )
