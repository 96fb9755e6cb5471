from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.text.days import easter, feast, move, read_day

TODAY = date(2026, 11, 20)  # a Friday


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("3/4/2026", date(2026, 4, 3)),  # day first
        ("12/24/2026", date(2026, 12, 24)),  # unless that is no date
        ("24.12.", date(2026, 12, 24)),
        ("20 November", TODAY),
        ("19 November", date(2027, 11, 19)),
        ("29 February", date(2028, 2, 29)),
        ("2026年12月24日", date(2026, 12, 24)),
        ("24 décembre", date(2026, 12, 24)),
        ("24 de diciembre de 2027", date(2027, 12, 24)),
        ("friday", TODAY),
        ("next friday", TODAY + timedelta(7)),
        ("last friday", TODAY - timedelta(7)),
        ("nächsten Montag", date(2026, 11, 23)),
        ("übermorgen", date(2026, 11, 22)),
        ("Silvester", date(2026, 12, 31)),
        ("Easter 2024", date(2024, 3, 31)),
        ("nonsense", None),
    ],
)
def test_a_day_is_read_in_many_ways(text: str, day: date | None) -> None:
    assert read_day(text, TODAY) == day


@pytest.mark.parametrize(
    ("year", "month", "day"),
    [(1818, 3, 22), (1943, 4, 25), (2000, 4, 23), (2008, 3, 23), (2024, 3, 31), (2038, 4, 25)],
)
def test_easter_falls_where_the_tables_say(year: int, month: int, day: int) -> None:
    assert easter(year) == date(year, month, day)


@given(st.dates(date(1700, 1, 1), date(2300, 1, 1)))
def test_a_day_without_a_year_is_never_past(today: date) -> None:
    day = read_day("24 December", today)
    assert day is not None
    assert timedelta(0) <= day - today <= timedelta(366)


@given(st.dates(date(1900, 1, 1), date(2200, 1, 1)), st.integers(-400, 400))
def test_moving_by_weekdays_lands_on_a_weekday(day: date, count: int) -> None:
    after = move(day, count, "weekday")
    assert count == 0 or after.weekday() < 5
    assert (after > day) == (count > 0)


@given(st.dates(date(1900, 1, 1), date(2200, 1, 1)), st.integers(-400, 400))
def test_moving_by_months_keeps_the_day_or_the_end_of_the_month(day: date, count: int) -> None:
    after = move(day, count, "month")
    assert after.day == day.day or (after + timedelta(1)).day == 1


def test_a_feast_has_a_name_and_may_have_a_year() -> None:
    assert feast("xmas 2030", TODAY) == ("Christmas", date(2030, 12, 25))
    assert feast("Christmas", TODAY, past=True) == ("Christmas", date(2025, 12, 25))
    assert feast("first advent", TODAY) == ("First Advent Sunday", date(2026, 11, 29))
    assert feast("Tuesday", TODAY) is None
