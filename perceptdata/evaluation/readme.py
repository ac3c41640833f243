"""What a person reads who runs a written folder: what to install and serve, who judges, what is not as in the paper."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from perceptdata.evaluation import launchers


def readme(asked: dict[str, Any]) -> str:
    """The folder's README.md, from what `suite.json` holds."""
    rows = "\n".join(f"| {title} | `{name}` |" for title, name in asked["benchmarks"].items())
    drawn = asked["sampling"]
    steps, judged = _vlmevalkit(asked) if asked["harness"] == "vlmevalkit" else _lmms_eval(asked)
    steps.append(
        f"`perceptdata eval import FOLDER --to results/{asked['name']}`, FOLDER being this one; with "
        "`--baseline results/OTHER` it compares."
    )
    numbered = "\n".join(f"{at}. {step}" for at, step in enumerate(steps, 1))
    return f"""# {asked["suite"]} on `{asked["checkpoint"]}`

{asked["paper"]}: {asked["harness"]}, {drawn["samples"]} answer(s) an item, temperature {drawn["temperature"]}, \
top-p {drawn["top_p"]}, top-k {drawn["top_k"] or "none"}, {drawn["max_tokens"]:,} new tokens, {_pixels(drawn)}, \
{"the system prompt in `suite.json`" if asked["system"] else "no system prompt"}.

{numbered}

Who judges: {judged}

| column | in {asked["harness"]} |
|---|---|
{rows}

{_gaps(asked)}

What to know:

{_listed(asked["remarks"])}

This folder was generated. We did not run it on a GPU or on these benchmarks; names were read in the harness's source.
"""


def _vlmevalkit(asked: dict[str, Any]) -> tuple[list[str], str]:
    drawn = asked["sampling"]
    options = [
        f"vllm serve {shlex.quote(asked['checkpoint'])} --port 8000 --data-parallel-size 8",
        f"--max-model-len {drawn['context']} --generation-config vllm",
        "--limit-mm-per-prompt '{\"image\": 16}'",
    ]
    if drawn["max_pixels"] is not None:
        options.append(f"--mm-processor-kwargs {shlex.quote(launchers.pixels(drawn))}")
    serve = " \\\n     ".join(options)
    steps = [
        "In an environment of its own: `pip install ms-vlmeval==0.0.20`, or a clone of VLMEvalKit as new, named by "
        "`VLMEVALKIT`; note the version.",
        f"Serve the checkpoint, in another environment (8 GPUs; a model that one GPU does not hold takes "
        f"`--tensor-parallel-size`):\n\n   ```\n   {serve}\n   ```\n\n"
        "   `--generation-config vllm` leaves out penalties and cuts that the checkpoint's own file would add. "
        "Elsewhere, say where: `LMDEPLOY_API_BASE=http://host:8000/v1/chat/completions`; under another name: "
        "`SERVED_NAME`.",
        "`./run.sh` (what follows goes to VLMEvalKit, such as `--api-nproc 512`, or the judge's options below).",
    ]
    chosen = f"`{asked['judge']}`." if asked["judge"] else "VLMEvalKit's own choice for each benchmark, a hosted model."
    judged = (
        f"{chosen} It is asked with `OPENAI_API_KEY`, or anywhere with `./run.sh --judge NAME --judge-base-url "
        "http://host:8001/v1 --judge-key KEY`. Without one that works, choices and yes-or-no are matched literally, "
        "and MathVista, MathVision, MathVerse, DynaMath, LogicVista and MM-Vet fail."
    )
    return steps, judged


def _lmms_eval(asked: dict[str, Any]) -> tuple[list[str], str]:
    steps = [
        "In an environment of its own: `pip install lmms-eval==0.7.3 vllm`; note the versions.",
        "`./run.sh` on one GPU; on eight, `LAUNCH='torchrun --nproc-per-node 8' MODEL_ARGS=data_parallel_size=8 "
        "./run.sh`, or `MODEL_ARGS=tensor_parallel_size=8 ./run.sh` for a model that one does not hold. What follows "
        "`./run.sh` goes to lmms-eval.",
    ]
    told = "a hosted model of lmms-eval's choice, another with `MODEL_VERSION=NAME`. "
    if asked["judge"]:
        told = f"`{asked['judge']}` (`MODEL_VERSION` in `run.sh`). "
    judged = (
        f"{told}It is asked with `API_TYPE=openai`, `OPENAI_API_KEY` and `OPENAI_API_URL` for MathVista, MathVerse and "
        "MM-Vet; the other columns are matched by rules."
    )
    return steps, judged


def _gaps(asked: dict[str, Any]) -> str:
    told = [f"Not in this harness: {', '.join(asked['missing'])}."] if asked["missing"] else []
    if asked["only"]:
        told.append("Other columns of the table were not asked for.")
    return " ".join(told or ["Every column of the table is here."])


def _pixels(drawn: dict[str, Any]) -> str:
    if drawn["max_pixels"] is None:
        return "pictures as the checkpoint's processor has them"
    return f"pictures of {drawn['min_pixels']:,} to {drawn['max_pixels']:,} pixels"


def _listed(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
