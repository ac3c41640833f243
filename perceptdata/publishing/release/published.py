"""What a published dataset says of itself in its manifest, as far as a clone needs it; the rest is for people.

published = read_published(open_origin("acme/geometry"))
published.full, published.views          # the files that hold everything; or those of the views, by view
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ValidationError

from perceptdata.errors import UsageError
from perceptdata.publishing.release.config import FULL
from perceptdata.publishing.release.origin import Origin
from perceptdata.publishing.release.record import FORMAT, MANIFEST
from perceptdata.publishing.release.shard import Shard
from perceptdata.view import ViewSpec


class StepSaid(BaseModel):
    """A step as the manifest has it; `rows` by room."""

    do: str
    version: str
    options: dict[str, Any]
    rows: dict[str, int]
    rejected: dict[str, int] = {}


class Published(BaseModel):
    """The manifest of a release."""

    format: int
    digest: str
    configs: dict[str, dict[str, Any]]
    steps: dict[str, StepSaid]
    views: dict[str, dict[str, Any]] = {}
    files: list[Shard]

    @property
    def whole(self) -> bool:
        """Whether it has the config that holds everything."""
        return any(file.path.startswith(f"{FULL}/") for file in self.files)

    @property
    def specs(self) -> dict[str, ViewSpec]:
        """The views that were published in place of everything; those with the examples' own responses first."""
        said = {name: config["definition"] for name, config in self.configs.items() if "definition" in config}
        specs = {name: ViewSpec.model_validate(each) for name, each in said.items()}
        return dict(sorted(specs.items(), key=lambda item: item[1].text.from_ != "response"))

    def read(self) -> list[Shard]:
        """The files that are read: those of `full`, or else of the views."""
        configs = [FULL] if self.whole else list(self.specs)
        return [file for config in configs for file in self.files if file.path.startswith(f"{config}/")]


def read_published(origin: Origin) -> Published:
    """The manifest. Raises UsageError for a dataset that a clone cannot be made of."""
    data = origin.read(MANIFEST)
    if data is None:
        raise UsageError(f"{origin.name} has no {MANIFEST}: perceptdata did not publish it; read it with a builder")
    damaged = f"{MANIFEST} of {origin.name} is not one that perceptdata wrote, or is damaged"
    try:
        said = json.loads(data)
        if isinstance(said, dict) and isinstance(said.get("format"), int) and said["format"] > FORMAT:
            raise UsageError(f"{origin.name} was published by a newer perceptdata; upgrade to clone it")
        published = Published.model_validate(said)
        if not published.read():
            raise UsageError(f"{damaged}: it names no file with examples")
    except (ValueError, ValidationError) as error:
        raise UsageError(damaged) from error
    return published
