"""The ladder against sending everything through math-verify: `python benchmarks/answers.py [--mixed 4096]`.

    exact     1,000 answers that exact rungs decide: CPU seconds of the ladder, caches cold, and of math-verify's
              parse and verify in the same process, each gold answer parsed once (hold: >= 100x)
    mixed     4,096 answers as a model gives them to a mixed corpus: the residue's share, and its share of the time
    memory    the most memory that scoring 10,000 and 100,000 responses takes, workers included (hold: <= 1.1x)

Answers are made from a seed, right and wrong ones; prints JSON. Every verdict is compared with what the answer was made
to be.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import time
from typing import Any, NamedTuple

from _measure import fresh, held
from math_verify import LatexExtractionConfig, parse, verify

from perceptdata.answers import Ladder
from perceptdata.answers.ladder import rule
from perceptdata.example import Answer, Example, Source

CHOICES = ("3 cm", "12 cm", "9 cm", "None of these")
SOURCE = Source(builder="bench", version="1", corpus="bench", split="train", key="1", licence="CC0-1.0")
MIX = {"number": 40, "choice": 25, "interval": 5, "set": 5, "text": 10, "expression": 15}
SPARSE = {**MIX, "expression": 1}


class Pair(NamedTuple):
    """An answer, the example it answers, and whether it was made to be right."""

    answer: str
    example: Example
    right: bool


def example(text: str, kind: Any, choices: tuple[str, ...] = (), **fields: Any) -> Example:
    answer = Answer(text=text, kind=kind, **fields)
    stage, name = "textual_reasoning", "bench/train/1"
    return Example(id=name, stage=stage, group="g", question="q", answer=answer, choices=choices, source=SOURCE)


def number(rng: random.Random, right: bool) -> tuple[str, str]:
    """A number in one spelling, and the same or another number in another."""
    top, bottom = rng.randint(1, 9999), rng.randint(2, 40)
    other = top + (not right)
    match rng.randrange(5):
        case 0:
            return f"{top}", f"{other}.0"
        case 1:
            return f"\\frac{{{top}}}{{{bottom}}}", f"{other}/{bottom}"
        case 2:
            return f"{top / 100:.2f}", f"{other}e-2"
        case 3:
            return f"{bottom * top}\\sqrt{{2}}", f"{other}\\sqrt{{{2 * bottom * bottom}}}"
        case _:
            return f"{1000 + top}", f"{1000 + other:,}"


def expression(rng: random.Random, right: bool) -> tuple[str, str]:
    """A product of two linear factors, multiplied out."""
    a, b, c = rng.randint(1, 9), rng.randint(1, 9), rng.randint(2, 5)
    return f"{c}x^2+{c * (a + b)}x+{c * a * b + (not right)}", f"{c}(x+{a})(x+{b})"


def pairs(count: int, mix: dict[str, int], seed: int = 0) -> list[Pair]:
    """Pairs of the kinds in `mix`, about half of them right."""
    rng = random.Random(seed)
    made = []
    for kind in rng.choices(list(mix), list(mix.values()), k=count):
        right = rng.random() < 0.5
        low, high = rng.randint(-50, 0), rng.randint(1, 50)
        if kind == "number":
            text, answer = number(rng, right)
            asked = example(text, "number")
        elif kind == "choice":
            at = rng.randrange(4)
            answer = f"({'ABCD'[at if right else (at + 1) % 4]})"
            asked = example(CHOICES[at], "choice", CHOICES, index=at)
        elif kind == "interval":
            asked = example(f"[{low}, {high})", "expression")
            answer = f"{low} \\le x < {high}" if right else f"{low} < x < {high}"
        elif kind == "set":
            asked, answer = example(f"\\{{{low}, {high}\\}}", "set"), f"{high}, {low if right else low - 1}"
        elif kind == "text":
            asked, answer = example("a red ball", "text"), "A red ball." if right else f"ball {high}"
        else:
            text, answer = expression(rng, right)
            asked = example(text, "expression")
        made.append(Pair(answer, asked, right))
    return made


def through_math_verify(made: list[Pair]) -> float:
    """CPU seconds, each gold answer parsed once."""
    config, golds = [LatexExtractionConfig()], {}
    begun = time.process_time()
    for answer, asked, _ in made:
        text = asked.answer.text
        if text not in golds:
            golds[text] = parse(f"${text}$", config, parsing_timeout=None)
        verify(golds[text], parse(f"${answer}$", config, parsing_timeout=None), timeout_seconds=None)
    return time.process_time() - begun


def exact(count: int) -> dict[str, Any]:
    made = pairs(count, {kind: share for kind, share in MIX.items() if kind not in ("expression", "text")})
    begun = time.process_time()
    verdicts = [rule(answer, asked) for answer, asked, _ in made]
    ours = time.process_time() - begun
    logging.disable(logging.CRITICAL)
    theirs = through_math_verify(made)
    return {
        "answers": count,
        "as_made": sum(
            bool(verdict and verdict.score == right) for verdict, (*_, right) in zip(verdicts, made, strict=True)
        ),
        "cpu_seconds": round(ours, 4),
        "math_verify_cpu_seconds": round(theirs, 2),
        "answers_per_cpu_second": round(count / ours),
        "hold": held("exact answers, ladder over math-verify", theirs / ours, at_least=100),
    }


def mixed(count: int, workers: int) -> dict[str, Any]:
    made = pairs(count, MIX, seed=1)
    begun = time.perf_counter()
    residue = [pair for pair in made if rule(pair.answer, pair.example) is None]
    looked = time.perf_counter() - begun
    with Ladder(workers) as ladder:
        ladder.judge("x+1", example("1+x", "expression"))  # the processes start outside the clock
        begun = time.perf_counter()
        verdicts = ladder.judge_many([(answer, asked) for answer, asked, _ in made])
        whole = time.perf_counter() - begun
    return {
        "answers": count,
        "as_made": sum(verdict.score == right for verdict, (*_, right) in zip(verdicts, made, strict=True)),
        "unscored": sum(verdict.score is None for verdict in verdicts),
        "residue": len(residue),
        "residue_share": round(len(residue) / count, 3),
        "wall_seconds": round(whole, 2),
        "exact_rungs_seconds": round(looked, 3),
        "residue_seconds": round(whole - looked, 2),
        "residue_ms_a_pair": round(1000 * (whole - looked) / max(1, len(residue)), 2),
    }


def score_many(count: int) -> dict[str, Any]:
    """What `memory` runs in a process of its own: batches of fresh answers, as the score step sees them."""
    with Ladder() as ladder:
        for batch in range(count // 1000):
            ladder.judge_many([(answer, asked) for answer, asked, _ in pairs(1000, SPARSE, seed=batch)])
    return {"rows": count}


def memory(small: int, large: int) -> dict[str, Any]:
    peaks = {count: fresh(__file__, "--score", count)["peak_memory_mib"] for count in (small, large)}
    return {
        "peak_mib": peaks,
        "hold": held("peak memory, many responses over few", peaks[large] / peaks[small], at_most=1.1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--exact", type=int, default=1000)
    parser.add_argument("--mixed", type=int, default=4096)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--memory", type=int, nargs=2, default=(10_000, 100_000))
    parser.add_argument("--score", type=int, help="only score so many answers, and say so")
    options = parser.parse_args()
    if options.score:
        print(json.dumps(score_many(options.score)))
        return
    report = {
        "exact": exact(options.exact),
        "mixed": mixed(options.mixed, options.workers),
        "memory": memory(*options.memory),
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
