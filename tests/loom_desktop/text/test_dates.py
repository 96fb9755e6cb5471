from __future__ import annotations

import contextlib
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.errors import NotUnderstood
from loom_desktop.text.dates import answer_date

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("what day is 24 December", "2026-12-24"),
        ("days since Christmas", "330"),
        ("what day is the third Monday of next month", "2026-12-21"),
        ("days until the last Friday in January", "70"),
        ("days since 1 January", "323"),
        ("What day is it?", "2026-11-20"),
        ("what's the date", "2026-11-20"),
        ("what is today's date?", "2026-11-20"),
        ("days until Christmas", "35"),
        ("how many days until Christmas?", "35"),
        ("how many days until 1 May", "162"),
        ("days until 1 May", "162"),
        ("how many weeks until Easter", "18"),
        ("how many days between 1 March and 1 April", "31"),
        ("how many days between 2026-01-01 and 2026-12-31", "364"),
        ("how many weeks between 1 Jan 2026 and 1 March 2026", "8"),
        ("what's the date in 3 weeks", "2026-12-11"),
        ("what is the date in 3 weeks?", "2026-12-11"),
        ("what day is it in 10 days", "2026-11-30"),
        ("what date was it 10 days ago", "2026-11-10"),
        ("3 weeks from now", "2026-12-11"),
        ("45 days after 1 May", "2027-06-15"),
        ("2 weeks before Christmas", "2026-12-11"),
        ("what is the date 2 weeks before Christmas", "2026-12-11"),
        ("week number", "47"),
        ("what week is it?", "47"),
        ("what week number is it", "47"),
        ("what time is it", "09:30"),
        ("what time is it in Tokyo", "2026-11-20T17:30+09:00"),
        ("what time is it in New York?", "2026-11-20T03:30-05:00"),
        ("time in London", "2026-11-20T08:30+00:00"),
        ("what's the time in Japan right now", "2026-11-20T17:30+09:00"),
        ("when is Easter 2027", "2027-03-28"),
        ("when is Christmas", "2026-12-25"),
        ("when is thanksgiving", "2026-11-26"),
        ("is 2028 a leap year", "yes"),
        ("is 2100 a leap year?", "no"),
        ("how many days in February 2028", "29"),
        ("how many days are in February 2028", "29"),
        ("how many days are there in 2028", "366"),
        ("what day was 9 November 1989", "1989-11-09"),
        ("what day is 2027-01-01", "2027-01-01"),
        ("what weekday is 24.12.2026", "2026-12-24"),
        ("welcher Tag ist der 24. Dezember", "2026-12-24"),
        ("wie viele Tage bis Weihnachten", "35"),
        ("wie viele Tage sind es noch bis Weihnachten?", "35"),
        ("combien de jours avant Noël", "35"),
        ("cuántos días faltan para Navidad", "35"),
        ("quel jour est le 14 juillet", "2027-07-14"),
        ("qué día es el 24 de diciembre", "2026-12-24"),
        ("wie spät ist es", "09:30"),
        ("wie spät ist es in Tokio", "2026-11-20T17:30+09:00"),
        ("welche Kalenderwoche haben wir", "47"),
        ("when is week 50", "2026-12-07"),
        ("how long until new year", "42"),
        ("how many working days until Christmas", "25"),
        ("how many days since 1 January 2026", "323"),
        ("how old is someone born on 3 May 1990", "36"),
        ("what day is tomorrow", "2026-11-21"),
        ("what day is next friday", "2026-11-27"),
        ("what is the date next Monday", "2026-11-23"),
        ("what day will 1 January 2030 be", "2030-01-01"),
        ("what day is December 24th, 2027", "2027-12-24"),
        ("what day is the 24th of December", "2026-12-24"),
        ("how many months until 1 May 2027", "5"),
        ("quelle heure est-il à Paris", "2026-11-20T09:30+01:00"),
        ("what day is christmas", "2026-12-25"),
        ("what day of the week is 1 Jan 2027", "2027-01-01"),
        ("how many days from 1 May to 10 May", "9"),
        ("what was the date 100 days ago", "2026-08-12"),
        ("welches Datum ist in 3 Wochen", "2026-12-11"),
        ("days between 24 December and 3 January", "10"),
        ("what day is 12/24/2026", "2026-12-24"),
        ("when is good friday", "2027-03-26"),
        ("what's the week number of 1 January 2027", "53"),
        ("what is the date 90 days from today", "2027-02-18"),
        ("90 days from today", "2027-02-18"),
        ("what time is it in london, uk", "2026-11-20T08:30+00:00"),
        ("how many days are left until 31 December", "41"),
        ("what will be the date in 100 days", "2027-02-28"),
        ("what date is in 2 weeks", "2026-12-04"),
        ("when is Easter", "2027-03-28"),
    ],
)
def test_questions_about_days_and_clocks_are_answered(question: str, value: str) -> None:
    answer = answer_date(question, NOW)
    assert answer is not None
    assert answer.value == value


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("what day is 24 December", "24 December 2026 is a Thursday."),
        ("what day was 9 November 1989", "9 November 1989 was a Thursday."),
        ("days until tomorrow", "It is 1 day until Saturday, 21 November 2026."),
        ("when is Christmas", "Christmas is on Friday, 25 December 2026, in 35 days."),
        ("what time is it in Auckland", "In Auckland it is 21:30."),
        ("what time is it in Honolulu", "In Honolulu it is 22:30 yesterday."),
    ],
)
def test_the_answer_is_a_sentence(question: str, text: str) -> None:
    answer = answer_date(question, NOW)
    assert answer is not None
    assert answer.text == text


@pytest.mark.parametrize(
    "text",
    [
        "", "hello", "what is love", "how are you", "remind me in 10 minutes", "what is 5+5",
        "10 km in miles", "in 3 weeks", "what time is the meeting", "when is the meeting", "week",
        "when is my next reminder", "how long is the nile", "how long is a piece of string",
        "what day works for you", "how many people live in Berlin", "call me in 2 weeks",
        "time flies", "what is the date format", "how long since we met", "x" * 5000,
        "how many days until my birthday", "what day is good for a meeting tomorrow",
        "how long is the meeting tomorrow", "how many days to learn german",
    ],
)  # fmt: skip
def test_what_asks_for_no_date_is_left_alone(text: str) -> None:
    assert answer_date(text, NOW) is None


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("what day is 30 February", "There is no 30 February"),
        ("days until 31 June", "There is no 31 June"),
        ("what day is 32.12.2026", "There is no"),
        ("what time is it in Foobar", "not known"),
        ("what time is it in the USA", "more than one time zone"),
        ("what's the date in 99999999999 days", "too far"),
        ("what is the date in 999999 years", "too far"),
        ("when is week 60", "no week 60"),
    ],
)
def test_what_does_not_exist_is_said_in_words(question: str, words: str) -> None:
    with pytest.raises(NotUnderstood, match=words) as raised:
        answer_date(question, NOW)
    assert raised.value.hint


def test_a_time_without_a_zone_is_that_of_this_computer() -> None:
    naive = NOW.replace(tzinfo=None)
    for question in ("days until Christmas", "what time is it", "days until my birthday"):
        assert answer_date(question, naive) == answer_date(question, NOW)
    assert answer_date("what time is it in Tokyo", naive) is not None


@given(st.text(max_size=60))
def test_any_text_is_safe(text: str) -> None:
    for question in (text, f"days until {text}", f"what day is {text}", f"time in {text}"):
        with contextlib.suppress(NotUnderstood):
            answer_date(question, NOW)
