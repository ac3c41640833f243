"""reasoning-gym (Stojanovski et al. 2025, arXiv 2505.24760): reasoning in text, made item by item from a seed.

    reasoning_gym/train/chain_sum/17       "State the final answer to the following arithmetic problem: 205 - 838 + …"

The items come from the library (`pip install 'perceptdata[gym]'`), and so does the score of an answer: the checker
`reasoning_gym` makes the item again and asks its task. Before anything is built, every task proves itself
(`self_test`): its own answer scores 1.0, garbage at most 0.05, and the same seed makes the same item. Tasks whose
pictures are drawn here (graph colouring, Sudoku, mazes) are not among the TASKS that are built unless others are named.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, PositiveInt

from perceptdata.draft import BadRow, Draft
from perceptdata.errors import PluginError, UsageError
from perceptdata.example import Answer, CheckerRef, Example, Stage
from perceptdata.plugins import Builder, Checker, Part
from perceptdata.records import canonical_json

from .problem import plain_json
from .questions import same_question

TASKS = (
    *("aiw", "base_conversion", "basic_arithmetic", "binary_alternation", "caesar_cipher", "calendar_arithmetic"),
    *("chain_sum", "circuit_logic", "coin_flip", "complex_arithmetic", "count_primes", "course_schedule"),
    *("decimal_chain_sum", "dice", "family_relationships", "gcd", "gsm_symbolic", "isomorphic_strings"),
    *("knights_knaves", "lcm", "leg_counting", "needle_haystack", "number_filtering", "number_sequence"),
    *("number_sorting", "products", "ransom_note", "self_reference", "simple_equations", "string_insertion"),
    *("syllogism", "time_intervals", "word_sorting"),
)
GARBAGE = ("garbage", "?!", "I cannot tell.")
MOST_FOR_GARBAGE = 0.05
_PROBES = 3


class ReasoningGym(Builder):
    """Takes no source.

    `tasks` of the library, `rows` items of each, `settings` by task (`{chain_sum: {max_terms: 8}}`). Items of two seeds
    are different ones.
    """

    name: ClassVar[str] = "reasoning_gym"
    corpus: ClassVar[str] = "reasoning-gym"
    licence: ClassVar[str] = "Apache-2.0"
    stages: ClassVar[tuple[Stage, ...]] = ("textual_reasoning",)
    SHARD: ClassVar[int] = 2000

    tasks: tuple[str, ...] = Field(TASKS, min_length=1)
    rows: PositiveInt = 1000
    seed: int = 0
    settings: dict[str, dict[str, Any]] = Field(default_factory=dict)

    def parts(self, source: Path | None) -> Sequence[Part]:
        """Each task in stretches of SHARD items, after its self-test. The part's `split` is the task."""
        if source is not None:
            raise UsageError(f"{self.name} makes its items itself and reads no source; leave out {source}")
        if odd := sorted(set(self.settings) - set(self.tasks)):
            raise UsageError(f"settings speak of {', '.join(odd)}, which is not among the tasks")
        for task in self.tasks:
            self_test(task, _settings(self.settings, task), self.seed)
        return [
            Part(split=task, start=start, stop=min(start + self.SHARD, self.rows))
            for task in dict.fromkeys(self.tasks)
            for start in range(0, self.rows, self.SHARD)
        ]

    def read(self, part: Part) -> Iterator[Draft | BadRow]:
        """The items of one stretch."""
        version, settings = _gym().__version__, _settings(self.settings, part.split)
        stop = self.rows if part.stop is None else part.stop
        for index in range(part.start, stop):
            item = _item(part.split, settings, self.seed, self.rows, index)
            question, answer = str(item["question"]).strip(), str(item["answer"]).strip()
            args = {"task": part.split, "settings": json.loads(settings), "seed": self.seed, "rows": self.rows}
            yield Draft(
                key=f"{part.split}/{index}",
                stage="textual_reasoning",
                question=question,
                answer=Answer(text=answer, checker=CheckerRef(name=GymChecker.name, args={**args, "index": index})),
                group=same_question(question),
                meta={"task": part.split, "reasoning_gym": version, "item": _plain(item["metadata"])},
            )


class GymChecker(Checker):
    """How right the task itself finds an answer, in [0, 1]. The arguments say which item it was."""

    name: ClassVar[str] = "reasoning_gym"

    task: str
    index: int
    rows: int
    seed: int = 0
    settings: dict[str, Any] = Field(default_factory=dict)

    def score(self, answer: str, example: Example) -> float:
        """`score_answer` of the task. Raises PluginError where this version of the library makes another item."""
        settings = canonical_json(self.settings)
        item = _item(self.task, settings, self.seed, self.rows, self.index)
        if str(item["question"]).strip() != example.question:
            made_by = example.meta.get("reasoning_gym")
            raise PluginError(
                f"{example.id} was made by reasoning-gym {made_by}; {_gym().__version__} makes another item of its seed"
            )
        return _score(_task(self.task, settings, self.seed, self.rows), answer, item)


def self_test(task: str, settings: str = "{}", seed: int = 0) -> None:
    """Whether a task can be trusted on this machine. UsageError with what it fails in.

    Gold must score 1.0, GARBAGE at most MOST_FOR_GARBAGE, and a second set of the same seed must have the same items.
    """
    made, again = (_create(task, settings, seed, _PROBES) for _ in range(2))
    for index in range(_PROBES):
        item, twin = made[index], again[index]
        if (item["question"], item["answer"]) != (twin["question"], twin["answer"]):
            raise UsageError(f"reasoning-gym's task {task} makes another item each time; leave it out of tasks")
        if item["answer"] is None or _score(made, item["answer"], item) != 1.0:
            raise UsageError(f"reasoning-gym's task {task} does not score its own answer 1.0; leave it out of tasks")
        paid = max(_score(made, text, item) for text in GARBAGE)
        if paid > MOST_FOR_GARBAGE:
            raise UsageError(f"reasoning-gym's task {task} pays {paid:g} for garbage; leave it out of tasks")


def _gym() -> Any:
    try:
        import reasoning_gym
    except ImportError as error:
        raise UsageError(
            f"this needs reasoning-gym ({error.name} is missing): pip install 'perceptdata[gym]'"
        ) from error
    return reasoning_gym


def _create(task: str, settings: str, seed: int, rows: int) -> Any:
    """A task's items. Item `i` of a task is made from seed + i: seeds are spread so that neighbours share none."""
    gym = _gym()
    known = gym.factory.DATASETS
    if task not in known:
        raise UsageError(f"reasoning-gym {gym.__version__} has no task {task}; it has {', '.join(sorted(known))}")
    spread = int.from_bytes(hashlib.blake2b(f"{task}:{seed}".encode(), digest_size=8).digest()) >> 24
    try:
        return gym.create_dataset(task, seed=spread, size=rows, **json.loads(settings))
    except (TypeError, ValueError, AssertionError) as error:
        raise UsageError(f"reasoning-gym's task {task} refuses its settings {settings}: {error}") from None


@lru_cache(maxsize=128)
def _task(task: str, settings: str, seed: int, rows: int) -> Any:
    return _create(task, settings, seed, rows)


@lru_cache(maxsize=512)
def _item(task: str, settings: str, seed: int, rows: int, index: int) -> Mapping[str, Any]:
    """Kept a while: an item is made to be built, and again to see that its answer scores 1.0."""
    made: Mapping[str, Any] = _task(task, settings, seed, rows)[index]
    return made


def _score(task: Any, answer: str, item: Mapping[str, Any]) -> float:
    """0.0 for what a task's scorer cannot read: some let the error of a conversion out."""
    try:
        return min(1.0, max(0.0, float(task.score_answer(answer, item))))
    except (ValueError, TypeError, ArithmeticError, LookupError, SyntaxError, AttributeError):
        return 0.0


def _settings(settings: Mapping[str, Mapping[str, Any]], task: str) -> str:
    return canonical_json(dict(settings.get(task, {})))


def _plain(metadata: Any) -> dict[str, Any]:
    return plain_json({str(name): value for name, value in dict(metadata).items() if name != "difficulty"})
