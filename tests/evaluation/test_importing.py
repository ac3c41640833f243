"""Result files in their real formats: every answer in its state, and nothing pickled is opened."""

import json
from collections import Counter
from pathlib import Path

import pytest
from harnesses import lines, lmms_eval, table, vlmevalkit

from perceptdata.comparison import stored
from perceptdata.comparison.findings import compare
from perceptdata.comparison.stored import Stored
from perceptdata.errors import UsageError
from perceptdata.evaluation import sheets
from perceptdata.evaluation.importing import collect
from perceptdata.evaluation.verdicts import number


def states(folder: Path, **how: object) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for row in collect(folder, **how).rows:  # pyrefly: the helper passes names on
        found.setdefault(str(row["benchmark"]), Counter())[str(row["state"])] += 1
    return found


def test_every_kind_of_table_of_vlmevalkit(tmp_path: Path) -> None:
    found = states(vlmevalkit(tmp_path))
    # Item 4 met no option, item 5 was guessed: neither answer could be read.
    assert found["MMStar"] == {"right": 3, "wrong": 1, "unparsed": 2}
    assert found["POPE"] == {"right": 2, "wrong": 1, "unparsed": 1, "failed": 1}
    # Extraction failed for one; the judge failed for another, which is not the model's fault.
    assert found["MathVerse_MINI"] == {"right": 1, "unparsed": 1, "unscored": 1}
    assert found["MathVerse_MINI_Vision_Only"] == found["MathVerse_MINI"]
    assert found["MathVista_MINI"] == {"right": 2, "wrong": 1, "unparsed": 1}
    assert found["DynaMath"] == {"right": 1, "wrong": 1, "unparsed": 1}
    assert len(found) == 6


def test_what_the_harness_says_stands_beside(tmp_path: Path) -> None:
    about = collect(vlmevalkit(tmp_path)).about
    assert about["official"] == pytest.approx(
        {
            "MMStar": 0.66667,
            "POPE": 0.4,
            "MathVerse_MINI": 0.3333,
            "MathVerse_MINI_Vision_Only": 0.3333,
            "MathVista_MINI": 0.5,
            "DynaMath": 0.33333,
        }
    )
    notes = "\n".join(about["notes"])
    assert "MMStar: 1 unreadable answers were guessed right by the harness" in notes
    assert "MMStar: the harness reports 66.67, its items give 50.00" in notes
    assert "MathVista_MINI: the harness wrote no verdict an item" in notes
    assert "MathVista_MINI: the harness reports" not in notes
    assert (about["name"], about["harness"]) == (tmp_path.name, "vlmevalkit")


def test_texts_come_along(tmp_path: Path) -> None:
    row = next(row for row in collect(vlmevalkit(tmp_path)).rows if row["benchmark"] == "MMStar" and row["item"] == "3")
    assert row["question"] == "Which is number 3?\nLook closely."
    assert (row["answer"], row["said"]) == ("A", "I see\tmany things")


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    run = vlmevalkit(tmp_path) / "base" / "T20261101_G0123abcd"
    for path in run.glob("base_MMStar_*"):
        if path.suffix != ".pkl":
            path.unlink()
    with pytest.raises(UsageError, match=r"MMStar: base_MMStar.tsv has predictions, and no file beside it"):
        collect(tmp_path)
    assert "pickle" not in Path(sheets.__file__).read_text("utf-8").replace("Pickles", "").split('"""', 2)[
        2
    ].lower().replace("pickles", "").replace(".pickle", "")


def test_the_newest_run_of_a_benchmark_counts(tmp_path: Path) -> None:
    vlmevalkit(tmp_path)
    vlmevalkit(tmp_path, right=frozenset(range(4)), day="20261105")
    made = collect(tmp_path)
    right = sum(row["state"] == "right" for row in made.rows if row["benchmark"] == "MMStar")
    assert right == 4
    assert any("several runs; the newest counts" in note and "T20261105" in note for note in made.about["notes"])


def test_two_judges_are_told_apart(tmp_path: Path) -> None:
    run = vlmevalkit(tmp_path) / "base" / "T20261101_G0123abcd"
    sheet = sheets.read(run / "base_MMStar_exact_matching_result.tsv")
    assert sheet is not None
    table(run / "base_MMStar_openai_result.tsv", [{**row, "hit": "1", "log": "Match Log: A. "} for row in sheet.rows])
    with pytest.raises(UsageError, match=r"judged more than once \(.*openai.*exact_matching.*--judge"):
        collect(tmp_path)


def test_samples_are_numbered_folders(tmp_path: Path) -> None:
    for sample in range(3):
        vlmevalkit(tmp_path / "outputs" / str(sample), right=frozenset(range(sample)))
    asked = {
        "harness": "vlmevalkit",
        "name": "staged",
        "suite": "paper-b",
        "benchmarks": {"MMStar": "MMStar", "WeMath": "WeMath"},
    }
    (tmp_path / "suite.json").write_text(json.dumps(asked))
    made = collect(tmp_path)
    assert {(row["sample"]) for row in made.rows} == {0, 1, 2}
    assert (made.about["name"], made.about["suite"], made.about["samples"]) == ("staged", "paper-b", 3)
    assert "asked for and not there: WeMath" in made.about["notes"]
    results = stored.write(tmp_path / "results", made.rows, made.about)
    assert results.states("MMStar")["right"] == 0 + 1 + 2


def test_the_rows_that_the_paper_counts(tmp_path: Path) -> None:
    for path in vlmevalkit(tmp_path / "outputs" / "0").rglob("base_MMStar*.tsv"):
        sheet = sheets.read(path)
        assert sheet is not None
        table(path, [{**row, "split": "dev" if int(row["index"]) < 2 else "validation"} for row in sheet.rows])
    asked = {"harness": "vlmevalkit", "parts": {"MMStar": ["split", "validation"], "POPE": ["split", "test"]}}
    (tmp_path / "suite.json").write_text(json.dumps(asked))
    made = collect(tmp_path)
    assert [row["item"] for row in made.rows if row["benchmark"] == "MMStar"] == ["2", "3", "4", "5"]
    assert "MMStar: 4 of 6 rows are kept, as in the paper: split = validation" in made.about["notes"]
    assert sum(row["benchmark"] == "POPE" for row in made.rows) == 5
    assert any(note.startswith("POPE: the paper counts split = test, which no row") for note in made.about["notes"])


def test_who_judged_and_what_was_thought(tmp_path: Path) -> None:
    for path in vlmevalkit(tmp_path).rglob("base_MMStar*.tsv"):
        sheet = sheets.read(path)
        assert sheet is not None
        table(path, [{**row, "thinking": "<think>hm</think>"} for row in sheet.rows])
    made = collect(tmp_path)
    assert next(row for row in made.rows if row["benchmark"] == "MMStar")["said"] == "<think>hm</think>\nA"
    assert made.about["judged"] == {
        "MMStar": "exact_matching_result",
        "POPE": "auxmatch",
        "MathVerse_MINI": "judge_score",
        "MathVerse_MINI_Vision_Only": "judge_score",
        "DynaMath": "judge",
    }


def test_documents_without_a_hash_of_their_own(tmp_path: Path) -> None:
    nothing = "74234e98afe7498fb5daf1f36ac2d78acc339464f950703b8c019892f982b90b"  # sha256 of "null"
    row = {"filtered_resps": "a", "acc": 1.0, "doc_hash": nothing}
    lines(
        tmp_path / "m" / "20261101_120000_samples_odd.jsonl",
        [{**row, "doc_id": at, "target": gold, "input": f"{at}?"} for at, gold in enumerate("aab")],
    )
    checks = [made["check"] for made in collect(tmp_path).rows]
    assert checks[0] == checks[1] != checks[2]  # another prompt is not another question; another answer is


def test_every_kind_of_metric_of_lmms_eval(tmp_path: Path) -> None:
    found = states(lmms_eval(tmp_path))
    assert found == {
        "pope": {"right": 1, "wrong": 1, "unparsed": 1},
        "mmstar": {"right": 3, "wrong": 1},
        "mathvista_testmini_cot": {"right": 1, "wrong": 1, "unparsed": 1},
        "mmmu_val": {"right": 1, "wrong": 1},
        "mathvision_testmini": {"right": 1, "wrong": 1},
        "mmsi_bench": {"unparsed": 1},
    }
    made = collect(tmp_path)
    assert made.about["official"] == {"pope": 0.33333, "mmstar": 0.75}
    assert made.rows[0]["check"] == f"{int(str(made.rows[0]['item'])):064x}"[:16]


def test_documents_that_stand_twice_and_lines_that_are_cut(tmp_path: Path) -> None:
    run = lmms_eval(tmp_path) / "org__base"
    path = run / "20261101_120000_samples_mmstar.jsonl"
    text = path.read_text("utf-8")
    path.write_text(text + text.splitlines()[0] + "\n" + '{"doc_id": 9, "filt', "utf-8")
    made = collect(tmp_path)
    assert sum(row["benchmark"] == "mmstar" for row in made.rows) == 4
    assert any("mmstar: 1 documents stand twice" in note for note in made.about["notes"])
    assert any("mmstar: 1 lines" in note for note in made.about["notes"])


def test_a_metric_that_could_be_several_is_asked_for(tmp_path: Path) -> None:
    row = {"doc_id": 0, "target": "a", "filtered_resps": "a", "sharp": 1.0, "blunt": 0.0}
    lines(tmp_path / "m" / "20261101_120000_samples_odd.jsonl", [row])
    with pytest.raises(UsageError, match=r"odd has several metrics \(sharp, blunt\).*--metric odd=NAME"):
        collect(tmp_path)
    assert collect(tmp_path, metric={"odd": "blunt"}).rows[0]["state"] == "wrong"
    with pytest.raises(UsageError, match="has no metric 'dull'"):
        collect(tmp_path, metric={"odd": "dull"})


def test_workbooks(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    run = vlmevalkit(tmp_path) / "base" / "T20261101_G0123abcd"
    before = states(tmp_path)
    for path in [*run.glob("*.tsv")]:
        sheet = sheets.read(path)
        assert sheet is not None
        book = openpyxl.Workbook()
        book.active.append(list(sheet.columns))
        for row in sheet.rows:
            cells = [
                int(each) if each.isdecimal() else each == "True" if each in ("True", "False") else each
                for each in row.values()
            ]
            book.active.append([None if each == "" else each for each in cells])
        book.save(path.with_suffix(".xlsx"))
        path.unlink()
    assert states(tmp_path) == before


def test_a_workbook_without_its_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "base"
    run.mkdir()
    (run / "base_MMStar.xlsx").write_bytes(b"PK")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        UsageError, match=r"openpyxl is not installed; pip install 'perceptdata\[eval\]'.*PRED_FORMAT=tsv"
    ):
        collect(tmp_path)


def test_folders_that_hold_nothing_or_damage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no folder"):
        collect(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="holds no results of vlmevalkit"):
        collect(tmp_path)
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "x_POPE.json").write_text("{not json")
    with pytest.raises(UsageError, match=r"x_POPE.json cannot be read"):
        collect(tmp_path)


def test_notes_beside_results_are_no_tables(tmp_path: Path) -> None:
    vlmevalkit(tmp_path)
    (tmp_path / "suite.json").write_text('{"harness": "vlmevalkit", "name": "named"}')
    (tmp_path / "base" / "status.json").write_text("{}")
    assert collect(tmp_path).about["name"] == "named"


def test_numbers_that_are_no_share(tmp_path: Path) -> None:
    rows = [
        {"doc_id": at, "target": "a", "filtered_resps": [["a"]], "score": value}
        for at, value in enumerate([50, 150, [1, 0], ["x"], {"nothing": 1}, "0.5"])
    ]
    lines(tmp_path / "m" / "20261101_120000_samples_odd.jsonl", rows)
    (tmp_path / "m" / "20261101_120000_results.json").write_text("{cut")
    made = collect(tmp_path)
    assert [row["value"] for row in made.rows] == [0.5, None, 0.5, None, None, 0.5]
    assert [row["state"] for row in made.rows][1] == "unscored"
    assert made.about["official"] == {}


def test_json_tables(tmp_path: Path) -> None:
    rows = [{"index": 1, "prediction": "A", "hit": 1}, {"index": 2, "prediction": None, "hit": 0}]
    for at, content in enumerate(
        (
            rows,
            {"columns": list(rows[0]), "data": [list(row.values()) for row in rows]},
            {k: [r[k] for r in rows] for k in rows[0]},
        )
    ):
        path = tmp_path / f"{at}.json"
        path.write_text(json.dumps(content))
        sheet = sheets.read(path)
        assert sheet is not None
        assert [row["prediction"] for row in sheet.rows] == ["A", ""]
    (tmp_path / "no.json").write_text('{"a": 1}')
    assert sheets.read(tmp_path / "no.json") is None


@pytest.mark.parametrize(
    ("cell", "value"),
    [("True", 1.0), ("0", 0.0), ("0.5", 0.5), ("[True, False]", 0.5), ("", None), ("maybe", None), ("[1, x]", None)],
)
def test_verdicts_as_cells(cell: str, value: float | None) -> None:
    assert number(cell) == value


def test_two_checkpoints_from_end_to_end(tmp_path: Path) -> None:
    sides = []
    for name, right in (("base", frozenset({0, 1, 2})), ("tuned", frozenset({0, 1, 2, 3, 4}))):
        made = collect(vlmevalkit(tmp_path / name, right=right), name)
        stored.write(tmp_path / "results" / name, made.rows, made.about)
        sides.append(Stored.open(tmp_path / "results" / name))
    rows = {row.benchmark: row for row in compare(*sides).rows}
    assert (rows["MMStar"].wins, rows["MMStar"].losses) == (1, 0)  # 4 keeps the mark of an unread answer
    assert rows["POPE"].unpaired == 1
    assert rows["MMStar"].verdict == "too_few"
