import asyncio
import logging
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from loom_desktop import Event
from loom_desktop.agents import chat
from loom_desktop.errors import Unavailable
from loom_desktop.llm import Text
from loom_desktop.testing import ScriptedModel, answer_of, loom_for_tests, next_event


class Hanging(ScriptedModel):
    """Says a word and then nothing more."""

    def __init__(self) -> None:
        super().__init__([])
        self.ended = asyncio.Event()

    async def stream(self, messages: Any, **more: Any) -> AsyncGenerator[Text, None]:
        try:
            yield Text("Well ")
            await asyncio.Event().wait()
        finally:
            self.ended.set()


async def test_pieces_come_first_and_the_whole_last(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path, says=["Rain and more rain."]) as loom:
        events = [event async for event in loom.talk("ask", text="How is the weather?")]
        pieces = [e.payload["text"] for e in events if e.topic == "chat.streamed"]
        assert "".join(pieces) == events[-1].payload["text"] == "Rain and more rain."
        assert len(pieces) > 1
        assert {e.payload["turn"] for e in events} == {events[0].begins}


async def test_an_error_is_told_with_what_to_do(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path, says=[Unavailable("It is away.", hint="Wait.")]) as loom:
        said = await answer_of(loom, "How is the weather?")
        assert said.topic == "chat.failed"
        assert said.payload["message"] == "It is away."
        assert said.payload["hint"] == "Wait."


async def test_a_bug_is_told_in_words(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.CRITICAL):
        async with loom_for_tests(tmp_path, says=[KeyError("x")]) as loom:
            said = await answer_of(loom, "How is the weather?")
            assert said.topic == "chat.failed"
            assert said.payload["message"] == "Something went wrong inside Loom."


async def test_an_answer_without_end_is_ended_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat, "_LONGEST_S", 0.05)
    model = Hanging()
    async with loom_for_tests(tmp_path, model=model) as loom:
        said = await answer_of(loom, "How is the weather?")
        assert (said.topic, said.payload["text"]) == ("chat.failed", "Well ")
        assert "took longer" in said.payload["message"]
        assert model.ended.is_set()
        assert loom.status.state == "idle"


async def test_a_cancel_ends_the_stream_of_the_model_within_200_ms(tmp_path: Path) -> None:
    model = Hanging()
    async with loom_for_tests(tmp_path, model=model) as loom:
        streamed = loom.tasks.run("wait", next_event(loom, "chat.streamed"))
        await asyncio.sleep(0)
        asked = await loom.call("ask", text="How is the weather?")
        await streamed
        async with asyncio.timeout(0.2):
            await loom.call("cancel", conversation=asked["conversation"])
            await model.ended.wait()


async def test_conversations_do_not_wait_for_each_other(tmp_path: Path) -> None:
    model = Hanging()
    async with loom_for_tests(tmp_path, model=model) as loom:
        streamed = loom.tasks.run("wait", next_event(loom, "chat.streamed"))
        await asyncio.sleep(0)
        asked = await loom.call("ask", text="How is the weather?")
        await streamed
        said: Event = await answer_of(loom, "2 + 2")
        assert said.payload["text"].endswith("4")
        await loom.call("cancel", conversation=asked["conversation"])
