"""Experiments 2 and 4: rewards that pay for perception (arXiv 2605.29496), and advantages by token (2604.01840).

    outcome          R = a
    alpha=0.3        R = α·a_p + (1 - α)·a, a_p by the exact checker
    surrogate=0.9    the same at α = .5, with a_p reported wrongly of a tenth of the rollouts; at .5 it tells nothing
    dapo             outcome, groups that teach nothing drawn anew
    pgpo, pgpo_cap=5, pgpo_floor, vppo     outcome, advantages per token

One on-policy update a step, no KL. A start is an SFT run of design A or C, of the same seed for every arm.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from perceptdata.kernels.estimators import k3
from perceptdata.trainer.core import reshape, rewards

from .bases import optimiser
from .measures import Outcomes, abilities, coupling
from .model import TinyVLM, token_logprobs
from .sft import DESIGNS, Design, held_out, train
from .task import HARD, PERCEPTION, RESPONSE, dataset

GROUP = 8


@dataclass(frozen=True, slots=True)
class Arm:
    """What an arm's name says."""

    alpha: float = 0.0
    reliable: float = 1.0
    gate: reshape.Gate | None = None
    vppo: bool = False
    refill: bool = False

    @classmethod
    def of(cls, name: str) -> Arm:
        """Raises ValueError for a name without a meaning."""
        word, _, value = name.partition("=")
        arms = {
            "outcome": cls,
            "alpha": lambda: cls(alpha=float(value)),
            "surrogate": lambda: cls(alpha=0.5, reliable=float(value)),
            "dapo": lambda: cls(refill=True),
            "pgpo": lambda: cls(gate=reshape.PAPER),
            "pgpo_cap": lambda: cls(gate=reshape.Gate(max_weight=float(value))),
            "pgpo_floor": lambda: cls(gate=reshape.DEVELOPMENT),
            "vppo": lambda: cls(vppo=True),
        }
        if word not in arms:
            raise ValueError(f"there is no arm '{name}'; there are {', '.join(arms)}")
        return arms[word]()


def start(name: str, seed: int, folder: Path) -> TinyVLM:
    """A start such as `A-450` or `C-150`: standard SFT in that design for so many steps; kept in `folder`."""
    letter, _, steps = name.partition("-")
    path = folder / f"start-{name}-{seed}.pt"
    model = TinyVLM()
    if not path.exists():
        design = DESIGNS[letter]
        trained, _, _ = train("standard", seed, Design(design.base, int(steps), design.rate), folder)
        beside = path.with_suffix(f".{time.monotonic_ns()}.part")
        torch.save(trained.state_dict(), beside)
        beside.replace(path)
    model.load_state_dict(torch.load(path, weights_only=True))
    return model


@dataclass(slots=True)
class Batch:
    """One step's rollouts: which item each is of, what was written, how it came out, and its advantage."""

    items: Tensor
    written: Tensor
    outcomes: Outcomes
    advantages: Tensor
    flat: float


class Sampler:
    """Rollouts of a policy on training items, with the rewards of an arm."""

    def __init__(self, arm: Arm, seed: int, prompts: int, items: int = 1024) -> None:
        self.data = dataset(items, 3000 + seed, HARD, 30 + seed)
        self.arm, self.prompts = arm, prompts
        self.generator = torch.Generator().manual_seed(seed)
        self.noise = np.random.default_rng(seed)

    @torch.no_grad()
    def draw(self, model: TinyVLM) -> Batch:
        """`prompts` groups of GROUP; with `refill`, groups that came out all alike are drawn anew, thrice at most."""
        found = self._rollouts(model, self.prompts)
        for _ in range(3 if self.arm.refill else 0):
            teaching = rewards.teaches(torch.from_numpy(found.outcomes.right), GROUP)
            short = self.prompts - int(teaching.sum()) // GROUP
            if not short:
                break
            found = _joined(_only(found, teaching), self._rollouts(model, short))
        return found

    def _rollouts(self, model: TinyVLM, prompts: int) -> Batch:
        items = torch.randint(len(self.data.given), (prompts,), generator=self.generator).repeat_interleave(GROUP)
        written = model.generate(self.data.pictures[items], temperature=1.0, generator=self.generator)
        outcomes = Outcomes.of(written, [self.data.given[i] for i in items.tolist()])
        wrong = self.noise.random(len(items)) > self.arm.reliable
        reported = np.where(wrong, 1 - outcomes.seen, outcomes.seen).astype(np.float32)
        parts = torch.stack([torch.from_numpy(reported), torch.from_numpy(outcomes.right)], 1)
        compared = rewards.advantages(parts, (self.arm.alpha, 1 - self.arm.alpha), GROUP)
        return Batch(items, written, outcomes, compared.values, float(compared.flat.float().mean()))


def _only(batch: Batch, keep: Tensor) -> Batch:
    kept = keep.numpy()
    outcomes = Outcomes(batch.outcomes.right[kept], batch.outcomes.seen[kept], batch.outcomes.reasoned[kept])
    return Batch(batch.items[keep], batch.written[keep], outcomes, batch.advantages[keep], batch.flat)


def _joined(left: Batch, right: Batch) -> Batch:
    pairs = ((getattr(left.outcomes, name), getattr(right.outcomes, name)) for name in ("right", "seen", "reasoned"))
    outcomes = Outcomes(*(np.concatenate(pair) for pair in pairs))
    items, written = torch.cat([left.items, right.items]), torch.cat([left.written, right.written])
    return Batch(items, written, outcomes, torch.cat([left.advantages, right.advantages]), left.flat)


def weights(
    arm: Arm, model: TinyVLM, pictures: Tensor, written: Tensor, seeing: Tensor
) -> tuple[Tensor, dict[str, float]]:
    """One weight a token, and where their mass lies; all 1 for an arm that does not look at tokens."""
    if arm.gate is None and not arm.vppo:
        return torch.ones_like(seeing), {}
    with torch.no_grad():
        score = k3(seeing.detach(), token_logprobs(model, pictures, written, blind=True))
    mask = torch.ones_like(score, dtype=torch.bool)
    shaped = reshape.vppo(score, mask) if arm.vppo else reshape.pgpo(score, mask, arm.gate or reshape.PAPER).weights
    mass = float((shaped[:, :PERCEPTION].sum(1) / shaped.sum(1)).mean())
    return shaped, {"mass_on_perception": mass, "largest": float(shaped.max(1).values.mean())}


def run(arm_name: str, seed: int, options: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """One row of the table."""
    arm, steps, prompts = Arm.of(arm_name), int(options.get("steps", 60)), int(options.get("prompts", 16))
    model = start(str(options.get("start", "A-450")), seed, folder)
    test = held_out(seed, None)
    before = abilities(model, test)
    sampler, found = Sampler(arm, seed, prompts), optimiser(model, 1e-4, decay=0.0)
    notes: list[dict[str, float]] = []
    seen: list[Outcomes] = []
    for step in range(steps):
        for group in found.param_groups:
            group["lr"] = float(options.get("rate", 1e-4)) * min(1, (step + 1) / 5)
        model.eval()
        batch = sampler.draw(model)
        model.train()
        seen.append(batch.outcomes)
        notes.append({"flat": batch.flat, **_update(arm, model, found, sampler, batch)})
    kept = Outcomes(*(np.concatenate([getattr(one, name) for one in seen]) for name in ("right", "seen", "reasoned")))
    after = abilities(model, test)
    means = {
        name: round(float(np.mean([note[name] for note in notes if name in note])), 4)
        for name in dict.fromkeys(name for note in notes for name in note)
    }
    gained = {f"gain_{name}": round(after[name] - before[name], 2) for name in ("a", "a_p", "a_r")}
    return {**after, **gained, "before": before, **means, "coupling": coupling(kept, GROUP)}


def _update(arm: Arm, model: TinyVLM, found: torch.optim.AdamW, sampler: Sampler, batch: Batch) -> dict[str, float]:
    """One step of policy gradient; the entropy of the policy, the gradient's noise over prompts, and the weights."""
    keep = batch.advantages.abs() > 0
    if not keep.any():
        return {}
    items, written, advantages = batch.items[keep], batch.written[keep], batch.advantages[keep]
    pictures = sampler.data.pictures[items]
    seeing = token_logprobs(model, pictures, written)
    shaped, notes = weights(arm, model, pictures, written, seeing)
    worth = reshape.per_token(advantages, shaped)
    # On-policy, the ratio is 1 and its gradient that of log p.
    losses = -(worth * (seeing - seeing.detach()).exp()).sum(1) / (len(batch.advantages) * RESPONSE)
    half = torch.arange(len(losses)) % 2 == 0
    found.zero_grad(set_to_none=True)
    losses[half].sum().backward(retain_graph=True)
    first = torch.cat([p.grad.flatten().clone() for p in model.parameters() if p.grad is not None])
    losses[~half].sum().backward()
    whole = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    # Two halves of a batch as two draws: their difference is noise, their sum signal and noise.
    noise = float((2 * first - whole).square().sum() / whole.square().sum().clamp(min=1e-12))
    found.step()
    entropy = -seeing.detach().mean()
    return {**notes, "entropy": float(entropy), "noise": noise, "gradient": float(norm)}
