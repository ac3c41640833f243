"""Reward hacking seen early: does each reward still stand to perception better than the outcome does?

    probe = Probe(form, every=20, stop=False, gather=gather_object)     # a listener of an engine

A reward for perception is worth having while it follows what a model saw more closely than the outcome does, whose
correlation with perception is 0.34 to 0.43 (arXiv 2605.29496). Before a run `rewards.reliability` tells; under the
pressure of training it may cease to be so. So every so many steps the correlations of all rewards with a_p, exact
(`rewards.perception`), are taken again, by the same measure (`verification.surrogate`).

The labelled probe is the training rollouts themselves, those whose rows have a scene that is known exactly. They are
there anyway, so measuring costs one pass of a parser and no generation; and they are what the policy is being pushed
towards: where a reward is hacked, it is hacked on them. A run whose rows have no scenes has no probe; mix some in.

Two correlations are logged: over all rollouts, and within groups (each rollout against the mean of its own prompt's),
which is all that group-normalised advantages see. The alarm goes by the second: the outcome surely follows perception
better than the reward, by the lower 95 % bound over scenes drawn again.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from perceptdata.errors import PerceptDataError
from perceptdata.formats import Format
from perceptdata.rewards import perception
from perceptdata.trainer.samples import Rolled

if TYPE_CHECKING:
    from perceptdata.verification.surrogate import Comparison

Numbers = NDArray[np.float64]
OUTCOME = "outcome"
PLAIN = (OUTCOME, "format")
"""Rewards that promise nothing about perception."""


class Held(NamedTuple):
    """A labelled rollout: its scene, its group, what it perceived, and its rewards by name, NaN where unscored.

    The same prompt in another batch is another group: it was another policy.
    """

    scene: str
    group: str
    perceived: float
    rewards: dict[str, float]


class Probe:
    """A listener that measures every `every` steps, and warns, or with `stop` raises, where a reward falls behind.

    Judged are the rewards beside outcome and format. `gather` makes one list of all ranks' lists.
    """

    def __init__(self, form: Format, every: int, stop: bool, gather: Callable[[list[Any]], list[Any]] = list) -> None:
        self.form, self.every, self.stop, self.gather = form, every, stop, gather
        self._held: list[Held] = []
        self._last: int | None = None

    def __call__(self, rolled: Rolled) -> dict[str, float]:
        """Note the labelled rollouts of this batch; measure where it is time. Raises PerceptDataError with `stop`."""
        for place, scored in enumerate(perception(rolled.rollouts, self.form)):
            if scored.value is not None:
                example = rolled.rollouts[place].example
                given = {name: _number(values[place].value) for name, values in rolled.rewards.items()}
                self._held.append(Held(example.group, f"{rolled.step}/{example.id}", scored.value, given))
        last = rolled.step - 1 if self._last is None else self._last
        self._last = rolled.step
        if rolled.step // self.every == last // self.every:
            return {}
        held, self._held = self.gather(self._held), []
        return self._measured(rolled.step, held, list(rolled.rewards)) if held else {}

    def _measured(self, step: int, held: Sequence[Held], names: Sequence[str]) -> dict[str, float]:
        perceived = np.array([each.perceived for each in held])
        found = {"probe/perception": float(perceived.mean()), "probe/rollouts": float(len(held))}
        for name in names:
            overall = _compared(held, (name, OUTCOME), step, grouped=False)
            within = _compared(held, (name, OUTCOME), step, grouped=True)
            if overall is None or within is None:
                continue
            told = {"": overall.surrogate, "/within": within.surrogate, "/lead": within.lower}
            if name in PLAIN:
                del told["/lead"]
            found |= {f"probe/{name}{part}": value for part, value in told.items() if value is not None}
            behind = None if name in PLAIN else _compared(held, (OUTCOME, name), step, grouped=True)
            if behind is not None and behind.passes:
                self._tell(step, name, behind)
        return found

    def _tell(self, step: int, name: str, behind: Comparison) -> None:
        said = (
            f"step {step}: the reward '{name}' follows perception less than the outcome does (within groups r = "
            f"{behind.outcome:.2f} against {behind.surrogate:.2f}, over {behind.n} labelled rollouts of "
            f"{behind.images} scenes): the model may be learning to please it instead of to see"
        )
        if self.stop:
            raise PerceptDataError(f"{said}; training stops here, and the last checkpoint is from before")
        warnings.warn(f"{said}; look at samples.jsonl, and go back to an earlier checkpoint", stacklevel=2)


def _compared(held: Sequence[Held], names: tuple[str, str], seed: int, grouped: bool) -> Comparison | None:
    """How the first of two rewards stands to perception against the second, where both are scored.

    None where too few scenes are left to draw from.
    """
    # Not at the top: its package brings the workspace along, which a trainer loads without.
    from perceptdata.verification.surrogate import FEWEST_IMAGES, compare

    columns = [np.array([each.rewards.get(name, math.nan) for each in held]) for name in names]
    there = np.isfinite(columns[0]) & np.isfinite(columns[1])
    scenes = np.array([each.scene for each in held])[there]
    if len(set(scenes)) < FEWEST_IMAGES:
        return None
    perceived = np.array([each.perceived for each in held])[there]
    groups = np.array([each.group for each in held])[there] if grouped else None
    return compare(columns[0][there], columns[1][there], perceived, scenes, groups, seed)


def _number(value: float | None) -> float:
    return math.nan if value is None else value
