"""`kill -9` of the real command line at random moments: what is finished is kept, the end is the same to the byte."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from toys import card, environment, picture, write_lines

from perceptdata import health
from perceptdata.workspace import Workspace

SHARDS, ROWS, KILLS = 8, 10, 6
DOUBLED = 5  # the shard that holds an id of shard 0, and is made again by the closing pass
RECIPE = """
sources: [{use: toy_cards, name: cards, path: cards, pause: 0.02}]
steps: {tags: {do: tag, from: [response, question], use: toy_words}}
views: {sft: {where: "response is not null", spans: tags, order: random}}
outputs: [{export: parquet, view: sft, to: out}]
"""


def write_source(folder: Path) -> None:
    folder.mkdir(parents=True)
    for number in range(SHARDS):
        (folder / f"{number}.png").write_bytes(picture(number))
        seen = {"stage": "visual_reasoning", "question": "<image>What?", "images": [f"{number}.png"]}
        rows = [card(number * ROWS + place, **(seen if place % 2 else {})) for place in range(ROWS)]
        write_lines(folder / f"{number}.jsonl", [*rows, *([card(0)] if number == DOUBLED else []), "{not json"])
    for path in folder.iterdir():
        os.utime(path, ns=(1, 1))  # times are part of what tells that a source changed


def start(folder: Path, site: Path) -> subprocess.Popen[str]:
    command = [str(Path(sys.executable).with_name("perceptdata")), "run", "recipe.yaml", "--workers", "2", "--json"]
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment(site),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finished(ws: Path) -> dict[str, Any]:
    """The shards in the manifest as it stands on disk, by step and name."""
    try:
        steps = json.loads((ws / "manifest.json").read_bytes())["steps"]
    except FileNotFoundError:
        return {}
    return {
        f"{step}/{shard}": entry
        for step, state in steps.items()
        for shard, entry in state["versions"][state["active"]]["shards"].items()
    }


def files(folder: Path) -> dict[str, bytes]:
    """Every file of data; the manifest has times in it, and caches and leftovers are nobody's data."""
    rooms = [folder / "workspace" / room for room in ("examples", "images", "rejects", "layers", "views")]
    paths = [path for room in (*rooms, folder / "out") for path in room.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_any_moment_is_a_good_one_to_be_killed(tmp_path: Path, toy_site: Path) -> None:
    folders = {name: tmp_path / name for name in ("calm", "killed")}
    for folder in folders.values():
        write_source(folder / "cards")
        (folder / "recipe.yaml").write_text(RECIPE)
    calm = start(folders["calm"], toy_site)

    draw = random.Random(20260)
    folder = folders["killed"]
    ws = folder / "workspace"
    kept: dict[str, int] = {}
    progress = []
    # How many finished shards to wait for before striking: while building, in the closing pass, while tagging.
    total = SHARDS + 2 * SHARDS
    for target in (
        0,
        *sorted(draw.sample(range(1, SHARDS), 2)),
        SHARDS,
        *sorted(draw.sample(range(SHARDS + 1, total), 2)),
    ):
        process = start(folder, toy_site)
        while len(finished(ws)) < target and process.poll() is None:
            time.sleep(0.005)
        time.sleep(draw.uniform(0, 0.15) if target else draw.uniform(0.5, 1.0))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        shards = finished(ws)
        progress.append(len(shards))
        if (ws / "manifest.json").exists():
            bad = [check for check in health.workspace(ws) if check.state == "bad"]
            assert bad == []  # the manifest speaks of whole files only
        for name, entry in shards.items():
            for file in entry["files"].values():
                inode = (ws / file["path"]).stat().st_ino
                if f"{DOUBLED:05d}" not in name:
                    assert kept.setdefault(file["path"], inode) == inode  # made once, never again
    assert len(progress) == KILLS
    assert any(0 < done < total for done in progress)

    last = start(folder, toy_site)
    said, complaint = last.communicate(timeout=60)
    assert (last.returncode, complaint) == (0, "")
    build, tag, _, _ = json.loads(said)
    assert build["made"]["examples"] == SHARDS * ROWS
    assert build["rejected"] == {"row.unreadable": SHARDS, "id.duplicate": 1}
    assert build["skipped"] + tag["skipped"] >= progress[-1] - 1
    assert all((ws / path).stat().st_ino == inode for path, inode in kept.items())

    assert calm.communicate(timeout=60)[1] == ""
    assert files(folder) == files(folders["calm"])
    assert [check for check in health.workspace(ws) if check.state == "bad"] == []
    assert not list(ws.rglob("*.part"))
    undisturbed, resumed = (Workspace(each / "workspace").manifest for each in folders.values())
    times = {"seconds", "finished", "started"}
    assert without(undisturbed.model_dump(), times) == without(resumed.model_dump(), times)


def without(value: Any, keys: set[str]) -> Any:
    if isinstance(value, dict):
        return {key: without(each, keys) for key, each in value.items() if key not in keys}
    return value


def test_a_verb_is_a_one_step_recipe(tmp_path: Path, toy_site: Path) -> None:
    write_source(tmp_path / "cards")
    (tmp_path / "recipe.yaml").write_text("\n".join(RECIPE.replace(", pause: 0.02", "").strip().split("\n")[:2]))
    for command in (
        "run recipe.yaml --workspace one --workers 1",
        "build toy_cards --name cards --source cards --workspace two --workers 1",
        "tag --from response --from question --use toy_words --workspace two --workers 1",
    ):
        perceptdata = str(Path(sys.executable).with_name("perceptdata"))
        subprocess.run([perceptdata, *command.split()], cwd=tmp_path, env=environment(toy_site), check=True)
    one, two = (Workspace(tmp_path / name).manifest.model_dump() for name in ("one", "two"))
    times = {"seconds", "finished", "started"}
    assert without(one, times) == without(two, times)
    assert set(one["steps"]) == {"cards", "tags"}
