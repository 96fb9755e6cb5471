import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from loom_desktop import Loom
from loom_desktop.errors import Unavailable
from loom_desktop.event import Event, QoS
from loom_desktop.runtime.conversations import Recorder
from loom_desktop.settings import Assistant, Settings
from loom_desktop.testing import answer_of, loom_for_tests

NOBODY = Settings(assistant=Assistant(agents=()))
ANSWERED = {"route": "offline · x", "model": "", "seconds": 1.0, "cost": None, "chips": []}


def say(loom: Loom, topic: str, *, thread: int = 0, **payload: Any) -> Event:
    qos = QoS.REALTIME if topic == "chat.streamed" else QoS.BATCHED
    return loom.publisher("test", origin="user-typed")(topic, thread=thread, qos=qos, **payload)


async def kept(loom: Loom, conversation: int) -> list[tuple[str, str, str]]:
    messages = await loom.call("conversation", conversation=conversation)
    return [(one["role"], one["text"], one["state"]) for one in messages]


async def test_question_and_answer_are_written_down_with_who_answered(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        said = await answer_of(loom, "2 + 2")
        question, answer = await loom.call("conversation", conversation=said.begins)
        assert (question["role"], question["text"]) == ("user", "2 + 2")
        assert answer["route"] == "offline · calculator"
        assert answer["seconds"] >= 0
        (one,) = await loom.store.conversations.messages(said.begins, limit=1)
        assert one.origin == {"user-typed"}


@pytest.mark.parametrize(
    ("topic", "payload", "text", "state"),
    [
        ("chat.answered", {"text": "Half a whole.", **ANSWERED}, "Half a whole.", "done"),
        ("chat.failed", {"text": "Half ", "message": "It broke.", "hint": "Wait."},
         "Half \n\nIt broke. Wait.", "failed"),
        ("chat.failed", {"text": "", "message": "It broke.", "hint": ""},
         "Half \n\nIt broke.", "failed"),
        ("chat.cancelled", {}, "Half ", "cancelled"),
    ],
)  # fmt: skip
async def test_however_it_ends_what_was_said_is_kept(
    tmp_path: Path, topic: str, payload: dict[str, Any], text: str, state: str
) -> None:
    async with loom_for_tests(tmp_path, settings=NOBODY) as loom:
        asked = say(loom, "chat.asked", text="Well?")
        say(loom, "chat.streamed", thread=asked.id, turn=asked.id, text="Half ")
        say(loom, topic, thread=asked.id, turn=asked.id, **payload)
        assert await kept(loom, asked.id) == [
            ("user", "Well?", "done"), ("assistant", text, state)
        ]  # fmt: skip
        assert not loom.recorder._said


async def test_what_was_being_said_when_it_ended_is_there_and_interrupted(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path, settings=NOBODY) as loom:
        asked = say(loom, "chat.asked", text="Well?")
        await loom.recorder.settled()
        say(loom, "chat.streamed", thread=asked.id, turn=asked.id, text="Half ")
        async with asyncio.timeout(5):
            while (await kept(loom, asked.id))[1] != ("assistant", "Half ", "streaming"):
                await asyncio.sleep(0.001)
    async with loom_for_tests(tmp_path, settings=NOBODY) as loom:
        assert (await kept(loom, asked.id))[1] == ("assistant", "Half ", "interrupted")


@pytest.mark.parametrize("error", [Unavailable("The disk is full."), TypeError("a bug")])
async def test_what_cannot_be_written_stops_nothing_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    async with loom_for_tests(tmp_path, settings=NOBODY) as loom:
        put, failed = loom.store.conversations.put, False

        async def once(message: Any) -> Any:
            nonlocal failed
            if not failed:
                failed = True
                raise error
            return await put(message)

        with caplog.at_level(logging.CRITICAL):
            monkeypatch.setattr(loom.store.conversations, "put", once)
            asked = say(loom, "chat.asked", text="Well?")
            while loom.recorder.lost + loom.recorder.kept < 1:
                await asyncio.sleep(0)
            assert str(error) in loom.recorder.trouble
            say(loom, "chat.answered", thread=asked.id, turn=asked.id, text="So.", **ANSWERED)
            assert await loom.recorder.settled()
        assert await kept(loom, asked.id) == [("assistant", "So.", "done")]
        recorder = loom.recorder
        assert (recorder.lost, recorder.kept, recorder.trouble) == (1, 2, ""), "it is over"
        assert recorder.running
    assert not recorder.running


async def test_settling_has_a_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with loom_for_tests(tmp_path, settings=NOBODY) as loom:
        go = asyncio.Event()

        async def hang(message: Any) -> None:
            await go.wait()

        monkeypatch.setattr(loom.store.conversations, "put", hang)
        say(loom, "chat.asked", text="Well?")
        assert not await loom.recorder.settled(0.01)
        go.set()
        assert await loom.recorder.settled()


async def test_an_event_of_another_shape_is_no_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.CRITICAL):
        async with loom_for_tests(tmp_path, settings=NOBODY) as loom:
            assert isinstance(loom.recorder, Recorder)
            for topic in ("chat.streamed", "chat.answered", "chat.asked", "chat.failed"):
                say(loom, topic)
            assert await loom.recorder.settled()


async def test_pieces_that_come_quickly_are_written_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    async with loom_for_tests(tmp_path, says=["word " * 300]) as loom:
        monkeypatch.setattr(
            loom.store.conversations, "extend", lambda turn, text: written.append(text)
        )
        said = await answer_of(loom, "Write a poem")
        kept = await loom.call("conversation", conversation=said.begins)
    assert kept[-1]["text"] == said.payload["text"]
    assert len(written) < 30
