"""`export spacy`: `spacy train` runs on what is written, and what is lost on the way is counted."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy.tokens import DocBin
from toys import card, write_cards, write_lines

from perceptdata.annotators.taggers.spacy import Spacy as Tagger
from perceptdata.errors import UsageError, WorkspaceError
from perceptdata.layers import text_sha256
from perceptdata.publishing.exports.spacy import Spacy, import_spacy
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import run_step
from perceptdata.tagging import tag_batch
from perceptdata.view import View, ViewSpec
from perceptdata.workspace import Workspace


def workspace(folder: Path, toy_site: Path) -> Workspace:
    made = Workspace.create(folder / "ws")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(toy_site)
        with made.lock("test"):
            run_step(made, "cards", make_step("build", {"use": "toy_cards", "path": folder / "cards"}))
            run_step(made, "tags", make_step("tag", {"use": "toy_words"}))
    return made


@pytest.fixture(scope="module")
def ws(toy_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("spacy")
    write_cards(folder / "cards", shards=3, rows=12)
    return workspace(folder, toy_site)


def view(ws: Workspace, **spec: Any) -> View:
    return View(ws, "tagged", ViewSpec.model_validate({"spans": "tags", **spec}))


def docs(path: Path) -> list[spacy.tokens.Doc]:
    return list(DocBin().from_disk(path).get_docs(spacy.blank("en").vocab))


def test_spacy_train_runs_on_an_export_as_it_is(ws: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "out"
    files = Spacy().export(view(ws), out)
    assert [path.name for path in files] == ["dev.spacy", "train.spacy", "config.cfg", "README.md"]
    command = [sys.executable, "-m", "spacy", "train", "config.cfg", "--output", "trained"]
    command += ["--paths.train", "train.spacy", "--paths.dev", "dev.spacy", "--training.max_steps", "6"]
    done = subprocess.run(command, cwd=out, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    trained = Tagger(model=out / "trained" / "model-best")
    texts = {text_sha256(doc.text) for doc in docs(out / "train.spacy")}
    assert trained.learned_from() == texts
    assert not texts & {text_sha256(doc.text) for doc in docs(out / "dev.spacy")}
    (found,) = tag_batch([("t", "I see 7 and 0. So the sum is 7.", None)], [trained])
    assert [span.label for span in found] == ["perception", "reasoning"]


def test_documents_are_the_views_texts_and_spans(ws: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "out"
    Spacy().export(view(ws, order="random"), out)
    written = {doc.text: doc for name in ("train", "dev") for doc in docs(out / f"{name}.spacy")}
    rows = [row for row in view(ws) if row["response"] and row["spans"]]
    assert written.keys() == {row["response"] for row in rows}
    for row in rows:
        spans = written[row["response"]].spans["perceptdata"]
        said = [(span.start_char, span.end_char, span.label_) for span in spans]
        assert said == [(span["start"], span["end"], span["label"]) for span in row["spans"]]
    record = json.loads((out / "export.json").read_text())
    counted = sum(split["texts"] for split in record["splits"].values())
    skipped = sum(split["skipped"] for split in record["splits"].values())
    assert (record["view"], counted, skipped) == ("tagged", len(rows), len(view(ws)) - len(rows))
    assert record["splits"]["train"]["by_span"] == record["splits"]["train"]["reachable"] == 1.0
    readme = (out / "README.md").read_text()
    assert f"{len(rows)} texts" in readme
    assert "| train | 19 | 38 | 0 | 38 | 0 | 1.0 | 1.0 | 1.0 |" in readme


def test_an_export_is_replaced_and_a_strange_folder_refused(ws: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shares = {"train": 0.5, "test": 0.3, "val": 0.2}
    Spacy().export(view(ws, splits=shares), out)
    assert {path.name for path in out.glob("*.spacy")} == {"train.spacy", "dev.spacy", "test.spacy"}
    Spacy().export(view(ws), out)
    assert {path.name for path in out.glob("*.spacy")} == {"train.spacy", "dev.spacy"}
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("…")
    with pytest.raises(UsageError, match="no export wrote"):
        Spacy().export(view(ws), tmp_path / "mine")
    (tmp_path / "file").write_text("…")
    with pytest.raises(WorkspaceError, match="cannot be written"):
        Spacy().export(view(ws), tmp_path / "file" / "below")


def test_views_that_nothing_can_be_learned_from(ws: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="carries no spans"):
        Spacy().export(View(ws, "all", ViewSpec()), tmp_path)
    with pytest.raises(UsageError, match=r"has the splits train; .* declare splits"):
        Spacy().export(view(ws, where="source.split = 'train'"), tmp_path)


def test_clauses_that_tokens_cut_are_kept_by_the_tokenizer(toy_site: Path, tmp_path: Path) -> None:
    text = "<think>I see 1.</think>\nSo it is 1."
    rows = [card(n, response=text, split="test" if n % 2 else "train", group=f"g{n}") for n in range(4)]
    write_lines(tmp_path / "cards" / "0.jsonl", rows)
    Spacy().export(view(workspace(tmp_path, toy_site)), tmp_path / "out")
    (one, _) = docs(tmp_path / "out" / "train.spacy")
    assert [span.text for span in one.spans["perceptdata"]] == ["<think>", "I see 1.", "</think>", "So it is 1."]


def test_the_command_says_what_is_next(cli: Any, ws: Workspace, tmp_path: Path) -> None:
    with ws.lock("test"):
        from perceptdata.view import define_view

        define_view(ws, "tagged", ViewSpec(spans="tags"))
    said = cli("export", "spacy", "--view", "tagged", "--to", tmp_path / "o", "--workspace", ws.path)
    assert (said.code, "README.md" in said.out + said.err) == (0, True)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, ws: Workspace, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)
    calls = [import_spacy, lambda: Spacy().export(view(ws), tmp_path), lambda: Tagger(model=tmp_path).options()]
    for call in [*calls, lambda: Tagger.train([], tmp_path / "m")]:
        with pytest.raises(UsageError, match=r"pip install 'perceptdata\[spacy\]'"):
            call()
