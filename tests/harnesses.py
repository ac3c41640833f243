"""Result files as the harnesses write them: names, columns and marks as in ms-vlmeval 0.0.20 and lmms-eval 0.7.3."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

MODEL = "base"


def table(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """As pandas writes csv and tsv for VLMEvalKit: every cell quoted, nothing for NaN."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(
            file, list(rows[0]), delimiter="\t" if path.suffix == ".tsv" else ",", quoting=csv.QUOTE_ALL
        )
        writer.writeheader()
        writer.writerows(rows)
    return path


def vlmevalkit(
    root: Path, model: str = MODEL, right: frozenset[int] = frozenset({0, 1, 2}), day: str = "20261101"
) -> Path:
    """Five benchmarks of five kinds of table, in the run's folder."""
    run = root / model / f"T{day}_G0123abcd"
    choices = [
        {
            "index": at,
            "question": f"Which is number {at}?\nLook closely.",
            "A": "one",
            "B": "two",
            "answer": "A",
            "category": "instance reasoning",
            "prediction": "A" if at in right else "I see\tmany things",
        }
        for at in range(6)
    ]
    table(run / f"{model}_MMStar.tsv", choices)
    logs = {3: "Match Log: B. ", 4: "Failed in Prefetch, no GPT-based answer matching under `exact_matching` policy."}
    guess = "Match Log: Failed to predict, thus randomly generate one. . "
    judged = [
        {**row, "hit": int(row["index"] in right or row["index"] == 5), "log": logs.get(row["index"], "Match Log: A. ")}
        for row in choices
    ]
    judged[5]["log"] = guess
    table(run / f"{model}_MMStar_exact_matching_result.tsv", judged)
    table(run / f"{model}_MMStar_acc.csv", [{"split": "none", "Overall": 4 / 6, "instance reasoning": 4 / 6}])
    (run / f"{model}_MMStar_exact_matching_result.pkl").write_bytes(b"cos\nsystem\n(S'touch /tmp/pwned'\ntR.")

    pope = [
        {"index": at, "question": "Is there a dog?", "answer": "Yes", "category": "random", "prediction": said}
        for at, said in enumerate(["Yes", "No", "Yes.", "A cat", "Failed to obtain answer via API."])
    ]
    table(run / f"{model}_POPE.tsv", pope)
    extracted = ["Yes", "No", "Yes", "Unknown", "Unknown"]
    table(
        run / f"{model}_POPE_auxmatch.tsv",
        [{**row, "extracted": e, "score": e == row["answer"]} for row, e in zip(pope, extracted, strict=True)],
    )
    table(
        run / f"{model}_POPE_score.csv",
        [{"split": "Overall", "Overall": 57.1, "acc": 40.0, "precision": 100, "recall": 40}],
    )

    verse = [
        {
            "index": at,
            "question": "Find x.",
            "answer": "B",
            "metadata": "{'problem_version': 'Vision Only'}",
            "prediction": "So it is B",
        }
        for at in range(3)
    ]
    for name in ("MathVerse_MINI", "MathVerse_MINI_Vision_Only"):
        table(run / f"{model}_{name}.tsv", verse)
        extract = [{**row, "log_extract": "Succeed", "extract": "B"} for row in verse]
        extract[1] |= {"log_extract": "Try 0: …\nAll 5 retries failed.\n", "extract": ""}
        table(run / f"{model}_{name}_judge_extract.tsv", extract)
        scored = [{**row, "log_score": "Succeed", "score": row["index"] != 1} for row in extract]
        scored[2] |= {"log_score": "All 5 retries failed.\n", "score": False}
        table(run / f"{model}_{name}_judge_score.tsv", scored)
        table(
            run / f"{model}_{name}_judge_score_score.csv",
            [{"": "average", "accuracy": 33.33, "correct": 1, "total": 3}],
        )

    vista = [
        ("multi_choice", "text", "['3/11', '8/11']", "8/11", "B", "B"),
        ("free_form", "integer", "", "14", "", "14"),
        ("free_form", "float", "", "1.45", "", "1.4"),
        ("free_form", "integer", "", "7", "", ""),
    ]
    names = ("question_type", "answer_type", "choices", "answer", "answer_option", "res")
    rows = [
        {
            "index": at,
            "question": "How many?",
            **dict(zip(names[:-1], one, strict=False)),
            "task": "geometry",
            "prediction": "…",
        }
        for at, one in enumerate(vista)
    ]
    table(run / f"{model}_MathVista_MINI.tsv", rows)
    log = ["Prefetch succeed", "Succeed", "Succeed", "All 5 retries failed.\n"]
    table(
        run / f"{model}_MathVista_MINI_judge.tsv",
        [{**row, "res": one[-1], "log": said} for row, one, said in zip(rows, vista, log, strict=True)],
    )
    table(
        run / f"{model}_MathVista_MINI_judge_score.csv",
        [
            {"Task&Skill": name, "tot": 4, "prefetch": 1, "hit": 2, "prefetch_rate": 25.0, "acc": 50.0}
            for name in ("Overall", "geometry")
        ],
    )

    dyna = [
        {"index": at, "question": "f(2)?", "answer": "4.000", "answer_type": "float", "prediction": "{}"}
        for at in range(3)
    ]
    table(run / f"{model}_DynaMath.tsv", dyna)
    table(
        run / f"{model}_DynaMath_judge.tsv",
        [
            {**row, "parse": at < 2, "extracted": 4.0 if at < 2 else "", "correct": at == 0}
            for at, row in enumerate(dyna)
        ],
    )
    table(
        run / f"{model}_DynaMath_judge_score.csv",
        [{"Setting": "Average", "Overall": 1 / 3}, {"Setting": "Worst Case", "Overall": 0.0}],
    )
    (run / "status.json").write_text(json.dumps({"datasets": {}}))
    return root


def lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """As lmms-eval's tracker appends them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def lmms_eval(root: Path, date: str = "20261101_120000") -> Path:
    """Four tasks whose metrics are objects, numbers, and an answer beside what was read."""
    run = root / "org__base"

    def line(at: int, said: str, target: str, **metrics: Any) -> dict[str, Any]:
        return {
            "doc_id": at,
            "doc": {"question": f"What is {at}?"},
            "target": target,
            "filtered_resps": said,
            "doc_hash": f"{at:064x}",
            "input": f"What is {at}? Answer the question using a single word or phrase.",
            **metrics,
        }

    def pope(at: int, said: str) -> dict[str, Any]:
        found = {"question_id": at, "score": float(said == "yes"), "prediction": said, "ground_truth": "yes"}
        return line(
            at, said, "yes", pope_accuracy=found, pope_precision=found, pope_f1_score=found, pope_yes_ratio=found
        )

    lines(run / f"{date}_samples_pope.jsonl", [pope(0, "yes"), pope(1, "no"), pope(2, "")])
    star = [
        line(at, "A" if at else "B", "A", **{"math": {"score": float(at > 0)}, "average": {"score": float(at > 0)}})
        for at in range(4)
    ]
    lines(run / f"{date}_samples_mmstar.jsonl", star)
    vista = [
        line(
            at,
            "…",
            "14",
            llm_as_judge_eval={"extraction": read, "prediction": read, "true_false": read == "14"},
            submission={"true_false": False},
        )
        for at, read in enumerate(["14", "15", ""])
    ]
    lines(run / f"{date}_samples_mathvista_testmini_cot.jsonl", vista)
    mmmu = [
        line(at, said, "B", mmmu_acc={"id": at, "answer": "B", "parsed_pred": said}) for at, said in enumerate("BA")
    ]
    lines(run / f"{date}_samples_mmmu_val.jsonl", mmmu)
    vision = [
        line(at, "…", "4", mathvision_standard_eval={"response": ["…"], "scores": [at == 0]}, other_eval=0.0)
        for at in range(2)
    ]
    lines(run / f"{date}_samples_mathvision_testmini.jsonl", vision)
    lost = {"question_id": 0, "l2_category": "Motion", "score": 0, "note": "cannot find answer"}
    lines(run / f"{date}_samples_mmsi_bench.jsonl", [line(0, "Hm.", "B", **{"Motion (Cam.)": lost, "average": lost})])
    results = {
        "pope": {"alias": "pope", "pope_accuracy,none": 1 / 3},
        "mmstar": {"average,none": 0.75, "average_stderr,none": "N/A"},
    }
    (run / f"{date}_results.json").write_text(json.dumps({"results": results, "model_name": "org/base"}))
    return root
