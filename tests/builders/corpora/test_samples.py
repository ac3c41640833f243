from pathlib import Path

import pytest

CORPORA = ("geometry3k", "gsm8k", "nlvr")
ORIGINALS = {"geometry3k": "geometry3k/data_examples", "gsm8k": "gsm8k", "nlvr": "nlvr"}


def test_the_samples_are_small_and_show_no_question(samples: Path) -> None:
    files = [file for file in samples.rglob("*") if file.is_file()]
    assert {folder.name for folder in samples.iterdir() if folder.is_dir()} == set(CORPORA)
    assert sum(file.stat().st_size for file in files) < 600_000
    assert not [file for file in files if file.name == "img_problem.png"]


def test_each_has_its_attribution(samples: Path) -> None:
    notice = (samples / "NOTICE").read_text()
    for name in CORPORA:
        entry = notice.partition(f"\n{name}/\n")[2].partition("\n\n")[0]
        assert "Source: " in entry
        assert "commit " in entry
        assert "Licence: " in entry


@pytest.mark.parametrize("name", CORPORA)
def test_they_are_unchanged_originals(samples: Path, shared: Path, name: str) -> None:
    for file in (samples / name).rglob("*"):
        original = shared / "corpora" / ORIGINALS[name] / file.relative_to(samples / name)
        if file.suffix == ".png" or file.parent.parent.name == "geometry3k":
            assert not file.is_file() or file.read_bytes() == original.read_bytes()
        elif file.is_file():
            assert set(file.read_bytes().splitlines()) <= set(original.read_bytes().splitlines())
