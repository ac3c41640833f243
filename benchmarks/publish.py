"""Publishing, to a Hub on the loopback: `python benchmarks/publish.py [--rows 4000] [--large 20000]`.

Bytes are those that hf_xet itself adds to its store, a folder, for it is told that this is its server; pieces that the
store has are not sent again. Percentages are of the bytes of all data files; images stand in two configs and are stored
once, so those of what a first upload sends are about twice as much, and told too. One version of a corpus is published,
and then versions that differ from it:

    edited      1 % of the responses have other words
    marked      1 % of the rows are dropped by a column: a score says 0, and the row stays where it was
    filtered    1 % of the rows are left out of the view that is published; told for comparison, nothing is held

Memory is that of the publishing process alone, for a corpus (`--large`; 400,000 rows are 10 GB of images, the default
is a twentieth of it) and for half of it: both are beyond the 150 MB after which hf_xet, whose buffers are about half of
the memory, takes hardly more. Pictures that are opened while publishing are counted.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from _measure import fresh, held
from _toy import Corpus, Toy

EVERY = 100  # a row of so many is edited, marked or left out
REPO = "tester/toy"


class Version(Toy):
    """The corpus with a score `keep` for each row; `change` says what is other with every hundredth row."""

    change: ClassVar[str] = "none"  # no option: every row names the hash of its builder's options

    def read(self, part: Any) -> Iterator[Any]:
        """As the corpus has them."""
        for number, draft in enumerate(super().read(part), part.start):
            odd = number % EVERY == EVERY // 2
            if odd and self.change == "edited":
                draft = replace(draft, response=f"{draft.response} So it is.")
            yield replace(draft, scores={"keep": float(not (odd and self.change == "marked"))})


def build(source: Path, rows: int, change: str, ws: Path) -> dict[str, Any]:
    """The workspace, made in a process of its own so that its memory does not count."""
    from perceptdata.steps.build import Build
    from perceptdata.steps.run import run_step
    from perceptdata.view import ViewSpec, define_view
    from perceptdata.workspace import Workspace

    class BuildToy(Build):
        @cached_property
        def builder(self) -> Version:
            return Version(rows=rows, shared=1)

    Version.change = change
    made = Workspace.create(ws)
    with made.lock("benchmark"):
        outcome = run_step(made, "toy", BuildToy(use="toy", path=source))
        some = f"source.key not like '%{EVERY // 2:02d}'" if change == "filtered" else None
        define_view(made, "kept", ViewSpec(spans="toy", where=some))
    assert outcome.rejected == {}
    return {"rows": rows}


def publish(ws: Path, view: str | None, shard_bytes: int) -> dict[str, Any]:
    """Publish it, counting the pictures that are opened."""
    from PIL import Image

    from perceptdata.steps.publish import Publish
    from perceptdata.workspace import Workspace

    opened = [0]
    real = Image.open

    def counted(*what: Any, **options: Any) -> Any:
        opened[0] += 1
        return real(*what, **options)

    Image.open = counted
    began = time.perf_counter()
    done = Publish(publish=REPO, view=view or (), shard_bytes=shard_bytes).run(Workspace(ws))
    return {**done.to_json(), "gone": None, "opened": opened[0], "seconds": round(time.perf_counter() - began, 1)}


@contextlib.contextmanager
def a_hub(folder: Path) -> Iterator[Any]:
    """The Hub of the tests, and an environment in which a process of ours sees it."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
    from hub.server import Hub

    with Hub(folder) as hub:
        os.environ.update(hub.environment())
        yield hub


def run(scratch: Path, hub: Any, rows: int, change: str, view: str | None, shard_bytes: int) -> dict[str, Any]:
    """Build one version and publish it; with what the store grew by."""
    ws = scratch / f"ws-{rows}-{change}"
    if not ws.exists():
        fresh(__file__, "--do", "build", "--source", scratch / "corpus", "--rows", rows, "--change", change, "--ws", ws)
    before = hub.storage.xet.bytes
    chosen = ("--view", view) if view else ()
    done = fresh(__file__, "--do", "publish", "--ws", ws, "--shard-bytes", shard_bytes, *chosen)
    return {**done, "grew": hub.storage.xet.bytes - before}


def main(rows: int, large: int, shard_bytes: int) -> None:
    """Measure and print."""
    scratch = Path(tempfile.mkdtemp(prefix="publish-"))
    try:
        Corpus(scratch / "corpus", max(rows, large)).prepare()
        with a_hub(scratch / "hub") as hub:
            first = run(scratch, hub, rows, "none", None, shard_bytes)
            edited = run(scratch, hub, rows, "edited", None, shard_bytes)
            run(scratch, hub, rows, "none", None, shard_bytes)
            marked = run(scratch, hub, rows, "marked", None, shard_bytes)
            run(scratch, hub, rows, "none", "kept", shard_bytes)
            filtered = run(scratch, hub, rows, "filtered", "kept", shard_bytes)
        runs = {"first": first, "edited": edited, "marked": marked, "filtered": filtered}
        for name, size in (("half", large // 2), ("large", large)):
            with a_hub(scratch / f"hub-{name}") as hub:
                runs[name] = run(scratch, hub, size, "none", None, shard_bytes)
            shutil.rmtree(scratch / f"hub-{name}")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    percent = {name: 100 * runs[name]["grew"] / runs[name]["bytes"] for name in ("edited", "marked", "filtered")}
    first_time = {name: round(100 * runs[name]["grew"] / first["grew"], 2) for name in ("edited", "marked")}
    peaks = [runs[name]["peak_memory_mib"] for name in ("half", "large")]
    holds = [
        held("bytes sent again after 1 % of texts were edited, %", percent["edited"], at_most=3),
        held("bytes sent again after 1 % of rows were dropped by a column, %", percent["marked"], at_most=1),
        held("peak memory for the large corpus, MiB", peaks[1], at_most=400),
        held("peak memory, large corpus / half of it", peaks[1] / peaks[0], at_most=1.25),
        held("pictures opened while publishing", sum(run["opened"] for run in runs.values()), at_most=0),
    ]
    kept = ("rows", "bytes", "sent", "kept", "grew", "seconds", "peak_memory_mib")
    told = {name: {key: run[key] for key in kept} for name, run in runs.items()}
    said = {"filtered_percent": round(percent["filtered"], 2), "percent_of_the_first_upload": first_time}
    print(json.dumps({**said, "runs": told, "hold": holds}, indent=1))
    if not all(hold["holds"] for hold in holds):
        sys.exit(1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--large", type=int, default=20_000)
    parser.add_argument("--shard-bytes", type=int, default=64 << 20)
    parser.add_argument("--do", choices=("all", "build", "publish"), default="all")
    parser.add_argument("--source", type=Path)
    parser.add_argument("--ws", type=Path)
    parser.add_argument("--change", default="none")
    parser.add_argument("--view")
    asked = parser.parse_args()
    if asked.do == "build":
        print(json.dumps(build(asked.source, asked.rows, asked.change, asked.ws)))
    elif asked.do == "publish":
        print(json.dumps(publish(asked.ws, asked.view, asked.shard_bytes)))
    else:
        main(asked.rows, asked.large, asked.shard_bytes)
