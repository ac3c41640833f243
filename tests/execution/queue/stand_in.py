"""A queue on one machine, as `sbatch` and `squeue`: it keeps a Slurm array's promises where there is no Slurm.

Elements run one after another in a process of their own session, so that they outlive whoever submitted them. The
environment variable QUEUE names its folder; a file `kill-<element>` there makes that element die once, unheard.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(os.environ["QUEUE"])


def sbatch(script: str) -> int:
    lines = Path(script).read_text().splitlines()
    if not lines[0].startswith("#!"):
        print("sbatch: error: This does not look like a batch script", file=sys.stderr)
        return 1
    if any("--partition=closed" in line for line in lines):
        print("sbatch: error: invalid partition specified: closed", file=sys.stderr)
        return 1
    number = 100 + len(list(HERE.glob("job-*")))
    (HERE / f"job-{number}").write_text("running")
    command = [sys.executable, __file__, "array", script, str(number)]
    subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    print(f"{number};here")
    return 0


def squeue(number: str) -> int:
    job = HERE / f"job-{number}"
    if not job.exists():
        print("slurm_load_jobs error: Invalid job id specified", file=sys.stderr)
        return 1
    if job.read_text() == "running":
        print(f"{number}_[0-3] main perceptdata R 0:01 1 here")
    return 0


def array(script: str, number: str) -> None:
    text = Path(script).read_text()
    last = int(re.search(r"--array=0-(\d+)%\d+", text)[1])
    log = re.search(r"--output=(.*)", text)[1]
    for element in range(last + 1):
        if (HERE / "hold").exists():
            (HERE / "hold").unlink()
            break
        if (HERE / f"kill-{element}").exists():
            (HERE / f"kill-{element}").unlink()
            continue
        with open(log.replace("%a", str(element)), "w") as said:
            environment = {**os.environ, "SLURM_ARRAY_TASK_ID": str(element)}
            subprocess.run(["bash", script], env=environment, stdout=said, stderr=said, check=False)
    (HERE / f"job-{number}").write_text("ended")


if __name__ == "__main__":
    verb, *words = sys.argv[1:]
    if verb == "sbatch":
        sys.exit(sbatch(words[-1]))
    elif verb == "squeue":
        sys.exit(squeue(words[-1]))
    else:
        array(*words)
