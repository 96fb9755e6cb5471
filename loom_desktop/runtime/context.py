"""Context: everything a handler may do. What it makes carries the labels of what woke it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from loom_desktop.actions import Broker, Call, Result
from loom_desktop.bus import Bus
from loom_desktop.clock import Clock
from loom_desktop.errors import Denied, LoomError, Unavailable
from loom_desktop.event import Event, Privacy, QoS, privacy_at_birth
from loom_desktop.event import follow as follow
from loom_desktop.event import named as named
from loom_desktop.tasks import Tasks

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from loom_desktop.bus.collaboration import Barrier, Gathered
    from loom_desktop.bus.contract import Contracted, Ended, Execute
    from loom_desktop.bus.until import Until
    from loom_desktop.cognition import Step, Thinker
    from loom_desktop.runtime.agenda import Agenda, Plan, Policy
    from loom_desktop.runtime.agent import Handler
    from loom_desktop.runtime.attention import Desk, Offer
    from loom_desktop.runtime.directory import AgentEntry, CapabilityEntry, Directory
    from loom_desktop.runtime.memory import BoundMemory, Remembering
    from loom_desktop.runtime.mover import BoundMover, Mover
    from loom_desktop.runtime.reading import Picture, Reader
    from loom_desktop.runtime.reminders import Reminders
    from loom_desktop.runtime.supervisor import Supervisor
    from loom_desktop.store import Store
    from loom_desktop.text.extract import Document

_RESERVED = (
    "act.", "action.", "agent.created", "agent.started", "agent.paused", "agent.stopped",
    "agent.changed", "agent.deleted", "application.", "capability.", "card.", "chat.", "consent.",
    "conversation.", "hotkey.", "memory.forgotten", "memory.updated", "popup.", "reminder.",
    "routing.", "runtime.", "schedule.", "settings.", "status.", "system.", "timer.", "window.",
)  # fmt: skip
"""Topics that only the runtime, the doors and their sources publish: whoever listens to them may
rely on it."""
_ITS_OWN = {"chat": "chat."}
"""Agents that answer for the runtime, and what they alone may say."""


_CLIPBOARD, _FILE, _MEMORY = frozenset({"clipboard"}), frozenset({"file"}), frozenset({"memory"})


class Parts(msgspec.Struct, frozen=True):
    """What a context works with; the same for every agent."""

    bus: Bus
    broker: Broker
    store: Store
    desk: Desk
    thinker: Thinker
    clock: Clock
    zone: Callable[[], ZoneInfo]
    """The person's; they travel."""
    mover: Mover
    reminders: Reminders
    agenda: Agenda
    reader: Reader
    settings: dict[str, Any]
    """Settings of the agents, by name, checked already."""
    sources: Mapping[str, Any]
    """The sources by name; the clipboard is asked for what it holds."""
    supervisor: Callable[[], Supervisor]
    """Who keeps the agents going that have these parts."""
    directory: Callable[[], Directory]
    """Made when somebody asks for the first time."""
    remembering: Remembering


_MOST_CHANGES = 100
_COMMIT_S = 10.0
"""How long ``emit`` waits for the disk before it says that the event is not on it."""


class Staged:
    """What the handlers of a durable agent remember of one event, until they have ended."""

    __slots__ = ("over", "values", "versions")

    def __init__(self) -> None:
        self.over = False
        """What they left running writes by itself from now on."""
        self.values: dict[str, Any] = {}
        self.versions: dict[str, int] = {}
        """Those that were read: they must still be the same when it is written."""

    def write(self, key: str, value: Any) -> None:
        """Raises TypeError for what is not plain data."""
        msgspec.msgpack.encode(value)
        self.values[key] = value

    def writes(self, agent: str) -> list[tuple[str, str, Any, int | None]]:
        """As ``Deliveries.commit`` takes them."""
        return [(agent, key, value, self.versions.get(key)) for key, value in self.values.items()]


class Context:
    """One agent on one event. What it makes belongs to that event: same thread, same labels."""

    __slots__ = (
        "_parts", "_read", "_staged", "_stopped", "_tasks", "agent", "event", "local",
    )  # fmt: skip

    def __init__(
        self,
        agent: str,
        event: Event,
        parts: Parts,
        tasks: Tasks,
        local: dict[str, Any],
        stopped: Callable[[], bool] = lambda: False,
        staged: Staged | None = None,
    ) -> None:
        """``stopped``: whether the person stopped this work; from then on it says nothing.

        ``staged`` collects what a durable agent remembers.
        """
        self.agent, self.event = agent, event
        self.local = local
        """What this agent keeps in memory between events; gone with the process."""
        self._parts, self._tasks, self._stopped, self._staged = parts, tasks, stopped, staged
        self._read: dict[str, int] = {}
        """The versions of what was recalled last, by key."""

    @property
    def log(self) -> logging.Logger:
        """The log of this agent. Made when it is used: most agents say nothing there."""
        return logging.getLogger(f"loom_desktop.agents.{self.agent}")

    @property
    def settings(self) -> Any:
        """The settings of this agent: the struct ``Settings`` of its file."""
        return self._parts.settings.get(self.agent)

    @property
    def now(self) -> datetime:
        """The time on the person's wall, with its zone."""
        return datetime.fromtimestamp(self._parts.clock(), self._parts.zone())

    def absorb(self, origin: frozenset[str], privacy: Privacy | None = None) -> None:
        """What is made from now on is made from this, too: it carries these labels.

        Whatever comes in through a context does it by itself: a clip, a document, a note, an
        answer. Labels are only ever added.
        """
        level = privacy_at_birth(origin) if privacy is None else privacy
        self.event = msgspec.structs.replace(
            self.event,
            origin=named(self.event.origin) | named(origin),
            privacy=max(self.event.privacy, level),
        )

    async def emit(self, topic: str, /, *, qos: QoS | None = None, **payload: Any) -> bool:
        """Say that something happened. Whether it is on the disk: realtime events are not kept.

        Waits for room in mailboxes that ``block`` and, unless it is realtime, for the commit. When
        the disk does not take it (which the store tells) it was said all the same, and the answer
        is False. Raises Denied for a topic that is published by the runtime alone, TimedOut when
        there is no room; then nobody got it.

        Work that was stopped says nothing any more: a late piece of an answer would come after
        the word that it was stopped.
        """
        _check(topic, self.agent)
        if self._stopped():
            self.log.debug("%s was not said: the work was stopped", topic)
            return False
        event, store = self._follow(topic, payload, qos=qos), self._parts.store
        lost = store.journal.lost
        await self._parts.bus.emit(event)
        if event.qos is QoS.REALTIME or store.in_memory:
            return False
        try:
            async with asyncio.timeout(_COMMIT_S):
                await store.journal.flush()
        except (LoomError, TimeoutError) as error:
            self.log.warning("%s is not on the disk: %s", topic, str(error) or "it takes too long")
            return False
        return store.journal.lost == lost  # else it may be this one, and another was told of it

    async def reply(self, question: Event, /, **payload: Any) -> None:
        """Answer a request."""
        topic = question.reply_to or f"{question.topic}.answered"
        _check(topic, self.agent)
        self._parts.bus.publish(self._follow(topic, payload, answers=question.id))

    async def request(self, topic: str, /, *, timeout_s: float = 5.0, **payload: Any) -> Event:
        """Ask, and wait for the first answer. Raises TimedOut."""
        _check(topic, self.agent)
        answer = await self._parts.bus.request(self._follow(topic, payload), timeout_s=timeout_s)
        self.absorb(answer.origin, answer.privacy)
        return answer

    @property
    def thread(self) -> int:
        """Id of the conversation or piece of work that this belongs to."""
        return self.event.begins

    async def broadcast(self, *, qos: QoS | None = None, **payload: Any) -> bool:
        """Say something to everybody in this thread, on ``thread.{id}.broadcast``."""
        from loom_desktop.envelope import broadcast_topic

        return await self.emit(broadcast_topic(self.thread), qos=qos, **payload)

    def join(self, thread: int, handler: Handler | None = None) -> bool:
        """Hear what is said to everybody in that thread; whether it did not before.

        It counts until ``leave``, or until the process ends. See ``subscribe`` for the handler.
        """
        from loom_desktop.envelope import broadcast_topic

        return self.subscribe(broadcast_topic(thread), handler)

    def leave(self, thread: int) -> bool:
        """Hear that no longer. Whether it had joined."""
        from loom_desktop.envelope import broadcast_topic

        return self.unsubscribe(broadcast_topic(thread))

    def subscribe(self, pattern: str, handler: Handler | None = None) -> bool:
        """Wake this agent on one more pattern from now on; whether it did not before.

        It counts until ``unsubscribe``, or until the process ends. ``handler`` may be left out by
        an agent that has one. Raises UsageError for what is no pattern, and when it is not clear
        which handler is meant.
        """
        return self._parts.supervisor().subscribe(self.agent, pattern, handler)

    def unsubscribe(self, pattern: str) -> bool:
        """No longer. Whether it did since ``subscribe``: what it was declared with stays."""
        return self._parts.supervisor().unsubscribe(self.agent, pattern)

    def agents(
        self,
        *,
        id: str = "",  # noqa: A002  # the name of the field
        topic: str = "",
        capability: str = "",
        state: str = "",
    ) -> list[AgentEntry]:
        """Who is there: the one of this id, those that would hear this topic, bring this capability
        (``files.*`` is any of them) and are in this state; what is empty is not asked."""
        found = self._parts.directory().agents
        return found.find(id=id, topic=topic, capability=capability, state=state)

    async def capabilities(
        self, name: str = "", *, kind: str = "", effect: str = ""
    ) -> list[CapabilityEntry]:
        """What ``tool`` can do, by name (``files.*``), kind of provider and effect.

        What others than this program provide is described in their words: those come with it.
        """
        directory = self._parts.directory()
        await directory.load()
        found = directory.capabilities.find(name, kind=kind, effect=effect)
        theirs = {f"{one.kind}:{one.provider}" for one in found if one.kind != "native"}
        if theirs:
            self.absorb(frozenset(theirs), Privacy.PUBLIC)
        return found

    async def gather(
        self,
        topic: str = "",
        /,
        *,
        expected: Collection[str] | None = None,
        until: Until | None = None,
        timeout_s: float = 5.0,
        **payload: Any,
    ) -> Gathered:
        """Ask many, and wait until there is enough (``until.any_()`` when nothing is said).

        Without a topic everybody in this thread is asked. They answer with ``ctx.reply``. Raises
        TimedOut when nobody did.
        """
        from loom_desktop.bus import collaboration
        from loom_desktop.envelope import broadcast_topic

        topic = topic or broadcast_topic(self.thread)
        _check(topic, self.agent)
        gathered = await collaboration.gather(
            self._parts.bus,
            self._follow(topic, payload),
            expected=expected,
            until=until or collaboration.until.any_(),
            timeout_s=timeout_s,
        )
        for reply in gathered.replies:
            self.absorb(reply.origin, reply.privacy)
        return gathered

    def barrier(self, topic: str, parties: Iterable[str]) -> Barrier:
        """Meet others: ``with ctx.barrier("round.reached", ["ann", "bob"]) as barrier``, then
        ``await barrier.wait(timeout_s=5)``.

        A party checks in with an event of its own on the topic, ``await ctx.emit(topic)``. Nobody
        comes too early who does so inside the block. ``wait`` raises TimedOut that names who is
        missing; those who came stay, and one may wait on.
        """
        from loom_desktop.bus import collaboration

        return collaboration.Barrier(self._parts.bus, topic, parties, absorb=self.absorb)

    async def contract(
        self,
        *,
        score: Callable[[Event], float],
        bids_for_s: float = 1.0,
        enough: int = 0,
        execute_s: float = 30.0,
        most_awards: int = 3,
        **task: Any,
    ) -> Contracted:
        """Announce a task, and have it done by the one whose bid scores highest (see ``bid``).

        When that one fails, refuses or is silent, the next gets it, so it takes up to
        ``bids_for_s`` and ``most_awards`` times ``execute_s``: an agent whose events may take
        less (``deadline_s``) is stopped before. Raises TimedOut when nobody bid.
        """
        from loom_desktop.bus.contract import ANNOUNCED, contract

        done = await contract(
            self._parts.bus,
            self._follow(ANNOUNCED, task),
            score=score,
            bids_for_s=bids_for_s,
            enough=enough,
            execute_s=execute_s,
            most_awards=most_awards,
            clock=self._parts.clock,
        )
        self.absorb(*done.labels)
        return done

    async def bid(self, announced: Event, execute: Execute, /, **bid: Any) -> Ended:
        """Bid for a task that was announced (``contract.announced``), and do it if it is awarded:
        ``execute(award)`` returns what came of it.

        Returns when that is settled: ``completed``, ``failed``, ``rejected`` or ``silent``. A
        handler that waits for it keeps the next event waiting, and has its deadline; ``spawn``
        does not.
        """
        from loom_desktop.bus.contract import bid_for

        async def run(award: Event) -> Mapping[str, Any] | None:
            self.absorb(award.origin, award.privacy)
            return await execute(award)

        self.absorb(announced.origin, announced.privacy)
        return await bid_for(
            self._parts.bus,
            announced,
            bid,
            run,
            sender=self.agent,
            clock=self._parts.clock,
            labels=lambda: (named(self.event.origin), self.event.privacy),
        )

    async def tool(self, name: str, /, **arguments: Any) -> Result:
        """Do something through the broker. Does not raise; look at the code."""
        call = Call(agent=self.agent, cause=self.event, ctx=self)
        return await self._parts.broker.invoke(name, arguments, call)

    async def think(self, prompt: str, *, about: object = None) -> str:
        """Ask the model, or the skills where there is none. The whole answer."""
        if about is not None:
            if isinstance(about, Event):
                self.absorb(about.origin, about.privacy)
            told = about if isinstance(about, str) else msgspec.json.encode(about).decode()
            prompt = f"{prompt}\n\n{told}"
        pieces = [step.text async for step in self.converse(prompt) if step.kind == "text"]
        return "".join(pieces).strip()

    def converse(
        self,
        text: str,
        *,
        files: list[str] | None = None,
        clip: str = "",
        way: str = "",
        model: str = "",
        phases: bool = False,
    ) -> AsyncIterator[Step]:
        """Answer the person step by step: pieces of text, what was called and what came of it, and
        at the end how it was done. ``way``: direct, thought, react, plan; empty: as the settings
        say. ``model``: the one of that name in loom.toml answers, or nobody. ``phases``: a quick
        answer may come first, and a step ``replaced`` with a better one."""
        from loom_desktop.cognition import How

        named = frozenset(files or () if self.event.asked else ())
        how = How(way, model, phases)
        return self._parts.thinker.converse(
            handed(self, named), text, files=files or [], clip=clip, how=how
        )

    async def offer(self, offer: Offer) -> int:
        """Show the person a card. Returns its id; what they choose comes as an event
        ``card.answered.AGENT.ACTION``."""
        return await self._parts.desk.offer(offer, agent=self.agent, cause=self.event)

    async def withdraw(self, key: str) -> None:
        """What the card was about is over: it goes away unanswered."""
        await self._parts.desk.supersede(self.agent, key)

    async def remember(self, key: str, value: Any) -> None:
        """Keep plain data of this agent over restarts, with the labels of this event.

        A durable agent's is written when its handler has ended, together with the mark that it had
        the event: both or neither. Raises TypeError for what is not plain data.
        """
        labelled = [value, sorted(self.event.origin), int(self.event.privacy)]
        if (staged := self._staging) is None:
            await self._parts.store.state.put(self.agent, key, labelled)
        else:
            staged.write(key, labelled)

    async def change(self, key: str, function: Callable[[Any], Any], default: Any = None) -> Any:
        """Put what ``function`` makes of what is remembered in its place; answers with that.

        Compare and set: when somebody else was faster, it is called again with what they wrote.
        Raises Unavailable when that happens again and again.
        """
        for _ in range(_MOST_CHANGES):
            new = function(await self.recall(key, default))
            if self._staging is not None:
                await self.remember(key, new)
                return new
            labelled = [new, sorted(self.event.origin), int(self.event.privacy)]
            version = self._read.get(key, 0)
            if await self._parts.store.state.put(self.agent, key, labelled, version):
                return new
        raise Unavailable(f"{key!r} is changed by others all the time.", hint="Try again.")

    async def recall(self, key: str, default: Any = None) -> Any:
        """What was remembered under the key; its labels come back with it."""
        staged = self._staging
        if staged is not None and key in staged.values:
            value, origin, privacy = staged.values[key]
        else:
            found = await self._parts.store.state.get(self.agent, key)
            version = self._read[key] = found.version if found is not None else 0
            if staged is not None:  # what was made of an earlier look must be right as well
                staged.versions.setdefault(key, version)
            if found is None:
                return default
            value, origin, privacy = found.value
        self.absorb(named(frozenset(origin)) | _MEMORY, Privacy(privacy))
        return value

    @property
    def memory(self) -> BoundMemory:
        """What Loom remembers: ``add``, ``query`` and ``forget``, with labels both ways."""
        return self._parts.remembering.bound(self)

    async def schedule(
        self,
        name: str,
        *,
        at: datetime | str | None = None,
        every_s: float = 0.0,
        cron: str = "",
        rrule: str = "",
        zone: str = "",
        policy: Policy = "once",
        data: Mapping[str, Any] | None = None,
    ) -> Plan:
        """Be woken by ``schedule.fired.AGENT.NAME`` at a moment, or again and again.

        Say ``at`` alone, or one of ``every_s`` (seconds that pass), ``cron`` and ``rrule`` (RFC
        5545), from ``at`` on or from now. A wall time is the person's and travels with them, but
        for one with a ``zone`` (IANA name) of its own. ``policy`` is what becomes of occurrences
        that were missed: ``once`` for all of them, ``skip``, ``all`` one after the other, ``ask``
        the person. ``data`` (plain) comes back with the event, and so do the labels of this one.

        There is one of each name, and it survives a restart. The same rule again changes nothing
        but the data; another takes its place. Raises NotUnderstood for a rule that cannot be
        followed or that never comes, and UsageError for a name that is none.
        """
        plan = await self._parts.agenda.set(
            self.agent, name, self.event, at=at, every_s=every_s, cron=cron, rrule=rrule,
            zone=zone, policy=policy, data=data,
        )  # fmt: skip
        self.absorb(named(plan.origin), plan.privacy)  # it may be one of an earlier event
        return plan

    async def unschedule(self, name: str) -> bool:
        """It does not come any more. Whether it was still to come."""
        return await self._parts.agenda.remove(self.agent, name)

    async def schedules(self) -> list[Plan]:
        """Those of this agent that are to come, the next first; their labels come with them."""
        plans = await self._parts.agenda.plans(self.agent)
        for one in plans:
            self.absorb(named(one.origin) | _MEMORY, one.privacy)
        return plans

    def spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Go on with something beside the handler. It ends with the thread or the agent."""
        self._tasks.start(f"{self.agent}:{name}", work)

    async def sleep(self, seconds: float) -> None:
        """Wait. Cancelled with the thread."""
        await asyncio.sleep(seconds)

    async def ask(
        self, text: str, *, clip: str = "", files: list[str] | None = None, show: bool = False
    ) -> int:
        """Ask on behalf of the person, in a conversation of its own, that ends with this thread;
        ``show`` brings up the window. Returns the id of the question."""
        payload = {"text": text, "files": files or [], "clip": clip, "conversation": 0}
        question = msgspec.structs.replace(self._follow("chat.asked", payload), thread=0)
        self._parts.bus.branch(question.id, self.thread)
        if show:
            self._parts.bus.publish(
                self._follow("popup.requested", {"conversation": question.id}, qos=QoS.REALTIME)
            )
        self._parts.bus.publish(question)
        return question.id

    async def show(self, *, draft: str = "") -> None:
        """Bring up the window, with something to say already written."""
        self._parts.bus.publish(self._follow("popup.requested", {"draft": draft}, qos=QoS.REALTIME))

    @property
    def _staging(self) -> Staged | None:
        """Where to put what is remembered while the handlers of a durable agent are at work."""
        return None if self._staged is None or self._staged.over else self._staged

    def _follow(
        self, topic: str, payload: dict[str, Any], *, answers: int = 0, qos: QoS | None = None
    ) -> Event:
        return follow(
            self.event, topic, payload, sender=self.agent, time=self._parts.clock(),
            answers=answers, qos=qos,
        )  # fmt: skip


class CapabilityContext(Context):
    """What the broker hands to a capability, once it has decided: the caller's context, and beside
    it what effects are made of. An agent has none of this; it calls ``tool``."""

    __slots__ = ("_asker", "named")

    def __init__(self, asker: Context, named: frozenset[str]) -> None:
        self._asker = asker
        self.named = named
        """Paths that the person named or allowed for this call."""
        super().__init__(
            asker.agent, asker.event, asker._parts, asker._tasks, asker.local, asker._stopped,
            asker._staged,
        )  # fmt: skip

    @property
    def event(self) -> Event:
        """The caller's: labels that are added here stay on what the caller makes of the result."""
        return self._asker.event

    @event.setter
    def event(self, event: Event) -> None:
        self._asker.event = event

    @property
    def lasting(self) -> str:
        """What to add to "kept": nothing, or that it ends with this run, as no disk takes it."""
        if not self._parts.store.in_memory:
            return ""
        return (
            "\n\n**Only until Loom ends**: its data cannot be written now. "
            "Settings > Health says why."
        )

    @property
    def reminders(self) -> Reminders:
        """Reminders: add, listed, done, snooze, remove, restore."""
        return self._parts.reminders

    @property
    def notes(self) -> Notes:
        """Notes: add, search, remove."""
        return Notes(self._parts.store, self)

    @property
    def memory(self) -> BoundMemory:
        """As for the caller, but it may forget what others kept: the broker has decided."""
        return self._parts.remembering.bound(self, anyones=True)

    @property
    def files(self) -> BoundMover:
        """Files: plan, move, undo; in the name of this agent and thread."""
        return self._parts.mover.bound(self.agent, self.event, self.absorb, self.named)

    async def read(self, path: str) -> Document:
        """The text of a document, read in a process of its own with a deadline.

        Raises Denied for what was neither granted nor named.
        """
        within = None if path in self.named else self._parts.mover.folders
        document = await self._parts.reader.read(path, within=within)
        self.absorb(_FILE)
        return document

    async def picture(self, path: str) -> Picture | None:
        """The picture as a model takes it; None when the file is none.

        Raises Denied for what was neither granted nor named.
        """
        within = None if path in self.named else self._parts.mover.folders
        found = await self._parts.reader.picture(path, within=within)
        if found is not None:
            self.absorb(_FILE)
        return found

    async def clip(self, wanted: str = "") -> str:
        """What was copied last; with a hash, only if it is still that. Raises Unavailable."""
        text = await clip_text(self._parts.sources.get("clipboard"), wanted)
        self.absorb(_CLIPBOARD)
        return text


def handed(ctx: Context, named: frozenset[str] = frozenset()) -> CapabilityContext:
    """What a capability gets that was called with this context."""
    return CapabilityContext(ctx, named)


class Notes(msgspec.Struct, frozen=True):
    """Notes of the person. A note keeps the labels of what it was made from."""

    _store: Store
    _ctx: Context

    async def add(self, text: str, event: Event) -> int:
        """Keep one; its id."""
        made = await self._store.notes.add(
            text, thread=event.begins, origin=event.origin, privacy=event.privacy
        )
        return made.id

    async def search(self, query: str, limit: int) -> list[Any]:
        """By words; the newest when there are none."""
        notes = self._store.notes
        found = notes.search(query, limit=limit) if query.strip() else notes.recent(limit=limit)
        kept = list(await found)
        for one in kept:
            self._ctx.absorb(named(one.origin) | _MEMORY, one.privacy)
        return kept

    async def remove(self, number: int) -> None:
        """Take one away."""
        await self._store.notes.remove(number)


def _check(topic: str, agent: str) -> None:
    own = _ITS_OWN.get(agent)
    if topic.startswith(_RESERVED) and not (own and topic.startswith(own)):
        raise Denied(f"{topic} is published by the runtime alone.")


async def clip_text(clipboard: Any, wanted: str) -> str:
    """What was copied, from the source that saw it, or read now because the person asks."""
    if clipboard is None:
        raise Unavailable("The clipboard cannot be read here.", hint="Paste the text instead.")
    latest = clipboard.latest()
    text: str | None = latest[0] if latest else await clipboard.read_once()
    if not text:
        raise Unavailable(
            "There is no text on the clipboard.", hint="Copy some text first, then ask again."
        )
    import hashlib

    if wanted and hashlib.sha256(text.encode()).hexdigest() != wanted:
        raise Unavailable(
            "What was copied then is not on the clipboard any more.",
            hint="Copied text is not stored. Copy it again.",
        )
    return text
