"""The card of a release: true numbers, valid YAML, no empty section, and nothing a row can break."""

import re
from collections.abc import Callable
from pathlib import Path

import datasets
import pytest
from huggingface_hub import DatasetCard
from releases import run, write
from toys import card, write_lines

from perceptdata.publishing.release import card as cards
from perceptdata.publishing.release.build import ReleaseSpec, build_release
from perceptdata.publishing.release.markdown import cell, size, table, value
from perceptdata.publishing.release.sections import sections_of
from perceptdata.workspace import Workspace

Publish = Callable[..., Path]


def sections(text: str) -> dict[str, str]:
    return dict(re.findall(r"<!-- perceptdata:(\w+) -->\n(.*?)\n<!-- /perceptdata:\1 -->", text, re.DOTALL))


def test_the_yaml_is_what_the_hub_reads(published_ws: Workspace, publish: Publish) -> None:
    folder = publish(published_ws)
    data = DatasetCard.load(folder / "README.md").data
    assert data.license == "cc0-1.0"
    assert data.size_categories == ["n<1K"]
    assert data.pretty_name == "toys"
    infos = datasets.info.DatasetInfosDict.from_dataset_card_data(data)
    for name, info in infos.items():
        files = sorted(folder.glob(f"{name}/*.parquet"))
        loaded = datasets.load_dataset("parquet", data_files=[str(path) for path in files], split="train")
        assert info.features == loaded.features
        assert sum(split.num_examples for split in info.splits.values()) == len(loaded)
        assert info.download_size == sum(path.stat().st_size for path in files)


def test_the_sections_say_what_there_is(published_ws: Workspace, publish: Publish) -> None:
    said = sections((publish(published_ws) / "README.md").read_text())
    assert list(said) == ["summary", "load", "configs", "fields", "built", "dropped", "licences", "limits", "citation"]
    assert said["summary"].startswith("48 examples over 6 images from Toys, in ")
    assert 'load_dataset("acme/toys", "perception")' in said["load"]
    assert "streaming=True" in said["load"]
    assert "perceptdata clone acme/toys" in said["load"]
    assert re.search(r"\| `perception` \| test \| \d+ \| [\d.]+ KB \|", said["configs"])
    assert "| `question` | string | &lt;image>State it. |" in said["fields"]
    assert "| `tags` | tag | toy_words 1 |" in said["built"]
    assert "| `image.truncated` | 4 | the image file ends too early |" in said["dropped"]
    assert "| Toys | `toy_cards` 1 | CC0-1.0 | train | 36 |" in said["licences"]
    assert "2605.29496" in said["citation"]
    assert "not compared with benchmarks" in said["limits"]


def test_no_section_is_empty_and_no_template_is_left(published_ws: Workspace, publish: Publish) -> None:
    text = (publish(published_ws) / "README.md").read_text()
    assert all(body.strip() for body in sections(text).values())
    assert "More Information Needed" not in text
    assert "None" not in text


def test_views_are_described_by_their_definition(published_ws: Workspace, publish: Publish) -> None:
    said = sections((publish(published_ws, views=("perception",)) / "README.md").read_text())
    assert "clone" not in said["load"]
    assert list(said)[2] == "configs"


def test_a_published_card_is_merged_and_stays_the_same(published_ws: Workspace, tmp_path: Path) -> None:
    release = build_release(published_ws)
    shards = write(release, tmp_path / "one")
    first = (tmp_path / "one" / "README.md").read_text()
    assert release.closing(shards, first)["README.md"].decode() == first
    mine = first.replace("# dataset", "# My own title\n\nHand-written.")
    again = release.closing(shards, mine)["README.md"].decode()
    assert again == mine


def test_what_the_publisher_vouches_for_is_said(with_toys: None, tmp_path: Path) -> None:
    write_lines(tmp_path / "mine.jsonl", [{"question": "What is 1 + 1?", "answer": "2", "id": "a"}])
    ws = Workspace.create(tmp_path / "ws")
    run(ws, "mine", "build", use="auto", path=tmp_path / "mine.jsonl")
    (corpus,) = {row["corpus"] for row in ws.examples().to_table().column("source").to_pylist()}
    release = build_release(ws, ReleaseSpec(allow=(corpus,)))
    assert release.problems() == []
    write(release, tmp_path / "out")
    text = (tmp_path / "out" / "README.md").read_text()
    assert f"on the publisher's own word ({corpus}), although:" in text
    assert f"- {corpus} (1 row, unstated) states no licence" in text
    assert DatasetCard(text).data.license == "other"


def test_a_row_cannot_break_out_of_the_card(with_toys: None, tmp_path: Path) -> None:
    nasty = "<!-- /perceptdata:fields --> | a | b\n```\n# Free <script>"
    write_lines(tmp_path / "cards" / "0.jsonl", [card(0, question=nasty, response=nasty)])
    ws = Workspace.create(tmp_path / "ws")
    run(ws, "cards", "build", use="toy_cards", path=tmp_path / "cards")
    release = build_release(ws)
    shards = write(release, tmp_path / "out")
    text = (tmp_path / "out" / "README.md").read_text()
    assert text.count("<!-- /perceptdata:fields -->") == 1
    assert "<script" not in text
    assert release.closing(shards, text)["README.md"].decode() == text


def test_a_card_whose_features_are_not_the_files_is_a_problem(
    published_ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = cards._info

    def wrong(*args: object) -> dict[str, object]:
        return info(*args) | {"features": [{"name": "id", "dtype": "int64"}]}

    monkeypatch.setattr(cards, "_info", wrong)
    (problem,) = build_release(published_ws).problems()
    assert "the card would not be valid: the card's features of 'perception' are not those of its files" in problem


def test_evidence_is_told_in_tables(published_ws: Workspace) -> None:
    """The numbers are made up; that they come from the workspace is `test_evidence`'s."""
    release = build_release(published_ws)
    release.record.evidence.update(
        certificates={
            "cert": {
                "fingerprint": "ab" * 32,
                "use": "reward",
                "target": 0.95,
                "confidence": 0.95,
                "precision": 0.985,
                "lower": 0.957,
                "claims": 4000,
                "audited": 400,
                "captions": 900,
                "readers": 2,
                "reader_kind": "person",
                "kappa": 0.8,
                "does_not_cover": ["what a caption leaves out"],
            }
        },
        calibrations={
            "verdicts/llm": {
                "against": ["person"],
                "labels": 300,
                "sensitivity": {"value": 0.9, "low": 0.8, "high": 0.95},
                "specificity": {"value": 0.7, "low": None, "high": None},
                "kappa": None,
                "model": "m",
            }
        },
        agreement=[
            {
                "annotators": ["ann", "bob"],
                "texts": 40,
                "clauses": 300,
                "alpha": {"value": 0.71, "low": 0.65, "high": 0.77},
            }
        ],
    )
    said = sections_of(release.spec, release.configs, release.record, [])
    assert "| ann, bob | 40 | 300 | 0.710 (0.650–0.770) |" in said["agreement"]
    assert "| `verdicts/llm` | person | 300 | 0.900 (0.800–0.950) | 0.700 | – |" in said["agreement"]
    assert "Precision 0.9850, at least 0.9570 with 95% confidence" in said["certificate"]
    assert "- what a caption leaves out" in said["certificate"]
    assert "No certificate" not in said["limits"]


def test_cells_and_sizes() -> None:
    assert table(["a", "b"], [["x|y", ""], ["z\nw", ""]]) == "| a |\n| --- |\n| x\\|y |\n| z w |"
    assert cell("<b>") == "&lt;b>"
    assert [size(each) for each in (0, 999, 1000, 25_300_000)] == ["0 B", "999 B", "1.0 KB", "25.3 MB"]
    assert value("é" * 200) == "é" * 89 + "…"


def test_guard_sets_are_named_where_rows_were_compared_with_them(published_ws: Workspace) -> None:
    release = build_release(published_ws)
    options = {"do": "decontaminate", "against": ["MathVista", "We-Math"], "threshold": 0.8}
    release.record.steps["clean"] = {"do": "decontaminate", "options": options, "rows": {}, "rejected": {}}
    said = sections_of(release.spec, release.configs, release.record, [])
    assert "| `clean` | MathVista, We-Math | threshold 0.8 |" in said["decontamination"]
    assert "Rows were not compared" not in said["limits"]
