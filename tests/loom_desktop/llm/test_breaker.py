from __future__ import annotations

from loom_desktop.llm.breaker import MOST_FAILURES, OPEN_S, WITHIN_S, Breaker


class Hands:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def broken() -> tuple[Breaker, Hands]:
    clock = Hands()
    breaker = Breaker(clock)
    for _ in range(MOST_FAILURES):
        assert breaker.begin()
        breaker.failed()
    return breaker, clock


def test_it_opens_after_the_last_failure_that_is_allowed_and_not_before() -> None:
    breaker = Breaker(Hands())
    for _ in range(MOST_FAILURES - 1):
        breaker.failed()
    assert breaker.begin()
    breaker.failed()
    assert not breaker.begin()


def test_failures_that_are_far_apart_do_not_open_it() -> None:
    clock = Hands()
    breaker = Breaker(clock)
    for _ in range(20):
        breaker.failed()
        clock.now += WITHIN_S / (MOST_FAILURES - 1) + 0.1
    assert breaker.begin()


def test_after_a_while_one_question_passes_and_only_one() -> None:
    breaker, clock = broken()
    clock.now += OPEN_S - 0.1
    assert not breaker.begin()
    clock.now += 0.1
    assert breaker.begin()
    assert not breaker.begin()


def test_when_that_one_works_it_is_closed() -> None:
    breaker, clock = broken()
    clock.now += OPEN_S
    assert breaker.begin()
    breaker.worked()
    assert breaker.begin()
    breaker.failed()
    assert breaker.begin()


def test_when_that_one_fails_it_is_open_for_as_long_again() -> None:
    breaker, clock = broken()
    clock.now += OPEN_S
    assert breaker.begin()
    breaker.failed()
    assert not breaker.begin()
    clock.now += OPEN_S
    assert breaker.begin()


def test_when_that_one_is_cancelled_another_may_try() -> None:
    breaker, clock = broken()
    clock.now += OPEN_S
    assert breaker.begin()
    breaker.given_up()
    assert breaker.begin()
