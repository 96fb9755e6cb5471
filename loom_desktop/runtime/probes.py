"""Probes: how each part of a Loom stands, read from outside, without changing anything.

They run in a thread beside the loop (see ``health``), so each reads what is there in one go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from loom_desktop.bus.ended import Counts
from loom_desktop.clock import monotonic
from loom_desktop.errors import LoomError
from loom_desktop.event import QoS
from loom_desktop.runtime.health import Finding, Health, State
from loom_desktop.runtime.schedule import TICK_S

if TYPE_CHECKING:
    from loom_desktop.actions import Broker
    from loom_desktop.bus import Bus
    from loom_desktop.clock import Clock
    from loom_desktop.llm.router import Router
    from loom_desktop.loom import Loom
    from loom_desktop.runtime.attention import Desk
    from loom_desktop.runtime.audit import Audit
    from loom_desktop.runtime.conversations import Recorder
    from loom_desktop.runtime.durable import Durable
    from loom_desktop.runtime.loop_watch import LoopWatch
    from loom_desktop.runtime.notifications import Notifications
    from loom_desktop.runtime.outside import Outside
    from loom_desktop.runtime.schedule import Timers
    from loom_desktop.runtime.supervisor import Supervisor
    from loom_desktop.store import Store, Upkeep
    from loom_desktop.store.keys import Key

_DISK: dict[str, tuple[str, str]] = {
    "low": ("The disk is nearly full.", "Free some space."),
    "scarce": ("The disk is all but full.", "Free some space, soon."),
    "full": ("The disk is full: nothing is saved.", "Free some space."),
    "broken": ("The disk cannot be written.", "Look whether the disk is failing."),
    "memory": ("Nothing of this run is saved.", "Settings > Health says why."),
}
_DROPPED = {
    "circled": "events went in circles and were dropped.",
    "dropped": "events were dropped: what waited for somebody was full.",
    "overrun": "events from other threads were dropped: they came faster than they were taken.",
}
_LATE = {
    "expired": "events were past the time that their publishers gave them, and went unread.",
    "late_answers": "answers came when nobody waited for them any more.",
}
_MANY_EXPIRED = 10
_OK = Finding()
_NOBODY: Mapping[str, LoomError] = {}
_FULL = 0.9
_FAR_BEHIND = 10_000
_ASK_S = 0.5
_LATE_TICKS = 3
_RECENT_S = 300.0
_LATE_UPKEEP_S = 900.0
_MANY_MESSAGES = 1_000


def watch(loom: Loom) -> Health:
    """The health of a Loom, with everything that it is made of registered."""
    health = Health(loom.clock, lambda: loom.started)
    health.register("store", partial(store, loom.store), needed=True)
    health.register("upkeep", lambda: upkeep(loom.store.upkeep(), loom.not_forgotten))
    health.register("key", partial(_key, loom))
    health.register("bus", bus(loom.bus))
    health.register("broker", partial(broker, loom.broker, loom.audit, loom.clock), needed=True)
    health.register("recorder", partial(recorder, loom.recorder))
    health.register("cards", partial(cards, loom.desk))
    if loom.notifications is not None:
        health.register("notifications", partial(notifications, loom.notifications))
    health.register("agents", partial(_agents, loom), needed=True)
    health.register("durable", partial(durable, loom.supervisor.durable, _dead_letters(loom)))
    for name in loom.outside.sources:
        health.register(f"source {name}", partial(_source, loom, name))
    if loom.reminders.timers is not None:
        health.register("timers", partial(timers, loom.timers, loom.clock))
    if loom.loop_watch is not None:
        health.register("loop", partial(loop, loom.loop_watch, monotonic))
        health.register("load", lambda: loom.degradation.finding() if loom.degradation else _OK)
    health.register("models", lambda: models(loom.brain.current))
    health.register(
        "network", lambda: network(loom.brain.current, local_only=loom.settings.privacy.local_only)
    )
    health.register("door", partial(_around, loom, "door"))
    if loom.desktop:
        health.register("shell", partial(_around, loom, "shell"))
    return health


def _around(loom: Loom, name: str) -> Finding:
    """What the door or the windows say of themselves. One command needs neither."""
    says = loom.around.get(name)
    return says() if says is not None else Finding(words="There is none in this run.")


def store(store: Store) -> Finding:
    """Whether what is written is kept."""
    facts = {
        "disk": store.disk,
        "lost_writes": store.lost,
        "waiting": store.journal.waiting,
        "left_out": store.journal.damaged,
    }
    if said := _DISK.get(store.disk):
        bad = store.disk in ("full", "broken", "memory")
        return Finding("failed" if bad else "degraded", *said, facts=facts)
    if store.problems:
        return Finding("degraded", *store.problems[-1], facts=facts)
    if store.lost:
        words = f"{store.lost} writes that nobody waited for did not reach the disk."
        return Finding("degraded", words, "The log says which.", facts=facts)
    return Finding(facts=facts)


def upkeep(stands: Upkeep, not_forgotten: str = "") -> Finding:
    """Whether somebody looks after the store, and when it was last copied.

    A copy may be older than an hour: without anything new none is taken.
    """
    facts = {
        "snapshots": stands.snapshots,
        "newest": stands.newest,
        "failed": stands.failed,
        "looked_ago_s": round(stands.looked_ago_s, 1),
        "running": stands.running,
    }
    if stands.wanted and not stands.running:
        words = "Nobody looks after the store: it is neither checked nor copied."
        return Finding("failed", words, "Start Loom again. The log says why.", facts=facts)
    words, hint, since = "", "", 0.0
    if stands.failure:
        since, words = stands.failed, stands.failure
        hint = "Free some space, and look at the permissions of the folder snapshots."
    elif stands.trouble:
        words, hint = stands.trouble, "It is tried again each minute."
    elif stands.wanted and stands.looked_ago_s > _LATE_UPKEEP_S:
        words = f"Nobody has looked after the store for {stands.looked_ago_s / 60:.0f} minutes."
        hint = "A check of much data takes long. When it lasts, start Loom again."
    elif not_forgotten:
        words = f"What is old was not forgotten: {not_forgotten}"
        hint = "It is tried again each day."
    if words:
        return Finding("degraded", words, hint, since, facts)
    if not stands.wanted:
        return Finding(words="This run does not look after the store.", facts=facts)
    return Finding(words="" if stands.newest else "There is no snapshot so far.", facts=facts)


def key(key: Key | LoomError | None, *, encrypted: bool, wanted: bool) -> Finding:
    """Whether what is written can be read with the key alone, and where that is.

    A key that lies in a file is told and is no fault: that is how Loom runs where no keyring is,
    and a monitor that said so for ever would be switched off.
    """
    if isinstance(key, LoomError):
        return Finding("failed", key.message, key.hint, facts={"encrypted": encrypted, "kept": ""})
    kept = "given" if key is None and encrypted else "" if key is None else key.kind
    facts = {"encrypted": encrypted, "kept": kept, "fell_back": key.fell_back if key else ""}
    if encrypted:
        return Finding(words=key.warning if key else "", facts=facts)
    if wanted:
        words = "What is written down is not encrypted, and should be."
        return Finding("failed", words, "Stop Loom, and report this.", facts=facts)
    return Finding(words="What is written down is not encrypted: loom.toml says so.", facts=facts)


def _key(loom: Loom) -> Finding:
    wanted = loom.settings.store.encrypted and not loom.store.in_memory
    return key(loom.key, encrypted=loom.store.encrypted, wanted=wanted)


def broker(broker: Broker, audit: Audit, clock: Clock) -> Finding:
    """Whether what may be done is done, and written down before. It fails closed."""
    facts = {
        "audited": audit.written,
        "undecided": broker.undecided,
        "questions": broker.consent.waiting,
        "attended": broker.consent.attended,
    }
    if audit.trouble is not None:
        words = f"Nothing is done, as nothing can be written down: {audit.trouble.message}"
        return Finding("failed", words, audit.trouble.hint, facts=facts)
    if broker.undecided and clock() - broker.undecided_at < _RECENT_S:
        words = "A call was not done, because deciding about it went wrong."
        return Finding("degraded", words, "The log has it all.", broker.undecided_at, facts)
    if not broker.consent.attended:
        words = "Nobody is there to be asked: what needs an approval is not done."
        return Finding(words=words, facts=facts)
    return Finding(facts=facts)


def recorder(recorder: Recorder) -> Finding:
    """Whether conversations are written down."""
    waiting = recorder.waiting
    facts = {"kept": recorder.kept, "lost": recorder.lost, "waiting": waiting}
    if not recorder.running:
        words = "Conversations are not written down any more."
        return Finding("failed", words, "Start Loom again.", facts=facts)
    if recorder.trouble:
        words = f"The last message was not kept: {recorder.trouble}"
        return Finding("degraded", words, "The answer is shown all the same.", facts=facts)
    if waiting > _MANY_MESSAGES:
        words = f"{waiting:,} messages are not written down so far."
        return Finding("degraded", words, "Look whether the disk is slow.", facts=facts)
    return Finding(facts=facts)


def cards(desk: Desk) -> Finding:
    """Whether cards come and go."""
    facts = {"open": len(desk.showing), "attended": not desk.alone}
    if desk.trouble:
        words = f"Cards wait, and none ends: {desk.trouble}"
        return Finding("degraded", words, "It is tried again every few seconds.", facts=facts)
    count = len(desk.showing)
    words = f"{count} {'card is' if count == 1 else 'cards are'} open." if count else ""
    return Finding(words=words, facts=facts)


def notifications(sent: Notifications) -> Finding:
    """Whether the desktop shows them. Where there is no desktop, that is no fault."""
    facts = {"on": sent.on, "sent": sent.sent}
    if not sent.on:
        return Finding(words="Off.", facts=facts)
    if not sent.trouble:
        return Finding(words="" if sent.sent else "None was sent so far.", facts=facts)
    state: State = "degraded" if sent.wanted_here else "ok"
    words = f"The last one was not shown: {sent.trouble}"
    return Finding(state, words, "Every card is in the inbox: loom inbox", facts=facts)


def bus(bus: Bus) -> Callable[[], Finding]:
    """Whether events arrive. What was lost since the last look is told, older is over.

    An event past its time to live is no fault: whoever published it said that it is worth nothing
    then. It is one where ten went by and nothing was handled: somebody works for nobody. An answer
    that comes too late is none either, as whoever asked was told that none came.
    """
    seen = dict.fromkeys((*_DROPPED, *_LATE), 0)
    before: dict[str, Counts] = {}

    def look() -> Finding:
        boxes = bus.mailboxes()
        by_name: dict[str, Counts] = {}
        for one in boxes:
            by_name[one.name] = by_name.get(one.name, bus.ended[one.name]).plus(one.counts)
        counts = {
            "circled": bus.circled,
            "dropped": bus.dropped,
            "overrun": bus.overrun,
            "expired": bus.expired + bus.ended.total.expired + sum(one.expired for one in boxes),
            "late_answers": bus.late_answers,
        }
        lost = {name: counts[name] - seen[name] for name in counts}
        idle = [name for name, now in by_name.items() if _in_vain(before.get(name), now)]
        seen.update(counts)
        before.clear()
        before.update(by_name)
        full = [one.name for one in boxes if one.size and one.waiting >= _FULL * one.size]
        facts = {
            "published": bus.published, **counts, "full": full, "in_vain": idle,
            "queue_for_a_turn": [*bus.turns.waiting],
            "shares": [bus.turns.pace_of(lane) for lane in QoS],
        }  # fmt: skip
        words = [f"{lost[name]} {said}" for name, said in _DROPPED.items() if lost[name]]
        if full:
            words.append(f"Next to full: what waits for {', '.join(full)}.")
        if idle:
            words.append(f"Whatever came to {', '.join(idle)} was past its time.")
        if words:
            hint = "The log names them. It is over when it is told no more."
            return Finding("degraded", " ".join(words), hint, facts=facts)
        late = [f"{lost[name]} {said}" for name, said in _LATE.items() if lost[name]]
        return Finding(words=" ".join(late), facts=facts)

    return look


def _in_vain(before: Counts | None, now: Counts) -> bool:
    before = before or Counts()
    return now.handled == before.handled and now.expired - before.expired >= _MANY_EXPIRED


def agents(
    supervisor: Supervisor, wanted: tuple[str, ...], left_out: Mapping[str, LoomError] = _NOBODY
) -> Finding:
    """Whether everybody works who should. ``left_out``: who was not started, and why."""
    states = supervisor.states
    facts = {
        "states": states,
        "busy": supervisor.busy,
        "left_behind": supervisor.left_behind,
        "last_failures": dict(supervisor.failed),
    }
    away = [name for name in wanted if states.get(name, "failed") == "failed"]
    others = [name for name, state in states.items() if state == "failed" and name not in wanted]
    if away or others:
        state: State = "failed" if wanted and len(away) == len(wanted) else "degraded"
        why = [left_out[name].message for name in away if name in left_out]
        words = " ".join([f"Not running: {', '.join([*away, *others])}.", *why])
        hint = "The log says why. loom start NAME tries it again."
        return Finding(state, words, hint, facts=facts)
    if supervisor.left_behind:
        words = f"{supervisor.left_behind} handlers did not end when they were told to."
        return Finding("degraded", words, "The log names them. A restart frees them.", facts=facts)
    held = [f"{name} is {state}" for name, state in states.items() if state != "running"]
    return Finding(words=f"You said so: {', '.join(held)}." if held else "", facts=facts)


def _agents(loom: Loom) -> Finding:
    wanted = (*loom.agents_wanted, *sorted(loom.entries.missing))
    return agents(loom.supervisor, wanted, loom.left_out)


def durable(durable: Durable, letters: Callable[[], int]) -> Finding:
    """Whether what is on the disk is worked on."""
    behind, dead = durable.behind, letters()
    facts = {"behind": behind, "dead_letters": dead}
    words = [f"{name} is {n:,} events behind." for name, n in behind.items() if n > _FAR_BEHIND]
    hint = "It catches up by itself, when less happens."
    if dead:
        words.append(f"{dead} {'event' if dead == 1 else 'events'} could not be worked on.")
        hint = "See them: loom dead list"
    return (
        Finding("degraded", " ".join(words), hint, facts=facts) if words else Finding(facts=facts)
    )


def _dead_letters(loom: Loom) -> Callable[[], int]:
    """Asked in the thread of the probes, which the loop does not wait for."""

    def count() -> int:
        asked = asyncio.run_coroutine_threadsafe(loom.store.deliveries.count(), loom.bus.loop)
        return asked.result(_ASK_S)

    return count


def source(outside: Outside, name: str, *, asked_for: bool) -> Finding:
    """Whether it sees what it should. What nobody asked for, and cannot be had here, is no fault.

    One that is off is not looked at: that would load it.
    """
    failed = outside.failed.get(name)
    if failed is None and not outside.running(name):
        return Finding(words="Off.", facts={"on": False})
    state: State = "degraded" if asked_for else "ok"
    if failed is not None:
        return Finding(state, failed.message, failed.hint, facts={"on": outside.running(name)})
    report = outside.sources[name].report()
    facts = {"on": True, "driver": report.driver}
    if report.working:
        return Finding(words=report.detail, facts=facts)
    return Finding(state, report.detail or "It sees nothing.", report.fix, facts=facts)


def _source(loom: Loom, name: str) -> Finding:
    return source(loom.outside, name, asked_for=name == "hotkey" or name in loom.settings.sources)


def timers(timers: Timers, clock: Clock) -> Finding:
    """Whether somebody looks at the clock."""
    facts = {"looked": timers.looked}
    ago_s = clock() - timers.looked
    if timers.trouble:
        return Finding("degraded", timers.trouble, "Reminders wait until it is over.", facts=facts)
    if timers.looked and ago_s > _LATE_TICKS * TICK_S:
        words = f"Nobody has looked for {ago_s:.0f} s whether a reminder is due."
        return Finding("degraded", words, "Start Loom again.", timers.looked, facts)
    return Finding(facts=facts)


def loop(watch: LoopWatch, clock: Clock) -> Finding:
    """Whether the loop turns. ``clock`` is the one of the watch; a hang is told for a while."""
    facts = {"hangs": watch.hangs, "lag_ms": round(watch.lag_s * 1000, 1)}
    if (hang := watch.hang) is not None:
        words = f"Everything waits for {hang.who}, in {hang.where}."
        return Finding("failed", words, "The log has the whole stack.", facts=facts)
    last = watch.last
    if last is not None and clock() - last.began < _RECENT_S:
        words = f"Everything waited {last.seconds:.1f} s for {last.who}, in {last.where}."
        return Finding("degraded", words, "The log has the whole stack.", facts=facts)
    return Finding(facts=facts)


def models(router: Router | None) -> Finding:
    """Whether those answer that were asked. Nobody is asked for it."""
    if router is None:
        return Finding(words="No model was asked so far.")
    facts = {one.name: one.state for one in router.breakers}
    away = sorted(name for name, state in facts.items() if state != "closed")
    if away:
        words = f"Left alone for a while, as they failed again and again: {', '.join(away)}."
        return Finding("degraded", words, "See that they run, or pick others.", facts=facts)
    return Finding(facts=facts)


def network(router: Router | None, *, local_only: bool) -> Finding:
    """Whether the door to the network knows what the person said about it."""
    facts = {"local_only": local_only}
    if router is not None and local_only and not router.net.local_only:
        words = "Nothing may leave, and the door to the network does not know it."
        return Finding("failed", words, "Stop Loom, and report this.", facts=facts)
    return Finding(words="Nothing leaves this computer." if local_only else "", facts=facts)
