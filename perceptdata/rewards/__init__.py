"""Rewards: what a rollout is worth, as plain functions over batches. Used by the trainer, by exports and by servers.

    rollouts = [Rollout(example, response), …]
    with Ladder() as ladder:
        outcome(rollouts, form, ladder)            # a: is the answer right
    layout(rollouts, form)                         # does the response keep to its format
    perception(rollouts, form)                     # a_p: does its description state the scene, exactly or in part

| module       | noun                                                            |
|--------------|-----------------------------------------------------------------|
| `rollout`    | a response to an example, and what a reward says of it            |
| `outcome`    | the answer                                                       |
| `layout`     | the format                                                       |
| `perception` | the description, where the truth is known                         |

A reward never raises on what a model wrote. What cannot be told is *unscored* with a reason, which is missing and not
zero: a trainer must leave it out of the mix (`trainer.core.rewards`).
"""

from __future__ import annotations

from perceptdata.rewards.layout import layout
from perceptdata.rewards.outcome import outcome
from perceptdata.rewards.perception import perception
from perceptdata.rewards.rollout import Rollout, Scored

__all__ = ["Rollout", "Scored", "layout", "outcome", "perception"]
