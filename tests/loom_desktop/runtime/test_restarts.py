from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.runtime.restarts import FIRST_WAIT_S, MOST, WITHIN_S, Restarts


def test_three_restarts_each_after_a_longer_wait_and_the_next_death_is_the_last() -> None:
    restarts = Restarts()
    longest = [restarts.died(now, lambda low, high: high) for now in (0.0, 5.0, 20.0, 59.9)]
    assert longest == [FIRST_WAIT_S, 2 * FIRST_WAIT_S, 4 * FIRST_WAIT_S, None]
    assert restarts.recent(59.9) == MOST + 1


@pytest.mark.parametrize(("last", "goes_on"), [(59.99, False), (60.0, True), (1e6, True)])
def test_what_is_a_minute_ago_does_not_count(last: float, goes_on: bool) -> None:
    restarts = Restarts()
    for now in (0.0, 30.0, 40.0):
        assert restarts.died(now) is not None
    assert (restarts.died(last) is not None) is goes_on


@given(st.lists(st.floats(0.0, 200.0), max_size=30))
def test_never_more_than_three_restarts_in_any_minute(gaps: list[float]) -> None:
    restarts, now, went_on = Restarts(), 0.0, list[float]()
    for gap in gaps:
        now += gap
        wait_s = restarts.died(now)
        if wait_s is None:
            restarts.clear()
            went_on.clear()
            continue
        alive = sum(now - one < WITHIN_S for one in went_on)
        assert alive < MOST
        assert FIRST_WAIT_S * 2**alive / 2 <= wait_s <= FIRST_WAIT_S * 2**alive
        went_on.append(now)


def test_who_was_started_anew_has_not_died() -> None:
    restarts = Restarts()
    for now in range(MOST + 1):
        restarts.died(float(now))
    restarts.clear()
    assert restarts.recent(4.0) == 0
    assert restarts.died(4.0) is not None


def test_those_who_died_together_do_not_come_back_together() -> None:
    assert len({Restarts().died(0.0) for _ in range(20)}) > 10
