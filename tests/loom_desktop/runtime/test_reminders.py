import zoneinfo
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from loom_desktop import Context, Event, Loom
from loom_desktop.errors import NotFound, NotUnderstood, UsageError
from loom_desktop.event import Privacy
from loom_desktop.paths import Paths
from loom_desktop.runtime.reminders import local_zone
from loom_desktop.settings import Attention, Settings
from loom_desktop.testing import FakeClock, loom_for_tests

TYPED = Event(topic="chat.asked", origin=frozenset({"user-typed", "file"}), privacy=Privacy.PRIVATE)
DAILY = "every day at 8:30 to stretch"


def collected(loom: Loom, pattern: str) -> list[Event]:
    events: list[Event] = []
    loom.bus.subscribe(pattern, events.append)
    return events


async def test_it_is_understood_stored_and_told_with_its_next_times(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        added = collected(loom, "reminder.added")
        one = await loom.reminders.add(DAILY, event=TYPED)
        assert (one.text, one.zone, one.state) == ("stretch", "Europe/Berlin", "active")
        assert one.at == "2026-11-21T08:30:00+01:00"
        assert "every day" in one.words
        assert one.origin == ("file", "user-typed")
        (event,) = added
        assert event.payload["reminder"] == one.id
        assert event.payload["times"].splitlines() == [
            "Saturday 21 November 2026, 08:30", "Sunday 22 November 2026, 08:30",
            "Monday 23 November 2026, 08:30",
        ]  # fmt: skip
        assert (event.thread, event.origin) == (TYPED.begins, TYPED.origin)
        stored = await loom.store.schedules.get(one.id)
        assert (stored.at, stored.fold, stored.thread) == ("2026-11-21T08:30:00", 0, TYPED.begins)
        assert stored.origin == TYPED.origin


async def test_once_has_one_time_and_no_text_is_still_something(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        added = collected(loom, "reminder.added")
        one = await loom.reminders.add("remind me in 10 minutes", event=TYPED)
        assert one.text == "It is time"
        assert added[0].payload["times"] == "Friday 20 November 2026, 09:10"


@pytest.mark.parametrize("step", ["words", "times"])
async def test_whatever_fails_leaves_nothing_half_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise OverflowError("no such day")

    async with loom_for_tests(tmp_path) as loom:
        added = collected(loom, "reminder.added")
        if step == "words":
            monkeypatch.setattr("loom_desktop.text.when.words", fail)
        else:
            monkeypatch.setattr("loom_desktop.runtime.schedule.next_after", fail)
        with pytest.raises(OverflowError):
            await loom.reminders.add(DAILY, event=TYPED)
        monkeypatch.undo()
        assert not await loom.reminders.listed()
        assert not added


async def test_what_is_no_time_is_told(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        with pytest.raises(NotUnderstood):
            await loom.reminders.add("to be happy", event=TYPED)
        assert not await loom.reminders.listed()


async def test_done_ends_one_and_keeps_what_comes_again(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        once = await loom.reminders.add("tomorrow at 9 to call", event=TYPED)
        daily = await loom.reminders.add(DAILY, event=TYPED)
        await loom.reminders.done(once.id)
        await loom.reminders.done(daily.id)
        assert [one.id for one in await loom.reminders.listed()] == [daily.id]
        await loom.reminders.restore(once.id)
        assert len(await loom.reminders.listed()) == 2


async def test_put_off_moves_one_and_adds_to_what_comes_again(tmp_path: Path) -> None:
    clock = FakeClock()
    async with loom_for_tests(tmp_path, clock=clock) as loom:
        once = await loom.reminders.add("tomorrow at 9 to call", event=TYPED)
        daily = await loom.reminders.add(DAILY, event=TYPED)
        later = await loom.reminders.snooze(once.id, 600)
        assert (later.id, later.at) == (once.id, "2026-11-20T09:10:00+01:00")
        extra = await loom.reminders.snooze(daily.id, 600)
        assert extra.id != daily.id
        assert extra.rrule == ""
        assert len(await loom.reminders.listed()) == 3
        for bad in (0, -5, 400 * 86_400):
            with pytest.raises(UsageError):
                await loom.reminders.snooze(once.id, bad)


async def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        for work in (loom.reminders.done(7), loom.reminders.snooze(7, 60),
                     loom.reminders.remove(7, event=TYPED), loom.reminders.restore(7)):  # fmt: skip
            with pytest.raises(NotFound, match="no reminder 7"):
                await work


async def test_removed_is_gone_and_comes_back(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        one = await loom.reminders.add(DAILY, event=TYPED)
        await loom.reminders.remove(one.id, event=TYPED)
        await loom.reminders.remove(one.id, event=TYPED)
        assert not await loom.reminders.listed()
        await loom.reminders.restore(one.id)
        assert (await loom.reminders.listed())[0].at == one.at


async def test_its_moment_is_an_event_on_its_thread_with_its_labels(tmp_path: Path) -> None:
    clock = FakeClock()
    async with loom_for_tests(tmp_path, clock=clock) as loom:
        due = collected(loom, "timer.due")
        one = await loom.reminders.add("in 10 minutes to stretch", event=TYPED)
        clock.forward(700)
        schedule = await loom.store.schedules.get(one.id)
        event = loom.reminders.fire(schedule, clock() - 100, 100.0)
        assert not due, "whoever noted it publishes it"
        assert (event.payload["schedule"], event.payload["text"]) == (one.id, "stretch")
        assert event.payload["late_s"] > 90
        assert event.thread == TYPED.begins
        assert event.origin == {"user-typed", "file", "schedule"}


async def test_the_hour_that_comes_twice_is_kept_apart(tmp_path: Path) -> None:
    clock = FakeClock(1_792_886_400.0)  # 2026-10-24 in the evening: at night clocks go back
    async with loom_for_tests(tmp_path, clock=clock) as loom:
        one = await loom.reminders.add("in 8 hours to look", event=TYPED)
        stored = await loom.store.schedules.get(one.id)
        assert stored.next == clock() + 8 * 3600


@pytest.mark.parametrize(
    ("tz", "zone"),
    [("Europe/Madrid", "Europe/Madrid"), (":Asia/Tokyo", "Asia/Tokyo")],
)
def test_the_zone_is_that_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tz: str, zone: str
) -> None:
    monkeypatch.setenv("TZ", tz)
    assert local_zone().key == zone


@pytest.mark.parametrize("tz", ["CET-1CEST", "../../etc/passwd", "Mars/Olympus", "", "\x01"])
def test_a_zone_that_is_none_is_passed_over(monkeypatch: pytest.MonkeyPatch, tz: str) -> None:
    monkeypatch.setenv("TZ", tz)
    assert local_zone().key


def test_without_a_table_of_zones_it_is_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(key: str) -> Any:
        raise zoneinfo.ZoneInfoNotFoundError(key)

    none.from_file = zoneinfo.ZoneInfo.from_file  # type: ignore[attr-defined]
    monkeypatch.setattr(zoneinfo, "ZoneInfo", none)
    zone = local_zone()
    assert zone.key == "UTC"
    assert datetime(2026, 7, 1, tzinfo=zone).isoformat() == "2026-07-01T00:00:00+00:00"


async def test_after_a_journey_tomorrow_is_tomorrow_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = ["Europe/Berlin"]
    monkeypatch.setattr("loom_desktop.loom.local_zone", lambda: zoneinfo.ZoneInfo(here[0]))
    place = Paths(tmp_path, tmp_path / "data", tmp_path, tmp_path, tmp_path)
    clock = FakeClock()
    hours = Settings(attention=Attention(quiet_hours="22:00-07:00"))
    async with Loom(hours, paths=place, key=bytes(32), clock=clock, listening=False) as loom:
        one = await loom.reminders.add("tomorrow at 8:30 to call", event=TYPED)
        assert one.at == "2026-11-21T08:30:00+01:00"
        assert not loom.desk.quiet(), "it is nine in the morning"
        here[0] = "America/New_York"
        clock.forward(31)
        one = await loom.reminders.add("tomorrow at 8:30 to call", event=TYPED)
        assert (one.zone, one.at) == ("America/New_York", "2026-11-21T08:30:00-05:00")
        assert loom.desk.quiet(), "it is three at night"
        loom.status.paused_until = clock() + 60
        assert loom.status.words == "Capture is paused until 03:01"
        ctx = Context("a", TYPED, loom.supervisor.parts, loom.tasks, {})
        assert ctx.now.hour == 3
        assert loom.zone.key == "America/New_York"


@pytest.mark.parametrize("phrase", ["tomorrow at 8:30 to call", DAILY])
async def test_what_is_put_off_comes_once_wherever_the_person_went(
    phrase: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = ["Europe/Berlin"]
    monkeypatch.setattr("loom_desktop.loom.local_zone", lambda: zoneinfo.ZoneInfo(here[0]))
    place = Paths(tmp_path, tmp_path / "data", tmp_path, tmp_path, tmp_path)
    clock = FakeClock()
    async with Loom(Settings(), paths=place, key=bytes(32), clock=clock, listening=False) as loom:
        due = collected(loom, "timer.due")
        one = await loom.reminders.add(phrase, event=TYPED)
        here[0] = "America/New_York"
        clock.forward(60)
        await loom.timers.tick()
        later = await loom.reminders.snooze(one.id, 600)
        for _ in range(30):  # ten hours
            clock.forward(1200)
            await loom.timers.tick()
        fired = [event for event in due if event.payload["schedule"] == later.id]
        assert [event.payload["late_s"] for event in fired] == [600.0]
