"""Experiment 3: perception, thought and both of them trained in stages or at once (arXiv 2605.20177).

    merged        prompts of all three kinds, shuffled           difficulty    the same, easy to hard
    staged        perception, then thought, then both            both          staged, easy to hard within a stage
    reverse       both, then thought, then perception            captions      staged, perception by SFT on captions

Perception: describe the picture, paid for a_p. Thought: the facts are written, the picture is empty, paid for a. Both:
the whole response, paid for a. Every arm has the same prompts, the same steps and the same start; only their order
differs (`trainer.core.curriculum`), and in `captions` how perception is learnt. Difficulty is not measured but said:
the noise of the drawing first, then the number of blanks. Starts of design F decide how long their traces are.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from perceptdata.trainer.core import curriculum, rewards, spans

from .bases import optimiser
from .measures import Outcomes, abilities
from .model import TinyVLM, token_logprobs
from .rl import GROUP, abilities_of_start, means, start
from .runs import SAVED_EVERY, Unfinished
from .sft import held_out
from .task import BLANK, HARD, PERCEPTION, Data, Drawing, dataset, roles

KINDS = ("perception", "thought", "both")
MILD = Drawing(8.0, 1.0, 0.12)
ITEMS = 512  # of either drawing
ARMS = {
    "merged": (False, False),
    "staged": (True, False),
    "reverse": (True, False),
    "captions": (True, False),
    "difficulty": (False, True),
    "both": (True, True),
}
"""Of each arm, whether its order is by capability and whether by difficulty."""


def pictures_of_two_kinds(seed: int) -> Data:
    """ITEMS mild pictures, then ITEMS hard ones. Of the responses no more than the descriptions is used."""
    mild = dataset(ITEMS, 3000 + seed, MILD, 30 + seed)
    hard = dataset(ITEMS, 4000 + seed, HARD, 30 + seed, banned=mild.given)
    return Data(mild.given + hard.given, *(torch.cat(pair) for pair in zip(mild[1:], hard[1:], strict=True)))


def plan(arm: str, count: int, data: Data, seed: int) -> list[tuple[int, int]]:
    """`count` prompts in the order of this arm: (kind, item). Raises ValueError for an unknown arm."""
    if arm not in ARMS:
        raise ValueError(f"there is no arm '{arm}'; there are {', '.join(ARMS)}")
    capability, difficulty = ARMS[arm]
    items = np.random.default_rng([seed, 3]).integers(len(data.given), size=count).tolist()
    prompts = [(place * len(KINDS) // count, item) for place, item in enumerate(items)]
    last = len(KINDS) - 1
    rows = [
        curriculum.Row(str(place), last - kind if arm == "reverse" else kind, ease(item, data))
        for place, (kind, item) in enumerate(prompts)
    ]
    return [prompts[place] for place in curriculum.arrange(rows, difficulty, capability, seed)]


def ease(item: int, data: Data) -> float:
    """From 1, a mild picture with few blanks, to 0, a hard one with many."""
    blanks = data.given[item].count(BLANK)
    return (0.5 if item < ITEMS else 0.0) + 0.5 * (8 - blanks) / 4


def loss(model: TinyVLM, kind: int, items: Tensor, data: Data, captions: bool, draw: torch.Generator) -> Tensor:
    """Summed over rollouts: each one's advantage times the mean of its own tokens' log p; for captions, their NLL."""
    pictures, facts = data.pictures[items], data.responses[items, :PERCEPTION]
    if captions and kind == 0:
        return -token_logprobs(model, pictures, facts).mean(1).sum() * GROUP
    rolled = items.repeat_interleave(GROUP)
    pictures, facts = data.pictures[rolled], data.responses[rolled, :PERCEPTION]
    given = [data.given[i] for i in rolled.tolist()]
    if kind == 0:
        written, first = model.generate(pictures, temperature=1.0, generator=draw, length=PERCEPTION), 0
        paid = np.array([tuple(row) == one for row, one in zip(written.tolist(), given, strict=True)], np.float32)
    elif kind == 1:
        pictures, first = torch.zeros_like(pictures), PERCEPTION
        written = model.generate(pictures, facts, temperature=1.0, generator=draw)
        paid = Outcomes.of(written, given).right
    else:
        written, first = model.generate(pictures, temperature=1.0, generator=draw), 0
        paid = Outcomes.of(written, given).right
    advantages = rewards.advantages(torch.from_numpy(paid)[:, None], (1.0,), GROUP).values.to(pictures.device)
    kept = advantages.abs() > 0
    if not kept.any():
        return torch.zeros((), device=pictures.device)
    said = token_logprobs(model, pictures[kept], written[kept])[:, first:]
    own = (roles(written[kept]) != spans.NONE)[:, first:]
    return -(advantages[kept] * (said * own).sum(1) / own.sum(1)).sum()


def run(arm: str, seed: int, options: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """One row of the table."""
    steps, prompts = int(options.get("steps", 60)), int(options.get("prompts", 8))
    name = str(options.get("start", "F-half"))
    model = start(name, seed, folder)
    test = held_out(seed, None, int(options.get("test", 200)), model.free)
    before = abilities_of_start(name, seed, folder, model, test)
    data, found = pictures_of_two_kinds(seed), optimiser(model, 1e-4, decay=0.0)
    order = plan(arm, steps * prompts, data, seed)
    unfinished, notes = Unfinished.of(folder, arm, seed, options), []
    for step in range(unfinished.load(model, found, notes), steps):
        for group in found.param_groups:
            group["lr"] = float(options.get("rate", 1e-4)) * min(1, (step + 1) / 5)
        found.zero_grad(set_to_none=True)
        batch = order[step * prompts : (step + 1) * prompts]
        for kind in sorted({kind for kind, _ in batch}):
            items = torch.tensor([item for own, item in batch if own == kind])
            draw = torch.Generator(data.pictures.device).manual_seed((seed * 10_000 + step) * 10 + kind)
            value = loss(model, kind, items, data, arm == "captions", draw) / (prompts * GROUP)
            if value.requires_grad:
                value.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        found.step()
        notes.append({"gradient": float(norm)})
        if (step + 1) % SAVED_EVERY == 0:
            unfinished.save(step + 1, model, found, notes)
    after = abilities(model, test, blank=False)
    unfinished.remove()
    gained = {f"gain_{name}": round(after[name] - before[name], 2) for name in before}
    return {**after, **gained, "before": before, **means(notes)}
