"""What ms-swift makes of `perceptdata export ms_swift`: rows, images, and the weight of every token it trains on.

    ROOT_IMAGE_DIR=out python swift_reads.py out/train.jsonl --model MODEL     # a Qwen2.5-VL folder; no weights needed

Its own code loads the data set and encodes each row. The tokens of each weight, decoded, have to be the pieces of that
weight in the file, to the letter. Prints one JSON object; ends with 1 where something differs.
"""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from cpu_torch import stand_in


def pieces_of(row: dict[str, Any]) -> Counter[float]:
    """The text of each weight, joined."""
    found: dict[float, str] = {}
    for message in row["messages"]:
        if "loss_scale" in message:
            found[message["loss_scale"]] = found.get(message["loss_scale"], "") + message["content"]
    return found


def compare_pairs(ours: list[dict[str, Any]], rows: Any, template: Any, task: str) -> dict[str, Any]:
    """Preference rows: what carries loss on each side, decoded, and the label of KTO."""
    template.set_mode({"dpo": "rlhf", "kto": "kto"}[task])
    wrong, images, labels = [], 0, Counter()
    for own, row in zip(ours, rows, strict=True):
        encoded = template.encode(dict(row))
        sides = [("chosen_", own["messages"][-1]["content"])]
        sides += [("rejected_", own["rejected_response"])] if task == "dpo" else []
        for side, text in sides:
            said = [one for one in encoded[f"{side}labels"] if one != -100]
            if template.tokenizer.decode(said).removesuffix(template.template_meta.suffix[0]) != text:
                wrong.append(f"{own['id']}: {side}")
        images += len(encoded["chosen_image_grid_thw"]) if own["images"] else 0
        labels[str(encoded.get("label"))] += 1
        if task == "kto" and encoded["label"] is not own["label"]:
            wrong.append(f"{own['id']}: label")
    return {
        "images": {"file": sum(len(own["images"]) for own in ours), "encoded": images},
        "labels": labels,
        "wrong": wrong,
    }


def main() -> int:
    """The whole comparison."""
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--model", required=True)
    parser.add_argument("--task", default="sft", choices=("sft", "dpo", "kto"))
    parser.add_argument("--limit", type=int, default=10**9)
    given = parser.parse_args()
    stand_in()

    import swift
    from swift.dataset import load_dataset
    from swift.model import get_processor
    from swift.template import get_template

    ours = [json.loads(line) for line in given.file.open(encoding="utf-8")]
    rows, _ = load_dataset([str(given.file)], split_dataset_ratio=0.0)
    processor = get_processor(given.model, model_type="qwen2_5_vl", download_model=False)
    options: dict[str, Any] = {"template_type": "qwen2_5_vl", "max_length": 100_000, "loss_scale": "default"}
    template = get_template(processor, is_binary_loss_scale=False, **options)
    if given.task != "sft":
        found = compare_pairs(ours, rows, template, given.task)
        print(json.dumps({"ms-swift": swift.__version__, "rows": {"file": len(ours), "loaded": len(rows)}, **found}))
        return int(bool(found["wrong"]) or len(ours) != len(rows))
    template.set_mode("train")
    binary = get_template(processor, **options)
    binary.set_mode("train")
    tokenizer = template.tokenizer
    end = template.template_meta.suffix[0]
    weights: Counter[float] = Counter()
    images, wrong, drifted, lost = 0, [], 0, 0
    pairs = list(zip(ours, rows, strict=True))[: given.limit]
    for own, row in pairs:
        encoded = template.encode(dict(row))
        ids, scale, labels = encoded["input_ids"], encoded["loss_scale"], encoded["labels"]
        weights.update(scale)
        grid = encoded.get("image_grid_thw")
        images += 0 if grid is None else len(grid)
        if len(own["images"]) != (0 if grid is None else len(grid)):
            wrong.append(f"{own['id']}: images")
        expected = pieces_of(own)
        for weight, text in expected.items():
            said = tokenizer.decode([one for one, each in zip(ids, scale, strict=True) if each == weight])
            if weight and said.removesuffix(end) != text:
                wrong.append(f"{own['id']}: weight {weight}: {said[:60]!r} for {text[:60]!r}")
        trained = [one for one, label in zip(ids, labels, strict=True) if label != -100]
        whole = "".join(message["content"] for message in own["messages"] if message.get("loss_scale"))
        plain = tokenizer.encode(whole, add_special_tokens=False)
        drifted += trained[: len(plain)] != plain
        lost += "loss_scale" not in binary.encode(dict(row))
    print(
        json.dumps(
            {
                "ms-swift": swift.__version__,
                "rows": {"file": len(ours), "loaded": len(rows), "encoded": len(pairs)},
                "images": {"file": sum(len(own["images"]) for own, _ in pairs), "encoded": images},
                "tokens by weight": dict(sorted(weights.items())),
                "rows without weights by default": lost,
                "rows tokenised otherwise than whole": drifted,
                "wrong": wrong[:5],
            },
            indent=1,
        )
    )
    return int(bool(wrong) or len(ours) != len(rows))


if __name__ == "__main__":
    sys.exit(main())
