"""The only crossing between the window's thread and the engine's thread.

Towards the engine: ``call`` is awaited by shell coroutines and can be cancelled; ``request`` is
the same for plain slots. Both may be used before the engine is ready: they wait for it.
Towards the window: events arrive in order as lists through ``posted``, at most 60 times a second.
Of a topic that tells a state only the newest event is kept. What a person waits for (a hotkey,
the first piece of an answer) is not held back. No Qt object is touched on the engine's thread.
"""

from __future__ import annotations

import asyncio
import collections
import concurrent.futures
import logging
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol, cast

import shiboken6
from PySide6.QtCore import QObject, Qt, Signal

from loom_desktop.clock import Clock, monotonic
from loom_desktop.errors import LoomError, Unavailable
from loom_desktop.event import Event

if TYPE_CHECKING:
    from loom_desktop.runtime.health import Finding

log = logging.getLogger(__name__)

HEARD = (
    "chat.>",
    "card.offered",
    "card.closed",
    "status.changed",
    "notice.raised",
    "popup.requested",
    "window.requested",
    "hotkey.*",
    "agent.failed",
    "settings.changed",
    "reminder.*",
    "action.decided",
    "application.quitting",
)
"""What the windows need; nothing else crosses."""
TURN_S = 0.25
"""How long whoever asks how the windows stand waits for their next turn: a step that takes longer
is one that a person sees."""
STUCK_S = 5.0
"""After this long without a turn the windows have failed, and are not only slow."""
STATES = frozenset({"status.changed"})
URGENT = frozenset({"hotkey.pressed", "popup.requested"})
OPEN_S = 120.0
"""The store may wait for a locked keyring; longer than this it is not coming."""

OnDone = Callable[[Any], None]
OnError = Callable[[LoomError], None]


class Bus(Protocol):
    """What the crossing needs of the engine's bus."""

    def subscribe(self, pattern: str, deliver: Callable[[Event], None], /) -> Callable[[], None]:
        """Deliver on the engine's thread. Returns the undo."""


class Answers(Protocol):
    """What the crossing needs of the engine: ``loom_desktop.loom.Loom`` and the tests' fake."""

    @property
    def bus(self) -> Bus:
        """Where its events come from."""

    @property
    def around(self) -> dict[str, Callable[[], Finding]]:
        """Where the windows say how they stand."""

    async def call(self, verb: str, /, **arguments: Any) -> Any:
        """Plain data in and out; raises LoomError."""


Open = Callable[[], AbstractAsyncContextManager[Answers]]


@asynccontextmanager
async def open_loom() -> AsyncIterator[Answers]:
    """The person's own engine and the socket to it. Importing it costs time: in this thread."""
    from loom_desktop.door.server import Door
    from loom_desktop.loom import Loom

    async with Loom(desktop=True) as loom, Door(loom):
        yield loom


class Engine(QObject):
    """The engine's thread as the windows see it. Lives on the thread of the windows."""

    posted = Signal(list)
    """list[Event], in order."""
    ready = Signal()
    failed = Signal(str, str)
    """The engine did not start, or ended by itself: message, hint."""
    _wake = Signal()
    _answered = Signal(object)
    _asked = Signal()

    def __init__(
        self,
        open_engine: Open = open_loom,
        *,
        hz: float = 60,
        clock: Clock = monotonic,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._open_engine, self._gap, self._clock = open_engine, 1 / hz, clock
        self._ordered: collections.deque[Event] = collections.deque()
        self._latest: dict[str, Event] = {}
        self._lock = threading.Lock()
        self._armed = False
        self._last = -1.0
        self._streaming: set[int] = set()
        self._visible = 0
        self._ending = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._opened: concurrent.futures.Future[Answers] = concurrent.futures.Future()
        self._thread = threading.Thread(target=self._run, name="loom-engine", daemon=True)
        self._wake.connect(self._drain, Qt.ConnectionType.QueuedConnection)
        self._answered.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self._turned = threading.Event()
        self._turned_at = self._asked_at = 0.0
        self._asked.connect(self._turn, Qt.ConnectionType.QueuedConnection)

    # ------------------------------------------------------------------ the thread

    def start(self) -> None:
        """Returns at once; ``ready`` or ``failed`` follows."""
        self._loop = _new_loop()
        self._end = asyncio.Event()
        self._thread.start()

    def stop(self, deadline_s: float = 5.0) -> bool:
        """Close the engine. False when it did not end in time; the process can go all the same."""
        loop, end = self._loop, self._end
        if loop is None or end is None:
            return True
        if self._thread.is_alive() and not loop.is_closed():
            try:
                loop.call_soon_threadsafe(end.set)
            except RuntimeError:
                log.debug("the engine's loop closed by itself meanwhile")
            self._thread.join(deadline_s)
        if self._thread.is_alive():
            log.error("the engine did not end within %s s", deadline_s)
        return not self._thread.is_alive()

    @property
    def running(self) -> bool:
        """Whether the engine is open."""
        return (
            self._thread.is_alive()
            and self._opened.done()
            and not self._opened.cancelled()
            and self._opened.exception() is None
        )

    def finding(self) -> Finding:
        """Whether the windows turn, for ``health``. From any thread but theirs.

        Asked when somebody wants to know: a beat of their own would wake an idle computer.
        """
        from loom_desktop.runtime.health import Finding  # who asks has it loaded

        now = self._clock()
        if self._turned_at >= self._asked_at:  # no question is open
            self._asked_at = now
            self._turned.clear()
            self._asked.emit()
        turned = self._turned.wait(TURN_S)
        waited_s = (self._turned_at if turned else self._clock()) - self._asked_at
        facts = {
            "turned_after_ms": round(waited_s * 1000, 1) if turned else None,
            "windows": self._visible,
        }
        if turned:
            return Finding(facts=facts)
        words = f"The windows have not moved for {waited_s:.1f} s."
        hint = "When it lasts: loom quit, and start Loom again."
        return Finding("failed" if waited_s > STUCK_S else "degraded", words, hint, facts=facts)

    def _turn(self) -> None:
        self._turned_at = self._clock()
        self._turned.set()

    def _run(self) -> None:
        loop = cast(asyncio.AbstractEventLoop, self._loop)
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(self._live())
            with self._lock:
                self._ending = True  # whatever was asked before this has reached the loop ...
            loop.run_until_complete(asyncio.sleep(0))  # ... and is a task after this
            for task in (left := asyncio.all_tasks(loop)):
                task.cancel()
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            with self._lock:
                self._ending = True
            if not self._opened.done():
                self._opened.set_exception(Unavailable("Loom has been closed."))
            asyncio.set_event_loop(None)
            loop.close()

    async def _live(self) -> None:
        end = cast(asyncio.Event, self._end)
        try:
            async with self._open_engine() as engine:
                engine.around["shell"] = self.finding
                undo = [engine.bus.subscribe(pattern, self._take) for pattern in HEARD]
                self._opened.set_result(engine)
                self.ready.emit()
                await end.wait()
                for unsubscribe in undo:
                    unsubscribe()
        except LoomError as error:
            self._fail(error)
        except Exception:  # a fence: whatever it is, the person sees one line and the log all of it
            log.exception("the engine ended")
            self._fail(
                Unavailable(
                    "Loom could not start its engine.",
                    hint="Start it again. If that does not help, `loom doctor` says what is wrong.",
                )
            )

    def _fail(self, error: LoomError) -> None:
        if not self._opened.done():
            self._opened.set_exception(error)
        self.failed.emit(error.message, error.hint)

    # ------------------------------------------------------------------ engine to windows

    def _take(self, event: Event) -> None:
        topic = event.topic
        urgent = topic in URGENT
        if topic in STATES:
            with self._lock:
                self._latest[topic] = event
        else:
            self._ordered.append(event)
            if topic == "chat.streamed":
                turn = event.payload.get("turn", 0)
                urgent = turn not in self._streaming
                self._streaming.add(turn)
            elif topic in ("chat.answered", "chat.failed", "chat.cancelled"):
                self._streaming.discard(event.payload.get("turn", 0))
        if urgent:
            self._wake.emit()
        else:
            self._arm()

    def _arm(self) -> None:
        if self._armed:
            return
        self._armed = True
        wait = self._last + self._gap - self._clock()
        if wait <= 0:
            self._wake.emit()
        else:
            cast(asyncio.AbstractEventLoop, self._loop).call_later(wait, self._wake.emit)

    def _drain(self) -> None:
        self._armed, self._last = False, self._clock()  # before reading: a late event arms again
        with self._lock:
            latest, self._latest = self._latest, {}
        batch = []
        while self._ordered:
            batch.append(self._ordered.popleft())
        batch.extend(latest.values())
        if batch:
            self.posted.emit(batch)

    # ------------------------------------------------------------------ windows to engine

    async def call(self, verb: str, /, **arguments: Any) -> Any:
        """Ask the engine and wait. Raises LoomError. Cancelling it cancels the engine's work."""
        return await asyncio.wrap_future(self._ask(verb, arguments))

    def request(
        self,
        verb: str,
        on_done: OnDone | None = None,
        on_error: OnError | None = None,
        /,
        **arguments: Any,
    ) -> concurrent.futures.Future[Any]:
        """Ask the engine from a plain slot; the callbacks run on the windows' thread.

        Neither runs when the request was cancelled, or when the widget that the callback belongs to
        is gone. Without ``on_error`` a failure is logged only.
        """
        future = self._ask(verb, arguments)

        def done(answer: concurrent.futures.Future[Any]) -> None:
            if answer.cancelled():
                return
            error = answer.exception()
            if error is None:
                self._answered.emit((on_done, answer.result()))
            elif isinstance(error, LoomError):
                log.info("%s: %s", verb, error.message)
                self._answered.emit((on_error, error))
            else:
                log.error("%s failed", verb, exc_info=error)
                self._answered.emit((on_error, _bug()))

        future.add_done_callback(done)
        return future

    def window_shown(self, shown: bool) -> None:
        """Each window says when it appears and goes: meanwhile threads take shorter turns."""
        self._visible = max(0, self._visible + (1 if shown else -1))
        sys.setswitchinterval(0.001 if self._visible else 0.005)

    def _ask(self, verb: str, arguments: dict[str, Any]) -> concurrent.futures.Future[Any]:
        with self._lock:
            if self._loop is None or self._ending or not self._thread.is_alive():
                return _failed(self._why_not())
            return asyncio.run_coroutine_threadsafe(self._answer(verb, arguments), self._loop)

    async def _answer(self, verb: str, arguments: dict[str, Any]) -> Any:
        try:
            async with asyncio.timeout(OPEN_S):
                engine = await asyncio.wrap_future(_shielded(self._opened))
        except asyncio.CancelledError:
            if self._opened.done() and (failed := self._opened.exception()):
                raise failed from None  # the engine ended while this was waiting for it
            raise
        except TimeoutError as error:
            raise Unavailable(
                "Loom is still opening its store.",
                hint="Unlock the keyring if it asks, then try again.",
            ) from error
        if verb == "answer":  # the person's own hand; no other door may say that it is this one
            arguments["door"] = "window"
        return await engine.call(verb, **arguments)

    def _why_not(self) -> LoomError:
        if self._opened.done() and not self._opened.cancelled():
            error = self._opened.exception()
            if isinstance(error, LoomError):
                return error
        return Unavailable("Loom's engine is not running.", hint="Quit Loom and start it again.")

    def _deliver(self, answer: tuple[Callable[[Any], None] | None, Any]) -> None:
        callback, value = answer
        if callback is None:
            return
        owner = getattr(callback, "__self__", None)
        if isinstance(owner, QObject) and not shiboken6.isValid(owner):
            return
        callback(value)


def _new_loop() -> asyncio.AbstractEventLoop:
    if sys.platform != "win32":
        try:
            import uvloop
        except ImportError:
            log.debug("uvloop is not installed: asyncio's own loop")
        else:
            return cast(asyncio.AbstractEventLoop, uvloop.new_event_loop())
    return asyncio.new_event_loop()


def _shielded(
    opened: concurrent.futures.Future[Answers],
) -> concurrent.futures.Future[Answers]:
    """A copy that can be cancelled without taking the engine from everybody else."""
    copy: concurrent.futures.Future[Answers] = concurrent.futures.Future()

    def done(_: object) -> None:
        if not copy.set_running_or_notify_cancel():
            return
        if error := opened.exception():
            copy.set_exception(error)
        else:
            copy.set_result(opened.result())

    opened.add_done_callback(done)
    return copy


def _failed(error: LoomError) -> concurrent.futures.Future[Any]:
    future: concurrent.futures.Future[Any] = concurrent.futures.Future()
    future.set_exception(error)
    return future


def _bug() -> LoomError:
    return Unavailable(
        "Something inside Loom did not work.", hint="The log says more. Try it once more."
    )
