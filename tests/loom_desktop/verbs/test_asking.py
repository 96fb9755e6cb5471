import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from loom_desktop import Agent, Context, Event
from loom_desktop.actions import capability
from loom_desktop.errors import LoomError, NotFound, UsageError
from loom_desktop.event import QoS
from loom_desktop.llm import Text
from loom_desktop.settings import Assistant, Settings
from loom_desktop.testing import ScriptedModel, answer_of, loom_for_tests, next_event


async def test_an_answer_says_who_gave_it(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        said = (await answer_of(loom, "What is 15% of 240?")).payload
        assert "36" in said["text"]
        assert said["route"] == "offline · calculator"
        assert {"turn", "text", "route", "model", "seconds", "cost", "chips"} <= said.keys()


@pytest.mark.parametrize("text", ["", "   \n"])
async def test_nothing_is_no_question(tmp_path: Path, text: str) -> None:
    async with loom_for_tests(tmp_path) as loom:
        with pytest.raises(UsageError, match="nothing to answer"):
            await loom.call("ask", text=text)
        assert not loom.status.turns


@pytest.mark.parametrize("path", ["nowhere.pdf", "~nobody-of-this-name/x", "x" * 5000, "a\0b"])
async def test_a_file_that_is_not_there_is_told_before_anything_is_asked(
    tmp_path: Path, path: str
) -> None:
    async with loom_for_tests(tmp_path) as loom:
        with pytest.raises(NotFound):
            await loom.call("ask", text="Summarise this", files=[path])
        assert not await loom.call("conversations")


async def test_half_characters_in_a_question_hold_up_nothing(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        await answer_of(loom, "note: caf\udce9 at noon")
        await answer_of(loom, "2 + 2")
        async with asyncio.timeout(5):
            assert len(await loom.call("conversations")) == 2


def hanging() -> tuple[Agent, asyncio.Event]:
    agent, ended = Agent("chat"), asyncio.Event()

    @agent.on("chat.asked")
    async def answer(ctx: Context, event: Event) -> None:
        await ctx.emit("chat.streamed", qos=QoS.REALTIME, turn=event.id, text="Half ")
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    return agent, ended


NOBODY = Settings(assistant=Assistant(agents=()))


async def test_cancel_ends_it_keeps_what_was_said_and_tells(tmp_path: Path) -> None:
    agent, ended = hanging()
    async with loom_for_tests(tmp_path, agent, settings=NOBODY) as loom:
        streamed = loom.tasks.run("wait", next_event(loom, "chat.streamed"))
        await asyncio.sleep(0)
        asked = await loom.call("ask", text="Tell me a story")
        await streamed
        begun = asyncio.get_running_loop().time()
        assert await loom.call("cancel", conversation=asked["conversation"]) == {"cancelled": 1}
        await ended.wait()
        assert asyncio.get_running_loop().time() - begun < 0.2
        (_, kept) = await loom.call("conversation", conversation=asked["conversation"])
        assert (kept["text"], kept["state"]) == ("Half ", "cancelled")
        assert await loom.call("cancel", conversation=asked["conversation"]) == {"cancelled": 0}


async def test_one_cancel_ends_stream_tool_task_and_what_was_asked_of_others(
    tmp_path: Path,
) -> None:
    ended, begun = dict[str, asyncio.Event](), dict[str, asyncio.Event]()
    for what in ("model", "tool", "task"):
        ended[what], begun[what] = asyncio.Event(), asyncio.Event()

    async def hang(what: str) -> None:
        begun[what].set()
        try:
            await asyncio.Event().wait()
        finally:
            ended[what].set()

    class Endless(ScriptedModel):
        async def stream(self, messages: Any, **more: Any) -> AsyncGenerator[Text, None]:
            yield Text("Well ")
            await hang("model")

    @capability("shelf.wait", effect="none")
    async def wait() -> None:
        """Wait for ever."""
        await hang("tool")

    agent = Agent("worker", capabilities=[wait])

    @agent.on("thing.wanted")
    async def work(ctx: Context, event: Event) -> None:
        ctx.spawn("beside", hang("task"))
        await ctx.ask("How is the weather?")
        await ctx.tool("shelf.wait")

    async with loom_for_tests(tmp_path, agent, model=Endless([])) as loom:
        told = loom.tasks.run("wait", next_event(loom, "chat.cancelled"))
        event = loom.publisher("test", origin="user-typed")("thing.wanted")
        async with asyncio.timeout(10):
            for one in begun.values():
                await one.wait()
            assert len(loom.bus.under(event.begins)) == 2, "the question is a thread of its own"
            done = await loom.call("cancel", conversation=event.begins)
            assert done["cancelled"] == 3, "the handler, what it left running, and who answers"
            for one in ended.values():
                await one.wait()
            assert (await told).begins != event.begins
        assert await loom.supervisor.settled(5)
        assert loom.status.state == "idle"


async def test_forgetting_a_conversation_ends_it_and_nothing_of_it_comes_back(
    tmp_path: Path,
) -> None:
    agent, ended = hanging()
    async with loom_for_tests(tmp_path, agent, settings=NOBODY) as loom:
        streamed = loom.tasks.run("wait", next_event(loom, "chat.streamed"))
        over = loom.tasks.run("wait", next_event(loom, "chat.cancelled"))
        await asyncio.sleep(0)
        asked = await loom.call("ask", text="Tell me a secret story")
        await streamed
        await loom.call("forget_conversation", conversation=asked["conversation"])
        await ended.wait()
        await over  # whoever listens knows that it is over
        assert loom.status.state == "idle"
        assert not await loom.call("conversations")
        assert not await loom.store.journal.thread(asked["conversation"])


async def test_the_clipboard_is_read_once_when_the_source_is_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clipboard:
        reads = 0

        def latest(self) -> None:
            return None

        async def read_once(self) -> str:
            self.reads += 1
            return "Rain fell all week. The river rose. The bridge was closed on Friday. " * 4

    board = Clipboard()
    async with loom_for_tests(tmp_path) as loom:
        monkeypatch.setitem(loom.outside.sources._made, "clipboard", board)
        answered = loom.tasks.run("wait", next_event(loom, "chat.answered"))
        await asyncio.sleep(0)
        await loom.call("summarize_clipboard")
        said = await answered
        assert "river" in said.payload["text"] or "bridge" in said.payload["text"]
        assert said.tainted, "what was copied may be a stranger's words"
        assert board.reads


async def test_an_empty_clipboard_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clipboard:
        def latest(self) -> tuple[str, float]:
            return ("", 0.0)

    async with loom_for_tests(tmp_path) as loom:
        monkeypatch.setitem(loom.outside.sources._made, "clipboard", Clipboard())
        with pytest.raises(LoomError, match="no text on the clipboard"):
            await loom.call("summarize_clipboard")


async def test_what_a_window_copies_itself_is_told_to_the_clipboard(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        told: list[str] = []
        source: Any = loom.outside.sources["clipboard"]
        source.ignore_next = told.append
        await loom.call("copying", text_hash="ab" * 32)
        assert told == ["ab" * 32]
        with pytest.raises(UsageError):
            await loom.call("copying", text_hash="an answer")
        assert len(told) == 1
