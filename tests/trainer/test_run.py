"""A run is one folder: it ends, it goes on where it was cut off, and it says in a sentence why it cannot."""

import errno
import json
import os
import shutil
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from models.training import Dies, logs, losses, run, weights
from transformers import TrainerCallback

from perceptdata.errors import PerceptDataError, UsageError, WorkspaceError
from perceptdata.trainer import run as module
from perceptdata.vlm.loading import LocalModel
from perceptdata.vlm.sight import looks_at_images

Tiny = Callable[[str], Path]


def test_a_run_leaves_a_model_a_record_and_its_rejects(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run(tiny("qwen3_vl"), cards, out)
    assert (done.steps, done.rows, done.rejected, done.resumed) == (2, 11, {"text.missing": 1}, 0)
    assert done.loss == losses(done)[-1]
    record = json.loads((out / "run.json").read_text())
    assert record["options"]["lambda"] == "standard"
    assert record["view"] == json.loads((cards / "export.json").read_text())["fingerprint"]
    assert record["trained"]["parameters"] == record["trained"]["of"] > 100_000
    assert record["steps"] == 2
    (reject,) = [json.loads(line) for line in (out / "rejects.jsonl").read_text().splitlines()]
    assert (reject["id"], reject["code"]) == ("cards/train/08", "text.missing")
    assert looks_at_images(LocalModel.load(out / "model"))
    assert run(tiny("qwen3_vl"), cards, out) == done  # it has ended: nothing is done again


def test_a_run_that_dies_goes_on_to_the_last_bit(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    """In the middle of the second epoch. λ is in the checkpoint, and so are the random numbers of dropout."""
    more: dict[str, Any] = {"steps": 5, "save_every": 3, "lambda": "ngdiff", "ngdiff": {"every": 2, "ema": 0.5}}
    more["lora"] = {"r": 4, "dropout": 0.2}
    whole = run(tiny("qwen2_5_vl"), cards, tmp_path / "whole", **more)
    with pytest.raises(SystemExit):
        run(tiny("qwen2_5_vl"), cards, tmp_path / "cut", Dies(4), **more)
    assert not (tmp_path / "cut" / "model").exists()
    cut = run(tiny("qwen2_5_vl"), cards, tmp_path / "cut", **more)
    assert cut.resumed == 3
    for name in ("loss", "grad_norm", "lambda"):
        assert [entry[name] for entry in logs(cut)] == [entry[name] for entry in logs(whole)]
    ours, theirs = weights(cut), weights(whole)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("family", ["qwen2_5_vl", "internvl"])
def test_whole_models_go_on_too(tiny: Tiny, cards: Path, tmp_path: Path, family: str) -> None:
    """Published checkpoints name their weights in another way than the network does; those must be found again."""
    more: dict[str, Any] = {"steps": 2, "save_every": 1, "accumulate": 1}
    whole = run(tiny(family), cards, tmp_path / "whole", **more)
    with pytest.raises(SystemExit):
        run(tiny(family), cards, tmp_path / "cut", Dies(2), **more)
    cut = run(tiny(family), cards, tmp_path / "cut", **more)
    assert (cut.resumed, losses(cut)) == (1, losses(whole))
    ours, theirs = weights(cut), weights(whole)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_checkpoint_that_was_cut_off_is_not_used(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(SystemExit):
        run(tiny("llava"), cards, out, Dies(3), steps=3, save_every=1, keep=3)
    (out / "checkpoints" / "checkpoint-2" / "perceptdata.json").unlink()
    assert module.newest_checkpoint(out) == out / "checkpoints" / "checkpoint-1"
    assert not (out / "checkpoints" / "checkpoint-2").exists()


class Interrupts(TrainerCallback):
    """Somebody presses Ctrl-C, `times` times, as a step begins."""

    def __init__(self, times: int = 1) -> None:
        self.times = times

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == 1:
            for _ in range(self.times):
                os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_saves_and_the_run_goes_on(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    whole = run(tiny("qwen3_vl"), cards, tmp_path / "whole", steps=3)
    with pytest.raises(KeyboardInterrupt):
        run(tiny("qwen3_vl"), cards, tmp_path / "cut", Interrupts(), steps=3)
    assert signal.getsignal(signal.SIGINT) == before
    assert module.newest_checkpoint(tmp_path / "cut") == tmp_path / "cut" / "checkpoints" / "checkpoint-2"
    assert losses(run(tiny("qwen3_vl"), cards, tmp_path / "cut", steps=3)) == losses(whole)


def test_a_second_ctrl_c_stops_at_once(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tiny("llava"), cards, tmp_path / "out", Interrupts(2), steps=3)
    assert module.newest_checkpoint(tmp_path / "out") is None


def test_a_loss_that_is_no_number_stops_before_it_is_saved(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    with pytest.raises(PerceptDataError, match=r"is (nan|inf) at step \d: nothing after the last checkpoint is saved"):
        run(tiny("llava"), cards, tmp_path / "out", learning_rate=1e30, steps=5, save_every=1, max_grad_norm=1e30)
    assert not (tmp_path / "out" / "model").exists()
    newest = module.newest_checkpoint(tmp_path / "out")
    assert newest is not None
    assert int(newest.name.partition("-")[2]) < 5


def test_another_run_is_refused(tiny: Tiny, cards: Path, graphs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(tiny("llava"), cards, out, steps=1)
    with pytest.raises(UsageError, match=r"holds a run with another lambda; name another folder with --out"):
        run(tiny("llava"), cards, out, steps=1, **{"lambda": 0.5})
    with pytest.raises(UsageError, match="another view, steps"):
        run(tiny("llava"), graphs, out)
    (tmp_path / "theirs" / "model").mkdir(parents=True)
    with pytest.raises(UsageError, match="holds something else than a run"):
        run(tiny("llava"), cards, tmp_path / "theirs")


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("[enforce fail] PytorchStreamWriter failed writing file data/1: file write failed"),
        RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_is_a_sentence(
    tiny: Tiny, cards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise error

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(WorkspaceError, match=r"out cannot be written .*No space left on device.*free some space"):
        run(tiny("llava"), cards, tmp_path / "out", steps=1)


def test_a_folder_that_cannot_be_written_is_a_sentence(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(WorkspaceError, match="out cannot be written"):
        run(tiny("llava"), cards, tmp_path / "out")


def test_a_run_in_another_thread_leaves_signals_alone(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(run, tiny("llava"), cards, tmp_path / "out", steps=1).result().steps == 1


def test_nothing_is_said_where_there_is_no_terminal(
    tiny: Tiny, cards: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tiny("llava")
    capfd.readouterr()
    run(folder, cards, tmp_path / "out", steps=1)
    assert capfd.readouterr() == ("", "")


def test_other_errors_stay_what_they_are(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    class Breaks(TrainerCallback):
        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        run(tiny("llava"), cards, tmp_path / "out", Breaks())


def test_a_view_without_a_single_usable_row_is_refused(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="none of the 12 rows can be trained on; the first: cards/train/00, prompt"):
        run(tiny("llava"), cards, tmp_path / "out", max_length=16)


def test_a_folder_that_is_no_export_is_refused(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no exported view; write one with: perceptdata export parquet"):
        run(tiny("llava"), tmp_path, tmp_path / "out")
    copy = tmp_path / "copy"
    shutil.copytree(cards, copy)
    (path,) = (copy / "data").iterdir()
    path.rename(path.with_name(path.name.replace("train", "test")))
    with pytest.raises(UsageError, match="has no one split 'train'"):
        run(tiny("llava"), copy, tmp_path / "out")


def test_a_format_needs_a_name(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a format is named with 'use'"):
        run(tiny("llava"), cards, tmp_path / "out", format={"max_pixels": 1000})
