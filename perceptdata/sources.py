"""Where a corpus lies on the Hub: which repository, at which commit, and its files on this machine.

    hub = HubSource.parse("hf://datasets/acme/charts@1f2e…/main")     # or HubSource(hub="acme/charts", revision=…)
    hub.commit                           # the commit that the revision names, 40 hexadecimal digits
    hub.folder()                         # the files, in the repository's own layout, as a builder reads them
    hub.folder(limit=20)                 # only as much of them as the first 20 rows take

Files are fetched by huggingface_hub into its cache: a fetch that was interrupted goes on where it stopped, a file that
is there is not fetched again, and the endpoint and the token are the environment's (HF_ENDPOINT, HF_TOKEN).

With a limit, Parquet is read through HTTP ranges, one row group after another until there are rows enough; files of
lines are read up to that line. So a preview of a corpus of any size takes a few row groups.
"""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import pyarrow.parquet as pq
import yaml
from pydantic import BaseModel, ConfigDict, field_validator

from perceptdata.errors import UsageError
from perceptdata.manifest import digest

if TYPE_CHECKING:
    from huggingface_hub import HfFileSystem

SCHEME = "hf://datasets/"
_ADDRESS = re.compile(r"hf:/{1,2}datasets/(?P<hub>[\w.-]+/[\w.-]+?)(?:@(?P<revision>[^/]+))?(?:/(?P<config>.+))?")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_FRONT = re.compile(r"\s*---\r?\n(.*?)\r?\n---", re.DOTALL)
_LINES = (".jsonl", ".jsonlines", ".ndjson", ".csv", ".tsv")
FETCHES = 4
"""Files that are fetched at once."""
SELDOM = ("*.md", ".gitattributes", "*.py", "*.pdf")
"""Files that hold no rows and no pictures."""


class HubSource(BaseModel):
    """A dataset repository. `revision` is a branch, a tag or a commit; `config` one of the configurations that the card
    declares, or a folder; `files` are patterns, in place of it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    hub: str
    revision: str = "main"
    config: str | None = None
    files: tuple[str, ...] = ()

    @field_validator("hub")
    @classmethod
    def _owner_and_name(cls, value: str) -> str:
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", value):
            raise ValueError(f"'{value}' is no repository; write OWNER/NAME")
        return value

    @classmethod
    def parse(cls, address: str) -> Self | None:
        """What an address `hf://datasets/OWNER/NAME[@REVISION][/CONFIG]` names; None for a path."""
        if not re.match(r"hf:/", address):
            return None
        found = _ADDRESS.fullmatch(address.rstrip("/"))
        if found is None:
            raise UsageError(f"'{address}' is no dataset; write {SCHEME}OWNER/NAME@REVISION/CONFIG")
        return cls(**{key: value for key, value in found.groupdict().items() if value is not None})

    @cached_property
    def commit(self) -> str:
        """The commit. Without a network, what the cache last knew of the revision. Raises UsageError."""
        if _COMMIT.fullmatch(self.revision):
            return self.revision
        from huggingface_hub import HfApi
        from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

        try:
            found = HfApi().dataset_info(self.hub, revision=self.revision).sha
        except RevisionNotFoundError:
            raise UsageError(f"{self.hub} has no revision '{self.revision}' on the Hub") from None
        except RepositoryNotFoundError:
            raise UsageError(f"{self.hub} is no dataset on the Hub, or HF_TOKEN may not read it") from None
        except Exception as error:  # offline in one of its many forms: the cache may know
            return self._remembered(error)
        self._ref.parent.mkdir(parents=True, exist_ok=True)
        self._ref.write_text(str(found), encoding="utf-8")
        return str(found)

    def _kept(self, folder: str) -> Path:
        """A folder of ours beside the Hub client's cache of repositories."""
        from huggingface_hub import constants

        return Path(constants.HF_HUB_CACHE).parent / "perceptdata" / self.hub.replace("/", "--") / folder

    @property
    def _ref(self) -> Path:
        return self._kept("refs") / quote(self.revision, safe="")

    def _remembered(self, error: Exception) -> str:
        if self._ref.is_file():
            return self._ref.read_text(encoding="utf-8").strip()
        reason = str(error).split("\n", 1)[0]
        raise UsageError(
            f"the Hub cannot be asked for {self.hub} ({reason}), and the cache has not seen '{self.revision}'; "
            "try again with a network, or name a commit that was fetched before"
        ) from None

    def identity(self) -> dict[str, Any]:
        """What rows depend on: the repository, the commit, and which of its files."""
        chosen = {"config": self.config, "files": list(self.files)}
        return {"hub": self.hub, "commit": self.commit, **{key: value for key, value in chosen.items() if value}}

    def folder(self, limit: int | None = None) -> Path:
        """A folder with these files and no others, as the repository has them. Raises UsageError.

        With a limit, files of rows are cut short; those that cannot be (JSON, archives) come whole.
        """
        wanted = self.wanted()
        folder = self._kept(self.commit) / digest(wanted, limit)[:12]
        if folder.is_dir():
            return folder
        beside = folder.with_name(f".{folder.name}.{os.getpid()}")
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        cuts = {name for name in wanted if limit is not None and PurePosixPath(name).suffix in (".parquet", *_LINES)}
        with ThreadPoolExecutor(FETCHES) as pool:
            others = [name for name in wanted if name not in cuts]
            whole = dict(zip(others, pool.map(self.fetch, others), strict=True))
        rows = 0
        for name in wanted:
            if limit is not None and name in cuts and rows >= limit:
                continue
            there = beside / name
            there.parent.mkdir(parents=True, exist_ok=True)
            if limit is not None and name in cuts:
                rows += self._head(name, there, limit - rows)
            else:
                there.symlink_to(whole[name])
        try:
            beside.rename(folder)
        except OSError:  # somebody else was quicker
            shutil.rmtree(beside, ignore_errors=True)
        return folder

    def wanted(self) -> list[str]:
        """The files of the configuration, or all that may hold rows or pictures. Raises UsageError for none."""
        names = sorted(self._listing())
        patterns = list(self.files) or self._patterns(names)
        kept = [name for name in names if not _matches(name, SELDOM) and (not patterns or _matches(name, patterns))]
        if not kept:
            have = ", ".join(names[:5]) or "nothing"
            raise UsageError(
                f"{self.hub} has no file for config '{self.config}' at {self.commit[:12]}; it has {have}, …"
            )
        return kept

    def fetch(self, name: str) -> Path:
        """One file, in the cache."""
        from huggingface_hub import hf_hub_download
        from huggingface_hub.utils.tqdm import disable_progress_bars

        if not sys.stderr.isatty():
            disable_progress_bars()
        try:
            return Path(hf_hub_download(self.hub, name, repo_type="dataset", revision=self.commit)).resolve()
        except Exception as error:  # gone, forbidden, or no network: all are one sentence to the user
            raise UsageError(f"{name} of {self.hub} cannot be fetched: {str(error).splitlines()[0]}") from error

    def _listing(self) -> list[str]:
        """The names of all files; from the cache's copy of the list where the Hub cannot be asked."""
        from huggingface_hub import HfApi

        kept = self._kept(self.commit)
        listed = kept / "files.txt"
        if listed.exists():  # a commit never changes
            return listed.read_text(encoding="utf-8").split("\n")
        try:
            names = HfApi().list_repo_files(self.hub, repo_type="dataset", revision=self.commit)
        except Exception as error:
            raise UsageError(f"the files of {self.hub} cannot be listed: {str(error).splitlines()[0]}") from error
        kept.mkdir(parents=True, exist_ok=True)
        beside = listed.with_suffix(f".{os.getpid()}")
        beside.write_text("\n".join(names), encoding="utf-8")
        beside.replace(listed)
        return names

    def _patterns(self, names: Sequence[str]) -> list[str]:
        """The card's patterns for the configuration, or its folder."""
        if self.config is None:
            return []
        for one in self._configs(names):
            if one.get("config_name") == self.config:
                return list(_paths(one.get("data_files")))
        return [f"{self.config}/*", f"{self.config}.*"]

    def _configs(self, names: Sequence[str]) -> list[dict[str, Any]]:
        if "README.md" not in names:
            return []
        front = _FRONT.match(self.fetch("README.md").read_text(encoding="utf-8"))
        try:
            said = (yaml.safe_load(front[1]) if front else None) or {}
        except yaml.YAMLError:
            return []
        return [one for one in said.get("configs") or [] if isinstance(one, dict)]

    @cached_property
    def _remote(self) -> HfFileSystem:
        from huggingface_hub import HfFileSystem, constants

        return HfFileSystem(endpoint=constants.ENDPOINT)

    def _head(self, name: str, to: Path, rows: int) -> int:
        """The first rows of a file, written to `to`: at least `rows` where it has so many. How many they are."""
        path = f"datasets/{self.hub}@{self.commit}/{name}"
        try:
            if to.suffix == ".parquet":
                # Small blocks: what is asked for is a footer, and the columns of a row group.
                with self._remote.open(path, block_size=1 << 16, cache_type="readahead") as file:
                    return _first_groups(file, to, rows)
            with self._remote.open(path, block_size=1 << 18) as file:
                return _first_lines(file, to, rows)
        except OSError as error:
            raise UsageError(f"{name} of {self.hub} cannot be read: {str(error).splitlines()[0]}") from error


def _first_groups(file: Any, to: Path, rows: int) -> int:
    taken = 0
    with pq.ParquetFile(file) as source, pq.ParquetWriter(to, source.schema_arrow) as writer:
        for group in range(source.num_row_groups):
            if taken >= rows:
                break
            table = source.read_row_group(group)
            writer.write_table(table)
            taken += table.num_rows
    return taken


def _first_lines(file: Any, to: Path, rows: int) -> int:
    """Lines, the header of a table among them; a quoted line break counts as a line, so there may be fewer rows."""
    with to.open("wb") as sink:
        for number, line in enumerate(file):
            if number > rows:
                return rows
            sink.write(line)
    return rows


def _paths(data_files: Any) -> list[str]:
    """The patterns in a card: one, a list, or a list of `{split, path}`."""
    if isinstance(data_files, str):
        return [data_files]
    if isinstance(data_files, dict):
        return [path for each in data_files.values() for path in _paths(each)]
    if isinstance(data_files, list):
        return [path for each in data_files for path in _paths(each["path"] if isinstance(each, dict) else each)]
    return []


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatch(name, pattern.replace("**/", "*").removeprefix("./")) for pattern in patterns)
