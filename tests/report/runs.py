"""The folder of a training run, as `perceptdata train` leaves it, with texts that are up to no good."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

SAID = "<description>a red square</description><think>so it is 1</think>\n\\boxed{1}"
PARTS = ("a red square", "so it is 1", "\\boxed{1}")


def write_lines(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), "utf-8")


def record(**more: Any) -> dict[str, Any]:
    """run.json, as it is from the first step on."""
    return {
        "method": "pgpo",
        "options": {"format": {"use": "describe_think_boxed"}, "steps": 40, "alpha": 0.3},
        "view": "ab" * 32,
        "model": "cd" * 32,
        "source": "Qwen3-VL-8B",
        "versions": {"torch": "2.13.0"},
        "started": "2026-11-20T13:00:00+00:00",
        "steps": 40,
        "rows": 110,
        "rejected": {"prompt.too_long": 2, "text.missing": 1},
        "trained": {"parameters": 1000, "of": 2000},
        **more,
    }


def sample(step: int, response: str = SAID, weighed: bool = True, **more: Any) -> dict[str, Any]:
    """A line of samples.jsonl; every token of four characters weighs one more than that before it."""
    spans = [(response.index(part), part) for part in PARTS if part in response]
    weights = [[at, min(at + 4, len(response)), at / 4] for at in range(0, len(response), 4)]
    labels = ("description", "think", "answer")
    return {
        "step": step,
        "row": f"cards/train/{step:02d}",
        "question": "<image>What is it?",
        "answer": "1",
        "response": response,
        "invalid": None,
        "spans": [[at, at + len(part), label] for (at, part), label in zip(spans, labels, strict=False)],
        "rewards": {
            "outcome": {"value": 1.0, "reason": None},
            "perception": {"value": None, "reason": "no_scene"},
        },
        "advantage": -0.5,
        "tokens": len(weights),
        "weights": weights if weighed else None,
        **more,
    }


def metrics(step: int) -> dict[str, Any]:
    """A line of metrics.jsonl."""
    measured = {"probe/perception": 0.25, "probe/outcome/within": 0.4, "probe/perception/within": 0.7}
    return {
        "step": step,
        "epoch": step / 40,
        "seconds": 20.0 * step,
        "loss": 1 / step,
        "rewards/outcome/mean": 0.5,
        "rewards/perception/mean": None if step == 2 else 0.2,
        "pgpo/weight_max": 9.0,
        "pgpo/weight_median": 0.5,
        "entropy": 1.2,
        "odd/number": 3.0,
        "never": None,
        "tokens_per_second": 5000.0,
        **(measured if step % 10 == 0 else {}),
    }


def fill(out: Path, hostile: str = "") -> Path:
    """A run that stands at step 30 of 40."""
    out.mkdir(parents=True)
    (out / "run.json").write_text(json.dumps(record()))
    write_lines(out / "metrics.jsonl", (metrics(step) for step in range(1, 31)))
    last = sample(30, hostile or SAID, weighed=False, question=hostile or "?", invalid="tag_missing")
    write_lines(out / "samples.jsonl", [*(sample(step) for step in range(1, 30)), last])
    rejects = [{"id": f"bad-{at}", "code": "prompt.too_long", "message": hostile or "too long"} for at in range(2)]
    write_lines(out / "rejects.jsonl", [*rejects, {"id": "bad-2", "code": "text.missing", "message": "no response"}])
    return out
