"""Balance, back-off and rest, with a clock that the tests move."""

import asyncio
from collections.abc import Iterator

import pytest

from perceptdata.errors import PerceptDataError
from perceptdata.llm import hosts
from perceptdata.llm.hosts import Host, Hosts


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(hosts, "time", clock)
    return clock


def test_halved_once_for_calls_sent_together_then_one_more_a_round(clock: Clock) -> None:
    host = Host("u", 64)
    host.in_flight = 64
    for sent in (90.0, 91.0, 92.0):  # all of them before anybody knew
        host.press_less(sent)
        clock.now += 1
    assert host.limit == 32
    host.in_flight = 10  # the limit is not what holds us back: half of what was too much
    host.press_less(clock.now)
    assert host.limit == 5
    for _ in range(5):
        host.answer()
    assert host.limit == pytest.approx(5.93, abs=0.01)  # + 1/5, 1/5.2, 1/5.39, 1/5.58, 1/5.76: one a round
    for _ in range(5000):
        host.answer()
    assert host.limit == 64
    host.in_flight = 1
    for _ in range(3):
        host.press_less(clock.now)
        clock.now += 1
    assert host.limit == 1


def test_rests_are_longer_each_time_and_an_answer_forgives(clock: Clock) -> None:
    host = Host("u", 4)
    host.answer()

    def fail_thrice() -> None:
        for _ in range(3):
            host.fail(clock.now, object(), "fails")

    for rest in (5, 15, 45):
        fail_thrice()
        assert (host.free_at, host.given_up) == (clock.now + rest, "")
        host.fail(clock.now, object(), "was under way then")  # says nothing new
        assert not host.is_open(clock.now + rest - 1)
        clock.now += rest
        assert host.is_open(clock.now)
    host.answer()
    fail_thrice()
    assert host.free_at == clock.now + 5
    for _ in range(3):
        clock.now += 60
        fail_thrice()
    assert host.given_up == "fails"
    assert not host.is_open(clock.now + 1000)


def test_one_poisonous_request_does_not_bring_a_url_down() -> None:
    host = Host("u", 4)
    for _ in range(20):
        host.fail(0.0, "the same request", "fails")
    assert not host.given_up
    host.fail(0.0, "another", "fails")
    host.fail(0.0, "a third", "fails")
    assert host.given_up == "fails"


def test_what_never_answered_is_given_up_unless_it_asks_for_time(clock: Clock) -> None:
    patient = Host("u", 4)
    for _ in range(3):
        patient.fail(clock.now, object(), "busy", patient=True)
    assert (patient.given_up, patient.free_at) == ("", clock.now + 5)


def test_a_pause_is_kept_and_one_too_long_is_not_waited_for(clock: Clock) -> None:
    host = Host("u", 4)
    host.pause(30, "status 429")
    host.pause(10, "status 429")
    assert host.free_at == clock.now + 30
    host.pause(3600, "status 429")
    assert host.given_up == "asks to wait 3,600 s (status 429)"


def test_the_least_busy_url_is_taken_and_waiters_get_free_places() -> None:
    async def go() -> None:
        both = Hosts(["a", "b"], 2)
        first, second = both.all
        async with both.slot() as one, both.slot() as two, both.slot() as three, both.slot():
            assert {one.url, two.url} == {"a", "b"}
            assert three.in_flight == 2
            taken: list[str] = []

            async def wait(avoid: Host | None = None) -> None:
                async with both.slot(avoid) as host:
                    taken.append(host.url)

            waiting = [asyncio.create_task(wait()) for _ in range(3)]
            await asyncio.sleep(0.01)
            assert taken == []
        await asyncio.gather(*waiting)
        assert len(taken) == 3
        assert first.in_flight == second.in_flight == 0
        async with both.slot(avoid=first) as host, both.slot(avoid=first):  # though the first is free
            assert host is second
            third, fourth = (asyncio.create_task(wait(avoid)) for avoid in (first, None))
            await asyncio.sleep(0.01)
            assert (third.done(), fourth.done()) == (False, True)  # and nobody waits behind one who is particular
        await third
        assert taken[-1] == "b"
        second.give_up("dead")
        async with both.slot(avoid=second) as host:
            assert host is first

    asyncio.run(go())


def test_a_rest_ends_for_those_who_wait() -> None:
    async def go() -> None:
        one = Hosts(["a"], 1)
        one.all[0].pause(0.05, "status 429")
        began = asyncio.get_running_loop().time()
        async with one.slot():
            assert asyncio.get_running_loop().time() - began >= 0.045

    asyncio.run(go())


def test_a_rest_that_begins_while_others_wait_ends_for_them_too() -> None:
    async def go() -> None:
        one, taken = Hosts(["a"], 1), []

        async def wait() -> None:
            async with one.slot():
                taken.append(1)

        async with one.slot() as host:
            waiting = [asyncio.create_task(wait()) for _ in range(3)]
            await asyncio.sleep(0.01)
            host.pause(0.05, "status 429")
        await asyncio.wait_for(asyncio.gather(*waiting), 2)  # nobody calls any more: only the clock can wake them
        assert taken == [1, 1, 1]

    asyncio.run(go())


def test_when_none_is_left_whoever_waits_is_told() -> None:
    async def wait(urls: Hosts) -> None:
        async with urls.slot():
            pass

    async def go() -> None:
        urls = Hosts(["a", "b"], 1)
        async with urls.slot(), urls.slot():
            waiting = [asyncio.create_task(wait(urls)) for _ in range(3)]
            await asyncio.sleep(0)
            for host in urls.all:
                host.give_up("is dead")
        said = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(error) for error in said] == [PerceptDataError] * 3
        assert str(said[0]).startswith("a is dead; b is dead. What was answered is saved")

    asyncio.run(go())


def test_stopping_spares_what_was_begun() -> None:
    async def go() -> None:
        urls = Hosts(["a"], 1)
        urls.stop(PerceptDataError("enough"))
        async with urls.slot(finishing=True):
            pass
        with pytest.raises(PerceptDataError, match="enough"):
            async with urls.slot():
                pass

    asyncio.run(go())
