"""The page in a real Chromium: nothing is asked for, nothing breaks, and what a person does has its effect."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from report.chromium import NARROW, Browser, contrast, luminance
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from perceptdata.steps.report import Report
from perceptdata.workspace import Workspace


@pytest.fixture(scope="module")
def chromium(driver: webdriver.Chrome, full: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Browser:
    return Browser(driver, Report(report=tmp_path_factory.mktemp("page") / "page.html").write(full).files[0])


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    """The page opened; whatever the test did, nothing may have been complained of."""
    chromium.look()
    chromium.open()
    chromium.driver.get_log("browser")
    yield chromium
    assert chromium.complaints() == []


def test_it_opens_with_its_pictures_and_rows(browser: Browser) -> None:
    assert "full" in browser.driver.title
    assert len(browser.ids()) >= 6
    pictures = browser.all(".pictures img")
    assert pictures
    assert all(browser.run("return arguments[0].naturalWidth", picture) == 360 for picture in pictures)
    assert browser.one("#tally").text == "29 rows, page 1 of 4"


def test_requests_and_scripts_of_others_are_refused(chromium: Browser) -> None:
    """That the listeners of the other tests would hear: the page itself cannot be made to ask or to run anything."""
    chromium.open()
    chromium.run(
        "const image = document.createElement('img'), script = document.createElement('script');"
        "image.src = 'http://localhost:9/pixel'; script.textContent = 'window.hacked = 3';"
        "document.body.append(image, script);"
    )
    heard = chromium.run("return new Promise((done) => setTimeout(() => done(window.heard), 100))")
    assert sorted(heard) == ["img-src http://localhost:9/pixel", "script-src-elem inline"]
    assert chromium.run("return window.hacked") is None
    chromium.driver.get_log("browser")


def test_hostile_texts_are_shown_as_they_are(browser: Browser, words: SimpleNamespace) -> None:
    browser.open(fragment="#row=sums%2Ftest%2F0")
    card = browser.one(".card.found")
    hostile = words.hostile
    assert browser.run("return arguments[0].querySelector('.question').textContent", card) == hostile
    assert browser.run("return arguments[0].querySelector('.answer .text').textContent", card) == hostile
    assert browser.run("return arguments[0].querySelector('.trace mark.other').textContent", card) == hostile
    assert browser.run("return window.hacked") is None


def test_filters_and_search_narrow_the_rows(browser: Browser) -> None:
    Select(browser.one("select[name=stage]")).select_by_value("perception")
    assert browser.one("#tally").text == "8 of 29 rows, page 1 of 2"
    assert all(each.endswith("/perception") for each in browser.ids())
    browser.one("button[type=reset]").click()
    assert browser.one("#tally").text.startswith("29 rows")
    Select(browser.one("select[name=tagged]")).select_by_value("with")
    assert browser.one("#tally").text.startswith("17 of 29")
    Select(browser.one("select[name=corpus]")).select_by_value("Sums")
    assert browser.ids() == ["sums/test/0"]
    browser.one("button[type=reset]").click()
    browser.search("SAMPLE 1:")  # in a generated text of one row, in other letters
    assert browser.ids() == ["sums/test/1"]
    browser.search("no row says this")
    assert browser.ids() == []
    assert "No row fits" in browser.one("#cards").text


def test_spans_cover_their_slices_in_colours_that_differ(browser: Browser, words: SimpleNamespace) -> None:
    browser.open(fragment="#row=geometry/train/3/visual_reasoning")
    assert browser.run("return document.querySelector('.found .trace .text').textContent") == words.trace
    labelled = {(mark.get_attribute("class"), mark.text) for mark in browser.all(".found .trace mark")}
    assert labelled == {("perception", piece) for piece in words.looks} | {
        ("reasoning", piece) for piece in words.thinks
    }
    assert "perception 54.2 %" in browser.one(".found .trace header").text  # 13 of 24 tokens


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_can_be_seen_and_read(browser: Browser, scheme: str) -> None:
    browser.look(scheme)
    browser.open(fragment="#row=geometry/train/3/visual_reasoning")
    seen = {}
    for name in ("mark.perception", "mark.reasoning"):
        mark = browser.one(f".found {name}")
        seen[name] = mark.value_of_css_property("background-color")
        assert contrast(mark.value_of_css_property("color"), seen[name]) >= 4.5
    card = browser.one(".found").value_of_css_property("background-color")
    assert len({*seen.values(), card}) == 3
    for selector in (".lead", ".aside", ".print", ".nav a", ".over", ".tile dt"):
        page = browser.one("body").value_of_css_property("background-color")
        assert contrast(browser.one(selector).value_of_css_property("color"), page) >= 4.5, selector
    assert (luminance(card) > 0.5) == (scheme == "light")


def test_a_spans_score_shows_on_hover_and_on_focus(browser: Browser) -> None:
    browser.open(fragment="#row=geometry/train/3/visual_reasoning")
    first, second = browser.all(".found .trace mark")[:2]
    tip = browser.one("#tip")
    assert not tip.is_displayed()
    ActionChains(browser.driver).move_to_element(first).perform()
    assert tip.text == "perception · 0.91 · cues"
    browser.run("arguments[0].focus()", first)
    browser.press(Keys.ARROW_RIGHT)
    assert browser.driver.switch_to.active_element == second
    assert tip.text == "reasoning · 0.50 · cues"
    browser.press(Keys.ESCAPE)
    assert not tip.is_displayed()


def test_pages_turn_by_buttons_and_by_arrow_keys(browser: Browser) -> None:
    first = browser.ids()
    browser.run("document.getElementById('rows').scrollIntoView({behavior: 'instant'})")
    browser.press(Keys.ARROW_RIGHT)
    second = browser.ids()
    assert second
    assert not set(first) & set(second)
    browser.run("document.getElementById('next').click()")
    assert browser.one("#tally").text.endswith("page 3 of 4")
    browser.press(Keys.ARROW_LEFT)
    assert browser.ids() == second
    browser.one("#find").send_keys(Keys.ARROW_LEFT)  # in a field, the arrows move in the field
    assert browser.ids() == second


def test_a_link_leads_to_its_row_past_any_filter(browser: Browser) -> None:
    Select(browser.one("select[name=stage]")).select_by_value("perception")
    browser.run("location.hash = '#row=' + encodeURIComponent('sums/test/3')")
    shown = browser.run(
        "return new Promise((done) => setTimeout(() => done(document.querySelector('.found .top a').textContent), 50))"
    )
    assert shown == "sums/test/3"
    assert browser.driver.switch_to.active_element == browser.one(".found")
    assert Select(browser.one("select[name=stage]")).first_selected_option.text == "all"


def test_a_reason_opens_its_rows(browser: Browser) -> None:
    reason = browser.one("#rejects .reason")
    assert "bad-0" not in reason.text
    reason.find_element(By.TAG_NAME, "summary").click()
    assert "image.missing" in reason.text
    assert "−3" in reason.text
    for number in range(3):
        assert f"bad-{number} train {number}.png is not there" in reason.text


def test_an_image_can_be_shown_larger(browser: Browser) -> None:
    button = browser.one(".pictures button")
    browser.run("arguments[0].click()", button)
    assert "large" in browser.run("return arguments[0].closest('.card').className", button)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_telephone_needs_no_sideways_scrolling(browser: Browser, scheme: str) -> None:
    browser.look(scheme, NARROW)
    browser.open()
    assert browser.run("return document.documentElement.scrollWidth") == NARROW
    assert browser.run(
        "return [...document.querySelectorAll('.card')].every((card) => card.scrollWidth <= card.clientWidth)"
    )


def test_an_empty_workspace_opens_too(browser: Browser, empty: Workspace, tmp_path: Path) -> None:
    browser.open(Report(report=tmp_path / "empty.html").write(empty).files[0])
    assert "There are no rows to browse." in browser.one("#rows").text
    assert browser.all("svg") == []


def test_contrast_is_that_of_the_standard() -> None:
    check: Callable[[str, str], float] = contrast
    assert check("rgb(0, 0, 0)", "rgb(255, 255, 255)") == pytest.approx(21)
    assert check("rgb(118, 118, 118)", "rgb(255, 255, 255)") == pytest.approx(4.54, abs=0.01)
