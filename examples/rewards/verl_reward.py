"""Rewards from `perceptdata rewards serve`, for verl.

    reward_model.reward_manager=batch
    custom_reward_function.path=examples/rewards/verl_reward.py
    custom_reward_function.name=compute_score

Each row's `extra_info` must hold `id`, the example's id; `PERCEPTDATA_REWARDS` is the server's url and
`PERCEPTDATA_REWARDS_TOKEN` its token, where it asks for one. The batch manager sends all rollouts at once, which
surrogates that compare a group need. verl has no place for a missing reward: a rollout that was not scored gets the
mean of its group, so that it pulls the policy nowhere, and `scored` says so in the logs.
"""

import json
import os
import urllib.request
from collections import defaultdict


def compute_score(data_sources, solution_strs, ground_truths, extra_infos, **kwargs):
    """One dictionary a rollout: `score`, which verl takes, and every part of it, which verl logs."""
    ids = [info["id"] for info in extra_infos]
    answers = ask([{"example_id": name, "response": text} for name, text in zip(ids, solution_strs, strict=True)])
    known = defaultdict(list)
    for name, answer in zip(ids, answers, strict=True):
        if answer["total"] is not None:
            known[name].append(answer["total"])
    found = []
    for name, answer in zip(ids, answers, strict=True):
        scored = answer["total"] is not None
        mean = sum(known[name]) / len(known[name]) if known[name] else 0.0
        parts = {part: -1.0 if value is None else value for part, value in answer["parts"].items()}
        found.append({"score": answer["total"] if scored else mean, "scored": float(scored), **parts})
    return found


def ask(rollouts):
    """What the server says of them, in order. Raises what `urllib` raises: a run without rewards must stop."""
    url = os.environ.get("PERCEPTDATA_REWARDS", "http://127.0.0.1:8765")
    headers = {"Content-Type": "application/json"}
    if "PERCEPTDATA_REWARDS_TOKEN" in os.environ:
        headers["Authorization"] = f"Bearer {os.environ['PERCEPTDATA_REWARDS_TOKEN']}"
    request = urllib.request.Request(f"{url}/score", json.dumps(rollouts).encode(), headers)
    with urllib.request.urlopen(request, timeout=600) as answer:
        return json.load(answer)
