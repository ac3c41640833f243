"""What rewards cost: `python benchmarks/rewards.py [--rollouts 6000] [--requests 400]`.

    functions   rollouts a CPU second of each reward and local surrogate, and of outcome + format + perception together,
                on answers that exact rungs decide (hold: >= 2,000 together); and of outcome on expressions, the residue
                that goes to math-verify
    probe       how outcome and surrogates stand to perception for a simulated model, which misreads one number in 40 %
                of its rollouts and reasons rightly from what it read in 80 %
    server      requests and rollouts a second over the loopback, one rollout a request and in batches, from 16 threads,
                with one process and with two; and threads against processes for the same batches

Rollouts are made from a seed: Sudoku and graph-colouring tasks, half of them perceived rightly, and number answers.
Prints JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from _measure import held

from perceptdata import registry
from perceptdata.answers import Ladder
from perceptdata.answers.ladder import rule
from perceptdata.example import Answer, CheckerRef, Example, Image, Source
from perceptdata.plugins import Rollout, Scored
from perceptdata.rewards import Mixture, layout, make_surrogate, outcome, perception
from perceptdata.rewards.pool import Asked, Pool, Serving
from perceptdata.rewards.reliability import measure, table
from perceptdata.rewards.rollouts import examples_by_id
from perceptdata.rewards.server import RewardServer, serve
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import run_step
from perceptdata.workspace import Workspace

FORM = registry.make("formats", "describe_think_boxed")
SOURCE = Source(builder="bench", version="1", corpus="bench", split="train", key="1", licence="CC0-1.0")
THINK = "Each row lacks some digits; going through them one after another settles every cell. " * 12


def written(description: str, answer: str) -> str:
    """A response of a usual length."""
    return f"<description>\n{description}\n</description>\n<think>\n{THINK}\n</think>\n\n\\boxed{{{answer}}}"


def example(number: int, answer: Answer, facts: str | None = None) -> Example:
    return Example(
        id=f"bench/{number}", stage="visual_reasoning", group=f"g{number}", question="q", answer=answer, facts=facts,
        source=SOURCE,
    )  # fmt: skip


def scenes(name: str, count: int, group: int = 8) -> list[Rollout]:
    """Groups of rollouts to a family's tasks; half of them describe another scene."""
    family, rng = registry.make("families", name), random.Random(0)
    made = [family.generate(rng) for _ in range(count // group + 1)]
    found = []
    for number, scene in enumerate(made[:-1]):
        text = family.solve(scene, rng).answer
        checker = CheckerRef(name="family", args={"family": name})
        task = example(number, Answer(text=text, kind="structure", checker=checker), family.facts(scene))
        for _ in range(group):
            seen = scene if rng.random() < 0.5 else made[number + 1]
            found.append(Rollout(task, written(family.facts(seen), text)))
    return found


def misread(family: Any, scene: Any, rng: random.Random) -> Any:
    """The scene with one number of its facts read as another of them."""
    facts = family.facts(scene)
    spots = list(re.finditer(r"\d+", facts))
    while True:
        spot, other = rng.sample(spots, 2)
        seen = family.parse(facts[: spot.start()] + other.group() + facts[spot.end() :])
        if seen is not None and seen != scene:
            return seen


def simulated(name: str, tasks: int, group: int = 8) -> list[Rollout]:
    """Groups of rollouts by a model that misreads 40 % and, from what it reads, reasons rightly in 80 %."""
    family, rng = registry.make("families", name), random.Random(3)
    picture, found = Image(sha256="0" * 64, width=1, height=1), []
    for number in range(tasks):
        scene = family.generate(rng)
        checker = CheckerRef(name="family", args={"family": name})
        answer = Answer(text=family.solve(scene, rng).answer, kind="structure", checker=checker)
        task = example(number, answer, family.facts(scene)).model_copy(update={"images": (picture,)})
        for _ in range(group):
            seen = misread(family, scene, rng) if rng.random() < 0.4 else scene
            try:
                said = family.solve(seen, rng).answer if rng.random() < 0.8 else "not found"
            except ValueError:  # what it read has no solution
                said = "not found"
            found.append(Rollout(task, written(family.facts(seen), said)))
    return found


def probe(tasks: int) -> dict[str, Any]:
    """What the gate says of the local surrogates, family by family."""
    found: dict[str, Any] = {}
    for name in ("sudoku", "graph_coloring"):
        surrogates = {"consensus": 1.0, "solver": 1.0, "wellformed": 1.0}
        with Mixture.of({"outcome": 1.0}, FORM, surrogates=surrogates) as mixture:
            found[name] = table(measure(mixture, simulated(name, tasks), FORM))
    return found


def numbers(count: int) -> list[Rollout]:
    """Number answers, half of them right, each with a description in words."""
    rng = random.Random(1)
    found = []
    for number in range(count):
        top = rng.randint(1, 9999)
        task = example(number // 8, Answer(text=f"{top}", kind="number"))
        words = f"A chart with {top % 9} red bars and a blue line. The highest bar stands on the left."
        found.append(Rollout(task, written(words, f"{top + rng.randint(0, 1)}.0")))
    return found


def expressions(count: int) -> list[Rollout]:
    """Answers that only algebra can compare, half of them right, no two alike."""
    rng = random.Random(2)
    found = []
    for number in range(count):
        a, b = rng.randint(1, 60), rng.randint(1, 60)
        task = example(number, Answer(text=f"x^2+{a + b}x+{a * b}", kind="expression"))
        found.append(Rollout(task, written("A square.", f"(x+{a})(x+{b + rng.randint(0, 1)})")))
    return found


def rate(score: Callable[[Sequence[Rollout]], list[Scored]], rollouts: Sequence[Rollout], batch: int = 512) -> float:
    """Rollouts a CPU second of this process, best of three rounds."""
    best = float("inf")
    for _ in range(3):
        begun = time.process_time()
        for start in range(0, len(rollouts), batch):
            score(rollouts[start : start + batch])
        best = min(best, time.process_time() - begun)
    return len(rollouts) / best


def functions(count: int) -> dict[str, Any]:
    kinds = {name: scenes(name, count // 3) for name in ("sudoku", "graph_coloring")} | {"number": numbers(count // 3)}
    mixed = [rollout for kind in kinds.values() for rollout in kind]
    with Ladder() as ladder:
        plain: dict[str, Callable[[Sequence[Rollout]], list[Scored]]] = {
            "outcome": lambda batch: outcome(batch, FORM, ladder),
            "format": lambda batch: layout(batch, FORM),
            "perception": lambda batch: perception(batch, FORM),
            "wellformed": make_surrogate("wellformed").score,
            "consensus": make_surrogate("consensus").score,
        }
        rates = {
            name: {kind: round(rate(score, made)) for kind, made in kinds.items()} for name, score in plain.items()
        }

        def together(batch: Sequence[Rollout]) -> list[Scored]:
            return plain["outcome"](batch) + plain["format"](batch) + plain["perception"](batch)

        whole = rate(together, mixed)
    return {
        "rollouts": len(mixed),
        "characters": round(sum(len(each.response) for each in mixed) / len(mixed)),
        "rollouts_per_cpu_second": rates,
        "together": round(whole),
        "hold": held("outcome, format and perception, rollouts a CPU second", whole, at_least=2000),
        "residue": residue(300),
    }


def residue(count: int) -> dict[str, Any]:
    """Answers that no exact rung decides: how many there are, and what each costs by the clock, in one process."""
    made = expressions(count)
    left = sum(rule(FORM.parse(each.response).answer or "", each.example) is None for each in made)
    with Ladder() as ladder:
        outcome(made[:1], FORM, ladder)  # the process starts outside the clock
        begun = time.perf_counter()
        outcome(made[1:], FORM, ladder)
        seconds = time.perf_counter() - begun
    return {"rollouts": count, "for_math_verify": left, "ms_each_by_the_clock": round(1000 * seconds / (count - 1), 2)}


def built(folder: Path) -> Path:
    """A workspace of Sudoku tasks."""
    ws = Workspace.create(folder / "ws")
    options = {"use": "sudoku", "rows": {"train_rl": 200}, "seed": 0}
    with ws.lock("benchmark"):
        run_step(ws, "sudoku", make_step("build", options))
    return folder / "ws"


def server(requests: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        ws = built(Path(folder))
        tasks = list(examples_by_id(Workspace(ws), "visual_reasoning").values())
        serving = Serving(ws, "visual_reasoning", FORM, {"outcome": 0.9, "format": 0.1, "perception": 0.5})
        rows = [{"example_id": each.id, "response": written(each.facts or "", each.answer.text)} for each in tasks]
        found: dict[str, Any] = {"cores": os.cpu_count(), "characters": len(rows[0]["response"])}
        for workers in (1, 2):
            with Pool(serving, workers) as pool:
                pool.begin()
                found[f"{workers}_processes"] = over_http(pool, rows, requests)
        found["threads_instead_rollouts_per_second"] = in_threads(serving, rows)
        return found


def over_http(pool: Pool, rows: list[dict[str, str]], requests: int) -> dict[str, Any]:
    url, loop, stop = "", asyncio.new_event_loop(), asyncio.Event()
    ready = threading.Event()

    def told(where: str) -> None:
        nonlocal url
        url = where
        ready.set()

    thread = threading.Thread(
        target=lambda: loop.run_until_complete(serve(RewardServer(pool), "127.0.0.1", 0, told, stop)), daemon=True
    )
    thread.start()
    ready.wait()

    def ask(body: bytes) -> int:
        headers = {"Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(f"{url}/score", body, headers), timeout=120) as answer:
            return len(answer.read())

    found: dict[str, Any] = {}
    for size in (1, 64, 512):
        count = max(4, requests // size)
        bodies = [
            json.dumps([rows[(at * size + place) % len(rows)] for place in range(size)]).encode() for at in range(count)
        ]
        with ThreadPoolExecutor(16) as threads:
            list(threads.map(ask, bodies[:4]))  # the processes start outside the clock
            begun = time.perf_counter()
            list(threads.map(ask, bodies))
            seconds = time.perf_counter() - begun
        found[f"batch_{size}"] = {
            "requests_per_second": round(count / seconds, 1),
            "rollouts_per_second": round(count * size / seconds),
        }
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    return found


def in_threads(serving: Serving, rows: list[dict[str, str]], batch: int = 64, count: int = 40) -> dict[str, int]:
    """The same scoring without processes or HTTP: rollouts a second in one thread, and in two."""
    asked = [Asked.of(rows[at % len(rows)]) for at in range(batch)]
    serving.score(asked)
    found = {}
    for threads in (1, 2):
        with ThreadPoolExecutor(threads) as executor:
            begun = time.perf_counter()
            list(executor.map(serving.score, [asked] * count))
            found[f"{threads}_threads"] = round(batch * count / (time.perf_counter() - begun))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rollouts", type=int, default=6000)
    parser.add_argument("--requests", type=int, default=400, help="requests of one rollout; batches are fewer")
    parser.add_argument("--tasks", type=int, default=60, help="tasks of the probe, 8 rollouts each")
    options = parser.parse_args()
    report = {
        "functions": functions(options.rollouts),
        "probe": probe(options.tasks),
        "server": server(options.requests),
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
