"""Memory for agents and doors: what they keep and find carries its labels, both ways.

Agents use ``ctx.memory``, or publish ``memory.update`` and request ``memory.retrieve``. A fact that
an agent learned is shown on a card with an undo. Nothing here puts the words of a memory into an
event that is kept: who forgets it would have to look for them there. Only ``memory.update`` holds
them, and it goes with its memory.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec
from msgspec.structs import replace

from loom_desktop.bus import Bus
from loom_desktop.clock import Clock
from loom_desktop.errors import Denied, LoomError, UsageError
from loom_desktop.event import Event, Privacy, QoS, follow, named, tainted
from loom_desktop.runtime.attention import Desk, Offer
from loom_desktop.store import Memory, Store
from loom_desktop.tasks import Tasks

if TYPE_CHECKING:
    from loom_desktop.memory.embed import Embedder
    from loom_desktop.memory.recall import Backend, Query, Recall, Recalled
    from loom_desktop.runtime.context import Context
    from loom_desktop.settings import Settings

log = logging.getLogger(__name__)
AGENT = "memory"
"""Whose cards tell what was learned."""
_MEMORY = frozenset({"memory"})
_LOOK_S = 600.0
"""A model that was not used for so long lets go of its memory; and what ends is looked for at least
so often, as the loop's clock stops in a sleep."""
_SETTLED_S = 30.0
"""Not while everything starts."""
_LOST_S = 60.0


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A memory as it was found: data with a mark, and never an instruction."""

    id: int
    text: str
    kind: Literal["episodic", "semantic", "note"]
    tier: Literal["working", "session", "long-term"]
    subject: str
    relation: str
    object: str
    time: float
    """Seconds since 1970: when it was learned or last confirmed."""
    confidence: float
    """As of now, 0 to 1."""
    score: float
    agent: str
    thread: int
    origin: tuple[str, ...]
    privacy: str
    tainted: bool
    """Strangers may have written it: a model is shown it as data, and nothing follows it."""


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """What ``memory.update`` says."""

    text: str = ""
    subject: str = ""
    relation: str = ""
    object: str = ""
    kind: Literal["episodic", "semantic", "note"] = "note"
    tier: Literal["working", "session", "long-term"] = "long-term"
    confidence: float = 1.0
    made_from: tuple[int, ...] = ()


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What ``memory.retrieve`` says."""

    query: str = ""
    limit: int = 5
    kind: str = ""
    tier: str = ""
    trusted: bool = False
    privacy: str = Privacy.LOCAL_ONLY.word


class _Set(Protocol):
    settings: Settings


class Remembering:
    """The memory of the whole engine. Made at the start, and loads nothing until it is used."""

    def __init__(
        self, bus: Bus, store: Store, desk: Desk, clock: Clock, tasks: Tasks, on: _Set
    ) -> None:
        """``on``: whose settings are looked at each time."""
        self._bus, self._store, self._desk, self._clock = bus, store, desk, clock
        self._tasks, self._on = tasks, on
        self.backend: Backend | None = None
        """What adds, finds and forgets instead of the store: set before the first is kept.

        Histories, changes and undos are the store's alone: a number of the backend means another
        memory there, or none.
        """
        self.problem: LoomError | None = None
        """Why the model that the settings name is not used."""
        self._recall: Recall | None = None
        self._embedder: Embedder | None = None
        self._folder: str | None = None
        self._incomplete = False
        """Whether some may have no vector of the embedder that there is now."""
        self._choosing, self._adding = asyncio.Lock(), asyncio.Lock()
        self._changed = asyncio.Event()
        self._used = 0.0
        bus.subscribe("memory.update", self._told)
        bus.subscribe("memory.retrieve", self._asked)
        bus.subscribe(f"card.answered.{AGENT}.undo", self._undone)

    # ------------------------------------------------------------------ what doors and agents do

    def bound(self, ctx: Context, *, anyones: bool = False) -> BoundMemory:
        """In the name of the agent of that context. ``anyones``: it may forget what others kept."""
        return BoundMemory(self, ctx, anyones=anyones)

    async def add(
        self,
        memory: Memory,
        cause: Event,
        *,
        made_from: Iterable[int] = (),
        show: bool = False,
    ) -> Memory:
        """Keep it, with the labels of its cause. ``show``: tell the person of a fact, with an undo;
        not of one in a backend, which has none.

        Raises UsageError for what cannot be kept, NotFound for what it cannot be made from.
        """
        memory = replace(memory, thread=cause.begins, origin=cause.origin, privacy=cause.privacy)
        backend = await self._backend()
        async with self._adding:  # whoever looks what is known must find what came before
            facts = await self._store.memories.facts(memory.subject, memory.relation)
            kept = await backend.add(memory, sources=tuple(made_from))
        self._say(
            cause, "memory.updated", {"memory": kept.id, "kind": kept.kind, "tier": kept.tier}
        )
        self._changed.set()
        new = self.backend is None and kept.id not in {one.id for one in facts}
        if show and new and kept.kind == "semantic" and kept.tier == "long-term":
            await self._show(kept, cause)
        return kept

    async def query(self, query: Query) -> list[Found]:
        """What fits, the best first. Whoever uses it takes over its labels (see ``labels``)."""
        found = await (await self._backend()).query(query)
        return [_found(one) for one in found]

    async def change(self, number: int, text: str) -> Memory:
        """Give one in the store other words; a fact becomes a text. Raises NotFound, UsageError."""
        recall = await self.ready()
        old = await self._store.memories.get(number)
        words = replace(old, text=text, subject="", relation="", object="")
        if old.kind == "semantic":
            words = replace(words, kind="note")
        await self._written()
        return await recall.change(words)

    async def forget(self, ids: Iterable[int], cause: Event | None = None) -> list[int]:
        """Remove these without a trace, and all that was made from them; what is gone."""
        await self._written()
        gone = await (await self._backend()).forget(ids)
        if gone and cause is not None:
            self._say(cause, "memory.forgotten", {"memories": gone})
        return gone

    async def undo(self, number: int, cause: Event) -> list[int]:
        """It was not meant: it goes from the store, and what it took the place of stays."""
        await self._written()
        gone = await self._store.memories.revert(number)
        if gone:
            self._say(cause, "memory.forgotten", {"memories": gone})
        return gone

    async def one(self, number: int) -> Memory:
        """That memory in the store, also one of a history. Raises NotFound."""
        return await self._store.memories.get(number)

    async def ready(self) -> Recall:
        """How things are found, with the model that the settings name, or without one."""
        from loom_desktop.memory.embed import Letters
        from loom_desktop.memory.recall import Recall

        async with self._choosing:
            folder = self._on.settings.memory.embed_model
            if folder != self._folder:
                self._folder, self._embedder, self.problem = folder, None, None
                if folder:
                    try:
                        self._embedder = await asyncio.to_thread(_opened, folder)
                    except LoomError as error:
                        self.problem = error
                        log.warning("no model for the memory: %s", error.message)
                self._embedder = self._embedder or Letters()
                self._incomplete = True
                self._changed.set()
            if self._recall is None:
                self._recall = Recall(
                    self._store.memories, self._clock, lambda: self._embedder or Letters()
                )
            self._used = self._clock()
            return self._recall

    async def run(self) -> None:
        """Remove what is over, give vectors to what has none, and let an idle model go."""
        wait_s: float | None = _SETTLED_S
        while True:
            try:
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()
            except TimeoutError:
                log.debug("the memory is looked after, as it is time")
            self._changed.clear()
            wait_s = _LOST_S
            try:
                wait_s = await self._look()
            except LoomError as error:  # a full disk: it is tried again
                log.warning("the memory could not be looked after: %s", error.message)
            except Exception:  # one of the fences: without this nothing would ever end again
                log.exception("the memory could not be looked after")

    async def _look(self) -> float | None:
        """Seconds until the next look; None when nothing is to come."""
        gone, following = await self._store.memories.sweep()
        if gone:
            log.info("%d memories are over", len(gone))
        waits = [_LOOK_S, following - self._clock()] if following else []
        if self._recall is not None:
            if self._incomplete:
                await self._recall.embed_missing()
                self._incomplete = False
            unload = getattr(self._embedder, "unload", None)
            if unload is not None:
                if self._clock() - self._used >= _LOOK_S:
                    unload()
                else:
                    waits.append(_LOOK_S)
        return max(1.0, min(waits)) if waits else None

    # ------------------------------------------------------------------ topics

    def _told(self, event: Event) -> None:
        self._tasks.start("memory.update", self._answer(event, self._update(event)))

    def _asked(self, event: Event) -> None:
        self._tasks.start("memory.retrieve", self._answer(event, self._retrieve(event)))

    def _undone(self, event: Event) -> None:
        number = event.payload.get("data", {}).get("memory", 0)
        self._tasks.start("undo a memory", self._undo(int(number), event))

    async def _undo(self, number: int, event: Event) -> None:
        await self.undo(number, event)

    async def _answer(self, event: Event, work: Any) -> None:
        try:
            answer = await work
        except LoomError as error:
            answer = self._reply(event, {"error": error.message, "hint": error.hint})
        self._bus.publish(answer)

    async def _update(self, event: Event) -> Event:
        said = _understood(event, _Told)
        words = {
            name: getattr(said, name) for name in said.__struct_fields__ if name != "made_from"
        }
        memory = Memory(**words, agent=event.sender, event=event.id)
        kept = await self.add(memory, event, made_from=said.made_from, show=True)
        return self._reply(event, {"memory": kept.id})

    async def _retrieve(self, event: Event) -> Event:
        from loom_desktop.memory.recall import Query

        said = _understood(event, _Asked)
        query = Query(
            text=said.query, limit=said.limit, kind=said.kind, tier=said.tier,
            trusted=said.trusted, thread=event.begins, privacy=_level(said.privacy),
        )  # fmt: skip
        found = await self.query(query)
        origin, privacy = labels(found)
        payload = {"memories": [msgspec.to_builtins(one) for one in found]}
        return self._reply(event, payload, origin=origin, privacy=privacy)

    def _reply(self, event: Event, payload: dict[str, Any], **more: Any) -> Event:
        """Not kept in the journal: the words are in the memory, and shall be nowhere else."""
        topic = event.reply_to or f"{event.topic}.answered"
        return follow(
            event, topic, payload, sender=AGENT, time=self._clock(), answers=event.id,
            qos=QoS.REALTIME, **more,
        )  # fmt: skip

    def _say(self, cause: Event, topic: str, payload: dict[str, Any]) -> None:
        self._bus.publish(follow(cause, topic, payload, sender=AGENT, time=self._clock()))

    async def _show(self, memory: Memory, cause: Event) -> None:
        """ "Remembered: ...", with an undo. The card goes with the memory."""
        before = await self._store.memories.history(memory.id)
        card = await self._desk.offer(
            Offer(
                kind="notice",
                title=f"Remembered: {memory.text}",
                text=f"Instead of: {before[0].text}" if before else "",
                actions=(("undo", "Undo"),),
                why=f"{memory.agent or 'Loom'} learned it. loom memory list shows everything.",
                key=f"memory {memory.id}",
                data={"memory": memory.id},
            ),
            agent=AGENT,
            cause=replace(cause, origin=memory.origin, privacy=memory.privacy),
        )
        await self._store.memories.told(memory.id, card)

    async def _backend(self) -> Backend:
        return self.backend or await self.ready()

    async def _written(self) -> None:
        """What is still on its way to the journal can be forgotten there only once it is in it."""
        await self._store.journal.flush()


class BoundMemory:
    """``ctx.memory``: the memory in the name of one agent, on one event."""

    def __init__(self, remembering: Remembering, ctx: Context, *, anyones: bool) -> None:
        self._remembering, self._ctx, self._anyones = remembering, ctx, anyones

    async def add(
        self,
        text: str = "",
        *,
        subject: str = "",
        relation: str = "",
        object: str = "",  # noqa: A002  # the field's word for the third part of a fact
        kind: Literal["episodic", "semantic", "note"] = "note",
        tier: Literal["working", "session", "long-term"] = "long-term",
        confidence: float = 1.0,
        made_from: Iterable[int] = (),
    ) -> int:
        """Keep a text (``note``, or ``episodic`` for what happened), or a fact of three parts.

        A fact that says something else of the same takes the place of the old one, and the person
        is shown it with an undo. ``working`` is for this thread alone, ``session`` for an hour.
        ``made_from``: the memories it was made from; it has their labels, and goes with them.
        Returns its id. Raises UsageError for what cannot be kept.
        """
        memory = Memory(
            text=text, subject=subject, relation=relation, object=object, kind=kind, tier=tier,
            confidence=confidence, agent=self._ctx.agent,
        )  # fmt: skip
        kept = await self._remembering.add(memory, self._ctx.event, made_from=made_from, show=True)
        return kept.id

    async def query(
        self,
        text: str = "",
        *,
        limit: int = 5,
        kind: str = "",
        tier: str = "",
        own: bool = False,
        trusted: bool = False,
        privacy: Privacy = Privacy.LOCAL_ONLY,
    ) -> list[Found]:
        """What fits, the best first; the newest without a text.

        ``own``: only what this agent kept; ``trusted``: nothing that strangers may have written;
        ``privacy``: nothing more private. The labels of what is found come with it.
        """
        from loom_desktop.memory.recall import Query

        ctx = self._ctx
        query = Query(
            text=text, limit=limit, kind=kind, tier=tier, agent=ctx.agent if own else "",
            thread=ctx.thread, trusted=trusted, privacy=privacy,
        )  # fmt: skip
        found = await self._remembering.query(query)
        for one in found:
            ctx.absorb(frozenset(one.origin) | _MEMORY, _level(one.privacy))
        return found

    async def forget(self, memory: int) -> list[int]:
        """Remove one that this agent kept, without a trace, and all that was made from it.

        Answers with what is gone. Raises Denied for what others kept, and when what a stranger
        wrote would remove what no stranger did; NotFound. Of what is in a backend nobody can say
        who kept it and who wrote it, so it counts as kept by others, and written by no stranger.
        """
        ctx = self._ctx
        known = self._remembering.backend is None
        there = await self._remembering.one(memory) if known else None
        if not self._anyones and (there is None or there.agent != ctx.agent):
            raise Denied(f"Memory {memory} is not one that {ctx.agent} kept.")
        if ctx.event.tainted and (there is None or not tainted(there.origin)):
            raise Denied("What a stranger wrote does not decide what is forgotten.")
        return await self._remembering.forget([memory], ctx.event)


def labels(found: Iterable[Found]) -> tuple[frozenset[str], Privacy]:
    """What is made from these carries this: all their origins, and the strictest privacy."""
    origin, privacy = _MEMORY, Privacy.PUBLIC
    for one in found:
        origin |= frozenset(one.origin)
        privacy = max(privacy, _level(one.privacy))
    return origin, privacy


def _found(one: Recalled) -> Found:
    memory = one.memory
    same = (
        "id",
        "text",
        "kind",
        "tier",
        "subject",
        "relation",
        "object",
        "time",
        "agent",
        "thread",
    )
    return Found(
        **{name: getattr(memory, name) for name in same},
        confidence=round(one.confidence, 4),
        score=round(one.score, 6),
        origin=tuple(sorted(named(memory.origin))),
        privacy=memory.privacy.word,
        tainted=one.tainted,
    )


def _level(word: str) -> Privacy:
    """Raises UsageError."""
    for level in Privacy:
        if level.word == word:
            return level
    raise UsageError(
        f"{word!r} is no level of privacy.",
        hint=f"They are: {', '.join(one.word for one in Privacy)}.",
    )


def _understood(event: Event, kind: Any) -> Any:
    """The payload as that. Raises UsageError."""
    try:
        return msgspec.convert(event.payload, kind)
    except msgspec.ValidationError as error:
        raise UsageError(f"{event.topic}: {error}.") from None


def _opened(folder: str) -> Embedder:
    """The model in that folder, once it has made a vector. Raises Unavailable."""
    from loom_desktop.memory.minilm import MiniLM

    model = MiniLM(Path(folder).expanduser())
    model.embed(["memory"])
    return model
