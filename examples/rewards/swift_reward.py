"""Rewards from `perceptdata rewards serve`, for ms-swift.

    swift rlhf --rlhf_type grpo --external_plugins examples/rewards/swift_reward.py --reward_funcs perceptdata …

The data set needs a column `id`, the example's id; other columns reach a reward by their names. A rollout that was not
scored is None, which the trainer leaves out. `PERCEPTDATA_REWARDS` is the server's url, `PERCEPTDATA_REWARDS_TOKEN` its
token, where it asks for one.
"""

import json
import os
import urllib.request

from swift.rewards import ORM, orms


class PerceptData(ORM):
    """The server's total."""

    def __call__(self, completions, id, **kwargs):
        """One number or None a completion."""
        rollouts = [{"example_id": name, "response": text} for name, text in zip(id, completions, strict=True)]
        url = os.environ.get("PERCEPTDATA_REWARDS", "http://127.0.0.1:8765")
        headers = {"Content-Type": "application/json"}
        if "PERCEPTDATA_REWARDS_TOKEN" in os.environ:
            headers["Authorization"] = f"Bearer {os.environ['PERCEPTDATA_REWARDS_TOKEN']}"
        request = urllib.request.Request(f"{url}/score", json.dumps(rollouts).encode(), headers)
        with urllib.request.urlopen(request, timeout=600) as answer:
            return [each["total"] for each in json.load(answer)]


orms["perceptdata"] = PerceptData
