"""Wall time to instant across clock changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.errors import UsageError
from loom_desktop.text.when.zones import instant, moment, twice


@pytest.mark.parametrize(
    ("wall", "zone", "fold", "at"),
    [
        ("2027-03-28 01:59", "Europe/Madrid", 0, "2027-03-28T01:59:00+01:00"),
        ("2027-03-28 02:00", "Europe/Madrid", 0, "2027-03-28T03:00:00+02:00"),
        ("2027-03-28 02:59", "Europe/Madrid", 0, "2027-03-28T03:00:00+02:00"),
        ("2027-03-28 02:59", "Europe/Madrid", 1, "2027-03-28T03:00:00+02:00"),
        ("2027-03-28 03:00", "Europe/Madrid", 0, "2027-03-28T03:00:00+02:00"),
        ("2026-10-25 02:30", "Europe/Madrid", 0, "2026-10-25T02:30:00+02:00"),
        ("2026-10-25 02:30", "Europe/Madrid", 1, "2026-10-25T02:30:00+01:00"),
        ("2026-10-04 02:15", "Australia/Lord_Howe", 0, "2026-10-04T02:30:00+11:00"),
        ("2011-12-30 12:00", "Pacific/Apia", 0, "2011-12-31T00:00:00+14:00"),
    ],
)
def test_gaps_and_overlaps(wall: str, zone: str, fold: int, at: str) -> None:
    assert instant(datetime.fromisoformat(wall), ZoneInfo(zone), fold).isoformat() == at


def test_which_times_come_twice() -> None:
    madrid = ZoneInfo("Europe/Madrid")
    assert twice(datetime(2026, 10, 25, 2, 30), madrid)
    assert not twice(datetime(2026, 10, 25, 3, 30), madrid)
    assert not twice(datetime(2027, 3, 28, 2, 30), madrid)


@given(
    minutes=st.integers(0, 20 * 366 * 1440),
    zone=st.sampled_from(["Europe/Madrid", "America/New_York", "Australia/Lord_Howe"]),
)
def test_later_on_the_wall_is_never_earlier(minutes: int, zone: str) -> None:
    wall = datetime(2020, 1, 1) + timedelta(minutes=minutes)
    first = instant(wall, ZoneInfo(zone))
    second = instant(wall + timedelta(minutes=1), ZoneInfo(zone))
    assert first.astimezone(UTC) <= second.astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "at"),
    [
        ("", "1970-01-01T01:00:00+01:00"),
        ("2026-11-20T09:00", "2026-11-20T09:00:00+01:00"),
        ("2026-11-20T09:00+01:00", "2026-11-20T09:00:00+01:00"),
        ("2026-11-20T09:00Z", "2026-11-20T09:00:00+00:00"),
        ("9999-12-31T23:30-12:00", "9999-12-31T23:30:00-12:00"),
    ],
)
def test_a_moment_is_what_was_named(now: str, at: str) -> None:
    assert moment(now, 0.0, ZoneInfo("Europe/Madrid")).isoformat() == at


def test_the_offset_of_the_zone_is_the_zone_when_the_clocks_change() -> None:
    found = moment("2026-10-24T20:00+02:00", 0.0, ZoneInfo("Europe/Madrid"))
    assert (found + timedelta(days=1)).isoformat() == "2026-10-25T20:00:00+01:00"


def test_what_is_no_moment_is_said() -> None:
    with pytest.raises(UsageError, match="noon"):
        moment("noon", 0.0, UTC)
