"""Tasks to a real Label Studio and answers back: `python benchmarks/review.py [--tasks 2000] [--most 50000]`.

    import      the SDK's own import of the same tasks, in the same batches: what the server needs
    push        ours: lists, checks, sends, tidies up
    again       the same push; nothing is new
    first pull  every task annotated (the server makes annotations of our predictions)
    pull        the same pull; nothing is new

A task has about 1,100 characters and 23 regions. The server is started in a folder of its own, with SQLite, on the
loopback; each route runs in a process of its own, and seconds are wall time, since the server's work is most of it.
Memory is that of the process that pushes `--most` tasks, drawn as they are asked for, beside that of `--tasks`. Prints
JSON; hold: push <= import + 10 s; the last pull <= 10 s; memory of `--most` <= 1.25 x that of `--tasks`. It needs the
environment that `make review-server` installs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, overload

from _measure import Laps, fresh, held

from perceptdata.packs import ImageStore
from perceptdata.review.backend import Region, Task
from perceptdata.review.label_studio.__main__ import prepared
from perceptdata.review.label_studio.backend import LabelStudio
from perceptdata.review.label_studio.connection import KEY, URL, Connection
from perceptdata.review.label_studio.payloads import payload
from perceptdata.review.label_studio.pictures import Thumbnails
from perceptdata.review.label_studio.pushing import BATCH
from perceptdata.review.label_studio.screens import load

VOCABULARY = "the image shows a red ball on wooden table near two cups so we can infer"
COMMAND = Path(os.environ.get("LABEL_STUDIO_ENVIRONMENT", ".venv-label-studio")) / "bin" / "label-studio"


class Traces(Sequence[Task]):
    """Tasks that are made when they are asked for, as a plan's are read."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __len__(self) -> int:
        return self.number

    @overload
    def __getitem__(self, at: int) -> Task: ...
    @overload
    def __getitem__(self, at: slice) -> list[Task]: ...
    def __getitem__(self, at: int | slice) -> Task | list[Task]:
        if isinstance(at, int):
            return trace(at)
        return [trace(number) for number in range(*at.indices(self.number))]


def trace(number: int) -> Task:
    words, text, guesses = random.Random(number), "", []
    for place in range(23):
        sentence = " ".join(words.choice(VOCABULARY.split()) for _ in range(10)) + "."
        guesses.append(Region("cot", len(text), len(text) + len(sentence), ("perception", "reasoning")[place % 2], 0.9))
        text += sentence + " "
    texts = {"question": "What is on the table?", "cot": text}
    return Task(f"b/{number}#response", "ann", "c", "spans", texts, guesses=tuple(guesses), guessed_by="tags 1")


# Routes, each in a process of its own


def route(name: str, number: int) -> dict[str, Any]:
    server = Connection(os.environ[URL], os.environ[KEY])
    place = LabelStudio(server, f"bench {number}", f"bench {number}", Thumbnails(ImageStore([])))
    tasks, laps = Traces(number), Laps()
    if name == "import":
        project = server.create_project("import alone", "", load("spans").config)["id"]
        laps("project")
        for start in range(0, number, BATCH):
            server.import_tasks(project, [payload(task, place.pictures) for task in tasks[start : start + BATCH]])
        laps("import")
        return {"rows": number, "seconds": laps.seconds}
    if name == "push":
        done = place.push(tasks)
        laps("push")
        return {"rows": number, "seconds": laps.seconds, "pushed": {"new": done.new, "known": done.known}}
    (queue,) = place.queues.all()
    server._sdk.actions.create(id="predictions_to_annotations", project=queue.project)
    laps("annotate")
    first = place.pull(None, ())
    laps("first pull")
    known = [annotation.id for annotation in first.annotations]
    again = place.pull(first.cursor, known)
    laps("pull")
    counts = {"annotations": len(known), "again": len(again.annotations), "gone": len(again.gone)}
    return {"rows": number, "seconds": laps.seconds, **counts}


@contextmanager
def running(home: Path) -> Iterator[None]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment, _ = prepared(home, port)
    words = [str(COMMAND), "start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(port)]
    os.environ.update({URL: f"http://127.0.0.1:{port}", KEY: environment["LABEL_STUDIO_USER_TOKEN"]})
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(words, stdout=log, stderr=log, env={**os.environ, **environment})
    try:
        until = time.monotonic() + 600  # the first start makes the database
        while not _answers(port):
            if server.poll() is not None or time.monotonic() > until:
                sys.exit(f"Label Studio did not start:\n{(home / 'log').read_text(errors='replace')[-2000:]}")
            time.sleep(0.2)
        yield
    finally:
        server.kill()
        server.wait()


def _answers(port: int) -> bool:
    try:
        return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).status == 200)
    except OSError:
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=2000)
    parser.add_argument("--most", type=int, default=10_000)
    parser.add_argument("--route", choices=("import", "push", "pull"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.route:
        print(json.dumps(route(given.route, given.tasks)))
        return
    if not COMMAND.exists():
        print(json.dumps({"skipped": f"{COMMAND} is not there; `make review-server` installs it"}))
        return

    def run(name: str, number: int) -> dict[str, Any]:
        return fresh(__file__, "--route", name, "--tasks", number)

    with tempfile.TemporaryDirectory() as home, running(Path(home)):
        results = {name: run(name.split()[0], given.tasks) for name in ("import", "push", "push again", "pull")}
        results["push most"] = run("push", given.most)
    wall = {name: sum(lap["wall"] for lap in result["seconds"].values()) for name, result in results.items()}
    alone, pulled = results["import"]["seconds"]["import"]["wall"], results["pull"]["seconds"]["pull"]["wall"]
    growth = results["push most"]["peak_memory_mib"] / results["push"]["peak_memory_mib"]
    holds = [
        held("seconds of a push beyond the server's own import", wall["push"] - alone, at_most=10),
        held("seconds of a pull without changes", pulled, at_most=10),
        held(f"memory of {given.most} tasks over that of {given.tasks}", growth, at_most=1.25),
    ]
    print(json.dumps({"results": results, "holds": holds}, indent=2))


if __name__ == "__main__":
    main()
