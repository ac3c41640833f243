"""Experiments 2 and 4: rewards that pay for perception (arXiv 2605.29496), and advantages by token (2604.01840).

    outcome          R = a
    alpha=0.3        R = α·a_p + (1 - α)·a, a_p by the exact checker
    surrogate=0.9    the same at α = .5, with a_p reported wrongly of a tenth of the rollouts; at .5 it tells nothing
    dapo             outcome, groups that teach nothing drawn anew
    pgpo, pgpo_cap=5, pgpo_floor, vppo     outcome, advantages per token

One on-policy update a step, no KL. A start is an SFT run of design A or C, of the same seed for every arm.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from perceptdata.kernels.estimators import k3
from perceptdata.trainer.core import reshape, rewards

from .bases import optimiser
from .measures import Outcomes, abilities, coupling, reasoning
from .model import TinyVLM, token_logprobs
from .runs import SAVED_EVERY, Unfinished, keep
from .sft import DESIGNS, held_out, train
from .task import HARD, PERCEPTION, RESPONSE, Data, dataset

GROUP, HALF = 8, 50.0


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
    """Standard SFT of that design and seed, kept in `folder`: `A-450` or `C-150` for so many steps, `A-half` or
    `F-half` until it reasons half of the time, which is where reasoning and perception both have something to learn.
    """
    letter, _, steps = name.partition("-")
    path = folder / f"start-{name}-{seed}.pt"
    design, until = DESIGNS[letter], None
    model = TinyVLM(free=design.free)
    if not path.exists():
        if steps == "half":
            validation = dataset(64, 78, HARD, 98, free=design.free)

            def until(model: TinyVLM, step: int) -> bool:
                return step >= 150 and step % 25 == 0 and reasoning(model, validation) >= HALF

        else:
            design = replace(design, steps=int(steps))
        trained, _, _ = train("standard", seed, design, folder, until)
        keep(path, trained.state_dict())
    model.load_state_dict(torch.load(path, weights_only=True))
    return model


def abilities_of_start(name: str, seed: int, folder: Path, model: TinyVLM, test: Data) -> dict[str, float]:
    """What the start can do, measured once for all arms."""
    path = folder / f"start-{name}-{seed}-{len(test.given)}.json"
    if not path.exists():
        path.write_text(json.dumps(abilities(model, test, blank=False)))
    measured: dict[str, float] = json.loads(path.read_text())
    return measured


@dataclass(slots=True)
class Batch:
    """One step's rollouts: which item each is of, what was written, how it came out, and its advantage."""

    items: Tensor
    written: Tensor
    outcomes: Outcomes
    advantages: Tensor
    flat: float


class Sampler:
    """Rollouts of a policy on training items, with the rewards of an arm; seed and step say which, so that a run that
    goes on after a break draws what it would have drawn.
    """

    def __init__(self, arm: Arm, seed: int, prompts: int, items: int = 1024) -> None:
        self.data = dataset(items, 3000 + seed, HARD, 30 + seed)
        self.arm, self.seed, self.prompts = arm, seed, prompts

    @torch.no_grad()
    def draw(self, model: TinyVLM, step: int) -> Batch:
        """`prompts` groups of GROUP; with `refill`, groups that came out all alike are drawn anew, thrice at most."""
        found = self._rollouts(model, self.prompts, step, 0)
        for again in range(3 if self.arm.refill else 0):
            teaching = rewards.teaches(torch.from_numpy(found.outcomes.right), GROUP)
            short = self.prompts - int(teaching.sum()) // GROUP
            if not short:
                break
            found = _joined(_only(found, teaching), self._rollouts(model, short, step, again + 1))
        return found

    def _rollouts(self, model: TinyVLM, prompts: int, step: int, again: int) -> Batch:
        device = self.data.pictures.device
        noise = np.random.default_rng([self.seed, step, again])
        generator = torch.Generator(device).manual_seed(int(noise.integers(2**62)))
        items = torch.from_numpy(noise.integers(len(self.data.given), size=prompts)).repeat_interleave(GROUP)
        written = model.generate(self.data.pictures[items.to(device)], temperature=1.0, generator=generator)
        outcomes = Outcomes.of(written, [self.data.given[i] for i in items.tolist()])
        wrong = noise.random(len(items)) > self.arm.reliable
        reported = np.where(wrong, 1 - outcomes.seen, outcomes.seen).astype(np.float32)
        parts = torch.stack([torch.from_numpy(reported), torch.from_numpy(outcomes.right)], 1)
        compared = rewards.advantages(parts, (self.arm.alpha, 1 - self.arm.alpha), GROUP)
        flat = float(compared.flat.float().mean())
        return Batch(items.to(device), written, outcomes, compared.values.to(device), flat)


def _only(batch: Batch, keep: Tensor) -> Batch:
    kept = keep.numpy()
    keep = keep.to(batch.items.device)
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
    name = str(options.get("start", "A-half"))
    model = start(name, seed, folder)
    test = held_out(seed, None, int(options.get("test", 200)))
    before = abilities_of_start(name, seed, folder, model, test)
    items = int(options.get("items", 1024))
    sampler, found = Sampler(arm, seed, prompts, items), optimiser(model, 1e-4, decay=0.0)
    unfinished = Unfinished.of(folder, arm_name, seed, options)
    notes: list[dict[str, float]] = []
    seen: list[list[list[float]]] = []
    first = unfinished.load(model, found, notes, seen)
    for step in range(first, steps):
        for group in found.param_groups:
            group["lr"] = float(options.get("rate", 1e-4)) * min(1, (step + 1) / 5)
        batch = sampler.draw(model, step)
        outcomes = batch.outcomes
        seen.append([outcomes.right.tolist(), outcomes.seen.tolist(), outcomes.reasoned.tolist()])
        notes.append({"flat": batch.flat, **_update(arm, model, found, sampler, batch)})
        if (step + 1) % SAVED_EVERY == 0:
            unfinished.save(step + 1, model, found, notes, seen)
    kept = Outcomes(*(np.concatenate([np.array(one[i], np.float32) for one in seen]) for i in range(3)))
    after = abilities(model, test, blank=False)
    gained = {f"gain_{name}": round(after[name] - before[name], 2) for name in ("a", "a_p", "a_r")}
    unfinished.remove()
    return {**after, **gained, "before": before, **means(notes), "coupling": coupling(kept, GROUP)}


def means(notes: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Of each thing noted, its mean over the steps that noted it."""
    return {
        name: round(float(np.mean([note[name] for note in notes if name in note])), 4)
        for name in dict.fromkeys(name for note in notes for name in note)
    }


def _update(arm: Arm, model: TinyVLM, found: torch.optim.AdamW, sampler: Sampler, batch: Batch) -> dict[str, float]:
    """One step of policy gradient; the policy's entropy, the gradient's noise over rollouts of the same prompts, and
    the weights.
    """
    kept = (batch.advantages.abs() > 0).nonzero()[:, 0]
    if len(kept) < 2:
        return {}
    found.zero_grad(set_to_none=True)
    notes, first = [], torch.empty(0)
    for half in (kept[::2], kept[1::2]):
        pictures, written = sampler.data.pictures[batch.items[half]], batch.written[half]
        seeing = token_logprobs(model, pictures, written)
        shaped, weighed = weights(arm, model, pictures, written, seeing)
        worth = reshape.per_token(batch.advantages[half], shaped)
        # On-policy, the ratio is 1 and its gradient that of log p.
        (-(worth * (seeing - seeing.detach()).exp()).sum() / (len(batch.advantages) * RESPONSE)).backward()
        whole = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
        first = first if len(notes) else whole.clone()
        notes.append({**weighed, "entropy": -float(seeing.detach().mean())})
    # Two halves of each prompt's rollouts as two draws: their difference is noise, their sum signal and noise. What
    # other prompts would have said is not in it.
    noise = float((2 * first - whole).square().sum() / whole.square().sum().clamp(min=1e-12))
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    found.step()
    return {**means(notes), "noise": noise, "gradient": float(norm)}
