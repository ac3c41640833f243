"""Shape fixture: PRM800K with math_splits: a solved path, one with an error, an undecided one, an unfit problem."""

import json
from pathlib import Path
from typing import Any

REJECTED = {"prm800k.bad_problem": 1}


def said(text: str, rating: int | None, flagged: bool = False) -> dict[str, Any]:
    """A completion."""
    return {"text": text, "rating": rating, "flagged": flagged}


def step(*completions: dict[str, Any], chosen: int | None = None, human: str | None = None) -> dict[str, Any]:
    """A step with what was proposed, and what was taken."""
    written = None if human is None else {"text": human, "rating": None, "source": "human", "flagged": False}
    return {"completions": list(completions), "human_completion": written, "chosen_completion": chosen}


def line(asked: str, answer: str, ended: str, *steps: dict[str, Any], solution: str | None = None) -> dict[str, Any]:
    """A line of a phase file."""
    question: dict[str, Any] = {"problem": asked, "ground_truth_answer": answer}
    if solution:
        question["ground_truth_solution"] = solution
    return {
        "labeler": "one",
        "timestamp": "2022-07-01T00:00:00",
        "generation": 5,
        "is_quality_control_question": False,
        "is_initial_screening_question": ended == "give_up",
        "question": question,
        "label": {"steps": list(steps), "total_time": 1000, "finish_reason": ended},
    }


TRAINED, TESTED = "What is $3 \\cdot 4$?", "What is $6 \\cdot 7$?"
LINES = [
    line(
        TRAINED,
        "12",
        "solution",
        step(said("Guess 13.", -1), said("Add 4 three times.", 1), chosen=1),
        step(said("4+4+4 is 11.", -1), said("That is odd.", -1), human="4+4+4 = 12."),
        step(said("# Answer\n\n12", 1), chosen=0),
    ),
    line(
        TESTED,
        "42",
        "found_error",
        step(said("6 times 7 is 6 sevens.", 1), chosen=0),
        step(said("Six sevens are 44.", -1)),
        solution="Six sevens are 42.",
    ),
    line(TRAINED, "12", "give_up", step(said("Hm.", 0), said("Well.", 0))),
    line("Garbled", "0", "bad_problem"),
]
SPLITS = [
    {"problem": TRAINED, "solution": "$\\boxed{12}$", "answer": "12", "unique_id": "train/algebra/1.json"},
    {"problem": TESTED, "solution": "$\\boxed{42}$", "answer": "42", "unique_id": "test/algebra/2.json"},
]


def write(folder: Path) -> Path:
    (folder / "data").mkdir()
    (folder / "math_splits").mkdir()
    (folder / "data" / "phase2_train.jsonl").write_text("".join(json.dumps(each) + "\n" for each in LINES))
    (folder / "math_splits" / "train.jsonl").write_text("".join(json.dumps(each) + "\n" for each in SPLITS))
    return folder / "data"
