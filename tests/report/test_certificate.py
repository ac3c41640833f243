"""The page of a certificate or refusal: what it says, and how it looks in a real Chromium."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report.chromium import NARROW, Browser, contrast
from selenium import webdriver
from verification.auditing import passing

from perceptdata.report.certificate import calibration_curve, render
from perceptdata.verification.calibration import Binding, Calibration, calibrate
from perceptdata.verification.certificate import Certificate, Evidence, Fingerprints, Refusal, issue
from perceptdata.verification.surrogate import Comparison

HOSTILE = "</style><script>window.hacked = 1</script>"
COMPARED = Comparison(surrogate=0.81, outcome=0.42, lower=0.31, n=400, images=80, unscored=3)


def outcome(kind: str = "person", **changed: Any) -> Certificate | Refusal:
    columns: dict[str, Any] = {
        "audit": passing(claims=500, failing=5, traps=50, missed=1),
        "slices": [f"charts {HOSTILE}"],
        "captions": 1250,
        "reader_kinds": [kind, kind],
        "fingerprints": Fingerprints(data="d" * 64, judges=("judged/llm: m",), prompts=("p" * 16,), traps="t" * 64),
        "thresholds": {"dawid_skene": 0.9},
        "surrogate": COMPARED,
    }
    return issue(Evidence(**{**columns, **changed}), use="reward")


def made(scores: bool = True) -> Calibration:
    """A judge that is right four times in five, and as sure as can be."""
    rng = np.random.default_rng(0)
    truth = (rng.random(400) < 0.2).astype(np.int8)
    verdict = np.where(rng.random(400) < 0.8, truth, 1 - truth).astype(np.int8)
    score = np.clip(np.where(verdict == 0, 0.9, 0.1) + rng.normal(0, 0.05, 400), 0, 1)
    binding = Binding(model="m", prompt="p", schema_hash="s", segmenter="1")
    return calibrate(
        verdict, truth, ["oracle"] * 400, np.arange(400), ["charts"] * 400, binding, score=score if scores else None
    )


def test_a_certificate_says_what_is_proven_and_what_is_not() -> None:
    found = outcome()
    assert isinstance(found, Certificate)
    html = render(found, "certified", {"judged/llm": made()})
    assert f"at least {found.findings.claims.lower:.3f}</b>" in html
    assert "✓ Certified" in html
    assert "recall is not" in html
    assert found.fingerprint in html
    assert "not calibrated against people" in html
    assert "<b>0.81</b>" in html
    assert "window.hacked = 1</script>" not in html
    assert render(found, "certified", {"judged/llm": made()}) == html


def test_simulated_readers_are_said_on_its_face() -> None:
    html = render(outcome("simulated"), "certified", {})
    assert "Simulated: proves nothing of captions" in html
    assert "✓ Certified" not in html
    assert "Nothing here was seen by a person" in html
    assert "Not calibrated: judged/llm" in html


def test_a_refusal_gives_its_reasons() -> None:
    found = outcome(objections=["judged/llm is refused: it is not looking"], surrogate=None)
    assert isinstance(found, Refusal)
    html = render(found, "certified", {})
    assert "✕ No certificate" in html
    assert "it is not looking" in html
    assert "the surrogate must be compared" in html


def test_a_forged_certificate_is_called_so() -> None:
    found = outcome()
    assert isinstance(found, Certificate)
    forged = found.model_copy(update={"fingerprint": "0" * 64})
    assert "was changed after it was issued" in render(forged, "certified", {})


def test_a_calibration_without_scores_has_no_curve() -> None:
    assert calibration_curve("llm", made(scores=False)) is None
    picture = calibration_curve("llm", made())
    assert picture is not None
    assert "a score of 0.5 means supported with" in picture


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("certificate") / "index.html"
    file.write_text(render(outcome(), "certified", {"judged/llm": made()}), encoding="utf-8")
    return file


@pytest.fixture
def browser(driver: webdriver.Chrome, page: Path) -> Iterator[Browser]:
    opened = Browser(driver, page)
    opened.look()
    opened.open()
    driver.get_log("browser")
    yield opened
    assert opened.complaints() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [NARROW, 1200])
def test_it_fits_and_can_be_read(browser: Browser, scheme: str, width: int) -> None:
    browser.look(scheme, width)
    browser.open()
    assert browser.run("return document.documentElement.scrollWidth") <= width
    paper = browser.one("body").value_of_css_property("background-color")
    for selector in (".lead", ".proven", ".seal", ".aside", ".facts dt", ".tile dt", "td small", ".reasons li"):
        assert contrast(browser.one(selector).value_of_css_property("color"), paper) >= 4.5, selector
    bar, target = browser.one(".bounds .fill-accept").rect, browser.one(".bounds .target").rect
    assert bar["x"] + bar["width"] > target["x"]  # the bar reaches past the target
    assert browser.one(".curves .line").rect["width"] > 200
    assert browser.run("return [window.hacked, document.scripts.length]") == [None, 0]
