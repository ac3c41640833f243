"""What is drawn is what the PNG holds."""

import io

import pytest
from PIL import Image

from perceptdata.builders.synthetic.canvas import BLACK, WHITE, Canvas


def grey(canvas: Canvas) -> Image.Image:
    image = Image.open(io.BytesIO(canvas.png()))
    image.load()
    assert image.mode == "P"
    return image.convert("L")


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (8, 5), (369, 369)])
def test_an_empty_canvas_is_white(size: tuple[int, int]) -> None:
    image = grey(Canvas(*size))
    assert image.size == size
    assert image.getextrema() == (255, 255)


def test_boxes_are_exact() -> None:
    canvas = Canvas(9, 6)
    canvas.box(2, 1, 5, 3)
    black = {(x, y) for x in range(9) for y in range(6) if grey(canvas).getpixel((x, y)) == 0}
    assert black == {(x, y) for x in range(2, 5) for y in range(1, 3)}


@pytest.mark.parametrize("end", [(190, 100), (100, 190), (170, 170), (190, 130), (160, 20), (15, 90), (40, 171)])
def test_lines_of_all_angles_are_equally_wide(end: tuple[int, int]) -> None:
    canvas = Canvas(200, 200)
    canvas.lines([((100, 100), end)], 2.5)
    image = grey(canvas)
    ink = sum(255 - value for value in image.tobytes()) / 255
    length = ((end[0] - 100) ** 2 + (end[1] - 100) ** 2) ** 0.5
    assert ink / length == pytest.approx(2.5, abs=0.6)
    assert image.getpixel(((100 + end[0]) // 2, (100 + end[1]) // 2)) < 130


def test_discs_hide_lines_and_smooth_edges_have_all_greys() -> None:
    canvas = Canvas(100, 100)
    canvas.lines([((0, 0), (99, 99))], 3)
    canvas.disc((50, 50), 20)
    image = grey(canvas)
    assert image.getpixel((50, 50)) == 255
    assert image.getpixel((30, 50)) < 130
    assert len(image.getcolors()) > 8
    assert all(value % 17 == 0 for _, value in image.getcolors())


def test_text_is_centred_by_its_ink() -> None:
    for text in "0123456789":
        canvas = Canvas(60, 60)
        canvas.text((30, 30), text, 26)
        left, top, right, bottom = grey(canvas).point(lambda value: 255 - value).getbbox()
        assert abs((left + right) / 2 - 30.5) <= 1.5
        assert abs((top + bottom) / 2 - 30.5) <= 1.5


def test_a_copy_is_drawn_on_alone() -> None:
    first = Canvas(10, 10)
    second = first.copy()
    second.box(0, 0, 10, 10, BLACK)
    assert grey(first).getextrema() == (17 * WHITE, 17 * WHITE)
    assert grey(second).getextrema() == (0, 0)


def test_bytes_are_repeatable() -> None:
    def drawn() -> bytes:
        canvas = Canvas(80, 80)
        canvas.lines([((3, 5), (70, 60))], 2.5)
        canvas.text((40, 40), "7", 22)
        return canvas.png()

    assert drawn() == drawn()
