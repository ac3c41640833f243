"""Corpora on the Hub: a real huggingface_hub against the Hub on the loopback."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from drawn import png

from perceptdata.errors import UsageError
from perceptdata.sources import HubSource
from perceptdata.steps.build import Build
from perceptdata.steps.run import run_step
from perceptdata.steps.validate import validate
from perceptdata.workspace import Workspace

CARD = """---
configs:
- config_name: easy
  data_files: [{split: train, path: "easy/*.parquet"}]
- config_name: hard
  data_files: {test: hard/test.parquet}
---
# Sums
"""


def table(first: int, rows: int) -> bytes:
    """EasyR1 rows with a noisy picture each (so that it weighs something), two rows a group."""
    noise = np.random.default_rng(first)
    made = [
        {
            "problem": f"<image>How much is {n} + 1?",
            "answer": str(n + 1),
            "images": [{"bytes": png(str(n)), "path": None}],
            "ballast": noise.bytes(20_000),
        }
        for n in range(first, first + rows)
    ]
    data = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(made), data, row_group_size=2, compression="none")
    return data.getvalue()


@pytest.fixture
def repo(hub: Any) -> Any:
    files: dict[str, bytes | None] = {
        "README.md": CARD.encode(),
        "easy/train-00000.parquet": table(0, 40),
        "easy/train-00001.parquet": table(40, 40),
        "hard/test.parquet": table(80, 4),
        "lines/train.jsonl": b"".join(
            json.dumps({"problem": f"Say {n}.", "answer": str(n)}).encode() + b"\n" for n in range(50)
        ),
    }
    hub.first = hub.commit("acme/sums", files)
    return hub


def build(folder: Path, **source: Any) -> Workspace:
    ws = Workspace.create(folder / "ws")
    step = Build.of({"use": "easyr1", **source})
    with ws.lock("test"):
        run_step(ws, "sums", step)
    return ws


def bytes_sent(hub: Any) -> int:
    return sum(hub.asked(word) for word in ("/cdn/",))


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("hf://datasets/acme/sums", HubSource(hub="acme/sums")),
        (
            "hf:/datasets/acme/sums@v1/easy",
            HubSource(hub="acme/sums", revision="v1", config="easy"),
        ),  # as a Path has it
        ("hf://datasets/acme/sums/CLEVR-Math(MathV360K)", HubSource(hub="acme/sums", config="CLEVR-Math(MathV360K)")),
        ("data/train.jsonl", None),
    ],
)
def test_addresses(address: str, source: HubSource | None) -> None:
    assert HubSource.parse(address) == source


def test_a_wrong_address_says_how_to_write_one() -> None:
    with pytest.raises(UsageError, match="is no dataset; write hf://datasets/OWNER/NAME"):
        HubSource.parse("hf://datasets/acme")
    with pytest.raises(UsageError, match="is no repository; write OWNER/NAME"):
        Build.of({"use": "easyr1", "hub": "acme"})
    with pytest.raises(UsageError, match="names two places"):
        Build.of({"use": "easyr1", "hub": "acme/sums", "path": "data"})


def test_a_config_is_fetched_once_and_its_commit_is_recorded(repo: Any, tmp_path: Path) -> None:
    ws = build(tmp_path, hub="acme/sums", config="easy")
    assert ws.examples().count_rows() == 80
    assert {row["source"]["split"] for row in ws.examples().to_table(columns=["source"]).to_pylist()} == {"train"}
    options = ws.manifest.steps["sums"].current.options
    assert options["source"] == {"hub": "acme/sums", "commit": repo.first, "config": "easy"}
    assert not any("hard" in call.said for call in repo.calls)
    sent = repo.asked("/resolve/")
    ws = build(tmp_path, path="hf://datasets/acme/sums@main/easy")
    assert len(ws.manifest.steps["sums"].versions) == 1  # the same source under another name
    assert repo.asked("/resolve/") == sent


def test_a_new_commit_stands_beside_the_old_one(repo: Any, tmp_path: Path) -> None:
    ws = build(tmp_path, hub="acme/sums", config="hard")
    old = ws.manifest.steps["sums"].active
    repo.commit("acme/sums", {"hard/test.parquet": table(90, 6)})
    ws = build(tmp_path, hub="acme/sums", config="hard")
    assert ws.examples().count_rows() == 6
    ws = build(tmp_path, hub="acme/sums", config="hard", revision=repo.first)
    assert (ws.manifest.steps["sums"].active, ws.examples().count_rows()) == (old, 4)


def test_without_a_network_the_cache_serves(repo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path, hub="acme/sums", config="hard")

    def refuse(*given: Any, **more: Any) -> None:
        raise OSError("no network")

    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", refuse)
    monkeypatch.setattr("huggingface_hub.HfApi.list_repo_files", refuse)
    pinned = HubSource(hub="acme/sums", revision=repo.first, config="hard")
    assert [file.name for file in pinned.folder().rglob("*.parquet")] == ["test.parquet"]
    assert HubSource(hub="acme/sums", config="hard").commit == repo.first
    with pytest.raises(UsageError, match="the cache has not seen 'v9'"):
        _ = HubSource(hub="acme/sums", revision="v9").commit


def test_a_limit_reads_only_row_groups(repo: Any, tmp_path: Path) -> None:
    ranged: list[int] = []
    whole = len(table(0, 40))
    from hub import server

    kept = server._pieces

    def counted(answer: Any, start: int, end: int) -> Any:
        if answer.file is not None:
            ranged.append(end - start)
        return kept(answer, start, end)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "_pieces", counted)
        ws = build(tmp_path, hub="acme/sums", config="easy", limit=3)
    assert ws.examples().count_rows() == 3
    assert whole > 800_000
    assert sum(ranged) < whole / 3  # a footer and two groups of some 40 kB, in blocks
    assert [row["id"] for row in ws.examples().to_table(columns=["id"]).to_pylist()] == [
        f"sums/train/train-00000/{n}" for n in range(3)
    ]


def test_lines_are_cut_at_the_limit_too(repo: Any) -> None:
    (file,) = HubSource(hub="acme/sums", files=("lines/*",)).folder(limit=5).rglob("*.jsonl")
    assert [json.loads(line)["answer"] for line in file.read_text().splitlines()][:5] == list("01234")
    assert len(file.read_text().splitlines()) == 6  # one more than asked: the first may be a header


def test_what_is_not_there(repo: Any) -> None:
    with pytest.raises(UsageError, match="has no revision 'v7'"):
        _ = HubSource(hub="acme/sums", revision="v7").commit
    with pytest.raises(UsageError, match="is no dataset on the Hub"):
        _ = HubSource(hub="acme/none").commit
    with pytest.raises(UsageError, match="has no file for config 'harder'"):
        HubSource(hub="acme/sums", config="harder").folder()


def test_validate_looks_at_the_hub_too(repo: Any) -> None:
    found = validate(Build.of({"use": "easyr1", "hub": "acme/sums", "config": "hard"}))
    assert (found.examples, found.ok) == (4, True)


def test_from_a_shell(repo: Any, cli: Callable[..., Any]) -> None:
    said = cli("build", "auto", "--source", "hf://datasets/acme/sums/hard", "--name", "sums", "-w", "ws", "--json")
    assert said.code == 0, said.err
    made = json.loads(said.out)
    assert made["made"]["examples"] == 4
    assert made["mapped"][0]["columns"]["problem"] == "question"
