"""What the grammar promises: tables of phrases per language, and properties over any text."""

from __future__ import annotations

import re
import subprocess
import sys
import time as stopwatch
from datetime import UTC, datetime, time, timedelta, timezone
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr  # noqa: TID253
from hypothesis import given, settings
from hypothesis import strategies as st

from loom_desktop.errors import NotUnderstood
from loom_desktop.text.when import (
    LANGUAGES,
    MOST_CHARACTERS,
    Unclear,
    When,
    as_json,
    has_when,
    understand,
)

MADRID, BERLIN = ZoneInfo("Europe/Madrid"), ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=MADRID)  # a Friday
HERE = Path(__file__).parent


def table(language: str) -> tuple[list[list[str]], list[list[str]]]:
    lines = (HERE / f"phrases_{language}.txt").read_text(encoding="utf-8").splitlines()
    cut = lines.index("=====")
    rows = [[c.strip() for c in x.split("|")] for x in lines[:cut] if not x.startswith("#")]
    return rows, [[c.strip() for c in x.split("|")] for x in lines[cut + 1 :]]


UNDERSTOOD = [(code, *row) for code in LANGUAGES for row in table(code)[0]]
REFUSED = [(code, *row) for code in LANGUAGES for row in table(code)[1]]
PHRASES = [row[1] for row in UNDERSTOOD + REFUSED]


@pytest.mark.parametrize(
    ("code", "phrase", "at", "rrule", "text"), UNDERSTOOD, ids=[r[1] for r in UNDERSTOOD]
)
def test_a_phrase_is_understood(code: str, phrase: str, at: str, rrule: str, text: str) -> None:
    when = understand(phrase, NOW)
    assert when.at.replace(tzinfo=None) == datetime.fromisoformat(at)
    assert when.rrule == rrule
    assert when.text == text
    assert when.language == code


@pytest.mark.parametrize(("code", "phrase", "reason"), REFUSED, ids=[r[1] for r in REFUSED])
def test_a_phrase_is_refused_with_the_reason_and_a_hint(
    code: str, phrase: str, reason: str
) -> None:
    with pytest.raises(NotUnderstood) as raised:
        understand(phrase, NOW)
    assert isinstance(raised.value, Unclear)
    assert raised.value.reason == reason
    assert raised.value.message.endswith(".")
    assert raised.value.hint.endswith(".")
    assert has_when(phrase) == (reason != "none")


def test_the_tables_are_large() -> None:
    sizes = {code: len(table(code)[0]) for code in LANGUAGES}
    assert sizes["en"] >= 300
    assert min(sizes.values()) >= 75


@pytest.mark.parametrize(
    ("now", "phrase", "at"),
    [
        ("2026-11-20 10:00", "call at 11", "2026-11-20 11:00"),
        ("2026-11-20 11:00", "call at 11", "2026-11-21 11:00"),
        ("2026-11-20 11:01", "call at 11", "2026-11-21 11:00"),
        ("2026-11-20 08:59", "call on friday", "2026-11-20 09:00"),
        ("2026-11-20 09:00", "call on friday", "2026-11-27 09:00"),
        ("2026-11-20 08:00", "call next friday", "2026-11-27 09:00"),
        ("2026-11-19 08:00", "call next friday", "2026-11-20 09:00"),
        ("2026-11-15 08:00", "on the 15th call", "2026-11-15 09:00"),
        ("2026-11-15 10:00", "on the 15th call", "2026-12-15 09:00"),
        ("2027-01-30 10:00", "on the 30th at 9 call", "2027-03-30 09:00"),
        ("2027-01-31 10:00", "in a month call", "2027-02-28 09:00"),
        ("2027-01-31 10:00", "next month call", "2027-02-28 09:00"),
        ("2026-12-31 23:59", "tomorrow call", "2027-01-01 09:00"),
        ("2026-12-31 23:59", "in 2 minutes call", "2027-01-01 00:01"),
        ("2027-03-03 08:00", "on march 3 call", "2027-03-03 09:00"),
        ("2027-03-03 09:00", "on march 3 call", "2028-03-03 09:00"),
        ("2026-11-20 23:30", "call at noon", "2026-11-21 12:00"),
        ("2026-11-20 17:30", "at 5 call", "2026-11-21 17:00"),
        ("2026-11-20 20:15", "this evening call", "2026-11-20 21:00"),
        ("2026-11-20 14:20", "today call", "2026-11-20 15:00"),
        ("2026-11-22 10:00", "at the weekend call", "2026-11-28 09:00"),
        ("2026-11-30 10:00", "at the end of the month call", "2026-12-31 09:00"),
        ("2026-11-20 08:00", "every day call", "2026-11-20 09:00"),
        ("2026-11-20 08:00", "every 3 days call", "2026-11-20 09:00"),
        ("2027-01-31 10:00", "every month call", "2027-03-31 09:00"),
        ("2027-02-28 10:00", "every year on february 29 call", "2028-02-29 09:00"),
    ],
)
def test_what_is_over_means_the_next_one(now: str, phrase: str, at: str) -> None:
    said_at = datetime.fromisoformat(now).replace(tzinfo=MADRID)
    assert understand(phrase, said_at).at.replace(tzinfo=None) == datetime.fromisoformat(at)


@pytest.mark.parametrize(
    ("now", "phrase", "at"),
    [
        # clocks go forward on 28 March 2027, 02:00 becomes 03:00
        ("2027-03-27T20:00+01:00", "tomorrow at 2:30am call", "2027-03-28T03:00:00+02:00"),
        ("2027-03-27T20:00+01:00", "tomorrow at 9 call", "2027-03-28T09:00:00+02:00"),
        ("2027-03-28T01:30+01:00", "in an hour call", "2027-03-28T03:30:00+02:00"),
        ("2027-03-27T20:00+01:00", "in 12 hours call", "2027-03-28T09:00:00+02:00"),
        # clocks go back on 25 October 2026, 03:00 becomes 02:00
        ("2026-10-24T20:00+02:00", "tomorrow at 2:30am call", "2026-10-25T02:30:00+02:00"),
        ("2026-10-25T02:40+02:00", "at 2:30am call", "2026-10-25T02:30:00+01:00"),
        ("2026-10-25T02:40+02:00", "in half an hour call", "2026-10-25T02:10:00+01:00"),
        ("2026-10-25T02:40+01:00", "at 2:30am call", "2026-10-26T02:30:00+01:00"),
        ("2026-10-24T20:00+02:00", "every day at 9 call", "2026-10-25T09:00:00+01:00"),
    ],
)
def test_clock_changes(now: str, phrase: str, at: str) -> None:
    said_at = datetime.fromisoformat(now).astimezone(MADRID)
    assert understand(phrase, said_at).at.isoformat() == at


def test_the_zone_decides_what_the_wall_says() -> None:
    now = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
    assert understand("tomorrow at 9 call", now).at.isoformat() == "2026-11-21T09:00:00+00:00"
    tokyo = understand("tomorrow at 9 call", now, zone="Asia/Tokyo")
    assert tokyo.at.isoformat() == "2026-11-22T09:00:00+09:00"


def test_an_unknown_zone_is_told() -> None:
    with pytest.raises(NotUnderstood, match="Atlantis"):
        understand("tomorrow", NOW, zone="Europe/Atlantis")


def test_a_naive_now_is_a_bug() -> None:
    with pytest.raises(ValueError, match="aware"):
        understand("tomorrow", datetime(2026, 11, 20))


def test_the_usual_time_is_a_setting() -> None:
    at = understand("tomorrow call", NOW, nine=time(8, 15)).at
    assert (at.hour, at.minute) == (8, 15)


def test_json_has_the_offset() -> None:
    assert as_json(understand("every day at 9 drink", NOW)) == {
        "at": "2026-11-21T09:00:00+01:00",
        "rrule": "FREQ=DAILY;BYHOUR=9;BYMINUTE=0",
        "text": "drink",
    }


def test_a_length_of_time_is_a_moment_and_no_wall_time() -> None:
    assert understand("in 3 hours call", NOW).counted
    assert not understand("in 3 days call", NOW).counted
    assert not understand("at 3 call", NOW).counted
    assert not understand("every 3 hours call", NOW).counted


def test_only_the_languages_asked_for_are_read() -> None:
    assert understand("morgen um 9 Arzt", NOW, languages=["de"]).language == "de"
    with pytest.raises(Unclear):
        understand("morgen Arzt", NOW, languages=["fr"])
    assert understand("tomorrow call", NOW, languages=["xx"]).language == "en"


def test_a_text_that_is_too_long_is_refused() -> None:
    with pytest.raises(NotUnderstood, match=str(MOST_CHARACTERS)):
        understand("tomorrow " * 300, NOW)


def test_the_reason_survives_the_socket() -> None:
    import pickle

    again = pickle.loads(pickle.dumps(Unclear("Over.", hint="Later.", reason="over")))
    assert (again.message, again.hint, again.reason) == ("Over.", "Later.", "over")


def test_importing_the_grammar_loads_no_library() -> None:
    code = "import sys; import loom_desktop.text.when; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"dateutil", "cronsim", "msgspec", "asyncio", "loom_desktop.text.when.english"}
    assert not heavy & set(out.stdout.split())


def test_a_phrase_takes_a_few_milliseconds_at_most() -> None:
    for phrase in PHRASES:  # everything is compiled now
        has_when(phrase)
    begin = stopwatch.process_time()
    for phrase in PHRASES:
        has_when(phrase)
    assert (stopwatch.process_time() - begin) / len(PHRASES) < 0.005


@pytest.mark.parametrize(
    "text",
    [
        "monday " * 280, "1 " * 1000, "every " * 300, "at 5 and " * 220, "a" * 2000, "." * 2000,
        "in 1 hour " * 200, "mon, " * 400, "9-" * 1000, "1.1." * 500, "http://" + "a" * 1990,
        "a@" * 1000, "every monday and tuesday and " * 68, "1:1:" * 500, "24/7" * 500,
        "twenty " * 280, "first second third " * 100, "𝟡 am ", "\x00" * 50, "\ud800 tomorrow",
    ],
)  # fmt: skip
def test_no_text_makes_it_slow(text: str) -> None:
    has_when("warm up")
    begin = stopwatch.process_time()
    has_when(text)
    assert stopwatch.process_time() - begin < 1.0


# ---------------------------------------------------------------- properties

ZONES = st.sampled_from(
    ["Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "UTC", "Asia/Kathmandu",
     "America/St_Johns", "Pacific/Apia", "Africa/Casablanca"]
)  # fmt: skip
NOWS = st.builds(
    lambda s, z: datetime.fromtimestamp(s, ZoneInfo(z)),
    st.integers(1_700_000_000, 2_000_000_000),
    ZONES,
)
WORDS = st.sampled_from(sorted({w for p in PHRASES for w in p.split()}))


@given(now=NOWS, phrase=st.sampled_from(PHRASES))
@settings(max_examples=400, deadline=None)
def test_never_in_the_past(now: datetime, phrase: str) -> None:
    try:
        when = understand(phrase, now)
    except Unclear:
        return
    assert when.at.timestamp() > now.replace(microsecond=0).timestamp()
    assert when.at.utcoffset() is not None


@given(now=NOWS, phrase=st.sampled_from([r[1] for r in UNDERSTOOD if r[3]]))
@settings(max_examples=300, deadline=None)
def test_the_first_occurrence_is_one_of_the_rule(now: datetime, phrase: str) -> None:
    try:
        when = understand(phrase, now)
    except Unclear:
        return
    from dateutil.rrule import rrulestr

    wall = when.at.replace(tzinfo=None)
    found = rrulestr(when.rrule, dtstart=wall).after(wall - timedelta(seconds=1), inc=True)
    unshifted = when.at.utcoffset() == (when.at - timedelta(hours=26)).utcoffset()
    assert found == wall or not unshifted


@given(now=NOWS, phrase=st.sampled_from(PHRASES))
@settings(max_examples=200, deadline=None)
def test_what_was_resolved_is_understood_as_the_same_moment(now: datetime, phrase: str) -> None:
    try:
        when = understand(phrase, now)
    except Unclear:
        return
    again = understand(when.at.isoformat(), now)
    assert again.at == when.at
    assert again.text == ""


@given(text=st.one_of(st.text(max_size=200), st.lists(WORDS, max_size=12).map(" ".join)), now=NOWS)
@settings(max_examples=600, deadline=None)
def test_any_text_is_understood_or_refused(text: str, now: datetime) -> None:
    try:
        when = understand(text, now)
    except NotUnderstood as error:
        told = error.message and error.hint
    else:
        told = when.at.isoformat()
        _follows_the_promises(when, now)
    assert told


def _follows_the_promises(when: When, now: datetime) -> None:
    from dateutil.rrule import rrulestr

    assert when.at.timestamp() > now.replace(microsecond=0).timestamp()
    if when.rrule:
        parts = dict(p.split("=") for p in when.rrule.split(";"))
        order = [
            "FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "BYHOUR", "BYMINUTE",
            "COUNT", "UNTIL",
        ]  # fmt: skip
        assert list(parts) == [name for name in order if name in parts]
        assert parts.get("INTERVAL") != "1"
        rrulestr(when.rrule, dtstart=when.at.replace(tzinfo=None))


def test_a_fixed_offset_will_do_as_a_zone() -> None:
    now = datetime(2026, 11, 20, 10, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    assert understand("at noon call", now).at.isoformat() == "2026-11-20T12:00:00+05:45"


@pytest.mark.parametrize(
    "text",
    [
        "remind me yesterday at 8 to stretch",
        "yesterday at 8 stretch",
        "erinnere mich gestern um 8 an den Müll",
        "rappelle-moi hier à 8h de sortir",
        "recuérdame ayer a las 8 llamar a Ana",
    ],
)
def test_a_day_that_is_over_is_not_taken_for_the_next(text: str) -> None:
    with pytest.raises(Unclear) as told:
        understand(text, datetime(2026, 11, 20, 9, tzinfo=ZoneInfo("Europe/Berlin")))
    assert told.value.reason == "over"


def test_what_is_about_yesterday_may_be_done_tomorrow() -> None:
    now = datetime(2026, 11, 20, 9, tzinfo=ZoneInfo("Europe/Berlin"))
    said = understand("remind me tomorrow at 8 to write up yesterday's meeting", now)
    assert said.at.day == 21
    assert "yesterday's meeting" in said.text
    said = understand("remind me tomorrow about last week", now)
    assert (said.at.day, said.text) == (21, "last week")
    said = understand("last week's report tomorrow at 8", now)
    assert (said.at.day, said.text) == (21, "last week's report")


# -------------------------------------------------------------------- what the phrases mean
MEANT = [
    tuple(line.split("\t"))
    for line in (Path(__file__).parent / "phrases_meant.txt").read_text("utf-8").splitlines()
    if not line.startswith("#")
]


@pytest.mark.parametrize("meant", MEANT, ids=[f"{one[0]}-{one[2]}" for one in MEANT])
def test_a_phrase_means_what_somebody_worked_out_without_us(meant: tuple[str, ...]) -> None:
    _, now, phrase, at, rule, texts = meant
    found = understand(phrase, datetime.fromisoformat(now).replace(tzinfo=BERLIN))
    if len(at) == len("2026-11-20"):
        assert found.at.astimezone(BERLIN).date().isoformat() == at
    else:
        assert found.at == datetime.fromisoformat(at)
    assert _comes(found.rrule, found.at) == _comes(rule, found.at)
    assert _bare(found.text) in [_bare(one) for one in texts.split(" | ")]


def _comes(rule: str, at: datetime) -> list[datetime]:
    """The first dates of the rule; its time of day is that of ``at``."""
    parts = dict(part.split("=") for part in rule.split(";") if part)
    hours = {name: parts.pop(name, "") for name in ("BYHOUR", "BYMINUTE", "BYSECOND")}
    if not parts:
        return []
    assert hours["BYHOUR"] in ("", str(at.hour)), "several times a day are tested elsewhere"
    wall = at.astimezone(BERLIN).replace(tzinfo=None)
    if until := parts.get("UNTIL"):
        if until.endswith("Z"):
            moment = datetime.strptime(until, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            until = moment.astimezone(BERLIN).strftime("%Y%m%dT%H%M%S")
        parts["UNTIL"] = until if "T" in until else f"{until}T235959"
    said = ";".join(f"{name}={value}" for name, value in parts.items())
    return list(islice(rrulestr(said, dtstart=wall), 40))


def _bare(text: str) -> str:
    """Without what a person would not miss: an article or "to" before it, a mark after it."""
    text = re.sub(r"\s+", " ", text.strip().lower().rstrip(".,;:!?… ").replace("’", "'"))
    return re.sub(r"^(to|the|a|an|der|die|das|den|dem|le|la|les|el|los|las)\s+", "", text)
