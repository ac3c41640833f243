"""The same items on both sides, or a refusal.

    pairs = pair(a, b)                         # UsageError where items differ
    pairs = pair(a, b, intersection=True)      # those that both have; `left_out` counts the others

An item is the same where its key is and, where both sides know a hash of what was asked, that hash too.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from perceptdata.comparison.results import KEY, Results
from perceptdata.errors import UsageError


@dataclass(frozen=True)
class Pairs:
    """One row an item: `benchmark`, `item`, `group`, and of each side its mean value (`a`, `b`), its answers that count
    (`n_a`, `n_b`), and how many of them could not be read (`unread_a`, `unread_b`). Items that one side could not be
    judged on are not here; `unpaired` counts them, `left_out` those that are not in both, by benchmark.
    """

    table: pa.Table
    unpaired: dict[str, int]
    left_out: dict[str, dict[str, int]]


def pair(a: Results, b: Results, intersection: bool = False) -> Pairs:
    """Join two tables. Raises UsageError where they hold different items, unless only the common ones are wanted."""
    joined = _items(a, "a").join(_items(b, "b"), list(KEY), join_type="full outer", use_threads=False)
    joined = joined.sort_by([(name, "ascending") for name in KEY])
    one, other = pc.is_valid(joined.column("answers_a")), pc.is_valid(joined.column("answers_b"))
    both = pc.and_(one, other)
    unlike = pc.fill_null(pc.not_equal(joined.column("check_a"), joined.column("check_b")), False)
    changed = pc.and_(both, unlike)
    parts = {"only_a": pc.and_(one, pc.invert(other)), "only_b": pc.and_(other, pc.invert(one)), "changed": changed}
    left_out = _counted(joined, parts)
    same = pc.and_(both, pc.invert(changed))
    if left_out and not intersection:
        raise UsageError(_refusal(a, b, left_out, pc.sum(same).as_py() or 0))
    common = joined.filter(same)
    if not len(common):
        raise UsageError(
            f"{a.name} and {b.name} have no item in common: they answer {_named(a)} and {_named(b)}; compare two runs "
            "over the same benchmarks"
        )
    judged = pc.and_(pc.greater(common.column("n_a"), 0), pc.greater(common.column("n_b"), 0))
    lost = common.filter(pc.invert(judged)).column("benchmark")
    unpaired = {each["values"]: each["counts"] for each in pc.value_counts(lost).to_pylist()}
    kept = common.filter(judged)
    names = ["benchmark", "item", "a", "b", "n_a", "n_b", "unread_a", "unread_b"]
    group = pc.coalesce(kept.column("group_a"), kept.column("group_b"), kept.column("item"))
    return Pairs(kept.select(names).append_column("group", group), unpaired, left_out)


def _items(results: Results, side: str) -> pa.Table:
    """One row an item, with the mean over its samples."""
    unread = pc.equal(results.table.column("state"), "unparsed").cast(pa.int64())
    counted = results.table.append_column("unread", unread).group_by(list(KEY), use_threads=False)
    made = counted.aggregate(
        [
            ("value", "mean"),
            ("value", "count"),
            ("unread", "sum"),
            ("group", "min"),
            ("check", "min"),
            ([], "count_all"),
        ]
    )
    # Arrow names what it aggregates by the function.
    names = {"value_mean": "", "value_count": "n_", "unread_sum": "unread_"}
    names |= {"group_min": "group_", "check_min": "check_", "count_all": "answers_"}
    return made.rename_columns([name if name in KEY else f"{names[name]}{side}" for name in made.column_names])


def _counted(joined: pa.Table, parts: dict[str, pa.Array]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for part, mask in parts.items():
        for each in pc.value_counts(joined.filter(mask).column("benchmark")).to_pylist():
            found.setdefault(each["values"], {})[part] = each["counts"]
    return dict(sorted(found.items()))


def _refusal(a: Results, b: Results, left_out: dict[str, dict[str, int]], common: int) -> str:
    words = {"only_a": f"only in {a.name}", "only_b": f"only in {b.name}", "changed": "with another question or answer"}
    told = "; ".join(
        f"{benchmark}: " + ", ".join(f"{count:,} {words[part]}" for part, count in parts.items())
        for benchmark, parts in left_out.items()
    )
    return (
        f"{a.name} and {b.name} do not answer the same items ({told}); answer the same ones, or compare the {common:,} "
        "that they have in common with --intersection"
    )


def _named(results: Results) -> str:
    return ", ".join(results.benchmarks[:5]) or "nothing"
