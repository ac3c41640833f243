"""A folder that runs a suite on a checkpoint, by a harness in an environment of its own.

    made = write(suite("paper-b"), "runs/staged/model", Path("eval/staged"), Run(harness="vlmevalkit"))

    suite.json    what was asked for; `perceptdata eval import` reads it
    run.sh        one pass a sample, outputs/<sample>/; begun again, it goes on
    launch.py     VLMEvalKit only: adds the checkpoint's endpoint to its models, then starts its run.py
    README.md     what to install, to serve and to run, and what is not as in the paper

Nothing is run here, and nothing of a harness is imported. VLMEvalKit asks an endpoint (vLLM or LMDeploy); lmms-eval
loads the checkpoint itself.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from perceptdata import registry
from perceptdata.errors import UsageError
from perceptdata.evaluation.suites import Harness, Suite
from perceptdata.manifest import write_atomically

ASKED = "suite.json"
OUTPUTS = "outputs"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
ENDPOINT = "http://127.0.0.1:8000/v1/chat/completions"


@dataclass(frozen=True)
class Run:
    """How a suite is run: the harness, the model's name in files, the system prompt, and which benchmarks (all)."""

    harness: Harness = "vlmevalkit"
    name: str | None = None
    system: bool = True
    only: tuple[str, ...] = ()
    judge: str | None = None
    api: str = ENDPOINT


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
    texts = {ASKED: json.dumps(asked, ensure_ascii=False, indent=1), "README.md": _readme(asked, run)}
    if run.harness == "vlmevalkit":
        texts |= {"run.sh": _vlmevalkit(asked, run), "launch.py": _LAUNCH}
    else:
        texts |= {"run.sh": _lmms_eval(asked)}
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        write_atomically(folder / name, text.encode())
    (folder / "run.sh").chmod(0o755)
    return [folder / name for name in texts]


def _system(suite: Suite) -> str:
    name = suite.sampling.system
    return "" if name is None else str(registry.make("formats", name, {"place": "system"}).system)


_HEAD = """#!/usr/bin/env bash
# {suite} on {checkpoint}, by {harness}. Begun again, it goes on.
set -euo pipefail
here="$(cd "$(dirname "${{BASH_SOURCE[0]}}")" && pwd)"
"""


def _vlmevalkit(asked: dict[str, Any], run: Run) -> str:
    names = " ".join(shlex.quote(name) for name in asked["benchmarks"].values())
    judge = f" --judge {shlex.quote(run.judge)}" if run.judge else ""
    return (
        _HEAD.format(suite=asked["suite"], checkpoint=_comment(asked["checkpoint"]), harness="VLMEvalKit")
        + f""": "${{VLMEVALKIT:?name a checkout of VLMEvalKit, the folder of its run.py}}"
export LMDEPLOY_API_BASE="${{LMDEPLOY_API_BASE:-{run.api}}}"
export PRED_FORMAT=tsv   # a workbook's cell would lose answers of more than 32,767 characters
for sample in {_range(asked)}; do
  export PERCEPTDATA_SAMPLE="$sample"
  (cd "$VLMEVALKIT" && python "$here/launch.py" --data {names} \\
    --model {shlex.quote(asked["name"])} --work-dir "$here/{OUTPUTS}/$sample" --api-nproc 32 --reuse{judge} "$@")
done
"""
    )


_LAUNCH = '''"""Add the checkpoint's endpoint to VLMEvalKit's models, then start its run.py in this folder's place."""

import json
import os
import runpy
import sys
from functools import partial
from pathlib import Path

asked = json.loads((Path(__file__).parent / "suite.json").read_text("utf-8"))
sys.path.insert(0, os.getcwd())

from vlmeval.api import LMDeployAPI  # noqa: E402
from vlmeval.config import supported_VLM  # noqa: E402

drawn = asked["sampling"]
more = {"top_p": drawn["top_p"], "seed": drawn["seed"] + int(os.environ.get("PERCEPTDATA_SAMPLE", "0"))}
if drawn["top_k"] is not None:
    more["top_k"] = drawn["top_k"]
supported_VLM[asked["name"]] = partial(
    LMDeployAPI,
    api_base=os.environ["LMDEPLOY_API_BASE"],
    temperature=drawn["temperature"],
    max_tokens=drawn["max_tokens"],
    system_prompt=asked["system"] or None,
    timeout=600,
    retry=10,
    **more,
)
sys.argv[0] = "run.py"
runpy.run_path("run.py", run_name="__main__")
'''


def _lmms_eval(asked: dict[str, Any]) -> str:
    drawn = asked["sampling"]
    generation = {"temperature": drawn["temperature"], "top_p": drawn["top_p"], "max_new_tokens": drawn["max_tokens"]}
    if drawn["top_k"] is not None:
        generation["top_k"] = drawn["top_k"]
    if drawn["temperature"]:
        generation["do_sample"] = "True"
    kwargs = ",".join(f"{key}={value}" for key, value in generation.items())
    system = f" \\\n    --system_instruction {shlex.quote(asked['system'])}" if asked["system"] else ""
    return (
        _HEAD.format(suite=asked["suite"], checkpoint=_comment(asked["checkpoint"]), harness="lmms-eval")
        + f"""for sample in {_range(asked)}; do
  if compgen -G "$here/{OUTPUTS}/$sample/*/*_results.json" > /dev/null; then continue; fi
  python -m lmms_eval --model vllm \\
    --model_args {shlex.quote("model=" + asked["checkpoint"])}"${{MODEL_ARGS:+,$MODEL_ARGS}}" \\
    --tasks {shlex.quote(",".join(asked["benchmarks"].values()))} --batch_size 64 \\
    --gen_kwargs {shlex.quote(kwargs)} --seed "$(({drawn["seed"]} + sample))"{system} \\
    --log_samples --output_path "$here/{OUTPUTS}/$sample" "$@"
done
"""
    )


def _range(asked: dict[str, Any]) -> str:
    return " ".join(str(at) for at in range(asked["sampling"]["samples"]))


def _comment(text: str) -> str:
    return " ".join(text.split())


def _readme(asked: dict[str, Any], run: Run) -> str:
    rows = "\n".join(f"| {title} | `{name}` |" for title, name in asked["benchmarks"].items())
    drawn = asked["sampling"]
    missing = ", ".join(asked["missing"])
    if run.harness == "vlmevalkit":
        steps = (
            "1. In an environment of its own, install VLMEvalKit from its clone (open-compass); note the commit.\n"
            f"2. Serve the checkpoint: `vllm serve {shlex.quote(asked['checkpoint'])} --port 8000` in another "
            "environment; elsewhere, say so with `LMDEPLOY_API_BASE`.\n"
            "3. `VLMEVALKIT=/path/to/VLMEvalKit ./run.sh` (what follows goes to its run.py, such as `--judge NAME`)."
        )
    else:
        steps = (
            "1. In an environment of its own: `pip install lmms-eval vllm`; note the versions.\n"
            "2. `./run.sh` (what follows goes to lmms-eval; `MODEL_ARGS=tensor_parallel_size=4` adds to the model's)."
        )
    last = steps.count("\n") + 2
    return f"""# {asked["suite"]} on `{asked["checkpoint"]}`

{asked["paper"]}: {asked["harness"]}, {drawn["samples"]} answer(s) an item, temperature {drawn["temperature"]}, \
top-p {drawn["top_p"]}, top-k {drawn["top_k"]}, {drawn["max_tokens"]:,} new tokens.

{steps}
{last}. `perceptdata eval import FOLDER --to results/{asked["name"]}`, FOLDER being this one; with
   `--baseline results/OTHER` it compares.

| column | in {asked["harness"]} |
|---|---|
{rows}

{"Not in this harness: " + missing + "." if missing else "Every column of the table is here."}

What to know:

{_listed(asked["remarks"])}

This folder was generated and not run by us: neither a GPU harness nor these benchmarks were at hand. The names were
read in the harness's source.
"""


def _listed(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
