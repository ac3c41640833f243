"""The registry: what it lists, how it fails, and that one broken package never hides the others."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import Distribution, EntryPoint
from pathlib import Path
from typing import Any

import pytest

from perceptdata import registry
from perceptdata.errors import PluginError, UsageError
from perceptdata.formats import FORMATS, ThinkBoxed

CATALOGUE = {"think_boxed": "perceptdata.formats:ThinkBoxed"}
EMPTY: dict[str, str] = {}
MORE = {"boxed": "perceptdata.formats:Missing"}


OWN = ("perceptdata", "catalogue", f"{__name__}:CATALOGUE")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Make these `(package, name, target)` formats the only entry points there are."""

    def point(package: str, name: str, target: str) -> EntryPoint:
        folder = tmp_path / f"{package}-7.dist-info"
        folder.mkdir(exist_ok=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 7\n")
        (folder / "entry_points.txt").write_text(f"[perceptdata.formats]\n{name} = {target}\n")
        (found,) = Distribution.at(folder).entry_points
        return found

    def install(*points: tuple[str, str, str]) -> None:
        found = [point(*given) for given in points]
        monkeypatch.setattr(registry, "entry_points", lambda group: [p for p in found if p.group == group])

    return install


def test_the_engine_s_own_formats_are_listed_and_load() -> None:
    listed = [entry for entry in registry.entries("formats", check=True) if entry.package == "perceptdata"]
    assert [(entry.name, entry.target, entry.error) for entry in listed] == [(n, t, None) for n, t in FORMATS.items()]
    assert registry.load("formats", "think_boxed") is ThinkBoxed


@pytest.mark.parametrize("kind", registry.KINDS)
def test_every_kind_lists_without_importing_its_plugins(kind: str) -> None:
    code = f"import sys; from perceptdata import registry; registry.entries('{kind}'); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"torch", "datasets", "spacy", "PIL", "perceptdata.images", "perceptdata.builders.corpora.geometry3k"}
    assert heavy.isdisjoint(modules)


def test_an_unknown_kind_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="there is no plugin kind 'builder'; the kinds are builders, families"):
        registry.entries("builder")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("think_box", "there is no format 'think_box'; did you mean 'think_boxed'?"),
        ("zz", "'zz'; there are answer_only, "),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        registry.make("formats", name)
    assert hint in str(caught.value)


def test_where_there_are_none_that_is_said(installed: Callable[..., None]) -> None:
    installed()
    with pytest.raises(UsageError, match="there are none"):
        registry.load("formats", "think_boxed")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"max_pixel": 1}, "format 'think_boxed': unknown key 'max_pixel' (did you mean 'max_pixels'?)"),
        ({"max_pixels": "many"}, "format 'think_boxed': 'max_pixels': Input should be a valid integer"),
        ({"max_pixels": 0, "zz": 1}, "'max_pixels': Input should be greater than 0; unknown key 'zz'"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        registry.make("formats", "think_boxed", options)
    assert sentence in str(caught.value)


def test_a_stranger_s_plugin_stands_beside_the_engine_s(installed: Callable[..., None]) -> None:
    installed(("stranger", "own", "perceptdata.formats:AnswerOnly"), OWN)
    assert [(e.name, e.package, e.package_version) for e in registry.entries("formats")] == [
        ("own", "stranger", "7"),
        ("think_boxed", "perceptdata", "7"),
    ]
    assert registry.make("formats", "own").name == "answer_only"


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("no_such_module:X", "no_such_module:X of stranger cannot be imported: ModuleNotFoundError"),
        ("perceptdata.formats:NoSuch", "cannot be imported: AttributeError"),
        (
            "perceptdata.formats:find_boxes",
            "perceptdata.formats:find_boxes of stranger is not a perceptdata plugin class",
        ),
    ],
)
def test_a_broken_plugin_is_listed_with_its_error(installed: Callable[..., None], target: str, error: str) -> None:
    installed(OWN, ("stranger", "broken", target))
    broken, good = registry.entries("formats", check=True)
    assert error in str(broken.error)
    assert (good.name, good.error) == ("think_boxed", None)
    assert [entry.error for entry in registry.entries("formats")] == [None, None]  # not imported, so not known
    with pytest.raises(PluginError) as caught:
        registry.load("formats", "broken")
    assert error in str(caught.value)
    assert registry.load("formats", "think_boxed") is ThinkBoxed


@pytest.mark.parametrize("value", ["no_such_module:CATALOGUE", f"{__name__}:MISSING"])
def test_a_broken_catalogue_is_listed_with_its_error(installed: Callable[..., None], value: str) -> None:
    installed(("stranger", "catalogue", value), OWN)
    broken, good = registry.entries("formats")
    assert (broken.name, broken.target, good.name) == ("stranger:catalogue", value, "think_boxed")
    assert str(broken.error).startswith(("ModuleNotFoundError", "AttributeError"))
    with pytest.raises(PluginError, match="format 'stranger:catalogue' of stranger"):
        registry.load("formats", "stranger:catalogue")
    assert registry.load("formats", "think_boxed") is ThinkBoxed


def test_an_empty_catalogue_adds_nothing(installed: Callable[..., None]) -> None:
    installed(OWN, ("stranger", "catalogue", f"{__name__}:EMPTY"))
    assert [entry.name for entry in registry.entries("formats")] == ["think_boxed"]


def test_two_packages_with_one_name_cannot_be_told_apart(installed: Callable[..., None]) -> None:
    installed(("stranger", "think_boxed", "perceptdata.formats:AnswerOnly"), OWN)
    (entry,) = registry.entries("formats")
    assert entry.package == "perceptdata"
    with pytest.raises(PluginError, match=r"stranger offers it too .*uninstall one of them"):
        registry.load("formats", "think_boxed")


def test_the_same_plugin_offered_twice_is_no_conflict(installed: Callable[..., None]) -> None:
    installed(OWN, ("stranger", "think_boxed", "perceptdata.formats:ThinkBoxed"))
    assert registry.load("formats", "think_boxed") is ThinkBoxed


def test_a_package_may_have_several_catalogues(installed: Callable[..., None]) -> None:
    """The engine's own checkers and those of `builders/` are listed as one package's."""
    installed(OWN, ("perceptdata", "catalogue_more", f"{__name__}:MORE"))
    assert [(entry.name, entry.package) for entry in registry.entries("formats")] == [
        ("boxed", "perceptdata"),
        ("think_boxed", "perceptdata"),
    ]
    with pytest.raises(PluginError, match="cannot be imported"):
        registry.load("formats", "boxed")


def test_the_engine_s_checkers_stand_beside_the_families() -> None:
    listed = {entry.name: entry.error for entry in registry.entries("checkers", check=True)}
    assert listed.items() >= dict.fromkeys(("anls", "boxes", "relaxed", "vqa", "family", "family_perception")).items()
