"""Opening a place from a workspace and an environment; its pictures, its screens, its server's settings."""

import base64
import io
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from PIL import Image as Pillow
from report.conftest import fill
from review.label_studio.fake import KEY as GOOD
from review.label_studio.traces import Images

from perceptdata.errors import PerceptDataError, UsageError
from perceptdata.review.backend import Screen
from perceptdata.review.label_studio import backend
from perceptdata.review.label_studio.__main__ import main, prepared
from perceptdata.review.label_studio.backend import LabelStudio
from perceptdata.review.label_studio.connection import KEY, URL
from perceptdata.review.label_studio.pictures import NO_IMAGE, Files, Thumbnails
from perceptdata.review.label_studio.screens import contract, difference, load
from perceptdata.review.label_studio.server import ENVIRONMENT, MEDIA, MEDIA_ON_SERVER, VERSION, start_lines
from perceptdata.review.screens import FIELDS, WORDS_OF
from perceptdata.workspace import Workspace

NAMES: tuple[Screen, ...] = ("spans", "captions", "combined", "claims", "errors")
ENVIRON = {URL: "http://127.0.0.1:9", KEY: GOOD}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "ws")


# Opening


def test_a_place_of_a_workspace(workspace: Workspace, media: Path) -> None:
    opened = LabelStudio.of(workspace, "pilot", {}, ENVIRON)
    assert isinstance(opened.pictures, Thumbnails)
    assert opened.sample_image is None
    again = LabelStudio.of(workspace, "pilot", {"people": {"ann": None}}, {**ENVIRON, MEDIA: str(media)})
    assert isinstance(again.pictures, Files)
    assert again.queues.place == opened.queues.place
    assert (workspace.path / "reviews" / "pilot" / "label_studio.json").exists()
    assert GOOD not in "".join(file.read_text() for file in workspace.path.rglob("*.json"))
    thumbs = LabelStudio.of(workspace, "pilot", {"images": "thumbnails"}, {**ENVIRON, MEDIA: str(media)})
    assert isinstance(thumbs.pictures, Thumbnails)


def test_people_from_a_recipe_and_from_the_command_line(workspace: Workspace) -> None:
    for people in ({"ann": "ann@x.org", "bob": None}, "ann=ann@x.org,bob"):
        assert LabelStudio.of(workspace, "pilot", {"people": people}, ENVIRON).people == {
            "ann": "ann@x.org",
            "bob": None,
        }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"media": "x"}, "Label Studio has no option 'media'; it has people, images"),
        ({"images": "big"}, "'files' or 'thumbnails', not 'big'"),
        ({"images": "files"}, f"images as files need {MEDIA}"),
        ({"people": ["ann"]}, "people are readers with their e-mail addresses"),
        ({"people": {"ann": "ann"}}, "people are readers with their e-mail addresses"),
    ],
)
def test_bad_options(workspace: Workspace, options: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        LabelStudio.of(workspace, "pilot", options, ENVIRON)


def test_every_option_and_variable_is_explained() -> None:
    assert set(backend.OPTIONS) == {"people", "images"}
    assert set(ENVIRONMENT) == {URL, KEY, MEDIA, MEDIA_ON_SERVER}


def test_a_sample_image_is_one_of_the_workspace(tmp_path: Path) -> None:
    workspace = fill(tmp_path / "full")
    assert LabelStudio.of(workspace, "pilot", {}, ENVIRON).sample_image in workspace.images


# Pictures


def image(width: int, height: int, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Pillow.frombytes("RGB", (width, height), os.urandom(width * height * 3)).save(file, kind)
    return file.getvalue()


def test_files_are_written_once_by_their_hash(images: Images, media: Path) -> None:
    pictures = Files(images, media)
    assert pictures.url("a" * 64) == f"/data/local-files/?d=perceptdata/aa/{'a' * 64}.png"
    file = media / "perceptdata" / "aa" / f"{'a' * 64}.png"
    assert file.read_bytes() == images["a" * 64]
    file.write_bytes(b"kept")
    pictures.url("a" * 64)
    assert file.read_bytes() == b"kept"
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert pictures.folder() == str(media.resolve() / "perceptdata")
    assert Files(images, media, "/label-studio/media").folder() == "/label-studio/media/perceptdata"


def test_a_format_that_browsers_do_not_show_becomes_png(media: Path) -> None:
    tiff = image(40, 30, "TIFF")
    pictures = Files(Images({"b" * 64: ("image/tiff", tiff)}), media)
    assert pictures.url("b" * 64).endswith("b.png")
    (file,) = (media / "perceptdata" / "bb").iterdir()
    with Pillow.open(file) as shown, Pillow.open(io.BytesIO(tiff)) as stored:
        assert (shown.format, shown.tobytes()) == ("PNG", stored.tobytes())


def test_a_folder_that_cannot_be_written(images: Images, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=f"cannot be written .*{MEDIA} must name a folder that you can write"):
        Files(images, tmp_path / "file").url("a" * 64)


def test_thumbnails_are_small_and_small_images_stay_as_they_are(images: Images) -> None:
    assert Thumbnails(images).url("a" * 64) == "data:image/png;base64," + base64.b64encode(images["a" * 64]).decode()
    noise = Images({"c" * 64: ("image/png", image(1200, 900)), "d" * 64: ("image/tiff", image(30, 20, "TIFF"))})
    for sha256, side in (("c" * 64, (768, 576)), ("d" * 64, (30, 20))):
        head, _, body = Thumbnails(noise).url(sha256).partition(",")
        assert head == "data:image/jpeg;base64"
        data = base64.b64decode(body)
        assert len(data) <= 100_000
        with Pillow.open(io.BytesIO(data)) as shown:
            assert shown.size in (side, (side[0] // 2, side[1] // 2))
    assert Thumbnails(images).folder() is None


def test_a_question_without_a_picture_says_so(images: Images, media: Path) -> None:
    assert Thumbnails(images).url(None) == Files(images, media).url(None) == NO_IMAGE
    assert b"This question has no picture." in base64.b64decode(NO_IMAGE.partition(",")[2])


# Screens


def test_each_screen_asks_what_it_should() -> None:
    spans = {"PERCEPTION": "perception", "REASONING": "reasoning", "OTHER": "other"}
    words = {"HALLUCINATED": "hallucinated", "IMPRECISE": "imprecise"}
    assert {name: load(name).labels for name in NAMES} == {
        "spans": {"cot": spans},
        "captions": {"caption": words},
        "combined": {"caption": words, "cot": spans},
        "claims": {},
        "errors": {"cot": {"WRONG": "wrong"}},
    }
    *verdicts, errors = tuple(load(name).verdicts for name in NAMES)
    judged = ("correct", "partially", "wrong")
    assert verdicts == [(), judged, judged, ("contradicted", "not_visible", "supported")]
    assert errors == ("calculation", "extraction", "knowledge", "none", "perception", "reasoning")
    assert [load(name).judged for name in NAMES] == [None, "caption", "caption", "claim", "cot"]
    assert all({"question", "readings"} <= set(load(name).fields) for name in NAMES)


def test_screens_speak_the_words_that_reviews_know() -> None:
    for name in NAMES:
        ours = {field: set(labels.values()) for field, labels in load(name).labels.items()}
        assert ours == {field: set(scheme.labels) for field, scheme in FIELDS[name].items()}
        assert set(load(name).verdicts) == set(WORDS_OF[name])


def test_hotkeys_of_a_screen_are_its_own() -> None:
    for name in NAMES:
        keys = re.findall(r'hotkey="(.)"', load(name).config)
        assert len(keys) == len(set(keys)) >= 3


def test_screens_name_nothing_elsewhere() -> None:
    """A page that loads something from elsewhere would tell others what is read here."""
    for name in NAMES:
        assert not re.search(r"https?:|//|@import|<HyperText", load(name).config)


def test_a_difference_is_said_in_words() -> None:
    screen = load("claims")
    assert difference(screen, screen.config.replace('rows="1"', 'rows="3"')) is None
    assert difference(screen, screen.config.replace('"supported"', '"yes"')) == (
        "it lacks Choices 'verdict' of claim (contradicted, not_visible, supported); "
        "it has Choices 'verdict' of claim (contradicted, not_visible, yes)"
    )
    with pytest.raises(PerceptDataError, match="no XML"):
        contract("nothing")


# The server


def test_the_lines_that_start_a_server_are_shell(tmp_path: Path) -> None:
    lines = start_lines(tmp_path / "it's here", 9090)
    script = "\n".join(lines)
    subprocess.run(["bash", "-n", "-c", script], check=True)
    assert f"label-studio=={VERSION}" in script
    assert f"export {URL}=http://127.0.0.1:9090" in lines
    assert shlex.quote(str(tmp_path / "it's here" / "media")) in script
    assert "PASSWORD=" not in script.replace("export LABEL_STUDIO_USERNAME", "")


def test_the_server_is_installed_from_names_and_versions(root: Path) -> None:
    lines = (root / "tests" / "services" / "label_studio" / "requirements.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*", line) for line in pins)
    assert f"label-studio=={VERSION}" in pins


def test_a_server_to_try_things_on_keeps_its_key(tmp_path: Path) -> None:
    environment, lines = prepared(tmp_path)
    again, _ = prepared(tmp_path)
    assert environment == again
    assert (tmp_path / "key").read_text() == environment["LABEL_STUDIO_USER_TOKEN"]
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0
    assert environment["LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT"] == str(tmp_path / "media")
    assert any(line.startswith(f"export {URL}=http://127.0.0.1:8080 {MEDIA}={tmp_path / 'media'}") for line in lines)


def test_a_server_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABEL_STUDIO_ENVIRONMENT", str(tmp_path))
    with pytest.raises(SystemExit, match="is not there; `make review-server` installs it"):
        main()
