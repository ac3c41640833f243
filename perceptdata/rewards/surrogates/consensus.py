"""`consensus`: does the description agree with the group's?

    S[i, j]   how far description i states what description j states, in [0, 1]
    medoid    the description with the highest Σ_i S[i, j]: what the group agrees on most
    value     S[i, medoid]; for the medoid itself, its mean agreement with the others

Descriptions are compared as scenes where a family can read them, else fact by fact (`matching`). Agreement is not
truth: a group that makes the same mistake, or says nothing in the same words, agrees. It tells rollouts of one prompt
apart only while they differ, and a policy trained on it alone is paid for making them alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from perceptdata.plugins import Scored
from perceptdata.rewards.scene import family_of
from perceptdata.rewards.surrogates.described import Described, Describing
from perceptdata.rewards.surrogates.matching import agreement, facts_of


class Consensus(Describing):
    """How far a description agrees with the one that its group agrees with most."""

    name: ClassVar[str] = "consensus"
    grouped: ClassVar[bool] = True

    def compare(self, batch: Sequence[Described]) -> list[Scored]:
        """See `Describing.compare`."""
        groups: dict[str, list[int]] = defaultdict(list)
        for place, each in enumerate(batch):
            groups[each.rollout.example.id].append(place)
        found = [Scored(None, "no_peers")] * len(batch)
        for places in groups.values():
            if len(places) > 1:
                values = _values(_similarity([batch[place] for place in places]))
                for place, value in zip(places, values, strict=True):
                    found[place] = Scored(value)
        return found


def _values(similar: np.ndarray) -> list[float]:
    """[n, n] to n values."""
    peers = len(similar) - 1
    support = (similar.sum(axis=0) - similar.diagonal()) / peers
    medoid = int(support.argmax())
    values = similar[:, medoid].copy()
    values[medoid] = support[medoid]
    return [float(value) for value in np.clip(values, 0, 1)]


def _similarity(group: Sequence[Described]) -> np.ndarray:
    texts = [each.text for each in group]
    family = family_of(group[0].rollout.example)
    if family is not None:
        scenes = [family.parse(text) for text in texts]
        return np.array(
            [
                [0.0 if scene is None else family.check_perception(text, scene, dense=True) for scene in scenes]
                for text in texts
            ]
        )
    facts = [facts_of(text) for text in texts]
    return np.array([[agreement(own, other) for other in facts] for own in facts])
