"""Experiment 1: the two spans weighed (arXiv 2605.29496): standard, λ fixed, NGDiff, perception first.

Design C begins from the reasoner: reasoning is there, and what limits is perception of a harder drawing. Design A
begins from the captioner: training itself has to build the reasoning, and a large λ starves it. F is A with traces
that the writer may cut short.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from perceptdata.trainer.core import balance, spans

from .bases import at_rate, base, optimiser
from .labels import with_errors
from .measures import abilities
from .model import TinyVLM, token_logprobs
from .runs import keep
from .task import HARD, Data, dataset

TEST_ITEMS = 400


@dataclass(frozen=True, slots=True)
class Design:
    """Where training begins, and for how long: alike for every arm."""

    base: str
    steps: int
    rate: float
    batch: int = 16
    train_items: int = 4096
    free: bool = False


DESIGNS = {
    "C": Design("reasoner", 150, 3e-3),
    "A": Design("captioner", 450, 6e-3),
    "F": Design("captioner", 450, 6e-3, free=True),
}


def schedule(arm: str, steps: int) -> balance.Schedule:
    """`standard`, `ngdiff`, `first` (perception alone for a quarter of the steps), or a λ as a number."""
    if arm == "standard":
        return balance.Standard()
    if arm == "ngdiff":
        return balance.NGDiff()
    if arm == "first":
        return balance.PerceptionFirst(steps // 4)
    return balance.Static(float(arm))


def held_out(seed: int, train: Data | None, items: int = TEST_ITEMS, free: bool = False) -> Data:
    """Pictures in a hand that no training saw, of puzzles that this seed did not train on."""
    return dataset(items, 77, HARD, 99, banned=train.given if train else (), free=free)


def train(
    arm: str, seed: int, design: Design, folder: Path, until: Callable[[TinyVLM, int], bool] | None = None
) -> tuple[TinyVLM, Data, dict[str, Any]]:
    """One arm, one seed: the model, the test items, and what training looked like.

    `until` is asked after each step whether that will do.
    """
    weight, _, error = arm.partition("/")
    model = base(design.base, seed, folder, free=design.free)
    data = dataset(design.train_items, 1000 + seed, HARD, 10 + seed, free=design.free)
    responses, tags = with_errors(data.responses, error, seed)
    found = optimiser(model, design.rate)
    parameters = list(model.parameters())
    weighing, state = schedule(weight, design.steps), balance.NGDiffState()
    generator = torch.Generator("cpu").manual_seed(seed)
    passes = 1 + design.steps * design.batch // len(data.given)
    order = torch.cat([torch.randperm(len(data.given), generator=generator, device="cpu") for _ in range(passes)])
    order = order.to(data.pictures.device)
    lams, shares = [], []
    for step in range(design.steps):
        at_rate(found, design.rate, step, design.steps)
        at = order[step * design.batch : (step + 1) * design.batch]
        role = tags[at]
        counts = spans.role_counts(role)
        nll = -token_logprobs(model, data.pictures[at], responses[at])
        sums = spans.role_sums(nll, role)
        if isinstance(weighing, balance.NGDiff) and weighing.due(step, state):
            state = _norms(weighing, step, state, nll, role, counts, parameters)
        lam = weighing.at(step, counts, state)
        loss = spans.weighted_sum(nll, spans.token_weights(role, counts, lam))
        found.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        found.step()
        lams.append(float(lam))
        shares.append(float(spans.loss_share(sums, counts, spans.token_share(counts))))
        if until is not None and until(model, step + 1):
            break
    third = max(1, len(lams) // 3)
    said = {
        "steps": len(lams),
        "token_share": round(float(spans.token_share(counts)), 4),
        "loss_share": round(sum(shares) / len(shares), 4),
        "loss_share_end": round(sum(shares[-50:]) / len(shares[-50:]), 4),
        "lambda": round(sum(lams) / len(lams), 3),
        "lambda_middle": round(sum(lams[third : 2 * third]) / third, 3),
    }
    return model, held_out(seed, data, free=design.free), said


def _norms(
    weighing: balance.NGDiff,
    step: int,
    state: balance.NGDiffState,
    nll: torch.Tensor,
    role: torch.Tensor,
    counts: torch.Tensor,
    parameters: list[torch.nn.Parameter],
) -> balance.NGDiffState:
    """λ from the norms of both spans' gradients, over all parameters and before clipping."""
    lengths = [
        float(
            balance.norm(balance.gradients(spans.weighted_sum(nll, spans.token_weights(role, counts, lam)), parameters))
        )
        for lam in (1.0, 0.0)
    ]
    return weighing.refresh(step, state, *lengths)


def run(arm: str, seed: int, options: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """One row of the table. The standard arm is kept, for others to begin with."""
    name = options.get("design", "C")
    usual = DESIGNS[name]
    items = int(options.get("items", usual.train_items))
    design = replace(usual, steps=int(options.get("steps", usual.steps)), train_items=items)
    model, test, said = train(arm, seed, design, folder)
    test = test.first(int(options.get("test", TEST_ITEMS)))
    if arm == "standard":
        keep(folder / f"start-{name}-{design.steps}-{seed}.pt", model.state_dict())
    return {**abilities(model, test), **said}
