"""The evidence of a card is what the workspace holds: a real certificate, a real calibration, people's agreement."""

import json
from pathlib import Path

import pytest
from releases import publish, run, write
from toys import card, write_lines

from perceptdata.errors import WorkspaceError
from perceptdata.layers import Producer, Review, SpanRecord, text_sha256
from perceptdata.publishing.release.build import build_release
from perceptdata.publishing.release.evidence import evidence_of
from perceptdata.review.calibrations import Labels, calibrate_judges
from perceptdata.shard import ShardWriter
from perceptdata.workspace import Workspace

MADE_BY = Producer(name="review", version="1", config="0a1b2c3d")


def test_a_certificate_and_a_calibration_are_told(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> None:
    audited = pytest.importorskip("audited")
    from perceptdata.review import read_claims

    ws = audited.judged(tmp_path_factory)
    with ws.lock("fixture"):
        audited.audit(ws, "careful", errors={"miss": 0.05, "alarm": 0.02})
    run(ws, "certified", "certify", **{"from": "caps", "audit": "careful"})
    claims = read_claims(ws, "caps", ["exact", "panel"])
    calibrate_judges(ws, claims, Labels.of_oracle(claims, "exact/oracle"))
    said = evidence_of(ws)
    (certificate,) = said["certificates"].values()
    file = json.loads((ws.path / "certificates" / "certified" / "certificate.json").read_text())
    assert certificate["fingerprint"] == file["fingerprint"]
    assert certificate["precision"] == round(file["findings"]["claims"]["estimate"], 4)
    assert certificate["reader_kind"] == "simulated"
    worth = said["calibrations"]["panel/noisy_a"]
    assert 0 < worth["specificity"]["low"] < worth["specificity"]["value"] < worth["specificity"]["high"] <= 1
    release = build_release(ws)
    assert release.problems() == []
    write(release, tmp_path / "out")
    text = (tmp_path / "out" / "README.md").read_text()
    assert "## Certificate" in text
    assert "| `panel/noisy_a` | oracle |" in text
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["evidence"]["certificates"]["certified"]
    (ws.path / "certificates" / "certified" / "certificate.json").write_text("{")
    with pytest.raises(WorkspaceError, match="cannot be read as a certificate"):
        evidence_of(ws)


def review(number: int, reviewer: str, split: int) -> Review:
    """Somebody who says that the text perceives up to `split` and reasons from there."""
    text = f"I see {number} and 0. So the sum is {number}."
    spans = (
        SpanRecord(start=0, end=split, label="perception", score=1.0, tagger=reviewer),
        SpanRecord(start=split, end=len(text), label="reasoning", score=1.0, tagger=reviewer),
    )
    return Review(
        text_id=f"cards/train/{number}#response",
        text_sha256=text_sha256(text),
        reviewer=reviewer,
        scheme="pro@1",
        spans=spans,
        producer=MADE_BY,
    )


def test_people_are_compared_with_each_other_and_with_taggers(with_toys: None, tmp_path: Path) -> None:
    write_lines(tmp_path / "cards" / "0.jsonl", [card(number) for number in range(8)])
    ws = Workspace.create(tmp_path / "ws")
    run(ws, "cards", "build", use="toy_cards", path=tmp_path / "cards")
    run(ws, "tags", "tag", use="toy_words")
    border = len("I see 0 and 0.")
    with ws.lock("test"):
        made = ws.begin("people", "0a1b2c3d", "review", {"do": "review"}, 1)
        with ShardWriter(ws.path, "people", "0a1b2c3d", "cards-00000") as shard:
            for number in range(8):
                shard.add("layers/reviews", review(number, "ann", border))
                shard.add("layers/reviews", review(number, "bob", border if number else 6))
        made.shards["cards-00000"] = shard.entry("x", "cards/00000")
        ws.finish(made)
    among, with_tags = evidence_of(ws)["agreement"]
    assert among["annotators"] == ["people:ann", "people:bob"]
    assert (among["texts"], with_tags["texts"]) == (8, 8)
    assert 0.5 < among["alpha"]["value"] < 1
    assert with_tags["annotators"] == ["people:ann", "people:bob", "tags"]
    folder = publish(ws, tmp_path / "out")
    text = (folder / "README.md").read_text()
    assert "| people:ann, people:bob | 8 |" in text
    assert "Reviews name people and are not published." in text
    assert not (folder / "reviews").exists()


def test_without_any_there_is_no_section(published_ws: Workspace) -> None:
    assert evidence_of(published_ws) == {}
