"""What verl makes of `perceptdata export verl`: prompts with their images, what a reward is given, and PGPO.

    VERL_USE_EXTERNAL_MODULES=verl_pgpo PYTHONPATH=out python verl_reads.py out/train.parquet --model MODEL

`RLHFDataset` reads the file and measures each prompt with the model's processor (a Qwen2.5-VL folder). Then verl's own
`compute_advantage` runs our estimator. Prints one JSON object; ends with 1 where something differs.
"""

import argparse
import json
import sys
from pathlib import Path

from cpu_torch import stand_in


def main() -> int:
    """The whole comparison."""
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--model", required=True)
    given = parser.parse_args()
    stand_in()

    import pyarrow.parquet as pq
    import torch
    import verl
    from omegaconf import OmegaConf
    from transformers import AutoProcessor
    from verl.utils.dataset.rl_dataset import RLHFDataset, collate_fn

    ours = pq.read_table(given.file).to_pylist()
    processor = AutoProcessor.from_pretrained(given.model)
    config = OmegaConf.create({"max_prompt_length": 100_000, "filter_overlong_prompts": True, "cache_dir": "/tmp/verl"})
    rows = RLHFDataset([str(given.file)], processor.tokenizer, config, processor)
    wrong, images = [], 0
    for own, row in zip(ours, rows, strict=True):
        blocks = [block for turn in row["raw_prompt"] for block in _blocks(turn["content"])]
        shown = [block for block in blocks if block["type"] == "image"]
        images += len(shown)
        text = "".join("<image>" if block["type"] == "image" else block["text"] for block in blocks)
        same = text == "".join(turn["content"] for turn in own["prompt"]) and len(shown) == len(own["images"])
        kept = row["extra_info"]["gold"] == own["extra_info"]["gold"] and row["reward_model"] == own["reward_model"]
        if not (same and kept):
            wrong.append(own["extra_info"]["id"])
    batch = collate_fn([rows[at] for at in range(2)])
    print(
        json.dumps(
            {
                "verl": verl.__version__,
                "rows": {"file": len(ours), "kept": len(rows)},
                "images": {"file": sum(len(own["images"]) for own in ours), "in prompts": images},
                "collated": sorted(batch),
                "pgpo": advantages(torch),
                "wrong": wrong[:5],
            },
            indent=1,
        )
    )
    return int(bool(wrong) or len(ours) != len(rows))


def _blocks(content):
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def advantages(torch):
    """Two rollouts of a prompt through verl: the first, right, has the scores of the reference vector."""
    import numpy as np
    from verl import DataProto
    from verl.trainer.config import AlgoConfig
    from verl.trainer.ppo.v1.utils import compute_advantage_for_multi_trajectories

    score = torch.tensor([0, 0.01, 0.05, 0.2, 0.5, 1.5, 4.0])
    rewards = torch.zeros(2, 7)
    rewards[0, -1] = 1.0
    tensors = {
        "token_level_rewards": rewards,
        "response_mask": torch.ones(2, 7),
        "visual_dependency": torch.stack((score, score)),
    }
    data = DataProto.from_dict(tensors, non_tensors={"uid": np.array(["p", "p"], dtype=object)})
    keys = ["p_0_0", "p_1_0"]
    done = compute_advantage_for_multi_trajectories(data, keys, adv_estimator="pgpo", config=AlgoConfig())
    return [[round(value, 4) for value in row] for row in done.batch["advantages"].tolist()]


if __name__ == "__main__":
    sys.exit(main())
