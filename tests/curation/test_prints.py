"""Perceptual hashes: stable under what happens to pictures on the way, far apart for different ones."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from curation import pictures
from perceptdata.curation.pairs import near_images
from perceptdata.curation.prints import CELL, CORRELATION, STRONG, WEAK, alike, distance, image_print
from perceptdata.images import decode


def near(one: Image.Image, other: Image.Image) -> bool:
    """Near by hash and by the small copies."""
    first, second = image_print(one), image_print(other)
    assert first.hash is not None
    assert second.hash is not None
    bits, bits64 = distance(first.hash, second.hash)
    correlation, cell = alike(first.small, second.small)
    return (bits <= STRONG or bits64 <= WEAK) and correlation > CORRELATION and cell <= CELL


@pytest.mark.parametrize("change", [pictures.jpeg, pictures.half, pictures.padded, pictures.cropped])
@pytest.mark.parametrize("seed", range(6))
def test_a_changed_drawing_is_near_itself(change: object, seed: int) -> None:
    drawn = pictures.drawing(seed)
    assert callable(change)
    assert near(drawn, change(drawn))


def test_padding_changes_no_bit_of_the_hash() -> None:
    for seed in range(6):
        one, other = image_print(pictures.drawing(seed)), image_print(pictures.padded(pictures.drawing(seed)))
        assert one.hash is not None
        assert other.hash is not None
        assert distance(one.hash, other.hash) == (0, 0)
        assert one.pixels != other.pixels


def test_sparse_scenes_do_not_collapse() -> None:
    """80 % of pixels and more are the same in any two, and some are within the hash's reach; none is near."""
    scenes = [pictures.scene(seed) for seed in range(60)]
    prints = [image_print(each) for each in scenes]
    reached = 0
    for (one, first), (other, second) in combinations(enumerate(prints), 2):
        assert first.hash is not None
        assert second.hash is not None
        bits, bits64 = distance(first.hash, second.hash)
        reached += bits <= STRONG or bits64 <= WEAK
        assert not near(scenes[one], scenes[other])
    assert reached > 0  # so the look at the small copies is needed
    assert all(near(each, pictures.jpeg(each)) and near(each, pictures.half(each)) for each in scenes[:10])


def test_the_scenes_of_nlvr_do_not_collapse(shared: Path) -> None:
    paths = sorted((shared / "corpora" / "nlvr").rglob("*.png"))[:60]
    prints = [image_print(decode(path.read_bytes())) for path in paths]
    for first, second in combinations(prints, 2):
        if first.pixels != second.pixels and first.hash is not None and second.hash is not None:
            bits, bits64 = distance(first.hash, second.hash)
            correlation, cell = alike(first.small, second.small)
            assert not ((bits <= STRONG or bits64 <= WEAK) and correlation > CORRELATION and cell <= CELL)


def test_the_hash_is_of_low_frequencies_above_their_median() -> None:
    """A cosine of the second row frequency alone: that coefficient is above the median of the rest, about nought."""
    at = np.arange(64)
    levels = 128 + 100 * np.cos(np.pi * (2 * at[None, :] + 1) * 2 / 128) * np.ones((64, 1))
    made = image_print(Image.fromarray(np.repeat(levels.round().astype(np.uint8)[:, :, None], 3, axis=2)))
    assert made.hash is not None
    bits = np.unpackbits(made.hash[:4].astype(">u8").view(np.uint8)).reshape(16, 16)
    assert bits[0, 0] == 1  # the mean
    assert bits[0, 2] == 1
    assert abs(int(bits.sum()) - 128) <= 1


def test_pixels_are_those_of_the_decoded_picture() -> None:
    drawn = pictures.drawing(1)
    assert image_print(drawn).pixels == image_print(decode(pictures.png(drawn))).pixels
    assert image_print(drawn).pixels != image_print(drawn.rotate(180)).pixels
    wide, tall = Image.new("RGB", (4, 2)), Image.new("RGB", (2, 4))
    assert image_print(wide).pixels != image_print(tall).pixels


def test_one_colour_has_no_hash() -> None:
    flat = image_print(Image.new("RGB", (30, 20), (10, 200, 30)))
    assert flat.hash is None
    assert alike(flat.small, flat.small) == (0.0, 0)


def test_no_picture_is_near_nothing() -> None:
    assert near_images([]).near(0, 0) == (0, 0, 1.0, 0)
