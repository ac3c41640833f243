"""Real rows: their descriptions are compared with their facts in words, and what is told apart by what."""

import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from perceptdata.diagnosis.answered import level_of, read, size_of
from perceptdata.errors import UsageError
from perceptdata.example import Answer, Example, Source
from perceptdata.steps.declared import make_format, make_step
from perceptdata.steps.diagnose import diagnose
from perceptdata.steps.run import run_step
from perceptdata.workspace import EXAMPLES, Workspace

from llm.server import Say, Server  # isort: skip

FORMAT = {"use": "describe_think_boxed"}


def example(facts: str | None, **meta: Any) -> Example:
    source = Source(builder="b", version="1", corpus="c", split="s", key="k", licence="l")
    return Example(
        id="e",
        stage="visual_reasoning",
        group="g",
        question="?",
        answer=Answer(text="1"),
        source=source,
        facts=facts,
        meta=meta,
    )


@pytest.mark.parametrize(
    ("facts", "size"),
    [
        (None, None),
        ("", None),
        ("AB = 3. BC = 4. The angle ABC is right.", "2 to 3 facts"),
        (json.dumps({"v": 4, "edges": [[0, 1], [1, 2], [2, 3]]}), "4 to 7 facts"),  # three edges, and how many vertices
        (json.dumps([[1, "-", 3, 4]] * 4), "16 to 31 facts"),
    ],
)
def test_size_is_how_much_there_is_to_see(facts: str | None, size: str | None) -> None:
    assert size_of(example(facts)) == size


def test_difficulty_is_the_sources_own() -> None:
    assert level_of(example(None, level=3)) == "3"
    assert level_of(example(None, grade="7", difficulty="hard")) == "hard"
    assert level_of(example(None)) is None


def test_a_real_corpus(tmp_path: Path, root: Path) -> None:
    ws = Workspace.create(tmp_path / "ws")
    with ws.lock("test"):
        run_step(ws, "nlvr", make_step("build", {"use": "nlvr", "path": root / "builders/samples/nlvr"}))
    known = {}
    for _, _, _, file in ws.shards(EXAMPLES):
        for row in pq.read_table(ws.file(file)).to_pylist():
            if row["images"] and row["stage"] == "visual_reasoning":
                known.setdefault(re.sub(r"\W+", "", row["question"]).lower(), row)

    def script(asked: dict[str, Any], times: int) -> Say:
        content = asked["messages"][0]["content"]
        text = content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
        flat = re.sub(r"\W+", "", "<image>" + text).lower()
        row = next((row for key, row in known.items() if flat.startswith(key)), None)
        facts = row["facts"] if row and len(row["id"]) % 2 else "Nothing is to be seen."
        answer = row["answer"]["text"] if row else "?"
        return Say.text(f"<description>\n{facts}\n</description>\n<think>\nso\n</think>\n\\boxed{{{answer}}}")

    with Server(script) as server, ws.lock("test"):
        endpoint = {"urls": [server.url], "model": "m", "retries": 0}
        where = "stage = 'visual_reasoning'"
        diagnose(ws, "diag", {"endpoint": endpoint, "format": FORMAT, "items": 12, "where": where}, ("image",))
    table = read(ws, {"image": "diag_image"}, make_format(FORMAT))
    assert table.num_rows == 12
    rows = table.to_pylist()
    assert {row["exact"] for row in rows} == {False}
    assert {row["family"] for row in rows} == {"nlvr"}
    assert {row["seen"] for row in rows} <= {0.0, 1.0}
    assert all(row["seen"] == 0.0 for row in rows if row["seen_part"] < 1)
    assert all(row["reasoned"] is None for row in rows)
    with pytest.raises(UsageError, match="has no responses"):
        read(ws, {"image": "gone"}, make_format(FORMAT))
