"""The past of a model: what counts, what does not, and when nothing is known."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from loom_desktop.llm.history import MOST_ROWS, History, Record
from loom_desktop.store import Routed


def row(name: str = "one", **more: Any) -> Routed:
    told = {"time": 1.0, "decision": 1, "model": "m", "outcome": "worked", "first_s": 0.5}
    return Routed(name=name, **{**told, **more})


def test_of_a_model_that_was_never_asked_nothing_is_known() -> None:
    found = History().record("one", "m")
    assert found == Record(name="one", model="m")
    assert (found.confidence, found.first_s, found.completion) == (None, None, None)


def test_what_came_is_counted_kept_and_what_was_broken_off_is_not() -> None:
    kept: list[Routed] = []
    history = History([row(decision=0, first_s=9.0, cost=0.5, completion=10)], kept.append)
    outcomes = ("worked", "worked", "failed", "cancelled")
    for number, outcome in enumerate(outcomes, 1):
        history.note(row(decision=number, outcome=outcome, seconds=2.0, completion=40, cost=-1.0))
    found = history.record("one", "m")
    assert (found.asked, found.worked) == (4, 3)
    assert (found.first_s, found.seconds, found.completion) == (0.5, 2.0, 30)
    assert found.cost == 0.5, "an unknown cost is in no sum"
    assert [one.decision for one in kept] == [1, 2, 3, 4]
    assert [one.name for one in history.records()] == ["one"]


def test_two_times_are_no_time() -> None:
    assert History([row(), row()]).record("one", "m").first_s is None
    assert History([row(), row(), row()]).record("one", "m").first_s == 0.5


def test_only_the_latest_count_and_no_model_has_no_past() -> None:
    history = History(row(outcome="failed") for _ in range(50))
    for _ in range(MOST_ROWS):
        history.note(row())
    history.note(row("offline"))
    assert history.record("one", "m").asked == history.record("one", "m").worked == MOST_ROWS
    assert [one.name for one in history.records()] == ["one"]


@pytest.mark.parametrize(
    ("thumbs", "failures", "confidence"),
    [((0,), 0, None), ((1,), 0, 2 / 3), ((-1,), 0, 1 / 3), ((1, 1, -1), 0, 3 / 5),
     ((1,), 1, 1 / 3), ((0, 0, 0), 3, None)],
)  # fmt: skip
def test_it_is_sure_only_of_what_the_person_said(
    thumbs: tuple[int, ...], failures: int, confidence: float | None
) -> None:
    history = History([row(thumb=one) for one in thumbs])
    for _ in range(failures):
        history.note(row(outcome="failed"))
    found = history.record("one", "m").confidence
    assert found == (None if confidence is None else pytest.approx(confidence))


def test_a_thumb_counts_at_once_and_can_be_taken_back() -> None:
    history = History([row(decision=1), row(decision=2)])
    second = row(decision=2)
    history.rated(replace(second, id=9, thumb=1))
    assert history.record("one", "m").up == 1
    history.rated(replace(second, id=9, thumb=-1))
    assert (history.record("one", "m").up, history.record("one", "m").down) == (0, 1)
    history.rated(row("nobody", thumb=1))
    assert [one.name for one in history.records()] == ["one"]
