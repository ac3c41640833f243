"""Traps: known-false claims that readers meet unawares, so that it is known what they miss.

    traps = make_traps(claims, candidates, many=80, rng=rng)

A trap is a claim that every judge supports, with one thing turned round: first numbers and sides, which are as hard to
see as real errors are, and a denial only where nothing else can be turned. It is false by construction as far as the
claim was true; where an exact judge is named, it must contradict every trap. What another claim of the same image
says is no trap. Images that the audit does not show come first, so that no reader meets both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from perceptdata import registry
from perceptdata.errors import UsageError
from perceptdata.plugins import CaptionItem, Claim
from perceptdata.review.design import Trap
from perceptdata.review.judged import Claims
from perceptdata.verification.asking import judged_by
from perceptdata.verification.claims import kind_of
from perceptdata.verification.probes import PERTURBATIONS
from perceptdata.verification.verdicts import CONTRADICTED, VERDICTS

if TYPE_CHECKING:
    from perceptdata.packs import ImageStore

HARD, EASY = ("numbers", "sides"), ("negated",)


def make_traps(
    claims: Claims,
    kept: Sequence[int],
    sampled: Sequence[int],
    many: int,
    seed: int,
    check: str | None,
    images: ImageStore,
) -> tuple[Trap, ...]:
    """`many` traps out of the claims `kept` that were not `sampled`. Raises UsageError where fewer can be made."""
    shown = set(claims.image[list(sampled)].tolist())
    order = np.random.default_rng([seed, 1]).permutation(len(kept)).tolist()
    free = [kept[at] for at in order if claims.sure[kept[at]] and kept[at] not in set(sampled)]
    known = _known(claims)
    made: list[Trap] = []
    for hows in (HARD, EASY):
        candidates = [
            trap
            for at in sorted(free, key=lambda at: int(claims.image[at]) in shown)
            if (trap := _turned(claims, at, hows, known)) is not None
        ]
        for trap in _verified(claims, _one_a_place(candidates, made), check, images):
            made.append(trap)
            if len(made) == many:
                return tuple(made)
    raise UsageError(
        f"only {len(made)} of {many} traps can be made of {len(free)} accepted claims that were not drawn: they need a "
        "number, a side or a verb that can be turned round; plan fewer audits or traps, or accept more captions"
    )


def _one_a_place(candidates: Sequence[Trap], made: Sequence[Trap]) -> Iterator[Trap]:
    """One trap an image first, then the rest."""
    used = {(trap.text_id, trap.claim) for trap in made}
    images = {trap.image for trap in made}
    later = []
    for trap in candidates:
        if (trap.text_id, trap.claim) in used:
            continue
        if trap.image in images:
            later.append(trap)
            continue
        images.add(trap.image)
        yield trap
    yield from later


def _turned(claims: Claims, at: int, hows: Sequence[str], known: set[tuple[str, str]]) -> Trap | None:
    place, text = claims.places[at], claims.text(at)
    caption = claims.captions[place.text_id]
    for how in hows:
        false = PERTURBATIONS[how](text).text
        if false is not None and (caption.image, _plain(false)) not in known:
            return Trap(**place._asdict(), text_sha256=caption.text_sha256, image=caption.image, false=false, how=how)
    return None


def _verified(claims: Claims, candidates: Iterator[Trap], check: str | None, images: ImageStore) -> Iterator[Trap]:
    """Those that the exact judge contradicts, or all where none is named."""
    if check is None:
        yield from candidates
        return
    judge = registry.make("judges", check, {})
    for trap in candidates:
        caption = claims.captions[trap.text_id].text
        shown = claims.shown.get(trap.image)
        item = CaptionItem(
            text_id=trap.text_id,
            text=caption[: trap.start] + trap.false + caption[trap.end :],
            claims=(Claim(trap.start, trap.start + len(trap.false), kind_of(trap.false)),),
            image=trap.image,
            data=memoryview(images[trap.image]),
            examples=shown.examples if shown else (),
        )
        (judged,) = judged_by(judge, [item], None)
        if judged.opinions and judged.opinions[0].verdict == VERDICTS[CONTRADICTED]:
            yield trap


def _known(claims: Claims) -> set[tuple[str, str]]:
    """What any caption says of an image, by image."""
    return {(claims.captions[place.text_id].image, _plain(claims.text(at))) for at, place in enumerate(claims.places)}


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".")
