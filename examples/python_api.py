"""Everything the command line does is a call: build, tag, choose, export. `python examples/python_api.py FOLDER`"""

import sys
from pathlib import Path

from perceptdata import ViewSpec, Workspace
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import run_step
from perceptdata.view import define_view


def main(folder: Path) -> None:
    """Build small Sudokus, tag their traces, and look at one row."""
    ws = Workspace.create(folder)
    with ws.lock("example"):
        small = {"use": "sudoku", "size": 4, "rows": {"train_sft": 20, "train_rl": 20, "test": 5}}
        run_step(ws, "sudoku", make_step("build", small))
        run_step(ws, "tags", make_step("tag", {"use": ["structure", "cues"]}))
        view = define_view(
            ws, "sft", ViewSpec(where="response is not null and stage = 'visual_reasoning'", spans="tags")
        )
    row = view[0]
    print(row["id"], row["images"][0].size)
    for span in row["spans"]:
        print(f"{span['label']:<11}", row["response"][span["start"] : span["end"]][:80].replace("\n", " "))
    print(view.to_dataset())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
