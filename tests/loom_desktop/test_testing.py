import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop import Agent, Context, Event
from loom_desktop.llm import Finish, Text
from loom_desktop.testing import (
    A_FRIDAY,
    FakeClock,
    ScriptedModel,
    answer_of,
    loom_for_tests,
    next_event,
)


def test_the_clock_stands_still_until_it_is_moved() -> None:
    clock = FakeClock()
    assert clock() == clock() == A_FRIDAY
    clock.forward(90)
    assert clock() == A_FRIDAY + 90


async def said(model: ScriptedModel) -> list[str]:
    pieces = [delta async for delta in model.stream([])]
    assert isinstance(pieces[-1], Finish)
    return [piece.text for piece in pieces if isinstance(piece, Text)]


@given(st.text())
def test_a_line_comes_in_pieces_that_are_the_line(line: str) -> None:
    pieces = asyncio.run(said(ScriptedModel([line])))
    assert "".join(pieces) == line


async def test_a_word_that_comes_twice_keeps_its_space() -> None:
    assert await said(ScriptedModel(["no means no"])) == ["no ", "means ", "no"]


async def test_a_script_that_is_over_says_so_and_an_exception_in_it_is_raised() -> None:
    model = ScriptedModel([ValueError("as told")])
    with pytest.raises(ValueError, match="as told"):
        await said(model)
    assert "".join(await said(model)) == "(no more lines)"
    assert len(model.asked) == 2


async def test_it_is_a_whole_loom_with_a_place_of_its_own(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path, says=["Hello."]) as loom:
        answer = await answer_of(loom, "hi there, who is this?")
        assert answer.payload["text"] == "Hello."
        assert loom.clock() == A_FRIDAY
        assert loom.zone.key == "Europe/Berlin"
    assert (tmp_path / "data/loom.db").exists()


async def test_agents_that_are_handed_in_run(tmp_path: Path) -> None:
    agent = Agent("echo")

    @agent.on("ping.sent")
    async def pong(ctx: Context, event: Event) -> None:
        await ctx.emit("pong.sent", n=event.payload["n"])

    async with loom_for_tests(tmp_path, agent) as loom:
        waiting = loom.tasks.run("wait", next_event(loom, "pong.*"))
        await asyncio.sleep(0)
        loom.publisher("test", origin="user-typed")("ping.sent", n=1)
        assert (await waiting).payload == {"n": 1}


async def test_an_event_that_does_not_come_is_an_error_and_not_a_hang(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        with pytest.raises(TimeoutError):
            await next_event(loom, "never.comes", timeout_s=0.01)
