"""A suite as a folder: its programs are run here against stand-ins for the harnesses, which have their signatures and
say what they were told. (They were run against ms-vlmeval 0.0.20 and lmms-eval 0.7.3 themselves by hand.)
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from perceptdata.errors import UsageError
from perceptdata.evaluation.commands import Run, plan, write
from perceptdata.evaluation.suites import HARNESSES, SUITES, suite

VLMEVALKIT = {
    "vlmeval/__init__.py": "",
    "vlmeval/config.py": "supported_VLM = {}\n",
    "vlmeval/api.py": """
class Wrapper:
    def __init__(self, model, system_prompt=None, **options):
        self.told = {"model": model, "system_prompt": system_prompt, **options}

    def prepare_inputs(self, inputs, system_prompt):
        return [{"role": "system", "content": system_prompt}, {"role": "user", "content": inputs}]


class LMDeployAPI(Wrapper):
    def __init__(self, **options):
        super().__init__(**options)
""",
    "vlmeval/run.py": """
import json, os, sys
from vlmeval.config import supported_VLM
if __name__ == "__main__":
    model = supported_VLM[sys.argv[sys.argv.index("--model") + 1]](use_vllm=False)
    said = "<think>B or C, then</think>It is \\\\boxed{\\\\frac{1}{2}}."
    split = [model.split_thinking(each) for each in (said, "no box", "<think>cut \\\\boxed{")]
    inputs = model.prepare_inputs("q", "s")
    print(json.dumps({"argv": sys.argv, "told": model.told, "split": split, "inputs": inputs, "env": dict(os.environ)}))
""",
}
LMMS_EVAL = {
    "lmms_eval/__init__.py": "",
    "lmms_eval/models/__init__.py": "",
    "lmms_eval/models/chat/__init__.py": "",
    "lmms_eval/models/chat/vllm.py": """
class Made:
    def __init__(self, text):
        self.text = text


class VLLM:
    def make_one_request(self, request):
        return [{"role": "system", "content": "another"}, {"role": "user", "content": "q"}], {"temperature": 1.0}

    def generate_until(self, requests):
        return [Made("<description>d</description><think>t</think> So \\\\boxed{A}.") for _ in requests]
""",
    "lmms_eval/__main__.py": """
import json, sys
from lmms_eval.models.chat.vllm import VLLM
class Request:
    def __init__(self, task):
        self.arguments = (None, None, {}, 0, task, "test")
if __name__ == "__main__":
    requests = [Request("mmstar"), Request("logicvista_reasoning")]
    said = [each.text for each in VLLM().generate_until(requests)]
    print(json.dumps({"argv": sys.argv[1:], "request": VLLM().make_one_request(requests[0]), "said": said}))
""",
}


def installed(place: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    return place


def ran(folder: Path, *more: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        [str(folder / "run.sh"), *more],
        capture_output=True,
        text=True,
        env={"PATH": path, "no_proxy": "*", **environment},
        check=False,
    )


@pytest.fixture
def endpoint() -> Iterator[str]:
    """The address of a server that names one model."""

    class Models(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/v1/models"
            body = json.dumps({"data": [{"id": "org/staged"}]} if found else {}).encode()
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *told: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Models)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/chat/completions"
    server.shutdown()
    server.server_close()


def test_every_suite_names_its_benchmarks_once() -> None:
    for name, found in SUITES.items():
        assert found.name == name
        titles = [each.title for each in found.benchmarks]
        assert len(set(titles)) == len(titles)
        for harness in HARNESSES:
            names = found.names(harness)
            assert len(set(names.values())) == len(names)
            assert len(names) + len(found.missing(harness)) == len(titles)
    # The paper's main table has four of each kind, its extended one ten.
    groups = [each.group for each in suite("paper-b").benchmarks]
    assert [groups.count(group) for group in ("visual mathematics", "perception", "extended")] == [4, 4, 10]
    with pytest.raises(UsageError, match="did you mean 'paper-b'"):
        suite("paper_b")


def test_vlmevalkit_is_told_model_sampling_and_benchmarks(tmp_path: Path, endpoint: str) -> None:
    site = installed(tmp_path / "site", VLMEVALKIT)
    folder = tmp_path / "a folder" / "eval"
    files = write(suite("paper-b"), "org/staged", folder, Run(only=("MMStar", "A-OKVQA"), judge="exact_matching"))
    assert {path.name for path in files} == {"suite.json", "README.md", "run.sh", "launch.py"}
    done = ran(folder, "--verbose", PYTHONPATH=str(site), LMDEPLOY_API_BASE=endpoint)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["argv"][1:] == [
        *("--data", "A-OKVQA", "MMStar", "--model", "staged", "--work-dir", str(folder / "outputs" / "0")),
        *("--api-nproc", "128", "--judge-api-nproc", "16", "--reuse", "--judge", "exact_matching", "--verbose"),
    ]
    options = told["told"]
    assert (options["model"], options["api_base"]) == ("org/staged", endpoint)
    assert (options["temperature"], options["top_p"], options["max_tokens"], options["seed"]) == (0.0, 1.0, 2048, 42)
    assert "top_k" not in options
    assert "continue_final_message" not in options
    assert "<think>" in options["system_prompt"]
    # The answer is what the last box holds, braces and all; the thought goes apart.
    assert told["split"] == [
        ["\\frac{1}{2}", "<think>B or C, then</think>"],
        ["no box", ""],
        ["<think>cut \\boxed{", ""],
    ]
    assert (told["env"]["SPLIT_THINK"], told["env"]["PRED_FORMAT"]) == ("True", "tsv")


def test_a_clone_a_prefix_and_samples(tmp_path: Path, endpoint: str) -> None:
    clone = installed(tmp_path / "clone", VLMEVALKIT)
    (clone / "vlmeval" / "run.py").rename(clone / "run.py")
    write(suite("paper-d"), "org/staged", tmp_path / "d", Run(only=("MMMU",)))
    done = ran(tmp_path / "d", VLMEVALKIT=str(clone), LMDEPLOY_API_BASE=endpoint)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["told"]["seed"] for each in told] == [42, 43, 44, 45, 46]
    assert told[0]["told"]["top_k"] == 20
    assert told[0]["told"]["continue_final_message"] is True
    assert told[0]["inputs"][-1] == {"role": "assistant", "content": "<description>"}


def test_base_models_get_no_prompt(tmp_path: Path, endpoint: str) -> None:
    site = installed(tmp_path / "site", VLMEVALKIT)
    write(suite("paper-d"), "org/staged", tmp_path / "d", Run(only=("MMMU",), system=False))
    told = json.loads(ran(tmp_path / "d", PYTHONPATH=str(site), LMDEPLOY_API_BASE=endpoint).stdout.splitlines()[0])
    assert told["told"]["system_prompt"] is None
    assert "continue_final_message" not in told["told"]
    assert len(told["inputs"]) == 2
    assert "SPLIT_THINK" not in told["env"]


def test_another_model_behind_the_endpoint_is_refused(tmp_path: Path, endpoint: str) -> None:
    site = installed(tmp_path / "site", VLMEVALKIT)
    write(suite("paper-b"), "runs/other", tmp_path / "b", Run(only=("MMStar",)))
    told = {"PYTHONPATH": str(site), "LMDEPLOY_API_BASE": endpoint}
    done = ran(tmp_path / "b", **told)
    assert done.returncode == 1
    assert "names org/staged, not runs/other" in done.stderr
    assert ran(tmp_path / "b", **told, SERVED_NAME="org/staged").returncode == 0
    nobody = ran(tmp_path / "b", PYTHONPATH=str(site), LMDEPLOY_API_BASE="http://127.0.0.1:9/v1/chat/completions")
    assert "does not answer" in nobody.stderr
    (site / "vlmeval" / "api.py").write_text("class LMDeployAPI:\n    def __init__(self, **options):\n        pass\n")
    assert "older than ms-vlmeval 0.0.20" in ran(tmp_path / "b", **told).stderr


def test_the_script_of_lmms_eval(tmp_path: Path) -> None:
    site = installed(tmp_path / "site", LMMS_EVAL)
    folder = tmp_path / "eval"
    write(suite("paper-c"), "Qwen/Qwen2.5-VL-7B-Instruct", folder, Run(harness="lmms-eval", only=("LogicVista",)))
    done_before = folder / "outputs" / "3" / "Qwen__Qwen" / "20261101_120000_results.json"
    done_before.parent.mkdir(parents=True)
    done_before.write_text("{}")
    done = ran(folder, PYTHONPATH=str(site), MODEL_ARGS="tensor_parallel_size=4", LAUNCH="python -u")
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == 7  # the fourth of eight samples is there already
    argv = [each["argv"] for each in told]
    first = dict(zip(argv[0][::2], argv[0][1::2], strict=False))
    assert first["--model_args"] == (
        "model=Qwen/Qwen2.5-VL-7B-Instruct,max_new_tokens=2048,max_model_len=32768,mm_processor_kwargs="
        '{"size": {"shortest_edge": 200704, "longest_edge": 1003520}},tensor_parallel_size=4'
    )
    assert first["--tasks"] == "logicvista_reasoning"
    assert first["--gen_kwargs"] == "temperature=1.0,top_p=1.0,max_new_tokens=2048"
    assert [each[each.index("--seed") + 1] for each in argv] == ["42", "43", "44", "46", "47", "48", "49"]
    # Its vLLM engine has one seed for ever, and drops the system prompt: both go with each request.
    assert [each["request"][1]["seed"] for each in told] == [42, 43, 44, 46, 47, 48, 49]
    roles = [(each["role"], "<think>" in each["content"]) for each in told[0]["request"][0]]
    assert roles == [("system", True), ("user", False)]
    thought = "<description>d</description><think>t</think>"
    assert told[0]["said"] == [f"{thought}A", f"{thought} So \\boxed{{A}}."]


def test_what_a_person_reads(tmp_path: Path) -> None:
    for name in SUITES:
        for harness in HARNESSES:
            folder = tmp_path / name / harness
            write(suite(name), "org/staged", folder, Run(harness=harness))
            assert subprocess.run(["bash", "-n", str(folder / "run.sh")], check=False).returncode == 0
            compile((folder / "launch.py").read_text("utf-8"), "launch.py", "exec")
            told = (folder / "README.md").read_text("utf-8")
            assert "Who judges:" in told
            assert ("vllm serve org/staged" in told) == (harness == "vlmevalkit")
            assert "Not in this harness" in told or name == "paper-d"
    assert '"longest_edge": 4194304' in (tmp_path / "paper-b" / "vlmevalkit" / "README.md").read_text("utf-8")
    write(suite("paper-d"), "m", tmp_path / "one", Run(only=("MMMU",)))
    write(suite("paper-d"), "m", tmp_path / "two", Run(harness="lmms-eval", judge="a judge"))
    assert "export MODEL_VERSION='a judge'" in (tmp_path / "two" / "run.sh").read_text("utf-8")
    assert "Who judges: `a judge`" in (tmp_path / "two" / "README.md").read_text("utf-8")
    assert "were not asked for" in (tmp_path / "one" / "README.md").read_text("utf-8")


def test_a_folder_holds_one_evaluation(tmp_path: Path) -> None:
    chosen = suite("paper-b")
    write(chosen, "a/model", tmp_path / "eval", Run(name="a"))
    write(chosen, "a/model", tmp_path / "eval", Run(name="a"))
    with pytest.raises(UsageError, match=r"holds an evaluation with another checkpoint, name"):
        write(chosen, "b/model", tmp_path / "eval", Run(name="b"))


def test_what_cannot_be_asked_for() -> None:
    chosen = suite("paper-b")
    with pytest.raises(UsageError, match="paper-b has no benchmark 'MMLU'"):
        plan(chosen, "m", Run(only=("MMLU",)))
    with pytest.raises(UsageError, match="lmms-eval has no 'A-OKVQA'"):
        plan(chosen, "m", Run(harness="lmms-eval", only=("A-OKVQA",)))
    with pytest.raises(UsageError, match="cannot name a model"):
        plan(chosen, "m", Run(name="a/b"))
    assert plan(chosen, "m", Run(system=False))["system"] == ""


def test_a_checkpoint_that_is_here_is_named_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path)
    assert plan(suite("paper-b"), "model", Run())["checkpoint"] == str(tmp_path / "model")
