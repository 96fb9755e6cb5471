from pathlib import Path

import pytest

from loom_desktop.errors import LoomError, UsageError
from loom_desktop.testing import loom_for_tests


async def test_a_reminder_is_set_shown_put_off_and_removed(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        made = await loom.call("remind", text="tomorrow at 9 to call Anna")
        (one,) = await loom.call("reminders")
        assert (one["id"], one["text"], one["state"]) == (made["reminder"], "call Anna", "active")
        assert one["at"] == "2026-11-21T09:00:00+01:00"
        await loom.call("reminder_snooze", reminder=one["id"], seconds=3600)
        assert (await loom.call("reminders"))[0]["at"] == "2026-11-20T10:00:00+01:00"
        await loom.call("reminder_remove", reminder=one["id"])
        assert not await loom.call("reminders")
        await loom.call("reminder_restore", reminder=one["id"])
        assert len(await loom.call("reminders")) == 1
        await loom.call("reminder_done", reminder=one["id"])
        assert not await loom.call("reminders")


async def test_what_is_no_reminder_is_told_and_nothing_is_set(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        with pytest.raises(LoomError):
            await loom.call("remind", text="to be happy")
        assert not await loom.call("reminders")
        for verb in ("reminder_done", "reminder_snooze", "reminder_remove", "reminder_restore"):
            with pytest.raises(LoomError, match="no reminder 77"):
                await loom.call(verb, reminder=77)


async def test_a_person_may_set_as_many_reminders_a_minute_as_they_like(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        for hour in range(15):
            await loom.call("remind", text=f"tomorrow at {hour:02}:30 to stretch")
        assert len(await loom.call("reminders")) == 15


async def test_when_answers_with_a_moment_a_rule_and_a_text(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        said = await loom.call("when", text="every weekday at half past eight to stretch")
        assert said == {
            "at": "2026-11-23T08:30:00+01:00", "text": "stretch",
            "rrule": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=8;BYMINUTE=30",
        }  # fmt: skip
        said = await loom.call("when", text="in 10 minutes", now="2020-01-01T12:00")
        assert said["at"] == "2020-01-01T12:10:00+01:00"
        with pytest.raises(UsageError, match="is not a time"):
            await loom.call("when", text="tomorrow", now="yesterday")
