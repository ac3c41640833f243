"""GQA's scene graphs as text and boxes, and what its programs ask for.

A graph names objects by id: `{name, x, y, w, h, attributes[], relations[{name, object}]}`. Its relations are a list;
the dict that the corpus's page shows is read too. Graphs are people's work, cleaned by rules: never an oracle.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from perceptdata.errors import Rejected
from perceptdata.example import Region

_REASONING = ("relate", "and", "or", "same", "different", "common", "compare")


def facts(graph: Mapping[str, Any]) -> str:
    """The canonical text: the setting, the objects from left to right with attributes and boxes, then the relations.

    Raises Rejected `field.invalid` for a graph that cannot be read.
    """
    objects = _objects(graph)
    number = {key: at for at, (key, _) in enumerate(objects, 1)}
    lines = [f"{name.capitalize()}: {graph[name]}" for name in ("location", "weather") if graph.get(name)]
    for key, each in objects:
        named = " ".join(
            [
                *([", ".join(map(str, each.get("attributes") or ()))] if each.get("attributes") else []),
                str(each["name"]),
            ]
        )
        x, y, width, height = _box(each)
        lines.append(f"{number[key]}. {named} at ({x:g}, {y:g}), {width:g} wide, {height:g} high")
    for key, each in objects:
        lines += [f"{number[key]} is {name} {number[other]}" for name, other in _relations(each) if other in number]
    return "\n".join(lines)


def regions(graph: Mapping[str, Any]) -> list[Region]:
    """The objects' boxes, in the order of the facts."""
    found = []
    for _, each in _objects(graph):
        x, y, width, height = _box(each)
        found.append(Region(label=str(each["name"]), coords=(x, y, x + width, y + height)))
    return found


def only_looks(steps: Any) -> bool | None:
    """Whether a program finds things by name and attribute and no more; None where there is no program."""
    if not isinstance(steps, list | tuple) or not steps:
        return None
    names = [str(step.get("operation", "")) if isinstance(step, Mapping) else str(step) for step in steps]
    return not any(name.split(" ")[0] in _REASONING or name.endswith(" rel") for name in names)


def _objects(graph: Mapping[str, Any]) -> Sequence[tuple[str, Mapping[str, Any]]]:
    """By place, so that equal graphs read alike whatever their ids."""
    try:
        found = [(str(key), each) for key, each in graph["objects"].items()]
        return sorted(found, key=lambda pair: (*_box(pair[1]), str(pair[1]["name"]), pair[0]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Rejected("field.invalid", f"the scene graph's objects cannot be read ({error!r})") from None


def _box(each: Mapping[str, Any]) -> tuple[float, float, float, float]:
    return (float(each["x"]), float(each["y"]), float(each["w"]), float(each["h"]))


def _relations(each: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and object of each relation, from a list or a dict."""
    written = each.get("relations") or ()
    found = [(None, one) for one in written] if not isinstance(written, Mapping) else list(written.items())
    for key, one in found:
        if isinstance(one, Mapping) and one.get("name"):
            yield str(one["name"]), str(one.get("object", key))
        elif key is not None and isinstance(one, str):
            yield one, str(key)
