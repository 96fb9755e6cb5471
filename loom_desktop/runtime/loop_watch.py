"""Loop watch: sees from another thread that the engine's loop has stopped turning, and says why.

A thread puts a beat into the loop and waits for it. It does so only while something happens: each
event arms it, and so does a handler that begins. After a beat it looks at the stack of the loop's
thread, which is in ``select`` when the loop is idle, and beats again unless it is. As long as a
handler is at work it looks four times a second, else once in ten: so a timer that hangs without any
event is found too, later, and an idle process pays 0.1 wake-ups a second.

What hangs is named by the task that is running (``chat on chat.asked``, or the name of a
subscription) and by the line it is in; what the loop calls without a task has the line alone. C
code that holds the interpreter lock (a regular expression gone wild) stops this thread as well:
that is told when it ends, or not at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from types import FrameType
from typing import Any

import msgspec

from loom_desktop import clock as clocks
from loom_desktop.clock import Clock
from loom_desktop.event import Event, QoS, by_itself

log = logging.getLogger(__name__)
LIMIT_S = 0.25
"""A loop that has not turned for so long is blocked (safety book, B8)."""
LOOK_S = 10.0
"""Between two looks at a loop in which nothing seems to happen."""
_KEPT = 120
"""Beats that the lag is worked out from: half a minute of work."""
_HELD_UP = 2.0
"""A wait that took so many times what it should was held up itself."""
_WORKED = 0.2
"""The share of such a wait that the process must have computed for it to be its own doing."""
_LIBRARY = os.path.dirname(os.__file__)


class Hang(msgspec.Struct, frozen=True):
    """One time that the loop did not turn."""

    seconds: float
    """So far, or in all when it is over. At least: it may have begun a little earlier."""
    who: str
    """The handler, or the task, or that it was a callback of the loop."""
    where: str
    """``file:line``, the innermost that is not Python's own library."""
    began: float
    """By the monotonic clock."""


class LoopWatch:
    """Made on the loop it watches."""

    def __init__(
        self,
        publish: Callable[[Event], None],
        wall: Clock = clocks.wall,
        clock: Clock = clocks.monotonic,
        *,
        limit_s: float = LIMIT_S,
        look_s: float = LOOK_S,
    ) -> None:
        """``publish`` is called from another thread. ``clock`` only goes forward."""
        self.hang: Hang | None = None
        """The one that is going on."""
        self.last: Hang | None = None
        """The last one that is over."""
        self.hangs = 0
        self.turned: Callable[[], None] = lambda: None
        """Called on the loop with each beat: while something happens, and not while it is idle."""
        self.at_work: Callable[[], bool] = lambda: False
        """Whether some handler is at work, and may block at any moment. Asked from the thread."""
        self._publish, self._wall, self._clock = publish, wall, clock
        self._limit_s, self._look_s = limit_s, look_s
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._turned_at = 0.0
        self._below: FrameType | None = None
        """What calls the callbacks of the loop: with uvloop, the frame that runs it."""
        self._lags: deque[float] = deque(maxlen=_KEPT)
        self._armed = False
        self._end = threading.Event()
        self._woken, self._beaten = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._watch, name="loom-watch", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Return when the thread has ended."""
        self._end.set()
        self._woken.set()
        self._beaten.set()
        if self._thread.ident is not None:
            self._thread.join(1.0)

    def arm(self, _: object = None) -> None:
        """Something happens: watch closely for a while. Costs nothing when it is watched already.

        Takes an event, so that it can be subscribed.
        """
        if not self._armed:
            self._armed = True
            self._woken.set()

    @property
    def lag_s(self) -> float:
        """The 99th percentile of how long the beats of the last half minute of work waited."""
        lags = sorted(self._lags)
        return lags[int(0.99 * (len(lags) - 1))] if lags else 0.0

    # ---------------------------------------------------------------- in the thread
    def _watch(self) -> None:
        idle = True
        while not self._end.is_set():
            at_work = self.at_work()
            if not self._armed and idle:
                self._woken.wait(self._limit_s if at_work else self._look_s)
            if self._end.is_set():
                return
            self._woken.clear()
            idle = not self._armed and self._idle()
            if idle:
                if not at_work:
                    self._lags.clear()
                continue
            self._armed = False  # whoever does something arms it again
            try:
                self._beat()
            except RuntimeError:  # the loop is closed
                return
            except Exception:  # one of the fences: the watch goes on whatever it met
                log.exception("the loop could not be watched")

    def _beat(self) -> None:
        self._beaten.clear()
        began, worked = self._clock(), time.process_time()
        self._loop.call_soon_threadsafe(self._turn)
        if self._end.is_set() or self._beaten.wait(self._limit_s):
            lag_s = max(0.0, self._turned_at - began)  # of the loop: this thread may be late too
            self._lags.append(lag_s)
            self._rest(self._limit_s - lag_s)
            return
        waited_s = self._clock() - began
        if waited_s > _HELD_UP * self._limit_s:
            computed_s = time.process_time() - worked
            if computed_s < _WORKED * waited_s and self._beaten.wait(self._limit_s):
                return  # the process was stopped, or got no processor: it was nobody's fault
        if not self._beaten.is_set():  # or it turned at the very last moment
            self._tell(began)

    def _turn(self) -> None:
        """On the loop: it turns."""
        self._below = sys._getframe(1)
        self._turned_at = self._clock()
        self._beaten.set()
        self.turned()

    def _rest(self, seconds: float) -> None:
        """Between two beats; only the end of all cuts it short."""
        self._beaten.clear()
        if not self._end.is_set() and seconds > 0:
            self._beaten.wait(seconds)

    def _tell(self, began: float) -> None:
        frame = sys._current_frames().get(self._loop_thread)
        who, where, stack = self._who(), _where(frame), _stack(frame)
        self.hangs += 1
        self.hang = Hang(self._clock() - began, who, where, began)
        log.error(
            "the loop has not turned for %.2f s: %s at %s\n%s", self.hang.seconds, who, where, stack
        )
        self._say("runtime.loop.blocked", self.hang)
        while not self._beaten.wait(1.0) and not self._end.is_set():
            pass
        over = self.last = Hang(self._clock() - began, who, where, began)
        self._lags.append(over.seconds)
        self.hang = None
        log.warning("the loop turns again after %.2f s: %s at %s", over.seconds, who, where)
        self._say("runtime.loop.recovered", over)

    def _say(self, topic: str, hang: Hang) -> None:
        payload = {"seconds": round(hang.seconds, 3), "who": hang.who, "where": hang.where}
        event = by_itself(topic, payload, sender="runtime", time=self._wall(), qos=QoS.REALTIME)
        with contextlib.suppress(RuntimeError):  # the loop is closed: we are stopping
            self._publish(event)

    def _who(self) -> str:
        task = asyncio.current_task(self._loop)
        return task.get_name() if task is not None else "a callback of the loop"

    def _idle(self) -> bool:
        """Whether the loop waits for something to happen."""
        frame = sys._current_frames().get(self._loop_thread)
        if frame is None:  # its thread has ended: the next beat finds it closed
            return False
        if frame is self._below:  # uvloop waits in C
            return True
        return frame.f_code.co_filename.endswith(("selectors.py", "windows_events.py"))


def _where(frame: FrameType | None) -> str:
    innermost = frame
    while frame is not None and frame.f_code.co_filename.startswith(_LIBRARY):
        frame = frame.f_back
    if frame is None or _runs_the_loop(frame):
        frame = innermost  # all that was called is Python's own
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else "unknown"


def _runs_the_loop(frame: Any) -> bool:
    """Whether all that is above it is Python's: the line that started the loop says nothing."""
    while (frame := frame.f_back) is not None:
        if frame.f_code.co_name == "_run_once":
            return False
    return True


def _stack(frame: FrameType | None) -> str:
    """From what the loop called on: what is below is the same each time."""
    import traceback  # only who hangs needs it

    depth, below = 0, frame
    while below is not None and below.f_code.co_name != "_run_once":
        depth, below = depth + 1, below.f_back
    return "".join(traceback.format_stack(frame, depth)) if frame is not None else ""
