"""Shape fixture: GQA's original files, with relations as a list and as a dict; the hub's two configurations."""

from pathlib import Path
from typing import Any

from drawn import jpeg, png, put, put_json, put_parquet

REJECTED = {"image.missing": 1}

GRAPHS: dict[str, Any] = {
    "2370799": {
        "width": 64,
        "height": 48,
        "location": "street",
        "objects": {
            "330774": {
                "name": "cart",
                "x": 20,
                "y": 10,
                "w": 30,
                "h": 20,
                "attributes": ["wood"],
                "relations": [{"name": "to the right of", "object": "330775"}, {"name": "near", "object": "999"}],
            },
            "330775": {"name": "woman", "x": 2, "y": 8, "w": 10, "h": 30, "attributes": [], "relations": []},
        },
    },
    "2354786": {
        "width": 64,
        "height": 48,
        "objects": {
            "681267": {
                "name": "banana",
                "x": 1,
                "y": 2,
                "w": 3,
                "h": 4,
                "attributes": ["small", "yellow"],
                "relations": {"9": {"name": "on top of", "object": "681268"}},
            },
            "681268": {"name": "table", "x": 0, "y": 20, "w": 60, "h": 20, "attributes": [], "relations": {}},
        },
    },
}


def question(image: str, text: str, answer: str, *operations: tuple[str, str]) -> dict[str, Any]:
    return {
        "imageId": image,
        "question": text,
        "answer": answer,
        "fullAnswer": f"It is {answer}.",
        "isBalanced": True,
        "groups": {"global": "", "local": "06-x"},
        "entailed": [],
        "equivalent": ["1"],
        "types": {"structural": "query", "semantic": "attr", "detailed": "directOf"},
        "annotations": {"question": {"3": "330774"}, "answer": {}, "fullAnswer": {}},
        "semantic": [
            {"operation": operation, "argument": argument, "dependencies": [] if number == 0 else [number - 1]}
            for number, (operation, argument) in enumerate(operations)
        ],
        "semanticStr": "->".join(operation for operation, _ in operations),
    }


QUESTIONS = {
    "02930152": question(
        "2370799",
        "Who stands left of the cart?",
        "woman",
        ("select", "cart (330774)"),
        ("relate", "person,to the left of,s (330775)"),
        ("query", "name"),
    ),
    "07333408": question(
        "2354786", "What color is the banana?", "yellow", ("select", "banana (681267)"), ("query", "color")
    ),
    "07333409": question("404", "Is it overcast?", "no", ("select", "scene"), ("verify weather", "overcast")),
}


def write(folder: Path) -> Path:
    root = folder / "gqa"
    put_json(root / "questions1.2/val_balanced_questions.json", QUESTIONS)
    put_json(root / "questions1.2/val_all_questions.json", QUESTIONS)  # not read unless asked for
    put_json(root / "sceneGraphs/val_sceneGraphs.json", GRAPHS)
    put(root / "images/2370799.jpg", jpeg("cart"))
    put(root / "images/2354786.jpg", jpeg("banana"))
    return root


def hub(folder: Path) -> Path:
    root = folder / "hub"
    named = {part: [{"objectId": "330774", "value": "3"}] for part in ("question", "answer", "fullAnswer")}
    written = {"entailed": "", "equivalent": "[1]", "annotations": named}
    rows = [{"id": key, **row, **written} for key, row in QUESTIONS.items()]
    put_parquet(root / "testdev_balanced_instructions/testdev-00000-of-00001.parquet", rows)
    pictures = [{"id": image, "image": {"bytes": png(image), "path": f"{image}.jpg"}} for image in GRAPHS]
    put_parquet(root / "testdev_balanced_images/testdev-00000-of-00001.parquet", pictures, row_group_size=1)
    return root
