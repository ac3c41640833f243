"""The model: what it writes is what it would have said, and a hidden picture tells nothing."""

import torch

from benchmarks.reproduce.measures import Outcomes, correlation, coupling, within
from benchmarks.reproduce.model import TinyVLM, places, token_logprobs
from benchmarks.reproduce.task import HARD, PERCEPTION, RESPONSE, SHORT, SLOTS, dataset, lengths


def test_decoding_with_a_cache_is_the_forward_pass_token_by_token() -> None:
    torch.manual_seed(0)
    model, data = TinyVLM(), dataset(3, 1, HARD, 2)
    written = model.generate(data.pictures)
    assert written.shape == (3, RESPONSE)
    with torch.no_grad():
        assert torch.equal(model(data.pictures, written).argmax(-1), written)
    facts = data.responses[:, :PERCEPTION]
    begun = model.generate(data.pictures, facts, length=40)
    assert torch.equal(begun[:, :PERCEPTION], facts)
    with torch.no_grad():
        assert torch.equal(model(data.pictures, begun).argmax(-1)[:, PERCEPTION:], begun[:, PERCEPTION:])


def test_a_free_trace_is_placed_as_it_is_written() -> None:
    torch.manual_seed(0)
    model, data = TinyVLM(free=True), dataset(3, 1, HARD, 2, free=True)
    begun = model.generate(data.pictures, data.responses[:, :150])
    with torch.no_grad():
        assert torch.equal(model(data.pictures, begun).argmax(-1)[:, 150:], begun[:, 150:])
    kinds, cells = places(data.responses)
    row, length = data.responses[0].tolist(), int(lengths(data.responses)[0])
    first = row.index(SHORT)
    cell = (first - PERCEPTION) // SLOTS
    prompt = 17
    assert cells[0, prompt + first : prompt + first + 3].tolist() == [cell, cell, cell + 1]
    assert kinds[0, prompt + first : prompt + first + 3].tolist() == [3, 3 + SLOTS - 1, 3]
    assert cells[0, prompt + length - 16 : prompt + length].tolist() == list(range(16))
    assert (kinds[0, prompt + length :] == 4 + SLOTS).all()


def test_free_responses_end_when_all_are_ended() -> None:
    torch.manual_seed(0)
    model, data = TinyVLM(free=True), dataset(3, 1, HARD, 2, free=True)
    longest = int(lengths(data.responses).max())
    assert model.generate(data.pictures, data.responses[:, : longest - 4]).shape == (3, longest)


def test_the_first_token_is_not_told_by_the_response() -> None:
    torch.manual_seed(0)
    model, data = TinyVLM(), dataset(2, 1, HARD, 2)
    changed = data.responses.clone()
    changed[:, 5:] = 0
    with torch.no_grad():
        assert torch.allclose(model(data.pictures, changed)[:, :6], model(data.pictures, data.responses)[:, :6])


def test_blind_tokens_do_not_depend_on_the_picture_and_told_ones_on_what_was_told() -> None:
    torch.manual_seed(0)
    model, data = TinyVLM(), dataset(4, 1, HARD, 2)
    other = data.pictures.flip(0)
    with torch.no_grad():
        blind = [token_logprobs(model, shown, data.responses, blind=True) for shown in (data.pictures, other)]
        seeing = [token_logprobs(model, shown, data.responses) for shown in (data.pictures, other)]
        told = model(data.pictures, data.responses, told=data.responses[:, -16:])
    assert torch.allclose(*blind)
    assert not torch.allclose(*seeing, atol=1e-3)
    assert not torch.allclose(told, model(data.pictures, data.responses), atol=1e-3)


def test_a_trace_after_a_blanked_picture_reads_the_facts_alone() -> None:
    torch.manual_seed(0)
    model, data = TinyVLM(layers=1), dataset(4, 1, HARD, 2)  # in one layer facts carry nothing of the picture on
    facts, other = data.responses[:, :PERCEPTION], data.pictures.flip(0)
    hidden = [model.generate(shown, facts, blank_after=True, length=60) for shown in (data.pictures, other)]
    assert torch.equal(*hidden)
    shown = [model.generate(shown, facts, length=60) for shown in (data.pictures, other)]
    assert not torch.equal(*shown)


def test_outcomes_tell_a_wrong_look_from_a_wrong_thought() -> None:
    data = dataset(3, 1, HARD, 2)
    written = data.responses.clone()
    cell = data.given[1].index(next(digit for digit in data.given[1] if digit))
    written[1, cell] = 0  # did not see one clue, solved it all the same
    written[2, -1] = 1 + written[2, -1] % 4  # saw all, and answered wrongly
    found = Outcomes.of(written, data.given)
    assert found.right.tolist() == [1, 1, 0]
    assert found.seen.tolist() == [1, 0, 1]
    assert found.reasoned.tolist() == [1, 1, 0]
    said = coupling(found, 3)
    assert said["r_a_p"] == -0.5
    assert said["r_a_r"] == 1.0
    assert said["mixed"] == 1.0


def test_correlation_of_what_never_varies_is_not_a_number() -> None:
    import numpy as np

    ones = np.ones(4, np.float32)
    assert correlation(ones, np.arange(4)) is None
    assert correlation(np.arange(4), np.arange(4)) == 1.0
    assert within(np.array([1, 3, 5, 9]), 2).tolist() == [-1, 1, -2, 2]
