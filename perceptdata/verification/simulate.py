"""Simulation: how often a certificate is issued for captions of known quality, by the code that issues real ones.

    outcome = simulate(Setting(quality=0.949, miss=(0.5, 0.5)), runs=1000, seed=0)
    outcome.issued, outcome.issued_if_errors_ignored        # 0.006, 0.831

Three judges of known quality, who may err together, accept a claim by majority; `base_rate` of all claims are true.
Their false acceptances are as frequent as makes `quality` of the accepted claims true. Errors gather in images. Each
run draws one audit from the same accepted claims as `sample` does, two readers read it, and every array has the runs
in front.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perceptdata.errors import UsageError
from perceptdata.verification.audit import Audit, Proof, prove
from perceptdata.verification.intervals import CONFIDENCE, lower_bound
from perceptdata.verification.sample import Strata, add_disputed, allocate, pick, stratify
from perceptdata.verification.verdicts import CONTRADICTED, SILENT, SUPPORTED

JUDGES = 3
_BLOCK = 100  # runs at a time, so that memory does not grow with them


@dataclass(frozen=True, slots=True)
class Setting:
    """What is true, who judges, who reads, and what is audited.

    `quality` is the precision of the accepted claims, `sensitivity` of one judge, `together` how often the judges
    share one draw of luck, `gather` how often a claim shares the luck of its image. `miss` and `alarm` are by reader;
    `last_miss` is how often the last word passes a false claim (None: only what is read twice gets one, and it is
    right). `trap_miss` is how often traps are missed, where they are easier than real errors. Of `audits` claims, plus
    `disputed` ones, a share is `doubled`; `traps` is their number as a share of the audits.
    """

    quality: float
    target: float = 0.95
    base_rate: float = 0.8
    sensitivity: float = 0.9
    together: float = 0.0
    miss: tuple[float, float] = (0.1, 0.1)
    alarm: tuple[float, float] = (0.02, 0.02)
    last_miss: float | None = 0.02
    trap_miss: float | None = None
    gather: float = 0.0
    claims: int = 8000
    claims_an_image: int = 4
    audits: int = 400
    disputed: int = 60
    doubled: float = 0.2
    traps: float = 0.2


@dataclass(frozen=True, slots=True)
class Outcome:
    """Shares of the runs that issued: by the certificate, and by the exact bound on what passed, errors ignored.

    `readings` is what one run costs, last words included.
    """

    setting: Setting
    runs: int
    issued: float
    issued_if_errors_ignored: float
    precision: float
    readings: float


def simulate(setting: Setting, runs: int, seed: int) -> Outcome:
    """All runs of one setting. The same seed gives the same outcome."""
    rng = np.random.default_rng(seed)
    true, image, strata = accepted(setting, rng)
    issued = ignored = read = 0.0
    estimate = 0.0
    for start in range(0, runs, _BLOCK):
        audit, readings = audits(setting, true, image, strata, min(_BLOCK, runs - start), rng)
        proof = prove(audit)
        issued += float((proof.reaches(setting.target) & ~proof.readers.traps_too_easy()).sum())
        ignored += float(_naive(proof, setting.target).sum())
        estimate += float(proof.precision().sum())
        read += float(readings.sum())
    return Outcome(setting, runs, issued / runs, ignored / runs, estimate / runs, read / runs)


def false_acceptance(setting: Setting) -> float:
    """How often a judge accepts a false claim, so that `quality` of what the majority accepts is true.

    Raises UsageError where no judge that is better than none accepts so badly.
    """
    right = _majority(setting.sensitivity, setting.together)
    wanted = setting.base_rate * right * (1 - setting.quality) / (setting.quality * (1 - setting.base_rate))
    if wanted >= right:
        raise UsageError(
            f"with {setting.base_rate} of all claims true, judges better than none accept better than {setting.quality}"
        )
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _majority(middle, setting.together) < wanted else (low, middle)
    return (low + high) / 2


def accepted(setting: Setting, rng: np.random.Generator) -> tuple[NDArray[np.bool_], NDArray[np.int64], Strata]:
    """Truth, image and strata of the accepted claims: no more than `quality` of them are true, to the claim."""
    image = np.arange(setting.claims) // setting.claims_an_image
    lucks = np.where(
        rng.random(setting.claims) < setting.gather, rng.random(int(image[-1]) + 1)[image], rng.random(setting.claims)
    )
    false = int(np.ceil((1 - setting.quality) * setting.claims - 1e-9))
    true = np.ones(setting.claims, bool)
    true[np.argsort(lucks, kind="stable")[:false]] = False
    accepts = np.where(true, setting.sensitivity, false_acceptance(setting))
    votes = _votes(accepts, setting.together, rng)
    verdicts = np.where(np.arange(JUDGES) < votes[:, None], SUPPORTED, CONTRADICTED).astype(np.int8)
    kinds = np.where(image % 3 == 0, "chart", "photo")
    return true, image, stratify(kinds.tolist(), verdicts)


def audits(
    setting: Setting,
    true: NDArray[np.bool_],
    image: NDArray[np.int64],
    strata: Strata,
    runs: int,
    rng: np.random.Generator,
) -> tuple[Audit, NDArray[np.int64]]:
    """`runs` audits of the same claims as one `Audit` with a leading axis, and how many readings each took."""
    take = add_disputed(allocate(strata.population, setting.audits), strata, setting.disputed)
    claim = pick(strata, take, image, seed=int(rng.integers(2**62)), runs=runs)
    stratum = np.repeat(np.arange(len(take)), take)
    n, traps = claim.shape[1], round(setting.traps * setting.audits)
    first = rng.random((runs, n)).argsort(axis=1)[..., None] % 2  # readers take turns in an order of chance
    reads = (first == np.arange(2)) | (rng.random((runs, n)).argsort(axis=1) < np.ceil(setting.doubled * n))[..., None]
    readings = _read(true[claim], reads, setting, rng)
    of_traps = np.broadcast_to((np.arange(traps) % 2)[:, None] == np.arange(2), (runs, traps, 2))
    seen = setting if setting.trap_miss is None else replace(setting, miss=(setting.trap_miss,) * 2)
    trapped = _read(np.zeros((runs, traps), bool), of_traps, seen, rng)
    failed = np.asarray((readings > SUPPORTED).any(axis=-1))
    caught = np.asarray((trapped > SUPPORTED).any(axis=-1))
    if setting.last_miss is None:
        failed, caught = failed & reads.all(axis=-1), np.zeros_like(caught)
    last = _last(true[claim], failed, setting, rng)
    trap_last = _last(np.zeros((runs, traps), bool), caught, setting, rng)
    names = np.arange(n).astype(np.str_)
    audit = Audit(names, image[claim], stratum, strata.population, readings, last, trapped, trap_last)
    return audit, reads.sum(axis=(1, 2)) + traps + failed.sum(axis=1) + caught.sum(axis=1)


def _naive(proof: Proof, target: float) -> NDArray[np.bool_]:
    """Whether the exact bound would certify if what the readers pass were true."""
    size = proof.passed.even
    return lower_bound(proof.passed.rate * size, size, CONFIDENCE) >= target


def _read(
    true: NDArray[np.bool_], reads: NDArray[np.bool_], setting: Setting, rng: np.random.Generator
) -> NDArray[np.int8]:
    passes = np.where(true[..., None], 1 - np.array(setting.alarm), np.array(setting.miss))
    said = np.where(rng.random(reads.shape) < passes, SUPPORTED, CONTRADICTED)
    return np.where(reads, said, SILENT).astype(np.int8)


def _last(
    true: NDArray[np.bool_], asked: NDArray[np.bool_], setting: Setting, rng: np.random.Generator
) -> NDArray[np.int8]:
    passes = true | (rng.random(true.shape) < (setting.last_miss or 0.0))
    return np.where(asked, np.where(passes, SUPPORTED, CONTRADICTED), SILENT).astype(np.int8)


def _majority(accepts: float, together: float) -> float:
    alone = accepts**2 * (3 - 2 * accepts)
    return together * accepts + (1 - together) * alone


def _votes(accepts: NDArray[np.float64], together: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """How many judges support each claim, given that two at least do."""
    all_ = together * accepts + (1 - together) * accepts**3
    two = (1 - together) * 3 * accepts**2 * (1 - accepts)
    return np.where(rng.random(len(accepts)) < all_ / (all_ + two), 3, 2)
