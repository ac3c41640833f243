"""The recipe that `perceptdata init` writes: what was found in a file, spelled out so that a person can correct it.

text = first_recipe(Path("vqa.jsonl"), columns, images=Path("img"), licence="internal", folder=Path("."))
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

META = "meta."


def first_recipe(
    file: Path, columns: Mapping[str, str], *, images: Path | None, licence: str, folder: Path, traces: bool
) -> str:
    """A recipe for one file, as YAML with comments. Paths are relative to `folder`, where the recipe will lie.

    `columns` maps the file's columns to what they are taken for; those that are only kept (`meta.`) are left out. With
    `traces`, responses are tagged and a view of them is made.
    """
    source: dict[str, Any] = {"use": "auto", "name": _name(file), "path": _relative(file, folder)}
    if images is not None:
        source["images"] = _relative(images, folder)
    source["map"] = {column: target for column, target in columns.items() if not target.startswith(META)}
    source |= {"stage": "by-rule", "licence": licence}
    parts = [
        f"# A first recipe, from a look at {file.name}. Correct what is wrong, then try: perceptdata run --preview 20",
        _dump({"workspace": "workspace"}),
        "# map: column -> what it is taken for. stage: by-rule, or one of perception, visual_reasoning,\n"
        "# textual_reasoning for every row.",
        _dump({"sources": [source]}),
    ]
    views: dict[str, Any] = {"rl": {"order": "capability+random"}}
    if traces:
        parts.append(_dump({"steps": {"tags": {"do": "tag", "from": "response", "use": ["structure", "cues"]}}}))
        views = {"sft": {"where": "response is not null", "spans": "tags", "order": "capability+random"}, **views}
    parts += [
        _dump({"views": views}),
        _dump({"outputs": [{"export": "parquet", "view": next(iter(views)), "to": "out"}, {"report": "report.html"}]}),
    ]
    return "\n".join(parts)


def _name(file: Path) -> str:
    name = "".join(char if char.isascii() and char.isalnum() else "_" for char in file.stem.lower()).strip("_")
    return name if name[:1].isalpha() else f"source_{name}".rstrip("_")


def _relative(path: Path, folder: Path) -> str:
    return os.path.relpath(path, folder) if not path.is_absolute() else str(path)


def _dump(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110)
