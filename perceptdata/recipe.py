"""The recipe: a dataset declared in one YAML file.

Knows no step; it reads, checks names and order, and hands out options.

    recipe = Recipe.load("recipe.yaml")
    for name, do, options in recipe.declared():
        …

    workspace: ws
    format:  {use: think_boxed, max_pixels: 1048576}
    sources: [{use: geometry3k, path: data_examples}]
    steps:   {tags: {do: tag, use: [structure, cues]}}
    views:   {sft: {where: "response is not null", spans: tags}}
    outputs: [{export: parquet, view: sft, to: out}, {report: report.html}]

Unknown keys are errors everywhere. Paths are relative to the recipe's folder.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from perceptdata import strict_yaml
from perceptdata.errors import UsageError
from perceptdata.example import Example
from perceptdata.registry import option_errors
from perceptdata.view import DEFAULT_VIEWS, ViewSpec

NAME = re.compile(r"[a-z][a-z0-9_]*")
RESERVED = {"examples", "rejects", "responses", "captions", "spans", "verdicts", "reviews", "token_scores", "scores"}
RESERVED |= {"all", "texts", "split", "source_name", "draw", *Example.model_fields}


def check_name(name: str) -> str:
    """The name, or a UsageError when no step can have it: it becomes a folder and a table."""
    if not NAME.fullmatch(name) or name in RESERVED:
        raise UsageError(f"'{name}' cannot name a step; use small letters, digits and _, and no table's name")
    return name


class Declared(NamedTuple):
    """One step as the recipe has it: its name, which step it is, and its options."""

    name: str
    do: str
    options: dict[str, Any]


class Recipe(BaseModel):
    """A recipe as written. `sources` build examples, `steps` write layers, `views` choose, `outputs` leave files."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    workspace: Path | None = None
    endpoints: dict[str, dict[str, Any]] = Field(default_factory=dict)
    format: dict[str, Any] | None = None
    sources: tuple[dict[str, Any], ...] = Field(min_length=1)
    steps: dict[str, dict[str, Any]] = Field(default_factory=dict)
    views: dict[str, ViewSpec] = Field(default_factory=dict)
    outputs: tuple[dict[str, Any], ...] = ()
    _path: Path = PrivateAttr(default=Path("recipe.yaml"))

    @classmethod
    def load(cls, path: Path) -> Recipe:
        """Read a recipe. Raises UsageError that names the file, and the line or key that is wrong."""
        content = strict_yaml.read(path, "recipe", "`perceptdata init FILE` writes a first recipe")
        try:
            recipe = cls.model_validate(content)
        except ValidationError as error:
            raise UsageError(f"{path}: {option_errors(error, cls)}") from None
        recipe._path = path
        recipe._check_names()
        return recipe

    @property
    def path(self) -> Path:
        """The file it was read from."""
        return self._path

    @property
    def folder(self) -> Path:
        """What its paths are relative to."""
        return self._path.parent

    def declared(self) -> list[Declared]:
        """Sources as build steps, then the steps, in order.

        Raises UsageError for names that are wrong or used twice.
        """
        found: list[Declared] = []
        for source in self.sources:
            if "use" not in source:
                raise UsageError(f"{self._path}: every source names its builder with 'use' (one has {sorted(source)})")
            options = {key: value for key, value in source.items() if key != "name"}
            found.append(Declared(str(source.get("name", source["use"])), "build", options))
        for name, options in self.steps.items():
            if "do" not in options:
                raise UsageError(f"{self._path}: step '{name}' says nothing to do; give it 'do: NAME'")
            found.append(
                Declared(name, str(options["do"]), {key: value for key, value in options.items() if key != "do"})
            )
        names = [step.name for step in found]
        for name in names:
            check_name(name)
            if names.count(name) > 1:
                raise UsageError(f"{self._path}: two steps are called '{name}'; give one of them another 'name'")
        return found

    def _check_names(self) -> None:
        """Every step and view that a view or an output names is there: hours of work must not end at a misspelling."""
        steps = [step.name for step in self.declared()]
        for name, view in self.views.items():
            text = None if view.text.from_ == "response" else view.text.from_
            for key, step in {"text": text, "by": view.text.by, "spans": view.spans}.items():
                if step is not None and step not in steps:
                    self._unknown(f"view '{name}'", key, step, steps)
        for output in self.outputs:
            if "view" in output and output["view"] not in {**self.views, **DEFAULT_VIEWS}:
                self._unknown(f"output {output}", "view", str(output["view"]), [*self.views, *DEFAULT_VIEWS])

    def _unknown(self, who: str, key: str, name: str, known: list[str]) -> None:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(known)}"
        raise UsageError(f"{self._path}: {who} has {key} '{name}', which nothing makes; {hint}")
