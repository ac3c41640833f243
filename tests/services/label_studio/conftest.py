"""One Label Studio and one Chromium for all of these tests."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from report.chromium import FLAGS
from review.label_studio.traces import Images
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from services.label_studio.pages import Pages
from services.label_studio.running import Server, environment

from perceptdata.review.label_studio.backend import LabelStudio
from perceptdata.review.label_studio.pictures import Files

OpenPlace = Callable[..., LabelStudio]


@pytest.fixture(scope="session")
def label_studio(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    command = environment(root) / "bin" / "label-studio"
    if not command.exists():
        pytest.skip(f"{command} is not there; `make test-services` installs it")
    server = Server(command, tmp_path_factory.mktemp("label-studio"))
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="session")
def people(label_studio: Server) -> dict[str, str]:
    """Two readers with accounts of their own: name to personal access token."""
    return {name: label_studio.sign_up(f"{name}@example.org") for name in ("ann", "bob")}


@pytest.fixture(scope="session")
def clevr() -> Images:
    """A picture, so that there is something to see."""
    from review.label_studio.drawn import scene

    return Images({"a" * 64: ("image/png", scene())})


@pytest.fixture
def place(label_studio: Server, clevr: Images, request: pytest.FixtureRequest) -> OpenPlace:
    """`place()`: the review of this test, as any process would open it; `place("other")` another."""

    def open_place(name: str = "", **people: str) -> LabelStudio:
        mark = f"{request.node.name} {name}"
        return LabelStudio(
            label_studio.connect(), mark, f"pilot {name}".strip(), Files(clevr, label_studio.media), people, "a" * 64
        )

    return open_place


@pytest.fixture(scope="session")
def pages(label_studio: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """Chromium, logged in as the server's first user."""
    binary, found = shutil.which("chromium"), shutil.which("chromedriver")
    if not (binary and found):
        pytest.skip("chromium and chromedriver are not installed (Debian: apt-get install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    with webdriver.Chrome(options=options, service=Service(found)) as driver:
        opened = Pages(driver, label_studio.url)
        opened.log_in()
        yield opened
