"""From what a recipe or a verb declares to steps and outputs that can run.

step = make_step("tag", {"use": ["cues"]}, base=Path("."))
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from perceptdata import registry
from perceptdata.errors import UsageError
from perceptdata.registry import option_errors
from perceptdata.steps import OUTPUTS, STEPS
from perceptdata.steps.output import Output
from perceptdata.steps.step import Step


def make_step(do: str, options: Mapping[str, Any], base: Path = Path()) -> Step:
    """The step with its options checked. Relative paths among them are taken from `base`."""
    kind = _find(do, STEPS, "step")
    based = _based(options, kind, base)
    if do == "build":
        from perceptdata.steps.build import Build

        if not options.get("use"):
            raise UsageError("build: name a builder with 'use'; `perceptdata list builders` shows them")
        builder = registry.load("builders", str(options["use"]))
        step = _checked(lambda: Build.of(_based(based, builder, base)), do, Build)
    else:
        step = _checked(lambda: kind(**based), do, kind)
    step.identity()  # makes the plugins, so that their options are checked before anything runs
    return step


def make_output(declared: Mapping[str, Any], base: Path = Path()) -> Output:
    """The output that a recipe's entry declares: its first key is the verb, the rest are options."""
    verb = next((key for key in declared if key in OUTPUTS), None)
    if verb is None:
        _find(next(iter(declared), "nothing"), OUTPUTS, "output")
    kind = _find(str(verb), OUTPUTS, "output")
    return _checked(lambda: kind(**_based(declared, kind, base)), str(verb), kind)


def _find(name: str, catalogue: Mapping[str, str], noun: str) -> Any:
    if name not in catalogue:
        near = difflib.get_close_matches(name, catalogue, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(catalogue)}"
        raise UsageError(f"there is no {noun} '{name}'; {hint}")
    module, _, attribute = catalogue[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def _checked(make: Any, name: str, kind: type[BaseModel]) -> Any:
    try:
        return make()
    except ValidationError as error:
        raise UsageError(f"{name}: {option_errors(error, kind)}") from None


def _based(options: Mapping[str, Any], kind: type[BaseModel], base: Path) -> dict[str, Any]:
    """The options with every relative path of the model's path fields taken from `base`."""
    based = dict(options)
    for name, field in kind.model_fields.items():
        key = field.alias or name
        is_path = field.annotation is Path or Path in get_args(field.annotation)
        if is_path and isinstance(based.get(key), str | Path):
            based[key] = base / Path(based[key]).expanduser()
    return based
