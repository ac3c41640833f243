"""Pictures for the tests of curation: line drawings, scenes of few blocks, and what happens to pictures on the way."""

import io
import random

from PIL import Image, ImageDraw

from perceptdata.images import decode


def drawing(seed: int, size: int = 400) -> Image.Image:
    """Lines, a disc and a box on white, well inside."""
    draw = random.Random(seed)
    picture = Image.new("RGB", (size, size * 3 // 4), "white")
    pen = ImageDraw.Draw(picture)
    points = [(draw.randrange(40, size - 40), draw.randrange(40, size * 3 // 4 - 40)) for _ in range(7)]
    pen.line(points, fill="black", width=4)
    x, y = points[0]
    pen.ellipse((x - 30, y - 30, x + 30, y + 30), fill=(200, 60, 60))
    x, y = points[3]
    pen.rectangle((x - 25, y - 20, x + 25, y + 20), fill=(40, 90, 180))
    return picture


def scene(seed: int) -> Image.Image:
    """Three grey boxes with a few small blocks, as NLVR shows them: most pixels are the same in all."""
    draw = random.Random(seed)
    picture = Image.new("RGB", (400, 100), "white")
    pen = ImageDraw.Draw(picture)
    for box in range(3):
        pen.rectangle((box * 150, 0, box * 150 + 99, 99), fill=(211, 211, 211))
        for _ in range(draw.randrange(2, 6)):
            x, y, side = box * 150 + draw.randrange(80), draw.randrange(80), draw.choice((10, 20))
            pen.rectangle((x, y, x + side, y + side), fill=draw.choice(((0, 0, 0), (255, 220, 0), (0, 90, 220))))
    return picture


def jpeg(picture: Image.Image, quality: int = 60) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return decode(buffer.getvalue())


def half(picture: Image.Image) -> Image.Image:
    return picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.BICUBIC)


def padded(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    wide = Image.new("RGB", (width * 11 // 10, height * 11 // 10), "white")
    wide.paste(picture, (width // 20, height // 20))
    return wide


def cropped(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    return picture.crop((width * 3 // 100, height * 3 // 100, width * 97 // 100, height * 97 // 100))


def png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
