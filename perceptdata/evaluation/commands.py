"""A folder that runs a suite on a checkpoint, by a harness in an environment of its own.

    made = write(suite("paper-b"), "runs/staged/model", Path("eval/staged"), Run(harness="vlmevalkit"))

    suite.json    what was asked for; `perceptdata eval import` reads it
    run.sh        one pass a sample, outputs/<sample>/; begun again, it goes on
    launch.py     starts the harness, with what its options do not reach (`launchers`)
    README.md     what to install, to serve and to run, and what is not as in the paper

Nothing is run here, and nothing of a harness is imported. VLMEvalKit asks an endpoint (vLLM or LMDeploy); lmms-eval
loads the checkpoint itself.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from perceptdata import registry
from perceptdata.errors import UsageError
from perceptdata.evaluation import launchers
from perceptdata.evaluation.readme import readme
from perceptdata.evaluation.suites import Harness, Suite
from perceptdata.manifest import write_atomically

ASKED = "suite.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Run:
    """How a suite is run: the harness, the model's name in files, the system prompt, and which benchmarks (all)."""

    harness: Harness = "vlmevalkit"
    name: str | None = None
    system: bool = True
    only: tuple[str, ...] = ()
    judge: str | None = None


def plan(suite: Suite, checkpoint: str, run: Run) -> dict[str, Any]:
    """What `suite.json` holds. Raises UsageError for a benchmark that the suite or the harness has not."""
    names = suite.names(run.harness)
    if Path(checkpoint).exists():
        checkpoint = str(Path(checkpoint).resolve())  # the harness runs elsewhere
    if run.only:
        strange = [title for title in run.only if title not in {each.title for each in suite.benchmarks}]
        if strange:
            titles = ", ".join(each.title for each in suite.benchmarks)
            raise UsageError(f"{suite.name} has no benchmark '{strange[0]}'; it has {titles}")
        gone = [title for title in run.only if title not in names]
        if gone:
            raise UsageError(f"{run.harness} has no '{gone[0]}'; leave it out, or use the other harness")
        names = {title: name for title, name in names.items() if title in run.only}
    name = run.name or re.sub(r"[^A-Za-z0-9._-]+", "-", checkpoint.rstrip("/").split("/")[-1])
    if not NAME.fullmatch(name):
        raise UsageError(f"'{name}' cannot name a model in file names; say --name with letters, digits, '.', '-', '_'")
    return {
        "suite": suite.name,
        "paper": suite.paper,
        "checkpoint": checkpoint,
        "name": name,
        "harness": run.harness,
        "benchmarks": names,
        "parts": {} if run.harness != "vlmevalkit" else _parts(suite, names),
        "only": list(run.only),
        "missing": suite.missing(run.harness),
        "sampling": asdict(suite.sampling),
        "system": _system(suite) if run.system else "",
        "judge": run.judge,
        "remarks": list(suite.remarks),
    }


def write(suite: Suite, checkpoint: str, folder: Path, run: Run) -> list[Path]:
    """Leave the files, and return them. Raises UsageError where the folder holds another suite or checkpoint."""
    asked = plan(suite, checkpoint, run)
    before = folder / ASKED
    if before.exists() and (held := json.loads(before.read_text("utf-8"))) != asked:
        other = [key for key in asked if held.get(key) != asked[key]]
        raise UsageError(f"{folder} holds an evaluation with another {', '.join(other)}; name another folder with --to")
    programs = launchers.vlmevalkit(asked) if run.harness == "vlmevalkit" else launchers.lmms_eval(asked)
    texts = {ASKED: json.dumps(asked, ensure_ascii=False, indent=1), "README.md": readme(asked), **programs}
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        write_atomically(folder / name, text.encode())
    (folder / "run.sh").chmod(0o755)
    return [folder / name for name in texts]


def _parts(suite: Suite, names: dict[str, str]) -> dict[str, list[str]]:
    """Column and value of the rows that count, by the benchmark's name in VLMEvalKit."""
    wanted = {each.title: each.part for each in suite.benchmarks if each.part is not None}
    return {name: list(wanted[title]) for title, name in names.items() if title in wanted}


def _system(suite: Suite) -> str:
    name = suite.sampling.system
    return "" if name is None else str(registry.make("formats", name, {"place": "system"}).system)
