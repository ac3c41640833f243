import pytest

from perceptdata.builders.reading.placeholders import name_images, place_images


@pytest.mark.parametrize(
    ("text", "images", "placed"),
    [
        ("What is this?", 1, "<image>What is this?"),
        ("What is this?", 2, "<image><image>What is this?"),
        ("What is this?", 0, "What is this?"),
        ("<image>\nWhat?", 1, "<image>\nWhat?"),
        ("<image 1> or <image_2>?", 2, "<image> or <image>?"),
        ("<img> and < IMAGE />", 2, "<image> and <image>"),
        ("<image1>\nWhich band?\n<image2>", 1, "<image>\nWhich band?"),  # stitched into one file
        ("<image1> beside <image1>", 1, "<image> beside image 1"),
        ("<image1>", 0, "<image>"),  # left for the engine to refuse
        ("<image> <image>", 1, "<image> <image>"),
    ],
)
def test_placeholders(text: str, images: int, placed: str) -> None:
    assert place_images([text], images) == [placed]


def test_a_conversation_shares_its_images() -> None:
    assert place_images(["One?", "Yes.", "And now?"], 1) == ["<image>One?", "Yes.", "And now?"]
    assert place_images(["<image>One?", "Yes.", "<image>Now?"], 2) == ["<image>One?", "Yes.", "<image>Now?"]


def test_choices_name_images_in_words() -> None:
    assert name_images("<image2>") == "image 2"
    assert name_images("the cat") == "the cat"
