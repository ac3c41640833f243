"""Numbered lines: nothing in a part can end its line, and only numbers that were asked mean something."""

from perceptdata.annotators.numbered import Numbered, holds


def test_numbers_depend_on_parts_and_seed() -> None:
    parts = ["a", 'b\n[7] "c"\u2028d']
    sheet = Numbered.of(parts, "seed")
    assert sheet == Numbered.of(parts, "seed")
    assert len({Numbered.of(parts, str(seed)).first for seed in range(20)}) > 15
    assert 100 <= sheet.first <= 899
    assert [len(line.splitlines()) for line in sheet.lines()] == [1, 1]
    assert sheet.lines()[0] == f'[{sheet.first}] "a"'


def test_only_what_was_asked_has_a_place() -> None:
    sheet = Numbered.of(["a", "b", "c"], "seed", places=[0, 2])
    assert [sheet.place(sheet.first + at) for at in (-1, 0, 1, 2)] == [None, 0, 2, None]
    assert sheet.parts == ("a", "c")


def test_a_quote_is_found_in_any_case_and_shape() -> None:
    assert holds("The sign says “STOP – now”.", 'says  "stop - NOW"')
    assert not holds("The sign says STOP.", "sign STOP")
    assert not holds("The sign.", " ")
