"""`perceptdata caption` and `perceptdata judge`: from facts to verdicts, and what is said of the judges."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llm.judging import judges, passes
from llm.server import Say, Server


def made(cli: Callable[..., Any]) -> None:
    assert cli("build", "graph_coloring", "--set", "rows={test: 20}", "--workers", 1).code == 0
    assert cli("caption", "--from", "facts", "--name", "known").code == 0


def test_facts_are_captioned_and_judged_exactly(cli: Callable[..., Any]) -> None:
    made(cli)
    done = cli("judge", "--from", "known", "--use", "oracle")
    assert done.code == 0
    assert "judged: 20 verdicts" in done.out
    assert "oracle passes 1.000" in done.out
    assert "shuffled (wrong image): passes 0.000" in done.out
    assert "refused" not in done.out.partition("oracle passes")[2]
    found = cli("sql", "select distinct verdict from judged", "--json")
    assert json.loads(found.out) == [{"verdict": "supported"}]


def test_a_model_captions_and_one_that_does_not_look_is_named(cli: Callable[..., Any], tmp_path: Path) -> None:
    made(cli)
    with Server(lambda asked, times: Say.text("The graph has 3 vertices.")) as server:
        done = cli("caption", "--url", server.url, "--model", "vl", "--max-calls", 100)
    assert "caps: 20 captions, 20 spans" in done.out
    with Server(judges(passes)) as server:
        done = cli("judge", "--use", "llm", "--use", "oracle", "--url", server.url, "--model", "vl", "--probe", "blank")
    assert "rejected 2: judge.refused 2" in done.out  # to an oracle a white image is none
    assert "refused: no wrong image was probed" in done.out
    assert "refused: it is not looking: it passes 1.000" in done.out
    with Server(judges(passes)) as server:
        words = ("--url", server.url, "--model", "vl", "--probe", "none", "--name", "bare", "--json")
        done = cli("judge", "--use", "llm", *words)
    assert json.loads(done.out)["made"] == {"layers/verdicts": 20}
    assert "refused" not in done.out


def test_nlvr_s_facts_are_judged_by_its_scenes(cli: Callable[..., Any], shared: Path) -> None:
    assert cli("build", "nlvr", "--source", shared / "corpora" / "nlvr", "--limit", 100, "--workers", 1).code == 0
    assert cli("caption", "--from", "facts").code == 0
    done = cli("judge", "--probe", "numbers", "--probe", "shuffled")
    assert done.code == 0
    assert "oracle passes 1.000" in done.out
    assert "numbers (known false): passes 0.000" in done.out
    found = json.loads(
        cli("sql", "select distinct producer.name as judge, verdict, unjudged from judged", "--json").out
    )
    assert {(row["judge"], row["verdict"], row["unjudged"]) for row in found} == {
        ("oracle", "supported", None),
        ("consistency", None, "consistency.alone"),
    }


def test_nothing_is_asked_on_a_dry_run(cli: Callable[..., Any]) -> None:
    made(cli)
    with Server(judges(passes)) as server:
        done = cli("judge", "--from", "known", "--use", "llm", "--url", server.url, "--model", "m", "--dry-run")
        assert "1 of 1 shards to make" in done.out
        assert server.asked == []


def test_a_panel_of_whole_captions_has_no_probes(cli: Callable[..., Any]) -> None:
    made(cli)
    with Server(lambda asked, times: Say.text('{"answer": "3"}')) as server:
        done = cli("judge", "--from", "known", "--use", "utility", "--url", server.url, "--model", "m")
    assert done.code == 0
    assert "judged: 20 scores" in done.out
    assert "passes" not in done.out


def test_without_a_model_or_captions_there_is_nothing_to_do(cli: Callable[..., Any]) -> None:
    made(cli)
    done = cli("caption")
    assert done.code == 2
    assert "name a model with 'with'" in done.err
