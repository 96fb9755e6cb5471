"""Outside: runs the sources, restarts the ones that fail, and holds them still while paused."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import msgspec

from loom_desktop.clock import Clock
from loom_desktop.errors import LoomError, SettingsError, Unavailable
from loom_desktop.event import Event, QoS, privacy_at_birth
from loom_desktop.tasks import Tasks

log = logging.getLogger(__name__)
CAPTURING = ("clipboard", "file")
"""Origins that look at what the person does; "pause capture" means these."""
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 60.0


class _Source(Protocol):
    origin: str

    async def run(self, publish: Callable[..., None]) -> None: ...

    def report(self) -> Any: ...


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """The report of something that does not work (see ``sources.Report``)."""

    working: bool = False
    driver: str = ""
    detail: str
    fix: str
    facts: None = None


class Broken:
    """Stands where a source could not be made, and says why."""

    origin = ""

    def __init__(self, error: LoomError) -> None:
        self.error = error

    async def run(self, publish: Callable[..., None]) -> None:
        """Raises why."""
        raise self.error

    def report(self) -> Any:
        """That it does not work, and why."""
        return _Told(detail=self.error.message, fix=self.error.hint)


class Sources(Mapping[str, _Source]):
    """Sources by name, each made when it is first looked at: what is off is never loaded."""

    def __init__(self) -> None:
        self._makers: dict[str, Callable[[], _Source]] = {}
        self._made: dict[str, _Source] = {}

    def add(self, name: str, make: Callable[[], _Source]) -> None:
        """In place of the one of that name."""
        self._makers[name] = make
        self._made.pop(name, None)

    def made(self) -> list[_Source]:
        """Those that were looked at."""
        return list(self._made.values())

    def __getitem__(self, name: str) -> _Source:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


class Outside:
    """The sources that are on."""

    def __init__(self, publish: Callable[[Event], None], clock: Clock, tasks: Tasks) -> None:
        self.sources = Sources()
        self.failed: dict[str, LoomError] = {}
        """Why a source is not running, by name."""
        self._publish, self._clock, self._tasks = publish, clock, tasks
        self._running: dict[str, asyncio.Task[Any]] = {}
        self._paused = False

    def publisher(self, name: str, origin: str) -> Callable[..., None]:
        """How a source speaks, from any thread. While paused, what captures says nothing."""
        origins = frozenset({origin}) if origin else frozenset()
        privacy = privacy_at_birth(origins)

        def publish(topic: str, /, **payload: Any) -> None:
            if self._paused and origin in CAPTURING:
                return
            qos = QoS.REALTIME if topic.startswith("hotkey.") else QoS.BATCHED
            self._publish(
                Event(
                    topic=topic,
                    payload=payload,
                    sender=name,
                    time=self._clock(),
                    qos=qos,
                    origin=origins,
                    privacy=privacy,
                )
            )

        return publish

    def add(self, name: str, make: Callable[[], _Source]) -> None:
        """Known from now on; made when it is started or asked for a report."""
        self.sources.add(name, make)

    def start(self, name: str) -> None:
        """Run it, and again when it fails, with growing waits."""
        if name not in self._running:
            self.failed.pop(name, None)
            self._running[name] = self._tasks.start(f"source:{name}", self._live(name))

    async def stop(self, name: str) -> None:
        """Return when it has ended."""
        task = self._running.pop(name, None)
        self.failed.pop(name, None)
        if task is not None:
            task.cancel()
            await asyncio.wait({task}, timeout=5.0)

    def running(self, name: str) -> bool:
        """Whether it is on."""
        return name in self._running

    async def pause(self, paused: bool) -> None:
        """Hold still what captures, or let it go on."""
        self._paused = paused
        for source in self.sources.made():
            change = getattr(source, "pause" if paused else "resume", None)
            if change is not None and source.origin in CAPTURING:
                done = change()
                if inspect.isawaitable(done):
                    await done

    async def _live(self, name: str) -> None:
        try:
            await self._keep_going(name)
        finally:  # it is over by itself: it is not on any more, and can be started again
            if self._running.get(name) is asyncio.current_task():
                del self._running[name]

    async def _keep_going(self, name: str) -> None:
        source, wait_s = self.sources[name], _FIRST_WAIT_S
        if self._paused:  # it may just have been made
            await self.pause(True)
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await source.run(self.publisher(name, source.origin))
                return
            except SettingsError as error:  # the same again however often: it waits for a change
                self.failed[name] = error
                log.warning("source %s is off: %s %s", name, error.message, error.hint)
                return
            except LoomError as error:
                wait_s = _after(loop.time() - began, wait_s)
                self.failed[name] = error
                log.warning("source %s: %s %s", name, error.message, error.hint)
                if isinstance(error, Unavailable):
                    wait_s = max(wait_s, _LONGEST_WAIT_S / 4)
            except Exception as error:
                wait_s = _after(loop.time() - began, wait_s)
                self.failed[name] = Unavailable(f"{name} failed: {error}")
                log.exception("source %s failed; it is started again", name)
            import random  # only who fails needs it

            await asyncio.sleep(wait_s * random.uniform(0.8, 1.2))
            self.failed.pop(name, None)
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)


def _after(ran_s: float, wait_s: float) -> float:
    """The wait after a failure: a good long run makes the failures before it forgotten."""
    return _FIRST_WAIT_S if ran_s > _LONGEST_WAIT_S else wait_s
