"""Experiment 5: OPSD against ViGOS (arXiv 2601.18734, 2606.19120): whose teacher may know the answer where.

    start    no distillation
    opsd     one teacher, who knows the answer, serves the whole rollout
    vigos    the description from a teacher who sees the picture alone, what follows from one who knows the answer

All arms have one prompt and one format, which is the same-prompt control. The answer is told as a solved grid in the
prompt; the start has learnt to read it where it stands there. Teachers are the frozen start. Training puzzles have a
prior: the top left digit of the solution is 1. `prior` is how often that cell is read right where it shows a 1,
`score` where it shows another digit; PALR is the share of what is taught that hangs on the answer rather than on the
picture. Here the picture-only teacher begins as the student itself, so that its term is an anchor and no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from perceptdata.trainer.core import divergences, segments
from perceptdata.trainer.core.leakage import WRONG_ANSWERS, palr

from .bases import at_rate, base, optimiser
from .measures import abilities
from .model import TinyVLM, token_logprobs
from .rl import means
from .runs import SAVED_EVERY, Unfinished, keep
from .sft import held_out
from .task import ANSWER, BLANK, HARD, PERCEPTION, Data, Puzzle, dataset

PLANS: dict[str, tuple[segments.Segment, ...]] = {"start": (), "opsd": segments.OPSD, "vigos": segments.VIGOS}
START_STEPS, START_RATE, START_BATCH = 150, 3e-3, 16
USUAL = 1


def usual(one: Puzzle) -> bool:
    """Whether a puzzle has the prior, and shows it."""
    return one.given[0] == USUAL


def unusual(one: Puzzle) -> bool:
    """Whether the cell shows another digit."""
    return one.given[0] not in (BLANK, USUAL)


def informed(seed: int, folder: Path) -> TinyVLM:
    """The reasoner after SFT on hard pictures, told the solution in every other row."""
    path = folder / f"start-told-{seed}.pt"
    model = base("reasoner", seed, folder)
    if path.exists():
        model.load_state_dict(torch.load(path, weights_only=True))
        return model
    data, found = dataset(4096, 1000 + seed, HARD, 10 + seed), optimiser(model, START_RATE)
    torch.manual_seed(seed)
    for step in range(START_STEPS):
        at_rate(found, START_RATE, step, START_STEPS)
        found.zero_grad(set_to_none=True)
        for told in (False, True):
            at = torch.randint(len(data.given), (START_BATCH // 2,))
            responses = data.responses[at]
            logits = model(data.pictures[at], responses, told=responses[:, -ANSWER:] if told else None)
            torch.nn.functional.cross_entropy(logits.flatten(0, 1), responses.flatten()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        found.step()
    keep(path, model.state_dict())
    return model


def rollouts(written: Tensor) -> segments.Rollouts:
    """Where the parts are; a response parses where description and answer are made of digits and blanks."""
    everywhere = torch.ones_like(written, dtype=torch.bool)
    description = everywhere.clone()
    description[:, PERCEPTION:] = False
    answer = written[:, -ANSWER:]
    parsed = (written[:, :PERCEPTION] <= 4).all(1) & ((answer >= 1) & (answer <= 4)).all(1)
    return segments.Rollouts(everywhere, description, ~description, parsed, ~everywhere)


def distillation(
    plan: tuple[segments.Segment, ...],
    model: TinyVLM,
    teacher: TinyVLM,
    pictures: Tensor,
    written: Tensor,
    told: Tensor,
) -> Tensor:
    """The loss of one batch of the student's own rollouts."""
    parts = rollouts(written)
    route = segments.assign(plan, parts)
    student = model(pictures, written).log_softmax(-1)
    with torch.no_grad():
        knowing = teacher(pictures, written, told=told).log_softmax(-1)
        seeing = teacher(pictures, written).log_softmax(-1)
    apart = torch.zeros(written.shape, device=written.device)
    for number, one in enumerate(plan, start=1):
        by = seeing if one.teacher == "image" else knowing
        apart = torch.where(route == number, divergences.divergence(student, by, one.divergence, one.beta), apart)
    counts = segments.active(route, plan)
    return segments.combine(segments.term_values(apart, route, counts, plan), plan)


@torch.no_grad()
def leakage(
    plan: tuple[segments.Segment, ...], model: TinyVLM, teacher: TinyVLM, data: Data, seed: int, items: int = 64
) -> dict[str, float]:
    """PALR in percent, over valid rollouts: of all tokens, of the description, of the rest (2606.19120, App. A).

    The wrong answers are the solutions of the next puzzles, the wrong picture that of the next.
    """
    pictures, told = data.pictures[:items], data.responses[:items, -ANSWER:]
    generator = torch.Generator(pictures.device).manual_seed(seed)
    written = model.generate(pictures, temperature=1.0, generator=generator)
    good = segments.valid(rollouts(written))
    pictures, told, written = pictures[good], told[good], written[good]
    student = token_logprobs(model, pictures, written)

    def teaches(shown: Tensor, answer: Tensor | None) -> Tensor:
        said = teacher(shown, written, told=answer).log_softmax(-1)
        return said.gather(-1, written[..., None])[..., 0]

    knowing, seeing = teaches(pictures, told), teaches(pictures, None)
    wrong = torch.stack([teaches(pictures, told.roll(k, 0)) for k in range(1, WRONG_ANSWERS + 1)])
    elsewhere = pictures.roll(1, 0)
    knows = torch.ones_like(student, dtype=torch.bool)
    if any(one.teacher == "image" for one in plan):
        knows[:, :PERCEPTION] = False
    other = torch.where(knows, teaches(elsewhere, told), teaches(elsewhere, None))
    description = torch.zeros_like(knows)
    description[:, :PERCEPTION] = True
    groups = {"palr_description": description, "palr_rest": ~description}
    rates = palr(student, torch.where(knows, knowing, seeing), wrong, other, knows, groups)
    return {name: round(100 * value, 2) for name, value in {"palr": rates.pop("all"), **rates}.items()}


@torch.no_grad()
def corner(model: TinyVLM, data: Data) -> float:
    """How often the first cell is read right, in percent; greedy."""
    read = model.generate(data.pictures, length=1)[:, 0]
    return round(100 * float((read == data.responses[:, 0]).float().mean()), 2)


def run(arm: str, seed: int, options: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """One row of the table. Raises ValueError for an unknown arm."""
    if arm not in PLANS:
        raise ValueError(f"there is no arm '{arm}'; there are {', '.join(PLANS)}")
    steps, prompts, plan = int(options.get("steps", 60)), int(options.get("prompts", 24)), PLANS[arm]
    model = informed(seed, folder)
    teacher = deepcopy(model).requires_grad_(False)
    data, found = (
        dataset(int(options.get("items", 1024)), 5000 + seed, HARD, 30 + seed, wanted=usual),
        optimiser(model, 1e-4, decay=0.0),
    )
    unfinished, notes = Unfinished.of(folder, arm, seed, options), []
    for step in range(unfinished.load(model, found, notes), steps if plan else 0):
        for group in found.param_groups:
            group["lr"] = float(options.get("rate", 1e-4)) * min(1, (step + 1) / 5)
        draw = torch.Generator(data.pictures.device).manual_seed(seed * 10_000 + step)
        at = torch.randint(len(data.given), (prompts,), generator=draw, device=data.pictures.device)
        pictures, told = data.pictures[at], data.responses[at, -ANSWER:]
        written = model.generate(pictures, temperature=1.0, generator=draw)
        loss = distillation(plan, model, teacher, pictures, written, told)
        found.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        found.step()
        notes.append({"loss": float(loss.detach()), "invalid": segments.invalid_rate(rollouts(written))})
        if (step + 1) % SAVED_EVERY == 0:
            unfinished.save(step + 1, model, found, notes)
    test = held_out(seed, None, int(options.get("test", 200)))
    found_here = abilities(model, test, blank=False)
    cells = {"score": unusual, "prior": usual}
    read = {
        name: corner(model, dataset(2 * len(test.given), 88, HARD, 99, wanted=which)) for name, which in cells.items()
    }
    leaks = leakage(plan, model, teacher, dataset(64, 89, HARD, 99), seed) if plan else {}
    unfinished.remove()
    return {**found_here, **read, **leaks, **means(notes)}
