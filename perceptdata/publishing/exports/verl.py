"""verl: parquet with prompt, images, `reward_model`, and `extra_info` that carries what a reward reads.

to/train.parquet  test.parquet  images/  reward.py  verl_pgpo.py  README.md
"""

from __future__ import annotations

from typing import Any, ClassVar

import pyarrow as pa

from perceptdata.publishing.exports.certified import COLUMNS, RewardedExport
from perceptdata.publishing.exports.conversations import MESSAGES, messages
from perceptdata.publishing.exports.pictures import Shape
from perceptdata.publishing.exports.rows import Row
from perceptdata.view import View

# A path as {"image": …}: verl hands the dictionary on to what loads images, in this version and in earlier ones.
VERL = Shape(
    jsonl=False,
    absolute=True,
    by_path=lambda path: {"image": path},
    path_type=pa.struct([("image", pa.string())]),
)
INFO = pa.struct([("index", pa.string()), ("split", pa.string()), ("question", pa.string()), *COLUMNS])
ABILITY = {"perception": "perception", "visual_reasoning": "visual_reasoning", "textual_reasoning": "math"}
LAUNCH = """
## Train

    python -m verl.trainer.main_ppo algorithm.adv_estimator=grpo \\
        data.train_files=$PWD/{train} data.val_files=$PWD/{val} \\
        data.prompt_key=prompt data.image_key=images data.return_raw_chat=True \\
        reward.custom_reward_function.path=$PWD/reward.py reward.custom_reward_function.name=for_verl \\
        +reward.custom_reward_function.reward_kwargs.outcome=0.9 +reward.custom_reward_function.reward_kwargs.format=0.1

Before 0.7 the keys begin with `custom_reward_function.`, and `reward_model.reward_manager=batch` sends all at once.
Today's reward loop sends them one by one, so that surrogates which compare a group (`consensus`) cannot be asked from
it. `reward.py` scores here with our checkers, or asks `perceptdata rewards serve` where PERCEPTDATA_REWARDS is its
address. verl has no place for a missing reward: such a rollout gets a mean, and `scored` says so in the logs.

## PGPO

    PYTHONPATH=$PWD VERL_USE_EXTERNAL_MODULES=verl_pgpo python -m verl.trainer.main_ppo algorithm.adv_estimator=pgpo ...

`verl_pgpo.py` says what the trainer must put into the batch for it: the log-probabilities of a pass that sees no image.
On a cluster both variables have to reach every worker: `+ray_kwargs.ray_init.runtime_env.env_vars...`.
"""


class Verl(RewardedExport):
    """Parquet for verl's `RLHFDataset`."""

    name: ClassVar[str] = "verl"
    title: ClassVar[str] = "For verl"
    markers: ClassVar[tuple[str, ...]] = ("<video>", "<audio>")

    @property
    def shape(self) -> Shape:
        """Paths are absolute: workers look for others where they were started."""
        return VERL

    @property
    def launch(self) -> str:
        """How to train on it."""
        return LAUNCH

    @property
    def copied(self) -> tuple[str, ...]:
        """The reward, and the advantages of PGPO."""
        return ("reward.py", "verl_pgpo.py")

    def columns(self, view: View) -> list[tuple[str, pa.DataType]]:
        """See `TrainerExport.columns`."""
        judged = pa.struct([("style", pa.string()), ("ground_truth", pa.string())])
        return [
            ("data_source", pa.string()),
            ("prompt", MESSAGES),
            ("ability", pa.string()),
            ("reward_model", judged),
            ("extra_info", INFO),
        ]

    def row(self, row: Row) -> dict[str, Any]:
        """See `TrainerExport.row`."""
        known = self.carried(row)
        return {
            "data_source": f"perceptdata/{row.values['source']['builder']}",
            "prompt": messages(row),
            "ability": ABILITY[row.values["stage"]],
            "reward_model": {"style": "rule", "ground_truth": known["answer"]},
            "extra_info": {"index": row.text_id or row.id, "split": row.split, "question": row.asked, **known},
        }
