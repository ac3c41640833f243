"""What every family with tasks promises: facts that read back, answers that check, and no way round looking."""

import io
import json
import math
import random
from collections import Counter
from dataclasses import asdict
from functools import lru_cache
from itertools import pairwise
from typing import Any

import pytest
from PIL import Image

from perceptdata import registry
from perceptdata.builders.synthetic.tasked import YES_NO, TaskedFamily, digits, same_number, span
from perceptdata.draft import Draft
from perceptdata.errors import UsageError
from perceptdata.example import Example, Source
from perceptdata.plugins import Part

FAMILIES = ("charts", "functions", "gauges", "mazes", "plane_geometry", "shapes", "tables")
HARD = {
    "charts": {"labels": True, "offset": True, "gridlines": False, "categories": [5, 7], "series": [2, 3]},
    "functions": {"count": [2, 2], "scales": [2, 10]},
    "gauges": {"count": 3, "minutes": True},
    "mazes": {"rows_range": [8, 10], "columns": [7, 10], "loops": 3},
    "plane_geometry": {"steps": [2, 5], "redundant": 1, "not_to_scale": 0.5},
    "shapes": {"grid": 8, "objects": [9, 12]},
    "tables": {"rows_range": [8, 12], "columns": [4, 5], "ruled": False},
}
SETS = [(name, options) for name in FAMILIES for options in ({}, HARD[name])]
ITEMS = 300


def family(name: str, **options: Any) -> TaskedFamily[Any, Any]:
    return registry.make("families", name, options)


def drafts(name: str, rows: dict[str, int], **options: Any) -> list[Draft]:
    made = registry.make("builders", name, {"rows": rows, **options})
    return [draft for part in made.parts(None) for draft in made.read(part)]


@lru_cache(maxsize=8)
def many(name: str) -> tuple[Draft, ...]:
    return tuple(drafts(name, {"train_rl": ITEMS}, choices=True, atomic=True))


def example(draft: Draft) -> Example:
    source = Source(builder="b", version="1", corpus="c", split=draft.split, key=draft.key, licence="x")
    fields = {name: getattr(draft, name) for name in ("stage", "choices", "answer", "facts")}
    return Example(id=draft.key, group="g", source=source, question=draft.question.replace("<image>", ""), **fields)


def score(answer: str, draft: Draft) -> float:
    named = draft.answer.checker
    assert named is not None
    return registry.make("checkers", named.name, named.args).score(answer, example(draft))


@pytest.mark.parametrize(("name", "options"), SETS)
def test_facts_read_back(name: str, options: dict) -> None:
    made, rng = family(name, **options), random.Random(1)
    for _ in range(60):
        scene = made.generate(rng)
        hash(scene)
        facts = made.facts(scene)
        assert made.parse(facts) == scene
        assert made.parse(f"The figure shows:\n\n{facts}\n\nThat is all.") == scene
        assert made.check_perception(facts, scene) == made.check_perception(facts, scene, dense=True) == 1.0


@pytest.mark.parametrize("name", FAMILIES)
def test_other_scenes_are_not_this_one(name: str) -> None:
    made, rng = family(name), random.Random(2)
    scenes = [made.generate(rng) for _ in range(20)]
    for scene, other in pairwise(scenes):
        facts = made.facts(other)
        assert made.check_perception(facts, scene) == 0.0
        assert 0.0 <= made.check_perception(facts, scene, dense=True) < 1.0
        assert made.check_perception("nothing to see", scene, dense=True) == 0.0


@pytest.mark.parametrize(("name", "options"), SETS)
def test_gold_answers_score_one_and_garbage_none(name: str, options: dict) -> None:
    found = drafts(name, {"train_sft": 24}, **options)
    for draft in found:
        assert score(draft.answer.text, draft) == 1.0
        assert score("garbage", draft) == score("", draft) == 0.0
    assert Counter(draft.twin for draft in found) == {"perception": 24, "visual": 24, "textual": 24}


@pytest.mark.parametrize("name", FAMILIES)
def test_traces_reason_and_lead_to_the_answer(name: str) -> None:
    for draft in drafts(name, {"train_sft": 30}):
        if draft.twin != "visual":
            continue
        assert draft.response is not None
        facts, trace, boxed = draft.response.split("\n\n")
        assert facts == draft.facts
        assert boxed == f"\\boxed{{{draft.answer.text}}}"
        last = trace.splitlines()[-1]
        answer = draft.answer.text
        said = (answer, f"{answer}°", " → ".join(answer))
        assert any(text in last for text in said) or "→" in last, last
        assert not set("\\{}<>") & set(answer)
        truth = json.loads(draft.meta["ground_truth"])
        assert truth["answer"] == answer
        assert truth["facts"] == facts
        json.dumps(asdict(draft)["meta"])


@pytest.mark.parametrize("name", FAMILIES)
def test_the_task_is_an_option_of_the_family(name: str) -> None:
    """What a checker's arguments name is enough to ask, solve and check again, in any process."""
    for draft in drafts(name, {"test": 6}):
        named = draft.answer.checker
        assert named is not None
        if draft.twin != "visual":
            continue
        again = registry.make("families", named.args["family"], json.loads(json.dumps(named.args["family_options"])))
        scene = again.parse(draft.facts)
        assert draft.question == f"<image>{again.ask(scene)}"
        assert again.check(draft.answer.text, scene) == 1.0
        assert again.draw(scene, random.Random(9)) == draft.images[0]  # nothing in the picture is left to chance


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_without_a_task_asks_one_that_the_scene_decides(name: str) -> None:
    made, rng = family(name), random.Random(3)
    for _ in range(10):
        scene = made.generate(rng)
        solution = made.solve(scene, rng)
        assert made.solve(scene, random.Random(77)) == solution
        assert made.check(solution.answer, scene) == 1.0
        assert made.ask(scene)


@pytest.mark.parametrize("name", FAMILIES)
def test_any_order_gives_the_same_bytes_and_no_scene_stands_twice(name: str) -> None:
    rows = {"train_sft": 4, "train_rl": 8, "test": 2}
    forward = drafts(name, rows, choices=True, atomic=True)
    made = registry.make("builders", name, {"rows": rows, "choices": True, "atomic": True})
    backward = [
        list(made.read(Part(split=split, start=row, stop=row + 1)))
        for split, count in reversed(made.counts().items())
        for row in reversed(range(count))
    ]
    assert [draft for record in reversed(backward) for draft in record] == forward
    scenes = [draft.facts for draft in forward if draft.twin == "visual"]
    assert len(set(scenes)) == len(scenes) == 14
    other = drafts(name, rows, seed=1)
    assert not {draft.facts for draft in other} & set(scenes)


@pytest.mark.parametrize("name", FAMILIES)
def test_streams_never_meet(name: str) -> None:
    made, taken = family(name), set()
    for row in range(25):
        cores = made.cores(row, 25, 5, random.Random(row))
        own = {made.canonical(core) for core, _ in zip(cores, range(12), strict=False)}
        assert not own & taken
        taken |= own


@pytest.mark.parametrize("name", FAMILIES)
def test_there_are_scenes_enough_for_the_papers_splits(name: str) -> None:
    assert sum(registry.make("builders", name, {}).counts().values()) == 20_500


@pytest.mark.parametrize(("name", "options"), SETS)
def test_pictures_hold_what_is_drawn_and_no_more(name: str, options: dict) -> None:
    made, rng = family(name, **options), random.Random(4)
    scenes = [made.generate(rng) for _ in range(12)]
    drawn = [made.draw(scene, rng) for scene in scenes]
    assert len(set(drawn)) == len(drawn)
    for data in drawn:
        image = Image.open(io.BytesIO(data))
        image.load()
        assert image.mode == "P"
        assert max(image.size) <= 480
        grey = image.convert("L")
        low, high = grey.getextrema()
        assert (low < 120, high) == (True, 255)
        width, height = grey.size
        border = [grey.getpixel((x, y)) for x in range(width) for y in (0, height - 1)]
        border += [grey.getpixel((x, y)) for y in range(height) for x in (0, width - 1)]
        assert min(border) > 100  # nothing is cut off


@pytest.mark.parametrize("name", FAMILIES)
def test_nothing_that_a_model_describes_breaks(name: str) -> None:
    """Facts with digits, words and lines changed: what still reads as a scene can be drawn, compared and judged."""
    made, rng, read = family(name), random.Random(6), 0
    scenes = [made.generate(rng) for _ in range(12)]
    for scene in scenes:
        for _ in range(25):
            other = made.facts(rng.choice(scenes)).splitlines()
            lines = [rng.choice((line, line, line, rng.choice(other))) for line in made.facts(scene).splitlines()]
            text = "\n".join(line for line in lines if rng.random() < 0.9)
            for _ in range(rng.randrange(4)):
                at = rng.randrange(len(text) + 1)
                text = text[:at] + rng.choice("0159-AG(), ") + text[at + rng.randrange(2) :]
            stated = made.parse(text)
            assert 0.0 <= made.check_perception(text, scene, dense=True) <= 1.0
            assert made.check_claim(text, scene) in (True, False, None)
            if stated is not None:
                read += 1
                hash(stated)
                assert made.parse(made.facts(stated)) == stated, text
                assert made.draw(stated, rng)
    assert read


# A guesser that does not look


def bound(chance: float, items: int) -> float:
    """4 standard deviations above chance: one right test in 30,000 fails."""
    return chance * items + 4 * math.sqrt(items * chance * (1 - chance)) + 1


def blind_hits(texts: list[str], answers: list[str]) -> int:
    """A text classifier's hits on the second half after it has seen the first: what the words alone give away."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.naive_bayes import MultinomialNB

    half = len(texts) // 2
    counts = CountVectorizer(token_pattern=r"[^\s?.,]+", ngram_range=(1, 2))
    model = MultinomialNB().fit(counts.fit_transform(texts[:half]), answers[:half])
    return int((model.predict(counts.transform(texts[half:])) == answers[half:]).sum())


@pytest.mark.parametrize("name", FAMILIES)
def test_blind_guessers_of_tasks_stay_at_chance(name: str) -> None:
    """By template: the majority answer, and a classifier on the words of the question."""
    made = family(name)
    by_template: dict[str, list[Draft]] = {}
    for draft in many(name):
        if draft.twin == "visual":
            task = json.loads(draft.meta["ground_truth"])["task"][0]
            by_template.setdefault(task, []).append(draft)
    assert len(by_template) == sum(not template.looks for template in made.TEMPLATES)
    for template in made.TEMPLATES:
        if template.looks:
            continue
        found = by_template[template.name]
        answers = [draft.answer.text for draft in found]
        chance = 1 / len(template.answers) if template.answers else 0.2
        assert max(Counter(answers).values()) <= bound(chance, len(answers)), (template.name, Counter(answers))
        half = len(answers) - len(answers) // 2
        if template.answers:
            assert set(answers) <= set(template.answers)
            assert blind_hits([draft.question for draft in found], answers) <= bound(chance, half), template.name


@pytest.mark.parametrize("name", FAMILIES)
def test_blind_guessers_of_choices_stay_at_chance(name: str) -> None:
    """Whatever a guesser says of the choices themselves: a place, the smallest, the largest, the middle."""
    guessers = {
        "first": lambda choices: choices[0],
        "last": lambda choices: choices[-1],
        "low": lambda choices: min(choices, key=order),
        "high": lambda choices: max(choices, key=order),
        "middle": lambda choices: sorted(choices, key=order)[len(choices) // 2],
        "long": lambda choices: max(choices, key=len),
    }
    by_twin: dict[str, list[Draft]] = {}
    for draft in many(name):
        if draft.choices:
            assert draft.choices[draft.answer.index] == draft.answer.text
            assert len(set(draft.choices)) == len(draft.choices)
            by_twin.setdefault(str(draft.twin), []).append(draft)
    assert "visual-choice" in by_twin
    for twin, found in by_twin.items():
        chance = sum(1 / len(draft.choices) for draft in found) / len(found)
        for guesser, guess in guessers.items():
            hits = sum(guess(draft.choices) == draft.answer.text for draft in found)
            assert hits <= bound(chance, len(found)), (twin, guesser, hits, len(found))
        if all(tuple(draft.choices) == YES_NO for draft in found):
            texts, answers = [draft.question for draft in found], [draft.answer.text for draft in found]
            assert blind_hits(texts, answers) <= bound(0.5, len(found) - len(found) // 2), twin


def order(choice: str) -> tuple[float, str]:
    try:
        return float(choice), ""
    except ValueError:
        return 0.0, choice


def test_wrong_templates_and_tasks_are_named() -> None:
    with pytest.raises(UsageError, match="difference, ratio"):
        drafts("charts", {"test": 1}, templates=["diference"])
    made = family("charts", task=["diference", "x"])
    with pytest.raises(UsageError, match="no task 'diference'"):
        made.ask(made.generate(random.Random(0)))
    undecided = family("charts", task=["difference", "Sales", "Nowhere", "Elsewhere"])
    with pytest.raises(UsageError, match="does not decide"):
        undecided.solve(undecided.generate(random.Random(0)), random.Random(0))


def test_tasks_can_be_of_one_template() -> None:
    found = drafts("charts", {"test": 8}, templates=["above"])
    assert {json.loads(draft.meta["ground_truth"])["task"][0] for draft in found} == {"above"}
    answers = Counter(draft.answer.text for draft in found if draft.twin == "visual")
    assert set(answers.values()) <= {2, 3}  # each of three in turn


def test_digits_by_number_and_beyond() -> None:
    rng = random.Random(0)
    assert span(10, 3) == 1000
    assert digits(123, 10, 3, rng) == [3, 2, 1]
    assert len({tuple(digits(number, 10, 3, rng)) for number in range(1000)}) == 1000
    assert span(64, 12) == 64**10 <= 1 << 62
    last = {digits(5, 64, 12, rng)[-1] for _ in range(50)}
    assert len(last) > 20  # beyond the span, by chance


@pytest.mark.parametrize(
    ("said", "right"), [("12", True), ("12.0", True), ("12 cm", True), ("$12", True), ("13", False)]
)
def test_numbers_may_have_a_unit(said: str, right: bool) -> None:
    assert same_number(said, "12") is right
