from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from app.crossing import Engine
from loom_desktop.errors import LoomError, Unavailable
from loom_desktop.event import Event
from tests.app.fake_engine import FakeEngine

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from loom_desktop.runtime.health import Finding

Run = Callable[[FakeEngine], Engine]


def gather(engine: Engine) -> list[list[Event]]:
    batches: list[list[Event]] = []
    engine.posted.connect(batches.append)
    return batches


def test_an_answer_comes_back_on_the_thread_of_the_windows(run: Run, qtbot: QtBot) -> None:
    fake = FakeEngine({"status": lambda: {"state": "idle"}})
    engine = run(fake)
    got: list[tuple[object, bool]] = []

    def done(answer: object) -> None:
        got.append((answer, threading.current_thread() is threading.main_thread()))

    engine.request("status", done)
    qtbot.waitUntil(lambda: bool(got))
    assert got == [({"state": "idle"}, True)]
    assert fake.threads == {"loom-engine"}


def test_what_is_asked_before_the_engine_is_open_waits(qtbot: QtBot) -> None:
    gate = threading.Event()

    async def slowly() -> None:
        await asyncio.to_thread(gate.wait, 5)

    fake = FakeEngine({"status": lambda: "there"}, opens=slowly)
    got: list[str] = []
    engine = Engine(lambda: fake)
    engine.start()
    engine.request("status", got.append)
    running = [engine.running]
    with qtbot.waitSignal(engine.ready, timeout=5000):
        gate.set()
    qtbot.waitUntil(lambda: got == ["there"])
    assert [*running, engine.running] == [False, True]
    assert engine.stop()


def test_a_refusal_reaches_the_slot_as_it_is(run: Run, qtbot: QtBot) -> None:
    engine = run(FakeEngine())
    told: list[LoomError] = []
    engine.request("nonsense", None, told.append)
    qtbot.waitUntil(lambda: bool(told))
    assert told[0].message == "There is no verb 'nonsense'."


def test_a_bug_in_the_engine_is_told_without_its_details(
    run: Run, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    nothing: dict[str, str] = {}
    engine = run(FakeEngine({"broken": lambda: nothing["secret text"]}))
    told: list[LoomError] = []
    engine.request("broken", None, told.append)
    qtbot.waitUntil(lambda: bool(told))
    assert "secret text" not in told[0].message + told[0].hint
    assert "broken failed" in caplog.text


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (Unavailable("The disk is full.", hint="Free some."), "The disk is full."),
        (RuntimeError("a bug"), "Loom could not start its engine."),
    ],
)
def test_an_engine_that_does_not_start_is_told_and_every_call_says_why(
    qtbot: QtBot, error: Exception, message: str
) -> None:
    engine = Engine(lambda: FakeEngine(opens=error))
    told: list[LoomError] = []
    with qtbot.waitSignal(engine.failed, timeout=5000) as signal:
        engine.start()
        engine.request("status", None, told.append)
    assert signal.args is not None
    assert signal.args[0] == message
    qtbot.waitUntil(lambda: len(told) == 1)
    assert told[0].message == message
    qtbot.waitUntil(lambda: not engine._thread.is_alive())
    engine.request("status", None, told.append)  # also long after the thread has ended
    qtbot.waitUntil(lambda: len(told) == 2)
    assert told[1].message == message
    assert engine.stop()


def test_events_keep_their_order_and_come_in_few_batches(run: Run, qtbot: QtBot) -> None:
    fake = FakeEngine()
    engine = run(fake)
    batches = gather(engine)
    count = 3000

    async def flood() -> int:
        for number in range(count):
            fake.bus.publish(Event(topic="notice.raised", payload={"number": number}))
            if number % 100 == 0:
                await asyncio.sleep(0.002)
        return count

    fake.verbs["flood"] = flood
    engine.request("flood")
    qtbot.waitUntil(lambda: sum(map(len, batches)) == count, timeout=10_000)
    numbers = [event.payload["number"] for batch in batches for event in batch]
    assert numbers == list(range(count))
    assert len(batches) < count / 20


def test_of_a_state_only_the_newest_is_delivered(run: Run, qtbot: QtBot) -> None:
    fake = FakeEngine()
    engine = run(fake)
    batches = gather(engine)

    def burst() -> None:
        for number in range(100):
            fake.bus.publish(Event(topic="status.changed", payload={"number": number}))

    fake.verbs["burst"] = burst
    engine.request("burst")

    def seen() -> list[int]:
        return [event.payload["number"] for batch in batches for event in batch]

    qtbot.waitUntil(lambda: seen()[-1:] == [99])
    assert len(seen()) <= 5


@pytest.mark.parametrize(
    ("topic", "payload", "held_back"),
    [
        ("hotkey.pressed", {"name": "popup"}, False),
        ("chat.streamed", {"turn": 8, "text": "first"}, False),
        ("notice.raised", {}, True),
    ],
)
def test_only_what_a_person_waits_for_is_not_held_back(
    run: Run, qtbot: QtBot, topic: str, payload: dict[str, Any], held_back: bool
) -> None:
    fake = FakeEngine()
    engine = run(fake)
    engine._gap = 3600.0  # from now on a batch comes only when it is urgent
    engine._last = engine._clock()
    batches = gather(engine)
    fake.say("notice.raised", message="before")
    fake.say(topic, **payload)
    if held_back:
        qtbot.wait(50)
        assert not batches
    else:
        qtbot.waitUntil(lambda: bool(batches))
        assert [event.topic for event in batches[0]] == ["notice.raised", topic]


def test_topics_that_no_window_needs_do_not_cross(run: Run, qtbot: QtBot) -> None:
    fake = FakeEngine()
    engine = run(fake)
    batches = gather(engine)
    fake.say("clipboard.copied", text="secret")
    fake.say("notice.raised", message="done")
    qtbot.waitUntil(lambda: bool(batches))
    assert [event.topic for batch in batches for event in batch] == ["notice.raised"]


def test_a_coroutine_of_the_shell_awaits_and_cancels(run: Run, qapp: Any) -> None:
    import qasync

    begun, stopped = threading.Event(), threading.Event()

    async def long() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()

    engine = run(FakeEngine({"double": lambda number: 2 * number, "long": long}))

    async def shell() -> int:
        answer = int(await engine.call("double", number=21))
        waiting = asyncio.ensure_future(engine.call("long"))  # noqa: TID251  # the task is the test
        assert await asyncio.to_thread(begun.wait, 5)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        with pytest.raises(LoomError):
            await engine.call("nonsense")
        return answer

    loop = qasync.QEventLoop(qapp)
    try:
        assert loop.run_until_complete(shell()) == 42
    finally:
        loop.close()
        asyncio.set_event_loop(None)
    assert stopped.wait(5)


def test_a_callback_of_a_widget_that_is_gone_is_not_called(run: Run, qtbot: QtBot) -> None:
    import shiboken6
    from PySide6.QtCore import QObject

    class Owner(QObject):
        def slot(self, answer: object) -> None:
            raise AssertionError("called after its end")

    fake = FakeEngine({"status": lambda: 1})
    engine, owner = run(fake), Owner()
    engine.request("status", owner.slot)
    shiboken6.delete(owner)
    done: list[object] = []
    engine.request("status", done.append)
    qtbot.waitUntil(lambda: done == [1])


def test_the_end_is_waited_for_only_so_long(qtbot: QtBot) -> None:
    class Stuck(FakeEngine):
        async def __aexit__(self, *_: object) -> None:
            await asyncio.to_thread(release.wait, 10)

    release = threading.Event()
    fake = Stuck()
    engine = Engine(lambda: fake)
    with qtbot.waitSignal(engine.ready, timeout=5000):
        engine.start()
    assert not engine.stop(deadline_s=0.05)
    release.set()
    assert engine.stop()


def test_threads_take_shorter_turns_while_a_window_is_seen(run: Run) -> None:
    engine = run(FakeEngine())
    engine.window_shown(True)
    engine.window_shown(True)
    assert sys.getswitchinterval() == pytest.approx(0.001)
    engine.window_shown(False)
    assert sys.getswitchinterval() == pytest.approx(0.001)
    engine.window_shown(False)
    assert sys.getswitchinterval() == pytest.approx(0.005)


def test_work_that_waits_is_cancelled_at_the_end(run: Run, qtbot: QtBot) -> None:
    begun, ended = threading.Event(), threading.Event()

    async def long() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    engine = run(FakeEngine({"long": long}))
    future = engine.request("long")
    assert begun.wait(5)
    assert engine.stop()
    assert ended.is_set()
    assert future.cancelled()


def test_whether_the_windows_turn_is_asked_when_somebody_wants_to_know(
    run: Run, qtbot: QtBot
) -> None:
    fake = FakeEngine()
    engine = run(fake)
    found: list[Finding] = []

    def look() -> threading.Thread:
        thread = threading.Thread(target=lambda: found.append(fake.around["shell"]()))
        thread.start()
        return thread

    look()
    qtbot.waitUntil(lambda: len(found) == 1, timeout=5000)
    assert (found[0].state, found[0].facts["windows"]) == ("ok", 0)
    look().join(10)  # and meanwhile nothing here turns
    assert found[1].state == "degraded"
    assert "have not moved for 0." in found[1].words
    assert found[1].hint
    look().join(10)
    assert found[2].words > found[1].words, "it counts from the first question that waits"
    qtbot.waitUntil(lambda: engine._turned.is_set(), timeout=5000)
    look()
    qtbot.waitUntil(lambda: len(found) == 4, timeout=5000)
    assert found[3].state == "ok"


def test_windows_that_stand_still_have_failed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.crossing.STUCK_S", 0.0)
    monkeypatch.setattr("app.crossing.TURN_S", 0.01)
    fake = FakeEngine()
    engine = run(fake)
    assert fake.around["shell"]().state == "failed", "this thread is theirs, and waits"
    assert engine.running
