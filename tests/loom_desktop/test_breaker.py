from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from loom_desktop.breaker import MOST_FAILURES, OPEN_S, WITHIN_S, Attempt, Breaker
from loom_desktop.errors import NotFound, Unavailable
from loom_desktop.tasks import Tasks


class Hands:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def begun(breaker: Breaker) -> Attempt:
    attempt = breaker.begin()
    assert attempt is not None
    return attempt


def broken(**more: Any) -> tuple[Breaker, Hands]:
    clock = Hands()
    breaker = Breaker(clock, **more)
    for _ in range(MOST_FAILURES):
        begun(breaker).failed()
    return breaker, clock


def test_it_opens_after_the_last_failure_that_is_allowed_and_not_before() -> None:
    breaker = Breaker(Hands())
    for _ in range(MOST_FAILURES - 1):
        begun(breaker).failed()
    begun(breaker).failed()
    assert breaker.begin() is None
    assert breaker.state == "open"


def test_failures_that_are_far_apart_do_not_open_it() -> None:
    clock = Hands()
    breaker = Breaker(clock)
    for _ in range(20):
        begun(breaker).failed()
        clock.now += WITHIN_S / (MOST_FAILURES - 1) + 0.1
    assert breaker.state == "closed"


def test_after_a_while_one_call_passes_and_only_one() -> None:
    breaker, clock = broken()
    clock.now += OPEN_S - 0.5
    assert breaker.begin() is None
    assert breaker.wait_s == 0.5
    clock.now += 0.5
    assert (breaker.state, breaker.open) == ("half-open", False)
    begun(breaker)
    assert (breaker.state, breaker.open) == ("half-open", True)
    assert breaker.begin() is None


def test_when_that_one_works_it_is_closed() -> None:
    breaker, clock = broken()
    clock.now += OPEN_S
    begun(breaker).worked()
    begun(breaker).failed()
    assert breaker.state == "closed"


def test_when_that_one_fails_it_is_open_for_as_long_again() -> None:
    breaker, clock = broken()
    clock.now += OPEN_S
    begun(breaker).failed()
    assert breaker.begin() is None
    clock.now += OPEN_S
    begun(breaker)
    assert breaker.counters.opened == 2


def test_when_that_one_is_cancelled_another_may_try() -> None:
    breaker, clock = broken()
    clock.now += OPEN_S
    begun(breaker).given_up()
    begun(breaker)


def test_a_call_that_began_before_says_nothing_about_now() -> None:
    clock = Hands()
    breaker = Breaker(clock)
    slow = [begun(breaker) for _ in range(3)]
    for _ in range(MOST_FAILURES):
        begun(breaker).failed()
    slow[0].worked()
    assert breaker.open, "an answer to what was asked long ago closes nothing"
    clock.now += OPEN_S
    trying = begun(breaker)
    slow[1].given_up()
    assert breaker.begin() is None, "the one that tries is still the only one"
    slow[2].failed()
    trying.worked()
    assert breaker.state == "closed"


def test_the_first_word_on_how_it_ended_counts() -> None:
    breaker = Breaker(Hands())
    attempt = begun(breaker)
    attempt.worked()
    for _ in range(MOST_FAILURES):
        attempt.failed()
    attempt.given_up()
    assert breaker.state == "closed"
    assert (breaker.counters.worked, breaker.counters.failed, breaker.counters.given_up) == (
        (1, 0, 0)
    )


def test_each_new_state_is_told_and_who_listens_decides_nothing() -> None:
    told: list[str] = []

    def listen(state: str) -> None:
        told.append(state)
        raise ValueError("not mine")

    breaker, clock = broken(changed=listen)
    clock.now += OPEN_S
    begun(breaker).failed()
    clock.now += OPEN_S
    begun(breaker).worked()
    assert told == ["open", "half-open", "open", "half-open", "closed"]


# -------------------------------------------------------------------- as a block
async def test_a_block_says_by_itself_how_it_ended() -> None:
    clock = Hands()
    breaker = Breaker(clock, name="The mail server", counts=lambda one: isinstance(one, OSError))
    async with breaker:
        pass
    for error in (NotFound("no such folder"), OSError(), asyncio.CancelledError()):
        with pytest.raises(type(error)):
            async with breaker:
                raise error
    counters = breaker.counters
    assert (counters.begun, counters.worked, counters.failed, counters.given_up) == (4, 1, 1, 2)
    for _ in range(MOST_FAILURES):
        with pytest.raises(OSError, match="down"):
            async with breaker:
                raise OSError("down")
        if breaker.open:
            break
    with pytest.raises(Unavailable, match="The mail server failed again and again") as refused:
        async with breaker:
            raise AssertionError("nobody is called")
    assert refused.value.hint == "It is tried again in 30 s."


async def test_blocks_of_several_tasks_and_inside_each_other_are_kept_apart() -> None:
    breaker = Breaker(Hands())
    inside, go = asyncio.Semaphore(0), asyncio.Event()

    async def one(fails: bool) -> None:
        async with breaker:
            inside.release()
            await go.wait()
            if fails:
                raise OSError
            async with breaker:
                pass

    async with Tasks() as tasks:
        running = [tasks.run(f"{number}", one(number % 2 == 0)) for number in range(4)]
        for _ in running:
            await inside.acquire()
        go.set()
        await asyncio.gather(*running, return_exceptions=True)
    assert (breaker.counters.begun, breaker.counters.worked, breaker.counters.failed) == (6, 4, 2)
    assert not breaker._inside, "nothing is left of them"


async def test_a_cancelled_task_gives_its_try_back() -> None:
    breaker, clock = broken()
    clock.now += OPEN_S
    inside = asyncio.Event()

    async def hang() -> None:
        async with breaker:
            inside.set()
            await asyncio.Event().wait()

    async with Tasks() as tasks:
        tasks.run("hang", hang())
        await inside.wait()
        assert breaker.open
    async with breaker:
        pass
    assert breaker.state == "closed"


async def test_what_is_dead_costs_at_most_a_call_in_thirty_seconds() -> None:
    """A day of somebody who asks each second."""
    clock, calls = Hands(), list[float]()
    breaker = Breaker(clock)
    for _ in range(86_400):
        if attempt := breaker.begin():
            calls.append(clock.now)
            attempt.failed()
        clock.now += 1
    later = calls[MOST_FAILURES:]
    assert all(b - a >= OPEN_S for a, b in itertools.pairwise(later))
    assert len(calls) <= MOST_FAILURES + 86_400 / OPEN_S
    assert breaker.counters.refused == 86_400 - len(calls)


# -------------------------------------------------------------------- against a naive model
class Compared(RuleBasedStateMachine):
    """The breaker and a model that keeps the whole history and works everything out of it."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Hands()
        self.told: list[str] = []
        self.breaker = Breaker(self.clock, changed=self.told.append)
        self.running: list[tuple[Attempt, int]] = []
        self.failures: list[float] = []
        self.openings: list[float] = []
        self.closed, self.turns, self.probe = True, 0, False

    def may(self) -> bool:
        return self.closed or (not self.probe and self.clock.now - self.openings[-1] >= OPEN_S)

    @rule(seconds=st.sampled_from([0.25, 1.0, 7.0, 7.5, 29.75, 30.0, 31.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def begin(self) -> None:
        allowed = self.may()
        attempt = self.breaker.begin()
        assert (attempt is not None) == allowed
        if attempt is not None:
            self.running.append((attempt, self.turns))
            self.probe = not self.closed

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 30), how=st.sampled_from(["worked", "failed", "failed", "given_up"]))
    def end(self, which: int, how: str) -> None:
        attempt, turn = self.running.pop(which % len(self.running))
        say: Callable[[], None] = getattr(attempt, how)
        say()
        say()
        if turn != self.turns:
            return
        if not self.closed:
            self.probe = False
            if how == "worked":
                self.closed, self.failures = True, []
                self.turns += 1
            elif how == "failed":
                self.failures.append(self.clock.now)
                self.openings.append(self.clock.now)
                self.turns += 1
        elif how == "worked":
            self.failures = []
        elif how == "failed":
            self.failures.append(self.clock.now)
            last = self.failures[-MOST_FAILURES:]
            if len(last) == MOST_FAILURES and last[-1] - last[0] <= WITHIN_S:
                self.closed = False
                self.openings.append(self.clock.now)
                self.turns += 1

    @invariant()
    def they_agree(self) -> None:
        breaker, counters = self.breaker, self.breaker.counters
        assert breaker.open != self.may()
        assert (breaker.state == "closed") == self.closed
        assert counters.opened == len(self.openings) == self.told.count("open")
        ended = counters.worked + counters.failed + counters.given_up
        assert counters.begun == ended + len(self.running)
        assert breaker.wait_s <= OPEN_S


TestCompared = Compared.TestCase
