"""The package map: `builders/`, `annotators/` and `schemas/` stand at the top and are installed inside `perceptdata`.

The list is made from the tree at build time, so a new subpackage can never be missing from a wheel, and what an earlier
build left behind is removed first, so a deleted one cannot come back.
"""

import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build import build

ROOMS = {
    "perceptdata": "perceptdata",
    "perceptdata.builders": "builders",
    "perceptdata.annotators": "annotators",
    "perceptdata.schemas": "schemas",
}
CODE = {".py", ".pyc"}


def packages() -> list[str]:
    """Every package under the four rooms, by its installed name."""
    names = []
    for name, folder in ROOMS.items():
        names += [name, *(f"{name}.{sub}" for sub in find_packages(folder))]
    return names


def data(name: str) -> list[str]:
    """The data files of one room that are not code, relative to it."""
    room = Path(ROOMS[name])
    files = (path for path in room.rglob("*") if path.is_file() and path.suffix not in CODE)
    return sorted(str(path.relative_to(room)) for path in files if "__pycache__" not in path.parts)


class Build(build):
    """A build that starts empty: setuptools packs whatever lies in `build/lib`, deleted modules included."""

    def run(self) -> None:
        shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()


setup(
    packages=packages(),
    package_dir=ROOMS,
    package_data={name: data(name) for name in ROOMS},
    cmdclass={"build": Build},
)
