"""The life of an agent under its supervisor: started, paused, stopped, started again, deleted, and
what it listens to meanwhile."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loom_desktop import Agent, Aggregate, Context, Event, Loom, capability
from loom_desktop.errors import NotFound, UsageError
from loom_desktop.event import QoS
from loom_desktop.runtime.supervisor import AgentReport
from loom_desktop.testing import loom_for_tests
from tests.loom_desktop.store.conftest import subscribers


class Worker(Agent):
    """Takes down what it was given; holds on to what is named ``hold`` until it is let go."""

    def __init__(self, **more: Any) -> None:
        super().__init__("worker", topics=["work.asked"], on_event=self.work, **more)
        self.got: list[int] = []
        self.began = asyncio.Event()
        self.free = asyncio.Event()

    async def work(self, ctx: Context, event: Event) -> None:
        self.began.set()
        if event.payload.get("hold"):
            await self.free.wait()
        self.got.append(event.payload["n"])


def ask(loom: Loom, n: int, topic: str = "work.asked", **more: Any) -> Event:
    return loom.publisher("test", origin="user-typed")(topic, n=n, **more)


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0)


def report(loom: Loom) -> AgentReport:
    (found,) = [one for one in loom.supervisor.reports() if one.name == "worker"]
    return found


async def test_a_stopped_agent_gets_nothing_until_it_is_started_again(tmp_path: Path) -> None:
    agent = Worker()
    async with loom_for_tests(tmp_path, agent) as loom:
        told: list[str] = []
        loom.supervisor.changed = lambda one: told.append(one.state)
        ask(loom, 1)
        assert await loom.supervisor.settled(5)
        await loom.supervisor.stop("worker")
        assert report(loom).state == "stopped"
        assert "worker" not in loom.supervisor.agents
        ask(loom, 2)
        assert await loom.supervisor.settled(5)
        loom.supervisor.start_again("worker")
        ask(loom, 3)
        assert await loom.supervisor.settled(5)
        assert (agent.got, told) == ([1, 3], ["stopped", "running"])
        with pytest.raises(UsageError, match="runs already"):
            loom.supervisor.start_again("worker")


async def test_stopping_finishes_what_is_in_hand_and_what_waits_is_gone(tmp_path: Path) -> None:
    agent = Worker()
    async with loom_for_tests(tmp_path, agent) as loom:
        ask(loom, 1, hold=True)
        ask(loom, 2)
        await agent.began.wait()
        assert (report(loom).busy, report(loom).waiting) == (1, 1)
        stopped = loom.tasks.run("stop", loom.supervisor.stop("worker"))
        await asyncio.sleep(0)
        agent.free.set()
        await stopped
        assert agent.got == [1]
        assert (report(loom).busy, report(loom).waiting) == (0, 0)


async def test_stopping_cancels_what_does_not_finish_in_time(tmp_path: Path) -> None:
    agent = Worker()
    async with loom_for_tests(tmp_path, agent) as loom:
        ask(loom, 1, hold=True)
        await agent.began.wait()
        await loom.supervisor.stop("worker", drain_s=0.001)
        await until(lambda: loom.supervisor.busy == 0)
        assert agent.got == []


async def test_a_paused_agent_keeps_what_comes_and_goes_on_with_it(tmp_path: Path) -> None:
    agent = Worker(at_once=2)
    async with loom_for_tests(tmp_path, agent) as loom:
        loom.supervisor.pause("worker")
        for n in range(4):
            ask(loom, n)
        assert not await loom.supervisor.settled(0.01)
        assert (agent.got, report(loom).state) == ([], "paused")
        loom.supervisor.resume("worker")
        assert await loom.supervisor.settled(5)
        assert (sorted(agent.got), report(loom).state) == ([0, 1, 2, 3], "running")


async def test_waiting_for_a_paused_agent_to_settle_takes_no_time_of_the_loop(
    tmp_path: Path,
) -> None:
    async with loom_for_tests(tmp_path, Worker()) as loom:
        loom.supervisor.pause("worker")
        ask(loom, 1)
        settled = loom.tasks.run("settled", loom.supervisor.settled(60))
        for _ in range(20):
            await asyncio.sleep(0)
        turns = 0
        loop = asyncio.get_running_loop()
        call_soon = loop.call_soon

        def counted(*args: Any, **more: Any) -> Any:
            nonlocal turns
            turns += 1
            return call_soon(*args, **more)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loop, "call_soon", counted)
            for _ in range(100):
                await asyncio.sleep(0)
        assert turns < 110, "but for those of this test"
        loom.supervisor.resume("worker")
        assert await settled


async def test_a_cancel_reaches_what_a_paused_agent_holds(tmp_path: Path) -> None:
    agent = Worker()
    async with loom_for_tests(tmp_path, agent) as loom:
        loom.supervisor.pause("worker")
        first, second = ask(loom, 1), ask(loom, 2)
        await until(lambda: loom.supervisor.busy)
        assert loom.supervisor.cancel(first.begins) == 1
        assert loom.supervisor.cancel(second.begins) == 1
        assert await loom.supervisor.settled(5)
        loom.supervisor.resume("worker")
        ask(loom, 3)
        assert await loom.supervisor.settled(5)
        assert agent.got == [3]


async def test_stopping_a_paused_agent_does_not_begin_what_it_holds(tmp_path: Path) -> None:
    agent = Worker()
    async with loom_for_tests(tmp_path, agent) as loom:
        loom.supervisor.pause("worker")
        ask(loom, 1)
        await until(lambda: loom.supervisor.busy)
        await loom.supervisor.stop("worker")
        assert await loom.supervisor.settled(5)
        loom.supervisor.start_again("worker")
        ask(loom, 2)
        assert await loom.supervisor.settled(5)
        assert agent.got == [2]


async def test_what_a_paused_durable_agent_held_when_it_was_stopped_comes_again(
    tmp_path: Path,
) -> None:
    agent = Worker(durable=True)
    async with loom_for_tests(tmp_path, agent) as loom:
        loom.supervisor.pause("worker")
        ask(loom, 1)
        await until(lambda: loom.supervisor.busy)
        await loom.supervisor.stop("worker")
        assert agent.got == []
        loom.supervisor.start_again("worker")
        await until(lambda: agent.got)
        assert await loom.supervisor.settled(5)
        assert agent.got == [1]


async def test_a_restart_forgets_what_it_kept_in_memory(tmp_path: Path) -> None:
    agent = Worker()
    async with loom_for_tests(tmp_path, agent) as loom:
        loom.supervisor._lives["worker"].local["seen"] = 1
        await loom.supervisor.restart("worker")
        assert loom.supervisor._lives["worker"].local == {}
        ask(loom, 1)
        assert await loom.supervisor.settled(5)
        assert (agent.got, report(loom).handled) == ([1], 1)


async def test_a_deleted_agent_is_not_there_and_its_name_is_free(tmp_path: Path) -> None:
    agent = Worker()
    async with loom_for_tests(tmp_path, agent) as loom:
        supervisor = loom.supervisor
        both = [loom.tasks.run("delete", supervisor.delete("worker")) for _ in range(2)]
        await asyncio.wait(both)
        assert both[0].exception() is None
        assert "worker" not in [one.name for one in supervisor.reports()]
        for gone in (supervisor.pause, supervisor.resume, supervisor.start_again):
            with pytest.raises(NotFound, match="no agent 'worker'"):
                gone("worker")
        supervisor.start(Worker())
        assert report(loom).state == "running"


async def test_of_a_forgotten_agent_nothing_is_kept_and_nothing_comes(tmp_path: Path) -> None:
    agent, handled = Agent("worker", durable=True), asyncio.Event()

    @agent.on("work.asked")
    async def work(ctx: Context, event: Event) -> None:
        await ctx.remember("seen", 1)
        await ctx.schedule("weekly", cron="0 9 * * 1")
        handled.set()

    async with loom_for_tests(tmp_path, agent) as loom:
        loom.publisher("test", origin="user-typed")("work.asked")
        async with asyncio.timeout(5):
            await handled.wait()
        assert await loom.supervisor.settled(5)
        reminder = await loom.call("remind", text="in an hour to call Ada")
        await loom.supervisor.delete("worker", forget=True)
        assert "worker" not in await subscribers(loom.store)
        assert await loom.store.state.keys("worker") == []
        assert [one.agent for one in await loom.store.schedules.active()] == [""]
        assert reminder


async def test_deleting_while_it_works_lets_it_finish_all_its_handlers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    agent, second = Worker(), asyncio.Event()

    @agent.on("work.*")
    async def also(ctx: Context, event: Event) -> None:
        second.set()

    async with loom_for_tests(tmp_path, agent) as loom:
        ask(loom, 1, hold=True)
        await agent.began.wait()
        work = loom.supervisor._lives["worker"]
        del loom.supervisor._lives["worker"]  # as ``delete`` does when its patience is over
        agent.free.set()
        async with asyncio.timeout(5):
            await second.wait()
        assert "died" not in caplog.text
        loom.supervisor._lives["worker"] = work


async def test_what_it_listens_to_changes_while_it_runs(tmp_path: Path) -> None:
    agent = Worker()
    async with loom_for_tests(tmp_path, agent) as loom:
        supervisor = loom.supervisor
        ask(loom, 1, "else.asked")
        assert supervisor.subscribe("worker", "else.*")
        assert not supervisor.subscribe("worker", "else.*")
        assert not supervisor.subscribe("worker", "work.asked"), "it was declared with that"
        assert supervisor.report("worker").topics == ["work.asked", "else.*"]
        ask(loom, 2, "else.asked")
        assert await supervisor.settled(5)
        await supervisor.restart("worker")
        ask(loom, 3, "else.asked")
        assert await supervisor.settled(5)
        assert supervisor.unsubscribe("worker", "else.*")
        assert not supervisor.unsubscribe("worker", "else.*")
        assert not supervisor.unsubscribe("worker", "work.asked")
        ask(loom, 4, "else.asked")
        ask(loom, 5)
        assert await supervisor.settled(5)
        assert agent.got == [2, 3, 5]
        with pytest.raises(UsageError, match="is not a pattern"):
            supervisor.subscribe("worker", "a..b")
        await supervisor.stop("worker")
        with pytest.raises(UsageError, match="does not run"):
            supervisor.subscribe("worker", "b.*")


async def test_one_with_several_handlers_is_asked_which_one_is_meant(tmp_path: Path) -> None:
    agent, got = Worker(), asyncio.Event()

    @agent.on("other.asked")
    async def other(ctx: Context, event: Event) -> None:
        got.set()

    async with loom_for_tests(tmp_path, agent) as loom:
        with pytest.raises(UsageError, match="2 handlers"):
            loom.supervisor.subscribe("worker", "b.*")
        assert loom.supervisor.subscribe("worker", "b.*", other)
        ask(loom, 1, "b.asked")
        async with asyncio.timeout(5):
            await got.wait()
        assert agent.got == []


async def test_room_and_what_becomes_of_more_are_the_agents_choice(tmp_path: Path) -> None:
    agent = Worker(room=2, when_full="drop-newest")
    async with loom_for_tests(tmp_path, agent) as loom:
        ask(loom, 0, hold=True)
        await agent.began.wait()
        for n in range(1, 6):
            ask(loom, n)
        assert (report(loom).waiting, report(loom).dropped) == (2, 3)
        agent.free.set()
        assert await loom.supervisor.settled(5)
        assert (agent.got, report(loom).handled) == ([0, 1, 2], 3)


@pytest.mark.parametrize(
    ("more", "error"), [({"room": -1}, UsageError), ({"capabilities": True}, ValueError)]
)
async def test_what_cannot_start_leaves_nothing_behind(
    tmp_path: Path, more: dict[str, Any], error: type[Exception]
) -> None:
    def shelf(name: str) -> Any:
        @capability(name, effect="none")
        def count(n: int) -> int:
            """Count."""
            return n

        return count

    async with loom_for_tests(tmp_path, Agent("first", capabilities=[shelf("shelf.one")])) as loom:
        before = [one.name for one in loom.bus.mailboxes()]
        if "capabilities" in more:
            more = {"capabilities": [shelf("shelf.two"), shelf("shelf.one")]}
        with pytest.raises(error):
            loom.supervisor.start(Worker(**more))
        names = {one.name for one in loom.broker.directory()}
        assert "shelf.one" in names
        assert "shelf.two" not in names
        assert [one.name for one in loom.bus.mailboxes()] == before
        assert "worker" not in loom.supervisor.agents
        loom.supervisor.start(Worker())


async def test_a_handler_whose_wait_was_cancelled_by_others_has_failed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    agent = Agent("worker")

    @agent.on("work.asked")
    async def work(ctx: Context, event: Event) -> None:
        lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        lost.cancel()
        await lost

    with caplog.at_level(logging.CRITICAL):
        async with loom_for_tests(tmp_path, agent) as loom:
            ask(loom, 1)
            assert await loom.supervisor.settled(5)
            assert "was cancelled" in report(loom).failure
            assert report(loom).state == "running"


async def test_a_death_is_the_deaths_of_the_one_who_died(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """While one agent leaves a handler behind, its neighbours work on and have not died."""
    monkeypatch.setattr("loom_desktop.tasks.PATIENCE_S", 0.01)
    monkeypatch.setattr("loom_desktop.runtime.restarts.FIRST_WAIT_S", 0.001)
    stubborn, neighbour, free = Agent("stubborn"), Worker(), asyncio.Event()

    @stubborn.on("thing.happened")
    async def ignore(ctx: Context, event: Event) -> None:
        while not free.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await free.wait()

    with caplog.at_level(logging.CRITICAL):
        async with loom_for_tests(tmp_path, stubborn, neighbour) as loom:
            ask(loom, 1, hold=True)
            event = loom.publisher("test", origin="user-typed")("thing.happened")
            await neighbour.began.wait()
            await until(lambda: loom.supervisor.busy == 2)
            loom.supervisor.cancel(event.begins)
            await until(lambda: loom.supervisor.left_behind == 1)
            neighbour.free.set()
            assert await loom.supervisor.settled(5)
            deaths = {one.name: one.restarts for one in loom.supervisor.reports()}
            assert (deaths["stubborn"], deaths["worker"]) == (1, 0)
            free.set()
            await asyncio.sleep(0)


async def test_what_is_urgent_is_read_first(tmp_path: Path) -> None:
    agent = Worker()
    async with loom_for_tests(tmp_path, agent) as loom:
        ask(loom, 0, hold=True)
        await agent.began.wait()
        ask(loom, 1, qos=QoS.BACKGROUND)
        ask(loom, 2)
        ask(loom, 3, qos=QoS.REALTIME)
        agent.free.set()
        assert await loom.supervisor.settled(5)
        assert agent.got == [0, 3, 2, 1]


async def test_an_event_that_an_agents_key_raises_on_is_told_and_listed(tmp_path: Path) -> None:
    agent = Agent("lamp", when_full=Aggregate(lambda event: event.payload["n"]))
    got = list[str]()

    @agent.on("lamp.*")
    @agent.on("agent.failed")
    async def handle(ctx: Context, event: Event) -> None:
        got.append(event.topic)

    async with loom_for_tests(tmp_path, agent) as loom:
        told = list[Event]()
        loom.bus.subscribe("agent.failed", told.append)
        loom.publisher("test", origin="user-typed")("lamp.lit")
        loom.publisher("test", origin="user-typed")("lamp.dimmed", n=1)
        assert await loom.bus.settled(5)
        report = loom.supervisor.report("lamp")
    assert got == ["lamp.dimmed"]
    assert [(one.payload["agent"], one.payload["topic"]) for one in told] == [("lamp", "lamp.lit")]
    assert report.failure == "Its key or fold raised KeyError: 'n'."
    assert report.dropped == 0
