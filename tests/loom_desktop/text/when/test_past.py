from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.errors import UsageError
from loom_desktop.text.when.past import earlier

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 20, 9, 15, 30, tzinfo=BERLIN)
"""A Friday."""


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ("now", "2026-11-20T09:15:30+01:00"),
        ("10 minutes ago", "2026-11-20T09:05:30+01:00"),
        ("10m", "2026-11-20T09:05:30+01:00"),
        (" An  Hour ago ", "2026-11-20T08:15:30+01:00"),
        ("half an hour ago", "2026-11-20T08:45:30+01:00"),
        ("90s", "2026-11-20T09:14:00+01:00"),
        ("2 days ago", "2026-11-18T09:15:30+01:00"),
        ("a week ago", "2026-11-13T09:15:30+01:00"),
        ("today", "2026-11-20T00:00:00+01:00"),
        ("yesterday", "2026-11-19T00:00:00+01:00"),
        ("friday", "2026-11-20T00:00:00+01:00"),
        ("saturday", "2026-11-14T00:00:00+01:00"),
        ("08:30", "2026-11-20T08:30:00+01:00"),
        ("23:00", "2026-11-19T23:00:00+01:00"),
        ("2026-11-01", "2026-11-01T00:00:00+01:00"),
        ("2026-11-20T08:30", "2026-11-20T08:30:00+01:00"),
        ("2026-11-20 08:30", "2026-11-20T08:30:00+01:00"),
        ("2026-11-20T08:30+00:00", "2026-11-20T08:30:00+00:00"),
    ],
)
def test_what_people_say_of_the_past(said: str, at: str) -> None:
    assert earlier(said, NOW).isoformat() == at


@pytest.mark.parametrize("said", ["", "soon", "25:00", "8:75", "999999w ago", "5 parsecs", "-1h"])
def test_what_is_no_such_time_is_told_with_examples(said: str) -> None:
    if said:
        with pytest.raises(UsageError, match="no time that is over") as error:
            earlier(said, NOW)
        assert "yesterday" in error.value.hint
    else:
        assert earlier(said, NOW) == NOW


def test_hours_are_counted_by_the_second_and_days_on_the_calendar() -> None:
    after = datetime(2026, 10, 25, 9, 0, tzinfo=BERLIN)  # clocks went back at 3 that night
    assert earlier("24h", after).isoformat() == "2026-10-24T10:00:00+02:00"
    assert earlier("1 day ago", after).isoformat() == "2026-10-24T09:00:00+02:00"


@given(st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1)), st.integers(0, 23))
def test_a_clock_time_is_within_the_last_day(naive: datetime, hour: int) -> None:
    now = naive.replace(tzinfo=BERLIN)
    at = earlier(f"{hour}:00", now)
    assert at <= now or at.hour != hour
    assert now - at < timedelta(hours=26)
