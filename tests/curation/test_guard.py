"""Guard sets: nothing of a test's text in the file, and each rule on rows made for it."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from curation import pictures
from perceptdata.curation.guard import COMMON, Guard, GuardSet, guard_files, write_guard
from perceptdata.curation.matching import Match, Matcher, Picture
from perceptdata.curation.prints import image_print
from perceptdata.errors import UsageError

QUESTION = (
    "In the figure a ladder of 13 metres leans against a wall and its foot stands 5 metres away from the wall . "
    "How high does the ladder reach ?"
)
SHORT = "What colour is the disc?"
DISC, OTHER = pictures.drawing(0), pictures.drawing(1)


def printed(picture: Image.Image) -> tuple[str, list[int] | None]:
    made = image_print(picture)
    return made.pixels, None if made.hash is None else made.hash.tolist()


def row(name: str, question: str, *images: str) -> dict[str, Any]:
    return {"id": name, "question": question, "images": [{"sha256": each} for each in images]}


def guard(path: Path, rows: list[dict[str, Any]], **told: Any) -> Guard:
    prints = {"disc": printed(DISC), "other": printed(OTHER)}
    write_guard(rows, prints, path, GuardSet(**{"name": path.stem, **told}))
    return Guard.read(path)


def ask(guards: list[Guard], question: str, *shown: Image.Image, n: int = 13) -> list[Match]:
    seen = [
        Picture(pixels, None if hash_ is None else np.array(hash_, np.uint64)) for pixels, hash_ in map(printed, shown)
    ]
    return Matcher(guards, n).of([question], [seen])[0]


def rules(*asked: Any, **options: Any) -> list[tuple[str, bool]]:
    return [(match.rule, match.drops) for match in ask(*asked, **options)]


@pytest.fixture
def bench(tmp_path: Path) -> Guard:
    return guard(tmp_path / "bench.parquet", [row("a", QUESTION), row("b", SHORT, "disc"), row("c", "What is 3 + 4?")])


def test_the_file_holds_no_text(bench: Guard, tmp_path: Path) -> None:
    data = (tmp_path / "bench.parquet").read_bytes().lower()
    for word in QUESTION.split() + SHORT.split():
        if len(word) > 4:
            assert word.lower().encode() not in data
    for field in bench.items.schema:
        assert "string" not in str(field.type)
        assert "binary" not in str(field.type)


def test_runs_cannot_be_chained_back_to_words(tmp_path: Path) -> None:
    """Hashes of runs are linear in hashes of words before they are salted; the file must not keep that."""
    text = ["now", "the", "quick", "brown", "fox", "jumps", "over", "lazy", "dogs"]
    made = guard(tmp_path / "g.parquet", [row("a", " ".join(text))])
    first, second = made.items.column("grams8")[0].as_py()
    assert first < second  # sorted: not in the order of the text
    base = 0x9E3779B97F4A7C15
    assert (second - base * first) % 2**64 != (first - base * second) % 2**64


@pytest.mark.parametrize(
    ("question", "found"),
    [
        (QUESTION, [("exact", True)]),
        (f"<image>{QUESTION.upper()}\nChoices:\n(A) 12\n(B) 5", [("exact", True)]),
        (f"Look carefully . {QUESTION} Answer in metres .", [("gram13", True)]),
        (" ".join(QUESTION.split()[4:22]), [("gram13", True)]),
        (QUESTION.replace("13", "17").replace("5", "8"), [("template_twin", False)]),
        ("A ladder leans against a wall .", []),
    ],
)
def test_rules_of_text(bench: Guard, question: str, found: list[tuple[str, bool]]) -> None:
    assert rules([bench], question) == found


def test_eight_words_are_the_stricter_rule(bench: Guard) -> None:
    part = " ".join(QUESTION.split()[2:12]) + " and then it falls down all at once with a loud noise"
    assert rules([bench], part) == []
    assert rules([bench], part, n=8) == [("gram8", True)]


def test_most_of_a_short_question_counts_with_its_picture(tmp_path: Path) -> None:
    """Ten words are three runs of eight; nine of them keep two: 0.67. Eight keep one: 0.33."""
    text = ["count", "all", "the", "red", "discs", "that", "touch", "a", "blue", "box"]
    made = guard(tmp_path / "g.parquet", [row("a", " ".join(text), "disc")])
    asked = " ".join([*text[:9], "sphere", "now"])
    assert rules([made], asked, OTHER) == [("short_question", False)]
    (match,) = ask([made], asked, DISC)
    assert (match.rule, match.drops, round(match.score, 2)) == ("containment+image", True, 0.67)
    assert rules([made], " ".join([*text[:8], "green", "sphere", "now"]), DISC) == [("image", True)]


def test_a_short_question_needs_its_picture(bench: Guard) -> None:
    assert rules([bench], f"<image>{SHORT}", DISC) == [("exact+image", True)]
    assert rules([bench], f"<image>{SHORT}", pictures.jpeg(DISC)) == [("exact+image", True)]
    assert rules([bench], f"<image>{SHORT}", OTHER) == [("short_question", False)]
    assert rules([bench], SHORT) == [("short_question", False)]


def test_a_short_question_of_a_textual_test_must_be_the_same(bench: Guard) -> None:
    assert rules([bench], "what is 3+4") == [("exact", True)]
    assert rules([bench], "<image>what is 3+4", OTHER) == [("exact", False)]
    assert rules([bench], "What is 3 + 5?") == [("template_twin", False)]


def test_a_picture_alone_drops_unless_training_sets_share_it(bench: Guard, tmp_path: Path) -> None:
    asked = "How many discs and how many boxes can you see here?"
    assert rules([bench], asked, DISC) == [("image", True)]
    (near,) = ask([bench], asked, pictures.half(DISC))
    assert near.drops
    assert 1 - 24 / 256 <= near.score < 1
    assert rules([bench], asked, OTHER) == []
    coco = guard(tmp_path / "coco.parquet", [row("b", SHORT, "disc")], shared_images=True)
    assert rules([coco], asked, DISC) == [("image_overlap", False)]
    assert rules([coco], SHORT, DISC) == [("exact+image", True)]


def test_a_templated_text_proves_nothing_alone(tmp_path: Path) -> None:
    made = guard(tmp_path / "g.parquet", [row("a", QUESTION, "disc")], templated=True)
    assert rules([made], QUESTION, OTHER) == [("templated", False)]
    assert rules([made], QUESTION, DISC) == [("exact+image", True)]


def test_evidence_names_set_item_rule_and_score(bench: Guard) -> None:
    (match,) = ask([bench], QUESTION)
    said = match.to_json()
    assert said == {"guard": "bench", "item": f"{match.item:016x}", "rule": "exact", "score": 1.0}
    assert match.item in bench.items.column("item").to_pylist()


def test_sets_of_other_salts_are_searched_too(bench: Guard, tmp_path: Path) -> None:
    other = guard(tmp_path / "other.parquet", [row("a", QUESTION)], salt="pepper")
    assert not set(other.items.column("exact").to_pylist()) & set(bench.items.column("exact").to_pylist())
    assert [match.guard for match in ask([bench, other], QUESTION)] == ["bench", "other"]


def test_how_a_set_words_its_questions_is_no_evidence(tmp_path: Path) -> None:
    phrase = "please answer the question below using a single word or a short phrase"
    own = [" ".join(f"{letter * 3}{other}" for other in "pqrstuvwxyz") for letter in "abcdefghijklm"]
    rows = [row(str(at), f"{own[at]} {phrase}") for at in range(COMMON + 1)]
    made = guard(tmp_path / "g.parquet", rows)
    assert rules([made], f"whatever {phrase}") == []
    few = guard(tmp_path / "few.parquet", rows[:COMMON])
    assert {rule for rule, _ in rules([few], f"whatever {phrase}")} == {"gram13"}


def test_different_drawings_are_not_taken_for_guarded_ones(bench: Guard) -> None:
    for seed in range(1, 20):
        assert rules([bench], "An unrelated question .", pictures.drawing(seed)) == []


def test_rows_are_judged_one_by_one_whatever_the_batch(bench: Guard) -> None:
    asked = [QUESTION, SHORT, "What is 3 + 4?", "Nothing of the kind .", ""]
    whole = Matcher([bench]).of(asked, [[]] * len(asked))
    for each, found in zip(asked, whole, strict=True):
        assert Matcher([bench]).of([each], [[]])[0] == found
    assert [bool(found) for found in whole] == [True, True, True, False, False]


def test_files_that_are_no_guards(tmp_path: Path, bench: Guard) -> None:
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    with pytest.raises(UsageError, match=r"x\.parquet is no guard file"):
        Guard.read(tmp_path / "x.parquet")
    pq.write_table(bench.items.replace_schema_metadata(None), tmp_path / "y.parquet")
    with pytest.raises(UsageError, match="is no guard file"):
        Guard.read(tmp_path / "y.parquet")
    with pytest.raises(UsageError, match="has no guard files"):
        guard_files(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="no row to guard"):
        write_guard([], {}, tmp_path / "z.parquet", GuardSet(name="z"))
    assert guard_files(tmp_path / "bench.parquet") == [tmp_path / "bench.parquet"]


def test_pairs_by_minhash_are_few_where_texts_differ(bench: Guard) -> None:
    texts = [" ".join(words) for words in itertools.permutations(["the", "wall", "is", "high", "and", "old"], 6)][:200]
    assert not any(Matcher([bench]).of(texts, [[]] * len(texts)))
