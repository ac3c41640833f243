"""What a run would do, before a GPU is paid for: rows, tokens, steps, parameters. No weights are loaded.

    seen = preview(make("sft", {"max_length": 4096}), Paths(model="Qwen3-VL-8B", view=Path("view"), out=Path("out")))
    seen.histograms["prompt"].counts, seen.rejected, seen.steps, seen.trained, seen.forecast.refusal

Lengths are those of the model's own tokenizer and processor, over every row that renders, those over a limit too.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from perceptdata.trainer.forecast import Device, Forecast, Rows, forecast
from perceptdata.trainer.lengths import Measured
from perceptdata.trainer.options import Options, Paths
from perceptdata.trainer.presets import Method
from perceptdata.trainer.rows import read_rows
from perceptdata.trainer.run import CHECKPOINTS, admit, make_format, quiet
from perceptdata.vlm.loading import Reader

if TYPE_CHECKING:
    from transformers import PreTrainedModel

BINS = 12


@dataclass(frozen=True, slots=True)
class Histogram:
    """Tokens a row. Bin i counts the rows from `edges[i]` up to, not with, `edges[i + 1]`.

    `cut` is the limit over which a row is a reject; None for none.
    """

    edges: tuple[int, ...]
    counts: tuple[int, ...]
    least: int
    median: float
    p95: float
    most: int
    total: int
    cut: int | None = None

    @classmethod
    def of(cls, lengths: NDArray[np.int64], cut: int | None = None) -> Histogram:
        """Of one length a row, at least one."""
        least, most = int(lengths.min()), int(lengths.max())
        width = math.ceil((most - least + 1) / BINS)
        edges = np.arange(least // width * width, most + width + 1, width)[: BINS + 2]
        counts, _ = np.histogram(lengths, edges)
        median, p95 = np.percentile(lengths, [50, 95]).tolist()
        return cls(
            tuple(edges.tolist()),
            tuple(counts.tolist()),
            least,
            median,
            p95,
            most,
            int(lengths.sum()),
            cut,
        )


@dataclass(frozen=True, slots=True)
class Preview:
    """`stages` counts the rows that are kept; `trained` and `parameters` are numbers of weights."""

    method: str
    rows: int
    stages: dict[str, int]
    rejected: dict[str, int]
    histograms: dict[str, Histogram]
    processes: int
    rows_a_step: int
    steps: int
    trained: int
    parameters: int
    checkpoints: Path
    forecast: Forecast

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "checkpoints": str(self.checkpoints), "forecast": self.forecast.to_json()}


def preview(method: Method, paths: Paths, processes: int = 1, gpu_memory: float | None = None) -> Preview:
    """What `run.train` would do with these, on so many devices. Raises UsageError as it would.

    `gpu_memory`, in GiB, is that of GPUs elsewhere; without it, the device that is here is asked.
    """
    form = make_format(method)
    with quiet():
        rows = read_rows(paths.view, paths.split)
    reader = Reader.read(paths.model)
    network = skeleton(paths.model)
    context = getattr(network.config.get_text_config(), "max_position_embeddings", None)
    found = admit(rows, reader, context, form, method)
    trained, parameters = sizes(network, method)
    known = found.prompt >= 0
    images, prompt, response = found.images[known], found.prompt[known], found.response[known]
    histograms = {
        "images": Histogram.of(images),
        "prompt": Histogram.of(prompt, form.max_prompt_tokens),
        "response": Histogram.of(response),
        "row": Histogram.of(prompt + response, method.max_length),
    }
    if not method.reads_responses:
        del histograms["response"], histograms["row"]
    steps = method.planned_steps(len(found.kept), processes)
    device = Device.chosen(gpu_memory)
    stages: Sequence[str] = rows.select_columns(["stage"]).select(found.kept)["stage"]
    return Preview(
        method.method,
        len(rows),
        dict(Counter(stages)),
        dict(Counter(reject.code for reject in found.rejects).most_common()),
        histograms,
        processes,
        method.batch * method.accumulate * processes,
        steps,
        trained,
        parameters,
        paths.out / CHECKPOINTS,
        forecast(lambda: skeleton(paths.model), method, _usual(found, method), steps, device, processes),
    )


def _usual(found: Measured, method: Method) -> Rows:
    """The lengths that 95 % of the kept rows keep under; rollouts are as long as they may be."""
    kept = found.kept
    scored = found.response[kept] if not method.new_tokens else np.full(len(kept), method.new_tokens)
    each = (found.prompt[kept] + scored, scored, found.images[kept])
    return Rows(*(math.ceil(np.percentile(lengths, 95)) for lengths in each))


def skeleton(source: str) -> PreTrainedModel:
    """The network without its weights: only names and shapes."""
    import torch
    import transformers

    config = transformers.AutoConfig.from_pretrained(str(Path(source).expanduser()))
    sees = type(config) in transformers.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING
    kind = transformers.AutoModelForImageTextToText if sees else transformers.AutoModelForCausalLM
    with torch.device("meta"):
        network: PreTrainedModel = kind.from_config(config)
    return network


def sizes(network: PreTrainedModel, options: Options) -> tuple[int, int]:
    """How many weights would move, adapters counted, and how many there are without adapters."""
    import torch

    from perceptdata.trainer.model import adapt

    whole = sum(parameter.numel() for parameter in network.parameters())
    with torch.device("meta"):
        adapted = adapt(network, options)
    return sum(parameter.numel() for parameter in adapted.parameters() if parameter.requires_grad), whole
