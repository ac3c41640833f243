"""Label Studio's pages as a reader uses them: a task opened, a text selected with the mouse, an answer submitted."""

import io
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image as Pillow
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait
from services.label_studio.running import ADMIN, PASSWORD

TEXTS = ".lsf-richtext__container"
# Where the n-th occurrence of a piece stands on the screen: its first and its last glyph.
WHERE = """
    const [piece, which] = [arguments[0].replaceAll('\\n', ''), arguments[1]];  // lines are elements
    const holder = [...document.querySelectorAll(arguments[2])].find((each) => each.textContent.includes(piece));
    if (!holder) return null;
    const walker = document.createTreeWalker(holder, NodeFilter.SHOW_TEXT);
    let nodes = [], whole = '';
    while (walker.nextNode()) { nodes.push([walker.currentNode, whole.length]); whole += walker.currentNode.data; }
    let from = whole.indexOf(piece);
    for (let i = 0; i < which; i++) from = whole.indexOf(piece, from + 1);
    const place = (at) => { const [node, start] = nodes.findLast((each) => each[1] <= at); return [node, at - start]; };
    const range = document.createRange();
    const last = [...piece].pop().length;
    range.setStart(...place(from));
    const [node, offset] = place(from + piece.length - last);
    range.setEnd(node, offset + last);
    range.startContainer.parentElement.scrollIntoView({block: 'center'});
    const boxes = [...range.getClientRects()].filter((box) => box.width > 1);
    const [first, end] = [boxes[0], boxes[boxes.length - 1]];
    return [first.left, first.top + first.height / 2, end.right, end.top + end.height / 2];
"""

# A number at the upper left corner of each element.
NUMBERS = """
    arguments[0].forEach((selector, at) => {
        const box = document.querySelector(selector).getBoundingClientRect();
        const mark = document.createElement('div');
        mark.textContent = at + 1;
        mark.style.cssText = `position:fixed; left:${Math.max(box.left - 22, 2)}px; top:${Math.max(box.top - 12, 52)}px;
            width:24px; height:24px; border-radius:12px; background:#111; color:#fff; font:bold 14px/24px sans-serif;
            text-align:center; z-index:99999;`;
        document.body.append(mark);
    });
"""


class Pages:
    """A browser that is 1440 pixels wide."""

    def __init__(self, driver: webdriver.Chrome, url: str) -> None:
        self.driver, self.url = driver, url
        size = {"width": 1440, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def log_in(self) -> None:
        self.driver.get(f"{self.url}/user/login/")
        self.one("input[name=email]").send_keys(ADMIN)
        self.one("input[name=password]").send_keys(PASSWORD)
        self.one("button[type=submit]").click()
        self.until(lambda: "/login" not in self.driver.current_url)

    def open(self, project: int, task: int | None = None) -> None:
        """The queue as "Label All Tasks" opens it, or one task."""
        what = "labeling=1" if task is None else f"task={task}"
        self.driver.get("about:blank")
        self.driver.get(f"{self.url}/projects/{project}/data?{what}")
        self.until(lambda: self.all(TEXTS))
        time.sleep(0.7)  # regions are drawn after the text

    def select(self, piece: str, label: str, which: int = 0) -> None:
        """Press the label's key and draw the mouse over the piece."""
        before = self.marked()
        self.press(label)
        where = self.driver.execute_script(WHERE, piece, which, TEXTS)
        assert where, f"{piece!r} is not on the page"
        left, top, right, bottom = where
        mouse = ActionBuilder(self.driver, duration=40)
        pointer = mouse.pointer_action
        pointer.move_to_location(round(left + 0.5), round(top)).pointer_down()
        pointer.move_to_location(round((left + right) / 2), round(bottom))
        pointer.move_to_location(round(right - 0.4), round(bottom)).pointer_up()
        mouse.perform()
        self.until(lambda: self.marked() > before)
        self.press("\ue00c")  # escape: a further key would relabel what is selected

    def marked(self) -> int:
        """How many regions the list beside the text has."""
        return len(self.all(".lsf-outliner-item"))

    def drawn(self) -> int:
        """How many stretches of the texts are coloured; a region over several lines has several."""
        return len(self.all("[class*=htx-highlight]"))

    def press(self, key: str) -> None:
        ActionChains(self.driver).send_keys(key).perform()
        time.sleep(0.15)

    def submit(self) -> None:
        """Press Submit, or Update, and wait until the server has it."""
        said = self.one("button[aria-label^='Submit'], button[aria-label^='Update'], button[aria-label^='submit']")
        said.click()
        time.sleep(1.0)

    def shoot(self, path: Path, points: Sequence[str]) -> None:
        """A picture of the page with numbers at the named elements, in few colours."""
        self.driver.execute_script(NUMBERS, list(points))
        with Pillow.open(io.BytesIO(self.driver.get_screenshot_as_png())) as shown:
            shown.convert("RGB").quantize(256, Pillow.Quantize.MAXCOVERAGE).save(path, optimize=True)

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def until(self, holds: Callable[[], Any]) -> None:
        WebDriverWait(self.driver, 40).until(lambda _: holds())
