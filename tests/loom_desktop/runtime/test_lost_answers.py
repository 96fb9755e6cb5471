import asyncio
from pathlib import Path

import pytest

from loom_desktop import Agent, Context, Event
from loom_desktop.testing import loom_for_tests, next_event


async def test_a_question_whose_work_failed_is_over_when_that_work_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("loom_desktop.runtime.lost_answers.LOOK_S", 0.0)
    slow, begun, end = Agent("slow"), asyncio.Event(), asyncio.Event()

    @slow.on("work.asked")
    async def work(ctx: Context, event: Event) -> None:
        begun.set()
        await end.wait()
        raise RuntimeError("no")

    async with loom_for_tests(tmp_path, slow) as loom:
        asked = loom.publisher("test", origin="user-typed")("work.asked")
        await begun.wait()
        loom.status.turns[asked.id] = asked.begins
        loom.lost_answers.end()
        assert loom.status.turns, "somebody works on it"
        over = loom.tasks.run("wait", next_event(loom, "chat.failed"))
        await asyncio.sleep(0)
        end.set()
        told = (await over).payload
    assert (told["turn"], told["message"]) == (asked.id, "The answer broke off.")
    assert "slow failed" in caplog.text
