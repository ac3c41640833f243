"""What a policy can do: `a`, `a_p`, `a_r`, their coupling, and whether the trace reads what was described.

a     the answer solves the grid that was given
a_p   the grid was seen right, all sixteen cells
a_r   the answer solves the grid, with the grid as it is put in place of perception
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .model import TinyVLM
from .task import PERCEPTION, Data, Grid, answers, lengths, solves

BATCH = 400


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Of each response, float32 in {0, 1}: right answer, right perception, and an answer that solves the grid seen."""

    right: np.ndarray
    seen: np.ndarray
    reasoned: np.ndarray

    @classmethod
    def of(cls, responses: Tensor, given: Sequence[Grid]) -> Outcomes:
        """Read off the responses (N, T)."""
        stated_all = map(tuple, responses[:, :PERCEPTION].tolist())
        rows = list(zip(stated_all, answers(responses).tolist(), strict=True))
        right = [solves(answer, one) for (_, answer), one in zip(rows, given, strict=True)]
        seen = [stated == one for (stated, _), one in zip(rows, given, strict=True)]
        reasoned = [max(stated) <= 4 and solves(answer, stated) for stated, answer in rows]
        return cls(*(np.array(values, np.float32) for values in (right, seen, reasoned)))


@torch.no_grad()
def abilities(model: TinyVLM, data: Data, blank: bool = True) -> dict[str, float]:
    """`a`, `a_p`, `a_r`, and with `blank` also `a_r` with the picture hidden behind the facts; greedy, in percent.
    Where traces are free, how many tokens a response takes.
    """
    found: dict[str, list[np.ndarray]] = {"a": [], "a_p": [], "a_r": []}
    taken: list[Tensor] = []
    for first in range(0, len(data.given), BATCH):
        given, pictures = data.given[first : first + BATCH], data.pictures[first : first + BATCH]
        facts = data.responses[first : first + BATCH, :PERCEPTION]
        written = model.generate(pictures)
        own = Outcomes.of(written, given)
        taken.append(lengths(written).clamp(max=written.shape[1]).float())
        found["a"].append(own.right)
        found["a_p"].append(own.seen)
        found["a_r"].append(Outcomes.of(model.generate(pictures, facts), given).right)
        if blank:
            hidden = model.generate(pictures[:64], facts[:64], blank_after=True)
            found.setdefault("a_r_blank", []).append(Outcomes.of(hidden, given[:64]).right)
    rates = {name: round(100 * float(np.concatenate(values).mean()), 2) for name, values in found.items()}
    return {**rates, "length": round(float(torch.cat(taken).mean()), 1)} if model.free else rates


@torch.no_grad()
def reasoning(model: TinyVLM, data: Data) -> float:
    """`a_r` alone, in percent."""
    return 100 * float(
        Outcomes.of(model.generate(data.pictures, data.responses[:, :PERCEPTION]), data.given).right.mean()
    )


def correlation(left: np.ndarray, right: np.ndarray) -> float | None:
    """Pearson's r; None where either never varies."""
    if np.ptp(left) == 0 or np.ptp(right) == 0:
        return None
    return round(float(np.corrcoef(left, right)[0, 1]), 3)


def within(values: np.ndarray, group: int) -> np.ndarray:
    """Values less the mean of their group of rollouts."""
    grouped = values.reshape(-1, group)
    return (grouped - grouped.mean(1, keepdims=True)).ravel()


def coupling(outcomes: Outcomes, group: int) -> dict[str, float | None]:
    """corr(a, a_p) and corr(a, a_r), over all rollouts and within prompts, and the share of prompts that are mixed.

    `a_r` of a rollout is whether its answer solves the grid that it saw.
    """
    mixed = float((np.ptp(outcomes.right.reshape(-1, group), axis=1) > 0).mean())
    pairs = {"p": outcomes.seen, "r": outcomes.reasoned}
    found: dict[str, float | None] = {"mixed": round(mixed, 3)}
    for name, values in pairs.items():
        found[f"r_a_{name}"] = correlation(outcomes.right, values)
        found[f"r_a_{name}_within"] = correlation(within(outcomes.right, group), within(values, group))
    return found


@torch.no_grad()
def probe(model: TinyVLM, data: Data, prompts: int = 64, group: int = 8, seed: int = 0) -> dict[str, float | None]:
    """The coupling of a policy's own samples at temperature 1."""
    generator = torch.Generator(data.pictures.device).manual_seed(seed)
    at = torch.arange(prompts, device=data.pictures.device).repeat_interleave(group)
    written = model.generate(data.pictures[at], temperature=1.0, generator=generator)
    return coupling(Outcomes.of(written, [data.given[i] for i in at.tolist()]), group)
