from pathlib import Path

import pytest

from loom_desktop.testing import loom_for_tests


async def test_a_problem_is_there_until_the_person_has_read_it(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        loom.status.trouble("The disk is full.", "Free some space.")
        loom.status.trouble("An agent is paused.")
        await loom.call("dismiss_problem", message="The disk is full.")
        told = await loom.call("status")
        assert [one["message"] for one in told["problems"]] == ["An agent is paused."]
        assert told["state"] == "trouble"
        await loom.call("dismiss_problem", message="An agent is paused.")
        assert (await loom.call("status"))["state"] == "idle"


async def test_what_left_today_is_counted(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        assert not any((await loom.call("left_today")).values())


async def test_what_cannot_be_looked_at_does_not_take_the_status_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing:
        origin = ""

        def report(self) -> None:
            raise RuntimeError("broken")

    async with loom_for_tests(tmp_path) as loom:
        monkeypatch.setitem(loom.outside.sources._made, "files", Failing())
        sources = (await loom.call("status"))["sources"]
        assert not sources["files"]["working"]
        assert sources["clipboard"]
