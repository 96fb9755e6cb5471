"""What an event leaves behind, in bytes; and that a leak of sixteen is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import leaks


@pytest.mark.parametrize(("what", "events"), [("bus", 300_000), ("journal", 100_000)])
def test_an_event_leaves_nothing_behind(tmp_path: Path, what: str, events: int) -> None:
    report = leaks.run(tmp_path, what, events)
    assert report.wrong == []
    assert report.figures["last/first"] < 1.1


def test_a_leak_of_sixteen_bytes_is_seen(tmp_path: Path) -> None:
    report = leaks.run(tmp_path, "bus", 300_000, leak_bytes=16)
    assert len(report.wrong) == 1
    assert report.figures["bytes per event"] == pytest.approx(16, abs=4)


def test_the_slope_is_the_median_of_all_pairs() -> None:
    steady = [(number, 1_000 + 3 * number) for number in range(20)]
    steady[7] = (7, 90_000)
    assert leaks.slope(steady) == 3
