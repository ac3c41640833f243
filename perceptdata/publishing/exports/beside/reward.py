"""What a rollout is worth, for TRL, ms-swift, verl and EasyR1; written beside an export by perceptdata.

By default our checkers score here, from the row's own `gold` column (perceptdata must be installed). With the address
of `perceptdata rewards serve` in PERCEPTDATA_REWARDS (and its token in PERCEPTDATA_REWARDS_TOKEN), that server is asked
instead, which nothing but Python itself is needed for: surrogates and certified captions are only there. Rows of your
own, not of an export, need no `gold` then: verl's `extra_info` holds `id`, the example's id.

A rollout that was not scored is None, which TRL and ms-swift leave out. verl and EasyR1 have no place for that: there
it gets the mean of its group, or of what this process has scored so far, so that it pulls the policy nowhere.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

FORMAT: dict[str, Any] = {"use": "think_boxed"}
"""The response format that the prompts ask for; the export writes its own here."""
WEIGHTS: dict[str, float] = {"outcome": 0.9, "format": 0.1}
"""Without a server: what each reward weighs; `perception` and `perception_dense` exist for synthetic families."""
_so_far = [0.0, 0]


def scores(golds: Sequence[Mapping[str, Any]], responses: Sequence[str], **weights: float) -> list[dict[str, Any]]:
    """One a response: `total`, None where it was not scored, and `parts`."""
    url = os.environ.get("PERCEPTDATA_REWARDS")
    if url is None:
        score = importlib.import_module("perceptdata.publishing.exports.gold").score
        found: list[dict[str, Any]] = score(golds, responses, FORMAT, weights or WEIGHTS)
        return found
    headers = {"Content-Type": "application/json"}
    if "PERCEPTDATA_REWARDS_TOKEN" in os.environ:
        headers["Authorization"] = f"Bearer {os.environ['PERCEPTDATA_REWARDS_TOKEN']}"
    pairs = zip(golds, responses, strict=True)
    body = json.dumps([{"example_id": gold["id"], "response": text} for gold, text in pairs]).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{url}/score", body, headers), timeout=600) as answer:
        answered: list[dict[str, Any]] = json.load(answer)
    return answered


def gold_of(text: str, facts: str | None = None) -> dict[str, Any]:
    """The gold record of a row. Raises ValueError for anything else, such as an answer alone."""
    gold = json.loads(text) if text.startswith("{") else None
    if not isinstance(gold, dict) or "id" not in gold:
        raise ValueError(f"{text[:60]!r} is no gold record; export with ground_truth=record to use this reward")
    return {**gold, "facts": facts} if facts else gold


def told_of(info: Mapping[str, Any]) -> dict[str, Any]:
    """What verl's `extra_info` says of a row: its gold record, or its id alone, which is enough for a server.

    Raises ValueError where it says less than is needed.
    """
    if info.get("gold"):
        return gold_of(info["gold"], info.get("facts"))
    if not info.get("id") or "PERCEPTDATA_REWARDS" not in os.environ:
        raise ValueError(
            "extra_info needs `gold`, as an export writes it; or `id`, with a server in PERCEPTDATA_REWARDS"
        )
    return {"id": info["id"]}


def filled(found: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
    """Numbers alone: `score`, each part (-1 where it was not scored), and `scored`, which is 0 for a filled one.

    Raises RuntimeError where nothing was ever scored: such a run teaches nothing.
    """
    groups: dict[str, list[float]] = {}
    for each in found:
        if each["total"] is not None:
            groups.setdefault(each["example_id"], []).append(each["total"])
            _so_far[0] += each["total"]
            _so_far[1] += 1
    if not _so_far[1]:
        raise RuntimeError(f"no rollout was scored: {found[0] if found else 'there is none'}")
    made = []
    for each in found:
        known = groups.get(each["example_id"], [])
        mean = sum(known) / len(known) if known else _so_far[0] / _so_far[1]
        parts = {name: -1.0 if value is None else value for name, value in each["parts"].items()}
        scored = each["total"] is not None
        made.append({"score": each["total"] if scored else mean, "scored": float(scored), **parts})
    return made


def for_verl(
    data_source: Any = None,
    solution_str: Any = None,
    ground_truth: Any = None,
    extra_info: Any = None,
    *,
    data_sources: Any = None,
    solution_strs: Any = None,
    ground_truths: Any = None,
    extra_infos: Any = None,
    reward_router_address: Any = None,
    reward_model_tokenizer: Any = None,
    **weights: float,
) -> Any:
    """verl: one rollout (its reward loop, 0.7 and later) or all of a batch (the earlier `batch` manager)."""
    if solution_strs is None:
        return filled(scores([told_of(extra_info)], [solution_str], **weights))[0]
    return filled(scores([told_of(info) for info in extra_infos], list(solution_strs), **weights))


def for_easyr1(reward_inputs: Any, **weights: float) -> Any:
    """EasyR1, `reward_type: batch`: its reward sees the response and the ground truth, so that one is the record."""
    golds = [gold_of(each["ground_truth"]) for each in reward_inputs]
    found = filled(scores(golds, [each["response"] for each in reward_inputs], **weights))
    return [{"overall": each.pop("score"), **each} for each in found]


def for_trl(completions: Any, gold: Any, facts: Any = None, **columns: Any) -> list[float | None]:
    """TRL: columns of the data set reach a reward by their names."""
    texts = [text if isinstance(text, str) else "".join(_texts(text)) for text in completions]
    golds = [gold_of(one, fact) for one, fact in zip(gold, facts or [None] * len(texts), strict=True)]
    return [each["total"] for each in scores(golds, texts)]


def _texts(turns: Any) -> list[str]:
    """What a conversational completion says: content is text, or blocks of it."""
    parts = [
        part for turn in turns for part in ([turn["content"]] if isinstance(turn["content"], str) else turn["content"])
    ]
    return [part if isinstance(part, str) else part.get("text") or "" for part in parts]


def for_swift(swift_rewards: Any) -> Any:
    """ms-swift: registered as `perceptdata`, for `--reward_funcs perceptdata`."""

    def call(self: Any, completions: Any, gold: Any, facts: Any = None, **columns: Any) -> list[float | None]:
        return for_trl(completions, gold, facts)

    made = type("PerceptData", (swift_rewards.ORM,), {"__call__": call})
    swift_rewards.orms["perceptdata"] = made
    return made


if "swift" in sys.modules:  # it loads this file by --external_plugins
    for_swift(importlib.import_module("swift.rewards"))
