"""Shape fixture: LLaVA-CoT-100k, train.jsonl with its picture folders; one row of two exchanges."""

import json
from pathlib import Path

from drawn import png, put


def staged(summary: str, caption: str, reasoning: str, conclusion: str) -> str:
    """An answer in the four stages, set apart by blank lines as in the corpus."""
    return (
        f"<SUMMARY> {summary} </SUMMARY>\n\n<CAPTION> {caption} </CAPTION>\n\n"
        f"<REASONING> {reasoning} </REASONING>\n\n<CONCLUSION> {conclusion} </CONCLUSION>"
    )


ROWS = [
    {
        "id": "chart-1",
        "image": "chartqa/train/png/1.png",
        "conversations": [
            {"from": "human", "value": "What is the difference between the two bars?"},
            {
                "from": "gpt",
                "value": staged("I will compare the bars.", "The bars are labelled 12 and 7.", "12 - 7 = 5.", "5"),
            },
            {"from": "human", "value": "Which is taller?\nA. the left one\nB. the right one"},
            {
                "from": "gpt",
                "value": staged("I will look at both.", "The left bar ends at 12.", "12 > 7.", "A"),
            },
        ],
    },
    {
        "id": "sqa-2",
        "image": "sqa/train/2/image.png",
        "conversations": [
            {"from": "human", "value": "<image>\nWhat is the animal’s name?"},
            {"from": "gpt", "value": staged("I will read the sign.", "Cafe\u0301 cat “Mia”.", "It is named.", "Mia")},
        ],
    },
]


def write(folder: Path) -> Path:
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    put(folder / "chartqa/train/png/1.png", png("12 7"))
    put(folder / "sqa/train/2/image.png", png("Mia"))
    return folder
