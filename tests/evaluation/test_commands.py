"""A suite as a folder: its script is run here against a stand-in for the harness's checkout, which says what it was
told.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from perceptdata.errors import UsageError
from perceptdata.evaluation.commands import Run, plan, write
from perceptdata.evaluation.suites import HARNESSES, SUITES, suite

HARNESS = {
    "vlmeval/__init__.py": "",
    "vlmeval/config.py": "supported_VLM = {}\n",
    "vlmeval/api.py": "class LMDeployAPI:\n    pass\n",
    "run.py": """
import json, sys
from vlmeval.config import supported_VLM
name = sys.argv[sys.argv.index("--model") + 1]
print(json.dumps({"argv": sys.argv, "options": supported_VLM[name].keywords}))
""",
}


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


def test_the_script_tells_vlmevalkit_model_and_benchmarks(tmp_path: Path) -> None:
    checkout = tmp_path / "VLMEvalKit"
    for name, text in HARNESS.items():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(text)
    folder = tmp_path / "a folder" / "eval"
    run = Run(only=("MMStar", "A-OKVQA"), judge="exact_matching")
    files = write(suite("paper-b"), "runs/staged model", folder, run)
    assert {path.name for path in files} == {"suite.json", "README.md", "run.sh", "launch.py"}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [str(folder / "run.sh"), "--verbose"],
        capture_output=True,
        text=True,
        env={"PATH": path, "VLMEVALKIT": str(checkout)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["argv"][1:] == [
        *("--data", "A-OKVQA", "MMStar", "--model", "staged-model", "--work-dir", str(folder / "outputs" / "0")),
        *("--api-nproc", "32", "--reuse", "--judge", "exact_matching", "--verbose"),
    ]
    options = told["options"]
    assert (options["temperature"], options["top_p"], options["max_tokens"], options["seed"]) == (0.0, 1.0, 2048, 42)
    assert "<think>" in options["system_prompt"]
    assert options["api_base"] == "http://127.0.0.1:8000/v1/chat/completions"
    refused = subprocess.run([str(folder / "run.sh")], capture_output=True, text=True, env={"PATH": path}, check=False)
    assert refused.returncode == 1
    assert "name a checkout of VLMEvalKit" in refused.stderr


def test_the_script_of_lmms_eval(tmp_path: Path) -> None:
    harness = tmp_path / "site" / "lmms_eval"
    harness.mkdir(parents=True)
    (harness / "__init__.py").write_text("")
    (harness / "__main__.py").write_text("import json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    folder = tmp_path / "eval"
    write(suite("paper-c"), "Qwen/Qwen2.5-VL-7B-Instruct", folder, Run(harness="lmms-eval", only=("LogicVista",)))
    done_before = folder / "outputs" / "3" / "Qwen__Qwen" / "20261101_120000_results.json"
    done_before.parent.mkdir(parents=True)
    done_before.write_text("{}")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {"PATH": path, "PYTHONPATH": str(harness.parent), "MODEL_ARGS": "tensor_parallel_size=4"}
    done = subprocess.run([str(folder / "run.sh")], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == 7  # the fourth of eight samples is there already
    first = dict(zip(told[0][::2], told[0][1::2], strict=False))
    assert first["--model_args"] == "model=Qwen/Qwen2.5-VL-7B-Instruct,tensor_parallel_size=4"
    assert first["--tasks"] == "logicvista_reasoning"
    assert first["--gen_kwargs"] == "temperature=1.0,top_p=1.0,max_new_tokens=2048,do_sample=True"
    assert [each[each.index("--seed") + 1] for each in told] == ["42", "43", "44", "46", "47", "48", "49"]


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
