"""The shape of a step: options as fields, a plan of shards, and a closing pass.

    class Tag(Step):
        do = "tag"
        from_: tuple[str, ...] = ("response",)

        def plan(self, ws, name): ...          # one Shard for each input shard

A step's identity is its `fingerprint`: the hash of its options and of the versions of the plugins it uses.

| left out of the fingerprint          | why                                                                      |
|--------------------------------------|--------------------------------------------------------------------------|
| paths of sources                     | the same corpus in another folder is the same corpus                      |
| contents of sources, earlier layers  | each shard keeps its input's digest: only what changed is made again      |
| workers, progress, workspace         | they change nothing in the rows                                           |
| the perceptdata version              | plugins and steps carry their own, raised when their output changes       |
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from perceptdata.execution.task import Work
from perceptdata.layers import Producer
from perceptdata.manifest import StepVersion, digest
from perceptdata.plugins import Plugin

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace


Watch = Callable[[int, int, int], None]
"""Told of progress: shards (or requests) done, how many in all, rows made so far."""


class Shard(NamedTuple):
    """One shard that a step will make.

    Its name, the digest of its input, the example shard it is about, and the work.
    """

    name: str
    digest: str
    about: str
    work: Work


class Prepared(NamedTuple):
    """Which shards can be made now, and why the others cannot (None when all can)."""

    ready: list[Shard]
    stopped: str | None = None


class Step(Plugin, ABC):
    """Something that reads shards and writes shards."""

    do: ClassVar[str]
    name: ClassVar[str] = ""

    def identity(self) -> dict[str, Any]:
        """What the fingerprint is made of."""
        return {"do": self.do, "version": self.version, **self.options()}

    @property
    def fingerprint(self) -> str:
        """The first 8 hex digits of the identity's hash."""
        return digest(self.identity())[:8]

    def producer(self) -> Producer:
        """What rows of this step name as their maker."""
        return Producer(name=self.do, version=self.version, config=self.fingerprint)

    def needs(self) -> tuple[str, ...]:
        """The names of the steps whose layers this one reads."""
        return ()

    @abstractmethod
    def plan(self, ws: Workspace, name: str) -> list[Shard]:
        """Every shard of a whole run, in order. Cheap: nothing is read that a manifest or a file's size can tell."""

    def prepare(self, ws: Workspace, name: str, shards: list[Shard], watch: Watch) -> Prepared:
        """What must be done for all shards together before any is made, such as asking a model."""
        return Prepared(shards)

    def estimate(self, ws: Workspace, name: str, shards: list[Shard]) -> dict[str, Any]:
        """What making these shards would take, for `--dry-run`; empty where there is nothing to foresee."""
        return {}

    def finish(self, ws: Workspace, name: str, run: StepVersion) -> list[Shard]:
        """The closing pass over all shards; returns those that must be made again, with what is now known."""
        return []
