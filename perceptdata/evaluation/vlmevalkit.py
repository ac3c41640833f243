"""A folder of VLMEvalKit's, read item by item.

    found = read(Path("outputs/base"))
    found["MMStar"].rows

Under `<work-dir>/<model>/T<date>_G<commit>/` (or `T<date>-<time>/`) lie `<model>_<benchmark>.xlsx` with the
predictions, beside it the same table with what its judge made of each (`…_result`, `…_auxmatch`, `…_<judge>`,
`…_score`, `…_results`), and `…_acc` or `…_score` with the totals. Which file is which is told by its columns; its name
says only of what it is. Of several runs of a benchmark the newest counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from perceptdata.errors import UsageError
from perceptdata.evaluation.sheets import PICKLES, Sheet, tables
from perceptdata.evaluation.sheets import read as read_sheet
from perceptdata.evaluation.verdicts import VERDICTS, Judged, compared, extracted_only, judged, number
from perceptdata.manifest import digest

RUN = re.compile(r"T\d{8}(_G[0-9a-fA-F]+|-\d{6})")
TOTALS = ("acc", "accuracy", "Overall Acc", "Overall")
LONGEST_CELL = 32767
"""Characters that a cell of a workbook holds; longer predictions are lost by whoever writes it."""


@dataclass
class Benchmark:
    """One benchmark of one run: rows as `comparison.stored` has them, what the harness says in all, and notes.

    `judged` is what the name of the file with the verdicts adds to that of the predictions, in which the judge is told.
    """

    name: str
    rows: list[dict[str, object]]
    official: float | None
    files: list[Path]
    notes: list[str] = field(default_factory=list)
    judged: str | None = None


def runs(folder: Path) -> list[Path]:
    """The folders that hold tables, the newest of each place last; `folder` itself where tables lie in it."""
    if any(tables(folder)):
        return [folder]
    found = [path for path in folder.rglob("*") if path.is_dir() and RUN.fullmatch(path.name) and any(tables(path))]
    if not found:
        found = [path for path in folder.rglob("*") if path.is_dir() and any(tables(path))]
    return sorted(found, key=lambda path: (str(path.parent), path.name))


def read(
    folder: Path, judge: str | None = None, parts: Mapping[str, Sequence[str]] | None = None
) -> dict[str, Benchmark]:
    """Every benchmark under a folder; of those in `parts` the rows whose column has the value that is named there.

    Raises UsageError where a table has two judges' verdicts, unless one is named.
    """
    found: dict[str, Benchmark] = {}
    for run in runs(folder):
        for name, made in _run(run, judge, parts or {}).items():
            if name in found:
                made.notes.append(f"{name}: several runs; the newest counts ({run})")
            found[name] = made
    return found


def _run(folder: Path, judge: str | None, parts: Mapping[str, Sequence[str]]) -> dict[str, Benchmark]:
    sheets = [sheet for path in tables(folder) if (sheet := read_sheet(path)) is not None]
    sheets = [_lowered(sheet) for sheet in sheets]
    items = [sheet for sheet in sheets if "index" in sheet.columns and sheet.rows]
    totals = [sheet for sheet in sheets if "index" not in sheet.columns]
    families: dict[str, list[Sheet]] = {}
    for sheet in sorted(items, key=lambda sheet: (len(sheet.stem), sheet.stem)):
        owner = _owner(sheet, [families[stem][0] for stem in families])
        families.setdefault(owner or sheet.stem, []).append(sheet)
    model = _model(folder, list(families))
    pickles = [path.name for path in folder.iterdir() if path.suffix in PICKLES]
    made = {}
    for stem, family in families.items():
        name = stem.removeprefix(f"{model}_") if model else stem
        # What lies beside a longer benchmark's name is that one's: MathVerse_MINI_Vision_Only is not of MathVerse_MINI.
        longer = [other for other in families if other != stem and other.startswith(f"{stem}_")]
        beside = [
            sheet
            for sheet in totals
            if sheet.stem.startswith(f"{stem}_") and not any(sheet.stem.startswith(f"{other}_") for other in longer)
        ]
        made[name] = _benchmark(name, family, beside, judge, parts.get(name))
        if pickles and not any(sheet.columns for sheet in family[1:]):
            made[name].notes.append(f"{name}: {len(pickles)} pickled files were left unopened")
    return made


def _lowered(sheet: Sheet) -> Sheet:
    """Column names in small letters but for the choices A, B, …, as the harness itself does before it judges."""
    names = {name: name if len(name) == 1 else name.lower() for name in sheet.columns}
    if all(name == small for name, small in names.items()) or "index" not in names.values():
        return sheet
    rows = [{names[name]: value for name, value in row.items()} for row in sheet.rows]
    return Sheet(sheet.path, tuple(names[name] for name in sheet.columns), rows)


def _owner(sheet: Sheet, bases: Sequence[Sheet]) -> str | None:
    """The predictions that a table was made from: its name goes on theirs, it has all of their columns and more."""
    for base in reversed(bases):
        more = set(base.columns) < set(sheet.columns)
        known = {row["index"] for row in base.rows}
        if sheet.stem.startswith(f"{base.stem}_") and more and all(row["index"] in known for row in sheet.rows):
            return base.stem
    return None


def _model(folder: Path, stems: Sequence[str]) -> str:
    """The model's name, with which every file's begins: the folder's, or its parent's."""
    for name in (folder.parent.name, folder.name):
        if stems and all(stem.startswith(f"{name}_") for stem in stems):
            return name
    return ""


def _benchmark(
    name: str, family: Sequence[Sheet], totals: Sequence[Sheet], judge: str | None, part: Sequence[str] | None
) -> Benchmark:
    base = family[0]
    verdicts = [(sheet, column) for sheet in family if (column := _verdict(sheet)) is not None]
    if judge is not None:
        verdicts = [(sheet, column) for sheet, column in verdicts if judge in sheet.stem.removeprefix(base.stem)]
    if len(verdicts) > 1:
        names = ", ".join(sheet.path.name for sheet, _ in verdicts)
        raise UsageError(f"{name} was judged more than once ({names}); say whose word counts with --judge")
    notes: list[str] = []
    if verdicts:
        sheet, column = verdicts[0]
        rows: Sequence[Mapping[str, str]] = sheet.rows
        made = [judged(row, column) for row in rows]
    else:
        open_sheets = [sheet for sheet in family if sheet.rows and extracted_only(sheet.rows[0])]
        if not open_sheets:
            raise UsageError(
                f"{name}: {base.path.name} has predictions, and no file beside it says which are right; let VLMEvalKit "
                "evaluate them (--mode all)"
            )
        sheet = open_sheets[-1]
        rows, made = sheet.rows, compared(sheet.rows)
        notes.append(f"{name}: the harness wrote no verdict an item; its extracted answers were compared here")
    official = next((total for each in totals if (total := _total(each)) is not None), None)
    notes += _told(name, rows, made, official, base)
    predictions = {row["index"]: row for row in base.rows}
    whole = [({**predictions.get(row["index"], {}), **row}, one) for row, one in zip(rows, made, strict=True)]
    if part is not None:
        column, value = part
        wanted = [(row, one) for row, one in whole if row.get(column, "").removesuffix(".0") == value]
        if wanted:
            notes.append(
                f"{name}: {len(wanted):,} of {len(whole):,} rows are kept, as in the paper: {column} = {value}"
            )
            whole = wanted
        else:
            notes.append(f"{name}: the paper counts {column} = {value}, which no row here says; all are kept")
    kept = [_row(name, row, one) for row, one in whole]
    judged_by = None if not verdicts else verdicts[0][0].stem.removeprefix(base.stem).strip("_") or None
    return Benchmark(name, kept, official, [each.path for each in (*family, *totals)], notes, judged_by)


def _verdict(sheet: Sheet) -> str | None:
    return next((name for name in VERDICTS if name in sheet.columns), None)


def _row(name: str, row: Mapping[str, str], made: Judged) -> dict[str, object]:
    return {
        "benchmark": name,
        "item": row["index"],
        "check": digest(row.get("question", ""), row.get("answer", ""))[:16],
        "group": row.get("image_path") or None,
        "value": made.value,
        "state": made.state,
        "question": row.get("question", ""),
        "answer": row.get("answer", ""),
        # With SPLIT_THINK the harness keeps the thought in a column of its own.
        "said": "\n".join(part for part in (row.get("thinking", ""), row.get("prediction", "")) if part),
        "extracted": made.extracted,
    }


def _total(sheet: Sheet) -> float | None:
    """The share of right answers as the harness prints it, over everything; None where the file says no such thing."""
    if not sheet.rows:
        return None
    whole = [row for row in sheet.rows if {"Overall", "overall", "average", "Average"} & set(row.values())]
    for row in (whole or sheet.rows)[:1]:
        for name in TOTALS:
            if name in row and (value := number(row[name])) is not None:
                return value / 100 if value > 1 else value
    return None


def _told(
    name: str, rows: Sequence[Mapping[str, str]], made: Sequence[Judged], official: float | None, base: Sheet
) -> list[str]:
    notes = []
    lucky = sum(each.lucky for each in made)
    if lucky:
        notes.append(f"{name}: {lucky:,} unreadable answers were guessed right by the harness; here they are unread")
    known = [each.value for each in made if each.value is not None]
    ours = sum(known) / len(known) if known else None
    if official is not None and ours is not None and abs(official - ours) > 0.0011:
        notes.append(
            f"{name}: the harness reports {100 * official:.2f}, its items give {100 * ours:.2f}; it may print another "
            "measure (F1, a mean of groups), or count guesses and failed requests"
        )
    empty = sum(not row.get("prediction", "").strip() for row in base.rows)
    if empty and base.path.suffix == ".xlsx":
        notes.append(
            f"{name}: {empty:,} predictions are empty; a workbook's cell holds {LONGEST_CELL:,} characters and longer "
            "ones are lost: run the harness with PRED_FORMAT=tsv"
        )
    return notes
