import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.bus import until
from loom_desktop.bus.until import Reason, Tally, Until
from loom_desktop.errors import UsageError
from loom_desktop.event import Event


def reply(value: Any) -> Event:
    return Event(topic="a", payload={"value": value})


def ended(how: Until, values: list[Any], expected: int | None = None) -> tuple[Reason | None, int]:
    """Why it is over, and after how many answers."""
    names = None if expected is None else [str(n) for n in range(expected)]
    tally = Tally(how, names)
    verdict = tally.begin()
    for value in values:
        if verdict is not None:
            break
        verdict = tally.add(reply(value))
    return verdict, len(tally.replies)


@pytest.mark.parametrize(
    ("how", "values", "expected", "wanted"),
    [
        (until.any_(), [1, 2], None, ("enough", 1)),
        (until.any_(), [], None, (None, 0)),
        (until.any_(), [], 0, ("exhausted", 0)),
        (until.first_k(2), [1, 2, 3], None, ("enough", 2)),
        (until.first_k(3), [1, 2], None, (None, 2)),
        (until.first_k(3), [1, 2], 2, ("exhausted", 2)),
        (until.everyone(), [1, 2, 3], 3, ("enough", 3)),
        (until.everyone(), [1, 2], 3, (None, 2)),
        (until.everyone(2), [1, 2, 3], None, ("enough", 2)),
        (until.everyone(), [], 0, ("enough", 0)),
        (until.majority(3), [1, 1, 2], None, ("enough", 2)),
        (until.majority(3), [1, 2, 2], None, ("enough", 3)),
        (until.majority(3), [1, 2, 3], None, ("split", 3)),
        (until.majority(4), [1, 1, 2, 2], None, ("split", 4)),
        (until.majority(4), [1, 2, 3], None, ("split", 3)),
        (until.majority(), [1, 2, 1, 1], 5, ("enough", 4)),
        (until.majority(5), [1, 1], 2, ("split", 1)),
        (until.majority(), [], 0, ("exhausted", 0)),
        (until.majority(1), [7], None, ("enough", 1)),
        (until.for_seconds(1), [1, 2, 3], None, (None, 3)),
        (until.for_seconds(1), [1, 2, 3], 3, ("enough", 3)),
        (until.for_seconds(1), [], 0, ("exhausted", 0)),
    ],
)
def test_when_it_is_enough(
    how: Until, values: list[Any], expected: int | None, wanted: tuple[Reason | None, int]
) -> None:
    assert ended(how, values, expected) == wanted


@given(st.integers(1, 7), st.lists(st.integers(0, 2), max_size=7))
def test_a_majority_is_told_as_soon_as_it_is_sure_and_never_wrongly(
    voters: int, votes: list[int]
) -> None:
    votes = votes[:voters]
    verdict, count = ended(until.majority(voters), votes)

    def most(some: list[int]) -> int:
        return max(map(some.count, some), default=0)

    def sure(some: list[int]) -> Reason | None:
        if most(some) * 2 > voters:
            return "enough"
        return "split" if some and (most(some) + voters - len(some)) * 2 <= voters else None

    assert verdict == sure(votes[:count])
    assert all(sure(votes[:n]) is None for n in range(count))


def test_the_majority_is_known_by_its_answers() -> None:
    tally = Tally(until.majority(3, same=lambda one: one.payload["value"] % 10))
    for value in (1, 2):
        assert tally.add(reply(value)) is None
    assert tally.add(reply(11)) == "enough"
    assert [one.payload["value"] for one in tally.agreed] == [1, 11]


def test_the_order_of_the_keys_is_no_other_opinion() -> None:
    tally = Tally(until.majority(2))
    assert tally.add(Event(topic="a", payload={"x": 1, "y": 2})) is None
    assert tally.add(Event(topic="a", payload={"y": 2, "x": 1})) == "enough"


@pytest.mark.parametrize("payload", [{}, {"value": {"not": "hashable"}}])
def test_a_malformed_answer_agrees_with_nobody_and_costs_nothing(
    payload: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    tally = Tally(until.majority(4, same=lambda one: one.payload["value"]))
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert tally.add(Event(topic="a", payload=payload, sender="x")) is None
    assert "agrees with nobody" in caplog.text
    assert not tally.agreed
    assert tally.add(reply(1)) == "split"


def test_what_cannot_be_compared_agrees_with_nobody() -> None:
    tally = Tally(until.majority(3))
    assert tally.add(reply(object())) is None
    assert tally.add(reply(5)) is None
    assert tally.add(reply(5)) == "enough"


@pytest.mark.parametrize("make", [until.majority, until.everyone])
def test_somebody_has_to_say_how_many_there_are(make: Any) -> None:
    with pytest.raises(UsageError, match="how many"):
        Tally(make())


@pytest.mark.parametrize(
    "make",
    [
        lambda: until.first_k(0),
        lambda: until.majority(-1),
        lambda: until.everyone(-1),
        lambda: until.for_seconds(-1),
        lambda: until.for_seconds(float("nan")),
        lambda: until.for_seconds(float("inf")),
    ],
)
def test_a_number_that_is_none_is_refused(make: Any) -> None:
    with pytest.raises(UsageError):
        make()
