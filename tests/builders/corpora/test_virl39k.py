import json
from pathlib import Path

from perceptdata.builders.corpora.virl39k import ViRL39K


def test_rows_with_their_pass_rates(shape, corpus: Path, take, read) -> None:
    source = shape("virl39k").write(corpus)
    examples = {example.source.key: example for example in take(ViRL39K(), source)}
    assert (examples["Processed-1-0"].choices, examples["Processed-1-0"].answer.index) == (("AB", "CD"), 1)
    assert len(examples["Processed-2-0"].images) == 2
    assert (examples["Processed-2-0"].answer.text, examples["Processed-2-0"].answer.kind) == ("\\frac{7}{2}", "number")
    assert {draft.key: draft.scores for draft in read(ViRL39K(), source)[0]} == {
        "Processed-1-0": {"pass_rate_32b": 0.75, "pass_rate_7b": 0.125},
        "Processed-2-0": {"pass_rate_32b": 1.0},  # -1 says that nobody measured it
        "Port-1": {},
    }


def test_an_open_box_and_an_unknown_letter(corpus: Path, read) -> None:
    rows = [
        {"qid": "a", "question": "1+1?", "answer": "\\boxed{2"},
        {"qid": "b", "question": "Which?\nA. 1\nB. 2", "answer": "\\boxed{E}"},
        {"qid": "c", "question": "1+1?", "answer": "\\boxed{2}"},
    ]
    (corpus / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    drafts, bad = read(ViRL39K(), corpus)
    assert [draft.key for draft in drafts] == ["c"]
    assert [(row.key, row.code) for row in bad] == [("a", "answer.missing"), ("b", "answer.index")]
