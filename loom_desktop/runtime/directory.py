"""Directories: which agents there are and what they listen to; what can be done and who does it.

``Directory`` follows the supervisor and the broker; every change is told on the bus. Nothing here
starts, stops or calls anything. A question looks through all entries: there are hundreds of them
at most, and it is asked by people and by ``loom list``, not for every event.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

import msgspec

from loom_desktop.actions.capability import Effect
from loom_desktop.bus import Bus
from loom_desktop.bus.topics import matches, segments
from loom_desktop.clock import Clock
from loom_desktop.errors import NotFound, UsageError
from loom_desktop.event import QoS, by_itself

if TYPE_CHECKING:
    from loom_desktop.actions import Broker, Capability
    from loom_desktop.runtime.supervisor import AgentReport, Supervisor

log = logging.getLogger(__name__)
State = Literal["created", "running", "paused", "stopped", "failed"]
Kind = Literal["native", "mcp", "plugin", "remote"]
"""Who provides a capability: this program, an MCP server, a plugin, or another process."""
_SAID = {"running": "agent.started", "paused": "agent.paused", "stopped": "agent.stopped"}
"""Of a failure the supervisor says ``agent.failed`` itself, and why."""


class AgentEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An agent at this moment, as plain data."""

    id: str
    state: State
    since: float
    """When it came into this state: seconds since 1970."""
    topics: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    """Those that it brings."""
    counts: dict[str, int] = {}
    """What the runtime counts of it: events handled, waiting, dropped ..."""


class Agents:
    """Who is there. Used on the loop of the bus."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._tell = _Teller(bus, clock)
        self._clock = clock
        self._agents: dict[str, AgentEntry] = {}
        self._counts: dict[str, Callable[[], Mapping[str, int]]] = {}

    def quiet(self) -> AbstractContextManager[None]:
        """Inside, changes are not told."""
        return self._tell.silenced()

    def __len__(self) -> int:
        return len(self._agents)

    def __contains__(self, id: object) -> bool:  # noqa: A002  # the name of the field
        return id in self._agents

    def put(
        self,
        id: str,  # noqa: A002
        *,
        topics: tuple[str, ...] | None = None,
        capabilities: tuple[str, ...] | None = None,
        state: State | None = None,
        counts: Callable[[], Mapping[str, int]] | None = None,
    ) -> None:
        """Enter an agent, or what is different about it now; None leaves it as it is.

        ``counts`` is asked whenever somebody looks. Says ``agent.created``, then what its state
        says (``agent.started``, ``agent.paused``, ``agent.stopped``), and ``agent.changed`` for
        other topics or capabilities. Raises UsageError for a pattern or a state that is none.
        """
        if state is not None and state not in get_args(State):
            raise UsageError(f"{state!r} is no state: {', '.join(get_args(State))}.")
        for pattern in topics or ():
            segments(pattern)
        before = self._agents.get(id)
        known = before or AgentEntry(id=id, state="created", since=self._clock())
        after = msgspec.structs.replace(
            known,
            topics=known.topics if topics is None else tuple(topics),
            capabilities=known.capabilities if capabilities is None else tuple(capabilities),
            state=state or known.state,
        )
        if after.state != known.state:
            after = msgspec.structs.replace(after, since=self._clock())
        self._agents[id] = after
        if counts is not None:
            self._counts[id] = counts
        if before is None:
            self._say("agent.created", after)
        elif (after.topics, after.capabilities) != (before.topics, before.capabilities):
            self._say("agent.changed", after)
        if after.state != known.state and after.state in _SAID:
            self._say(_SAID[after.state], after)

    def remove(self, id: str) -> None:  # noqa: A002
        """It is deleted. Raises NotFound."""
        gone = self._found(id)
        del self._agents[id]
        self._counts.pop(id, None)
        self._say("agent.deleted", gone)

    def find(
        self,
        *,
        id: str = "",  # noqa: A002
        topic: str = "",
        capability: str = "",
        state: str = "",
    ) -> list[AgentEntry]:
        """In the order of their ids: the one of this id, those that would hear this topic, bring
        this capability (``*`` as in file names) and are in this state; what is empty is not asked.
        """
        parts = topic.split(".")
        return [
            self._now(one)
            for _, one in sorted(self._agents.items())
            if (not id or one.id == id)
            and (not topic or any(matches(each.split("."), parts) for each in one.topics))
            and (not capability or any(fnmatchcase(each, capability) for each in one.capabilities))
            and (not state or one.state == state)
        ]

    def _found(self, id: str) -> AgentEntry:  # noqa: A002
        try:
            return self._agents[id]
        except KeyError:
            raise _not_there("agent", id, self._agents) from None

    def _now(self, one: AgentEntry) -> AgentEntry:
        counts = self._counts.get(one.id)
        return one if counts is None else msgspec.structs.replace(one, counts=dict(counts()))

    def _say(self, topic: str, one: AgentEntry) -> None:
        told = {"topics": list(one.topics), "capabilities": list(one.capabilities)}
        self._tell(topic, {"agent": one.id, "state": one.state, **told})


class Described(Protocol):
    """What the directory has to know of a capability; ``Capability`` is one."""

    @property
    def name(self) -> str:
        """``family.verb``."""

    @property
    def description(self) -> str:
        """Its first line says what it does."""

    @property
    def effect(self) -> Effect:
        """What it does to the world."""

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of its arguments. Made when it is asked for."""


class CapabilityEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Something that can be done, as plain data."""

    name: str
    kind: Kind
    provider: str
    """Which MCP server, plugin, process or agent."""
    effect: Effect
    description: str
    """One line."""
    since: float
    """When it was added: seconds since 1970."""
    schema: dict[str, Any]


class Capabilities:
    """What can be done. Used on the loop of the bus."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._tell = _Teller(bus, clock)
        self._clock = clock
        self._provided: dict[str, _Provided] = {}

    def quiet(self) -> AbstractContextManager[None]:
        """Inside, changes are not told."""
        return self._tell.silenced()

    def __len__(self) -> int:
        return len(self._provided)

    def __contains__(self, name: object) -> bool:
        return name in self._provided

    def put(self, one: Described, *, kind: Kind = "native", provider: str = "loom") -> None:
        """From now on it can be done. Says ``capability.added``, or ``capability.changed`` when
        its provider brings another one of that name; the same again says nothing.

        Raises UsageError when another provider has one of that name, and for a kind that is none.
        """
        if kind not in get_args(Kind):
            raise UsageError(f"{kind!r} is no kind of provider: {', '.join(get_args(Kind))}.")
        there = self._provided.get(one.name)
        if there is not None and (there.kind, there.provider) != (kind, provider):
            raise UsageError(
                f"{provider} cannot provide {one.name}: {there.provider} does already.",
                hint="Give it another name.",
            )
        if there is not None and there.one is one:
            return
        since = self._clock() if there is None else there.since
        made = self._provided[one.name] = _Provided(one, kind, provider, since)
        self._say("capability.added" if there is None else "capability.changed", made)

    def remove(self, name: str) -> None:
        """It cannot be done any more: ``capability.removed``. Raises NotFound."""
        gone = self._found(name)
        del self._provided[name]
        self._say("capability.removed", gone)

    def find(self, name: str = "", *, kind: str = "", effect: str = "") -> list[CapabilityEntry]:
        """By name: those whose name is this (``files.*`` is all of them that move, list ...), of
        this kind of provider and this effect; what is empty is not asked."""
        return [
            one.entry()
            for key, one in sorted(self._provided.items())
            if (not name or fnmatchcase(key, name))
            and (not kind or one.kind == kind)
            and (not effect or one.one.effect == effect)
        ]

    def _found(self, name: str) -> _Provided:
        try:
            return self._provided[name]
        except KeyError:
            raise _not_there("capability", name, self._provided) from None

    def _say(self, topic: str, one: _Provided) -> None:
        told = {"kind": one.kind, "provider": one.provider, "effect": one.one.effect}
        self._tell(topic, {"capability": one.one.name, **told})


class _Provided:
    """One capability and where it came from."""

    __slots__ = ("kind", "one", "provider", "since")

    def __init__(self, one: Described, kind: Kind, provider: str, since: float) -> None:
        self.one, self.kind, self.provider, self.since = one, kind, provider, since

    def entry(self) -> CapabilityEntry:
        return CapabilityEntry(
            name=self.one.name,
            kind=self.kind,
            provider=self.provider,
            effect=self.one.effect,
            description=next(iter(self.one.description.splitlines()), ""),
            since=self.since,
            schema=self.one.schema,
        )


class Directory:
    """Both directories of one engine, kept as its supervisor and its broker are.

    Whoever is there already is entered without a word; what changes from then on is told. Used on
    the loop of the bus.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        broker: Broker,
        bus: Bus,
        clock: Clock,
        families: Callable[[], Iterable[str]],
        *,
        but: str = "",
    ) -> None:
        """``families`` of capabilities that the broker loads when they are wanted. ``but``: an
        agent that has just changed, which is told."""
        self.agents, self.capabilities = Agents(bus, clock), Capabilities(bus, clock)
        self._supervisor, self._broker, self._families = supervisor, broker, families
        with self.agents.quiet(), self.capabilities.quiet():
            for report in supervisor.reports():
                if report.name != but:
                    self.heard(report)
            for one in broker.directory():
                self._added(one)
        broker.added, broker.removed = self._added, self._removed

    async def load(self) -> None:
        """Enter also those capabilities that nobody wanted so far; a family at a time, as some take
        30 ms to import."""
        for family in self._families():
            await asyncio.sleep(0)
            try:
                self._broker.directory([family])
            except Exception as error:  # somebody's own file; who calls it is told more
                log.warning("the capabilities %s cannot be loaded: %s", family, error)

    def heard(self, report: AgentReport) -> None:
        """An agent began, paused, ended, or listens to something else."""
        self.agents.put(
            report.name,
            topics=tuple(report.topics),
            capabilities=tuple(report.capabilities),
            state=report.state,
            counts=lambda: _counts(self._supervisor.report(report.name)),
        )

    def deleted(self, name: str) -> None:
        """There is no such agent any more."""
        if name in self.agents:
            self.agents.remove(name)

    def _added(self, one: Capability) -> None:
        if one.name in self.capabilities:  # two agents bring the same
            return
        self.capabilities.put(one, provider=self._broker.provider(one.name))

    def _removed(self, name: str) -> None:
        if name in self.capabilities:
            self.capabilities.remove(name)


def _counts(report: AgentReport) -> dict[str, int]:
    return {
        "waiting": report.waiting,
        "busy": report.busy,
        "handled": report.handled,
        "dropped": report.dropped,
        "restarts": report.restarts,
    }


class _Teller:
    """Says on the bus what has changed."""

    __slots__ = ("_bus", "_clock", "quiet")

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus, self._clock = bus, clock
        self.quiet = False

    @contextmanager
    def silenced(self) -> Iterator[None]:
        self.quiet = True
        try:
            yield
        finally:
            self.quiet = False

    def __call__(self, topic: str, payload: dict[str, Any]) -> None:
        if self.quiet:
            return
        told = by_itself(topic, payload, sender="runtime", time=self._clock(), qos=QoS.REALTIME)
        self._bus.publish(told)


def _not_there(what: str, name: str, there: Mapping[str, object]) -> NotFound:
    return NotFound(
        f"There is no {what} {name!r}.", hint=f"There are: {', '.join(sorted(there)) or 'none'}."
    )
