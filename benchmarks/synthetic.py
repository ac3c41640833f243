"""Synthetic scenes per CPU-second: `python benchmarks/synthetic.py [--records 500] [--families charts,…]`.

    records    whole records: a scene and its three twins, drawn and encoded, in the default proportion of the splits
    splits     the same, each split alone (a small split draws longer for scenes that are its own)
    stages     each on its own: generate (scene sampling), solve (with its trace), facts (texts, questions and ground
               truth), draw (pixels), encode (PNG)

Best of three, one process; prints JSON (hold: records >= 400 for each family at its default sizes).
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Iterable
from typing import Any

from perceptdata import registry
from perceptdata.builders.synthetic.builder import SyntheticBuilder
from perceptdata.builders.synthetic.canvas import BACKEND
from perceptdata.plugins import Part

NAMES = (
    "charts",
    "functions",
    "gauges",
    "graph_coloring",
    "mazes",
    "plane_geometry",
    "priors",
    "shapes",
    "sudoku",
    "tables",
)

ROUNDS = 3


def seconds_each(work: Callable[[Any], object], items: Iterable[Any]) -> float:
    """CPU seconds an item."""
    items, best = list(items), float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        for item in items:
            work(item)
        best = min(best, time.process_time() - start)
    return best / len(items)


def measure(builder: SyntheticBuilder, records: int) -> dict[str, Any]:
    """One family's table."""
    counts, family = builder.counts(), builder.family()
    splits = {
        split: seconds_each(
            lambda part: list(builder.read(part)), [Part(split=split, start=0, stop=min(records, rows))]
        )
        / min(records, rows)
        for split, rows in counts.items()
    }
    whole = sum(rows * splits[split] for split, rows in counts.items()) / sum(counts.values())
    rng = random.Random(0)
    scenes = [family.generate(rng) for _ in range(records)]
    pictures = [family.picture(scene, rng) for scene in scenes]
    stages = {
        "generate": seconds_each(lambda _: family.generate(rng), scenes),
        "solve": seconds_each(lambda scene: family.solve(scene, rng), scenes),
        "facts": seconds_each(
            lambda scene: (
                family.facts(scene),
                family.ground_truth(scene),
                family.ask(scene),
                family.ask_perception(scene, rng),
            ),
            scenes,
        ),
        "draw": seconds_each(lambda scene: family.picture(scene, rng), scenes),
        "encode": seconds_each(lambda picture: picture.png(), pictures),
    }
    return {
        "records": rate(whole),
        "splits": {split: rate(each) for split, each in splits.items()},
        "stages": {stage: rate(each) for stage, each in stages.items()},
        "png_bytes": sum(len(picture.png()) for picture in pictures) // len(pictures),
    }


def rate(seconds: float) -> int:
    """A CPU-second's worth."""
    return round(1 / seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=500, help="records of each split, and scenes of each stage")
    parser.add_argument("--families", default=",".join(NAMES), help="which, with commas between")
    asked = parser.parse_args()
    records = asked.records
    families = {name: measure(registry.make("builders", name), records) for name in asked.families.split(",")}
    print(
        json.dumps({"unit": "per CPU-second", "drawn_by": BACKEND, "records": records, "families": families}, indent=2)
    )


if __name__ == "__main__":
    main()
