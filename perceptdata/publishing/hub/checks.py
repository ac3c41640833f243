"""Everything that forbids publishing, or that somebody should know before: found before a byte is sent.

The Hub's limits are those of its documentation (storage limits, 2025) and of its client. No endpoint tells them, so
what is only advised there is a warning here.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from perceptdata.publishing.hub.client import CARD, SMALL, Client, Facts, Standing

if TYPE_CHECKING:
    from perceptdata.publishing.hub.target import Target
    from perceptdata.publishing.release.shard import PlannedShard, Release

GB = 10**9
FILE_LIMIT = 50 * GB
FILE_ADVISED = 20 * GB
FOLDER_FILES = 10_000
REPO_FILES = 100_000
PRIVATE_FREE = 100 * GB
COMMIT_FILES = 1000
"""Files in one commit: what the Hub's own client puts into one at most. More go through a pull request."""


def account_problems(client: Client, target: Target) -> list[str]:
    """A token that is missing, or may not write there."""
    account = client.account
    if account is None:
        return ["there is no token: run `hf auth login`, or put one that may write into HF_TOKEN"]
    problem = account.problem(target.repo, target.pr)
    return [problem] if problem else []


def repository_problems(client: Client, target: Target, release: Release, facts: Facts | None) -> list[str]:
    """A repository that does not stand as wished."""
    if facts is None:
        return [f"{target.repo} is not there yet, so nothing can be proposed to it; publish without --pr"] * target.pr
    found = []
    if target.private and not facts.private:
        found.append(
            f"{target.repo} is public and --private was asked; make it private in its settings first, or leave "
            "--private out"
        )
    if target.revision in facts.tags:
        found.append(
            f"'{target.revision}' is a tag of {target.repo}; --revision takes a branch, --tag names the version"
        )
    tag = target.tag_of(release.digest)
    if tag in facts.branches:
        found.append(f"'{tag}' is a branch of {target.repo}; choose another --tag")
    elif not target.pr and tag in facts.tags and client.digest_at(target.repo, tag) != release.digest:
        found.append(f"the tag '{tag}' of {target.repo} names another version; choose another --tag")
    return found


def standing_problems(target: Target, planned: Sequence[str], standing: Standing) -> list[str]:
    """Files of others where ours would go. All else that is not ours stays as it is."""
    foreign = sorted(({*planned, *SMALL} & standing.files.keys()) - standing.ours - {CARD})
    if not foreign:
        return []
    more = f" and {len(foreign) - 3} more" if len(foreign) > 3 else ""
    return [
        f"{target.repo} has {', '.join(foreign[:3])}{more}, which perceptdata did not publish and would overwrite; "
        "move them, or name another repository"
    ]


def size_problems(planned: Sequence[PlannedShard], standing: Standing | None) -> list[str]:
    """More than a repository holds."""
    found = []
    large = [shard.path for shard in planned if shard.bytes > FILE_LIMIT]
    if large:
        found.append(f"{large[0]} would be larger than the Hub takes ({FILE_LIMIT // GB} GB); make smaller shards")
    paths = {shard.path for shard in planned} | SMALL | {CARD}
    if standing is not None:
        paths |= standing.files.keys() - standing.ours
    folders = Counter(str(PurePosixPath(path).parent) for path in paths)
    folder, most = folders.most_common(1)[0]
    if most > FOLDER_FILES:
        found.append(f"'{folder}' would hold {most:,} files, and the Hub takes {FOLDER_FILES:,}; make larger shards")
    if len(paths) > REPO_FILES:
        found.append(f"it would hold {len(paths):,} files, and the Hub takes {REPO_FILES:,}; make larger shards")
    return found


def staging_problems(target: Target, planned: Sequence[PlannedShard]) -> list[str]:
    """More files than one commit holds, where the Hub cannot merge them as one."""
    if len(planned) <= COMMIT_FILES or target.revision == "main":
        return []
    return [
        f"{len(planned):,} files are more than one commit holds ({COMMIT_FILES:,}), and the Hub merges only into main; "
        "publish there, or make larger shards"
    ]


def disk_problems(planned: Sequence[PlannedShard], folder: Path) -> list[str]:
    """No room for the one shard that lies on disk at a time."""
    need = max((shard.bytes for shard in planned), default=0)
    here = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(here).free
    if free > 1.2 * need:
        return []
    return [f"{here} has {free / GB:.1f} GB free and a shard of {need / GB:.1f} GB is made there; free some space"]


def warnings(target: Target, planned: Sequence[PlannedShard], facts: Facts | None) -> list[str]:
    """What does not forbid publishing, as far as we know. How much an account may store is told by no endpoint."""
    found = []
    size = sum(shard.bytes for shard in planned)
    used = (facts.used or 0) if facts else 0
    private = facts.private if facts else target.private
    if private and used + size > PRIVATE_FREE:
        found.append(
            f"up to {size / GB:.1f} GB come to {used / GB:.1f} GB of older versions; a free account holds "
            f"{PRIVATE_FREE // GB} GB of private data"
        )
    large = [shard.path for shard in planned if FILE_ADVISED < shard.bytes <= FILE_LIMIT]
    if large:
        found.append(f"{len(large)} files are larger than the Hub advises ({FILE_ADVISED // GB} GB)")
    return found
