"""Views: which rows, which texts, in which order, in which shares; every expectation is worked out beside the database."""

import hashlib
import json
import os
import shutil
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError
from toys import card, picture, write_lines

from perceptdata.errors import UsageError
from perceptdata.example import STAGES
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import run_step
from perceptdata.view import View, ViewSpec, define_view
from perceptdata.workspace import Workspace

ROWS = 24
STAGE_OF = ("perception", "visual_reasoning", "textual_reasoning", "textual_reasoning")


def row(number: int) -> dict[str, Any]:
    """Half the rows are textual; every sixth has three tries of which try `number % 3` is right, or none scored."""
    made = card(number, group=f"g{number // 2}", split="test" if number // 2 % 4 == 0 else "train")
    made["stage"] = STAGE_OF[number % 4]
    if number % 4 < 2:
        made |= {"question": f"<image>What is {number}?", "images": [f"{number % 5}.png"]}
    if number % 4 == 0:
        made["response"] = None
    if number % 6 == 0:
        made["responses"] = [
            {"text": f"Try {each}. I see {number}. Thus {number}.", "score": float(each == number // 6 % 3)}
            for each in range(3)
        ]
    if number % 6 == 3:
        made["responses"] = [{"text": f"Unscored try of {number}."}]
    return made


def sources(folder: Path) -> None:
    for name, numbers in (("cards", range(ROWS)), ("more", range(100, 106))):
        (folder / name).mkdir(parents=True)
        for number in range(5):
            (folder / name / f"{number}.png").write_bytes(picture(number))
        for start in range(numbers.start, numbers.stop, 8):
            rows = [row(number) for number in range(start, min(start + 8, numbers.stop))]
            write_lines(folder / name / f"{start:03d}.jsonl", rows)


def run(ws: Workspace, name: str, do: str, **options: Any) -> None:
    with ws.lock("test"):
        run_step(ws, name, make_step(do, options))


@pytest.fixture(scope="module")
def made(toy_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("view")
    sources(folder)
    ws = Workspace.create(folder / "ws")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(toy_site)
        for name in ("cards", "more"):
            run(ws, name, "build", use="toy_cards", path=folder / name)
        run(ws, "tags", "tag", use="toy_words")
        run(ws, "tries", "tag", use="toy_words", **{"from": "cards"})
    return ws.path


@pytest.fixture
def ws(made: Path) -> Workspace:
    return Workspace(made)


@pytest.fixture
def own(made: Path, tmp_path: Path, with_toys: None) -> Workspace:
    """A copy that a test may change."""
    shutil.copytree(made.parent, tmp_path / "copy", copy_function=shutil.copy2)
    return Workspace(tmp_path / "copy" / "ws")


def view(ws: Workspace, **spec: Any) -> View:
    digest = hashlib.sha256(json.dumps(spec, sort_keys=True, default=str).encode()).hexdigest()
    return View(ws, f"v{digest[:12]}", ViewSpec.model_validate(spec))


def keys(found: View) -> list[int]:
    return [int(each.rpartition("/")[2]) for each in found.rows.column("example_id").to_pylist()]


def known(ws: Workspace) -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in ws.examples().to_table().to_pylist()}


# Rows


def test_default_views_are_all_and_the_stages(ws: Workspace) -> None:
    assert len(ws.view("all")) == ROWS + 6
    counts = {stage: len(ws.view(stage)) for stage in STAGES}
    assert counts == Counter(each["stage"] for each in known(ws).values())
    assert ws.view("perception").dropped == {"not chosen": ROWS + 6 - counts["perception"]}
    with pytest.raises(UsageError, match="there is no view 'sftt' in .*; it has all, perception"):
        ws.view("sftt")


@pytest.mark.parametrize(
    ("where", "chosen"),
    [
        ("stage = 'perception'", lambda n: n % 4 == 0),
        ("len(images) = 1 and response is not null", lambda n: n % 4 == 1),
        ("\"group\" = 'g3'", lambda n: n // 2 == 3),
        ("answer.text = '7' or answer.text = '9'", lambda n: n in (7, 9)),
        ("split = 'test'", lambda n: n // 2 % 4 == 0),
        ("source_name = 'more'", lambda n: n >= 100),
        ("cards.n = 3", lambda n: n < 24 and n % 6 == 0),
        ("cards.rate between 0.3 and 0.4", lambda n: n < 24 and n % 6 == 0),
        ("cards.best = 1", lambda n: n < 24 and n % 6 == 0),
        ("cards.best = 0", lambda n: False),
        ("CARDS.n > 0", lambda n: n < 24 and n % 6 == 0),
        ('"cards".n > 0', lambda n: n < 24 and n % 6 == 0),
        ("tags.n > 0", lambda n: n % 4 != 0),
        ("tags.perception > 0.5", lambda n: n % 4 != 0 and len(f"I see {n} and 0.") > len(f"So the sum is {n}.")),
        ("tags.perception + tags.reasoning = 1", lambda n: n % 4 != 0),
        ("tries.n = 9", lambda n: n < 24 and n % 6 == 0),
        ("id in (select example_id from cards_scores where value = 1)", lambda n: n < 24 and n % 6 == 0),
        ("stage = 'perception' -- and a remark", lambda n: n % 4 == 0),
        ("false", lambda n: False),
    ],
)
def test_where_asks_examples_and_layers(ws: Workspace, where: str, chosen: Any) -> None:
    every = [*range(ROWS), *range(100, 106)]
    assert sorted(keys(view(ws, where=where))) == [number for number in every if chosen(number)]


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("stagee = 1", 'Referenced column "stagee" not found'),
        ("tagz.n > 1", 'Referenced table "tagz" not found'),
        ("stage = ", "syntax error"),
        ("true); drop view examples; select (1", "'where' is one condition, without ';'"),
        ("id in (select * from read_csv('/etc/passwd'))", "Permission Error"),
        ("id = (select content from read_text('/etc/hostname'))", "Permission Error"),
    ],
)
def test_a_wrong_where_is_a_usage_error_that_names_the_view(ws: Workspace, where: str, said: str) -> None:
    with pytest.raises(UsageError, match=r"^view 'v\w+': ") as caught:
        len(view(ws, where=where))
    assert said in str(caught.value)


def test_unknown_keys_and_names_are_refused(ws: Workspace) -> None:
    for spec in (
        {"wher": "true"},
        {"text": {"form": "cards"}},
        {"text": "cards.median"},
        {"size": 0},
        {"mix": {"a": 0}},
    ):
        with pytest.raises(ValidationError):
            ViewSpec.model_validate(spec)
    with pytest.raises(UsageError, match="step 'nothing' has no spans; tags, tries has"):
        view(ws, spans="nothing")
    with pytest.raises(UsageError, match="step 'tags' has no responses; cards, more has"):
        view(ws, text="tags")
    with ws.lock("test"), pytest.raises(UsageError, match="'My View' cannot name a view"):
        define_view(ws, "My View", ViewSpec())


# Texts and spans


def test_the_text_is_the_row_s_own_or_a_step_s(ws: Workspace) -> None:
    own = view(ws, where="tags.n > 0")
    assert [each["response"] for each in own] == [known(ws)[each["id"]]["response"] for each in own]
    assert [each["text_id"] for each in own] == [f"{each['id']}#response" for each in own]
    tries = view(ws, text="cards")
    expected = [f"cards/{split_of(n)}/{n}#cards/{t}" for n in tried() for t in range(3 if n % 6 == 0 else 1)]
    assert sorted(tries.rows.column("text_id").to_pylist()) == sorted(expected)
    assert all(each["response"].startswith(("Try", "Unscored")) for each in tries)
    assert tries.dropped == {"not chosen": ROWS + 6 - len(tried())}


def tried() -> list[int]:
    return [number for number in range(ROWS) if number % 3 == 0]


def split_of(number: int) -> str:
    return "test" if number // 2 % 4 == 0 else "train"


@pytest.mark.parametrize("by", [None, "cards"])
def test_best_worst_and_first_are_by_score_then_sample(ws: Workspace, by: str | None) -> None:
    def picked(pick: str) -> dict[int, int]:
        found = view(ws, text={"from": "cards", "pick": pick, **({"by": by} if by and pick != "first" else {})})
        addresses = found.rows.column("text_id").to_pylist()
        return {int(each.split("#")[0].rpartition("/")[2]): int(each.rpartition("/")[2]) for each in addresses}

    right = {number: number // 6 % 3 if number % 6 == 0 else 0 for number in tried()}
    assert picked("best") == right
    assert picked("worst") == {number: 1 if right[number] == 0 and number % 6 == 0 else 0 for number in tried()}
    assert picked("first") == dict.fromkeys(tried(), 0)


def test_best_needs_scores_and_the_own_text_is_one(ws: Workspace) -> None:
    with pytest.raises(UsageError, match="picking the best of 'cards' needs scores: name their step with 'by'"):
        len(view(ws, text={"from": "cards", "pick": "best", "by": "tags"}))
    with pytest.raises(UsageError, match="'pick' and 'by' go with the texts of a step"):
        len(view(ws, text="response.best"))


def test_spans_are_those_of_the_chosen_text(ws: Workspace) -> None:
    for spec in ({"spans": "tags"}, {"spans": "tries", "text": "cards.best"}):
        layer = {each["text_id"]: each["spans"] for each in ws.layer(spec["spans"], "spans").to_table().to_pylist()}
        found = list(view(ws, **spec))
        assert any(each["spans"] for each in found)
        for each in found:
            assert each["spans"] == layer.get(each["text_id"])
            if each["spans"]:
                said = [each["response"][span["start"] : span["end"]] for span in each["spans"]]
                labels = [span["label"] for span in each["spans"]]
                assert labels == ["perception" if "see" in text else "reasoning" for text in said]
    assert all(each["spans"] is None for each in view(ws, spans="tries"))  # the spans of another text


# Order


@pytest.mark.parametrize(
    ("order", "key"),
    [
        ("id", lambda each: each["id"]),
        (
            "capability",
            lambda each: (["perception", "textual_reasoning", "visual_reasoning"].index(each["stage"]), each["id"]),
        ),
        ("capability desc + id", lambda each: (-sorted(STAGES).index(each["stage"]), each["id"])),
        ("group, id", lambda each: (each["group"], each["id"])),
        ("stage+question", lambda each: (each["stage"], each["question"])),
        ("source.split desc", lambda each: (each["source"]["split"] != "train", each["id"])),
    ],
)
def test_order(ws: Workspace, order: str, key: Any) -> None:
    found = view(ws, order=order).rows.column("example_id").to_pylist()
    assert found == [each["id"] for each in sorted(known(ws).values(), key=key)]


def test_order_by_a_layer_puts_the_unknown_last(ws: Workspace) -> None:
    found = list(view(ws, order="tags.perception desc", spans="tags"))
    shares = [share(each["spans"]) for each in found]
    assert [each is None for each in shares] == sorted(each is None for each in shares)
    numbers = [each for each in shares if each is not None]
    assert numbers == sorted(numbers, reverse=True)


def share(spans: list[dict[str, Any]] | None) -> float | None:
    if not spans:
        return None
    seen = sum(each["end"] - each["start"] for each in spans if each["label"] == "perception")
    return seen / sum(each["end"] - each["start"] for each in spans)


def test_random_order_is_the_seed_s(ws: Workspace) -> None:
    one, same, other = (keys(view(ws, order="random", seed=seed)) for seed in (1, 1, 2))
    assert one == same
    assert one != other
    assert sorted(one) == sorted(other) == sorted(keys(view(ws)))
    assert keys(view(ws, order="capability+random", seed=1)) != keys(view(ws, order="capability+random", seed=2))


@pytest.mark.parametrize("order", ["", "id; drop view examples", "random()", "1", "nosuch", "tags.nosuch"])
def test_a_wrong_order_is_said(ws: Workspace, order: str) -> None:
    with pytest.raises(UsageError):
        len(view(ws, order=order))


# Mixture


@pytest.mark.parametrize(
    ("mix", "size", "expected"),
    [
        # 8 perception, 8 visual, 14 textual rows. Quotas 10/3 each: 3 + 3 + 3, the tenth by largest remainder (a tie
        # of 1/3, 1/3, 1/3 goes to the first name).
        ({"perception": 1, "visual_reasoning": 1, "textual_reasoning": 1}, 10, (4, 3, 3)),
        # 10 x (0.15, 0.25, 0.6) = 1.5, 2.5, 6.0: one left over, a tie of halves, first name.
        ({"perception": 0.15, "visual_reasoning": 0.25, "textual_reasoning": 0.6}, 10, (2, 2, 6)),
        # 11 x (0.5, 0.3, 0.2) = 5.5, 3.3, 2.2: the one left over goes to the largest remainder.
        ({"perception": 5, "visual_reasoning": 3, "textual_reasoning": 2}, 11, (6, 3, 2)),
        # Without a size, as many as the scarcest allows: 8 / (4/6) = 12.
        ({"perception": 4, "visual_reasoning": 1, "textual_reasoning": 1}, None, (8, 2, 2)),
        # A stage left out of the mixture gets nothing.
        ({"textual_reasoning": 1}, 5, (0, 0, 5)),
    ],
)
def test_mix_shares_are_exact(
    ws: Workspace, mix: dict[str, float], size: int | None, expected: tuple[int, ...]
) -> None:
    found = view(ws, mix=mix, **({"size": size} if size else {}))
    counts = Counter(known(ws)[each]["stage"] for each in found.rows.column("example_id").to_pylist())
    assert tuple(counts[stage] for stage in STAGES) == expected
    assert found.dropped == {"mixture": ROWS + 6 - sum(expected)}


def test_mix_by_source(ws: Workspace) -> None:
    found = view(ws, mix={"cards": 3, "more": 1})
    assert Counter(number >= 100 for number in keys(found)) == {False: 18, True: 6}


def test_a_mixture_is_drawn_by_its_seed(ws: Workspace) -> None:
    draws = [keys(view(ws, size=10, seed=seed)) for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]
    assert [len(draw) for draw in draws] == [10, 10, 10]
    assert set(keys(view(ws, size=5))) < set(draws[0])  # a smaller size is a part of the larger


def test_a_mixture_that_cannot_be_is_said(ws: Workspace) -> None:
    with pytest.raises(UsageError, match="31 rows in these shares are not there; at most 30 are"):
        len(view(ws, size=31))
    with pytest.raises(UsageError, match="the mixture asks for 'nlvr', and no chosen row has that source"):
        len(view(ws, mix={"nlvr": 1, "cards": 1}))
    with pytest.raises(UsageError, match="'perception', and no chosen row has that stage"):
        len(view(ws, where="stage = 'visual_reasoning'", mix={"perception": 1}))


# Splits


def test_fractions_never_split_a_group(ws: Workspace) -> None:
    found = view(ws, splits={"train": 0.6, "val": 0.2, "test": 0.2}, seed=3)
    rows = zip(found.rows.column("example_id").to_pylist(), found.rows.column("split").to_pylist(), strict=True)
    by_group: dict[str, set[str]] = {}
    for example, split in rows:
        by_group.setdefault(known(ws)[example]["group"], set()).add(split)
    assert all(len(splits) == 1 for splits in by_group.values())
    assert set().union(*by_group.values()) == {"train", "val", "test"} == set(found.splits)
    # Worked out beside the database: the first 32 bits of md5 of seed and group, as a fraction.
    for group, splits in by_group.items():
        at = int(hashlib.md5(f"3 {group}".encode()).hexdigest()[:8], 16) / 2**32
        assert splits == {"train" if at < 0.6 else "val" if at < 0.8 else "test"}
    assert view(ws, splits={"train": 1}).splits == ["train"]
    with pytest.raises(UsageError, match="'tr ain' cannot name a split"):
        len(view(ws, splits={"tr ain": 1}))


def test_a_group_in_two_splits_is_refused(own: Workspace) -> None:
    folder = own.path.parent / "cards"
    write_lines(folder / "900.jsonl", [card(900, group="g1", split="test"), card(901, group="g1")])
    run(own, "cards", "build", use="toy_cards", path=folder)
    with pytest.raises(
        UsageError, match="view 'all': 1 groups stand in more than one split, 'g1' for one; choose rows"
    ):
        len(own.view("all"))
    assert len(view(own, where="source.split = 'train'")) > 0
    assert len(view(own, splits={"train": 0.5, "test": 0.5})) == ROWS + 6 + 2


# What is kept


def test_the_row_list_is_kept_and_made_again_only_when_something_changed(own: Workspace) -> None:
    with own.lock("test"):
        first = define_view(own, "mine", ViewSpec(where="tags.n > 0", text="cards.best", spans="tries"))
    stamp = first.path.stat().st_mtime_ns, first.path.stat().st_ino
    again = Workspace(own.path).view("mine")
    assert keys(again) == keys(first)
    assert (again.path.stat().st_mtime_ns, again.path.stat().st_ino) == stamp
    assert again.fingerprint == own.manifest.views["mine"].fingerprint
    manifest = own.manifest_path.stat().st_ino
    with own.lock("test"):
        define_view(own, "mine", first.spec)
    assert own.manifest_path.stat().st_ino == manifest  # nothing new to say, nothing written
    for damage in (b"", b"PAR1", first.path.read_bytes()[:-10]):
        first.path.write_bytes(damage)
        assert keys(Workspace(own.path).view("mine")) == keys(first)


def test_the_fingerprint_changes_with_what_the_rows_depend_on_and_nothing_else(own: Workspace) -> None:
    specs: dict[str, dict[str, Any]] = {
        "plain": {},
        "tagged": {"spans": "tags"},
        "asked": {"where": "tags.n > 0"},
        "asked by table": {"where": "id in (select example_id from cards_scores)"},
        "asked by kind": {"where": "id in (select example_id from SCORES)"},
        "best": {"text": "cards.best"},
        "first": {"text": "cards.first"},
        "ordered": {"order": "tags.n"},
        "rejects": {"where": "id not in (select key from rejects)"},
    }

    def fingerprints() -> dict[str, str]:
        fresh = Workspace(own.path)
        return {name: view(fresh, **spec).fingerprint for name, spec in specs.items()}

    before = fingerprints()
    assert len(set(before.values())) == len(specs)
    assert fingerprints() == before

    run(own, "tags", "tag", use={"toy_words": {"see": ["sum"]}})
    after = fingerprints()
    assert {name for name in specs if after[name] != before[name]} == {"tagged", "asked", "ordered"}

    scored = own.path.parent / "cards" / "000.jsonl"
    lines = scored.read_text().splitlines()
    first = json.loads(lines[0])
    first["responses"][2]["score"] = 0.5
    write_lines(scored, [first, *lines[1:]])
    os.utime(scored, ns=(5, 5))
    run(own, "cards", "build", use="toy_cards", path=scored.parent)
    assert {name for name, each in fingerprints().items() if each != after[name]} == {
        "best",
        "asked by table",
        "asked by kind",
    }


# Reading


def test_every_way_of_reading_gives_the_same_rows(ws: Workspace) -> None:
    found = view(ws, text="cards", spans="tries", order="random", where="len(images) < 2")
    by_iteration = list(found)
    assert len(by_iteration) == len(found) > 10
    by_index = [found[at] for at in np.random.default_rng(0).permutation(len(found))]
    backwards = [found[at - len(found)] for at in range(len(found))]
    assert plain(backwards) == plain(by_iteration) == plain(found[:])
    assert sorted(plain(by_index), key=str) == sorted(plain(by_iteration), key=str)
    for at in (len(found), -len(found) - 1):
        with pytest.raises(IndexError, match=f"row {at} of a view with {len(found)} rows"):
            found[at]
    batches = [each for batch in found.batches() for each in batch.to_pylist()]
    assert [each["text_id"] for each in batches] == found.rows.column("text_id").to_pylist()
    stored = {name: picture(number) for number in range(5) for name in [hashlib.sha256(picture(number)).hexdigest()]}
    for each in batches:
        assert [image["bytes"] for image in each["images"]] == [stored[info["sha256"]] for info in each["image_info"]]


def plain(rows: Any) -> list[dict[str, Any]]:
    """Rows with their pictures as bytes, so that they compare."""
    return [{**each, "images": [(image.size, image.tobytes()) for image in each["images"]]} for each in rows]


def test_to_dataset_is_the_view_with_real_images(ws: Workspace) -> None:
    import datasets

    found = view(ws, text="cards", spans="tries", order="random")
    dataset = found.to_dataset()
    assert dataset.features["images"] == datasets.List(datasets.Image())
    assert plain(dataset) == [{name: each[name] for name in dataset.column_names} for each in plain(found)]
    assert dataset.column_names[:4] == ["id", "stage", "group", "images"]
    (path,) = {Path(file["filename"]) for file in dataset.cache_files}
    stamp = path.stat().st_mtime_ns
    view(ws, text="cards", spans="tries", order="random").to_dataset()
    assert path.stat().st_mtime_ns == stamp


def test_to_pandas_is_everything_but_pixels(ws: Workspace) -> None:
    frame = view(ws, where="stage = 'perception'", order="id").to_pandas()
    assert frame["id"].tolist() == sorted(each["id"] for each in known(ws).values() if each["stage"] == "perception")
    assert "images" not in frame.columns
    assert frame["image_info"].map(len).tolist() == [1] * len(frame)


def test_an_empty_view_can_be_read_in_every_way(ws: Workspace) -> None:
    found = view(ws, where="false", text="cards", spans="tries")
    empty = Workspace.create(ws.path.parent / "empty").view("all")
    assert (len(empty.to_dataset()), len(empty.to_pandas())) == (0, 0)
    assert (len(found), list(found), found[:], found.splits) == (0, [], [], [])
    assert len(found.to_pandas()) == 0
    dataset = found.to_dataset()
    assert len(dataset) == 0
    assert dataset.features == view(ws, text="cards", spans="tries").to_dataset().features


def test_splits_are_batches_of_their_own(ws: Workspace) -> None:
    found = ws.view("all")
    by_split = {
        split: [t for batch in found.batches(split=split) for t in batch.column("id").to_pylist()]
        for split in found.splits
    }
    assert Counter(map(str, by_split)) == {"test": 1, "train": 1}
    assert sum(map(len, by_split.values())) == len(found)
    assert all(known(ws)[each]["source"]["split"] == split for split, ids in by_split.items() for each in ids)


def test_row_lists_are_sorted_parquet_with_the_definition_s_fingerprint(ws: Workspace) -> None:
    found = view(ws, order="id")
    assert len(found) == ROWS + 6
    table = pq.read_table(found.path)
    assert table.schema.metadata[b"fingerprint"] == found.fingerprint.encode()
    assert all(one < two for one, two in pairwise(table.column("example_id").to_pylist()))
