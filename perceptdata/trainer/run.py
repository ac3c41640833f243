"""One run, from options to a trained model. Running it again goes on from its last checkpoint.

    done = train(make("sft", {"steps": 500}), Paths(model="Qwen3-VL-8B", view=Path("out/view"), out=Path("out")))

    out/run.json            what was run: options, view, model, versions; when it ended
    out/rejects.jsonl       the rows that were not trained on, each with its reason
    out/metrics.jsonl       what every step logged (`record`); beside it samples.jsonl and tensorboard/
    out/checkpoints/        checkpoint-N: weights, optimiser, random numbers
    out/model/              the trained model with its processor (adapters merged; themselves in out/adapter)

Everything that would fail late is checked first. Under `torchrun` or `accelerate launch` every rank runs this, and rank
0 writes.
"""

from __future__ import annotations

import errno
import json
import shutil
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perceptdata import __version__, registry
from perceptdata.errors import UsageError
from perceptdata.formats import Format
from perceptdata.manifest import digest, disk_error, write_atomically
from perceptdata.trainer.lengths import Limits, Measured, RowReject, measure
from perceptdata.trainer.options import Options, Paths
from perceptdata.trainer.presets import Job, Method
from perceptdata.trainer.progress import Progress
from perceptdata.trainer.record import Record
from perceptdata.trainer.rows import fingerprint_of, read_rows
from perceptdata.vlm.loading import Reader, fingerprint

if TYPE_CHECKING:
    import datasets
    from transformers import Trainer, TrainerCallback

    from perceptdata.trainer.model import TrainedModel

RUN, REJECTS, CHECKPOINTS, MODEL, ADAPTER = "run.json", "rejects.jsonl", "checkpoints", "model", "adapter"
VERSIONS = ("torch", "transformers", "trl", "accelerate", "peft", "datasets")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run left. `loss` is the last step's; `resumed` the step it went on from."""

    model: Path
    steps: int
    rows: int
    rejected: dict[str, int]
    loss: float | None
    resumed: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "model": str(self.model)}


def train(
    method: Method, paths: Paths, callbacks: Sequence[TrainerCallback] = (), places: Sequence[int] | None = None
) -> Outcome:
    """Run it, or what is left of it. `places` are rows of the view, in their order; None for all.

    Raises UsageError for what cannot be trained so, PerceptDataError for a loss that is no number, WorkspaceError for a
    full disk, KeyboardInterrupt once Ctrl-C has saved a checkpoint.
    """
    from perceptdata.trainer.engine import require

    require()
    form = make_format(method)
    with quiet():
        rows = read_rows(paths.view, paths.split)
        rows = rows if places is None else rows.select(places)
    record = {**_record(method, paths), "places": None if places is None else digest(list(places))}
    if (done := _finished(paths.out, record)) is not None:
        return done
    try:
        with quiet():
            return _train(method, paths, form, rows, record, callbacks)
    except Exception as error:
        if (cause := _out_of_disk(error)) is not None:
            raise disk_error(cause, paths.out) from error
        raise


@contextmanager
def quiet() -> Iterator[None]:
    """Progress bars are for terminals, those of libraries too; and how transformers will call its options in some later
    version is nobody's concern.
    """
    import datasets
    from transformers.utils import logging

    bars = [
        (logging.is_progress_bar_enabled(), logging.disable_progress_bar, logging.enable_progress_bar),
        (
            not datasets.utils.are_progress_bars_disabled(),
            datasets.disable_progress_bars,
            datasets.enable_progress_bars,
        ),
    ]
    hidden = [(hide, show) for shown, hide, show in bars if shown and not sys.stderr.isatty()]
    for hide, _ in hidden:
        hide()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r".* is deprecated and will be removed in v6", FutureWarning)
            yield
    finally:
        for _, show in hidden:
            show()


def make_format(options: Options) -> Format:
    """The response format that the options name."""
    named = dict(options.format)
    if "use" not in named:
        raise UsageError("a format is named with 'use': {use: think_boxed}; `perceptdata list formats` shows them")
    form: Format = registry.make("formats", str(named.pop("use")), named)
    return form


def common_arguments(options: Options, out: Path) -> dict[str, Any]:
    """What transformers is told for every method: bfloat16 and recomputed activations on a GPU, float32 on a CPU."""
    import torch

    gpu = torch.cuda.is_available()
    return {
        "output_dir": str(out / CHECKPOINTS),
        "per_device_train_batch_size": options.batch,
        "gradient_accumulation_steps": options.accumulate,
        "learning_rate": options.learning_rate,
        "lr_scheduler_type": options.schedule,
        "warmup_steps": options.warmup,
        "weight_decay": options.weight_decay,
        "max_grad_norm": options.max_grad_norm,
        "train_sampling_strategy": "random" if options.order == "random" else "sequential",
        "dataloader_num_workers": (4 if gpu else 0) if options.workers is None else options.workers,
        "remove_unused_columns": False,
        "use_cpu": not gpu,
        "bf16": gpu,
        "gradient_checkpointing": options.checkpointing and gpu,
        "gradient_checkpointing_kwargs": {"use_reentrant": False},
        "seed": options.seed,
        "save_steps": options.save_every,
        "save_total_limit": options.keep,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "report_to": "none",
        "disable_tqdm": True,
    }


def _train(
    method: Method,
    paths: Paths,
    form: Format,
    rows: datasets.Dataset,
    record: dict[str, Any],
    callbacks: Sequence[TrainerCallback],
) -> Outcome:
    from transformers import PrinterCallback, set_seed

    from perceptdata.trainer.engine.callbacks import Complete, Finite, Interruptible
    from perceptdata.trainer.engine.recording import Recording
    from perceptdata.trainer.model import TrainedModel

    begun = time.perf_counter()
    arguments = method.arguments(common_arguments(method, paths.out))
    set_seed(method.seed)  # adapters begin at random
    model = TrainedModel.load(paths.model, method, has_images(rows))
    found = admit(rows, model.reader, model.reader.context, form, method)
    rejected = dict(Counter(reject.code for reject in found.rejects).most_common())
    arguments.max_steps = method.planned_steps(len(found.kept), arguments.world_size)
    record |= {"steps": arguments.max_steps, "rows": len(found.kept), "rejected": rejected, "trained": _sizes(model)}
    if arguments.process_index == 0:
        _write(paths.out, record, found.rejects)
    ctrl_c = Interruptible()
    recording = Recording(Record(paths.out), Progress(sys.stderr) if sys.stderr.isatty() else None)
    watching: list[TrainerCallback] = [recording, Finite(), ctrl_c, *callbacks]
    trainer = method.trainer(Job(model, rows.select(found.kept), form, arguments, watching, paths.out))
    trainer.add_callback(Complete(trainer))
    trainer.remove_callback(PrinterCallback)  # standard output is for results
    checkpoint = newest_checkpoint(paths.out)
    if checkpoint is not None:
        trainer.remember(_memory(checkpoint))
    with ctrl_c.listening(), closing(recording):
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    if ctrl_c.asked and trainer.state.global_step < trainer.state.max_steps:
        raise KeyboardInterrupt
    _save_model(trainer, model, paths.out)
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    outcome = Outcome(
        paths.out / MODEL,
        trainer.state.global_step,
        len(found.kept),
        rejected,
        losses[-1] if losses else None,
        0 if checkpoint is None else _step_of(checkpoint),
        time.perf_counter() - begun,
    )
    if arguments.process_index == 0:
        _write(paths.out, {**record, "finished": _now(), "outcome": outcome.to_json()})
    return outcome


def admit(rows: datasets.Dataset, reader: Reader, context: int | None, form: Format, method: Method) -> Measured:
    """Which rows can be trained on, and how long they are. Raises UsageError where none can."""
    from perceptdata.alignment.aligner import Aligner

    limits = Limits(method.max_length, form.max_prompt_tokens, context, method.new_tokens)
    found = measure(
        rows, Aligner(reader, method.straddle), form, limits, method.reads_responses, max_pixels=method.max_pixels
    )
    if not len(found.kept):
        first = f"; the first: {found.rejects[0].id}, {found.rejects[0].message}" if found.rejects else ""
        raise UsageError(f"none of the {len(rows)} rows can be trained on{first}")
    return found


def has_images(rows: datasets.Dataset) -> bool:
    """Whether any row has one."""
    import pyarrow.compute as pc

    held = rows.select_columns(["image_info"]).with_format("arrow")[:].column("image_info")
    return bool(pc.max(pc.list_value_length(held)).as_py())


def newest_checkpoint(out: Path) -> Path | None:
    """The last checkpoint that was written whole. What a crash cut off is removed."""
    from perceptdata.trainer.engine.callbacks import MARK

    for folder in sorted((out / CHECKPOINTS).glob("checkpoint-*"), key=_step_of, reverse=True):
        if (folder / MARK).exists():
            return folder
        shutil.rmtree(folder, ignore_errors=True)
    return None


def _memory(checkpoint: Path) -> dict[str, Any]:
    from perceptdata.trainer.engine.callbacks import MARK

    kept: dict[str, Any] = json.loads((checkpoint / MARK).read_text("utf-8"))
    return kept


def _step_of(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def _record(method: Method, paths: Paths) -> dict[str, Any]:
    return {
        "method": method.method,
        "options": method.model_dump(mode="json", by_alias=True),
        "view": fingerprint_of(paths.view),
        **({"split": paths.split} if paths.split else {}),
        "model": fingerprint(paths.model),
        "source": paths.model,
        "versions": {"perceptdata": __version__, **{name: version(name) for name in VERSIONS}},
        "started": _now(),
    }


def _finished(out: Path, record: dict[str, Any]) -> Outcome | None:
    """What the run in this folder left, where it has ended. Raises UsageError where it is another run."""
    path = out / RUN
    if not path.exists():
        if (out / CHECKPOINTS).exists() or (out / MODEL).exists():
            raise UsageError(f"{out} holds something else than a run; name another folder with --out")
        return None
    before = json.loads(path.read_text("utf-8"))
    changed = [key for key in ("method", "view", "split", "model", "places") if before.get(key) != record.get(key)]
    options = {**before.get("options", {}), **record["options"]}
    changed += [key for key in options if before.get("options", {}).get(key) != record["options"].get(key)]
    if changed:
        raise UsageError(
            f"{out} holds a run with another {', '.join(changed)}; name another folder with --out, or remove this one"
        )
    record["started"] = before["started"]
    if "finished" not in before:
        return None
    return Outcome(**{**before["outcome"], "model": out / MODEL})


def _write(out: Path, record: dict[str, Any], rejects: Sequence[RowReject] | None = None) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        if rejects is not None:
            lines = [json.dumps(reject._asdict(), ensure_ascii=False) + "\n" for reject in rejects]
            write_atomically(out / REJECTS, "".join(lines).encode())
        write_atomically(out / RUN, json.dumps(record, indent=1).encode())
    except OSError as error:
        raise disk_error(error, out) from error


def _save_model(trainer: Trainer, model: TrainedModel, out: Path) -> None:
    """The trained model as one checkpoint that loads anywhere, in the dtype that it came in; whole, or not at all."""
    import peft

    adapted = isinstance(model.network, peft.PeftModel)
    if trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:
        trainer.save_model(str(out / (ADAPTER if adapted else MODEL)))
        return
    if trainer.args.process_index != 0:
        return
    network: Any = model.network
    fresh = out / f".{MODEL}.part"
    shutil.rmtree(fresh, ignore_errors=True)
    if adapted:
        network.save_pretrained(out / ADAPTER)
        network = network.merge_and_unload()
    network.to(model.stored).save_pretrained(fresh)
    (model.reader.processor or model.reader.tokenizer).save_pretrained(fresh)
    shutil.rmtree(out / MODEL, ignore_errors=True)
    fresh.rename(out / MODEL)


def _sizes(model: TrainedModel) -> dict[str, int]:
    # Under ZeRO-3 a rank holds no elements of its own; DeepSpeed notes how many there are.
    sizes = [(each.requires_grad, getattr(each, "ds_numel", each.numel())) for each in model.network.parameters()]
    return {"parameters": sum(size for moves, size in sizes if moves), "of": sum(size for _, size in sizes)}


def _out_of_disk(error: BaseException | None) -> OSError | None:
    """The error behind an error that says there is no room; torch and safetensors put it in words of their own."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return error
        if "No space left on device" in str(error) or "PytorchStreamWriter failed writing file" in str(error):
            return OSError(errno.ENOSPC, "No space left on device")
        error = error.__cause__ or error.__context__
    return None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
