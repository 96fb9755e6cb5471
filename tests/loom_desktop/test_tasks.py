import asyncio
import contextlib
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


async def test_what_was_cancelled_is_not_cancelled_again_at_the_end_of_the_block() -> None:
    cancels, began = list[str](), asyncio.Event()

    async def work() -> None:
        began.set()
        for _ in range(2):
            try:
                await asyncio.sleep(0.005 if cancels else 60)
            except asyncio.CancelledError:
                cancels.append("cancel")

    async with Tasks() as tasks:
        task = tasks.run("work", work())
        await began.wait()
        tasks.cancel(task)
        tasks.cancel(task)
    assert task.done()
    assert cancels == ["cancel"]


async def test_what_ignores_its_cancel_is_left_behind_by_name(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("loom_desktop.tasks.PATIENCE_S", 0.02)
    free, ended = asyncio.Event(), list[str]()

    async def ignore() -> None:
        while not free.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await free.wait()

    async def obey() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("obey")

    with caplog.at_level(logging.ERROR):
        async with asyncio.timeout(5), Tasks() as tasks:
            stubborn = tasks.start("the stubborn one", ignore())
            tasks.start("obey", obey())
            await asyncio.sleep(0)
    free.set()
    await stubborn
    assert ended == ["obey"]
    assert tasks.left_behind == 1
    assert "the stubborn one does not end" in caplog.text


async def test_a_cancel_at_the_end_still_waits_for_what_was_started() -> None:
    ended, ending = list[str](), asyncio.Event()

    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ending.set()
            await asyncio.sleep(0.01)
            ended.append("slow")

    async def block() -> None:
        async with Tasks() as tasks:
            tasks.start("slow", slow())
            await asyncio.sleep(0)

    async with asyncio.timeout(5), Tasks() as owner:
        task = owner.run("block", block())
        await ending.wait()
        task.cancel()
        await asyncio.wait({task})
    assert task.cancelled()
    assert ended == ["slow"]
