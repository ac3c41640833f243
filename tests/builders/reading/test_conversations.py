import json

import pytest

from perceptdata.builders.reading.conversations import is_conversation, read_turns, rounds
from perceptdata.errors import Rejected
from perceptdata.example import Turn

SHAREGPT = [{"from": "human", "value": "<image>Who?"}, {"from": "gpt", "value": "Ann."}]
CHAT = [{"role": "user", "content": "<image>Who?"}, {"role": "assistant", "content": "Ann."}]
PARTS = [
    {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Who?"}]},
    {"role": "assistant", "content": [{"type": "text", "text": "Ann."}]},
]
PAIRS = [{"user": "<image>Who?", "assistant": "Ann.", "source": "x"}]


@pytest.mark.parametrize("value", [SHAREGPT, CHAT, PARTS, PAIRS, json.dumps(CHAT)])
def test_every_shape_gives_the_same_turns(value: object) -> None:
    assert read_turns(value) == [("user", "<image>Who?"), ("assistant", "Ann.")]
    assert is_conversation(value)


def test_one_round_a_turn() -> None:
    turns = read_turns([{"role": "system", "content": "Be brief."}, *CHAT, {"role": "user", "content": "Why?"}])
    system, made = rounds(turns)
    assert system == "Be brief."
    assert [(len(one.history), one.question, one.answer) for one in made] == [
        (0, "<image>Who?", "Ann."),
        (2, "Why?", None),
    ]
    assert made[1].history == (Turn(role="user", text="<image>Who?"), Turn(role="assistant", text="Ann."))


@pytest.mark.parametrize(
    "value",
    [
        "not JSON",
        [],
        "[1]",
        [{"role": "nobody", "content": "x"}],
        [{"role": "user"}],
        [{"role": "user", "content": 3}],
        4,
    ],
)
def test_what_is_no_conversation(value: object) -> None:
    with pytest.raises(Rejected) as caught:
        read_turns(value)
    assert caught.value.code == "field.invalid"
    assert not is_conversation(value)
