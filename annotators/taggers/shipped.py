"""The model that ships: `python -m perceptdata.annotators.taggers.shipped LABELLED [--out FILE]` makes it again.

It learns only from answers that open-weight models gave and that their repository publishes under Apache-2.0 or MIT.
Left out are answers of hosted models (their terms may limit training on them), and benchmark items, whoever answered.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from perceptdata.labelled import LabelledText, read_labelled

from .linear import SHIPPED, Linear

LICENCES = ("Apache-2.0", "MIT")

# Repository -> why its answers may be learned from.
ALLOWED = {
    "Liuziyu77/Visual-RFT": "Apache-2.0; fine-tuned Qwen2-VL and Qwen2.5-VL, open weights",
    "nvidia-cosmos/cosmos-reason1": "Apache-2.0; Cosmos-Reason1-7B, open weights",
    "modelscope/ms-swift": "Apache-2.0; a Qwen-VL model after GRPO, open weights",
    "jrp2014/check_models": "MIT; Qwen3-VL, Kimi-VL, ERNIE-4.5-VL, GLM-4.1V, GLM-4.6V and Apriel, open weights",
    "merveenoyan/smol-vision": "Apache-2.0; granite-vision-3.1-2b, open weights",
}


def allowed(texts: list[LabelledText]) -> list[LabelledText]:
    """The texts that the shipped model may learn from."""
    return [one for one in texts if one.source in ALLOWED and one.licence in LICENCES]


def main() -> None:
    """Train the shipped model."""
    parser = argparse.ArgumentParser(description="Train the linear tagger's model that ships with the package.")
    parser.add_argument("labelled", type=Path)
    parser.add_argument("--out", type=Path, default=SHIPPED)
    given = parser.parse_args()
    texts = allowed(read_labelled(given.labelled))
    Linear.train(texts, given.out, {source: ALLOWED[source] for source in sorted({one.source for one in texts})})
    print(f"{given.out}: {len(texts)} texts, {given.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
