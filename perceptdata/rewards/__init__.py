"""Rewards: what a rollout is worth, as plain functions over batches. Used by the trainer, by exports and by servers.

    rollouts = [Rollout(example, response), …]
    with Ladder() as ladder:
        outcome(rollouts, form, ladder)            # a: is the answer right
    layout(rollouts, form)                         # does the response keep to its format
    perception(rollouts, form)                     # a_p: does its description state the scene, exactly or in part
    make_surrogate("consensus").score(rollouts)    # what stands in for a_p where no scene is known

| module        | noun                                                            |
|---------------|-----------------------------------------------------------------|
| `outcome`     | the answer                                                      |
| `layout`      | the format                                                      |
| `perception`  | the description, where the truth is known                       |
| `scene`       | the scene behind an example                                     |
| `surrogates`  | plugins that stand in for perception                            |
| `mixture`     | several rewards by name and weight, as one number               |
| `reliability` | how each stands to perception on labelled rollouts              |
| `rollouts`    | the examples and responses of a workspace                       |
| `server`      | the mixture over HTTP                                           |

A reward never raises on what a model wrote. What cannot be told is *unscored* with a reason, which is missing and not
zero: a trainer must leave it out of the mix (`trainer.core.rewards`).
"""

from __future__ import annotations

from perceptdata.plugins import Rollout, Scored
from perceptdata.rewards.layout import layout
from perceptdata.rewards.mixture import Mixture, Total, make_surrogate
from perceptdata.rewards.outcome import outcome
from perceptdata.rewards.perception import perception

SURROGATES = {
    "consensus": "perceptdata.rewards.surrogates.consensus:Consensus",
    "facts": "perceptdata.rewards.surrogates.facts:Facts",
    "render": "perceptdata.rewards.surrogates.render:Render",
    "second_pass": "perceptdata.rewards.surrogates.second_pass:SecondPass",
    "solver": "perceptdata.rewards.surrogates.solver:Solver",
    "utility": "perceptdata.rewards.surrogates.utility:Utility",
    "wellformed": "perceptdata.rewards.surrogates.wellformed:WellFormed",
}

__all__ = [
    "SURROGATES",
    "Mixture",
    "Rollout",
    "Scored",
    "Total",
    "layout",
    "make_surrogate",
    "outcome",
    "perception",
]
