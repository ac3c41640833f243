"""A picture that a person can say something about."""

import io

from PIL import Image as Pillow
from PIL import ImageDraw


def scene() -> bytes:
    """A red square left of a green circle, a blue bar at the right edge; 480 x 360, as PNG."""
    drawn = Pillow.new("RGB", (480, 360), "#f4f1ea")
    pen = ImageDraw.Draw(drawn)
    pen.rectangle((60, 140, 190, 270), fill="#c0392b", outline="black", width=3)
    pen.ellipse((235, 175, 330, 270), fill="#27ae60", outline="black", width=3)
    pen.rectangle((400, 60, 430, 300), fill="#2962a8", outline="black", width=3)
    pen.line((0, 300, 480, 300), fill="black", width=2)
    file = io.BytesIO()
    drawn.save(file, "PNG")
    return file.getvalue()
