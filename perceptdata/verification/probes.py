"""Probes: questions to a judge whose answer is known without anybody labelling anything.

    negate("The bar is red.").text                       # "The bar is not red."
    perturb_numbers("3 cubes", seed=0).text              # "5 cubes"
    swap_sides("The cup is left of the jug.").text       # "The cup is right of the jug."
    report = probe_report(own, {"shuffled": codes, "blank": codes, "negated": codes}, image)
    report.refused                                       # None, or why this judge is not looking

Three kinds. *Wrong image* (`shuffled`, `blank`): the caption stays and the image goes; a judge that passes it all the
same is not looking, and is refused with its numbers. *Known false* (`negated`, `numbers`, `sides`): of a claim that
the judge passes, one word is turned round, so that a pass measures what it lets through. *Neutral* (`padded`,
`order`): nothing that matters changes, so that any change of verdict is a bias.

A text in which nothing can be turned is no probe: it comes back without text and with the reason, never unchanged.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from perceptdata.errors import UsageError
from perceptdata.records import Record
from perceptdata.verification.intervals import Share, share
from perceptdata.verification.verdicts import Codes, checked, supports

WRONG_IMAGE = ("shuffled", "blank")
KNOWN_FALSE = ("negated", "numbers", "sides")
NEUTRAL = ("padded", "order")
MOST_PASSED = 0.2
"""Of captions under a wrong image, the share that a judge may surely pass. Some claims are true of any image."""

_VERBS = r"is|are|was|were|has|have|can|does|do|shows?|contains?|there is|there are"
_VERB = re.compile(rf"\b({_VERBS})\b(?!\s+(?:not|no)\b)(?!n't)", re.IGNORECASE)
_NEGATED = re.compile(r"\b(is|are|was|were|has|have|can|does|do)(?: not|n't)\b", re.IGNORECASE)
_PLAIN = {"has": "does not have", "have": "do not have", "show": "do not show", "shows": "does not show"}
_PLAIN |= {"contain": "do not contain", "contains": "does not contain"}
_NUMBER = re.compile(r"(?<![\w.,])\d+(?:\.\d+)?(?![\w]|[.,]\d)")
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_WORD = re.compile(rf"\b({'|'.join(_WORDS)})\b", re.IGNORECASE)
_OPPOSITES = (("left", "right"), ("leftmost", "rightmost"), ("above", "below"), ("top", "bottom"), ("upper", "lower"))
_OTHER_SIDE = {one: other for pair in _OPPOSITES for one, other in (pair, pair[::-1])}
_SIDE = re.compile(rf"\b({'|'.join(_OTHER_SIDE)})\b", re.IGNORECASE)
_RIGHT_OTHERWISE = re.compile(r"\bright\s+(?:angles?|angled|triangles?|answer|number|now)\b", re.IGNORECASE)
_FILLER = (
    "What follows from this is left to the reader.",
    "The description keeps to what was asked.",
    "Nothing more needs to be said on this point.",
    "This sentence adds no fact.",
)


class Perturbed(NamedTuple):
    """The text with something turned round, or None and the reason why nothing was."""

    text: str | None
    reason: str | None = None


def negate(text: str) -> Perturbed:
    """The first verb denied, or the first denial taken back."""
    found = _NEGATED.search(text)
    if found:
        return Perturbed(f"{text[: found.start()]}{found[1]}{text[found.end() :]}")
    found = _VERB.search(text)
    if not found:
        return Perturbed(None, "no verb that can be denied")
    verb = found[0]
    denied = _PLAIN.get(verb.lower(), f"{verb} not")
    return Perturbed(f"{text[: found.start()]}{denied}{text[found.end() :]}")


def perturb_numbers(text: str, seed: int) -> Perturbed:
    """Every number, in digits or as a word up to twelve, made another one of the same look."""
    draw = random.Random(f"{seed}:{text}")

    def digits(found: re.Match[str]) -> str:
        value, places = float(found[0]), len(found[0].partition(".")[2])
        step = draw.choice((1, 2, 3)) * 10**-places
        other = value - step if value - step > 0 and draw.random() < 0.5 else value + step
        return f"{other:.{places}f}"

    def word(found: re.Match[str]) -> str:
        others = [each for each in _WORDS[2:] if each != found[0].lower()]
        return _like(found[0], draw.choice(others))

    changed = _WORD.sub(word, _NUMBER.sub(digits, text))
    return Perturbed(changed) if changed != text else Perturbed(None, "no number")


def swap_sides(text: str) -> Perturbed:
    """Every left made right and so on; a text with a right angle or the like is left alone."""
    if _RIGHT_OTHERWISE.search(text):
        return Perturbed(None, "a right that is no side")
    changed = _SIDE.sub(lambda found: _like(found[0], _OTHER_SIDE[found[0].lower()]), text)
    if changed == text:
        return Perturbed(None, "no side")
    named = {found.lower() for found in _SIDE.findall(text)}
    if any(_OTHER_SIDE[side] in named for side in named):
        return Perturbed(None, "both sides are named, so that the swapped text may be as true")
    return Perturbed(changed)


def pad(text: str, times: int = 1) -> Perturbed:
    """The same text with sentences behind it that say nothing of any image."""
    if not text.strip():
        return Perturbed(None, "empty")
    filler = [_FILLER[at % len(_FILLER)] for at in range(times * len(_FILLER))]
    return Perturbed(" ".join([text.rstrip(), *filler]))


def swap_order(parts: Sequence[str]) -> Perturbed:
    """The parts of a list (claims, options) in reverse order, joined by line breaks."""
    if len(set(parts)) < 2:
        return Perturbed(None, "fewer than two different parts")
    return Perturbed("\n".join(reversed(parts)))


PERTURBATIONS: dict[str, Callable[[str], Perturbed]] = {
    "negated": negate,
    "numbers": lambda text: perturb_numbers(text, seed=0),
    "sides": swap_sides,
    "padded": pad,
}
"""By probe; `shuffled` and `blank` change the image and `order` a list, which the step does."""


class Probe(Record):
    """One probe: `rate` is of passes for wrong images and known-false claims, of changed verdicts for neutral ones."""

    name: str
    kind: Literal["wrong image", "known false", "neutral"]
    rate: Share
    silent: int


class ProbeReport(Record):
    """All probes of one judge beside how often it passes the claims as they are, and why it is refused, if it is."""

    own: Share
    probes: tuple[Probe, ...]
    refused: str | None


def probe_report(
    own: Codes, verdicts: Mapping[str, Codes], image: ArrayLike, most_passed: float = MOST_PASSED
) -> ProbeReport:
    """`own` (n,) verdicts on the claims as they are, and by probe those on the same n claims; -1 where a claim could
    not be perturbed or the judge failed. `image` (n,) makes clusters.

    Of known-false and neutral probes those claims count that the judge passed as they are: what it fails anyway tells
    nothing. A judge is refused where no wrong image was probed, or where the upper bound of passes under one is over
    `most_passed`. Raises UsageError for an unknown probe and for columns of another length.
    """
    plain, where = checked(own), np.asarray(image)
    probes = []
    for name, codes in verdicts.items():
        said = checked(codes, name)
        if not len(said) == len(plain) == len(where):
            raise UsageError(f"{name}: {len(said)} verdicts for {len(plain)} claims of {len(where)} images")
        kind = _kind(name)
        asked = supports(plain) if kind != "wrong image" else np.ones(len(plain), bool)
        heard = asked & (said >= 0)
        hit = ~supports(said) if kind == "neutral" else supports(said)
        rate = share(hit[heard], where[heard])
        probes.append(Probe(name=name, kind=kind, rate=rate, silent=int((asked & ~heard).sum())))
    heard = plain >= 0
    passes = share(supports(plain[heard]), where[heard])
    return ProbeReport(own=passes, probes=tuple(probes), refused=_refusal(passes, probes, most_passed))


def _kind(name: str) -> Literal["wrong image", "known false", "neutral"]:
    if name in WRONG_IMAGE:
        return "wrong image"
    if name in KNOWN_FALSE:
        return "known false"
    if name in NEUTRAL:
        return "neutral"
    raise UsageError(f"no probe is called {name!r}; there are {', '.join((*WRONG_IMAGE, *KNOWN_FALSE, *NEUTRAL))}")


def _refusal(own: Share, probes: Sequence[Probe], most: float) -> str | None:
    blind = [probe for probe in probes if probe.kind == "wrong image"]
    if not any(probe.rate.n for probe in blind):
        return "no wrong image was probed, so that nobody knows whether the judge looks"
    for probe in blind:
        if probe.rate.n and probe.rate.high > most:
            surely = "it is not looking" if probe.rate.low > most else "too few were probed to say that it looks"
            return (
                f"{surely}: it passes {probe.rate} under a {probe.name} image and {own} under the right one; at most "
                f"{most:g} is allowed"
            )
    return None


def _like(old: str, new: str) -> str:
    return new.capitalize() if old[0].isupper() else new
