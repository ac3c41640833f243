"""Where a published dataset is read from: a folder, or a repository on the Hub at one commit.

origin = open_origin("acme/geometry", revision="v1")
origin.read("manifest.json")
with origin.file("full/train-00000-of-00002.parquet", scratch) as path: ...
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from perceptdata.errors import UsageError
from perceptdata.publishing.hub.client import Client, quiet

_REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


class Origin(Protocol):
    """A published dataset's files. `revision` is the commit; None for a folder."""

    name: str
    revision: str | None

    def read(self, path: str) -> bytes | None:
        """A small file, None where there is none."""

    def file(self, path: str, scratch: Path) -> AbstractContextManager[Path]:
        """A file on disk, for the duration; what is downloaded goes to `scratch`."""


class Folder:
    """What `publish --to` wrote, or somebody downloaded."""

    revision: str | None = None

    def __init__(self, path: Path) -> None:
        self.name, self._path = str(path), path

    def read(self, path: str) -> bytes | None:
        """The file's bytes."""
        file = self._path / path
        return file.read_bytes() if file.is_file() else None

    @contextmanager
    def file(self, path: str, scratch: Path) -> Iterator[Path]:
        """The file itself."""
        yield self._path / path


class Repository:
    """A dataset repository, at the commit that the revision names now."""

    def __init__(self, repo: str, revision: str | None, client: Client) -> None:
        self.name, self._client = repo, client
        doing = f"looking at {repo}"
        found = client.ask(doing, lambda: client.api.dataset_info(repo, revision=revision, expand=["sha"]))
        self.revision: str | None = found.sha

    def read(self, path: str) -> bytes | None:
        """The file's bytes at that commit."""
        return self._client.read_if_there(self.name, path, self.revision or "main")

    @contextmanager
    def file(self, path: str, scratch: Path) -> Iterator[Path]:
        """Downloaded into `scratch`, and removed again: the disk holds one file at a time."""
        with quiet():
            found = self._client.ask(
                f"downloading {path} of {self.name}",
                lambda: self._client.api.hf_hub_download(
                    self.name, path, repo_type="dataset", revision=self.revision, local_dir=scratch
                ),
            )
        try:
            yield Path(found)
        finally:
            Path(found).unlink(missing_ok=True)


def open_origin(source: str, revision: str | None = None, endpoint: str | None = None) -> Origin:
    """The folder of that name, or the repository. UsageError for what is neither; HubError where the Hub refuses."""
    path = Path(source)
    if path.is_dir():
        if revision is not None:
            raise UsageError(f"{source} is a folder, which has no revisions; leave --revision out")
        return Folder(path)
    if not _REPO.fullmatch(source):
        raise UsageError(f"'{source}' is neither a folder nor OWNER/NAME")
    return Repository(source, revision, Client(endpoint))
