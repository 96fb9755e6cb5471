"""What an event leaves behind, in bytes; and that a leak of sixteen, or thirty-two, is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import leaks

EVENTS = {
    "bus": 300_000,
    "mailbox": 300_000,
    "inline": 300_000,
    "journal": 100_000,
    "durable": 100_000,
}


@pytest.mark.parametrize(("what", "events"), EVENTS.items())
def test_an_event_leaves_nothing_behind(tmp_path: Path, what: str, events: int) -> None:
    report = leaks.run(tmp_path, what, events)
    assert report.wrong == []
    assert report.figures["last/first"] < 1.1


@pytest.mark.parametrize(("what", "leak_bytes"), [("bus", 16), ("mailbox", 16), ("durable", 32)])
def test_a_leak_is_seen(tmp_path: Path, what: str, leak_bytes: int) -> None:
    report = leaks.run(tmp_path, what, EVENTS[what], leak_bytes=leak_bytes)
    assert len(report.wrong) == 1
    assert report.figures["bytes per event"] == pytest.approx(leak_bytes, rel=0.25)


def test_every_case_is_tried() -> None:
    assert {*EVENTS} == {*leaks.MOST_BYTES}


def test_the_slope_is_the_median_of_all_pairs() -> None:
    steady = [(number, 1_000 + 3 * number) for number in range(20)]
    steady[7] = (7, 90_000)
    assert leaks.slope(steady) == 3
