"""The recipes that come with the package, written out for somebody's own file.

    text, written = write_packaged("perception_mcq", Path("captions.jsonl"), Path("img"), "MIT", Path("recipe.yaml"))

A packaged recipe is a folder with `recipe.yaml` and the files that it names, such as prompts; these are copied beside
the new recipe, because they are its user's from then on. Files that are there already are kept.
"""

from __future__ import annotations

import difflib
import os
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from perceptdata.errors import UsageError

RECIPE = "recipe.yaml"
_FIRST_SOURCE = re.compile(r"^  - \{.*?\}$", re.MULTILINE)


def packaged() -> dict[str, Any]:
    """The recipes by name: the folders of the builders' `staged` that hold one."""
    room = files("perceptdata.builders") / "staged"
    return {each.name: each for each in room.iterdir() if each.is_dir() and (each / RECIPE).is_file()}


def write_packaged(
    name: str, file: Path, images: Path | None, licence: str, to: Path, dry_run: bool = False
) -> tuple[str, list[Path]]:
    """The recipe's text with the file as its source, and what was written. Raises UsageError for an unknown name."""
    known = packaged()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(sorted(known))}"
        raise UsageError(f"there is no packaged recipe '{name}'; {hint}")
    text = (known[name] / RECIPE).read_text(encoding="utf-8")
    first = _FIRST_SOURCE.search(text)
    assert first is not None  # every packaged recipe has its source in one line
    (declared,) = yaml.safe_load(first[0])
    source = {**declared, "path": _from(file, to.parent), "licence": licence}
    source.pop("images", None)
    if images is not None:
        source["images"] = _from(images, to.parent)
    line = yaml.safe_dump(source, default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True).strip()
    text = text.replace(first[0], f"  - {line}", 1)
    beside = [each for each in _inside(known[name]) if each[0] != RECIPE]
    if dry_run:
        return text, []
    written = [to]
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(text, encoding="utf-8")
    for inner, content in beside:
        place = to.parent / inner
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(content, encoding="utf-8")
            written.append(place)
    return text, written


def _from(path: Path, folder: Path) -> str:
    return str(path) if path.is_absolute() else os.path.relpath(path, folder)


def _inside(folder: Any, above: str = "") -> list[tuple[str, str]]:
    found = []
    for each in sorted(folder.iterdir(), key=lambda item: str(item.name)):
        if each.is_dir():
            found += _inside(each, f"{above}{each.name}/")
        else:
            found.append((f"{above}{each.name}", each.read_text(encoding="utf-8")))
    return found
