"""Probes of a judge: captions changed in a way whose effect is known, so that nobody has to label them.

    probed = variant(item, "numbers", other)          # the caption with every number another, or None
    probed.item, probed.place                         # what the judge is shown; where each claim of `item` stands in it

`shuffled` and `blank` show another image, or a white one, with the same caption; `negated`, `numbers` and `sides` turn
round a word in every claim that has one; `padded` adds sentences that say nothing; `order` lists the claims backwards.
"""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from PIL import Image as Pillow

from perceptdata import images
from perceptdata.packs import PackWriter
from perceptdata.plugins import CaptionItem, Claim
from perceptdata.verification.probes import KNOWN_FALSE, PERTURBATIONS

Probe = Literal["shuffled", "blank", "negated", "numbers", "sides", "padded", "order"]
BLANK = "cache/probes/blank.arrow"
SIDE = 448  # pixels


class Probed(NamedTuple):
    """What a judge is shown. `place` is where each claim of the caption as it is stands in it; None for those that the
    probe says nothing of.
    """

    item: CaptionItem
    place: tuple[int | None, ...]


def variant(item: CaptionItem, probe: Probe, other: CaptionItem | None) -> Probed | None:
    """The caption under a probe, or None where there is nothing to turn round, or no other image to show."""
    same = tuple(range(len(item.claims)))
    if not item.claims:
        return None
    if probe == "shuffled":
        if other is None:
            return None
        shown = replace(
            item,
            image=other.image,
            data=other.data,
            examples=other.examples,
            others=(other.text, *other.others),
            meta=other.meta,
        )
        return Probed(shown, same)
    if probe == "blank":
        white = blank()
        return Probed(
            replace(item, image=white.sha256, data=memoryview(white.data), examples=(), others=(), meta={}), same
        )
    if probe == "order":
        texts = [item.claim(place) for place in reversed(same)]
        if len(set(texts)) < 2:
            return None
        listed = _joined(item, [(text, item.claims[-1 - at].kind) for at, text in enumerate(texts)])
        return Probed(listed, tuple(reversed(same)))
    if probe in KNOWN_FALSE:
        return _turned(item, probe)
    padded = PERTURBATIONS[probe](item.text).text
    return None if padded is None else Probed(replace(item, text=padded), same)


def _turned(item: CaptionItem, probe: Probe) -> Probed | None:
    """Each claim with a word turned round, in its place in the caption."""
    written: list[str] = []
    claims: list[Claim] = []
    place: list[int | None] = []
    at = length = 0
    for number, claim in enumerate(item.claims):
        between = item.text[at : claim.start]
        turned = PERTURBATIONS[probe](item.claim(number)).text
        text = item.claim(number) if turned is None else turned
        start = length + len(between)
        claims.append(Claim(start, start + len(text), claim.kind))
        place.append(None if turned is None else number)
        written += [between, text]
        at, length = claim.end, start + len(text)
    if not any(number is not None for number in place):
        return None
    return Probed(replace(item, text="".join([*written, item.text[at:]]), claims=tuple(claims)), tuple(place))


def _joined(item: CaptionItem, parts: list[tuple[str, str]]) -> CaptionItem:
    """A caption of these claims, one a line."""
    claims, at = [], 0
    for text, kind in parts:
        claims.append(Claim(at, at + len(text), kind))
        at += len(text) + 1
    return replace(item, text="\n".join(text for text, _ in parts), claims=tuple(claims))


def is_chosen(text_id: str, seed: int, share: float) -> bool:
    """Whether a caption is among the `share` that is probed. A larger share has all captions of a smaller one."""
    number = int.from_bytes(hashlib.sha256(f"{seed} {text_id}".encode()).digest()[:8])
    return number < share * 2**64


@cache
def blank() -> images.CheckedImage:
    """A white image."""
    sink = io.BytesIO()
    Pillow.new("L", (SIDE, SIDE), 255).save(sink, "PNG")
    return images.read(sink.getvalue(), SIDE * SIDE)


def blank_pack(root: Path) -> Path:
    """The pack that holds the white image, made where it is not there."""
    path = root / BLANK
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        with PackWriter(beside) as pack:
            pack.add(blank())
        os.replace(beside, path)
    return path
