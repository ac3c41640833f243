"""Licences: what each lets one pass on, and under what several of them can be published together.

    settle([Holding("NLVR", "CC-BY-4.0", "train", 300), Holding("GSM8K", "MIT", "train", 900)])
    # Settlement(licences=("CC-BY-4.0", "MIT"), problems=())

Facts, with their sources: identifiers are SPDX's (licence list 3), the Hub's names those that dataset cards take.
later version (its section 4(b)); what is BY-SA 4.0 may be adapted under GPL-3.0, one way (Creative Commons, list of
compatible licences). Non-commercial terms cannot enter a licence that allows commerce. Everything permissive may be
published beside everything else, each row under its own terms. That is arithmetic, not legal advice.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from perceptdata.example import UNSTATED


class Licence(NamedTuple):
    """What counts of a licence. `share_alike` names what adaptations may carry, the preferred last."""

    spdx: str
    hub: str
    commercial: bool = True
    derivatives: bool = True
    share_alike: tuple[str, ...] = ()


class Holding(NamedTuple):
    """Rows of one corpus under one licence."""

    corpus: str
    licence: str
    use: str
    rows: int

    def __str__(self) -> str:
        return f"{self.corpus} ({self.rows:,} {'row' if self.rows == 1 else 'rows'}, {self.licence or 'unstated'})"


class Settlement(NamedTuple):
    """Under what the whole is published (every one applies to its rows), and why it must not be; `waived` says which
    problems were set aside for corpora that the publisher vouches for.
    """

    licences: tuple[str, ...]
    problems: tuple[str, ...]
    waived: tuple[str, ...] = ()


def _creative_commons() -> list[Licence]:
    made = []
    for version in ("2.0", "2.5", "3.0", "4.0"):
        own = f"CC-BY-SA-{version}"
        later = (own, *(f"CC-BY-SA-{v}" for v in ("3.0", "4.0") if v > version))
        later = (*(("GPL-3.0",) if "CC-BY-SA-4.0" in later else ()), *later)
        made += [
            Licence(f"CC-BY-{version}", f"cc-by-{version}"),
            Licence(own, f"cc-by-sa-{version}", share_alike=later),
            Licence(f"CC-BY-NC-{version}", f"cc-by-nc-{version}", commercial=False),
            Licence(f"CC-BY-ND-{version}", f"cc-by-nd-{version}", derivatives=False),
            Licence(f"CC-BY-NC-ND-{version}", f"cc-by-nc-nd-{version}", commercial=False, derivatives=False),
            Licence(
                f"CC-BY-NC-SA-{version}",
                f"cc-by-nc-sa-{version}",
                commercial=False,
                share_alike=(
                    f"CC-BY-NC-SA-{version}",
                    *(f"CC-BY-NC-SA-{v}" for v in ("3.0", "4.0") if v > version),
                ),
            ),
        ]
    return made


_KNOWN = [
    *_creative_commons(),
    Licence("CC0-1.0", "cc0-1.0"),
    Licence("PDDL-1.0", "pddl"),
    Licence("ODC-By-1.0", "odc-by"),
    Licence("ODbL-1.0", "odbl", share_alike=("ODbL-1.0",)),
    Licence("CDLA-Permissive-1.0", "cdla-permissive-1.0"),
    Licence("CDLA-Permissive-2.0", "cdla-permissive-2.0"),
    Licence("CDLA-Sharing-1.0", "cdla-sharing-1.0", share_alike=("CDLA-Sharing-1.0",)),
    Licence("MIT", "mit"),
    Licence("Apache-2.0", "apache-2.0"),
    Licence("BSD-2-Clause", "bsd-2-clause"),
    Licence("BSD-3-Clause", "bsd-3-clause"),
    Licence("ISC", "isc"),
    Licence("Unlicense", "unlicense"),
    Licence("MPL-2.0", "mpl-2.0"),
    Licence("GPL-2.0", "gpl-2.0", share_alike=("GPL-2.0",)),
    Licence("GPL-3.0", "gpl-3.0", share_alike=("GPL-3.0",)),
    Licence("AGPL-3.0", "agpl-3.0", share_alike=("AGPL-3.0",)),
    Licence("LGPL-3.0", "lgpl-3.0", share_alike=("LGPL-3.0", "GPL-3.0")),
]
LICENCES = {licence.spdx: licence for licence in _KNOWN}
_ALIASES = {
    "apache": "Apache-2.0",
    "apache-2": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "cc0": "CC0-1.0",
    "cc-zero": "CC0-1.0",
    "public-domain": "CC0-1.0",
    "odc-by": "ODC-By-1.0",
    "odbl": "ODbL-1.0",
    "pddl": "PDDL-1.0",
    "gplv2": "GPL-2.0",
    "gplv3": "GPL-3.0",
}


def find(name: str) -> Licence | None:
    """The licence of that name: SPDX's, the Hub's, or as people write it (`CC BY-SA 4.0`, `Apache License 2.0`)."""
    key = _key(name)
    return _BY_KEY.get(key) or _BY_KEY.get(f"{key}-1.0") or LICENCES.get(_ALIASES.get(key, ""))


def hub_name(name: str) -> str | None:
    """What the Hub calls it; None for one it has no name for."""
    known = find(name)
    return known.hub if known else None


def settle(holdings: Sequence[Holding], licence: str | None = None, allow: Collection[str] = ()) -> Settlement:
    """Under what these rows can be published together. `licence` is that of the whole, and of corpora that state none
    (and may be used for research alone because of that); `allow` names corpora for which the publisher vouches.
    """
    named = [_named(each, licence) if licence and _unstated(each.licence) else each for each in holdings]
    found: list[tuple[str, tuple[str, ...]]] = []
    for holding in named:
        found += [(problem, (holding.corpus,)) for problem in _alone(holding)]
    known = [(holding, one) for holding in named if (one := find(holding.licence)) is not None]
    carried, conflicts = _carried(known)
    found += conflicts
    if licence is not None and (wrong := _not_under(licence, known)):
        corpora = ", ".join(str(holding) for holding, _ in wrong)
        message = f"{corpora} cannot be published under {licence}, which asks less than their own licence"
        found.append((message, tuple(holding.corpus for holding, _ in wrong)))
    vouched = set(allow)
    problems = tuple(problem for problem, corpora in found if not vouched.intersection(corpora))
    waived = tuple(problem for problem, corpora in found if vouched.intersection(corpora))
    unknown = {holding.licence for holding in named if find(holding.licence) is None and not _unstated(holding.licence)}
    whole = (licence,) if licence else (*carried, *sorted(unknown))
    return Settlement(whole, problems, waived)


def _alone(holding: Holding) -> list[str]:
    """What forbids publishing a corpus, whatever stands beside it."""
    said = []
    known = find(holding.licence)
    remedy = f"leave it out with a view, or vouch for it: --allow '{holding.corpus}'"
    if _unstated(holding.licence):
        said.append(f"{holding} states no licence; if it is yours to license, say so: --licence NAME; else {remedy}")
    elif known is None:
        said.append(f"{holding} has a licence that is not known to let others pass it on; {remedy}")
    elif not known.commercial:
        said.append(f"{holding} may not be used commercially, and so could nobody use the whole; {remedy}")
    if known is not None and not known.derivatives:
        said.append(f"{holding} may not be passed on changed, and rows are changed when they are built; {remedy}")
    if holding.use != "train" and not (holding.use == "research" and _unstated(holding.licence)):
        kind = "for evaluation: published as training data it would spoil that" if holding.use == "evaluate" else ""
        said.append(f"{holding} is {kind or f'for {holding.use} only'}; {remedy}")
    return said


def _carried(known: Sequence[tuple[Holding, Licence]]) -> tuple[tuple[str, ...], list[tuple[str, tuple[str, ...]]]]:
    """What the whole carries: the share-alike licence where there is one, otherwise every licence; and conflicts."""
    shared = [(holding, one) for holding, one in known if one.share_alike]
    every = tuple(sorted({one.spdx for _, one in known}))
    if not shared:
        return every, []
    common = [name for name in shared[0][1].share_alike if all(name in one.share_alike for _, one in shared)]
    if not common:
        corpora = "; ".join(str(holding) for holding, _ in shared)
        message = f"each of these asks that the whole carries its own licence, and no licence suits all: {corpora}"
        return every, [(message, tuple(holding.corpus for holding, _ in shared))]
    target = LICENCES[common[-1]]
    against = [holding for holding, one in known if target.commercial and not one.commercial]
    if against:
        corpora = "; ".join(map(str, against))
        message = f"the whole would have to carry {target.spdx}, which allows commerce, and these do not: {corpora}"
        return every, [(message, tuple(holding.corpus for holding in against))]
    return (target.spdx,), []


def _not_under(licence: str, known: Sequence[tuple[Holding, Licence]]) -> list[tuple[Holding, Licence]]:
    """The corpora whose own licence forbids that one for the whole."""
    whole = find(licence)
    spdx, commercial = (whole.spdx, whole.commercial) if whole else (licence, True)
    return [
        (holding, one)
        for holding, one in known
        if (one.share_alike and spdx not in one.share_alike) or (commercial and not one.commercial)
    ]


def _named(holding: Holding, licence: str) -> Holding:
    return holding._replace(licence=licence, use="train" if holding.use == "research" else holding.use)


def _unstated(name: str) -> bool:
    return _key(name) in UNSTATED


def _key(name: str) -> str:
    """Small letters and single dashes, without the words that say nothing."""
    plain = re.sub(r"\b(the|license|licence|version|international|v(?=\d))\b|\bv(?=\d)", " ", name.lower())
    plain = re.sub(r"creative commons( attribution)?", "cc by", plain).replace("by by", "by")
    return re.sub(r"[^a-z0-9.]+", "-", plain).strip("-")


_BY_KEY = {_key(name): licence for licence in _KNOWN for name in (licence.spdx, licence.hub)}
