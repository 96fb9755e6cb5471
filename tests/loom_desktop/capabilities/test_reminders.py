from pathlib import Path

from loom_desktop.testing import loom_for_tests
from tests.loom_desktop.capabilities.conftest import Call


async def test_from_setting_to_done(tmp_path: Path, call: Call) -> None:
    async with loom_for_tests(tmp_path) as loom:
        assert (await call(loom, "reminders.list")).value["text"] == "There are no reminders."
        done = await call(loom, "reminders.add", said="remind me every day at 8:30 to stretch")
        assert done.value["text"].startswith("I will remind you: **stretch**, tomorrow at 8:30")
        assert done.value["text"].endswith("It comes while Loom runs: start `loom`.")
        assert done.value["at"] == "2026-11-21T08:30:00+01:00"
        assert done.value["rrule"].startswith("FREQ=DAILY")
        number = done.value["reminder"]
        listed = (await call(loom, "reminders.list")).value
        assert listed["reminders"] == [number]
        assert "**stretch**" in listed["text"]
        later = await call(loom, "reminders.snooze", reminder=number)
        assert later.value["text"].startswith("I will come back ")
        assert "9:10" in later.value["text"]
        assert (await call(loom, "reminders.done", reminder=number)).ok
        assert (await call(loom, "reminders.remove", reminder=number)).ok
        assert (await call(loom, "reminders.remove", reminder=number)).ok, "twice is once"
        assert (await call(loom, "reminders.restore", reminder=number)).ok
        assert number in (await call(loom, "reminders.list")).value["reminders"]


async def test_who_runs_already_is_not_told_to_start(tmp_path: Path, call: Call) -> None:
    async with loom_for_tests(tmp_path, listening=True) as loom:
        done = await call(loom, "reminders.add", said="tomorrow at 9 to swim")
        assert done.value["text"] == "I will remind you: **swim**, tomorrow at 9:00."


async def test_what_cannot_be_is_told(tmp_path: Path, call: Call) -> None:
    async with loom_for_tests(tmp_path) as loom:
        assert not (await call(loom, "reminders.add", said="be happy")).ok
        for name in ("done", "snooze", "remove", "restore"):
            done = await call(loom, f"reminders.{name}", reminder=77)
            assert "no reminder 77" in done.message
        assert (await call(loom, "reminders.done", reminder="x")).code == "INVALID_PARAMS"


async def test_what_does_not_outlive_this_run_is_not_called_kept(
    tmp_path: Path, call: Call
) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    async with loom_for_tests(tmp_path) as loom:
        for name, said in (("reminders.add", {"said": "tomorrow at 9 to swim"}),
                           ("notes.add", {"text": "the key is under the mat"})):  # fmt: skip
            done = await call(loom, name, **said)
            assert "Only until Loom ends" in done.value["text"]
