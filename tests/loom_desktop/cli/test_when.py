import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.loom_desktop.cli.conftest import Done

Run = Callable[..., Done]
NOW = ("--now", "2026-11-20T09:00")


def test_json_has_at_rule_and_text(loom: Run) -> None:
    done = loom("when", "every weekday at half past eight to stretch", *NOW, "--json")
    assert done.json == {
        "at": "2026-11-23T08:30:00+01:00",
        "rrule": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=8;BYMINUTE=30",
        "text": "stretch",
    }


def test_words_for_a_person(loom: Run) -> None:
    done = loom("when", "call", "Anna", "tomorrow", "at", "9", *NOW)
    assert done.out == "call Anna: tomorrow at 9:00\n2026-11-21T09:00:00+01:00\n"


@pytest.mark.parametrize(
    ("now", "at"),
    [
        ("2026-11-20T09:00", "2026-11-20T09:10:00+01:00"),
        ("2026-11-20T09:00+00:00", "2026-11-20T09:10:00+00:00"),
        ("2026-07-01 12:00", "2026-07-01T12:10:00+02:00"),
    ],
)
def test_now_may_have_a_zone_of_its_own(loom: Run, now: str, at: str) -> None:
    assert loom("when", "in 10 minutes", "--now", now, "--json").json["at"] == at


def test_the_offset_of_the_persons_zone_means_the_zone(loom: Run) -> None:
    """The clocks change between now and then."""
    done = loom("when", "tomorrow at 8", "--now", "2026-10-24T20:00+02:00", "--json")
    assert done.json["at"] == "2026-10-25T08:00:00+01:00"


@pytest.mark.parametrize("text", ["", "hello", "32 May at 25:00", "x" * 3000])
def test_what_is_no_time_is_told(loom: Run, text: str) -> None:
    done = loom("when", text)
    assert done.code == 1
    assert done.out == ""
    assert done.err.strip()


def test_the_end_of_the_calendar_is_told(loom: Run) -> None:
    done = loom("when", "in 3 weeks", "--now", "9999-12-31T23:00")
    assert done.code == 1
    assert "went wrong" not in done.err


def test_it_needs_no_engine_and_leaves_nothing_behind(loom: Run, home: Path) -> None:
    before = sorted(home.iterdir())
    assert json.loads(loom("when", "tomorrow", "--json").out)
    assert sorted(home.iterdir()) == before
