from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from perceptdata.builders.corpora.nlvr_questions import ask
from perceptdata.builders.corpora.nlvr_scene import Thing

SCENE = (
    (Thing(10, 10, 10, "blue", "circle"), Thing(40, 50, 30, "black", "square")),
    (Thing(0, 80, 20, "yellow", "triangle"), Thing(30, 78, 20, "yellow", "triangle")),  # as high as each other
    (),
)
# The whole truth about SCENE, written by hand.
TRUE = {
    "What colour is the circle in the left box?": "blue",
    "What colour is the square in the left box?": "black",
    "What colour is the highest object in the left box?": "blue",
    "What shape is the blue object in the left box?": "circle",
    "What shape is the black object in the left box?": "square",
    "What shape is the highest object in the left box?": "circle",
    "There are objects of three sizes. How large is the blue circle in the left box?": "small",
    "There are objects of three sizes. How large is the black square in the left box?": "large",
    "How many objects are in the left box?": "2",
    "How many objects are in the middle box?": "2",
    "How many objects are in the right box?": "0",
    "How many black objects are in the three boxes together?": "1",
    "How many blue objects are in the three boxes together?": "1",
    "How many yellow objects are in the three boxes together?": "2",
}


def test_every_question_that_can_be_asked_is_true() -> None:
    asked = {one.text: one.answer.text for seed in range(300) for one in ask(SCENE, str(seed))}
    assert asked == TRUE


def test_one_question_of_each_kind() -> None:
    assert [one.twin for one in ask(SCENE, "seed")] == ["colour", "shape", "size", "count", "count-colour"]
    assert ask(SCENE, "seed") == ask(SCENE, "seed")


def test_what_all_objects_share_is_not_asked() -> None:
    towers = tuple(tuple(Thing(40, 80 - 21 * i, 20, "blue", "square") for i in range(n)) for n in (1, 2, 3))
    assert Counter(one.twin for one in ask(towers, "seed")) == Counter(["colour", "count", "count-colour"])


@given(st.permutations(range(3)), st.integers(0, 99))
def test_choices_hold_the_answer(order, seed) -> None:
    for one in ask(tuple(SCENE[i] for i in order), str(seed)):
        if one.choices:
            assert one.choices[one.answer.index or 0] == one.answer.text
