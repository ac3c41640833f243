"""A reader with a mouse, in Chromium: what is drawn over a text is what comes back, whatever the text holds."""

import os
from pathlib import Path

import pytest
from review.label_studio.traces import HOSTILE, Images, hostile, region
from services.label_studio.conftest import OpenPlace
from services.label_studio.pages import TEXTS, Pages
from services.label_studio.running import Server

from perceptdata.review.backend import Annotation, Region, Screen, Task
from perceptdata.review.label_studio.backend import LabelStudio
from perceptdata.review.label_studio.pictures import Files
from perceptdata.texts import normalise

pytestmark = pytest.mark.services

CRLF = normalise("I see a red ball.\r\n\r\n\tSo it is 😀 red.\rDone.")
CASES = [
    (HOSTILE, "👩🏽‍🌾 and 😀;", "1", "perception"),
    (HOSTILE, "the label reads 32.", "1", "perception"),
    (HOSTILE, "$x_1 \\le \\frac{1}{2}$", "2", "reasoning"),
    (HOSTILE, "𝒳 = 𝟙", "2", "reasoning"),
    (HOSTILE, "\\boxed{7}", "3", "other"),
    (HOSTILE, "<script>", "3", "other"),
    (HOSTILE, "& &amp; <b>bold</b>", "2", "reasoning"),
    (CRLF, "red ball", "1", "perception"),
    (CRLF, "it is 😀 red", "2", "reasoning"),
    ("<think>\nFirst 画像には赤い球 مرحبا.\n</think>\nEnd.", "赤い球", "1", "perception"),
]
TRACE = (
    "<think>\nI see a red square on the left, beside a green circle.\n\n"
    "The square is 130 wide, so its area is larger.\n</think>\nThe answer is \\boxed{A}."
)
SCREENS: tuple[Screen, ...] = ("spans", "captions", "combined", "claims", "errors")
LEFT = (".pd-left img", ".pd-question")
# Where the numbers of the guide's pictures stand.
POINTS: dict[Screen, tuple[str, ...]] = {
    "spans": (*LEFT, ".pd-bar", ".pd-text", ".pd-note"),
    "captions": (*LEFT, ".pd-bar", ".pd-text", ".pd-verdict", ".pd-correction", ".pd-rating", ".pd-note"),
    "combined": (*LEFT, ".pd-bar", ".pd-text", ".pd-words", ".pd-verdict", ".pd-correction", ".pd-note"),
    "claims": (*LEFT, ".pd-claim", ".pd-verdict", ".pd-note"),
    "errors": (*LEFT, ".pd-answer", ".pd-verdict", ".pd-bar", ".pd-text", ".pd-note"),
}
CAPTION = "A red square stands left of a green circle. A yellow bar is at the right edge."


def only(place: LabelStudio) -> Annotation:
    pulled = place.pull(None, ())
    assert pulled.refused == {}
    (found,) = pulled.annotations
    return found


def projects(place: LabelStudio) -> dict[str, int]:
    return {queue.screen: queue.project for queue in place.queues.all()}


@pytest.mark.parametrize(("text", "piece", "key", "label"), CASES)
def test_what_the_mouse_marks_comes_back(
    place: OpenPlace, pages: Pages, text: str, piece: str, key: str, label: str
) -> None:
    place().push([hostile(texts={"cot": text}, guesses=(), guessed_by=None)])
    pages.open(projects(place())["spans"])
    pages.select(piece, key)
    pages.submit()
    (found,) = only(place()).regions
    assert (text[found.start : found.end], found.label, found.origin) == (piece, label, "manual")
    assert found.start == text.index(piece)


def test_a_selection_over_lines_is_trimmed_and_its_text_is_not_believed(place: OpenPlace, pages: Pages) -> None:
    """The server's own text of such a region drops indentation and writes line breaks out."""
    place().push([hostile(guesses=(), guessed_by=None)])
    pages.open(projects(place())["spans"])
    piece = "32.\n\n   So"
    pages.select(piece, "2")
    pages.submit()
    (found,) = only(place()).regions
    assert HOSTILE[found.start : found.end] == piece


def test_guesses_are_drawn_and_what_people_change_is_told_apart(place: OpenPlace, pages: Pages) -> None:
    place().push([hostile()])
    pages.open(projects(place())["spans"])
    assert pages.marked() == 2
    pages.select("I see", "1")
    pages.submit()
    found = only(place())
    assert [(HOSTILE[each.start : each.end], each.label, each.origin) for each in found.regions] == [
        ("I see", "perception", "manual"),
        ("the label reads 32.", "perception", "prediction"),
        ("𝒳 = 𝟙.", "reasoning", "prediction"),
    ]
    assert found.meta["guessed_by"] == "tags 1/abc"
    assert found.seconds is not None
    assert 0 < found.seconds < 60


def test_markup_in_a_trace_is_shown_and_never_run(place: OpenPlace, pages: Pages) -> None:
    evil = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>"
    texts = {"cot": HOSTILE + evil, "question": evil, "readings": evil}
    place().push([hostile(texts=texts, guesses=(), guessed_by=None)])
    pages.open(projects(place())["spans"])
    shown = [each.text for each in pages.all(TEXTS)]
    assert sum(evil in text for text in shown) == 3
    assert pages.driver.execute_script("return [window.hacked || null, document.title === 'run']") == [None, False]
    assert pages.all(f"{TEXTS} img, {TEXTS} script") == []


def test_only_tasks_of_the_queue_are_offered_and_a_skip_is_one(place: OpenPlace, pages: Pages) -> None:
    place().push([hostile(0), hostile(1), hostile(2, "bob")])
    (queue, _) = place().queues.all()
    pages.open(queue.project)
    pages.one("button[aria-label^='Skip'], button[aria-label^='skip']").click()
    pages.until(lambda: any(annotation.skipped for annotation in place().pull(None, ()).annotations))
    pages.open(queue.project)
    pages.submit()
    pages.until(lambda: len(place().pull(None, ()).annotations) == 2)
    found = {annotation.key: annotation for annotation in place().pull(None, ()).annotations}
    assert {key: (each.skipped, len(each.regions)) for key, each in found.items()} == {
        hostile(0).key: (True, 0),
        hostile(1).key: (False, 2),
    }
    assert {key for key, reader, done in place().waiting() if not done} == {hostile(2).key}


def caption_task() -> Task:
    guesses = (region(CAPTION, "yellow", "hallucinated", field="caption"),)
    texts = {"question": "What is right?", "caption": CAPTION}
    return Task("img:a#caps/0", "ann", "c", "captions", texts, "a" * 64, guesses, "judge 1", "partially")


def test_a_caption_is_marked_judged_corrected_and_rated(place: OpenPlace, pages: Pages) -> None:
    place().push([caption_task()])
    pages.open(projects(place())["captions"])
    pages.select("green circle", "5")
    pages.press("e")
    box = pages.one("textarea[name='correction']")
    assert box.get_attribute("value") == CAPTION
    box.send_keys(" Really.")
    pages.one(".ant-rate-star:nth-child(4), .lsf-rating li:nth-child(4), [class*=rating] li:nth-child(4)").click()
    pages.submit()
    found = only(place())
    assert [(CAPTION[each.start : each.end], each.label) for each in found.regions] == [
        ("green circle", "imprecise"),
        ("yellow", "hallucinated"),
    ]
    assert (found.verdict, found.rating, found.correction) == ("wrong", 4, CAPTION + " Really.")


def test_a_caption_that_is_right_needs_no_correction_and_no_verdict_is_no_answer(
    place: OpenPlace, pages: Pages
) -> None:
    place().push([Task("img:a#caps/0", "ann", "c", "captions", {"caption": CAPTION}, "a" * 64)])
    pages.open(projects(place())["captions"])
    pages.submit()
    assert place().pull(None, ()).annotations == ()  # the page asks for the verdict
    pages.open(projects(place())["captions"])
    pages.press("q")
    pages.submit()
    found = only(place())
    assert (found.verdict, found.correction, found.regions) == ("correct", None, ())


def screens() -> list[Task]:
    """A task of each, with guesses to look at."""
    words = {
        "question": "Which of the two shapes is larger?",
        "caption": CAPTION,
        "claim": "A yellow bar is at the right edge.",
        "answer": "B",
    }
    seen = (("I see a red square on the left,", "perception"), ("beside a green circle.", "perception"))
    thought = (("The square is 130 wide, so", "reasoning"), ("its area is larger.", "reasoning"))
    cot = [region(TRACE, piece, label) for piece, label in (*seen, *thought, ("The answer is \\boxed{A}.", "other"))]
    marked = region(CAPTION, "yellow", "hallucinated", field="caption")
    guesses = {"spans": cot, "captions": [marked], "combined": [*cot, marked], "claims": [], "errors": []}
    fields = {
        "spans": ("cot",),
        "captions": ("caption",),
        "combined": ("cot", "caption"),
        "claims": ("caption", "claim"),
        "errors": ("answer", "cot"),
    }
    return [
        Task(
            key=screen,
            reader="ann",
            content="c",
            screen=screen,
            texts={name: (words | {"cot": TRACE})[name] for name in ("question", *fields[screen])},
            image="a" * 64,
            guesses=tuple(guesses[screen]),
            guessed_by="tags 1" if guesses[screen] else None,
            verdict="partially" if screen in ("captions", "combined") else None,
        )
        for screen in SCREENS
    ]


@pytest.fixture(scope="module")
def shown(label_studio: Server, clevr: Images) -> dict[str, int]:
    """Project by screen."""
    opened = LabelStudio(label_studio.connect(), "screens", "pilot", Files(clevr, label_studio.media))
    opened.push(screens())
    return projects(opened)


@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_stands_as_it_should_at_1440_pixels(shown: dict[str, int], pages: Pages, screen: Screen) -> None:
    """`SCREENSHOTS=docs/images` writes the pictures of the guide."""
    pages.open(shown[screen])
    run = pages.driver.execute_script
    pages.until(lambda: run("return document.querySelector('.pd-left img').naturalWidth"))
    left, right = (pages.one(f".pd-{side}").rect for side in ("left", "right"))
    assert left["x"] + left["width"] <= right["x"]
    assert right["width"] >= 600
    assert run("return document.documentElement.scrollWidth") <= 1440
    assert run("return getComputedStyle(document.querySelector('.pd-left')).position") == "sticky"
    assert not pages.one(".pd-readings").is_displayed()
    spaces = "return [...document.querySelectorAll(arguments[0])].map((each) => getComputedStyle(each).whiteSpace)"
    assert set(run(spaces, f".pd-right {TEXTS}")) == {"pre-wrap"}
    assert pages.one(".pd-note").is_displayed()
    below = run("const box = document.querySelector('.pd-note').getBoundingClientRect(); return box.bottom")
    assert below <= 860, "a short task needs no scrolling at 1440 x 900"
    if folder := os.environ.get("SCREENSHOTS"):
        pages.shoot(Path(folder) / f"label_studio_{screen}.png", POINTS[screen])


def test_what_others_said_is_shown_where_there_is_something(place: OpenPlace, pages: Pages) -> None:
    texts = {"caption": CAPTION, "claim": "A yellow bar.", "readings": "ann: supported\nbob: not_visible"}
    place().push([Task("claim", "last", "c", "claims", texts, "a" * 64)])
    pages.open(projects(place())["claims"])
    assert pages.one(".pd-readings").text.endswith("ann: supported\nbob: not_visible")
    pages.press("w")
    pages.submit()
    assert only(place()).verdict == "contradicted"


def test_what_went_wrong_first_is_one_key_and_one_mark(place: OpenPlace, pages: Pages) -> None:
    texts = {"question": "Which is larger?", "answer": "B", "cot": TRACE}
    place().push([Task("wrong", "ann", "c", "errors", texts, "a" * 64)])
    pages.open(projects(place())["errors"])
    assert pages.one(".pd-answer").text.endswith("B")
    pages.press("q")
    pages.select("I see a red square on the left", "1")
    pages.submit()
    found = only(place())
    assert found.verdict == "perception"
    assert [(TRACE[each.start : each.end], each.label) for each in found.regions] == [
        ("I see a red square on the left", "wrong")
    ]


def test_a_trace_of_30000_characters_can_be_read(place: OpenPlace, pages: Pages) -> None:
    text = " ".join(f"The {number}th ball is red 😀." for number in range(1200))
    guesses = tuple(
        Region("cot", start, start + 8, "perception") for start in range(0, len(text) - 10, len(text) // 150)
    )
    place().push([hostile(texts={"cot": text}, guesses=guesses)])
    pages.open(projects(place())["spans"])
    pages.until(lambda: pages.drawn() >= len(guesses))
    pages.submit()
    assert len(only(place()).regions) == len(guesses)
