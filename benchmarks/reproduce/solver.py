"""Experiment 2, its other regime: what limits reasoning is not the policy's to learn (arXiv 2605.29496).

Where reasoning is learnt, α buys perception with it. So here it is nobody's to learn: the policy describes, and an
exact solver answers, who fails on a share of the rollouts whatever they say. Rewards, groups and arms are those of
`rl`; a rollout is 16 tokens, and so a run is a minute. The more the solver fails, the less of the outcome's variance
is perception's, and the more a reward for it should help: a = a_p · (1 - failing). Surrogates are paid at α = .5, and
report a_p wrongly of a share of the rollouts.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from perceptdata.trainer.core import rewards

from .bases import optimiser
from .measures import BATCH, correlation
from .model import TinyVLM, token_logprobs
from .rl import GROUP, Arm, start
from .runs import SAVED_EVERY, Unfinished
from .sft import held_out
from .task import HARD, PERCEPTION, Data, dataset


@torch.no_grad()
def seen_right(model: TinyVLM, data: Data) -> float:
    """a_p, greedy, in percent."""
    found: list[bool] = []
    for first in range(0, len(data.given), BATCH):
        written = model.generate(data.pictures[first : first + BATCH], length=PERCEPTION)
        found += right(written, data.given[first : first + BATCH])
    return round(100 * float(np.mean(found)), 2)


def right(written: Tensor, given: list[tuple[int, ...]]) -> list[bool]:
    """Whether each description (N, 16) is the grid."""
    return [tuple(row) == one for row, one in zip(written.tolist(), given, strict=True)]


def run(arm_name: str, seed: int, options: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """One row of the table."""
    arm, failing = Arm.of(arm_name), float(options.get("failing", 0.5))
    steps, prompts = int(options.get("steps", 300)), int(options.get("prompts", 12))
    model = start(str(options.get("start", "A-half")), seed, folder)
    data = dataset(int(options.get("items", 1024)), 3000 + seed, HARD, 30 + seed)
    test, found = held_out(seed, None, int(options.get("test", 1000))), optimiser(model, 1e-4, decay=0.0)
    before = seen_right(model, test)
    unfinished = Unfinished.of(folder, arm_name, seed, options)
    paid: list[list[list[float]]] = []
    for step in range(unfinished.load(model, found, paid), steps):
        for group in found.param_groups:
            group["lr"] = float(options.get("rate", 1e-4)) * min(1, (step + 1) / 5)
        noise = np.random.default_rng([seed, step])
        draw = torch.Generator(data.pictures.device).manual_seed(int(noise.integers(2**62)))
        items = noise.integers(len(data.given), size=prompts).repeat(GROUP)
        pictures = data.pictures[torch.from_numpy(items).to(data.pictures.device)]
        written = model.generate(pictures, temperature=1.0, generator=draw, length=PERCEPTION)
        seen = np.array(right(written, [data.given[i] for i in items]), np.float32)
        outcome = seen * (noise.random(len(items)) >= failing).astype(np.float32)
        paid.append([outcome.tolist(), seen.tolist()])
        wrong = noise.random(len(items)) > arm.reliable
        reported = np.where(wrong, 1 - seen, seen).astype(np.float32)
        parts = torch.from_numpy(np.stack([reported, outcome], 1))
        worth = rewards.advantages(parts, (arm.alpha, 1 - arm.alpha), GROUP).values.to(pictures.device)
        found.zero_grad(set_to_none=True)
        (-(worth[:, None] * token_logprobs(model, pictures, written)).mean()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        found.step()
        if (step + 1) % SAVED_EVERY == 0:
            unfinished.save(step + 1, model, found, paid)
    after = seen_right(model, test)
    unfinished.remove()
    outcomes, seen_at_all = (np.concatenate([np.array(one[i]) for one in paid]) for i in range(2))
    gains = {"gain_a": round((1 - failing) * (after - before), 2), "gain_a_p": round(after - before, 2)}
    failed = round(1 - float(outcomes.sum() / max(seen_at_all.sum(), 1)), 3)
    return {**gains, "a_p": after, "before": before, "failed": failed, "r_a_p": correlation(outcomes, seen_at_all)}
