import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from perceptdata.builders.corpora.nlvr import NLVR
from perceptdata.builders.corpora.nlvr_scene import parse_facts
from perceptdata.errors import UsageError


@pytest.fixture
def corpus(samples: Path, tmp_path: Path) -> Path:
    """A copy of the packaged records that a test may break."""
    shutil.copytree(samples / "nlvr", tmp_path / "nlvr")
    return tmp_path / "nlvr"


def test_the_packaged_records(samples: Path, read, take) -> None:
    drafts, bad = read(NLVR(), samples / "nlvr")
    assert not bad
    pictures = {draft.key for draft in drafts}
    assert len(pictures) == 20
    twins = Counter(draft.twin for draft in drafts)
    assert all(twins[name] == 20 for name in ("sentence", "text", "facts", "count", "count-colour", "colour"))
    examples = take(NLVR(), samples / "nlvr")
    assert len(examples) == len(drafts)
    assert {(example.stage, len(example.images)) for example in examples} == {
        ("visual_reasoning", 1),
        ("perception", 1),
        ("textual_reasoning", 0),
    }
    assert {example.facts_quality for example in examples} == {"oracle"}
    assert {example.source.licence for example in examples} == {"CC-BY-4.0"}


def test_pictures_of_a_record_share_their_group_and_differ_in_facts(samples: Path, read) -> None:
    drafts, _ = read(NLVR(), samples / "nlvr")
    first, second = (next(d for d in drafts if d.key == f"1572-0-{k}" and d.twin == "facts") for k in (0, 1))
    assert first.group == second.group == "nlvr/dev/1572"
    one, two = parse_facts(first.facts or ""), parse_facts(second.facts or "")
    assert one is not None
    assert two == (one[0], one[2], one[1])
    assert (first.facts or "").startswith("Left box: 3 objects\n- small blue triangle at (72, 21)\n")


def test_the_sentence_and_its_textual_twin(samples: Path, read) -> None:
    drafts = {d.twin: d for d in read(NLVR(), samples / "nlvr")[0] if d.key == "1572-0-0"}
    visual, textual = drafts["sentence"], drafts["text"]
    assert visual.question == (
        "<image>Is this sentence true of the three boxes? "
        '"Each grey box contains atleast one yellow object touching the edge"'
    )
    assert (visual.answer.text, visual.answer.index, tuple(visual.choices)) == ("true", 0, ("true", "false"))
    assert textual.answer == visual.answer
    assert textual.question.endswith(f"The figure shows:\n{textual.facts}")
    assert "100 wide and 100 high" in textual.question


def test_all_real_records(shared: Path, read, take) -> None:
    drafts, bad = read(NLVR(), shared / "corpora/nlvr")
    assert not bad
    assert len({draft.key for draft in drafts}) == 90
    assert len(take(NLVR(), shared / "corpora/nlvr")) == len(drafts)
    assert read(NLVR(), shared / "corpora/nlvr/dev")[0] == drafts  # one split's folder does as well


def test_bad_records(corpus: Path, read) -> None:
    lines = (corpus / "dev/dev.json").read_text().splitlines()
    rows = [json.loads(line) for line in lines[:6]]
    rows[1]["label"] = "maybe"
    rows[2]["structured_rep"] = rows[2]["structured_rep"][:2]
    del rows[3]["sentence"]
    first = f"{rows[0]['directory']}/dev-{rows[0]['identifier']}"
    (corpus / f"dev/images/{first}-1.png").unlink()
    for picture in (corpus / "dev/images").rglob(f"dev-{rows[4]['identifier']}-*.png"):
        picture.unlink()
    broken = corpus / f"dev/images/{rows[5]['directory']}/dev-{rows[5]['identifier']}"
    shutil.copy(corpus / f"dev/images/{first}-0.png", f"{broken}-0.png")  # somebody else's scene
    Path(f"{broken}-1.png").write_bytes(b"\x89PNG but not really")
    (corpus / "dev/dev.json").write_text("\n".join([*map(json.dumps, rows), lines[6][:40], lines[7]]))
    drafts, bad = read(NLVR(), corpus)
    assert [(row.key, row.code) for row in bad] == [
        (rows[1]["identifier"], "answer.missing"),
        (rows[2]["identifier"], "field.invalid"),
        ("line-4", "field.invalid"),
        (rows[4]["identifier"], "image.missing"),
        (f"{rows[5]['identifier']}-0", "nlvr.box_order"),
        (f"{rows[5]['identifier']}-1", "image.unreadable"),
        ("line-7", "row.unreadable"),
    ]
    last = json.loads(lines[7])["identifier"]
    assert {draft.key for draft in drafts} == {f"{rows[0]['identifier']}-0", f"{last}-0", f"{last}-1"}


def test_parts(samples: Path, read, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = read(NLVR(), samples / "nlvr")
    monkeypatch.setattr(NLVR, "SHARD", 4)
    assert [(part.start, part.stop) for part in NLVR().parts(samples / "nlvr")] == [(0, 4), (4, 8), (8, 10)]
    assert read(NLVR(), samples / "nlvr")[0] == whole


def test_a_folder_without_records(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"dev/dev\.json"):
        NLVR().parts(tmp_path)
