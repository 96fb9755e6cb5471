"""Agenda: what agents want to be woken for, and when; the wall clock brings it as an event.

One plan for each agent and name, kept in the store beside the reminders of the person and fired by
the same timers. Setting a plan that is there already, with the same rule, changes nothing: an agent
may say it at every start, and what fired does not fire again.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec.structs import replace

from loom_desktop.bus import Bus
from loom_desktop.clock import Clock
from loom_desktop.errors import NotFound, NotUnderstood, UsageError
from loom_desktop.event import SCHEDULED, Event, Privacy, QoS, privacy_at_birth
from loom_desktop.runtime.context import named
from loom_desktop.store import Store
from loom_desktop.store.schedules import Schedule
from loom_desktop.tasks import Tasks

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from loom_desktop.runtime.attention import Desk
    from loom_desktop.runtime.schedule import Timers, Told

log = logging.getLogger(__name__)
Policy = Literal["skip", "once", "all", "ask"]
POLICIES = ("skip", "once", "all", "ask")
MOST_PLANS = 256
"""Of one agent: each is looked at whenever the person travels."""
SHORTEST_S = 1.0
"""Between two occurrences of ``every_s``."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
_GIVEN, _RULE = "given", "rule"
"""Keys in ``Schedule.data``, beside ``FIXED``: what the agent gave, and its rule as it said it."""
_RUN = "run_missed"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan of an agent, as it gets it back."""

    name: str
    next: float
    """Seconds since 1970; 0 when it does not come again."""
    at: str
    every_s: float
    cron: str
    rrule: str
    zone: str
    policy: Policy
    state: Literal["active", "done", "cancelled"]
    data: dict[str, Any]
    origin: frozenset[str]
    privacy: Privacy


class Agenda:
    """The plans of all agents."""

    def __init__(
        self,
        bus: Bus,
        store: Store,
        desk: Desk,
        clock: Clock,
        zone: Callable[[], ZoneInfo],
        tasks: Tasks,
    ) -> None:
        """``zone`` is the person's, asked each time: people travel."""
        self._bus, self._store, self._desk, self._tasks = bus, store, desk, tasks
        self._clock, self._zone = clock, zone
        self._one_at_a_time = asyncio.Lock()
        self.timers: Timers | None = None
        """Told when a plan changed; set by the composition root."""
        bus.subscribe(f"card.answered.*.{_RUN}", self._answered)

    async def set(
        self,
        agent: str,
        name: str,
        cause: Event,
        *,
        at: datetime | str | None = None,
        every_s: float = 0.0,
        cron: str = "",
        rrule: str = "",
        zone: str = "",
        policy: Policy = "once",
        data: Mapping[str, Any] | None = None,
    ) -> Plan:
        """See ``Context.schedule``. The plan carries the labels of ``cause``."""
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{name[:80]!r} is no name for a schedule.",
                hint="It has small letters, digits, - and _, and at most 64 of them.",
            )
        begin = _read(at)
        rule = [_written(begin), float(every_s), cron, rrule, zone, policy]
        wanted = self._understood(agent, name, cause, begin, rule, dict(data or {}))
        async with self._one_at_a_time:
            found = await self._find(agent, name)
            if found is None:
                if len(await self._store.schedules.active(agent=agent)) >= MOST_PLANS:
                    raise UsageError(f"{agent} has {MOST_PLANS} schedules: there is no more room.")
                _still_to_come(wanted)
                wanted = await self._store.schedules.add(wanted)
                await self._store.state.set_fact(_fact(agent, name), wanted.id)
            else:
                wanted = await self._put_in_place(found, wanted, rule)
        if self.timers is not None:
            self.timers.changed()
        return _plan(wanted)

    async def remove(self, agent: str, name: str) -> bool:
        """Whether it was still to come."""
        async with self._one_at_a_time:
            found = await self._find(agent, name)
            return found is not None and await self._store.schedules.remove(found.id)

    async def plans(self, agent: str) -> list[Plan]:
        """Those of the agent that are to come, the next first."""
        return [_plan(one) for one in await self._store.schedules.active(agent=agent)]

    def fire(self, schedule: Schedule, occurrence: float, late_s: float) -> Told:
        """The moment has come: its event; what was missed under ``ask`` is a question first."""
        from loom_desktop.runtime.schedule import LATE_S

        if schedule.policy == "ask" and late_s > LATE_S:

            def ask() -> None:
                work = self._ask(schedule, occurrence, late_s)
                self._tasks.start(f"ask for {schedule.agent}", work)

            return ask
        return self._fired(schedule, occurrence, late_s, _missed(schedule, occurrence))

    # ---------------------------------------------------------------- setting
    def _understood(
        self,
        agent: str,
        name: str,
        cause: Event,
        begin: datetime | None,
        rule: list[Any],
        given: dict[str, Any],
    ) -> Schedule:
        """The schedule that is meant, with its next moment. Raises NotUnderstood."""
        from loom_desktop.runtime.schedule import FIXED, named_zone, next_after

        _, every_s, cron, rrule, zone, policy = rule
        if policy not in POLICIES:
            raise NotUnderstood(
                f"{policy!r} is no policy for what was missed.", hint=f"There are: {POLICIES}."
            )
        if sum((bool(every_s), bool(cron), bool(rrule))) > 1 or not any(rule[:4]):
            raise NotUnderstood(
                f"When {name!r} comes is not clear.",
                hint="Say one of every_s, cron and rrule, from at on, or at alone.",
            )
        if every_s and not SHORTEST_S <= every_s < math.inf:
            raise NotUnderstood(
                f"{every_s} s is no time to wait.", hint=f"At least {SHORTEST_S:g} s."
            )
        where = named_zone(zone) if zone else self._zone()
        now = datetime.fromtimestamp(self._clock(), UTC).astimezone(where)
        # From now on it counts what comes after now; a moment that was named is never early.
        wall = now.replace(microsecond=0) if begin is None else _whole(_moment(begin, where))
        endless = begin is None and cron  # a pattern of hours and days begins nowhere
        exact = begin is not None and begin.tzinfo is not None  # wherever the person is
        schedule = Schedule(
            text=name,
            agent=agent,
            at="" if endless else wall.replace(tzinfo=None).isoformat(),
            fold=wall.fold,
            every_s=every_s,
            cron=cron,
            rrule=rrule,
            zone=where.key,
            policy=policy,
            thread=cause.id,
            origin=cause.origin,
            privacy=cause.privacy,
            data={_GIVEN: given, _RULE: rule, FIXED: bool(zone) or exact},
        )
        return replace(schedule, next=next_after(schedule, self._clock()) or 0.0)

    async def _put_in_place(self, old: Schedule, new: Schedule, rule: list[Any]) -> Schedule:
        """The same rule leaves its moments as they are; another begins anew under the old id, so
        that an occurrence that fired stays fired."""
        same = list(old.data.get(_RULE, ())) == rule
        if same and old.state == "done":
            return old
        if same and old.state == "active":
            data = {**old.data, _GIVEN: new.data[_GIVEN]}
            new = replace(
                old, data=data, origin=named(old.origin) | named(new.origin),
                privacy=max(old.privacy, new.privacy),
            )  # fmt: skip
        else:
            _still_to_come(new)
            new = replace(new, id=old.id, created=old.created)
        if new != old:
            await self._store.schedules.change(new)
        return new

    async def _find(self, agent: str, name: str) -> Schedule | None:
        """The one of that name, also when it is over."""
        number = int(await self._store.state.fact(_fact(agent, name), 0))
        if number:
            try:
                found = await self._store.schedules.get(number)
            except NotFound:
                log.debug("the schedule %s of %s was forgotten", name, agent)
            else:
                if (found.agent, found.text) == (agent, name):  # the number may be another's now
                    return found
        # Written down, but its number was not: the process ended between the two.
        active = await self._store.schedules.active(agent=agent)
        return next((one for one in active if one.text == name), None)

    # ---------------------------------------------------------------- firing
    async def _ask(self, schedule: Schedule, at: float, late_s: float) -> None:
        from loom_desktop.runtime.attention import Offer
        from loom_desktop.text.when import words

        missed, zone = _missed(schedule, at), self._zone()
        now = datetime.fromtimestamp(self._clock(), UTC).astimezone(zone)
        due = words(datetime.fromtimestamp(at, zone), "", now)
        more = f", and {missed} times before" if missed > 1 else ", and once before"
        offer = Offer(
            title=f"{schedule.agent} missed “{schedule.text}”",
            text=f"It was due {due}{more if missed else ''}. Do it now?",
            actions=((_RUN, "Do it now"), ("skip_missed", "Skip it")),
            why="The computer slept or was off at that time.",
            key=f"schedule.{schedule.text}",
            data={"schedule": schedule.id, "at": at, "late_s": late_s, "missed": missed},
        )
        await self._desk.offer(offer, agent=schedule.agent, cause=_cause(schedule, self._clock()))

    def _answered(self, event: Event) -> None:
        self._tasks.start("do what was missed", self._run_missed(event))

    async def _run_missed(self, event: Event) -> None:
        asked = event.payload["data"]
        try:
            schedule = await self._store.schedules.get(int(asked["schedule"]))
            at, late_s, missed = asked["at"], asked["late_s"], asked["missed"]
        except (NotFound, KeyError, TypeError, ValueError):
            log.warning("%s: there is no such schedule any more", event.topic)
            return
        if event.topic != f"card.answered.{schedule.agent}.{_RUN}" or not schedule.agent:
            log.warning("%s asked for a schedule that is not its own", event.topic)
            return
        self._bus.publish(self._fired(schedule, at, late_s, missed))

    def _fired(self, schedule: Schedule, at: float, late_s: float, missed: int) -> Event:
        before = _cause(schedule, self._clock())
        return Event(
            topic=f"schedule.fired.{schedule.agent}.{schedule.text}",
            payload={
                "name": schedule.text,
                "at": at,
                "late_s": late_s,
                "missed": missed,
                "data": schedule.data.get(_GIVEN, {}),
            },
            sender="schedule",
            time=self._clock(),
            qos=QoS.BATCHED,
            cause=schedule.thread,
            origin=before.origin,
            privacy=before.privacy,
        )


def _missed(schedule: Schedule, at: float) -> int:
    """How many earlier ones this one stands for; ``next`` is the earliest that did not fire."""
    from loom_desktop.runtime.schedule import passed

    return passed(schedule, schedule.next, at)


def _cause(schedule: Schedule, now: float) -> Event:
    """What set it, as far as it is known still: each firing is a piece of work of its own."""
    return Event(
        topic="schedule",
        id=schedule.thread or 1,
        time=now,
        origin=named(schedule.origin) | SCHEDULED,
        privacy=max(schedule.privacy, privacy_at_birth(SCHEDULED)),
    )


def _plan(schedule: Schedule) -> Plan:
    fields = {name: getattr(schedule, name) for name in Plan.__struct_fields__ if name != "name"}
    fields["data"] = dict(schedule.data.get(_GIVEN, {}))
    return Plan(name=schedule.text, **fields)


def _fact(agent: str, name: str) -> str:
    return f"schedule/{agent}/{name}"


def _read(at: datetime | str | None) -> datetime | None:
    """Raises NotUnderstood."""
    if not isinstance(at, str):
        return at
    try:
        return datetime.fromisoformat(at)
    except ValueError:
        raise NotUnderstood(
            f"“{at[:80]}” is no moment.", hint="Say it as 2026-11-20T08:30, or as a datetime."
        ) from None


def _written(at: datetime | None) -> str:
    """As it is compared with what was said before."""
    if at is None:
        return ""
    return f"{at.isoformat()}{'#2' if at.fold and at.tzinfo is None else ''}"


def _moment(at: datetime, zone: ZoneInfo) -> datetime:
    from loom_desktop.runtime.schedule import instant

    return (instant(at, zone, at.fold) if at.tzinfo is None else at).astimezone(zone)


def _whole(at: datetime) -> datetime:
    """The next whole second: what is kept is never earlier than what was meant."""
    if not at.microsecond:
        return at
    return at.replace(microsecond=0) + timedelta(seconds=1)


def _still_to_come(schedule: Schedule) -> None:
    if not schedule.next:
        raise NotUnderstood(
            f"{schedule.text!r} would never come: its time is over, or there is none.",
            hint="Say a time that is still to come.",
        )
