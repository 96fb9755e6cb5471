"""Moments and rules in words."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.text.when import LANGUAGES, words

MADRID = ZoneInfo("Europe/Madrid")
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=MADRID)


@pytest.mark.parametrize(
    ("at", "rrule", "language", "said"),
    [
        ("2026-11-20 20:30", "", "en", "today at 20:30"),
        ("2026-11-21 08:30", "", "en", "tomorrow at 8:30"),
        ("2026-11-24 09:00", "", "en", "on Tuesday at 9:00"),
        ("2026-12-24 09:00", "", "en", "on Thursday, 24 December at 9:00"),
        ("2027-03-03 09:00", "", "en", "on Wednesday, 3 March 2027 at 9:00"),
        ("2026-11-20 10:01:30", "", "en", "today at 10:01:30"),
        (
            "2026-11-21 08:30",
            "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=8;BYMINUTE=30",
            "en",
            "tomorrow at 8:30, every weekday",
        ),
        ("2026-11-21 09:00", "FREQ=DAILY", "en", "tomorrow at 9:00, every day"),
        (
            "2026-11-21 09:00",
            "FREQ=DAILY;INTERVAL=2;COUNT=5",
            "en",
            "tomorrow at 9:00, every 2 days, 5 times",
        ),
        (
            "2026-11-24 09:00",
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU",
            "en",
            "on Tuesday at 9:00, every 2 weeks on Tuesday",
        ),
        (
            "2026-11-23 09:00",
            "FREQ=WEEKLY;BYDAY=MO,TH;UNTIL=20261224T235959",
            "en",
            "on Monday at 9:00, every Monday and Thursday until 24 December",
        ),
        (
            "2026-12-07 10:00",
            "FREQ=MONTHLY;BYDAY=1MO;BYHOUR=10;BYMINUTE=0",
            "en",
            "on Monday, 7 December at 10:00, every first Monday of the month",
        ),
        (
            "2026-11-30 17:00",
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
            "en",
            "on Monday, 30 November at 17:00, every last working day of the month",
        ),
        (
            "2026-12-15 09:00",
            "FREQ=MONTHLY;BYMONTHDAY=1,15",
            "en",
            "on Tuesday, 15 December at 9:00, on day 1 and 15 of every month",
        ),
        (
            "2026-11-30 09:00",
            "FREQ=MONTHLY;BYMONTHDAY=-1",
            "en",
            "on Monday, 30 November at 9:00, on the last day of every month",
        ),
        (
            "2027-03-03 09:00",
            "FREQ=YEARLY;BYMONTHDAY=3;BYMONTH=3",
            "en",
            "on Wednesday, 3 March 2027 at 9:00, every year on 3 March",
        ),
        (
            "2026-11-20 18:00",
            "FREQ=DAILY;BYHOUR=9,18;BYMINUTE=0",
            "en",
            "today at 18:00, every day at 9:00 and 18:00",
        ),
        (
            "2026-11-20 10:10",
            "FREQ=MINUTELY;INTERVAL=10;UNTIL=20261120T170000",
            "en",
            "today at 10:10, every 10 minutes until 17:00",
        ),
        ("2026-11-21 08:30", "FREQ=DAILY", "de", "morgen um 8:30, jeden Tag"),
        ("2026-11-24 08:30", "FREQ=WEEKLY;BYDAY=TU", "de", "am Dienstag um 8:30, jeden Dienstag"),
        ("2026-11-21 08:30", "FREQ=DAILY", "fr", "demain à 8:30, tous les jours"),
        ("2026-11-24 08:30", "FREQ=WEEKLY;BYDAY=TU", "fr", "mardi à 8:30, chaque mardi"),
        ("2026-11-21 08:30", "FREQ=DAILY", "es", "mañana a las 8:30, cada día"),
        ("2026-11-24 08:30", "FREQ=WEEKLY;BYDAY=TU", "es", "el martes a las 8:30, cada martes"),
        ("2026-11-21 08:30", "", "xx", "tomorrow at 8:30"),
    ],
)
def test_said_as_people_do(at: str, rrule: str, language: str, said: str) -> None:
    moment = datetime.fromisoformat(at).replace(tzinfo=MADRID)
    assert words(moment, rrule, NOW, language) == said


@given(rrule=st.text(max_size=60), language=st.sampled_from(LANGUAGES))
def test_a_rule_from_elsewhere_never_breaks_it(rrule: str, language: str) -> None:
    assert words(NOW, rrule, NOW, language)
