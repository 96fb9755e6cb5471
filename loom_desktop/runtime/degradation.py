"""Degradation: under strain the work that can wait is slowed, so that what cannot goes on.

    0   everything runs
    1   background at half its pace
    2   background at a fifth, batched at four fifths
    3   background stands, batched at half

Realtime is never touched. The strain is read from how late the loop is, how full the lanes are, the
disk and the memory. One level up takes two seconds of strain, one down fifteen of calm, and whoever
came down and has to go up again waits twice as long the next time: so it does not flap.

How full a lane is never asks for a level that slows that lane: it would fill the more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from loom_desktop.clock import Clock
from loom_desktop.event import Event, QoS, by_itself
from loom_desktop.runtime.health import Finding

log = logging.getLogger(__name__)
LOOK_S = 1.0
RISE_S, CALM_S, MOST_CALM_S = 2.0, 15.0, 120.0
FORGET_S = 600.0
"""A strain that comes so long after the last one is a new one."""
PACES: Final[tuple[Mapping[QoS, float], ...]] = (
    {QoS.BACKGROUND: 1.0, QoS.BATCHED: 1.0},
    {QoS.BACKGROUND: 0.5, QoS.BATCHED: 1.0},
    {QoS.BACKGROUND: 0.2, QoS.BATCHED: 0.8},
    {QoS.BACKGROUND: 0.0, QoS.BATCHED: 0.5},
)
"""The share of its time that a lane has, by level."""
_MOST = len(PACES) - 1
_EASED = 0.7
"""A level is left when what led to it is below this share of what leads to it."""
_LAG_S = (0.05, 0.15, 0.5)
_FILL = (0.5, 0.75, 0.9)
_MEMORY = (0.9, 0.95, 0.98)
_DISK = {"scarce": 1, "full": 2, "broken": 2}
_FILLS_ASK = {QoS.REALTIME: 3, QoS.BATCHED: 1, QoS.BACKGROUND: 0}
"""The highest level that a full lane may ask for: the highest that does not slow it."""
_LANES = {QoS.REALTIME: "realtime", QoS.BATCHED: "batched", QoS.BACKGROUND: "background"}


class Signals(msgspec.Struct, frozen=True, kw_only=True):
    """What the strain is read from; whatever is not known is calm."""

    lag_s: float = 0.0
    """How late the loop is, at the 99th percentile."""
    fill: Mapping[QoS, float] = {}
    """By lane, the part of its fullest mailbox that is taken: 0 to 1."""
    disk: str = "ok"
    """As ``Store.disk`` says."""
    memory: float = 0.0
    """The part of the computer's memory that is taken: 0 to 1."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where it stands between two looks. The clock only goes forward."""

    level: int = 0
    since: float = 0.0
    """When this level was reached."""
    fell: bool = False
    """Whether it was reached from above."""
    strained: float | None = None
    """Since when more is asked for."""
    calm: float | None = None
    """Since when less would do."""
    returns: int = 0
    """How often it went up again soon after it had come down."""


def asked(signals: Signals, *, eased: float = 1.0) -> tuple[int, str]:
    """The level that the signals ask for, and why in words; ``eased`` lowers what leads to one."""
    found = [
        (_step(signals.lag_s, _LAG_S, eased), f"The loop is {signals.lag_s * 1000:.0f} ms late."),
        (_step(signals.memory, _MEMORY, eased), f"Memory is {signals.memory:.0%} full."),
        (_DISK.get(signals.disk, 0), f"The disk is {signals.disk}."),
    ]
    for lane, fill in signals.fill.items():
        level = min(_step(fill, _FILL, eased), _FILLS_ASK[lane])
        found.append((level, f"What waits in the {_LANES[lane]} lane is {fill:.0%} of the room."))
    level = max(one for one, _ in found)
    return level, " ".join(words for one, words in found if one == level and level)


def decide(before: Standing, signals: Signals, now: float) -> Standing:
    """Where it stands after these signals: at most one level further."""
    level = before.level
    if asked(signals)[0] > level:
        strained = now if before.strained is None else before.strained
        if now - strained < RISE_S:
            return msgspec.structs.replace(before, strained=strained, calm=None)
        returns = before.returns
        if before.fell:
            returns = returns + 1 if now - before.since < FORGET_S else 0
        return Standing(level=level + 1, since=now, strained=now, returns=returns)
    if level == 0 or asked(signals, eased=_EASED)[0] >= level:
        return msgspec.structs.replace(before, strained=None, calm=None)
    calm = now if before.calm is None else before.calm
    if now - calm < calm_s(before):
        return msgspec.structs.replace(before, strained=None, calm=calm)
    return Standing(level=level - 1, since=now, fell=True, calm=now, returns=before.returns)


def calm_s(standing: Standing) -> float:
    """How long it has to be calm before the next level down."""
    return min(MOST_CALM_S, CALM_S * 2.0 ** min(standing.returns, 10))


class Degradation:
    """Looks at the signals while something happens, and paces the lanes."""

    def __init__(
        self,
        signals: Callable[[], Signals],
        pace: Callable[[QoS, float], None],
        publish: Callable[[Event], None],
        wall: Clock,
        clock: Clock,
    ) -> None:
        """``pace(lane, share)`` gives a lane that share of its time. ``clock`` is monotonic."""
        self.reason = ""
        """Why it stands where it stands, in words."""
        self._signals, self._pace, self._publish = signals, pace, publish
        self._wall, self._clock = wall, clock
        self._standing = Standing()
        self._happens = asyncio.Event()

    @property
    def level(self) -> int:
        """0 to 3."""
        return self._standing.level

    def arm(self) -> None:
        """Something happens: look for a while."""
        self._happens.set()

    async def run(self) -> None:
        """Look each second while something happens or anything is slowed, until cancelled."""
        while True:
            if not self.level and self._standing.strained is None:
                await self._happens.wait()
            self._happens.clear()
            try:
                self.look()
            except Exception:  # one of the fences: the next look may do better
                log.exception("the lanes could not be paced")
            await asyncio.sleep(LOOK_S)

    def look(self) -> int:
        """Read the signals and follow them. Answers with the level."""
        try:
            signals = self._signals()
        except Exception:  # one of the fences: what is slowed does not stay so for a bug
            log.exception("the strain cannot be read and is taken for none")
            signals = Signals()
        before = self._standing.level
        after = self._standing = decide(self._standing, signals, self._clock())
        if after.level > before:
            self.reason = asked(signals)[1]
        if after.level == before:
            return before
        for lane, share in PACES[after.level].items():
            if share != PACES[before][lane]:
                self._pace(lane, share)
        if after.level == 0:
            self.reason = ""
        log.info("degradation: level %d after %d. %s", after.level, before, self.reason)
        self._say(after.level)
        return after.level

    def finding(self) -> Finding:
        """How it stands, for ``health``."""
        facts = {"level": self.level}
        if not self.level:
            return Finding(facts=facts)
        shares = ", ".join(f"{_LANES[q]} {share:.0%}" for q, share in PACES[self.level].items())
        words = f"Slowed, so that what is urgent goes on ({shares}). {self.reason}"
        return Finding("degraded", words, "It goes on by itself when it is calm.", facts=facts)

    def _say(self, level: int) -> None:
        paces = {_LANES[lane]: share for lane, share in PACES[level].items()}
        payload = {"level": level, "reason": self.reason, **paces}
        topic = "runtime.degraded" if level else "runtime.recovered"
        self._publish(by_itself(topic, payload, sender="runtime", time=self._wall()))


def memory_taken(meminfo: Path = Path("/proc/meminfo")) -> float:
    """The part of the computer's memory that nobody can have any more; 0 where it is not known."""
    try:
        lines = meminfo.read_text(encoding="ascii").splitlines()
        kib = {name: int(rest.split()[0]) for name, _, rest in (s.partition(":") for s in lines)}
        return 1.0 - kib["MemAvailable"] / kib["MemTotal"]
    except (OSError, ValueError, LookupError, ZeroDivisionError):
        return 0.0


def _step(value: float, steps: tuple[float, ...], eased: float) -> int:
    return sum(value >= one * eased for one in steps[:_MOST])
