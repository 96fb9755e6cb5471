import asyncio
import logging

import pytest

from loom_desktop.tasks import Tasks


async def test_what_was_started_inside_is_over_outside() -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("work")

    async with Tasks() as tasks:
        task = tasks.start("work", work())
        await asyncio.sleep(0)
    assert ended == ["work"]
    assert task.cancelled()
    assert task.get_name() == "work"


async def test_a_failure_is_logged_and_nothing_else_stops(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail() -> None:
        raise RuntimeError("broken")

    async with Tasks() as tasks:
        with caplog.at_level(logging.ERROR):
            task = tasks.start("the failing one", fail())
            await asyncio.wait({task})
            await asyncio.sleep(0)
    assert "the failing one ended" in caplog.text


async def test_the_outcome_of_a_run_is_the_callers() -> None:
    async def give() -> int:
        return 3

    async with Tasks() as tasks:
        assert await tasks.run("give", give()) == 3
