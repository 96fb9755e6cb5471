import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.bus.deadlines import TICK_S, Deadline, Deadlines


class Timer:
    def __init__(self, when: float, call: Callable[[], None]) -> None:
        self.when, self.call, self.cancelled = when, call, False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """Its time passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.timers: list[Timer] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, call: Callable[[], None]) -> Timer:
        self.timers.append(Timer(when, call))
        return self.timers[-1]

    @property
    def pending(self) -> list[Timer]:
        return [one for one in self.timers if not one.cancelled]

    def forward(self, seconds: float) -> None:
        end = self.now + seconds
        while due := [one for one in self.pending if one.when <= end]:
            first = min(due, key=lambda one: one.when)
            self.now = max(self.now, first.when)
            first.cancelled = True
            first.call()
        self.now = end


@pytest.fixture
def loop() -> Loop:
    return Loop()


def deadlines_of(loop: Any) -> Deadlines:
    return Deadlines(loop)


def armed(deadlines: Deadlines) -> int:
    return sum(map(len, deadlines._ticks.values()))


def test_it_comes_never_early_and_at_most_a_tick_late(loop: Loop) -> None:
    deadlines, came = deadlines_of(loop), list[float]()

    def over(seconds: float) -> None:
        came.append(loop.now - 1000 - seconds)

    for seconds in (0.0, 0.01, 0.05, 0.99, 7.3):
        deadlines.arm(seconds, partial(over, seconds))
    loop.forward(10)
    assert len(came) == 5
    assert all(0 <= late <= TICK_S + 1e-9 for late in came), came
    assert armed(deadlines) == 0
    assert loop.pending == []


def test_what_ended_in_time_is_not_told_and_one_timer_at_most_is_left(loop: Loop) -> None:
    deadlines, came = deadlines_of(loop), list[str]()
    for _ in range(1000):
        deadlines.disarm(deadlines.arm(5.0, lambda: came.append("over")))
    assert armed(deadlines) == 0
    assert len(loop.pending) == 1
    loop.forward(10)
    assert (came, loop.pending) == ([], [])


def test_a_nearer_one_moves_the_timer_and_disarming_twice_is_nothing(loop: Loop) -> None:
    deadlines, came = deadlines_of(loop), list[str]()
    far = deadlines.arm(9.0, lambda: came.append("far"))
    deadlines.arm(1.0, lambda: came.append("near"))
    assert [round(one.when - loop.now) for one in loop.pending] == [1]
    loop.forward(2)
    assert came == ["near"]
    deadlines.disarm(far)
    deadlines.disarm(far)
    loop.forward(9)
    assert came == ["near"]


def test_one_that_fails_costs_no_other(loop: Loop, caplog: pytest.LogCaptureFixture) -> None:
    deadlines, came = deadlines_of(loop), list[int]()

    def fail() -> None:
        raise ValueError("no")

    for n in range(5):
        deadlines.arm(1.0, fail)
        deadlines.arm(1.0, partial(came.append, n))
    deadlines.arm(2.0, lambda: came.append(9))
    with caplog.at_level(logging.CRITICAL):
        loop.forward(3)
    assert sorted(came) == [0, 1, 2, 3, 4, 9]


def test_one_that_is_over_may_disarm_its_neighbour_and_arm_another(loop: Loop) -> None:
    deadlines, came = deadlines_of(loop), list[str]()
    both: list[Deadline] = []

    def over() -> None:
        came.append("over")
        for one in both:
            deadlines.disarm(one)
        deadlines.arm(1.0, lambda: came.append("next"))

    both += [deadlines.arm(1.0, over), deadlines.arm(1.0, over)]
    loop.forward(5)
    assert came == ["over", "next"]
    assert armed(deadlines) == 0


def test_closed_nothing_is_due(loop: Loop) -> None:
    deadlines = deadlines_of(loop)
    deadlines.arm(1.0, lambda: pytest.fail("it was closed"))
    deadlines.close()
    loop.forward(5)
    assert (armed(deadlines), loop.pending) == (0, [])


@given(
    st.lists(st.tuples(st.floats(0, 3), st.booleans(), st.floats(0, 1)), min_size=1, max_size=20)
)
def test_all_that_are_not_disarmed_come_in_their_time(
    steps: list[tuple[float, bool, float]],
) -> None:
    loop = Loop()
    deadlines, came, wanted = deadlines_of(loop), dict[int, float](), dict[int, float]()

    def over(n: int) -> None:
        came[n] = loop.now

    for n, (seconds, disarmed, pause) in enumerate(steps):
        wanted[n] = loop.now + seconds
        one = deadlines.arm(seconds, partial(over, n))
        if disarmed:
            deadlines.disarm(one)
            del wanted[n]
        loop.forward(pause)
    loop.forward(10)
    assert came.keys() == wanted.keys()
    assert all(-1e-6 <= came[n] - wanted[n] <= TICK_S + 1e-6 for n in came)
