"""Sleep, waking up, and the lock of the screen.

logind tells of sleep before it happens, and waits for us for a moment (a delay lock, given back
when the event was published). Where there is no D-Bus, or a signal is lost, the clocks tell
afterwards: the one that counts sleep has run ahead of the one that stands still meanwhile.
Whichever comes first is published, once.

The lock of the screen is told by logind (``LockedHint``), by the desktop's screen saver, or by
both; it is published when it changes.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from loom_desktop.clock import Clock, awake_and_asleep, monotonic
from loom_desktop.driver.dbus import BUS, Connection
from loom_desktop.errors import Unavailable
from loom_desktop.paths import session_bus
from loom_desktop.sources import Publish, Report
from loom_desktop.tasks import Tasks

if TYPE_CHECKING:
    from dbus_fast import Message

LOGIN = "org.freedesktop.login1"
LOGIN_PATH = "/org/freedesktop/login1"
MANAGER, SESSION = f"{LOGIN}.Manager", f"{LOGIN}.Session"
SAVERS = (
    "org.freedesktop.ScreenSaver",
    "org.gnome.ScreenSaver",
    "org.cinnamon.ScreenSaver",
    "org.mate.ScreenSaver",
    "org.xfce.ScreenSaver",
)
LOOK_S = 15.0
"""How often the clocks are compared, and a lost bus is looked for."""
SLEPT_S = 2.0
"""Clocks that are further apart than this were asleep; less is how they are read."""
SETTLE_S = 0.5
"""So long the computer stays awake after ``system.sleeping``; logind allows 5 s at most."""
DEADLINE_S = 5.0
_CLOCKS_TELL = hasattr(time, "CLOCK_BOOTTIME")
_BY_CLOCKS = "Waking up is noticed by the clocks within 15 s; going to sleep is not."
_BY_NOTHING = "Sleep is not noticed on this system yet."


class Settings(Struct, frozen=True, kw_only=True):
    """[sources.system]"""

    delay_sleep: bool = True
    """Ask the system to wait a moment before it sleeps, so that everything is stored."""


class System:
    """Publishes ``system.sleeping``, ``resumed``, ``locked`` and ``unlocked``."""

    origin = "schedule"

    def __init__(
        self,
        settings: Settings,
        *,
        environ: Mapping[str, str] = os.environ,
        awake: Clock = monotonic,
        awake_and_asleep: Clock = awake_and_asleep,
        look_s: float = LOOK_S,
        settle_s: float = SETTLE_S,
    ) -> None:
        self._settings, self._environ = settings, environ
        self._look_s, self._settle_s = look_s, settle_s
        self._awake, self._awake_and_asleep = awake, awake_and_asleep
        self._publish: Publish | None = None
        self._ahead_s = 0.0
        self._sleeping = False
        self._locked: bool | None = None
        self._logind: Connection | None = None
        self._desktop: Connection | None = None
        self._session = ""
        self._lock = -1
        self._why_no_logind = self._why_no_desktop = ""  # not asked yet
        self._giving_back: asyncio.TimerHandle | None = None
        self._tasks: Tasks | None = None

    def report(self) -> Report:
        """What tells of sleep, and what of the lock of the screen."""
        logind = self._logind is not None
        locks = [
            *(["logind"] if self._session else []),
            *(["screensaver"] if self._desktop else []),
        ]
        sleep = "logind" if logind else "clock" if _CLOCKS_TELL else ""
        facts = {"sleep": sleep, "lock": locks, "delay_lock": self._lock >= 0}
        asked = (logind or self._why_no_logind) and (self._desktop or self._why_no_desktop)
        if self._publish is None or not asked:
            return Report(False, detail="Sleep and screen lock are not watched yet.", facts=facts)
        said = []
        if not logind:
            said.append(f"{self._why_no_logind} {_BY_CLOCKS if _CLOCKS_TELL else _BY_NOTHING}")
        if not locks:
            why = self._why_no_desktop if self._why_no_desktop != self._why_no_logind else ""
            said.append(f"{why} A locked screen is not noticed.".strip())
        if not said:
            said.append("Sleep, waking up and screen lock are told by the system.")
        fix = "" if locks else "Start Loom inside the desktop session."
        return Report(bool(sleep), sleep, " ".join(said), fix, facts)

    async def run(self, publish: Publish) -> None:
        """Publish until cancelled. Never ends because a bus is missing: the clocks remain."""
        self._publish = publish
        self._ahead_s = self._ahead()
        try:
            async with Tasks() as self._tasks:
                while True:
                    if self._logind is None:
                        await self._find_logind(self._tasks)
                    if self._desktop is None:
                        await self._find_desktop(self._tasks)
                    await asyncio.sleep(self._look_s)
                    self._compare_clocks()
        finally:
            self._publish = self._tasks = None
            self._release()
            for bus in (self._logind, self._desktop):
                if bus is not None:
                    await bus.close()
            self._logind = self._desktop = None
            self._session = ""

    # ---- the clocks

    def _ahead(self) -> float:
        return self._awake_and_asleep() - self._awake()

    def _compare_clocks(self) -> None:
        slept_s = self._ahead() - self._ahead_s
        if slept_s > SLEPT_S:
            self._resumed()
        elif slept_s < 0:  # a clock was set: begin anew
            self._ahead_s = self._ahead()

    def _resumed(self) -> None:
        ahead = self._ahead()
        slept_s, self._ahead_s = max(ahead - self._ahead_s, 0.0), ahead
        self._sleeping = False
        if self._publish is not None:
            self._publish("system.resumed", slept_s=round(slept_s, 3))

    # ---- logind, on the system bus

    async def _find_logind(self, tasks: Tasks) -> None:
        address = self._environ.get("DBUS_SYSTEM_BUS_ADDRESS", "")
        if not address and sys.platform == "linux":
            address = "unix:path=/var/run/dbus/system_bus_socket"
        bus = Connection(self._heard_from_logind)
        try:
            await bus.open(address)
            await bus.match(f"interface='{MANAGER}',member='PrepareForSleep'")
            await bus.match(f"sender='{BUS[0]}',member='NameOwnerChanged',arg0='{LOGIN}'")
            bus.owner = await bus.owner_of(LOGIN)
            if not bus.owner:
                raise Unavailable("logind does not run here.")
            await self._find_session(bus)
            self._logind = bus
        except Unavailable as error:
            self._why_no_logind = error.message
        finally:
            if self._logind is not bus:
                await bus.close()
        if self._logind is not bus:
            return
        tasks.start("system: logind", self._until_gone(bus))
        await self._hold()

    async def _find_session(self, bus: Connection) -> None:
        """Which session is ours; without one (a service, a container) its lock is not told."""
        self._session = ""
        for wanted in (self._environ.get("XDG_SESSION_ID"), "auto"):
            if wanted:
                reply = await bus.call(LOGIN, LOGIN_PATH, MANAGER, "GetSession", "s", [wanted])
                if reply is not None and reply.signature == "o":
                    break
        else:
            return
        path = str(reply.body[0])
        await bus.match(f"path='{path}'")
        reply = await bus.call(
            LOGIN, path, "org.freedesktop.DBus.Properties", "Get", "ss", [SESSION, "LockedHint"]
        )
        self._session = path
        if reply is not None and self._locked is None:
            self._locked = getattr(reply.body[0], "value", False) is True

    async def _hold(self) -> None:
        """Take the delay lock: the system then waits for us, 5 s at most, before it sleeps."""
        if not self._settings.delay_sleep or self._logind is None or self._lock >= 0:
            return
        body = ["sleep", "Loom", "Storing what is going on", "delay"]
        try:
            reply = await self._logind.call(LOGIN, LOGIN_PATH, MANAGER, "Inhibit", "ssss", body)
        except Unavailable:
            return  # the bus went away, which is noticed elsewhere; the lock is a courtesy
        if reply is not None and reply.signature == "h" and reply.unix_fds:
            self._lock = reply.unix_fds[reply.body[0]]

    def _release(self) -> None:
        if self._giving_back is not None:
            self._giving_back.cancel()
            self._giving_back = None
        lock, self._lock = self._lock, -1
        if lock >= 0:
            os.close(lock)

    def _heard_from_logind(self, bus: Connection, message: Message) -> None:
        if message.member == "NameOwnerChanged" and message.sender == BUS[0]:
            if message.body[:1] == [LOGIN]:
                bus.gone.set()
        elif message.sender != bus.owner or self._publish is None:
            return
        elif message.interface == MANAGER and message.member == "PrepareForSleep":
            if message.signature == "b":
                self._sleep(message.body[0])
        elif message.path != self._session:
            return
        elif message.member == "PropertiesChanged" and message.signature == "sa{sv}as":
            hint = message.body[1].get("LockedHint")
            if message.body[0] == SESSION and hint is not None:
                self._set_locked(hint.value is True)
        elif message.interface == SESSION and message.member in ("Lock", "Unlock"):
            self._set_locked(message.member == "Lock")

    def _sleep(self, going: bool) -> None:
        assert self._publish is not None
        if going:
            if not self._sleeping:
                self._sleeping = True
                self._publish("system.sleeping")
            # whoever hears the event stores what it has before the computer may sleep
            loop = asyncio.get_running_loop()
            self._giving_back = loop.call_later(self._settle_s, self._release)
            return
        if self._sleeping:
            self._resumed()
        else:  # the clocks were first, or we came in between
            self._compare_clocks()
        self._release()  # if it slept before we gave the lock back
        if self._tasks is not None:
            self._tasks.start("system: delay lock", self._hold())

    # ---- the desktop's lock, on the session bus

    async def _find_desktop(self, tasks: Tasks) -> None:
        bus = Connection(self._heard_from_desktop)
        try:
            await bus.open(session_bus(self._environ))
            for saver in SAVERS:
                await bus.match(f"interface='{saver}',member='ActiveChanged'")
            self._desktop = bus
        except Unavailable as error:
            self._why_no_desktop = error.message
        finally:
            if self._desktop is not bus:
                await bus.close()
        if self._desktop is bus:
            tasks.start("system: desktop", self._until_gone(bus))

    def _heard_from_desktop(self, bus: Connection, message: Message) -> None:
        told = message.interface in SAVERS and message.member == "ActiveChanged"
        if told and message.signature == "b":
            self._set_locked(message.body[0])

    def _set_locked(self, locked: bool) -> None:
        if self._publish is not None and locked is not self._locked:
            if locked or self._locked is not None:
                self._publish("system.locked" if locked else "system.unlocked")
            self._locked = locked

    async def _until_gone(self, bus: Connection) -> None:
        await bus.until_gone()
        await bus.close()
        if bus is self._logind:
            self._logind, self._session = None, ""
            self._why_no_logind = "logind went away."
            self._release()
        elif bus is self._desktop:
            self._desktop, self._why_no_desktop = None, "The message bus (D-Bus) went away."


source = System
