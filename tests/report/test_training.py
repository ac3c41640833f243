"""The page about a training run: what it says, that nothing is lost, and that no text of a model can break it."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from report.runs import PARTS, SAID, fill, metrics, record, sample, write_lines
from typer.testing import CliRunner

from perceptdata.cli import app
from perceptdata.errors import UsageError
from perceptdata.report.training import LEVELS, charts, chosen, pieces, render, rollout


@pytest.fixture
def out(tmp_path: Path, words: SimpleNamespace) -> Path:
    """The folder of a run, some texts of which are hostile."""
    return fill(tmp_path / "out", words.hostile)


def said(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html.partition("<body>")[2]).split())


def test_what_the_page_says(out: Path) -> None:
    html, rollouts = render(out)
    text = said(html)
    assert rollouts == 6
    for words in (
        "Qwen3-VL-8B, trained with pgpo on 110 rows",
        "It has not ended: the last step that was logged is 30.",
        "30 of 40 steps",
        "3 rejects",
        "0.0333 last loss",
        "10 min training",
        "6 rollouts of the 30 that were kept",
        "perception not scored, no_scene",
        "advantage -0.5",
        "does not keep to the format: tag missing",
        "prompt.too_long 2, text.missing 1. These rows of the view were not trained on.",
        "bad-2 text.missing no response",
        "alpha 0.3",
        "torch 2.13.0",
        "1 other number that was logged",
    ):
        assert words in text, words


def test_a_run_that_ended_says_so(out: Path) -> None:
    (out / "run.json").write_text(json.dumps(record(finished="2026-11-20T14:00:00+00:00", steps=30)))
    text = said(render(out)[0])
    assert "It ended at 2026-11-20T14:00:00+00:00." in text
    assert "30 steps" in text


def test_the_same_run_gives_the_same_bytes(out: Path) -> None:
    assert render(out) == render(out)


def test_texts_add_no_markup(out: Path, words: SimpleNamespace) -> None:
    html, _ = render(out)
    assert "<script" not in html
    assert "<img" not in html
    assert "script-src" not in html  # nothing may run
    assert html.count("{{ 7 * 7 }}") == 4  # a response, a question and two rejects
    assert "window.hacked" in said(html)


def test_numbers_that_belong_together_are_drawn_together() -> None:
    found, rest = charts([metrics(step) for step in range(1, 31)])
    by_title = {chart.title: [(line.name, line.kind) for line in chart.lines] for chart in found}
    assert by_title["Rewards"] == [("outcome", "answer"), ("perception", "perception")]
    assert by_title["Rewards and perception"] == [("outcome", "answer"), ("perception", "perception")]
    assert [name for name, _ in by_title["Token weights"]] == ["weight_max", "weight_median"]
    assert [chart.title for chart in rest] == ["odd/number"]
    assert "never" not in str(found)


def test_what_is_missing_is_a_gap_and_what_is_measured_now_and_then_a_line() -> None:
    found, _ = charts([metrics(step) for step in range(1, 31)])
    by_title = {chart.title: chart for chart in found}
    assert by_title["Rewards"].lines[1].values[:3] == (0.2, None, 0.2)
    assert by_title["Perceived"].lines[0].values == (0.25, 0.25, 0.25)
    assert "steps 10 to 30" in by_title["Perceived"].picture


def test_every_number_is_drawn_once() -> None:
    lines = [
        {"step": 1, "loss": 1.0, "loss_perception": 1.0, "completions/mean_length": 3.0, "completions/min_length": 2}
    ]
    lines[0] |= {"loss/description": 0.1, "rewards/a/mean": 0.5, "rewards/a/std": 0.1, "reward": 0.4, "kl": 0.0}
    found, rest = charts(lines)
    assert sum(len(chart.lines) for chart in [*found, *rest]) == len(lines[0]) - 1
    assert {chart.title for chart in rest} == {"reward", "rewards/a/std"}


def test_leakage_is_drawn_over_the_steps_that_measured_it() -> None:
    lines = [{"step": step, "loss": 1.0} for step in range(1, 8)]
    for line in lines[::3]:
        line |= {"palr/all": 0.1, "palr/description": 0.0, "palr/reasoning": 0.3, "rollouts/palr": 0.75}
    by_title = {chart.title: chart for chart in charts(lines)[0]}
    drawn = by_title["Leakage of the answer"]
    assert [(line.name, line.kind) for line in drawn.lines] == [
        ("all", "ink"),
        ("description", "perception"),
        ("reasoning", "reasoning"),
    ]
    assert drawn.lines[2].values == (0.3, 0.3, 0.3)
    assert "steps 1 to 7" in drawn.picture


def test_names_that_would_be_told_alike_are_told_whole() -> None:
    found, _ = charts([{"step": 1, "unscored/missing": 0.0, "rewards/missing": 0.1}])
    assert [line.name for line in found[0].lines] == ["unscored/missing", "rewards/missing"]


def test_steps_are_chosen_evenly_with_both_ends() -> None:
    lines = [sample(step) for step in range(1, 101) for _ in range(2)]
    steps = [line["step"] for line in chosen(lines)]
    assert (steps[0], steps[-1], len(steps)) == (100, 1, 12)
    assert steps == sorted(steps, reverse=True)
    assert chosen(lines[:4]) == [lines[2], lines[3], lines[0], lines[1]]


def test_a_response_is_told_whole_with_its_parts() -> None:
    shown = rollout(sample(1, weighed=False))
    assert "".join(text for piece in shown.pieces for text, _, _ in piece.tokens) == SAID
    marked = [(piece.label, piece.tokens[0][0]) for piece in shown.pieces if piece.label]
    assert marked == list(zip(("description", "think", "answer"), PARTS, strict=True))
    assert shown.heaviest is None
    assert all(level is None for piece in shown.pieces for _, level, _ in piece.tokens)


def test_each_token_has_its_shade() -> None:
    text = "abcdefgh"
    weights = [[1, 3, 0.0], [3, 6, 2.0], [6, 7, 4.0]]  # the second one crosses a border of parts
    found = list(pieces(text, [[2, 5, "think"]], weights, 4.0))
    assert [(piece.label, piece.tokens) for piece in found] == [
        ("", [("a", None, 0.0), ("b", 0, 0.0)]),
        ("think", [("c", 0, 0.0), ("de", LEVELS // 2, 2.0)]),
        ("", [("f", LEVELS // 2, 2.0), ("g", LEVELS, 4.0), ("h", None, 0.0)]),
    ]


def test_weights_that_are_all_nought_have_no_shade() -> None:
    shown = rollout(sample(1, weights=[[0, 4, 0.0]]))
    assert shown.pieces[0].tokens[0] == ("<des", 0, 0.0)
    assert rollout(sample(1, weights=[])).heaviest is None


def test_a_run_without_a_step_has_sentences(tmp_path: Path) -> None:
    bare = {name: value for name, value in record().items() if name not in ("steps", "rows", "rejected", "trained")}
    (tmp_path / "run.json").write_text(json.dumps(bare))
    html, rollouts = render(tmp_path)
    assert rollouts == 0
    assert "<svg" not in html
    for sentence in ("No step was logged yet.", "None were kept", "Nothing: every row of the view fits."):
        assert sentence in said(html)


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no training run \(run\.json is not there\)"):
        render(tmp_path)
    fill(tmp_path / "1-perception")
    with pytest.raises(UsageError, match=r"it holds several: .*1-perception"):
        render(tmp_path)
    (tmp_path / "run.json").write_text(json.dumps(record()))
    write_lines(tmp_path / "metrics.jsonl", [{"no": "step"}, metrics(1)])
    with pytest.raises(UsageError, match=r"metrics\.jsonl, line 1"):
        render(tmp_path)


def test_the_verb_writes_it(out: Path, tmp_path: Path) -> None:
    planned = CliRunner().invoke(app, ["report", "--run", str(out), "--dry-run"])
    assert planned.output == f"{out}/report/index.html: a page with 6 rollouts would be written\n"
    assert not (out / "report").exists()
    done = CliRunner().invoke(app, ["report", "--run", str(out)])
    assert done.exit_code == 0, done.output
    assert f"open {out}/report/index.html in a browser" in done.output
    elsewhere = tmp_path / "page.html"
    told = CliRunner().invoke(app, ["report", "--run", str(out), "--to", str(elsewhere), "--json"])
    assert json.loads(told.output) == {"output": "report", "files": [str(elsewhere)], "rows": 6}
    assert elsewhere.read_bytes() == (out / "report" / "index.html").read_bytes()
    both = CliRunner().invoke(app, ["report", "--run", str(out), "--view", "hard"])
    assert isinstance(both.exception, UsageError) or "leave one out" in both.output
