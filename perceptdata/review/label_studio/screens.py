"""Screens: the labelling configurations in `schemas/label_studio/`, and what of them the answers depend on.

    screen = load("spans")
    screen.labels            # {"cot": {"PERCEPTION": "perception", …}}: by text, as shown and as we write them
    screen.contract          # which controls there are, and what they may say; colours and layout are not in it

A team may restyle a project on its server. It may not rename what answers say, and `contract` is how that is seen.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from perceptdata.errors import PerceptDataError
from perceptdata.review.backend import Screen as Name

LABELS, VERDICT = "Labels", "verdict"
FREE = ("correction", "note")
"""The text areas."""
RATING = "rating"
# Tags that only show something, and those that an answer can come from.
_SHOWN = ("Text", "Image")
_ASKED = (LABELS, "Choices", "TextArea", "Rating")


@dataclass(frozen=True)
class Screen:
    """One screen: its configuration as the server takes it, and what may be answered on it."""

    name: Name
    config: str
    contract: tuple[tuple[str, ...], ...]
    fields: tuple[str, ...]
    """The texts it shows."""
    labels: Mapping[str, Mapping[str, str]]
    """For each text that can be marked: what stands on the screen, and the label that it means."""
    controls: Mapping[str, str]
    """For each text that can be marked: the name of its control."""
    verdicts: tuple[str, ...]
    judged: str | None
    """The text that the verdict is about."""

    def shown(self, field: str, label: str) -> str | None:
        """How a label of ours stands on the screen; None where the screen does not have it."""
        return next((shown for shown, ours in self.labels.get(field, {}).items() if ours == label), None)


@cache
def load(name: Name) -> Screen:
    """The screen of that name."""
    # By name, not by import: the engine does not import the schemas, which are made from it.
    config = resources.files("perceptdata.schemas").joinpath("label_studio", f"{name}.xml").read_text(encoding="utf-8")
    parts = contract(config)
    marked = [part for part in parts if part[0] == LABELS]
    verdict = next((part for part in parts if part[1] == VERDICT), None)
    return Screen(
        name=name,
        config=config,
        contract=parts,
        fields=tuple(part[1] for part in parts if part[0] == "Text"),
        labels={part[2]: {shown: shown.lower() for shown in part[3:]} for part in marked},
        controls={part[2]: part[1] for part in marked},
        verdicts=verdict[3:] if verdict else (),
        judged=verdict[2] if verdict else None,
    )


def contract(config: str) -> tuple[tuple[str, ...], ...]:
    """`(tag, name, what it is about, what it can say …)` of every tag that shows or asks. Raises PerceptDataError."""
    try:
        root = ElementTree.fromstring(config)
    except ElementTree.ParseError as error:
        raise PerceptDataError(f"the labelling configuration is no XML ({error})") from error
    parts: list[tuple[str, ...]] = []
    for tag in root.iter():
        if tag.tag in _SHOWN:
            parts.append((tag.tag, tag.get("name", ""), tag.get("value", "")))
        elif tag.tag in _ASKED:
            words = sorted(choice.get("value", "") for choice in tag if choice.tag in ("Label", "Choice"))
            parts.append((tag.tag, tag.get("name", ""), tag.get("toName", ""), *words))
    return tuple(sorted(parts))


def difference(wanted: Screen, config: str) -> str | None:
    """What a project's configuration has other than the screen, in words; None where answers mean the same."""
    try:
        there = set(contract(config))
    except PerceptDataError as error:
        return str(error)
    missing, strange = set(wanted.contract) - there, there - set(wanted.contract)
    if not missing and not strange:
        return None
    said = [f"it lacks {_words(part)}" for part in sorted(missing)]
    said += [f"it has {_words(part)}" for part in sorted(strange)]
    return "; ".join(said)


def _words(part: tuple[str, ...]) -> str:
    tag, name, about, *says = part
    return f"{tag} '{name}' of {about}" + (f" ({', '.join(says)})" if says else "")
