"""A card merged into the one that is there: our YAML keys and our marked sections are replaced, all else stays.

    merge(Front(owned={"configs": [...]}, wished={"pretty_name": "…"}), {"load": "…"}, title, existing)

A section stands between `<!-- perceptdata:load -->` and `<!-- /perceptdata:load -->`. One whose mark is missing, or has
no end, is written anew behind the last of ours; words outside the marks are never touched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import yaml

_FRONT = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_MARK = re.compile(r"[ \t]*<!-- (/?)perceptdata:([a-z_]+) -->[ \t]*\n?")


@dataclass(frozen=True, slots=True)
class Front:
    """YAML keys: `owned` are replaced, and removed where they are None; `wished` are set where nobody did; `added` are
    lists whose entries join those that are there.
    """

    owned: Mapping[str, Any]
    wished: Mapping[str, Any] = field(default_factory=dict)
    added: Mapping[str, list[str]] = field(default_factory=dict)


def merge(front: Front, sections: Mapping[str, str], title: str, existing: str | None) -> str:
    """The text of README.md."""
    keys, body = take_apart(existing or "")
    if not body.strip():
        body = f"# {title}\n"
    return f"---\n{_dump(_merged(front, keys))}---\n\n{_body(body, sections).strip()}\n"


def take_apart(card: str) -> tuple[dict[str, Any], str]:
    """The YAML keys and the body. A front matter that is no YAML mapping counts as body, so that nothing is lost."""
    match = _FRONT.match(card)
    if match is None:
        return {}, card
    try:
        keys = yaml.safe_load(match.group(1))
    except yaml.YAMLError:
        keys = match.group(1)
    if not isinstance(keys, dict):
        return ({}, card[match.end() :]) if keys is None else ({}, f"```\n{match.group(1)}\n```\n{card[match.end() :]}")
    return keys, card[match.end() :]


def _merged(front: Front, keys: dict[str, Any]) -> dict[str, Any]:
    merged = {key: value for key, value in keys.items() if key not in front.owned}
    merged |= {key: value for key, value in front.wished.items() if key not in merged}
    for key, values in front.added.items():
        there = merged.get(key) or []
        there = there if isinstance(there, list) else [there]
        merged[key] = list(dict.fromkeys([*there, *values]))
    first = {key: value for key, value in front.owned.items() if value is not None}
    order = ["license", "license_name", "license_link", "pretty_name", "language", "task_categories", "tags"]
    merged |= first
    named = [key for key in order if key in merged]
    last = [key for key in ("configs", "dataset_info") if key in merged]
    return {key: merged[key] for key in [*named, *(key for key in merged if key not in [*named, *last]), *last]}


def _body(body: str, sections: Mapping[str, str]) -> str:
    """The body with our sections in it: replaced where they stand, the others after them."""
    kept, left = [], dict(sections)
    last = None
    for text, name in _pieces(body):
        if name is None:
            kept.append(text)
            continue
        if name in left:
            last = len(kept)
            kept.append(_marked(name, left.pop(name)))
    fresh = [_marked(name, text) for name, text in left.items()]
    at = len(kept) if last is None else last + 1
    return "\n\n".join(piece.strip("\n") for piece in [*kept[:at], *fresh, *kept[at:]] if piece.strip())


def _pieces(body: str) -> list[tuple[str, str | None]]:
    """The body cut at our sections: (text, None) for what is somebody's, (text, name) for a section."""
    found: list[tuple[str, str | None]] = []
    at = 0
    marks = list(_MARK.finditer(body))
    for mark, after in zip_longest(marks, marks[1:]):
        if mark.start() < at:
            continue  # the end of the section before
        found.append((body[at : mark.start()], None))
        at = mark.end()
        if not mark.group(1) and after is not None and after.group(1) and after.group(2) == mark.group(2):
            found.append((body[mark.end() : after.start()], mark.group(2)))
            at = after.end()
    found.append((body[at:], None))
    return found


def _marked(name: str, text: str) -> str:
    return f"<!-- perceptdata:{name} -->\n{text.strip()}\n<!-- /perceptdata:{name} -->"


def _dump(keys: dict[str, Any]) -> str:
    return yaml.safe_dump(keys, sort_keys=False, allow_unicode=True, width=100)
