"""Sudoku: shapes as published, facts that read back, answers checked by the rules."""

import io
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from perceptdata.builders.synthetic.sudoku import CELL, Sudoku
from perceptdata.builders.synthetic.sudoku_solver import Grid, is_solution, rename, solution

FULL = (1, 2, 3, 4, 3, 4, 1, 2, 2, 1, 4, 3, 4, 3, 2, 1)
PUZZLE = (1, 0, 3, 4, 3, 4, 1, 2, 2, 1, 4, 3, 4, 3, 2, 0)  # r1c2 and r4c4 are blank
SMALL = Sudoku(size=4)


@pytest.fixture(scope="module")
def drawn() -> list[Grid]:
    rng = random.Random(0)
    return [Sudoku().generate(rng) for _ in range(40)]


def test_scenes_as_published(drawn: list[Grid]) -> None:
    """81 cells, 16 blanks, one solution; the published ground truths have 261 characters."""
    for grid in drawn:
        assert (len(grid), grid.count(0)) == (81, 16)
        full = solution(grid, 9)
        assert full is not None
        assert is_solution(full, 9)
        truth = Sudoku().ground_truth(grid)
        assert len(truth) == 261
        assert [digit for row in json.loads(truth) for digit in row] == list(grid)


@pytest.mark.parametrize(("size", "pixels"), [(9, 369), (6, 246), (4, 164)])
def test_pictures_have_cells_of_41_pixels(size: int, pixels: int) -> None:
    family, rng = Sudoku(size=size), random.Random(0)
    grid = family.generate(rng)
    image = Image.open(io.BytesIO(family.draw(grid, rng)))
    assert image.size == (pixels, pixels)
    grey = image.convert("L")
    for cell, digit in enumerate(grid):
        row, column = divmod(cell, size)
        inside = (column * CELL + 4, row * CELL + 4, column * CELL + CELL - 4, row * CELL + CELL - 4)
        darkest, _ = grey.crop(inside).getextrema()
        assert darkest == 255 if digit == 0 else darkest < 60


def test_box_borders_are_bold() -> None:
    """Between rows 2 and 3 of a 6 x 6 grid runs a bold line, between rows 1 and 2 a thin one."""
    family = Sudoku(size=6)
    grey = Image.open(io.BytesIO(family.draw((0,) * 36, random.Random(0)))).convert("L")
    column = [grey.getpixel((20, y)) for y in range(246)]
    assert sum(value == 0 for value in column[30:52]) == 1
    assert sum(value == 0 for value in column[72:92]) == 3
    row = [grey.getpixel((x, 20)) for x in range(246)]
    assert sum(value == 0 for value in row[72:92]) == 1
    assert sum(value == 0 for value in row[113:133]) == 3
    assert column[0] == row[0] == column[-1] == row[-1] == 0


@pytest.mark.parametrize("size", [4, 6, 9])
@given(data=st.data())
def test_facts_read_back(size: int, data: st.DataObject) -> None:
    family = Sudoku(size=size)
    grid = tuple(data.draw(st.lists(st.integers(0, size), min_size=size**2, max_size=size**2)))
    assert family.parse(family.facts(grid)) == grid
    assert family.parse(family.ground_truth(grid)) == grid


def test_facts_in_full() -> None:
    assert SMALL.facts(PUZZLE) == '[[1, "-", 3, 4], [3, 4, 1, 2], [2, 1, 4, 3], [4, 3, 2, "-"]]'


@pytest.mark.parametrize(
    "text",
    [
        '```json\n[[1, "-", 3, 4],\n [3, 4, 1, 2],\n [2, 1, 4, 3],\n [4, 3, 2, "-"]]\n```',
        "[[1,0,3,4],[3,4,1,2],[2,1,4,3],[4,3,2,0]]",
        "The grid is [[1, null, 3, 4], [3, 4, 1, 2], [2, 1, 4, 3], [4, 3, 2, null]].",
        "[['1', '', '3', '4'], ['3', '4', '1', '2'], ['2', '1', '4', '3'], ['4', '3', '2', '']]",
        "[1, ., 3, 4]\n[3, 4, 1, 2]\n[2, 1, 4, 3]\n[4, 3, 2, .]",
        "Here it is:\n\n1 - 3 4\n3 4 1 2\n2 1 4 3\n4 3 2 -\n\nDone.",
        "1_34\n3412\n2143\n432_",
        "1 .|3 4\n3 4|1 2\n---+---\n2 1|4 3\n4 3|2 .",
        "| 1 | - | 3 | 4 |\n|---|---|---|---|\n| 3 | 4 | 1 | 2 |\n| 2 | 1 | 4 | 3 |\n| 4 | 3 | 2 | - |",
        "Row 1: 1 - 3 4\nRow 2: 3 4 1 2\nRow 3: 2 1 4 3\nRow 4: 4 3 2 -",
    ],
)
def test_parse_reads_what_models_write(text: str) -> None:
    assert SMALL.parse(text) == PUZZLE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no grid here",
        "[[1, 2, 3, 4], [3, 4, 1, 2], [2, 1, 4, 3]]",  # a row is missing
        "[[1, 2, 3, 5], [3, 4, 1, 2], [2, 1, 4, 3], [4, 3, 2, 1]]",  # no 5 in a grid of 4
        "[[1, 2, 3, 4], [3, 4, 1, 2], [2, 1, 4], [4, 3, 2, 1]]",
        "[" * 50_000,
        "-" * 50_000,
        "-" * 50_000 + "x",
    ],
)
def test_parse_refuses_the_rest(text: str) -> None:
    assert SMALL.parse(text) is None


def test_a_blank_row_is_a_row_and_a_ruled_line_is_not() -> None:
    text = "- - - -\n--------\n3 4 1 2\n=======\n2 1 4 3\n4 3 2 1"
    assert SMALL.parse(text) == (0, 0, 0, 0, *FULL[4:])


@given(st.text())
def test_nothing_a_model_writes_raises(text: str) -> None:
    SMALL.parse(text)
    assert 0 <= SMALL.check(text, PUZZLE, dense=True) <= 1
    assert 0 <= SMALL.check_perception(text, PUZZLE, dense=True) <= 1


@given(st.lists(st.sampled_from([*"0123456789²٣[],-|._\"'/\n ", "null", "row 1:"])).map("".join))
def test_nothing_that_looks_like_a_grid_raises(text: str) -> None:
    SMALL.parse(text)
    SMALL.check(text, PUZZLE)


@pytest.mark.parametrize(
    "text",
    [
        "1234/3412/2143/4321",
        "1234341221434321",
        "1234 3412 2143 4321",
        "[[1, 2, 3, 4], [3, 4, 1, 2], [2, 1, 4, 3], [4, 3, 2, 1]]",
        r"\begin{bmatrix} 1 & 2 & 3 & 4 \\ 3 & 4 & 1 & 2 \\ 2 & 1 & 4 & 3 \\ 4 & 3 & 2 & 1 \end{bmatrix}",
        "| 1 | 2 | 3 | 4 |\n| 3 | 4 | 1 | 2 |\n| 2 | 1 | 4 | 3 |\n| 4 | 3 | 2 | 1 |",
        "Grid 1 solved:\n\n[[1,2,3,4],\n[3,4,1,2],\n[2,1,4,3],\n[4,3,2,1]]",
    ],
)
def test_right_grids_in_many_hands(text: str) -> None:
    assert SMALL.check(text, PUZZLE) == SMALL.check(text, PUZZLE, dense=True) == 1.0


@pytest.mark.parametrize(
    ("text", "dense"),
    [
        ("1234/3412/2143/4322", 1 / 2),  # one of two blanks
        ("1134/3412/2143/4322", 0.0),  # neither
        ("1-34/3412/2143/432-", 0.0),  # still blank
        ("2234/3412/2143/4321", 2 / 3),  # both blanks, but a given digit was changed
        ("/".join(("4321", "2143", "3412", "1234")), 0 / 18),  # a full grid, of another puzzle
        ("I do not know", 0.0),
        ("", 0.0),
    ],
)
def test_wrong_grids(text: str, dense: float) -> None:
    assert SMALL.check(text, PUZZLE) == 0.0
    assert SMALL.check(text, PUZZLE, dense=True) == pytest.approx(dense)


def test_any_solution_counts_where_there_are_several() -> None:
    """A grid without 1 and 2 has a solution with them exchanged too."""
    puzzle = tuple(digit if digit > 2 else 0 for digit in FULL)
    other = rename(bytes(FULL), (2, 1, 3, 4))
    for full in (FULL, other):
        assert SMALL.check("".join(map(str, full)), puzzle) == 1.0


@pytest.mark.parametrize(
    ("text", "strict", "dense"),
    [
        ("1-34\n3412\n2143\n432-", 1.0, 1.0),
        ("1234\n3412\n2143\n432-", 0.0, 15 / 16),
        ("nothing", 0.0, 0.0),
    ],
)
def test_perception(text: str, strict: float, dense: float) -> None:
    assert SMALL.check_perception(text, PUZZLE) == strict
    assert SMALL.check_perception(text, PUZZLE, dense=True) == pytest.approx(dense)


def test_solutions_are_right_and_their_traces_reason_only(drawn: list[Grid]) -> None:
    family = Sudoku()
    for grid in drawn:
        answer, trace = family.solve(grid, random.Random(0))
        assert family.check(answer, grid) == 1.0
        assert not set(answer) & set("\\{}")
        assert "[" not in trace
        assert "\n\n" not in trace


def test_questions_about_the_picture(drawn: list[Grid]) -> None:
    family, rng = Sudoku(), random.Random(0)
    for grid in drawn:
        whole, cell, blanks = family.ask_perception(grid, rng)
        assert family.check_perception(whole.answer, grid) == 1.0
        row, column = (int(word.strip(",")) for word in cell.text.split() if word.strip(",").isdigit())
        assert int(cell.answer) == grid[(row - 1) * 9 + column - 1] != 0
        row = next(int(word) for word in blanks.text.split() if word.isdigit())
        assert int(blanks.answer) == grid[(row - 1) * 9 : row * 9].count(0)


def test_puzzles_of_one_full_grid_are_one_scene() -> None:
    assert SMALL.canonical(PUZZLE) == SMALL.canonical(FULL) == "1234341221434321"


def test_the_task_names_no_format() -> None:
    asked = Sudoku(size=6).ask((0,) * 36)
    assert "2 rows by 3 columns" in asked
    assert "boxed" not in asked
    assert "<image>" not in asked


@pytest.mark.parametrize(("size", "blanks"), [(4, 10), (6, 20), (9, 50)])
def test_the_most_blanks_can_be_had(size: int, blanks: int) -> None:
    family = Sudoku(size=size, blanks=blanks)
    assert family.generate(random.Random(0)).count(0) == blanks


@pytest.mark.parametrize("options", [{"size": 5}, {"blanks": 0}, {"size": 4, "blanks": 11}, {"blanks": 51}])
def test_impossible_options_are_refused(options: dict) -> None:
    with pytest.raises(ValidationError):
        Sudoku(**options)


def test_streams_never_meet() -> None:
    family, taken = Sudoku(size=6), set()
    for row in range(30):
        cores = family.cores(row, 30, 5, random.Random(row))
        own = {family.canonical(core) for core, _ in zip(cores, range(60), strict=False)}
        assert not own & taken
        taken |= own
