"""What users install is the tree: the wheel's contents, the pins, and the versions that several files repeat."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import distribution
from pathlib import Path, PurePosixPath

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import perceptdata

ROOMS = {
    "perceptdata": "perceptdata",
    "builders": "perceptdata/builders",
    "annotators": "perceptdata/annotators",
    "schemas": "perceptdata/schemas",
}


@pytest.fixture(scope="module")
def copy(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working tree as a commit of it would be: tracked files and new ones, without what git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=True,
        text=True,
    )
    folder = tmp_path_factory.mktemp("tree")
    for name in filter(None, listed.stdout.split("\0")):
        if (root / name).is_file():  # a file deleted but not yet committed is still listed
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, folder / name)
    return folder


def build(copy: Path, *kinds: str) -> set[PurePosixPath]:
    """Build in `copy` without a network and give the names inside the wheel."""
    shutil.rmtree(copy / "dist", ignore_errors=True)
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", *kinds, str(copy)],
        capture_output=True,
        text=True,
        env={**os.environ, "SOURCE_DATE_EPOCH": "1600000000"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (copy / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return {PurePosixPath(name) for name in archive.namelist() if not name.endswith("/")}


def installed(copy: Path) -> set[PurePosixPath]:
    """Where every file of the four rooms belongs in the wheel."""
    return {
        PurePosixPath(target) / path.relative_to(copy / room).as_posix()
        for room, target in ROOMS.items()
        for path in (copy / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def code(names: set[PurePosixPath]) -> set[PurePosixPath]:
    """The names outside the wheel's own metadata folder."""
    return {name for name in names if not name.parts[0].endswith(".dist-info")}


def test_the_wheel_holds_the_four_rooms_and_nothing_else(copy: Path) -> None:
    names = build(copy)  # a source distribution, and the wheel from it: both must carry every file
    assert code(names) == installed(copy)
    assert {name.parts[0] for name in code(names)} == {"perceptdata"}
    assert PurePosixPath("perceptdata/schemas/example.schema.json") in names
    assert PurePosixPath("perceptdata/py.typed") in names
    metadata = {"/".join(name.parts[1:]) for name in names - code(names)}
    assert {"licenses/LICENSE", "licenses/NOTICE", "entry_points.txt"} <= metadata


def test_a_new_subpackage_is_in_the_wheel_and_a_deleted_one_does_not_come_back(copy: Path) -> None:
    fresh = copy / "builders" / "fresh"
    fresh.mkdir()
    (fresh / "__init__.py").write_text('"""New."""\n')
    (fresh / "words.txt").write_text("new\n")
    wanted = {PurePosixPath(f"perceptdata/builders/fresh/{name}") for name in ("__init__.py", "words.txt")}
    with_fresh = build(copy, "--wheel")
    assert wanted <= with_fresh

    shutil.rmtree(fresh)  # `build/lib` still has it
    without = build(copy, "--wheel")
    assert code(with_fresh) - code(without) == wanted
    assert code(without) == installed(copy)


def test_every_declared_dependency_is_pinned_inside_its_range(root: Path) -> None:
    manifest = tomllib.loads((root / "pyproject.toml").read_text())
    project, groups = manifest["project"], manifest["dependency-groups"]
    declared = [
        *manifest["build-system"]["requires"],
        *project["dependencies"],
        *(line for lines in project["optional-dependencies"].values() for line in lines),
        *(line for lines in groups.values() for line in lines if isinstance(line, str)),
    ]
    pins = pinned(root)
    for requirement in map(Requirement, declared):
        pin = pins.get(canonicalize_name(requirement.name))
        assert pin is not None, f"{requirement.name} is not in constraints.txt"
        assert requirement.specifier.contains(pin), f"constraints.txt pins {requirement.name}=={pin}, not {requirement}"


def test_constraints_are_names_and_versions_in_order(root: Path) -> None:
    lines = [line for line in (root / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line) for line in lines)
    names = [line.partition("==")[0] for line in lines if not line.startswith("torch==")]
    assert names == sorted(set(names))
    assert pinned(root)["torch"] == Version("2.13.0")


def pinned(root: Path) -> dict[str, Version]:
    """Name to version."""
    found = re.findall(r"^([a-z0-9-]+)==(\S+)$", (root / "constraints.txt").read_text(), re.MULTILINE)
    return {canonicalize_name(name): Version(version) for name, version in found}


def test_one_version_everywhere(root: Path) -> None:
    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    assert perceptdata.__version__ == version
    assert distribution("perceptdata").version == version
    assert yaml.safe_load((root / "CITATION.cff").read_text())["version"] == version
    assert re.search(rf"^## {re.escape(version)}\b", (root / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_ci_runs_make_ci(root: Path) -> None:
    script = root / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text().splitlines()[-1] == "exec make ci"
    assert re.search(r"^ci: test test-services$", (root / "Makefile").read_text(), re.MULTILINE)


def test_the_licence_is_apache_2(root: Path) -> None:
    text = (root / "LICENSE").read_text()
    assert "Apache License\n                           Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_every_packaged_sample_is_credited(root: Path) -> None:
    notice = (root / "NOTICE").read_text()
    samples = {path.name for path in (root / "builders" / "samples").glob("[!_]*") if path.is_dir()}
    assert {name for name in samples if f"- {name}: " not in notice} == set()
