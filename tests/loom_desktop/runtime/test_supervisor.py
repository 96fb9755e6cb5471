import asyncio
import contextlib
import logging
from pathlib import Path
from typing import Any

import pytest

from loom_desktop import Agent, Context, Event, capability
from loom_desktop.errors import Denied, Unavailable, UsageError
from loom_desktop.event import MOST_HOPS, SCHEDULED, Privacy, QoS
from loom_desktop.testing import loom_for_tests, next_event


async def test_a_handler_that_raises_costs_one_event(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    agent, got = Agent("shaky"), asyncio.Queue[int]()

    @agent.on("thing.happened")
    async def handle(ctx: Context, event: Event) -> None:
        if event.payload["n"] == 1:
            raise Unavailable("The thing broke.", hint="Mend it.")
        got.put_nowait(event.payload["n"])

    async with loom_for_tests(tmp_path, agent) as loom:
        failed = loom.tasks.run("wait", next_event(loom, "agent.failed"))
        await asyncio.sleep(0)
        with caplog.at_level(logging.ERROR):
            for n in range(3):
                loom.publisher("test", origin="user-typed")("thing.happened", n=n)
            told = (await failed).payload
            async with asyncio.timeout(5):
                assert [await got.get(), await got.get()] == [0, 2]
    assert told == {
        "agent": "shaky", "topic": "thing.happened", "error": "The thing broke.",
        "hint": "Mend it.",
    }  # fmt: skip


async def test_an_agent_that_listens_to_failures_cannot_fail_for_ever(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    agent, calls = Agent("unlucky"), list[str]()
    second = asyncio.Event()

    @agent.on("thing.happened")
    @agent.on("agent.failed")
    async def fail(ctx: Context, event: Event) -> None:
        calls.append(event.topic)
        if event.topic == "agent.failed":
            second.set()
        raise RuntimeError("no")

    async with loom_for_tests(tmp_path, agent) as loom:
        with caplog.at_level(logging.CRITICAL):
            loom.publisher("test", origin="user-typed")("thing.happened")
            async with asyncio.timeout(5):
                await second.wait()
            for _ in range(20):
                await asyncio.sleep(0)
    assert calls == ["thing.happened", "agent.failed"]


async def test_stopping_a_thread_stops_its_work_and_nothing_else(tmp_path: Path) -> None:
    agent = Agent("slow", at_once=2)
    begun, ended, spared = asyncio.Semaphore(0), list[int](), asyncio.Event()

    @agent.on("work.asked")
    async def work(ctx: Context, event: Event) -> None:
        begun.release()
        try:
            await spared.wait()
        finally:
            ended.append(event.begins)

    async with loom_for_tests(tmp_path, agent) as loom:
        one, two = (loom.publisher("test", origin="user-typed")("work.asked") for _ in range(2))
        async with asyncio.timeout(5):
            await begun.acquire()
            await begun.acquire()
        assert loom.supervisor.busy == 2
        assert loom.supervisor.cancel(one.begins) == 1
        assert loom.supervisor.cancel(one.begins) == 0
        for _ in range(5):
            await asyncio.sleep(0)
        assert ended == [one.begins]
        spared.set()
        for _ in range(5):
            await asyncio.sleep(0)
        assert ended == [one.begins, two.begins]
        assert loom.supervisor.busy == 0


async def test_a_handler_past_its_deadline_is_stopped_and_told(tmp_path: Path) -> None:
    agent = Agent("hung", deadline_s=0.02)

    @agent.on("thing.happened")
    async def hang(ctx: Context, event: Event) -> None:
        await asyncio.Event().wait()

    async with loom_for_tests(tmp_path, agent) as loom:
        failed = loom.tasks.run("wait", next_event(loom, "agent.failed"))
        await asyncio.sleep(0)
        loom.publisher("test", origin="user-typed")("thing.happened")
        assert "longer than 0.02 s" in (await failed).payload["error"]
        assert loom.supervisor.failed["hung"]


async def test_what_follows_carries_thread_labels_and_hops(tmp_path: Path) -> None:
    agent = Agent("echo")

    @agent.on("thing.happened")
    async def echo(ctx: Context, event: Event) -> None:
        await ctx.emit("thing.echoed", n=1)

    async with loom_for_tests(tmp_path, agent) as loom:
        echoed = loom.tasks.run("wait", next_event(loom, "thing.echoed"))
        await asyncio.sleep(0)
        first = loom.publisher("test", origin="clipboard")("thing.happened")
        event = await echoed
    assert (event.thread, event.cause, event.hop) == (first.id, first.id, 1)
    assert event.origin == first.origin
    assert event.privacy == first.privacy
    assert event.sender == "echo"


async def test_agents_that_answer_each_other_for_ever_end(tmp_path: Path) -> None:
    agent, calls = Agent("pingpong"), list[int]()

    @agent.on("ball.hit")
    async def hit(ctx: Context, event: Event) -> None:
        calls.append(event.hop)
        await ctx.emit("ball.hit")

    async with loom_for_tests(tmp_path, agent) as loom:
        loom.publisher("test", origin="user-typed")("ball.hit")
        async with asyncio.timeout(5):
            while loom.bus.circled == 0:
                await asyncio.sleep(0)
    assert calls == list(range(MOST_HOPS + 1))


async def test_an_agent_cannot_pretend_to_be_the_runtime(tmp_path: Path) -> None:
    agent = Agent("cheat")
    refused: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()

    @agent.on("thing.happened")
    async def cheat(ctx: Context, event: Event) -> None:
        try:
            await ctx.emit("card.answered.downloads.move", card=1)
        except Denied as error:
            refused.set_result(error)

    async with loom_for_tests(tmp_path, agent) as loom:
        loom.publisher("test", origin="user-typed")("thing.happened")
        async with asyncio.timeout(5):
            assert isinstance(await refused, Denied)


async def test_request_and_reply_tools_thinking_and_memory_of_an_agent(tmp_path: Path) -> None:
    @capability("shelf.double", effect="none")
    def double(n: int) -> int:
        """Double a number."""
        return 2 * n

    asker, answerer = Agent("asker", capabilities=[double]), Agent("answerer")
    done: asyncio.Future[dict[str, object]] = asyncio.get_running_loop().create_future()

    @answerer.on("number.asked")
    async def answer(ctx: Context, event: Event) -> None:
        await ctx.reply(event, n=21)

    @asker.on("thing.happened")
    async def ask(ctx: Context, event: Event) -> None:
        n = (await ctx.request("number.asked")).payload["n"]
        await ctx.remember("n", n)
        done.set_result(
            {
                "double": (await ctx.tool("shelf.double", n=n)).value,
                "thought": await ctx.think("What is the answer?", about={"n": n}),
                "recalled": await ctx.recall("n"),
                "nothing": await ctx.recall("m", "none"),
            }
        )

    async with loom_for_tests(tmp_path, asker, answerer, says=["It is 42."]) as loom:
        loom.publisher("test", origin="user-typed")("thing.happened")
        async with asyncio.timeout(5):
            assert await done == {
                "double": 42, "thought": "It is 42.", "recalled": 21, "nothing": "none",
            }  # fmt: skip


async def test_the_lane_is_the_senders_choice(tmp_path: Path) -> None:
    agent = Agent("quick")

    @agent.on("thing.happened")
    async def quick(ctx: Context, event: Event) -> None:
        await ctx.emit("thing.seen", qos=QoS.REALTIME)

    async with loom_for_tests(tmp_path, agent) as loom:
        seen = loom.tasks.run("wait", next_event(loom, "thing.seen"))
        await asyncio.sleep(0)
        loom.publisher("test", origin="user-typed")("thing.happened")
        assert (await seen).qos is QoS.REALTIME


async def test_what_has_begun_is_finished_before_the_end(tmp_path: Path) -> None:
    agent, done = Agent("slow"), list[str]()

    @agent.on("thing.happened")
    async def slow(ctx: Context, event: Event) -> None:
        await asyncio.sleep(0.02)
        done.append("thing")
        await ctx.emit("thing.followed")

    @agent.on("thing.followed")
    async def follow(ctx: Context, event: Event) -> None:
        await asyncio.sleep(0.02)
        done.append("follow")

    async with loom_for_tests(tmp_path, agent) as loom:
        loom.publisher("test", origin="user-typed")("thing.happened")
    assert done == ["thing", "follow"]


async def test_settling_has_a_deadline(tmp_path: Path) -> None:
    agent, begun = Agent("hung"), asyncio.Event()

    @agent.on("thing.happened")
    async def hang(ctx: Context, event: Event) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with loom_for_tests(tmp_path, agent) as loom:
        event = loom.publisher("test", origin="user-typed")("thing.happened")
        await begun.wait()
        assert not await loom.supervisor.settled(0.01)
        loom.supervisor.cancel(event.begins)
        assert await loom.supervisor.settled(5)


async def test_a_cancel_reaches_what_still_waits(tmp_path: Path) -> None:
    agent, begun, handled = Agent("busy"), asyncio.Event(), list[int]()

    @agent.on("thing.happened")
    async def handle(ctx: Context, event: Event) -> None:
        handled.append(event.payload["n"])
        begun.set()
        await asyncio.Event().wait()

    async with loom_for_tests(tmp_path, agent) as loom:
        publish = loom.publisher("test", origin="user-typed")
        first = publish("thing.happened", n=1)
        second = publish("thing.happened", n=2)
        await begun.wait()
        assert loom.supervisor.cancel(second.begins) == 1
        assert loom.supervisor.cancel(first.begins) == 1
        assert await loom.supervisor.settled(5)
    assert handled == [1]


async def test_what_is_asked_right_after_a_cancel_can_be_cancelled_too(tmp_path: Path) -> None:
    agent, begun = Agent("hung", at_once=2), asyncio.Queue[int]()

    @agent.on("thing.happened")
    async def hang(ctx: Context, event: Event) -> None:
        begun.put_nowait(event.payload["n"])
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)  # it takes its time to end

    async with loom_for_tests(tmp_path, agent) as loom:
        publish = loom.publisher("test", origin="user-typed")
        event = publish("thing.happened", n=1)
        assert await begun.get() == 1
        assert loom.supervisor.cancel(event.begins) == 1
        publish("thing.happened", thread=event.begins, n=2)
        assert await begun.get() == 2
        await asyncio.sleep(0.03)
        assert loom.supervisor.cancel(event.begins) == 1
        assert await loom.supervisor.settled(5)


async def test_what_a_handler_left_running_can_clean_up_at_the_end(tmp_path: Path) -> None:
    agent, cleaned, begun = Agent("leaver"), list[str](), asyncio.Event()

    @agent.on("thing.happened")
    async def leave(ctx: Context, event: Event) -> None:
        async def wait() -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                for step in ("first", "second", "third"):
                    await asyncio.sleep(0.001)
                    cleaned.append(step)

        ctx.spawn("wait", wait())

    async with asyncio.timeout(5):
        async with loom_for_tests(tmp_path, agent) as loom:
            event = loom.publisher("test", origin="user-typed")("thing.happened")
            await begun.wait()
            loom.supervisor.cancel(event.begins)
    assert cleaned == ["first", "second", "third"], "the end of Loom does not cut it short"


async def test_what_a_handler_left_running_ends_with_its_thread(tmp_path: Path) -> None:
    agent, ended = Agent("leaver"), asyncio.Event()

    @agent.on("thing.happened")
    async def leave(ctx: Context, event: Event) -> None:
        async def wait() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        ctx.spawn("wait", wait())
        await ctx.emit("thing.left")

    async with loom_for_tests(tmp_path, agent) as loom:
        left = loom.tasks.run("wait", next_event(loom, "thing.left"))
        await asyncio.sleep(0)
        event = loom.publisher("test", origin="user-typed")("thing.happened")
        await left
        await asyncio.sleep(0.01)
        assert not ended.is_set(), "it outlives its handler"
        assert loom.supervisor.busy
        loom.supervisor.cancel(event.begins)
        async with asyncio.timeout(5):
            await ended.wait()


async def test_an_event_between_the_mailbox_and_the_hand_is_waited_for(tmp_path: Path) -> None:
    agent, done = Agent("two", at_once=2), list[int]()

    @agent.on("thing.happened")
    async def handle(ctx: Context, event: Event) -> None:
        await asyncio.sleep(0)
        done.append(event.payload["n"])

    async with loom_for_tests(tmp_path, agent) as loom:
        for n in range(20):
            loom.publisher("test", origin="user-typed")("thing.happened", n=n)
            for _ in range(n % 5):
                await asyncio.sleep(0)
            assert await loom.supervisor.settled(5)
            assert len(done) == n + 1


async def test_a_handler_that_is_none_costs_one_event_and_not_the_agent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    agent, got = Agent("odd"), asyncio.Event()

    def plain(ctx: Context, event: Event) -> None: ...

    wrong: Any = plain
    agent.handlers.append(("thing.wrong", wrong))  # past the check of ``Agent.on``

    @agent.on("thing.right")
    async def right(ctx: Context, event: Event) -> None:
        got.set()

    async with loom_for_tests(tmp_path, agent) as loom:
        publish = loom.publisher("test", origin="user-typed")
        with caplog.at_level(logging.CRITICAL):
            publish("thing.wrong")
            publish("thing.right")
            async with asyncio.timeout(5):
                await got.wait()
        assert "coroutine" in loom.supervisor.failed["odd"]


async def test_an_agent_that_dies_is_restarted_three_times_then_paused_and_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    agent, told, dies = Agent("frail", at_once=2), list[Event](), list[bool]()
    monkeypatch.setattr("loom_desktop.runtime.restarts.FIRST_WAIT_S", 0.001)

    @agent.on("thing.happened")
    async def handle(ctx: Context, event: Event) -> None: ...

    async def die(*_: object) -> None:
        dies.append(True)
        raise RuntimeError("a bug of ours")

    async with loom_for_tests(tmp_path, agent) as loom:
        monkeypatch.setattr(loom.supervisor, "_handle", die)
        loom.bus.subscribe("agent.failed", told.append)
        publish = loom.publisher("test", origin="user-typed")
        with caplog.at_level(logging.CRITICAL):
            for n in range(5):
                publish("thing.happened", n=n)
            async with asyncio.timeout(5):
                while not told:
                    await asyncio.sleep(0.001)
        publish("thing.happened")
        assert await loom.supervisor.settled(5), "what nobody takes is not waited for"
        assert 4 <= len(dies) <= 5, "the other task may be in the middle of one"
        assert [one.payload["agent"] for one in told] == ["frail"]
        assert (told[0].origin, told[0].privacy) == (SCHEDULED, Privacy.PRIVATE)
        assert loom.supervisor.report("frail").handled >= 3, "its counts outlive its mailbox"
        assert told[0].payload["hint"]
        assert "frail" not in loom.supervisor.agents
        assert (told[0].payload["error"], told[0].payload["hint"]) in loom.status.problems


async def test_a_stop_finds_what_left_the_mailbox_and_has_not_begun(tmp_path: Path) -> None:
    agent, handled = Agent("two", at_once=2), list[int]()

    @agent.on("thing.happened")
    async def handle(ctx: Context, event: Event) -> None:
        handled.append(event.payload["n"])

    async with loom_for_tests(tmp_path, agent) as loom:
        for n in range(8):  # whatever number of turns of the loop it takes to leave the mailbox
            event = loom.publisher("test", origin="user-typed")("thing.happened", n=n)
            for _ in range(n):
                await asyncio.sleep(0)
            before = n in handled
            stopped = loom.supervisor.cancel(event.begins)
            assert await loom.supervisor.settled(5)
            assert before or (stopped == 1 and n not in handled), n


async def test_what_was_stopped_says_nothing_more_even_when_it_goes_on(tmp_path: Path) -> None:
    agent, begun, ended = Agent("stubborn"), asyncio.Event(), asyncio.Event()
    said = list[str]()

    @agent.on("thing.happened")
    async def handle(ctx: Context, event: Event) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await ctx.emit("thing.streamed", turn=event.id)
            raise
        finally:
            await ctx.emit("thing.ended", turn=event.id)
            ended.set()

    async with loom_for_tests(tmp_path, agent) as loom:
        loom.bus.subscribe("thing.*", lambda event: said.append(event.topic))
        event = loom.publisher("test", origin="user-typed")("thing.happened")
        async with asyncio.timeout(5):
            await begun.wait()
            loom.supervisor.cancel(event.begins)
            await ended.wait()
    assert said == ["thing.happened"]


@pytest.mark.parametrize("how", ["stop", "deadline"])
async def test_a_handler_that_is_stopped_can_clean_up(how: str, tmp_path: Path) -> None:
    agent = Agent("tidy", deadline_s=0.05 if how == "deadline" else 600.0)
    begun, cleaned, clean = asyncio.Event(), list[str](), asyncio.Event()

    @agent.on("thing.happened")
    async def handle(ctx: Context, event: Event) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            for step in ("first", "second", "third"):
                await asyncio.sleep(0.001)  # closing a connection takes turns of the loop
                cleaned.append(step)
            clean.set()

    async with asyncio.timeout(5), loom_for_tests(tmp_path, agent) as loom:
        event = loom.publisher("test", origin="user-typed")("thing.happened")
        await begun.wait()
        if how == "stop":
            assert loom.supervisor.cancel(event.begins) == 1
        await clean.wait()
        assert loom.supervisor.left_behind == 0
    assert cleaned == ["first", "second", "third"]


@pytest.mark.parametrize("how", ["stop", "deadline", "end"])
async def test_a_handler_that_ignores_its_cancel_blocks_neither_agent_nor_end(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("loom_desktop.tasks.PATIENCE_S", 0.02)
    monkeypatch.setattr("loom_desktop.loom._DRAIN_S", 0.02)
    agent = Agent("stubborn", deadline_s=0.05 if how == "deadline" else 600.0)
    begun, free, got = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @agent.on("thing.happened")
    async def handle(ctx: Context, event: Event) -> None:
        begun.set()
        while not free.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await free.wait()

    @agent.on("thing.else")
    async def other(ctx: Context, event: Event) -> None:
        got.set()

    with caplog.at_level(logging.CRITICAL):
        async with asyncio.timeout(5), loom_for_tests(tmp_path, agent) as loom:
            publish = loom.publisher("test", origin="user-typed")
            event = publish("thing.happened")
            await begun.wait()
            if how != "end":
                if how == "stop":
                    loom.supervisor.cancel(event.begins)
                publish("thing.else")
                await got.wait()
                assert loom.supervisor.left_behind == 1
    free.set()
    await asyncio.sleep(0)


@pytest.mark.parametrize("name", ["person", "desk", "broker", "runtime", "loom", "chat"])
async def test_an_agent_cannot_take_the_name_of_somebody_else(tmp_path: Path, name: str) -> None:
    async with loom_for_tests(tmp_path) as loom:
        before = loom.supervisor.agents
        with pytest.raises(UsageError, match="cannot be called"):
            loom.supervisor.start(Agent(name))
        assert loom.supervisor.agents == before


async def test_a_report_says_what_was_handled_and_a_handler_is_woken_once(tmp_path: Path) -> None:
    heard: list[str] = []
    lamp = Agent("lamp")

    @lamp.on("light.*")
    @lamp.on("light.wanted")
    async def take(ctx: Context, event: Event) -> None:
        heard.append(event.topic)

    async with loom_for_tests(tmp_path, lamp) as loom:
        loom.bus.publish(Event(topic="light.wanted"))
        assert await loom.supervisor.settled(5)
        report = loom.supervisor.report("lamp")
        assert (report.handled, report.waiting, report.busy) == (1, 0, 0)
        assert heard == ["light.wanted"]
        assert loom.supervisor.states["lamp"] == "running"


async def test_a_durable_agent_misses_nothing_from_its_first_start_on(tmp_path: Path) -> None:
    heard: list[int] = []
    counts = Agent("counts", durable=True)

    @counts.on("sheep.seen")
    async def take(ctx: Context, event: Event) -> None:
        heard.append(event.payload["n"])

    async with loom_for_tests(tmp_path) as loom:
        loom.bus.publish(Event(topic="sheep.seen", payload={"n": 0}))
        loom.supervisor.start(counts)
        for n in range(1, 50):
            loom.bus.publish(Event(topic="sheep.seen", payload={"n": n}))
        assert await loom.supervisor.settled(5)
        assert heard[-49:] == [*range(1, 50)], "and perhaps what was on its way to the disk"
