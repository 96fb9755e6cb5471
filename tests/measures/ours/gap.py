"""A window, the real crossing and a real engine in its thread: FOLDER SECONDS RATE HOG_MS LANE.

RATE events a second are published on the bus: of a topic that crosses to the window in order, and
that nobody else acts upon. A subscriber with a mailbox handles them, seven at once, and the window
gets all of them. Every half second the engine computes for HOG_MS without a pause, as a careless
agent would. LANE ``realtime`` is not kept in the journal, ``batched`` is, each single one.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QLabel

from app.crossing import Answers, Engine
from loom_desktop import Loom
from loom_desktop.event import Event, QoS
from loom_desktop.paths import Paths
from loom_desktop.settings import Settings
from tests.measures.ticks import Ticks

SECONDS, RATE, HOG_MS = float(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
LANE = QoS[sys.argv[5].upper()]
HANDLERS, HOG_EVERY_S, AT_ONCE = 7, 0.5, 200
TOPIC = "hotkey.released"

app = QApplication(["ours"])
label = QLabel("0")
label.resize(200, 60)
label.show()
handled, shown = [0], [0]
waits_ms: list[float] = []
loops: list[asyncio.AbstractEventLoop] = []
go = asyncio.Event()


async def handle(event: Event) -> None:
    handled[0] += 1
    if handled[0] % 50 == 0:
        waits_ms.append((time.perf_counter() - event.payload["at"]) * 1e3)
    len(str(event.payload))


async def load(loom: Loom) -> None:
    await go.wait()
    loom.bus.subscribe(TOPIC, handle, name="load", at_once=HANDLERS)
    began, sent, next_hog = time.perf_counter(), 0, HOG_EVERY_S
    while (now := time.perf_counter() - began) < SECONDS:
        for _ in range(AT_ONCE):
            if sent >= now * RATE:
                break
            payload = {"text": "hello ", "at": time.perf_counter()}
            loom.bus.publish(Event(topic=TOPIC, payload=payload, qos=LANE))
            sent += 1
        if HOG_MS and now > next_hog:
            next_hog = now + HOG_EVERY_S
            end = time.thread_time() + HOG_MS / 1e3
            while time.thread_time() < end:
                pass
        await asyncio.sleep(0.001)


@asynccontextmanager
async def open_engine() -> AsyncIterator[Answers]:
    home = Path(sys.argv[1])
    here = Paths(home, home / "data", home / "cache", home / "logs", home)
    async with Loom(Settings(), paths=here, key=bytes(32)) as loom:
        loops.append(asyncio.get_running_loop())
        loom.tasks.start("load", load(loom))
        yield loom


def posted(events: list[Event]) -> None:
    shown[0] += len(events)
    label.setText(str(shown[0]))


engine = Engine(open_engine)
engine.posted.connect(posted)
engine.failed.connect(lambda *said: app.exit(1))
engine.window_shown(True)
begun: list[Ticks] = []


def ready() -> None:
    begun.append(Ticks())
    loops[0].call_soon_threadsafe(go.set)
    QTimer.singleShot(int(SECONDS * 1000), app.quit)


engine.ready.connect(ready)
engine.start()
code = app.exec()
if begun:
    waits_ms.sort()
    begun[0].tell(
        handled_per_s=handled[0] / SECONDS,
        shown_per_s=shown[0] / SECONDS,
        bus_p50_ms=waits_ms[len(waits_ms) // 2],
        bus_p99_ms=waits_ms[int(len(waits_ms) * 0.99)],
    )
engine.stop()
sys.exit(code)
