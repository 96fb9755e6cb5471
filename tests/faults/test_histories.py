"""No history of sleep, restarts and clocks makes a schedule miss, double or be late."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.faults import calendar, histories

HISTORIES = 6_000
"""Of the 10,000 that `make faults` tries."""


@pytest.mark.timeout(150)
def test_no_history_misses_doubles_or_delays_an_occurrence() -> None:
    report = histories.run(HISTORIES)
    assert report.wrong == []
    assert report.figures["occurrences"] > 10 * HISTORIES
    assert report.figures["latest s"] <= 60


@pytest.mark.parametrize("guard", [{"tick_s": 1e9}, {"forgetful": True}], ids=["tick", "memory"])
def test_the_histories_find_a_missing_guard(guard: dict[str, Any]) -> None:
    assert histories.run(120, **guard).wrong


@pytest.mark.parametrize(
    ("at", "kind", "rule", "zone", "expected"),
    [
        ("2026-10-25T02:30", "at", "", "Europe/Madrid", ["2026-10-25T00:30Z"]),  # of two, the first
        ("2026-10-24T09:00", "rrule", "FREQ=DAILY;COUNT=3", "Europe/Madrid", [
            *("2026-10-24T07:00Z", "2026-10-25T08:00Z", "2026-10-26T08:00Z"),
        ]),
        ("2026-10-04T02:10", "at", "", "Australia/Lord_Howe", ["2026-10-03T15:30Z"]),  # skipped
    ],
)  # fmt: skip
def test_the_oracle_knows_what_clocks_do(
    at: str, kind: str, rule: str, zone: str, expected: list[str]
) -> None:
    wall = datetime.fromisoformat(at)
    begin = int(datetime.fromisoformat(f"{at[:10]}T00:00Z").timestamp()) // 60
    found = calendar.comes(wall, kind, rule, zone, begin)
    assert [60.0 * one for one in found] == [
        datetime.fromisoformat(one).timestamp() for one in expected
    ]
