"""A checkpoint made ready: network, tokenizer and processor, with everything that would fail later checked now.

    model = LocalModel.load("checkpoints/step-200")     # bfloat16 on a GPU, float32 on a CPU
    model.sees_images, model.context, str(model.device)

A folder or a Hub name; any architecture that `AutoModelForImageTextToText` or `AutoModelForCausalLM` knows. Code that
comes with a checkpoint is never run.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from perceptdata.errors import UsageError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase, ProcessorMixin

Dtype = Literal["auto", "float32", "bfloat16", "float16"]

# What stands for media in a prompt. Sampled into an answer it would promise features that nobody gave.
_MEDIA_IDS = ("image_token_id", "video_token_id", "audio_token_id", "image_token_index", "video_token_index")
_UNLOADABLE = (OSError, ValueError, KeyError, ImportError, RuntimeError)
_SAMPLED_BYTES = 1 << 20


class _Libraries(NamedTuple):
    torch: Any
    transformers: Any
    safetensors: Any


@dataclass(frozen=True, eq=False)
class Reader:
    """What turns texts and images into a model's inputs: all of a checkpoint but its weights.

    `processor` is None for a text model. `end_ids` end a turn.
    """

    name: str
    tokenizer: PreTrainedTokenizerBase
    processor: ProcessorMixin | None
    end_ids: tuple[int, ...]

    @classmethod
    def read(cls, source: str | Path) -> Reader:
        """The reader of a folder or a Hub name; no weights are touched. Raises UsageError as `LocalModel.load` does."""
        transformers = _import().transformers
        name, path = str(source), _path(source)
        try:
            with _quiet(transformers):
                config = transformers.AutoConfig.from_pretrained(path)
                processor, tokenizer = _processor(transformers, path, config)
                ends = _end_ids(_generation_config(transformers, path), tokenizer)
        except _UNLOADABLE as error:
            raise UsageError(f"{name} cannot be loaded: {_first_line(error)}") from error
        _check(name, processor, tokenizer, ends)
        return Reader(name, tokenizer, processor, ends)

    @property
    def sees_images(self) -> bool:
        """Whether prompts may hold images (whether the model then looks at them: `sight.looks_at_images`)."""
        return self.processor is not None

    @property
    def image_token(self) -> str | None:
        """What a chat template writes where an image stands; None for a text model."""
        return getattr(self.processor, "image_token", None)


@dataclass(frozen=True, eq=False)
class LocalModel(Reader):
    """A network in evaluation mode, with its reader.

    `media_ids` are never sampled. `context` is the longest sequence in tokens (None: the configuration names none).
    """

    network: PreTrainedModel
    pad_id: int
    media_ids: tuple[int, ...]
    context: int | None

    @classmethod
    def load(cls, source: str | Path, dtype: Dtype = "auto", device: str = "auto") -> LocalModel:
        """The model in a folder or of a Hub name. Raises UsageError that names it and says what to do.

        The sampling defaults of the checkpoint are dropped (some name a repetition penalty): what a caller asks for is
        what runs.
        """
        libraries = _import()
        name, path = str(source), _path(source)
        place = _device(libraries.torch, device)
        kind = _dtype(libraries.torch, dtype, place)
        try:
            with _quiet(libraries.transformers):
                network = _network(libraries.transformers, path, kind).to(place)
                processor, tokenizer = _processor(libraries.transformers, path, network.config)
        except libraries.torch.OutOfMemoryError as error:
            raise UsageError(
                f"{name} does not fit on {place}; serve it over several GPUs and use an endpoint"
            ) from error
        except (*_UNLOADABLE, libraries.safetensors.SafetensorError) as error:
            raise UsageError(f"{name} cannot be loaded: {_first_line(error)}") from error
        ends = _end_ids(network.generation_config, tokenizer)
        _check(name, processor, tokenizer, ends)
        pad = ends[0] if tokenizer.pad_token_id is None else tokenizer.pad_token_id
        network.generation_config = libraries.transformers.GenerationConfig(eos_token_id=list(ends), pad_token_id=pad)
        named = [getattr(part, key, None) for part in (network.config, processor) for key in _MEDIA_IDS]
        return cls(
            name,
            tokenizer,
            processor,
            ends,
            network,
            pad_id=pad,
            media_ids=tuple(sorted({token for token in named if token is not None})),
            context=getattr(network.config.get_text_config(), "max_position_embeddings", None),
        )

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self.network.device


def fingerprint(source: str | Path) -> str:
    """A name for the weights: the same for a copied folder, another one after more training. Needs no torch.

    SHA-256 over the names, sizes, and first and last MiB of every file that `LocalModel.load` reads: training moves all
    weights, so what it changed shows there. A Hub name stands for itself.
    """
    folder = Path(source).expanduser()
    if not folder.is_dir():
        return str(source)
    digest = hashlib.sha256()
    kinds = {".json", ".jinja", ".model", ".safetensors", ".bin", ".txt"}
    for path in sorted(path for path in folder.iterdir() if path.suffix in kinds):
        size = path.stat().st_size
        digest.update(f"{path.name}\0{size}\0".encode())
        with path.open("rb") as file:
            digest.update(file.read(_SAMPLED_BYTES))
            file.seek(max(0, size - _SAMPLED_BYTES))
            digest.update(file.read(_SAMPLED_BYTES))
    return digest.hexdigest()


def _import() -> _Libraries:
    try:
        import safetensors
        import torch
        import transformers
    except ImportError as error:
        raise UsageError(f"local models need {error.name}: pip install 'perceptdata[train]'") from error
    try:
        # Lazy modules: a torchvision made for another torch shows only here, as a missing operator.
        _ = transformers.AutoModelForImageTextToText, transformers.AutoProcessor
    except (ImportError, RuntimeError) as error:
        raise UsageError(
            f"transformers cannot be used ({_first_line(error)}); if torchvision is installed, it may be built for "
            "another torch: remove it, or install the one that belongs to this torch"
        ) from error
    return _Libraries(torch, transformers, safetensors)


def _path(source: str | Path) -> str:
    """The folder, or the Hub name as it is; UsageError for a folder that is not there."""
    name = str(source)
    folder = Path(source).expanduser()
    if folder.is_dir():
        return str(folder)
    if isinstance(source, Path) or folder.exists() or name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise UsageError(f"there is no folder {name}; name a checkpoint's folder, or a model on the Hub")
    return name


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Progress bars are for terminals."""
    bars = transformers.utils.logging
    silenced = bars.is_progress_bar_enabled() and not sys.stderr.isatty()
    if silenced:
        bars.disable_progress_bar()
    try:
        yield
    finally:
        if silenced:
            bars.enable_progress_bar()


def _device(torch: Any, wanted: str) -> torch.device:
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        place = torch.device(wanted)
    except RuntimeError as error:
        raise UsageError(f"'{wanted}' is no device; write auto, cpu, cuda or cuda:1") from error
    if place.type == "cuda" and (place.index or 0) >= torch.cuda.device_count():
        raise UsageError(f"there is no {wanted} here; this machine has {torch.cuda.device_count()} CUDA devices")
    return place


def _dtype(torch: Any, wanted: Dtype, place: torch.device) -> torch.dtype:
    if wanted == "auto":
        return torch.float32 if place.type == "cpu" else torch.bfloat16
    if wanted not in ("float32", "bfloat16", "float16"):
        raise UsageError(f"'{wanted}' is no dtype; write auto, float32, bfloat16 or float16")
    return getattr(torch, wanted)


def _network(transformers: Any, path: str, dtype: torch.dtype) -> PreTrainedModel:
    """The weights, all of them: transformers would fill missing ones with random numbers and only log it."""
    config = transformers.AutoConfig.from_pretrained(path)
    sees = type(config) in transformers.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING
    auto = transformers.AutoModelForImageTextToText if sees else transformers.AutoModelForCausalLM
    network, report = auto.from_pretrained(
        path, config=config, dtype=dtype, output_loading_info=True, ignore_mismatched_sizes=True
    )
    missing = sorted([*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])])
    if missing:
        raise ValueError(f"{len(missing)} of its weights are missing or of another shape, {missing[0]} among them")
    return network.eval().requires_grad_(False)


def _processor(transformers: Any, path: str, config: Any) -> tuple[ProcessorMixin | None, PreTrainedTokenizerBase]:
    """The processor of a model that sees images, and its tokenizer."""
    if type(config) not in transformers.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
        return None, transformers.AutoTokenizer.from_pretrained(path)
    kind = transformers.PROCESSOR_MAPPING.get(type(config), None)
    complete = transformers.utils.is_torchvision_available() or kind is None
    if complete or "video_processor" not in kind.get_attributes():
        processor = transformers.AutoProcessor.from_pretrained(path)
    else:
        processor = without_videos(kind).from_pretrained(path)
    return processor, processor.tokenizer


def without_videos(kind: Any) -> Any:
    """The processor class without its video part, which alone needs torchvision. It saves under the same name."""
    kept = [attribute for attribute in kind.get_attributes() if attribute != "video_processor"]
    return type(kind.__name__, (kind,), {"get_attributes": classmethod(lambda cls: kept)})


def _is_token(tokenizer: PreTrainedTokenizerBase, token: str | None) -> bool:
    return token is not None and tokenizer.convert_tokens_to_ids(token) not in (None, tokenizer.unk_token_id)


def _check(name: str, processor: Any, tokenizer: PreTrainedTokenizerBase, ends: tuple[int, ...]) -> None:
    """Refuse what would fail later, each in a sentence."""
    if (processor or tokenizer).chat_template is None:
        raise UsageError(
            f"{name} has no chat template; use its instruction-tuned version, or add a chat_template.jinja to it"
        )
    if processor is not None and not _is_token(tokenizer, getattr(processor, "image_token", None)):
        raise UsageError(f"the processor of {name} has no image token, so no image can be placed in a prompt")
    if not ends:
        raise UsageError(f"{name} names no end token; add eos_token_id to its generation_config.json")


def _generation_config(transformers: Any, path: str) -> Any:
    """The checkpoint's own, or the library's where it has none."""
    try:
        return transformers.GenerationConfig.from_pretrained(path)
    except OSError:
        return transformers.GenerationConfig()


def _end_ids(generation_config: Any, tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    named = generation_config.eos_token_id
    ids = named if isinstance(named, list) else [named]
    return tuple(dict.fromkeys(token for token in (*ids, tokenizer.eos_token_id) if token is not None))


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
