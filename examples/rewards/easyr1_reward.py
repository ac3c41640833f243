"""Rewards from `perceptdata rewards serve`, for EasyR1.

    worker.reward.reward_type=batch
    worker.reward.reward_function=examples/rewards/easyr1_reward.py:compute_score

EasyR1 gives a reward the response and the ground truth, and no other column: so the column that is the ground truth
must hold the example's id. The parts that are returned here are logged. `PERCEPTDATA_REWARDS` is the server's url,
`PERCEPTDATA_REWARDS_TOKEN` its token, where it asks for one. EasyR1 has no place for a missing reward: a rollout that
was not scored gets the mean of its group.
"""

import json
import os
import urllib.request
from collections import defaultdict


def compute_score(reward_inputs, **kwargs):
    """One dictionary a rollout: `overall`, which EasyR1 takes, and every part of it."""
    rollouts = [{"example_id": each["ground_truth"], "response": each["response"]} for each in reward_inputs]
    url = os.environ.get("PERCEPTDATA_REWARDS", "http://127.0.0.1:8765")
    headers = {"Content-Type": "application/json"}
    if "PERCEPTDATA_REWARDS_TOKEN" in os.environ:
        headers["Authorization"] = f"Bearer {os.environ['PERCEPTDATA_REWARDS_TOKEN']}"
    request = urllib.request.Request(f"{url}/score", json.dumps(rollouts).encode(), headers)
    with urllib.request.urlopen(request, timeout=600) as answer:
        answers = json.load(answer)
    known = defaultdict(list)
    for each in answers:
        if each["total"] is not None:
            known[each["example_id"]].append(each["total"])
    found = []
    for each in answers:
        others = known[each["example_id"]]
        mean = sum(others) / len(others) if others else 0.0
        parts = {part: -1.0 if value is None else value for part, value in each["parts"].items()}
        found.append({"overall": mean if each["total"] is None else each["total"], **parts})
    return found
