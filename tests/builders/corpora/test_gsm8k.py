import json
from collections import Counter
from pathlib import Path

import pytest

from perceptdata.builders.corpora.gsm8k import GSM8K, calculations, final_answer, without_marks
from perceptdata.builders.corpora.questions import question_hash, same_question
from perceptdata.errors import Rejected, UsageError


def lines(file: Path, *rows: object) -> Path:
    file.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
    return file


def test_the_packaged_files(samples: Path, read, take) -> None:
    drafts, bad = read(GSM8K(), samples / "gsm8k")
    assert not bad
    assert Counter((draft.split, draft.key.split("/")[0]) for draft in drafts) == {
        ("train", "train"): 8,
        ("test", "test"): 4,
        ("test", "test_socratic"): 4,
        ("test", "example_model_solutions"): 4,
    }
    assert all("<<" not in (draft.response or "") and "####" not in (draft.response or "") for draft in drafts)
    assert {example.stage for example in take(GSM8K(), samples / "gsm8k")} == {"textual_reasoning"}
    by_key = {draft.key: draft for draft in drafts}
    same = [by_key[f"{name}/0"].group for name in ("test", "test_socratic", "example_model_solutions")]
    assert len(set(same)) == 1
    assert len({draft.group for draft in drafts}) == 8 + 4
    first = by_key["train/0"]  # a corpus made from this one asks the same, with other spaces and capitals
    assert first.group == same_question(f" {first.question.upper()}\n")
    assert first.group.startswith("question/")


def test_a_problem(samples: Path, read) -> None:
    first = next(draft for draft in read(GSM8K(), samples / "gsm8k")[0] if draft.key == "train/0")
    assert first.answer.text == "72"
    assert first.response == (
        "Natalia sold 48/2 = 24 clips in May.\nNatalia sold 48+24 = 72 clips altogether in April and May."
    )
    assert first.meta["calculations"] == ["48/2=24", "48+24=72"]
    assert first.meta["raw"].endswith("\n#### 72")


def test_a_socratic_problem(samples: Path, read) -> None:
    first = next(draft for draft in read(GSM8K(), samples / "gsm8k")[0] if draft.key == "test_socratic/0")
    assert first.meta["sub_questions"] == [
        "How many eggs does Janet sell?",
        "How much does Janet make at the farmers' market?",
    ]
    assert first.response == (
        "Janet sells 16 - 3 - 4 = 9 duck eggs a day.\nShe makes 9 * 2 = $18 every day at the farmer’s market."
    )


def test_model_solutions_right_and_wrong(samples: Path, read) -> None:
    first = next(draft for draft in read(GSM8K(), samples / "gsm8k")[0] if draft.key == "example_model_solutions/0")
    assert first.answer.text == "18"
    assert [(one.model, one.score) for one in first.responses] == [
        ("6b_finetuning", 0.0),
        ("6b_verification", 0.0),
        ("175b_finetuning", 0.0),
        ("175b_verification", 1.0),
    ]
    assert first.responses[3].text.endswith("so 2 * 9 = $18 per day\nA: 18")
    assert "<<2*9=18>>" in first.responses[3].meta["raw"]


def test_the_real_files(shared: Path, read, take) -> None:
    drafts, bad = read(GSM8K(), shared / "corpora/gsm8k")
    assert not bad
    assert len(drafts) == 80 + 40 + 40 + 10
    assert len({draft.group for draft in drafts}) == 120
    assert len(take(GSM8K(), shared / "corpora/gsm8k")) == 170


@pytest.mark.parametrize(
    ("written", "text", "accepts"),
    [
        ("18", "18", ()),
        (" 109,200,000", "109200000", ("109,200,000",)),
        ("-3.5", "-3.5", ()),
        ("$1,080", "1080", ("$1,080",)),
    ],
)
def test_final_answers(written: str, text: str, accepts: tuple[str, ...]) -> None:
    answer = final_answer(written)
    assert (answer.text, answer.kind, answer.accepts) == (text, "number", accepts)


@pytest.mark.parametrize("written", ["", "ten", "5 apples", "1.2.3"])
def test_a_final_answer_that_is_no_number(written: str) -> None:
    with pytest.raises(Rejected, match="is not a number"):
        final_answer(written)


def test_marks() -> None:
    assert without_marks("12/60 = $<<12/60=0.2>>0.2 per minute") == "12/60 = $0.2 per minute"
    assert calculations("<<1+1=2>>2 and <<2*2=4>>4") == ["1+1=2", "2*2=4"]
    assert without_marks("a << b and c >> d") == "a  d"  # a shift is not told from a mark; the raw text is kept


def test_question_hash_ignores_case_and_spacing() -> None:
    assert question_hash("How  many\nEGGS?") == question_hash("how many eggs?")
    assert question_hash("How many eggs?") != question_hash("How many legs?")


def test_bad_rows_are_named_and_the_rest_goes_on(tmp_path: Path, read) -> None:
    good = {"question": "1+1?", "answer": "1+1 = <<1+1=2>>2\n#### 2"}
    lines(
        tmp_path / "train.jsonl",
        good,
        '{"question": "cut off',
        "",
        {"question": "no mark", "answer": "2"},
        {"answer": "#### 2"},
        {"question": "thousands", "answer": "#### 1,234"},
    )
    drafts, bad = read(GSM8K(), tmp_path)
    assert [draft.key for draft in drafts] == ["train/0", "train/4"]
    assert drafts[1].response is None
    assert [(row.key, row.code) for row in bad] == [
        ("train/1", "row.unreadable"),
        ("train/2", "answer.missing"),
        ("train/3", "field.invalid"),
    ]
    assert bad[0].message.startswith("train.jsonl, line 2: not JSON")
    assert bad[1].message.startswith("train.jsonl, line 4: ")  # the blank line counts as a line, not as a row


def test_parts_are_stretches_of_files(samples: Path, read, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = read(GSM8K(), samples / "gsm8k")
    monkeypatch.setattr(GSM8K, "SHARD", 3)
    parts = GSM8K().parts(samples / "gsm8k")
    assert [(part.path.stem, part.start, part.stop) for part in parts if part.path][:4] == [
        ("train", 0, 3),
        ("train", 3, 6),
        ("train", 6, 8),
        ("test", 0, 3),
    ]
    assert read(GSM8K(), samples / "gsm8k")[0] == whole


def test_one_file_alone(samples: Path, read) -> None:
    assert len(read(GSM8K(), samples / "gsm8k/test.jsonl")[0]) == 4
    with pytest.raises(UsageError, match=r"holds none of train\.jsonl"):
        GSM8K().parts(samples / "nlvr")
