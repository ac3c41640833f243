"""The programs that a written folder holds: `run.sh`, and `launch.py` for either harness.

They run in the harness's environment, where perceptdata is not, and so import nothing of it. What a harness cannot be
told by its options, `launch.py` tells it: the endpoint and its sampling (VLMEvalKit), the system prompt and a seed for
each request (lmms-eval, whose options for these do not reach its vLLM model), and that an answer stands in the last
box behind the thought. Read in ms-vlmeval 0.0.20 and lmms-eval 0.7.3.
"""

from __future__ import annotations

import json
import shlex
from typing import Any

OUTPUTS = "outputs"
ENDPOINT = "http://127.0.0.1:8000/v1/chat/completions"


def vlmevalkit(asked: dict[str, Any]) -> dict[str, str]:
    """`run.sh` and `launch.py` for VLMEvalKit, which asks an endpoint."""
    names = " ".join(shlex.quote(name) for name in asked["benchmarks"].values())
    judge = f" --judge {shlex.quote(asked['judge'])}" if asked["judge"] else ""
    split = "export SPLIT_THINK=True   # the judge reads the answer, not the thought\n" if asked["system"] else ""
    run = f"""{_head(asked, "VLMEvalKit")}export LMDEPLOY_API_BASE="${{LMDEPLOY_API_BASE:-{ENDPOINT}}}"
export PRED_FORMAT=tsv   # a workbook's cell would lose answers of more than 32,767 characters
{split}if [ -n "${{VLMEVALKIT:-}}" ]; then cd "$VLMEVALKIT"; fi   # a clone instead of what is installed
for sample in {_samples(asked)}; do
  export PERCEPTDATA_SAMPLE="$sample"
  python "$here/launch.py" --data {names} \\
    --model {shlex.quote(asked["name"])} --work-dir "$here/{OUTPUTS}/$sample" \\
    --api-nproc 128 --judge-api-nproc 16 --reuse{judge} "$@"
done
"""
    return {"run.sh": run, "launch.py": _HALVES.join(_VLMEVALKIT)}


def lmms_eval(asked: dict[str, Any]) -> dict[str, str]:
    """`run.sh` and `launch.py` for lmms-eval, which loads the checkpoint itself."""
    drawn = asked["sampling"]
    generation = {"temperature": drawn["temperature"], "top_p": drawn["top_p"], "max_new_tokens": drawn["max_tokens"]}
    if drawn["top_k"] is not None:
        generation["top_k"] = drawn["top_k"]
    # The larger of a task's limit and the model's counts, so both are set.
    model = {"model": asked["checkpoint"], "max_new_tokens": drawn["max_tokens"], "max_model_len": drawn["context"]}
    if drawn["max_pixels"] is not None:
        model["mm_processor_kwargs"] = pixels(drawn)
    # What stands before the answer is taken off before it is read; lmms-eval itself knows of <think> alone.
    tags = [["<description>", "</think>"], ["<think>", "</think>"]] if "<description>" in asked["system"] else []
    strip = f" --reasoning_tags {shlex.quote(json.dumps(tags))}" if tags else ""
    judge = f"export MODEL_VERSION={shlex.quote(asked['judge'])}   # who judges\n" if asked["judge"] else ""
    run = f"""{_head(asked, "lmms-eval")}{judge}for sample in {_samples(asked)}; do
  if compgen -G "$here/{OUTPUTS}/$sample/*/*_results.json" > /dev/null; then continue; fi
  export PERCEPTDATA_SAMPLE="$sample"
  ${{LAUNCH:-python}} "$here/launch.py" --model vllm \\
    --model_args {shlex.quote(_options(model))}"${{MODEL_ARGS:+,$MODEL_ARGS}}" \\
    --tasks {shlex.quote(",".join(asked["benchmarks"].values()))} --batch_size 512 \\
    --gen_kwargs {shlex.quote(_options(generation))} --seed "$(({drawn["seed"]} + sample))"{strip} \\
    --log_samples --output_path "$here/{OUTPUTS}/$sample" "$@"
done
"""
    return {"run.sh": run, "launch.py": _HALVES.join(_LMMS_EVAL)}


def pixels(drawn: dict[str, Any]) -> str:
    """The bounds of a picture's pixels as vLLM's processor of Qwen's models takes them."""
    return json.dumps({"size": {"shortest_edge": drawn["min_pixels"], "longest_edge": drawn["max_pixels"]}})


def _head(asked: dict[str, Any], harness: str) -> str:
    again = "it goes on" if harness == "VLMEvalKit" else "it repeats the pass that was cut off, and goes on"
    return f"""#!/usr/bin/env bash
# {asked["suite"]} on {" ".join(asked["checkpoint"].split())}, by {harness}. Begun again, {again}.
set -euo pipefail
here="$(cd "$(dirname "${{BASH_SOURCE[0]}}")" && pwd)"
"""


def _samples(asked: dict[str, Any]) -> str:
    return " ".join(str(at) for at in range(asked["sampling"]["samples"]))


def _options(values: dict[str, Any]) -> str:
    return ",".join(f"{name}={value}" for name, value in values.items())


_HALVES = '''

def halves(text):
    """What was thought, and what was answered: what the last box holds, or all that follows the thought."""
    thought, close, answer = text.rpartition("</think>")
    start, depth = answer.rfind("\\\\boxed{"), 0
    for at in range(start + 6, len(answer)) if start >= 0 else ():
        depth += (answer[at] == "{") - (answer[at] == "}")
        if not depth:
            return thought + close, answer[start + 7 : at].strip()
    return thought + close, answer.strip()

'''

_VLMEVALKIT = (
    '''"""Add the checkpoint's endpoint to VLMEvalKit's models, then start VLMEvalKit in this program's place."""

import importlib.util
import inspect
import json
import os
import runpy
import sys
import urllib.request
from pathlib import Path

asked = json.loads((Path(__file__).parent / "suite.json").read_text("utf-8"))
sys.path.insert(0, os.getcwd())

from vlmeval.api import LMDeployAPI  # noqa: E402
from vlmeval.config import supported_VLM  # noqa: E402

drawn = asked["sampling"]
url = os.environ["LMDEPLOY_API_BASE"]
''',
    '''
def served():
    """The name under which the endpoint serves the checkpoint; another model's answers are not taken for its own."""
    place = url.removesuffix("/chat/completions") + "/models"
    wanted = os.environ.get("SERVED_NAME", asked["checkpoint"])
    request = urllib.request.Request(place)
    request.add_header("Authorization", f"Bearer {os.environ.get('LMDEPLOY_API_KEY', 'none')}")
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            names = [each["id"] for each in json.load(reply)["data"]]
    except (OSError, ValueError) as error:
        sys.exit(f"{place} does not answer ({error}); serve the checkpoint, or say where with LMDEPLOY_API_BASE")
    if wanted not in names:
        sys.exit(f"{place} names {', '.join(names)}, not {wanted}; serve that, or say SERVED_NAME if it is that one")
    return wanted


class Checkpoint(LMDeployAPI):
    def prepare_inputs(self, *args):
        opened = [{"role": "assistant", "content": drawn["opened"]}] if asked["system"] and drawn["opened"] else []
        return [*super().prepare_inputs(*args), *opened]

    def split_thinking(self, text):
        thought, answer = halves(text)
        return answer, thought


if not any("model" in inspect.signature(each.__init__).parameters for each in LMDeployAPI.__mro__):
    sys.exit("this VLMEvalKit is older than ms-vlmeval 0.0.20, and names models otherwise; take a newer one")
name = served()
more = {} if drawn["top_k"] is None else {"top_k": drawn["top_k"]}
if asked["system"] and drawn["opened"]:
    more |= {"add_generation_prompt": False, "continue_final_message": True}
supported_VLM[asked["name"]] = lambda **ignored: Checkpoint(
    model=name,
    api_base=url,
    temperature=drawn["temperature"],
    top_p=drawn["top_p"],
    repetition_penalty=1.0,
    max_tokens=drawn["max_tokens"],
    seed=drawn["seed"] + int(os.environ.get("PERCEPTDATA_SAMPLE", "0")),
    system_prompt=asked["system"] or None,
    timeout=1800,
    retry=10,
    verbose=False,
    **more,
)
if importlib.util.find_spec("vlmeval.run") is None:  # an older clone keeps it beside the package
    sys.argv[0] = "run.py"
    runpy.run_path("run.py", run_name="__main__")
else:
    runpy.run_module("vlmeval.run", run_name="__main__", alter_sys=True)
''',
)

_LMMS_EVAL = (
    '''"""Give lmms-eval's vLLM model the suite's system prompt and seed, then start lmms-eval in its place."""

import json
import os
import runpy
from pathlib import Path

from lmms_eval.models.chat import vllm

asked = json.loads((Path(__file__).parent / "suite.json").read_text("utf-8"))
seed = asked["sampling"]["seed"] + int(os.environ.get("PERCEPTDATA_SAMPLE", "0"))
one_request, all_requests = vllm.VLLM.make_one_request, vllm.VLLM.generate_until
''',
    """
def with_system_and_seed(self, request):
    messages, params = one_request(self, request)
    if asked["system"]:
        others = [each for each in messages if each["role"] != "system"]
        messages = [{"role": "system", "content": asked["system"]}, *others]
    return messages, {**params, "seed": seed}


def without_box(self, requests):
    found = all_requests(self, requests)
    for request, made in zip(requests, found):
        # Tasks named so take the answer out of its box themselves, and ask for one.
        if asked["system"] and not str(request.arguments[4]).endswith("_reasoning"):
            made.text = "".join(halves(made.text))
    return found


vllm.VLLM.make_one_request = with_system_and_seed
vllm.VLLM.generate_until = without_box
if __name__ == "__main__":
    runpy.run_module("lmms_eval", run_name="__main__", alter_sys=True)
""",
)
