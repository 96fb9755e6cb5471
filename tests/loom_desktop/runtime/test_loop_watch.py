from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loom_desktop import Agent, Context, Event
from loom_desktop.bus import Bus
from loom_desktop.event import QoS
from loom_desktop.runtime import probes
from loom_desktop.runtime.loop_watch import LoopWatch
from loom_desktop.tasks import Tasks
from loom_desktop.testing import loom_for_tests

LIMIT_S = 0.1


class Seen:
    """What the watch publishes, and when."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.blocked, self.recovered = threading.Event(), threading.Event()

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        (self.blocked if event.topic.endswith("blocked") else self.recovered).set()


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
async def watch(seen: Seen) -> Any:
    made = LoopWatch(seen, limit_s=LIMIT_S, look_s=0.01)
    made.start()
    yield made
    made.stop()
    assert not made._thread.is_alive()


def hang(seen: Seen) -> None:
    """Blocks the loop until that was noticed."""
    assert seen.blocked.wait(20), "nobody noticed"


async def turning(seen: Seen) -> None:
    async with asyncio.timeout(20):
        while not seen.recovered.is_set():
            await asyncio.sleep(0)


async def test_a_task_that_blocks_is_named_with_its_line_and_told_once(
    watch: LoopWatch, seen: Seen, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a loop that only polls may be seen in ``select``, and an idle one has no lag
    monkeypatch.setattr(watch, "_idle", lambda: False)

    async def handle() -> None:
        hang(seen)

    watch.arm()
    async with Tasks() as tasks:
        tasks.run("lamp on lamp.asked", handle())
        await turning(seen)
    blocked, recovered = seen.events
    assert (blocked.topic, recovered.topic) == ("runtime.loop.blocked", "runtime.loop.recovered")
    assert blocked.payload["who"] == recovered.payload["who"] == "lamp on lamp.asked"
    file, _, line = blocked.payload["where"].rpartition(":")
    assert (Path(file).name, "seen.blocked.wait(20)" in lines(file, int(line))) == (
        (Path(__file__).name, True)
    )
    assert LIMIT_S <= blocked.payload["seconds"] <= recovered.payload["seconds"]
    assert blocked.qos is QoS.REALTIME
    assert blocked.origin == {"schedule"}
    told = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert len(told) == 1
    assert "in handle" in told[0].getMessage(), "the whole stack"
    assert "run_until_complete" not in told[0].getMessage(), "and nothing below the loop"
    assert (watch.hangs, watch.hang) == (1, None)
    assert watch.last
    assert max(watch._lags) >= LIMIT_S, "it counts as lag, whatever beats came after it"


def lines(file: str, number: int) -> str:
    return Path(file).read_text().splitlines()[number - 1]


async def test_a_callback_is_found_although_nothing_armed_the_watch(
    watch: LoopWatch, seen: Seen
) -> None:
    asyncio.get_running_loop().call_later(0.05, hang, seen)
    await turning(seen)
    assert seen.events[0].payload["who"] == "a callback of the loop"


async def test_while_it_hangs_the_health_says_for_whom(watch: LoopWatch, seen: Seen) -> None:
    task = asyncio.current_task()
    assert task
    task.set_name("lamp")
    watch.arm()
    hang(seen)
    found = probes.loop(watch, lambda: 0.0)
    assert (found.state, "Everything waits for lamp" in found.words) == ("failed", True)
    await turning(seen)
    last = watch.last
    assert last
    assert probes.loop(watch, lambda: last.began + 1).state == "degraded"
    assert probes.loop(watch, lambda: last.began + 3600).state == "ok"


async def test_a_loop_that_turns_is_never_said_to_hang(seen: Seen) -> None:
    watch = LoopWatch(seen, limit_s=5.0, look_s=0.001)
    watch.start()
    for _ in range(2000):
        watch.arm()
        await asyncio.sleep(0)
    watch.stop()
    assert not seen.events
    assert watch.lag_s < 5.0


async def test_a_process_that_was_held_up_is_nobodys_fault(
    seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped for an hour, as by a debugger: the clock went on, no processor was used."""
    times: Iterator[float] = iter([0.0, 3600.0, 3600.0])
    watch = LoopWatch(seen, clock=lambda: next(times, 3600.0), limit_s=LIMIT_S)
    waits: list[float] = []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return len(waits) > 1

    monkeypatch.setattr(watch._beaten, "wait", wait)
    watch._beat()
    assert (waits, seen.events) == ([LIMIT_S, LIMIT_S], [])


async def test_a_loop_that_is_closed_ends_the_watch(seen: Seen) -> None:
    def other() -> LoopWatch:
        async def make() -> LoopWatch:
            return LoopWatch(seen, limit_s=LIMIT_S, look_s=0.001)

        return asyncio.run(make())

    watch = await asyncio.to_thread(other)
    watch.start()
    watch._thread.join(20)
    assert not watch._thread.is_alive()
    watch.stop()


async def test_idle_it_sleeps(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is put into a loop that waits: each beat would wake it."""
    watch = LoopWatch(seen, limit_s=LIMIT_S, look_s=0.001)
    looked, beats, idle = threading.Semaphore(0), list[int](), list[bool]()
    is_idle = watch._idle

    def look() -> bool:
        idle.append(is_idle())
        if idle[-1]:  # before the loop waits it is looked at as often as there is time
            looked.release()
        return idle[-1]

    def beat() -> None:
        beats.append(1)

    monkeypatch.setattr(watch, "_idle", look)
    monkeypatch.setattr(watch, "_beat", beat)
    enough = asyncio.get_running_loop().create_future()

    def wait() -> None:
        for _ in range(50):
            assert looked.acquire(timeout=20)
        enough.get_loop().call_soon_threadsafe(enough.set_result, None)

    watch.start()
    thread = threading.Thread(target=wait)
    thread.start()
    await enough
    thread.join()
    watch.stop()
    waits = idle.index(True)
    assert False not in idle[waits : waits + 50], "it sees that the loop waits"
    assert len(beats) == idle.count(False), "a beat would wake it"


async def test_a_running_loom_is_watched_and_each_event_arms_the_watch(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path, listening=True) as loom:
        watch = loom.loop_watch
        assert watch
        assert watch._thread.is_alive()
        armed: list[int] = []
        loom.bus.subscribe("lamp.lit", lambda _: armed.append(watch._armed))
        loom.bus.publish(Event(topic="lamp.lit"))
        assert armed == [True]
        names = {one["name"] for one in (await loom.call("health"))["parts"]}
        assert "loop" in names
    assert not watch._thread.is_alive()
    async with loom_for_tests(tmp_path / "once") as loom:
        assert loom.loop_watch is None, "one command needs none"


async def test_what_blocks_after_the_beat_is_found_while_a_handler_is_at_work(seen: Seen) -> None:
    """Its event armed the watch, and the beat came before it: nothing arms the watch again."""
    watch = LoopWatch(seen, limit_s=LIMIT_S, look_s=3600)
    watch.at_work = lambda: True
    watch.start()
    asyncio.get_running_loop().call_later(3 * LIMIT_S, hang, seen)
    await turning(seen)
    watch.stop()
    assert seen.events[0].payload["who"] == "a callback of the loop"


async def test_after_a_beat_it_looks_whether_the_loop_waits(seen: Seen) -> None:
    """What begins between the beat of its event and the next look, with nobody known to work."""
    watch = LoopWatch(seen, limit_s=LIMIT_S, look_s=3600)

    def block() -> None:
        asyncio.get_running_loop().call_soon(hang, seen)

    watch.turned = block
    watch.start()
    watch.arm()
    await turning(seen)
    watch.stop()
    assert len(seen.events) >= 2


async def test_an_agent_that_blocks_is_found_however_late_its_handler_begins(
    tmp_path: Path,
) -> None:
    seen, agent = threading.Event(), Agent("hang")
    quiet: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @agent.on("lamp.asked")
    async def block(ctx: Context, event: Event) -> None:
        await quiet  # the beats of its event are over by then
        assert seen.wait(20), "nobody noticed"

    async with loom_for_tests(tmp_path, agent, listening=True) as loom:
        watch = loom.loop_watch
        assert watch
        watch._look_s = 3600.0
        tell = watch._publish

        def publish(event: Event) -> None:
            tell(event)
            if event.topic == "runtime.loop.blocked":
                seen.set()

        watch._publish = publish
        loom.bus.publish(Event(topic="lamp.asked"))
        loom.bus.loop.call_later(4 * watch._limit_s, quiet.set_result, None)
        async with asyncio.timeout(40):
            while watch.last is None:
                await asyncio.sleep(0)
        assert watch.last.who.startswith("hang on lamp.asked")


async def test_its_events_reach_the_bus_when_the_loop_turns_again(seen: Seen) -> None:
    bus, topics = Bus(), list[str]()
    bus.subscribe("runtime.loop.*", lambda event: topics.append(event.topic))

    def both(event: Event) -> None:
        bus.publish_from_thread(event)
        seen(event)

    watch = LoopWatch(both, limit_s=LIMIT_S)
    watch.start()
    watch.arm()
    hang(seen)
    await turning(seen)
    while len(topics) < 2:
        await asyncio.sleep(0)
    watch.stop()
    assert topics == ["runtime.loop.blocked", "runtime.loop.recovered"]
