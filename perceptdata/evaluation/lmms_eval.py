"""A folder of lmms-eval's, read item by item.

    found = read(Path("logs/org__model"), metric={"mathvista_testmini_cot": "llm_as_judge_eval"})

`<date>_samples_<task>.jsonl` has one document a line: `doc_id`, `doc`, `target`, `resps`, `filtered_resps`, and each
metric by its name, a number or an object that holds one. `<date>_results.json` has the totals. Of several dates of a
task the newest counts. The file is opened to append, so a run that was begun twice may write a document twice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from perceptdata.comparison.results import state_of
from perceptdata.errors import UsageError
from perceptdata.evaluation.sheets import text
from perceptdata.evaluation.verdicts import number
from perceptdata.evaluation.vlmevalkit import Benchmark
from perceptdata.manifest import digest

SAMPLES = re.compile(r"(?P<date>\d{8}_\d{6}|\d{4}[-\d T:.]*?)_samples_(?P<task>.+)\.jsonl")
OWN = {
    *("doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "doc_hash", "prompt_hash", "target_hash"),
    *("input", "input_media", "token_counts", "task", "split", "submission"),
}
PLAIN = ("exact_match", "acc", "accuracy", "acc_score", "average", "relaxed_overall", "score")
WORTH = ("score", "scores", "correct", "is_correct", "true_false", "hit", "acc", "accuracy")
DECIDES = {
    "dynamath_reasoning": "dynamath_average",
    "mathvision_test": "mathvision_standard_eval",
    "mathvision_testmini": "mathvision_standard_eval",
    "vstar_bench": "vstar_overall_acc",
}
"""The metric that is meant, for tasks of the suites that have several."""
READ = ("prediction", "extraction", "parsed_pred", "pred_parsed", "extracted_answer")
NOTHING = "cannot find answer"
NO_DOCUMENT = sha256(b"null").hexdigest()
"""What 0.7.3 writes as `doc_hash` of every document: it hashes a request that no longer has one."""


def samples(folder: Path) -> dict[str, list[Path]]:
    """The files of each task under a folder, the newest last."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*_samples_*.jsonl"), key=lambda path: (path.name, str(path))):
        if (named := SAMPLES.fullmatch(path.name)) is not None:
            found.setdefault(named["task"], []).append(path)
    return found


def read(folder: Path, metric: Mapping[str, str] | None = None) -> dict[str, Benchmark]:
    """Every task under a folder. `metric` names, by task, which of several decides. Raises UsageError without it."""
    found = {}
    for task, paths in samples(folder).items():
        made = _task(task, paths[-1], (metric or {}).get(task))
        if len(paths) > 1:
            made.notes.append(f"{task}: {len(paths)} runs; the newest counts ({paths[-1].name})")
        found[task] = made
    return found


def _task(task: str, path: Path, wanted: str | None) -> Benchmark:
    rows: dict[str, dict[str, object]] = {}
    name, twice, bad = wanted, 0, 0
    for line in _lines(path):
        if line is None:
            bad += 1
            continue
        name = name or _metric(task, line)
        if name not in line:
            raise UsageError(f"{path}: document {line['doc_id']} has no metric '{name}'; it has {_metrics(line)}")
        row = _row(task, line, line[name])
        twice += row["item"] in rows
        rows[str(row["item"])] = row
    if not rows:
        raise UsageError(f"{path} holds no documents; run lmms-eval with --log_samples")
    notes = []
    if twice:
        notes.append(f"{task}: {twice:,} documents stand twice in {path.name}; the later line counts")
    if bad:
        notes.append(f"{task}: {bad:,} lines of {path.name} are cut off or no document")
    official = _official(path, task, name or "")
    return Benchmark(task, list(rows.values()), official, [path], notes)


def _lines(path: Path) -> Iterator[dict[str, Any] | None]:
    """Each line's document; None for a line that is none."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            if not line.strip():
                continue
            try:
                made = json.loads(line)
            except ValueError:
                made = None
            yield made if isinstance(made, dict) and "doc_id" in made else None


def _metric(task: str, line: Mapping[str, Any]) -> str:
    """The metric that says whether an answer is right, where only one can be meant."""
    if task in DECIDES and DECIDES[task] in line:
        return DECIDES[task]
    there = [name for name in line if name not in OWN and _worth(line[name]) is not None]
    for known in PLAIN:
        if known in there:
            return known
    likely = [name for name in there if name.endswith(("_acc", "_accuracy", "_eval", "_match", "_score"))]
    likely = [name for name in likely if not name.endswith("f1_score")]
    accurate = [name for name in likely if name.endswith(("_acc", "_accuracy"))]
    for chosen in (accurate, likely, there):
        if len(chosen) == 1:
            return chosen[0]
    raise UsageError(f"{task} has several metrics ({_metrics(line)}); say which decides with --metric {task}=NAME")


def _metrics(line: Mapping[str, Any]) -> str:
    return ", ".join(name for name in line if name not in OWN) or "none"


def _worth(value: Any) -> float | None:
    """What a metric says an answer is worth: itself, or what its object holds."""
    if isinstance(value, bool | int | float):
        return float(value)
    if isinstance(value, str):
        return number(value)
    if isinstance(value, list):
        each = [_worth(part) for part in value]
        known = [part for part in each if part is not None]
        return sum(known) / len(known) if known and len(known) == len(each) else None
    if isinstance(value, Mapping):
        for name in WORTH:
            if name in value and (found := _worth(value[name])) is not None:
                return found
        if "parsed_pred" in value and "answer" in value:  # MMMU's: one answer or a list of right ones
            right = value["answer"] if isinstance(value["answer"], list) else [value["answer"]]
            said = value["parsed_pred"] if isinstance(value["parsed_pred"], list) else [value["parsed_pred"]]
            return float(any(str(each) in {str(gold) for gold in right} for each in said))
    return None


def _row(task: str, line: Mapping[str, Any], metric: Any) -> dict[str, object]:
    value = _worth(metric)
    if value is not None and value > 1:
        value = value / 100 if value <= 100 else None
    found = line.get("doc")
    doc: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    said = _said(line)
    detail = metric if isinstance(metric, Mapping) else {}
    extracted = next((text(detail[name]) for name in READ if name in detail), "")
    # What was read is empty though the metric names it, or the model said nothing.
    found_none = not said.strip() or detail.get("note") == NOTHING
    unread = found_none or any(name in detail and detail[name] in (None, "", []) for name in READ)
    state = "unparsed" if unread and value is not None else state_of(value)
    asked = text(doc.get("question") or doc.get("query") or line.get("input") or "")
    answer = text(line.get("target"))
    hashed = str(line.get("doc_hash") or "")
    if hashed in ("", NO_DOCUMENT):
        # Without its document the question is known only as it was put, which may be otherwise to another model.
        hashed = digest(asked, answer) if doc else digest(answer)
    return {
        "benchmark": task,
        "item": str(line["doc_id"]),
        "check": hashed[:16],
        "group": None,
        "value": 0.0 if state == "unparsed" else value,
        "state": state,
        "question": asked,
        "answer": answer,
        "said": said,
        "extracted": extracted,
    }


def _said(line: Mapping[str, Any]) -> str:
    """What the model wrote: the response before filters, or after them where only those were kept."""
    found = line.get("resps") or line.get("filtered_resps") or ""
    while isinstance(found, list) and found:
        found = found[0]
    return found if isinstance(found, str) else text(found) if found else ""


def _official(path: Path, task: str, metric: str) -> float | None:
    """The total that the results file of the same date prints for this metric."""
    date = path.name.partition("_samples_")[0]
    results = path.with_name(f"{date}_results.json")
    if not results.exists():
        return None
    try:
        said = json.loads(results.read_text("utf-8")).get("results", {}).get(task, {})
    except ValueError:
        return None
    for name, value in said.items():
        if name.partition(",")[0] == metric and isinstance(value, int | float):
            return value / 100 if value > 1 else float(value)
    return None
