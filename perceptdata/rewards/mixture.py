"""Several rewards by name and weight, scored together: what a trainer adds up, and what the server answers.

    with Mixture.of({"outcome": 0.9, "format": 0.1}, form, surrogates={"consensus": 0.2}) as mixture:
        mixture.score(rollouts)[0].total        # Σ w_k·part_k, or None
        mixture.score(rollouts)[0].parts        # {"outcome": Scored(1.0), …}

A part that does not apply to an example (`Scored.applies`) is left out, and the weights of the rest take its place. A
part that applies and was not scored leaves the rollout without a total: what is missing is not 0
(`trainer.core.rewards` says the same of a whole group).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from perceptdata import registry
from perceptdata.answers import Ladder
from perceptdata.errors import UsageError
from perceptdata.formats import Format
from perceptdata.plugins import Rollout, Scored, Surrogate
from perceptdata.rewards.layout import layout
from perceptdata.rewards.outcome import outcome
from perceptdata.rewards.perception import perception

Score = Callable[[Sequence[Rollout]], list[Scored]]
REWARDS = ("outcome", "format", "perception", "perception_dense")


class Total(NamedTuple):
    """What a rollout is worth in all, and its parts by name."""

    total: float | None
    parts: dict[str, Scored]


class Mixture:
    """Rewards and surrogates by name. Close it, or use it as a context: scoring may need processes."""

    def __init__(
        self,
        scores: Mapping[str, Score],
        weights: Mapping[str, float],
        surrogates: Mapping[str, Surrogate],
        ladder: Ladder,
    ) -> None:
        if not weights or min(weights.values()) < 0 or not all(map(math.isfinite, weights.values())):
            raise UsageError("name a reward or a surrogate, each with a weight of 0 or more, such as outcome=0.9")
        if not any(weights.values()):
            raise UsageError("every weight is 0: one of them must be more")
        self.scores, self.weights, self.surrogates = scores, weights, surrogates
        self._ladder = ladder

    @classmethod
    def of(
        cls,
        rewards: Mapping[str, float],
        form: Format,
        *,
        surrogates: Mapping[str, float] | None = None,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        workspace: Path | None = None,
    ) -> Mixture:
        """Rewards (`REWARDS`) and surrogates with their weights; `options` are those of surrogates, by name.

        Raises UsageError for a name or option that there is not, and where a surrogate lacks what it needs.
        """
        if unknown := sorted(set(rewards) - set(REWARDS)):
            raise UsageError(f"there is no reward '{unknown[0]}'; there are {', '.join(REWARDS)}, and surrogates")
        chosen = surrogates or {}
        if strangers := sorted(set(options or {}) - set(chosen)):
            raise UsageError(f"options are given for '{strangers[0]}', which is not among the surrogates: name it too")
        ladder = Ladder()
        known: dict[str, Score] = {
            "outcome": lambda rollouts: outcome(rollouts, form, ladder),
            "format": lambda rollouts: layout(rollouts, form),
            "perception": lambda rollouts: perception(rollouts, form),
            "perception_dense": lambda rollouts: perception(rollouts, form, dense=True),
        }
        made = {name: make_surrogate(name, (options or {}).get(name), form, workspace) for name in chosen}
        for surrogate in made.values():
            surrogate.prepare()
        scores = {name: known[name] for name in rewards} | {name: each.score for name, each in made.items()}
        return cls(scores, {**rewards, **chosen}, made, ladder)

    @property
    def grouped(self) -> bool:
        """Whether some part compares the rollouts of an example, so that they must come together."""
        return any(surrogate.grouped for surrogate in self.surrogates.values())

    @property
    def stamps(self) -> dict[str, str]:
        """The marks that surrogates carry, such as that of uncertified references."""
        found = {name: getattr(surrogate, "stamp", None) for name, surrogate in self.surrogates.items()}
        return {name: str(stamp) for name, stamp in found.items() if stamp}

    def score(self, batch: Sequence[Rollout]) -> list[Total]:
        """One a rollout, in order."""
        parts = {name: guarded(name, score, batch) for name, score in self.scores.items()}
        rows = [{name: column[at] for name, column in parts.items()} for at in range(len(batch))]
        return [Total(self._total(row), row) for row in rows]

    def _total(self, row: Mapping[str, Scored]) -> float | None:
        used = {name: row[name] for name, weight in self.weights.items() if weight and row[name].applies}
        if not used or any(scored.value is None for scored in used.values()):
            return None
        weight = sum(self.weights[name] for name in used)
        found = sum(self.weights[name] * (scored.value or 0.0) for name, scored in used.items())
        return found * sum(self.weights.values()) / weight

    def close(self) -> None:
        """End what was started for scoring."""
        self._ladder.close()
        for surrogate in self.surrogates.values():
            surrogate.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def make_surrogate(
    name: str, options: Mapping[str, Any] | None = None, form: Format | None = None, workspace: Path | None = None
) -> Surrogate:
    """The surrogate; `format` and `workspace` are filled in where it has such options and none are given."""
    kind = registry.load("surrogates", name)
    filled = dict(options or {})
    if form is not None and "format" in kind.model_fields:
        filled.setdefault("format", {"use": form.name, **form.options()})
    if workspace is not None and "workspace" in kind.model_fields:
        filled.setdefault("workspace", workspace)
    made: Surrogate = registry.make("surrogates", name, filled)
    return made


def guarded(name: str, score: Score, batch: Sequence[Rollout]) -> list[Scored]:
    """What a reward says of a batch. Whatever it does wrong is the reason why rollouts are unscored.

    Where it fails on a batch, each example's rollouts are tried alone, and then each rollout, so that one costs the
    others nothing. Raises UsageError alone: a reward that is set up wrongly would teach nothing.
    """
    try:
        found = score(batch)
    except UsageError:
        raise
    except Exception as error:  # a surrogate is anybody's code: its fault is a reason on the row, and the rest goes on
        if len(batch) < 2:
            return [Scored(None, f"{name}: {type(error).__name__}: {error}")] * len(batch)
        apart: dict[int, Scored] = {}
        for places in _smaller(batch):
            apart |= zip(places, guarded(name, score, [batch[at] for at in places]), strict=True)
        return [apart[at] for at in range(len(batch))]
    if len(found) != len(batch):
        return [Scored(None, f"{name}: it gave {len(found)} scores for {len(batch)} rollouts")] * len(batch)
    return [each if _sound(each) else Scored(None, f"{name}: it gave {each.value!r}, not 0 to 1") for each in found]


def _smaller(batch: Sequence[Rollout]) -> list[list[int]]:
    """The places of each example's rollouts; or, of one example's, each alone."""
    groups: dict[str, list[int]] = {}
    for at, rollout in enumerate(batch):
        groups.setdefault(rollout.example.id, []).append(at)
    return [*groups.values()] if len(groups) > 1 else [[at] for at in range(len(batch))]


def _sound(scored: Scored) -> bool:
    return scored.value is None or 0 <= scored.value <= 1
