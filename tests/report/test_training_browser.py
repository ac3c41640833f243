"""The page about a training run in a real Chromium: nothing asked for, nothing run, all of it seen and read."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from report.chromium import NARROW, Browser, contrast, luminance
from report.runs import PARTS, SAID, fill
from selenium import webdriver

from perceptdata.steps.report import write_training


@pytest.fixture(scope="module")
def page(words: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_training(fill(tmp_path_factory.mktemp("run") / "out", words.hostile)).files[0]


@pytest.fixture
def browser(driver: webdriver.Chrome, page: Path) -> Iterator[Browser]:
    """The page opened; whatever the test did, nothing may have been complained of."""
    opened = Browser(driver, page)
    opened.look()
    opened.open()
    driver.get_log("browser")
    yield opened
    assert opened.complaints() == []


def test_curves_have_their_room(browser: Browser) -> None:
    charts = browser.all("#curves > .charts > figure")
    assert len(charts) == 7
    for path in browser.all("#curves > .charts .line"):
        box = path.rect
        assert box["width"] > 250 or box["height"] <= 2
    strokes = {path.value_of_css_property("stroke") for path in browser.all("figure:nth-of-type(2) .line")}
    assert len(strokes) == 2
    assert {path.value_of_css_property("vector-effect") for path in browser.all(".line")} == {"non-scaling-stroke"}


def test_hostile_texts_are_shown_as_they_are(browser: Browser, words: SimpleNamespace) -> None:
    first = browser.one(".rollout")
    shown = browser.run("return [...arguments[0].querySelectorAll('.text')].map((text) => text.textContent)", first)
    assert shown[:2] == [words.hostile, words.hostile]
    assert browser.run("return window.hacked") is None
    assert browser.run("return document.scripts.length") == 0


def test_parts_and_weights_are_seen(browser: Browser) -> None:
    second = browser.all(".rollout")[1]
    assert browser.run("return arguments[0].querySelector('.response').textContent", second) == SAID
    marked = browser.run(
        "return [...arguments[0].querySelectorAll('mark')].map((m) => [m.className, m.textContent])", second
    )
    assert marked == [list(pair) for pair in zip(("description", "think", "answer"), PARTS, strict=True)]
    assert browser.run("return getComputedStyle(arguments[0].querySelector('mark.answer')).display", second) == "inline"
    shades = browser.run(
        "return [...arguments[0].querySelectorAll('.w1, .w8')].map((token) => getComputedStyle(token).backgroundColor)",
        second,
    )
    assert len(set(shades)) == 2
    assert browser.run("return arguments[0].querySelector('.w8').title", second).startswith("weight ")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_in_both_schemes_on_a_telephone(browser: Browser, scheme: str) -> None:
    browser.look(scheme, NARROW)
    browser.open()
    assert browser.run("return document.documentElement.scrollWidth") == NARROW
    assert browser.run(
        "return [...document.querySelectorAll('.rollout')].every((it) => it.scrollWidth <= it.clientWidth)"
    )
    ground = browser.one("body").value_of_css_property("background-color")
    assert (luminance(ground) > 0.5) == (scheme == "light")
    for selector in (".lead", ".aside", ".over", ".tile dt", ".key li"):
        assert contrast(browser.one(selector).value_of_css_property("color"), ground) >= 4.5, selector
    seen = browser.run(
        "const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});"
        "return ['.w1', '.w4', '.w8'].map((name) => { const token = document.querySelector(name);"
        "  canvas.fillStyle = getComputedStyle(document.querySelector('.rollout')).backgroundColor;"
        "  canvas.fillRect(0, 0, 1, 1);"
        "  canvas.fillStyle = getComputedStyle(token).backgroundColor; canvas.fillRect(0, 0, 1, 1);"
        "  const [r, g, b] = canvas.getImageData(0, 0, 1, 1).data;"
        "  return [getComputedStyle(token).color, `rgb(${r}, ${g}, ${b})`]; })"
    )
    assert all(contrast(ink, shade) >= 4.5 for ink, shade in seen)
    assert len({shade for _, shade in seen}) == 3
