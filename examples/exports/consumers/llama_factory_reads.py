"""What LLaMA-Factory makes of `perceptdata export llama_factory` (or of pairs): rows, images, trained text.

    python llama_factory_reads.py out DATASET --model MODEL [--stage sft|rm|kto]      # a Qwen2-VL folder

Its own code reads `dataset_info.json`, aligns the rows, checks placeholders and tokenises. What it would train on,
decoded, has to be the response in the file. Prints one JSON object; ends with 1 where something differs.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from cpu_torch import stand_in


def expected(row: dict[str, Any], stage: str) -> list[str]:
    """The texts that carry loss."""
    if stage == "rm":
        return [row["chosen"]["value"], row["rejected"]["value"]]
    return [row["conversations"][-1]["value"]]


def trained(row: dict[str, Any], stage: str, tokenizer: Any) -> list[str]:
    """The same as LLaMA-Factory has them."""
    keys = {"sft": ["labels"], "rm": ["chosen_labels", "rejected_labels"], "kto": ["labels"]}[stage]
    return [
        tokenizer.decode([one for one in row[key] if one != -100]).removesuffix("\n").removesuffix("<|im_end|>")
        for key in keys
    ]


def main() -> int:
    """The whole comparison."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("dataset")
    parser.add_argument("--model", required=True)
    parser.add_argument("--stage", default="sft", choices=("sft", "rm", "kto"))
    given = parser.parse_args()
    stand_in()

    import llamafactory
    from llamafactory.data.loader import get_dataset
    from llamafactory.data.template import get_template_and_fix_tokenizer
    from llamafactory.hparams import DataArguments, ModelArguments
    from transformers import AutoProcessor, Seq2SeqTrainingArguments

    info = json.loads((given.folder / "dataset_info.json").read_text(encoding="utf-8"))[given.dataset]
    ours = [json.loads(line) for line in (given.folder / info["file_name"]).open(encoding="utf-8")]
    processor = AutoProcessor.from_pretrained(given.model)
    settings = {
        "image_max_pixels": 768 * 768,
        "image_min_pixels": 32 * 32,
        "image_do_pan_and_scan": False,
        "crop_to_patches": False,
        "video_max_pixels": 256 * 256,
        "video_min_pixels": 16 * 16,
        "video_fps": 2.0,
        "video_maxlen": 128,
    }
    for name, value in settings.items():
        setattr(processor, name, value)
    data = DataArguments(
        template="qwen2_vl",
        dataset=given.dataset,
        dataset_dir=str(given.folder),
        media_dir=str(given.folder),
        cutoff_len=100_000,
        mask_history=given.stage == "sft",
    )
    template = get_template_and_fix_tokenizer(processor.tokenizer, data)
    found = get_dataset(
        template,
        ModelArguments(model_name_or_path=given.model),
        data,
        Seq2SeqTrainingArguments(output_dir="/tmp/llama_factory_reads", report_to=[], use_cpu=True),
        given.stage,
        processor.tokenizer,
        processor,
    )["train_dataset"]
    wrong = [
        own["id"]
        for own, row in zip(ours, found, strict=True)
        if expected(own, given.stage) != trained(row, given.stage, processor.tokenizer)
        or len(own["images"]) != len(row["images"] or [])
    ]
    key = "chosen_input_ids" if given.stage == "rm" else "input_ids"
    pad = processor.tokenizer.convert_tokens_to_ids("<|image_pad|>")
    print(
        json.dumps(
            {
                "llamafactory": getattr(llamafactory, "__version__", None),
                "rows": {"file": len(ours), "tokenised": len(found)},
                "images": {
                    "file": sum(len(own["images"]) for own in ours),
                    "seen": sum(len(row["images"] or []) for row in found),
                },
                "rows with image tokens": sum(pad in row[key] for row in found),
                "wrong": wrong[:5],
            },
            indent=1,
        )
    )
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
