"""Reminders: from a phrase to a schedule, and from a due moment to an event."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from loom_desktop.bus import Bus
from loom_desktop.clock import Clock
from loom_desktop.errors import UsageError
from loom_desktop.event import SCHEDULED, Event, QoS, privacy_at_birth
from loom_desktop.runtime.context import follow, named
from loom_desktop.store import Store
from loom_desktop.store.schedules import Schedule

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from loom_desktop.runtime.schedule import Timers

_SHOWN_TIMES = 3


class Reminder(msgspec.Struct, frozen=True, kw_only=True):
    """A reminder as every door shows it."""

    id: int
    text: str
    at: str
    """The next time, ISO with the offset of its zone; empty when there is none."""
    zone: str
    rrule: str
    words: str
    """As people say it: "tomorrow at 8:30, every weekday"."""
    state: str
    said: str
    origin: tuple[str, ...] = ()
    """Where its words come from, as the labels say it."""


class Reminders:
    """All reminders of the person."""

    def __init__(self, bus: Bus, store: Store, clock: Clock, zone: Callable[[], ZoneInfo]) -> None:
        """``zone`` is asked each time: people travel."""
        self._bus, self._store, self._clock, self._zone = bus, store, clock, zone
        self.timers: Timers | None = None
        """Told when a schedule changed; set by the composition root. None when this process is
        here for one command: then nothing comes of itself."""

    async def add(self, said: str, *, event: Event) -> Reminder:
        """Understand the phrase and set it. Raises NotUnderstood with what to say instead."""
        from loom_desktop.runtime.schedule import FIXED
        from loom_desktop.text.when import understand

        zone = self._zone()
        now = datetime.fromtimestamp(self._clock(), UTC).astimezone(zone)
        when = understand(said, now)
        local = when.at.astimezone(zone)
        schedule = Schedule(
            text=when.text or "It is time",
            said=said,
            at=local.replace(tzinfo=None).isoformat(timespec="seconds"),
            zone=zone.key,
            fold=local.fold,
            rrule=when.rrule,
            next=when.at.timestamp(),
            thread=event.begins,
            origin=event.origin,
            privacy=event.privacy,
            data={FIXED: True} if when.counted else {},
        )
        # All that could go wrong goes wrong before it is stored.
        one, times = self._shown(schedule), self._times(schedule)
        stored = await self._store.schedules.add(schedule)
        self._changed()
        one = msgspec.structs.replace(one, id=stored.id)
        payload = {
            "reminder": one.id,
            "text": one.text,
            "words": one.words,
            "times": times,
            "said": said,
        }
        self._say(event, "reminder.added", payload)
        return one

    async def listed(self) -> list[Reminder]:
        """Those to come, the next first."""
        return [self._shown(one) for one in await self._store.schedules.active(agent="")]

    async def done(self, number: int) -> None:
        """Tick it off. One that comes again stays active for its next time."""
        schedule = await self._store.schedules.get(number)
        if not schedule.rrule or not schedule.next:
            await self._store.schedules.finish(number)
        self._changed()

    async def snooze(self, number: int, seconds: int) -> Reminder:
        """Once more after so many seconds. One that comes again keeps its own times too."""
        if not 0 < seconds <= 366 * 86_400:
            raise UsageError("A reminder is put off by some seconds, up to a year.")
        schedule = await self._store.schedules.get(number)
        from loom_desktop.runtime.schedule import FIXED, named_zone

        # Its own zone: a wall time of one zone kept under the name of another comes twice.
        zone = named_zone(schedule.zone) if schedule.zone else self._zone()
        at = datetime.fromtimestamp(self._clock() + seconds, zone)
        fields: dict[str, Any] = {
            "at": at.replace(tzinfo=None).isoformat(timespec="seconds"),
            "fold": at.fold,
            "next": at.timestamp(),
            "state": "active",
            "data": {**schedule.data, FIXED: True},  # it counts seconds, wherever they pass
        }
        if schedule.rrule:
            once = msgspec.structs.replace(schedule, id=0, rrule="", created=0.0, **fields)
            later = await self._store.schedules.add(once)
        else:
            later = msgspec.structs.replace(schedule, **fields)
            await self._store.schedules.change(later)
        self._changed()
        return self._shown(later)

    async def remove(self, number: int, *, event: Event) -> bool:
        """Take it away; ``restore`` brings it back. Whether it was still to come."""
        await self._store.schedules.get(number)
        removed = await self._store.schedules.remove(number)
        self._changed()
        if removed:
            self._say(event, "reminder.removed", {"reminder": number})
        return removed

    async def restore(self, number: int) -> None:
        """Undo ``remove`` or ``done``. Raises NotFound."""
        await self._store.schedules.get(number)
        await self._store.schedules.restore(number)
        self._changed()

    def fire(self, schedule: Schedule, occurrence: float, late_s: float) -> Event:
        """The moment has come: the event that says so, on the thread it was set in."""
        from loom_desktop.text.when import words

        at = datetime.fromtimestamp(occurrence, self._zone())
        told = words(at, "", self._now())
        before = Event(
            topic="schedule",
            id=schedule.thread or 1,
            thread=schedule.thread,
            origin=named(schedule.origin) | SCHEDULED,
            privacy=max(schedule.privacy, privacy_at_birth(SCHEDULED)),
        )
        payload = {
            "schedule": schedule.id,
            "text": schedule.text,
            "said": schedule.said,
            "words": told,
            "late_words": told,
            "late_s": late_s,
        }
        return self._event(before, "timer.due", payload)

    def _say(self, before: Event, topic: str, payload: dict[str, Any]) -> None:
        self._bus.publish(self._event(before, topic, payload))

    def _event(self, before: Event, topic: str, payload: dict[str, Any]) -> Event:
        return follow(
            before, topic, payload, sender="reminders", time=self._clock(), qos=QoS.BATCHED
        )

    def _shown(self, schedule: Schedule) -> Reminder:
        from loom_desktop.runtime.schedule import named_zone
        from loom_desktop.text.when import words

        here = self._zone()
        zone = named_zone(schedule.zone) if schedule.zone not in ("", here.key) else here
        at = datetime.fromtimestamp(schedule.next, zone) if schedule.next else None
        return Reminder(
            id=schedule.id,
            text=schedule.text,
            at=at.isoformat(timespec="seconds") if at else "",
            zone=schedule.zone,
            rrule=schedule.rrule,
            words=words(at, schedule.rrule, self._now()) if at else "over",
            state=schedule.state,
            said=schedule.said,
            origin=tuple(sorted(schedule.origin)),
        )

    def _times(self, schedule: Schedule) -> str:
        """The first few moments, so that a misunderstanding shows at once."""
        from loom_desktop.runtime.schedule import next_after

        lines, at, zone = [], schedule.next, self._zone()
        for _ in range(_SHOWN_TIMES):
            moment = datetime.fromtimestamp(at, zone)
            lines.append(f"{moment:%A} {moment.day} {moment:%B %Y, %H:%M}")
            following = next_after(schedule, at)
            if following is None:
                break
            at = following
        return "\n".join(lines)

    def _changed(self) -> None:
        if self.timers is not None:
            self.timers.changed()

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC).astimezone(self._zone())


def local_zone() -> ZoneInfo:
    """The zone of this computer: ``TZ``, else what the system is set to, else UTC."""
    import os
    from pathlib import Path
    from zoneinfo import ZoneInfo

    named = os.environ.get("TZ", "").lstrip(":")
    candidates = [named]
    try:
        candidates.append(Path("/etc/timezone").read_text(encoding="utf-8").strip())
    except OSError:
        candidates.append("")
    target = os.path.realpath("/etc/localtime")
    if "/zoneinfo/" in target:
        candidates.insert(1, target.rpartition("/zoneinfo/")[2])
    for one in candidates:
        try:
            if one:
                return ZoneInfo(one)
        except (ValueError, OSError, LookupError):
            continue
    return _utc()


def _utc() -> ZoneInfo:
    """UTC, also on a machine without a table of zones: there is none in a bare container."""
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo("UTC")
    except LookupError:
        import io
        import struct

        head = struct.pack(">4sc15x6l", b"TZif", b"\0", 0, 0, 0, 0, 1, 4)
        return ZoneInfo.from_file(io.BytesIO(head + struct.pack(">lbb", 0, 0, 0) + b"UTC\0"), "UTC")
