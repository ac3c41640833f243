"""Which rows, in which order, in which shares and splits; every expectation is worked out beside the database."""

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from toys import card, write_lines
from view_rows import ROWS, copy, keys, known, make, run, view

from perceptdata.errors import UsageError
from perceptdata.example import STAGES
from perceptdata.view import ViewSpec, define_view
from perceptdata.workspace import Workspace


@pytest.fixture(scope="module")
def made(toy_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(toy_site, tmp_path_factory.mktemp("view"))


@pytest.fixture
def ws(made: Path) -> Workspace:
    return Workspace(made)


@pytest.fixture
def own(made: Path, tmp_path: Path, with_toys: None) -> Workspace:
    """A copy that a test may change."""
    return copy(made, tmp_path)


# Rows


def test_default_views_are_all_and_the_stages(ws: Workspace) -> None:
    assert len(ws.view("all")) == ROWS + 6
    counts = {stage: len(ws.view(stage)) for stage in STAGES}
    assert counts == Counter(each["stage"] for each in known(ws).values())
    assert ws.view("perception").dropped == {"not chosen": ROWS + 6 - counts["perception"]}
    with pytest.raises(UsageError, match=r"there is no view 'sftt' in .*; it has all, perception"):
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
