"""Chromium with the few things that tests of a page do with it, and how colours are compared."""

from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-sync",
    "--disable-component-update",
    "--disable-background-networking",
    "--no-first-run",
)
LISTEN = """
    window.heard = [];
    const hear = (...words) => window.heard.push(words.join(' '));
    addEventListener('securitypolicyviolation', (event) => hear(event.violatedDirective, event.blockedURI));
    addEventListener('error', (event) => hear('error', event.message));
    addEventListener('unhandledrejection', (event) => hear('rejection', event.reason));
"""
ASKED_FOR = """
    const names = performance.getEntriesByType('resource').map((entry) => entry.name);
    return names.filter((name) => !name.startsWith('data:'));
"""
WIDE, NARROW = 1440, 390


class Browser:
    """Chromium with the few things the tests do with a page."""

    def __init__(self, driver: webdriver.Chrome, page: Path) -> None:
        self.driver, self.page = driver, page

    def look(self, scheme: str = "light", width: int = WIDE) -> None:
        """The colour scheme the reader prefers, and how wide the window is."""
        features = {
            "prefers-color-scheme": scheme,
            "prefers-reduced-motion": "reduce",
        }  # else clicks chase the scrolling
        media = {"features": [{"name": name, "value": value} for name, value in features.items()]}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        size = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def open(self, page: Path | None = None, fragment: str = "") -> None:
        """Load anew, as a fragment alone would not."""
        self.driver.get("about:blank")
        self.driver.get((page or self.page).as_uri() + fragment)

    def run(self, script: str, *values: Any) -> Any:
        return self.driver.execute_script(script, *values)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def ids(self) -> list[str]:
        """The rows on the page."""
        return [link.text for link in self.all(".card .top a")]

    def search(self, words: str) -> None:
        self.one("#find").clear()
        self.one("#find").send_keys(words)

    def press(self, key: str) -> None:
        ActionChains(self.driver).send_keys(key).perform()

    def complaints(self) -> list[Any]:
        """Everything that went wrong: console messages, policy violations, errors, and what was asked of others."""
        return [*self.driver.get_log("browser"), *self.run("return window.heard"), *self.run(ASKED_FOR)]


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2) of a computed `rgb(…)` colour."""
    channels = [float(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio (WCAG 2) of two colours, from 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)
