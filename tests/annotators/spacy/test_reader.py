"""`perceptdata_spans`: what a workspace's layer or a file says, in spaCy documents."""

from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
import spacy
from toys import write_cards

from perceptdata.errors import UsageError
from perceptdata.layers import text_sha256
from perceptdata.spans import PRO, SpanSet
from perceptdata.spans import Span as Stretch
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import run_step
from perceptdata.tagging import spans_to_arrow
from perceptdata.workspace import Workspace

TEXT = "I see 1 and 0. So the sum is 1."


@pytest.fixture(scope="module")
def ws(toy_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("reader")
    write_cards(folder / "cards", shards=1, rows=6)
    made = Workspace.create(folder / "ws")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(toy_site)
        with made.lock("test"):
            run_step(made, "cards", make_step("build", {"use": "toy_cards", "path": folder / "cards"}))
            run_step(made, "tags", make_step("tag", {"use": "toy_words"}))
    return made


def table(*rows: tuple[str, list[Stretch]]) -> pa.Table:
    return pa.table(
        {
            "text_sha256": [text_sha256(text) for text, _ in rows],
            "scheme": [PRO.id] * len(rows),
            "spans": spans_to_arrow([SpanSet.of(spans) for _, spans in rows]),
        }
    )


def test_the_documented_example(ws: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    """The example of docs/architecture/annotators.md runs as it stands there, beside a workspace `ws`."""
    page = (Path(__file__).parents[3] / "docs" / "architecture" / "annotators.md").read_text("utf-8")
    blocks = (block.partition("```")[0] for block in page.split("```python\n")[1:])
    (example,) = (block for block in blocks if "perceptdata_spans" in block)
    monkeypatch.chdir(ws.path.parent)
    exec(compile(example, "annotators.md", "exec"), {})
    assert capsys.readouterr().out == "perception 1.0 I see 1 and 0.\nreasoning 1.0 So the sum is 1.\n0\n"


def test_a_text_that_no_row_speaks_of(ws: Workspace) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("perceptdata_spans", config={"source": str(ws.path), "layer": "tags", "spans_key": "sc"})
    doc = nlp("Never seen.")
    assert (len(doc.spans["sc"]), doc.user_data) == (0, {"perceptdata_unknown": True, "perceptdata_misaligned": 0})


@pytest.mark.parametrize("kind", ["parquet", "arrow", "folder"])
def test_files_of_spans(tmp_path: Path, kind: str) -> None:
    rows = table(
        (TEXT, [Stretch(0, 14, "other")]), (TEXT, [Stretch(0, 14, "perception", 0.5), Stretch(16, 31, "reasoning")])
    )
    path = tmp_path / f"spans.{kind}"
    if kind == "arrow":
        feather.write_feather(rows, path)
    elif kind == "folder":
        path.mkdir()
        for part in range(2):
            pq.write_table(rows.slice(part, 1), path / f"{part}.parquet")
    else:
        pq.write_table(rows, path)
    nlp = spacy.blank("en")
    nlp.add_pipe("perceptdata_spans", config={"source": str(path)})
    nlp.to_disk(tmp_path / "pipeline")
    for each in (nlp, spacy.load(tmp_path / "pipeline")):
        (doc,) = each.pipe([TEXT])
        # The last row stands; [16, 31) begins inside "So".
        assert [(span.label_, span.text) for span in doc.spans["perceptdata"]] == [("perception", "I see 1 and 0.")]
        assert doc.spans["perceptdata"].attrs["scores"].tolist() == [0.5]
        assert doc.user_data == {"perceptdata_unknown": False, "perceptdata_misaligned": 1}


def test_what_cannot_be_read(ws: Workspace, tmp_path: Path) -> None:
    (tmp_path / "text.parquet").write_text("no table")
    pq.write_table(pa.table({"a": [1]}), tmp_path / "other.parquet")
    wrong = {
        "does not exist": {"source": str(tmp_path / "nothing")},
        "name the spans layer": {"source": str(ws.path)},
        "no spans or reviews layer 'nope'": {"source": str(ws.path), "layer": "nope"},
        "text.parquet cannot be read as a parquet table": {"source": str(tmp_path / "text.parquet")},
        "other.parquet cannot be read as a parquet table": {"source": str(tmp_path / "other.parquet")},
    }
    for message, config in wrong.items():
        nlp = spacy.blank("en")
        nlp.add_pipe("perceptdata_spans", config=config)
        with pytest.raises(UsageError, match=message):
            nlp("A text.")
