"""What stands beside an accuracy: benchmark items met in training rows, as the decontamination layer has them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harnesses import vlmevalkit
from toys import card, write_lines

from perceptdata.comparison import stored
from perceptdata.errors import UsageError
from perceptdata.evaluation.exposure import exposed
from perceptdata.evaluation.summary import summarise
from perceptdata.execution.task import Work
from perceptdata.layers import Producer, Score
from perceptdata.shard import ShardWriter
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import run_step
from perceptdata.steps.step import Shard, Step
from perceptdata.workspace import EXAMPLES, Workspace

pytestmark = pytest.mark.usefixtures("with_toys")
BY = Producer(name="decontaminate", version="1", config="00000000")


def match(guard: str, item: str) -> dict[str, Any]:
    """As `curation.matching` tells one."""
    return {"guard": guard, "item": item, "rule": "exact", "score": 1.0}


META = {
    "0": {"matches": [match("mathvista", "a"), match("mathvista", "b")]},
    "1": {"matches": [match("mathvista", "a")], "reported": [match("POPE", "c")]},
    "2": {"reported": [match("mathvista", "d"), match("mathvista", "a")]},
}


class Clean(Step):
    """A layer of the shape of `decontaminate`'s."""

    do = "clean"

    def plan(self, ws: Workspace, name: str) -> list[Shard]:
        step, shard, _, file = ws.shards(EXAMPLES)[0]
        work: Work = Rows()
        return [Shard(shard, file.sha256, f"{step}/{shard}", work)]


class Rows:
    def run(self, writer: ShardWriter) -> None:
        for at in range(4):
            meta = META.get(str(at), {})
            value = 0.0 if "matches" in meta else 1.0
            row = Score(example_id=f"cards/train/{at}", name="clean", value=value, meta=meta, producer=BY)
            writer.add("layers/scores", row)


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    write_lines(tmp_path / "cards" / "0.jsonl", [card(at) for at in range(4)])
    made = Workspace.create(tmp_path / "ws")
    with made.lock("test"):
        run_step(made, "cards", make_step("build", {"use": "toy_cards", "path": tmp_path / "cards"}))
        run_step(made, "clean", Clean())
    return made


def test_rows_and_items_are_counted_once(ws: Workspace) -> None:
    found = exposed(ws, "clean", ["MathVista_MINI", "POPE", "MMStar"])
    assert found["MathVista_MINI"].to_json() == {"guards": ["mathvista"], "rows": 2, "items": 2, "reported": 1}
    assert found["POPE"].to_json() == {"guards": ["POPE"], "rows": 0, "items": 0, "reported": 1}
    assert "MMStar" not in found
    with pytest.raises(UsageError, match="step 'nothing' has no scores"):
        exposed(ws, "nothing", ["POPE"])


def test_an_import_tells_it(ws: Workspace, cli: Callable[..., Any], tmp_path: Path) -> None:
    vlmevalkit(tmp_path / "base")
    told = cli("eval", "import", "base", "--contamination", "clean", "--workspace", ws.path, "--json")
    assert told.code == 0, told.err
    rows = {row["benchmark"]: row["exposure"] for row in json.loads(told.out)["benchmarks"]}
    assert rows["MathVista_MINI"]["items"] == 2
    assert rows["MMStar"] is None
    said = cli("eval", "import", "base", "--contamination", "clean", "-w", ws.path, "--baseline", "results/base")
    assert said.code == 0, said.err
    assert "in training" in said.out


def test_a_summary_has_it_beside(ws: Workspace, tmp_path: Path) -> None:
    rows = [
        {"benchmark": "MathVista_MINI", "item": str(at), "sample": sample, "value": float(at == sample), "state": state}
        for at in range(2)
        for sample, state in ((0, "right"), (1, "wrong"), (2, "unparsed"))
    ]
    results = stored.write(tmp_path / "r", rows, {"name": "r", "official": {"MathVista_MINI": 0.5}})
    row = summarise(results, exposed(ws, "clean", results.benchmarks))["benchmarks"][0]
    assert row["exposure"]["items"] == 2
    assert row["accuracy"] == pytest.approx(1 / 3)
    assert row["where_read"] == pytest.approx(1 / 2)
    assert (row["best"], row["official"], row["items"]) == (1.0, 0.5, 2)
