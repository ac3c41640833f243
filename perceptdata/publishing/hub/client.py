"""The Hub as publishing needs it: what stands in a repository, and the few calls that change it.

Every call is tried again while that may help, and fails with one sentence that never holds the token.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from perceptdata.publishing.hub.account import Account
from perceptdata.publishing.hub.failure import patiently

if TYPE_CHECKING:
    from huggingface_hub import HfApi

Got = TypeVar("Got")

CARD = "README.md"
MANIFEST = "manifest.json"
SMALL = frozenset({MANIFEST, "croissant.json"})
"""The small files that every release has, the card apart, which is everybody's."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file in a repository; `sha256` where the Hub keeps it as a large one."""

    size: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """A branch as it stands: its head, all files of the repository, the card, and the manifest if it is one of ours."""

    head: str
    files: dict[str, RemoteFile] = field(default_factory=dict)
    card: str | None = None
    manifest: dict[str, Any] | None = None

    @property
    def digest(self) -> str | None:
        """The digest of the release that stands there."""
        return self.manifest.get("digest") if self.manifest else None

    @property
    def ours(self) -> set[str]:
        """The files that an earlier release of ours left, as its manifest names them; the card is everybody's."""
        if self.manifest is None:
            return set()
        named = {file["path"] for file in self.manifest["files"]}
        return {path for path in named | SMALL if path in self.files and path != CARD}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a repository as a whole."""

    private: bool
    gated: str | None
    used: int | None
    branches: dict[str, str]
    tags: dict[str, str]


class Client:
    """`endpoint` and `token` are those of the environment unless given. `tell` hears of every wait."""

    def __init__(
        self, endpoint: str | None = None, token: str | None = None, tell: Callable[[str], None] | None = None
    ) -> None:
        from huggingface_hub import HfApi, constants, get_token

        # The library reads HF_ENDPOINT when it is imported, which may have been before it was set.
        self.endpoint = (endpoint or os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")
        self.token = token or get_token()
        self._tell = tell
        # False: a client without a token must not look for one again.
        self.api: HfApi = HfApi(endpoint=self.endpoint, token=self.token or False, library_name="perceptdata")

    def url(self, repo: str) -> str:
        """Where people look at it."""
        return f"{self.endpoint}/datasets/{repo}"

    def ask(self, doing: str, call: Callable[[], Got]) -> Got:
        """A call, patiently. Raises HubError."""
        return patiently(call, doing, self.token, self._tell)

    def maybe(self, doing: str, call: Callable[[], Got], *missing: type[Exception]) -> Got | None:
        """A call, patiently; None where the Hub has not what it is about."""

        def none_if_missing() -> Got | None:
            try:
                return call()
            except missing:
                return None

        return self.ask(doing, none_if_missing)

    @cached_property
    def account(self) -> Account | None:
        """Who asks; None without a token."""
        if self.token is None:
            return None
        return Account.of(self.ask("asking whose token it is", self.api.whoami))

    # What stands there

    def facts(self, repo: str) -> Facts | None:
        """The repository, None where there is none (or none that the token may see)."""
        from huggingface_hub.errors import RepositoryNotFoundError

        doing = f"looking at {repo}"
        fields: Any = ["private", "gated", "usedStorage"]
        info = self.maybe(doing, lambda: self.api.dataset_info(repo, expand=fields), RepositoryNotFoundError)
        if info is None:
            return None
        refs = self.ask(doing, lambda: self.api.list_repo_refs(repo, repo_type="dataset"))
        return Facts(
            bool(info.private),
            info.gated or None,
            info.used_storage,
            {ref.name: ref.target_commit for ref in refs.branches},
            {ref.name: ref.target_commit for ref in refs.tags},
        )

    def standing(self, repo: str, revision: str) -> Standing:
        """What a revision holds. All of it is read at one commit, whatever others do meanwhile."""
        from huggingface_hub.hf_api import RepoFile

        def listed() -> tuple[str, dict[str, RemoteFile]]:
            head = self.api.dataset_info(repo, revision=revision, expand=["sha"]).sha or ""
            tree = self.api.list_repo_tree(repo, repo_type="dataset", revision=head, recursive=True)
            files = [item for item in tree if isinstance(item, RepoFile)]
            return head, {file.path: RemoteFile(file.size, file.lfs.sha256 if file.lfs else None) for file in files}

        head, files = self.ask(f"listing {repo}", listed)
        card = self.read(repo, CARD, head).decode(errors="replace") if CARD in files else None
        manifest = ours(self.read(repo, MANIFEST, head)) if MANIFEST in files else None
        return Standing(head, files, card, manifest)

    def read(self, repo: str, path: str, revision: str) -> bytes:
        """A small file's bytes."""
        return self.ask(f"reading {path} of {repo}", lambda: self._fetch(repo, path, revision))

    def read_if_there(self, repo: str, path: str, revision: str) -> bytes | None:
        """A small file's bytes, None where the revision has no such file."""
        from huggingface_hub.errors import RemoteEntryNotFoundError

        doing = f"reading {path} of {repo} at {revision}"
        return self.maybe(doing, lambda: self._fetch(repo, path, revision), RemoteEntryNotFoundError)

    def digest_at(self, repo: str, revision: str) -> str | None:
        """The digest of the release at a revision, None for another's."""
        data = self.read_if_there(repo, MANIFEST, revision)
        manifest = ours(data) if data is not None else None
        return manifest["digest"] if manifest else None

    def _fetch(self, repo: str, path: str, revision: str) -> bytes:
        """Through a folder of its own, not through the cache of downloads."""
        with tempfile.TemporaryDirectory() as folder:
            found = self.api.hf_hub_download(repo, path, repo_type="dataset", revision=revision, local_dir=folder)
            return Path(found).read_bytes()


def ours(manifest: bytes) -> dict[str, Any] | None:
    """The manifest of a release, None for a file of that name that is something else."""
    try:
        said = json.loads(manifest)
        fits = isinstance(said["digest"], str) and all(isinstance(file["path"], str) for file in said["files"])
    except (ValueError, TypeError, KeyError):
        return None
    return said if fits else None


@contextmanager
def quiet() -> Iterator[None]:
    """Without the client's own progress bars, which speak of chunks and not of shards."""
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    if are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()
