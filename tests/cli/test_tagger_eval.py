"""`perceptdata tagger eval`: the table that is asked for, also of a tagger that asks a model."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from llm.labelling import TEXT, WHOLE, knows
from llm.server import Say, Server

LABELS = {"P": "perception", "R": "reasoning", "O": "other"}


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """One text, labelled as the scripted model labels it."""
    spans, at = [], 0
    for clause, label in WHOLE:
        at = TEXT.index(clause, at)
        spans.append({"start": at, "end": at + len(clause), "label": LABELS[label]})
    path = tmp_path / "labelled.jsonl"
    path.write_text(json.dumps({"id": "a", "source": "s", "text": TEXT, "spans": spans}) + "\n")
    return path


def test_the_shape_that_others_read(cli: Callable[..., Any], labelled: Path) -> None:
    done = cli("tagger", "eval", str(labelled), "--json", "--use", "cues", "--use", "structure,cues")
    rows = json.loads(done.out)["taggers"]
    assert [row["tagger"] for row in rows] == ["cues", "structure,cues"]
    wanted = {"macro_f1", "perception", "reasoning", "other", "perception_precision", "perception_share_error"}
    assert all(wanted <= row.keys() and 0 <= row["macro_f1"] <= 1 for row in rows)


def test_a_tagger_that_asks_a_model_is_scored_and_its_answers_are_kept(cli: Callable[..., Any], labelled: Path) -> None:
    with Server(knows) as server:
        options = ["--use", "structure,llm", "--url", server.url, "--model", "m", "--json"]
        for _ in range(2):
            done = cli("tagger", "eval", str(labelled), *options)
            assert json.loads(done.out)["taggers"][0]["macro_f1"] == 1.0
        assert len(server.asked) == 1


def test_trouble_on_the_way_is_no_score(cli: Callable[..., Any], labelled: Path) -> None:
    with Server(lambda asked, times: Say.error(500)) as server:
        done = cli("tagger", "eval", str(labelled), "--use", "llm", "--url", server.url, "--model", "m")
    assert done.code == 1
    assert "found no answer" in done.err


def test_without_an_endpoint_it_says_what_is_missing(cli: Callable[..., Any], labelled: Path) -> None:
    done = cli("tagger", "eval", str(labelled), "--use", "llm")
    assert (done.code, "'endpoint' is required" in done.err) == (2, True)
