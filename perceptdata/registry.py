"""Which plugins there are, who provides them, and how to get one by name.

    registry.load("builders", "geometry3k")            # the class
    registry.make("taggers", "cues", {})               # an instance; unknown options are a UsageError
    registry.entries("builders")                       # what `perceptdata list builders` prints

Plugins are found through entry points, group `perceptdata.<kind>`. An entry point is either one plugin (`name =
module:Class`) or, when its name is `catalogue` or begins with `catalogue_`, a mapping of names to `module:Class`
strings; nothing behind the string is imported until it is asked for. A plugin that fails to import is listed with its
error and breaks nothing else.
"""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from perceptdata.errors import PluginError, UsageError
from perceptdata.example import use_under
from perceptdata.plugins import Builder, Plugin

KINDS = ("builders", "families", "taggers", "captioners", "judges", "checkers", "surrogates", "exporters", "formats")
CATALOGUE = "catalogue"


@dataclass(frozen=True, slots=True)
class Entry:
    """A plugin that is known by name. `target` is `module:attribute`; `error` says why it cannot be used."""

    kind: str
    name: str
    target: str
    package: str
    package_version: str
    error: str | None = None


def entries(kind: str, check: bool = False) -> list[Entry]:
    """All plugins of a kind, by name. With `check`, each is imported and its error recorded."""
    if kind not in KINDS:
        raise UsageError(f"there is no plugin kind '{kind}'; the kinds are {', '.join(KINDS)}")
    found: dict[str, Entry] = {}
    for point in sorted(entry_points(group=f"perceptdata.{kind}"), key=_engine_first):
        for entry in _of_point(kind, point):
            other = found.setdefault(entry.name, entry)
            if other is not entry and other.target != entry.target:
                message = f"{entry.package} offers it too ({entry.target}); uninstall one of them"
                found[entry.name] = _with_error(other, message)
    listed = [found[name] for name in sorted(found)]
    return [_checked(entry) for entry in listed] if check else listed


def about(kind: str, name: str) -> dict[str, Any]:
    """What a plugin says of itself: `summary`; of a builder also corpus, stages, licence and allowed use."""
    plugin = load(kind, name)
    said: dict[str, Any] = {"summary": (plugin.__doc__ or "").strip().split("\n")[0]}
    if issubclass(plugin, Builder):
        said |= {"corpus": plugin.corpus, "stages": list(plugin.stages)}
        said |= {"licence": plugin.licence, "allowed_use": use_under(plugin.licence, plugin.allowed_use)}
    return said


def load(kind: str, name: str) -> type[Plugin]:
    """The plugin class. Raises UsageError for an unknown name, PluginError for one that does not import.

    Found once a process: to look through everything that is installed takes about 10 ms, and rows that bring options
    of their own ask for a plugin each.
    """
    return _loaded(kind, name, tuple(sys.path), entry_points)


@lru_cache(maxsize=512)
def _loaded(kind: str, name: str, path: tuple[str, ...], finder: object) -> type[Plugin]:
    known = {entry.name: entry for entry in entries(kind)}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else f"; there are {', '.join(known) or 'none'}"
        raise UsageError(f"there is no {kind.rstrip('s')} '{name}'{hint}")
    entry = known[name]
    if entry.error:
        raise PluginError(f"{kind.rstrip('s')} '{name}' of {entry.package}: {entry.error}")
    return _import(entry)


def make(kind: str, name: str, options: Mapping[str, Any] | None = None) -> Any:
    """The plugin with its options set; a wrong option is a UsageError that names it."""
    plugin = load(kind, name)
    try:
        return plugin(**(options or {}))
    except ValidationError as error:
        raise UsageError(f"{kind.rstrip('s')} '{name}': {option_errors(error, plugin)}") from None


def option_errors(error: ValidationError, model: type) -> str:
    """A validation error as one sentence that names each wrong key and the nearest right one."""
    said = []
    for item in error.errors():
        where = ".".join(str(part) for part in item["loc"]) or "options"
        if item["type"] == "extra_forbidden":
            near = difflib.get_close_matches(str(item["loc"][-1]), _keys_at(item["loc"][:-1], model), n=1)
            said.append(f"unknown key '{where}'" + (f" (did you mean '{near[0]}'?)" if near else ""))
        elif item["type"] == "missing":
            said.append(f"'{where}' is required")
        else:
            said.append(f"'{where}': {item['msg'].removeprefix('Value error, ')}")
    return "; ".join(said)


def _keys_at(place: Sequence[int | str], model: type) -> list[str]:
    """The keys that a model takes at a place inside it, by the types of its fields."""
    kind: Any = model
    for key in place:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            fields = {field.alias or name: field for name, field in kind.model_fields.items()}
            kind = fields[str(key)].annotation if str(key) in fields else None
        else:  # a key or number inside a mapping or list: its values' type is the last argument that is a model
            kind = next((each for each in reversed(get_args(kind)) if isinstance(each, type)), None)
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return []
    return [field.alias or name for name, field in kind.model_fields.items()]


def _engine_first(point: EntryPoint) -> tuple[bool, str, str]:
    package = point.dist.name if point.dist else ""
    return (package != "perceptdata", package, point.name)


def _of_point(kind: str, point: EntryPoint) -> list[Entry]:
    package = point.dist.name if point.dist else "?"
    version = point.dist.version if point.dist else "?"
    if point.name != CATALOGUE and not point.name.startswith(f"{CATALOGUE}_"):
        return [Entry(kind, point.name, point.value, package, version)]
    try:
        catalogue = point.load()
    except Exception as error:  # whatever a stranger's package raises on import, the others must still be listed
        return [Entry(kind, f"{package}:{point.name}", point.value, package, version, _describe(error))]
    return [Entry(kind, name, target, package, version) for name, target in catalogue.items()]


def _checked(entry: Entry) -> Entry:
    try:
        _import(entry)
    except PluginError as error:
        return _with_error(entry, str(error))
    return entry


def _import(entry: Entry) -> type[Plugin]:
    module, _, attribute = entry.target.partition(":")
    try:
        plugin = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # as above: reported with the plugin's name, whatever it is
        raise PluginError(f"{entry.target} of {entry.package} cannot be imported: {_describe(error)}") from error
    if not (isinstance(plugin, type) and issubclass(plugin, Plugin)):
        raise PluginError(f"{entry.target} of {entry.package} is not a perceptdata plugin class")
    return plugin


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _with_error(entry: Entry, message: str) -> Entry:
    return Entry(entry.kind, entry.name, entry.target, entry.package, entry.package_version, message)
