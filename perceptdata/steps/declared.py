"""From what a recipe or a verb declares to steps and outputs that can run.

step = make_step("tag", {"use": ["cues"]}, base=Path("."))
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from perceptdata import registry
from perceptdata.errors import UsageError
from perceptdata.formats import Format
from perceptdata.llm.endpoint import Endpoint
from perceptdata.registry import option_errors
from perceptdata.steps import OUTPUTS, STEPS
from perceptdata.steps.output import Output
from perceptdata.steps.step import Step


@dataclass(frozen=True, slots=True)
class Shared:
    """What a recipe says once for all steps: its endpoints by name, and its response format."""

    endpoints: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    format: Mapping[str, Any] | None = None

    def check(self) -> None:
        """Raises UsageError where a format or endpoint is declared wrongly, whether or not a step uses it."""
        if self.format is not None:
            make_format(self.format)
        for name, options in self.endpoints.items():
            _checked(lambda options=options: Endpoint(**options), f"endpoint '{name}'", Endpoint)

    def fill(self, options: Mapping[str, Any], kind: type[Step]) -> dict[str, Any]:
        """The options with what the step takes from the recipe: `format`, and the endpoint that `with` names.

        Raises UsageError for a name that no endpoint has.
        """
        filled = dict(options)
        if "format" in kind.model_fields and self.format is not None:
            filled.setdefault("format", dict(self.format))
        if "endpoint" in kind.model_fields and "with" in filled:
            filled["endpoint"] = self._endpoint(filled.pop("with"), kind.do)
        if kind.do in ("tag", "caption", "judge") and "use" in filled:
            use = filled["use"]
            filled["use"] = [self._plugin(each, kind.do) for each in (use if isinstance(use, list | tuple) else [use])]
        if "decompose" in kind.model_fields and isinstance(filled.get("decompose"), str):
            filled["decompose"] = self._endpoint(filled["decompose"], f"{kind.do}: decompose")
        return filled

    def _plugin(self, item: Any, do: str) -> Any:
        """`{llm: vl, margin_below: 0.15}` as `{llm: {endpoint: {…}, margin_below: 0.15}}`."""
        if not isinstance(item, Mapping) or not item:
            return item
        (name, value), *others = item.items()
        if isinstance(value, str):
            value = {"with": value, **dict(others)}
        elif others or not isinstance(value, Mapping):
            return item
        options = dict(value)
        if "with" in options:
            options["endpoint"] = self._endpoint(options.pop("with"), f"{do}: {name}")
        return {name: options}

    def _endpoint(self, name: object, where: str) -> dict[str, Any]:
        if not isinstance(name, str) or name not in self.endpoints:
            near = difflib.get_close_matches(str(name), self.endpoints, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(self.endpoints) or 'none'}"
            raise UsageError(f"{where}: there is no endpoint '{name}'; {hint}")
        return dict(self.endpoints[name])


def make_step(do: str, options: Mapping[str, Any], base: Path = Path(), shared: Shared | None = None) -> Step:
    """The step with its options checked. Relative paths among them are taken from `base`."""
    kind = _find(do, STEPS, "step")
    based = _based((shared or Shared()).fill(options, kind), kind, base)
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


def make_format(options: Mapping[str, Any]) -> Format:
    """The response format that `{use: NAME, …}` declares. Raises UsageError for one that is not there, or wrong."""
    if "use" not in options:
        raise UsageError("a format is named with 'use': {use: think_boxed}; `perceptdata list formats` shows them")
    return registry.make("formats", str(options["use"]), {key: options[key] for key in options if key != "use"})


def make_output(declared: Mapping[str, Any], base: Path = Path(), shared: Shared | None = None) -> Output:
    """The output that a recipe's entry declares: its first key is the verb, the rest are options."""
    verb = next((key for key in declared if key in OUTPUTS), None)
    if verb is None:
        _find(next(iter(declared), "nothing"), OUTPUTS, "output")
    kind = _find(str(verb), OUTPUTS, "output")
    if verb == "export":  # as short as `{export: verl, view: rl}`
        declared = {"to": f"out/{declared['export']}-{declared.get('view', 'all')}", **declared}
    if shared is not None and shared.format is not None and "format" in kind.model_fields:
        declared = {"format": dict(shared.format), **declared}
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
    for name, option in kind.model_fields.items():
        key = option.alias or name
        is_path = option.annotation is Path or Path in get_args(option.annotation)
        if is_path and isinstance(based.get(key), str | Path) and not str(based[key]).startswith("hf:/"):
            based[key] = base / Path(based[key]).expanduser()
    return based
