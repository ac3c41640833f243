"""Readers of five families of vision-language models, and of text models that think: tokenizer, processor, template.

    reader = families.reader("gemma")

Built in memory, without weights, in milliseconds. The templates have the structure of the published ones (where images
stand, what is trimmed, who is refused, what happens to thoughts), written anew.
"""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import transformers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil
from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from models import tiny
from perceptdata.vlm.loading import Reader, without_videos

CORPUS = [
    *tiny.CORPUS,
    "図中有三个红色方块。 שלום ∠ABC = 90°, therefore \\frac{1}{2} \\approx 0.5 and so on; wait, no.",
]
QWEN_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

# Parts in their places; a turn is a string or a list of parts.
_PARTS = """\
{%- macro parts(content) -%}
{%- if content is string %}{{- content }}{%- else %}
{%- for part in content %}
{%- if part.type == 'image' %}{{- IMAGE }}{%- else %}{{- part.text }}{%- endif %}
{%- endfor %}{%- endif %}
{%- endmacro %}
"""
CHATML = (
    _PARTS
    + """\
{%- for message in messages %}
{%- if DEFAULT and loop.first and message.role != 'system' %}{{- '<|im_start|>system\\n' + DEFAULT + '<|im_end|>\\n' }}
{%- endif %}
{{- '<|im_start|>' + message.role + '\\n' + parts(message.content) + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}
"""
)
# Thoughts are kept in the turns after the last question, rewritten there, and dropped everywhere else.
THINKING = (
    _PARTS
    + """\
{%- set last = namespace(question=0) %}
{%- for message in messages %}{%- if message.role == 'user' %}{%- set last.question = loop.index0 %}{%- endif %}
{%- endfor %}
{%- for message in messages %}
{%- set text = parts(message.content) %}
{{- '<|im_start|>' + message.role + '\\n' }}
{%- if message.role == 'assistant' %}
{%- set thought = '' %}
{%- if '</think>' in text %}
{%- set thought = text.split('</think>')[0].split('<think>')[-1].strip('\\n') %}
{%- set text = text.split('</think>')[-1].lstrip('\\n') %}
{%- endif %}
{%- if loop.index0 > last.question %}{{- '<think>\\n' + thought + '\\n</think>\\n\\n' }}{%- endif %}
{%- endif %}
{{- text + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}
{%- if ALWAYS %}{{- '<think>\\n' }}
{%- elif enable_thinking is defined and not enable_thinking %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}
{%- endif %}
"""
)
# Images before the words, no system turn of its own, no end token.
LLAVA = """\
{%- for message in messages %}
{{- message.role.upper() + ': ' }}
{%- for part in message.content %}{%- if part.type == 'image' %}{{- '<image>\\n' }}{%- endif %}{%- endfor %}
{%- for part in message.content %}{%- if part.type == 'text' %}{{- part.text + ' ' }}{%- endif %}{%- endfor %}
{%- endfor %}
{%- if add_generation_prompt %}{{- 'ASSISTANT:' }}{%- endif %}
"""
# A system turn goes into the first question, turns must alternate, and texts are trimmed.
GEMMA = """\
{{- bos_token }}
{%- set first = '' %}
{%- if messages[0].role == 'system' %}
{%- set first = messages[0].content[0].text + '\\n\\n' %}{%- set messages = messages[1:] %}
{%- endif %}
{%- for message in messages %}
{%- if (message.role == 'user') != (loop.index0 % 2 == 0) %}{{- raise_exception('turns must alternate') }}{%- endif %}
{{- '<start_of_turn>' + ('model' if message.role == 'assistant' else message.role) + '\\n' }}
{%- if loop.first %}{{- first }}{%- endif %}
{%- for part in message.content %}
{%- if part.type == 'image' %}{{- '<start_of_image>' }}{%- else %}{{- part.text | trim }}{%- endif %}
{%- endfor %}
{{- '<end_of_turn>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<start_of_turn>model\\n' }}{%- endif %}
"""


def _template(text: str, image: str = "", default: str = "", always: bool = False) -> str:
    return text.replace("IMAGE", repr(image)).replace("DEFAULT", repr(default)).replace("ALWAYS", repr(always).lower())


def byte_level(
    special: tuple[str, ...], eos: str, added: tuple[str, ...] = (), trim: bool = False, nfc: bool = True
) -> PreTrainedTokenizerFast:
    """As in Qwen and Llama 3: NFC, words by an expression, bytes. `trim` leaves the leading space out of offsets."""
    bpe = Tokenizer(models.BPE())
    if nfc:
        bpe.normalizer = normalizers.NFC()
    words = pre_tokenizers.Split(Regex(QWEN_WORDS), behavior="isolated")
    bpe.pre_tokenizer = pre_tokenizers.Sequence([words, pre_tokenizers.ByteLevel(False, use_regex=False)])
    bpe.decoder = decoders.ByteLevel()
    if trim:
        from tokenizers.processors import ByteLevel

        bpe.post_processor = ByteLevel(trim_offsets=True)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=list(special), initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(CORPUS, trainer)
    bpe.add_tokens([AddedToken(token, special=False, normalized=False) for token in added])
    rest = [token for token in special if token != eos]
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token=eos, pad_token=special[0], additional_special_tokens=rest
    )


def pieces(special: tuple[str, ...], eos: str) -> PreTrainedTokenizerFast:
    """As in Gemma: spaces become ▁, characters that are not known become bytes, no expression cuts words."""
    bpe = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    bpe.normalizer = normalizers.Replace(" ", "▁")
    bpe.pre_tokenizer = pre_tokenizers.Split("▁", behavior="merged_with_previous")
    bpe.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    trainer = trainers.BpeTrainer(
        vocab_size=900,
        special_tokens=["<unk>", *special, *(f"<0x{byte:02X}>" for byte in range(256))],
        show_progress=False,
    )
    bpe.train_from_iterator(CORPUS, trainer)
    made = json.loads(bpe.to_str())  # bytes are of the vocabulary, but nothing that a text could name
    made["added_tokens"] = [token for token in made["added_tokens"] if not token["content"].startswith("<0x")]
    bpe = Tokenizer.from_str(json.dumps(made))
    rest = [token for token in special if token not in (eos, "<bos>")]
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token=eos,
        bos_token="<bos>",
        pad_token=special[0],
        unk_token="<unk>",
        additional_special_tokens=rest,
    )


def _named(tokenizer: PreTrainedTokenizerFast, **names: str) -> PreTrainedTokenizerFast:
    for name, token in names.items():
        setattr(tokenizer, name, token)
        setattr(tokenizer, f"{name}_id", tokenizer.convert_tokens_to_ids(token))
    return tokenizer


def _chatml() -> PreTrainedTokenizerFast:
    return byte_level(tuple(tiny.SPECIAL), "<|im_end|>", tuple(tiny.THINK))


_QWEN_IMAGE = "<|vision_start|><|image_pad|><|vision_end|>"


def _qwen(kind: str, name: str, template: str) -> Reader:
    tokenizer = _chatml()
    options = {key: value for key, value in tiny.PROCESSORS[kind].items() if not key.endswith(("_class", "_type"))}
    processor = without_videos(getattr(transformers, tiny.PROCESSORS[kind]["processor_class"]))
    return _reader(name, processor(Qwen2VLImageProcessorPil(**options), tokenizer, chat_template=template))


def _reader(name: str, processor: Any) -> Reader:
    return Reader(name, processor.tokenizer, processor, (processor.tokenizer.eos_token_id,))


def _internvl() -> Reader:
    tokenizer = _named(
        _chatml(),
        start_image_token="<|vision_start|>",
        end_image_token="<|vision_end|>",
        context_image_token="<|image_pad|>",
        video_token="<|video_pad|>",
    )
    tiles = GotOcr2ImageProcessorPil(size={"height": 28, "width": 28}, max_patches=4)
    template = _template(CHATML, "<|image_pad|>\n")
    processor = without_videos(transformers.InternVLProcessor)
    return _reader("internvl", processor(tiles, tokenizer, image_seq_length=4, chat_template=template))


def _llava() -> Reader:
    tokenizer = byte_level(("<pad>", "</s>", "<image>"), "</s>")
    processor = transformers.LlavaProcessor(
        CLIPImageProcessorPil(size={"shortest_edge": 56}, crop_size={"height": 56, "width": 56}),
        tokenizer,
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=LLAVA,
    )
    return _reader("llava", processor)


def _gemma() -> Reader:
    turns = ("<start_of_turn>", "<end_of_turn>", "<start_of_image>", "<end_of_image>", "<image_soft_token>")
    tokenizer = _named(
        pieces(("<pad>", "<bos>", *turns), "<end_of_turn>"),
        boi_token="<start_of_image>",
        eoi_token="<end_of_image>",
        image_token="<image_soft_token>",
    )
    square = Gemma3ImageProcessorPil(size={"height": 28, "width": 28})
    return _reader("gemma", transformers.Gemma3Processor(square, tokenizer, image_seq_length=5, chat_template=GEMMA))


def _text(name: str, always: bool) -> Reader:
    tokenizer = _chatml()
    tokenizer.chat_template = _template(THINKING, always=always)
    return Reader(name, tokenizer, None, (tokenizer.eos_token_id,))


READERS: dict[str, Callable[[], Reader]] = {
    "qwen2_5_vl": lambda: _qwen("qwen2_5_vl", "qwen2_5_vl", _template(CHATML, _QWEN_IMAGE, "You help.")),
    "qwen3_vl": lambda: _qwen("qwen3_vl", "qwen3_vl", _template(CHATML, _QWEN_IMAGE)),
    "qwen3_vl_thinking": lambda: _qwen("qwen3_vl", "qwen3_vl_thinking", _template(THINKING, _QWEN_IMAGE, always=True)),
    "internvl": _internvl,
    "llava": _llava,
    "gemma": _gemma,
    "qwen3": lambda: _text("qwen3", always=False),
}
WITH_IMAGES = tuple(name for name in READERS if name != "qwen3")


@cache
def reader(name: str) -> Reader:
    """The reader of a family, shared by all tests, so not to be changed."""
    return READERS[name]()
