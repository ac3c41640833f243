"""Agreement of two annotators over a million clauses with 200 bootstraps, and a consensus of three, on one core.

Prints JSON: CPU seconds of each stage, and whether the whole stays under what the design holds it to.
"""

from __future__ import annotations

import argparse
import json
import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # one core, before numpy sizes its pools

import random

import numpy as np
from _measure import Laps, held

from perceptdata.agreement import Coded, DawidSkene, compare, disagreements, refine
from perceptdata.segmentation import segment
from perceptdata.spans import PRO, SpanSet

SENTENCES = (
    "The figure shows {n} {thing}s beside a {thing}.",
    "I see a label that reads {n}.",
    "Since both are equal, $x = {n} / {m}$.",
    "So the area is {n} times {m}, which means that it is {k}.",
    "Let me check the {thing} again.",
)
CLAUSES_A_TEXT, LINES_A_TEXT = 20, 17
ERRORS = (0.1, 0.2, 0.3)


def texts(clauses: int, seed: int) -> list[str]:
    """Texts of some 20 clauses, as many as have the clauses asked for."""
    draw = random.Random(seed)
    things = ("triangle", "bar", "cup", "line", "circle")
    made = []
    for _ in range(clauses // CLAUSES_A_TEXT + 1):
        lines = []
        for _ in range(LINES_A_TEXT):
            values = {"n": draw.randint(1, 99), "m": draw.randint(1, 99), "k": draw.randint(1, 999)}
            lines.append(draw.choice(SENTENCES).format(**values, thing=draw.choice(things)))
        made.append(" ".join(lines))
    return made


def annotators(texts: list[str], seed: int) -> list[list[SpanSet | None]]:
    """Three that label our clauses with some errors; the second moves every third border by a word or so."""
    draw = np.random.default_rng(seed)
    found = segment(texts)
    count = len(found.start)
    truth = draw.choice(3, count, p=[0.4, 0.5, 0.1])
    sets: list[list[SpanSet | None]] = []
    for number, wrong in enumerate(ERRORS):
        label = np.where(draw.random(count) < wrong, draw.integers(0, 3, count), truth).astype(np.int8)
        end = found.end - (np.where(draw.random(count) < 1 / 3, 4, 0) if number == 1 else 0)
        score, tagger = draw.random(count).astype(np.float32), np.zeros(count, np.int8)
        row: list[SpanSet | None] = []
        for at in range(len(texts)):
            part = slice(int(found.offsets[at]), int(found.offsets[at + 1]))
            ends = np.maximum(end[part], found.start[part] + 1).astype(np.int32)
            row.append(SpanSet(PRO, found.start[part], ends, label[part], score[part], tagger[part]))
        sets.append(row)
    return sets


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clauses", type=int, default=1_000_000)
    parser.add_argument("--bootstraps", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    made = texts(options.clauses, options.seed)
    spans = annotators(made, options.seed)
    ids = [f"made/train/{number}#response" for number in range(len(made))]
    groups = [f"source{number % 5}" for number in range(len(made))]
    two = Coded(PRO, ("one", "two"), ids, made, spans[:2])
    laps = Laps()
    pieces = refine(two)
    laps("cut")
    found = compare(two, options.bootstraps, pieces=pieces)
    laps("compare")
    compare(two, options.bootstraps, groups=groups, pieces=pieces)
    laps("compare_with_five_sources")
    disagreements(two, limit=100, pieces=pieces)
    laps("disagreements")
    three = refine(Coded(PRO, ("one", "two", "three"), ids, made, spans))
    label, score = three.clauses().label, three.clause_scores()
    laps("cut_for_three")
    model = DawidSkene.fit(label, 3)
    model.decide(label, 0.2)
    laps("votes_of_three")
    DawidSkene.fit(label, 3, score).decide(label, 0.2, score)
    laps("scored_votes_of_three")
    seconds = {name: round(lap["cpu"], 2) for name, lap in laps.seconds.items()}
    whole = sum(seconds[name] for name in ("cut", "compare", "disagreements"))
    report = {
        "clauses": found["all"].clauses,
        "texts": found["all"].texts,
        "bootstraps": options.bootstraps,
        "kappa": found["all"].to_json()["agreement"]["clauses"]["kappa"]["one~two"]["all"],
        "right_by_dawid_skene": [round(float(np.trace(each)) / 3, 3) for each in model.confusion],
        "cpu_seconds": seconds,
        "held": [held("CPU seconds of cutting, comparing and listing", whole, at_most=60)],
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
