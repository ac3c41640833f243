"""Usual and unusual things: three scenes a record that share question and group, and a guess that is right in one."""

import io
import json
import math
import random
import re
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from PIL import Image
from pydantic import ValidationError

from perceptdata import registry
from perceptdata.builders.synthetic.priors import Priors
from perceptdata.builders.synthetic.priors_picture import draw
from perceptdata.builders.synthetic.priors_things import NAMES, THINGS, Seen, Still
from perceptdata.builders.synthetic.priors_work import same
from perceptdata.draft import Draft
from perceptdata.errors import UsageError
from perceptdata.example import Example, Source
from perceptdata.plugins import Part

ZOO = Still(Seen("spider", "7"), (Seen("banana", "blue"), Seen("clock", "3"), Seen("traffic light", "green")))
FACTS = "large spider: 7 legs\nbanana: blue\nclock: 3 at the top\ntraffic light: green at the top"


def drafts(rows: dict[str, int], **options: Any) -> list[Draft]:
    made = registry.make("builders", "priors", {"rows": rows, **options})
    return [draft for part in made.parts(None) for draft in made.read(part)]


def records(found: list[Draft], twin: str) -> list[list[Draft]]:
    """The three drafts of a twin, record by record."""
    named = {f"{twin}{end}" for end in ("", "-counter1", "-counter2")}
    kept = [draft for draft in found if draft.twin in named]
    return [kept[at : at + 3] for at in range(0, len(kept), 3)]


def score(answer: str, draft: Draft) -> float:
    named = draft.answer.checker
    assert named is not None
    source = Source(builder="b", version="1", corpus="c", split=draft.split, key=draft.key, licence="x")
    fields = {name: getattr(draft, name) for name in ("stage", "choices", "answer", "facts")}
    question = draft.question.replace("<image>", "")
    example = Example(id=draft.key, group="g", source=source, question=question, **fields)
    return registry.make("checkers", named.name, named.args).score(answer, example)


def test_a_record_is_one_question_of_three_pictures() -> None:
    """The guess is right of the first, and wrong of the others; nothing but the large thing's value differs."""
    found = drafts({"train_sft": 40}, choices=True, atomic=True)
    ends = ("", "-counter1", "-counter2")
    twins = ("perception", "perception-detail", "visual", "textual", "visual-choice")
    assert Counter(draft.twin for draft in found) == {f"{twin}{end}": 40 for twin in twins for end in ends}
    for twin in ("visual", "visual-choice"):
        for three in records(found, twin):
            assert [draft.meta["prior"] for draft in three] == ["aligned", "counter", "counter"]
            guess = {draft.meta["guess"] for draft in three}
            answers = [draft.answer.text for draft in three]
            assert guess == {answers[0]}
            assert len(set(answers)) == 3
            assert len({draft.question for draft in three}) == len({draft.group for draft in three}) == 1
            assert len({draft.choices for draft in three}) == 1
            assert len({draft.images for draft in three}) == 3
            lines = [draft.facts.splitlines() for draft in three]
            assert len({tuple(each[1:]) for each in lines}) == 1
            assert len({each[0] for each in lines}) == 3
    for three in records(found, "visual"):
        assert [score(three[0].answer.text, draft) for draft in three] == [1.0, 0.0, 0.0]
        assert all(score(draft.answer.text, draft) == 1.0 for draft in three)
    for three in records(found, "textual"):
        assert [draft.meta["prior"] for draft in three] == ["aligned", "counter", "counter"]
        assert not any(draft.images for draft in three)
    assert not any("prior" in draft.meta for draft in found if str(draft.twin).startswith("perception"))


def test_traces_and_checkers_are_as_everywhere() -> None:
    for draft in drafts({"train_sft": 30}):
        if not str(draft.twin).startswith("visual"):
            continue
        facts, trace, boxed = str(draft.response).split("\n\n")
        assert facts == draft.facts
        assert boxed == f"\\boxed{{{draft.answer.text}}}"
        assert draft.answer.text in trace.splitlines()[-1]
        named = draft.answer.checker
        assert named is not None
        again = registry.make("families", "priors", json.loads(json.dumps(named.args["family_options"])))
        scene = again.parse(draft.facts)
        assert draft.question == f"<image>{again.ask(scene)}"
        assert again.draw(scene, random.Random(9)) == draft.images[0]
        assert json.loads(draft.meta["ground_truth"])["answer"] == draft.answer.text


def test_facts_in_full_and_back() -> None:
    family, rng = Priors(), random.Random(1)
    assert family.facts(ZOO) == FACTS
    assert family.parse(FACTS) == ZOO
    for _ in range(300):
        scene = family.generate(rng)
        assert scene.main.value == THINGS[scene.main.thing].usual
        for each in (scene, *family.others(scene)):
            facts = family.facts(each)
            assert family.parse(f"The figure shows:\n\n{facts}\n\nThat is all.") == each
            assert family.check_perception(facts, each) == 1.0
            for line in facts.splitlines():
                assert family.check_claim(line, each) is True, line
                assert family.check_claim(line.replace("large ", "small "), each) is not line.startswith("large")


@pytest.mark.parametrize(
    "text",
    [
        "The large spider has seven legs. The banana is blue. The clock has a 3 on top, the traffic light a green one.",
        "A big spider with 7 legs; small clock: 3 at the top; traffic light, its top lamp is green; banana - blue",
        "spider: 7 legs\nclock: 3\nbanana: blue\ntraffic light: green",  # the first is the large one
    ],
)
def test_other_words(text: str) -> None:
    assert Priors().parse(text) == ZOO


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("The compass: north at the top", "N"),
        ("On the compass, at the top stands W.", "W"),
        ("rainbow with violet outermost", "purple"),
        ("stop sign: octagonal", "octagon"),
        ("Olympic emblem with four rings", "4"),
    ],
)
def test_values_by_other_names(text: str, value: str) -> None:
    scene = Priors().parse(text)
    assert scene is not None
    assert scene.main.value == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "spider",
        "spider: many legs",
        "spider: 99 legs",
        "spider: 7 legs, spider: 8 legs",
        "large spider: 7 legs, large dog: 4 legs",
        "compass: up",
        "spider: 7 legs; dog: 4 legs; beetle: 6 legs; clover: 3 leaflets; face: 2 eyes",
    ],
)
def test_what_is_no_scene(text: str) -> None:
    assert Priors().parse(text) is None


@pytest.mark.parametrize(
    ("claim", "true"),
    [
        ("The large spider has seven legs.", True),
        ("The spider has 8 legs.", False),
        ("There is a spider.", True),
        ("There is a dog.", False),
        ("The small banana is blue.", True),
        ("The large banana is blue.", False),
        ("The clock shows 3 at the top.", True),
        ("The traffic light shows red at the top.", False),
        ("The dog has 4 legs.", False),
        ("The banana tastes good.", None),
    ],
)
def test_claims(claim: str, true: bool | None) -> None:
    assert Priors().check_claim(claim, ZOO) is true


@pytest.mark.parametrize(
    ("task", "answer", "trace"),
    [
        (("look", "spider"), "7", "The spider has 7 legs."),
        (("several", "spider", 3), "21", "The spider has 7 legs.\n3 · 7 = 21."),
        (("detail", "banana"), "blue", "The banana is blue."),
        (("look", "clock"), "3", "The clock shows 3 at the top."),
        (("several", "banana", 3), None, ""),
        (("look", "dog"), None, ""),
    ],
)
def test_results(task: tuple[Any, ...], answer: str | None, trace: str) -> None:
    family = Priors(task=task)
    if answer is None:
        with pytest.raises(UsageError, match="does not decide"):
            family.solve(ZOO, random.Random(0))
        return
    found = family.solve(ZOO, random.Random(0))
    assert (found.answer, found.trace) == (answer, trace)


@pytest.mark.parametrize(
    ("said", "gold", "right"),
    [
        ("seven", "7", True),
        ("7 legs", "7", True),
        ("8", "7", False),
        ("Purple.", "purple", True),
        ("violet", "purple", True),
        ("an octagon", "octagon", True),
        ("triangular", "triangle", True),
        ("north", "N", True),
        ("n", "N", True),
        ("red", "purple", False),
        ("", "red", False),
    ],
)
def test_answers_in_other_words(said: str, gold: str, right: bool) -> None:
    assert same(said, gold) is right


def test_what_is_usual_may_be_told_first() -> None:
    plain, told = (records(drafts({"test": 12}, told=told), "visual") for told in (False, True))
    for one, other in zip(plain, told, strict=True):
        without, with_ = one[1].question, other[1].question
        assert with_.endswith(without.removeprefix("<image>"))
        assert re.match(r"<image>An? [A-Za-z ]+ usually (has|is|shows) .+\. ", with_)
        assert [draft.answer.text for draft in one] == [draft.answer.text for draft in other]
        assert [score(draft.answer.text, draft) for draft in other] == [1.0, 1.0, 1.0]


def test_splits_share_no_picture_and_order_does_not_matter() -> None:
    rows = {"train_sft": 6, "train_rl": 12, "test": 3}
    forward = drafts(rows)
    made = registry.make("builders", "priors", {"rows": rows})
    backward = [
        list(made.read(Part(split=split, start=row, stop=row + 1)))
        for split, count in reversed(made.counts().items())
        for row in reversed(range(count))
    ]
    assert [draft for record in reversed(backward) for draft in record] == forward
    seen = [draft.facts for three in records(forward, "visual") for draft in three]
    assert len(set(seen)) == len(seen) == 63
    assert len({draft.group for draft in forward}) == 21
    assert not {draft.group for draft in drafts(rows, seed=1)} & {draft.group for draft in forward}
    assert sum(registry.make("builders", "priors", {}).counts().values()) == 20_500


def test_streams_never_meet() -> None:
    family, taken = Priors(beside=1), set()
    for row in range(10):
        cores = family.cores(row, 10, 5, random.Random(row))
        own = {family.canonical(core) for core, _ in zip(cores, range(20), strict=False)}
        assert not own & taken
        taken |= own


def test_who_does_not_look_is_right_of_every_third() -> None:
    """By choices as well: their order and size give nothing away, and of four the usual one is right in a third."""
    found = drafts({"train_rl": 150}, choices=True)
    for twin in ("visual", "visual-choice"):
        shown = [draft for three in records(found, twin) for draft in three]
        assert sum(draft.answer.text == draft.meta["guess"] for draft in shown) == len(shown) / 3
    choices = [draft for three in records(found, "visual-choice") for draft in three]
    places = Counter(draft.answer.index for draft in choices)
    assert set(places) == {0, 1, 2, 3}
    assert max(places.values()) < 150
    assert {len(draft.choices) for draft in choices} == {4}


def test_every_thing_is_drawn_within_its_place_and_unlike_itself() -> None:
    """All values of a domain give other pictures, large and small, with a white border."""
    for name, thing in THINGS.items():
        pictures = [draw(Still(Seen(name, value), ())).png() for value in thing.domain]
        small = [
            draw(Still(Seen("heart" if name != "heart" else "leaf", "red"), (Seen(name, value),))).png()
            for value in thing.domain
        ]
        assert len(set(pictures)) == len(set(small)) == len(thing.domain), name
        for data in pictures + small:
            grey = Image.open(io.BytesIO(data)).convert("L")
            width, height = grey.size
            border = [grey.getpixel((x, y)) for x in range(width) for y in (0, height - 1)]
            border += [grey.getpixel((x, y)) for y in range(height) for x in (0, width - 1)]
            assert min(border) == 255, name
            assert grey.getextrema()[0] < 230, name


def test_colours_are_the_ones_named() -> None:
    """The middle of a heart in each colour, told by its nearest plain one."""
    plain = {"red": (255, 0, 0), "orange": (255, 140, 0), "yellow": (255, 220, 0), "green": (0, 160, 60)}
    plain |= {"blue": (0, 80, 255), "purple": (128, 0, 160)}
    for name in THINGS["heart"].domain:
        image = Image.open(io.BytesIO(draw(Still(Seen("heart", name), ())).png())).convert("RGB")
        shown = image.getpixel((104, 150))
        assert min(plain, key=lambda each: sum((a - b) ** 2 for a, b in zip(plain[each], shown, strict=True))) == name


def test_counts_can_be_counted() -> None:
    """Legs of a spider: dark runs on a circle around it."""
    for count in THINGS["spider"].domain:
        grey = Image.open(io.BytesIO(draw(Still(Seen("spider", count), ())).png())).convert("L")
        ring = [
            grey.getpixel(
                (round(104 + 80 * math.sin(math.tau * at / 720)), round(150 - 80 * math.cos(math.tau * at / 720)))
            )
            < 128
            for at in range(720)
        ]
        assert sum(one and not before for before, one in pairwise([ring[-1], *ring])) == int(count)


def test_nothing_that_a_model_describes_breaks() -> None:
    """Facts with words, digits and lines changed: what still reads as a scene can be drawn, compared and judged."""
    family, rng, read = Priors(), random.Random(6), 0
    scenes = [family.generate(rng) for _ in range(40)]
    for scene in scenes:
        for _ in range(10):
            other = family.facts(rng.choice(scenes)).splitlines()
            lines = [rng.choice((line, line, rng.choice(other))) for line in family.facts(scene).splitlines()]
            text = "\n".join(line for line in lines if rng.random() < 0.9)
            for _ in range(rng.randrange(4)):
                at = rng.randrange(len(text) + 1)
                text = text[:at] + rng.choice("0159-AG(), ") + text[at + rng.randrange(2) :]
            stated = family.parse(text)
            assert 0.0 <= family.check_perception(text, scene, dense=True) <= 1.0
            assert family.check_claim(text, scene) in (True, False, None)
            if stated is not None:
                read += 1
                assert family.parse(family.facts(stated)) == stated, text
                assert family.draw(stated, rng)
    assert read > 100


def test_names_and_values_hold_together() -> None:
    assert len(NAMES) == len(set(NAMES)) == 24
    for thing in THINGS.values():
        assert len(set(thing.values)) == 4
        assert set(thing.values) <= set(thing.domain)


@pytest.mark.parametrize("options", [{"beside": 0}, {"beside": 4}])
def test_impossible_options_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        Priors(**options)
