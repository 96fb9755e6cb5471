import asyncio
from pathlib import Path

import pytest

from loom_desktop.errors import NotFound, UsageError
from loom_desktop.testing import loom_for_tests, next_event


@pytest.mark.parametrize(("seconds", "ok"), [(600, True), (-1, True), (1e300, False), (0, True)])
async def test_a_pause_has_an_end_that_can_be_shown(
    tmp_path: Path, seconds: float, ok: bool
) -> None:
    async with loom_for_tests(tmp_path) as loom:
        if ok:
            await loom.call("pause_capture", seconds=seconds)
        else:
            with pytest.raises(UsageError, match="a year"):
                await loom.call("pause_capture", seconds=seconds)
        assert (await loom.call("status"))["words"]
        await loom.call("resume_capture")
        assert (await loom.call("status"))["state"] == "idle"


async def test_windows_are_shown_where_there_are_some(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        with pytest.raises(NotFound, match="without a window"):
            await loom.call("show", window="popup")
    async with loom_for_tests(tmp_path, desktop=True) as loom:
        asked = loom.tasks.run("wait", next_event(loom, "window.requested"))
        await asyncio.sleep(0)
        await loom.call("show", window="inbox")
        assert (await asked).payload["window"] == "inbox"
        for toggle in (False, True):
            asked = loom.tasks.run("wait", next_event(loom, "popup.requested"))
            await asyncio.sleep(0)
            await loom.call("show", **({"toggle": True} if toggle else {}))
            assert (await asked).payload["toggle"] is toggle
        with pytest.raises(UsageError):
            await loom.call("show", window="bathroom")
