"""The counter-prior test from end to end: a model that guesses where it does not look, and what is said of it."""

import base64
import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from llm.server import Say, Server

from perceptdata.diagnosis.diagnosis import load
from perceptdata.workspace import EXAMPLES, Workspace

Cli = Callable[..., Any]


class Guesser:
    """Looks at a picture with probability `looks`, and answers what one would guess otherwise."""

    def __init__(self, ws: Workspace, looks: float) -> None:
        self.looks, self.known = looks, dict[str, dict[str, Any]]()
        for _, _, _, file in ws.shards(EXAMPLES):
            for row in pq.read_table(ws.file(file)).to_pylist():
                if row["stage"] == "visual_reasoning":
                    data = bytes(memoryview(ws.images[row["images"][0]["sha256"]]))
                    self.known[hashlib.sha256(base64.b64encode(data)).hexdigest()] = row

    def __call__(self, asked: dict[str, Any], times: int) -> Say:
        content = next(turn["content"] for turn in asked["messages"] if turn["role"] == "user")
        if isinstance(content, str):  # whether opened answers are continued: they are not
            return Say.text("?", usage=(9, 9))
        urls = [part["image_url"]["url"] for part in content if part["type"] == "image_url"]
        row = self.known[hashlib.sha256(urls[0].partition(",")[2].encode()).hexdigest()]
        looked = random.Random(row["id"]).random() < self.looks
        guess = json.loads(row["meta"])["guess"]
        facts = row["facts"] if looked else "I see what there usually is."
        answer = row["answer"]["text"] if looked else guess
        return Say.text(f"<description>{facts}</description>\n<think>So.</think>\n\\boxed{{{answer}}}", usage=(9, 9))


def test_a_guesser_has_a_prior_and_no_score(cli: Cli, tmp_path: Path) -> None:
    assert cli("build", "priors", "--set", "rows={test: 40}").code == 0
    ws = Workspace(tmp_path / "workspace")
    for looks, name in ((0.0, "guesses"), (0.5, "halves"), (1.0, "looks")):
        with Server(Guesser(ws, looks)) as server:
            asked = ["--url", server.url, "--model", name, "--name", name, "--only", "image"]
            done = cli("diagnose", *asked)
        assert done.code == 0, done.err
        found, table = load(ws.path / "diagnosis" / name)
        aligned, counter = found.shortcuts.aligned, found.shortcuts.counter
        assert aligned is not None
        assert counter is not None
        assert aligned.value == 1.0
        assert (aligned.items, counter.items) == (40, 80)
        assert counter.value is not None
        assert abs(counter.value - looks) < (0.15 if looks == 0.5 else 1e-9)
        assert f"prior: {aligned} right where one would guess it, {counter} where the picture is against" in done.out
        page = (ws.path / "diagnosis" / name / "index.html").read_text()
        assert "answers that are against the guess" in page
        assert set(table.column("prior").to_pylist()) == {"aligned", "counter"}
        assert len(set(table.column("group").to_pylist())) == 40
