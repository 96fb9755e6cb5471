"""Event: the one thing that travels through Loom, and the envelope around it.

The envelope carries the fields that the earlier system kept under ``loom.*`` keys: thread,
correlation (``answers``), ``reply_to``, sender, ``ttl_ms``, ``hop``, time and the W3C trace
parent, and to them the labels: where the content came from and where it may go.
"""

import enum
import itertools
from collections.abc import Iterable
from typing import Any

from msgspec import Struct, field

_ids = itertools.count(1)
MOST_HOPS = 16
"""An event that led to an event that led to an event ... ends here: somebody goes in circles."""


def count_ids_from(first: int) -> None:
    """Ids of this run begin here, or where they already are. The composition root says it once.

    Nothing in this file reads a clock. From a microsecond on, ids stay below 2**53, so that
    JavaScript reads them exactly.
    """
    global _ids
    _ids = itertools.count(max(first, next(_ids)))


def next_id() -> int:
    """The next id of this run."""
    return next(_ids)


class QoS(enum.IntEnum):
    """How an event waits its turn. Realtime is not durable."""

    REALTIME = 0
    BATCHED = 1
    BACKGROUND = 2


class Privacy(enum.IntEnum):
    """Where the content may go. What is made from several things is as private as the strictest."""

    PUBLIC = 0
    SENSITIVE = 1
    PRIVATE = 2
    LOCAL_ONLY = 3

    @property
    def word(self) -> str:
        """As it is written in loom.toml."""
        return self.name.lower().replace("_", "-")


_AT_BIRTH = {
    "user-typed": Privacy.PRIVATE,
    "user-voice": Privacy.PRIVATE,
    "clipboard": Privacy.PRIVATE,
    "file": Privacy.PRIVATE,
    "memory": Privacy.PRIVATE,
    "schedule": Privacy.PRIVATE,
    "web": Privacy.PUBLIC,
}
SCHEDULED = frozenset({"schedule"})
"""The origin of what Loom does by itself, by the clock or as its own report: nobody wrote it."""
_TRUSTED = frozenset({"user-typed", "user-voice", "schedule"})
_UNKNOWN = frozenset({"unknown"})


def privacy_at_birth(origin: frozenset[str]) -> Privacy:
    """The strictest of its origins; with none, or one that is not listed, it stays here."""
    return max(
        (_AT_BIRTH.get(one, Privacy.LOCAL_ONLY) for one in origin), default=Privacy.LOCAL_ONLY
    )


def tainted(origin: frozenset[str]) -> bool:
    """Whether strangers may have written it: anything but typed, spoken or scheduled by the person.

    An empty origin is a missing label, and a missing label is untrusted. A memory or a tool result
    carries the origins it was made from beside its own, so ``memory`` and ``tool:<name>`` do not
    decide by themselves, but alone they are not enough to be trusted either.
    """
    return not origin & _TRUSTED or any(
        one not in _TRUSTED and one != "memory" and not one.startswith("tool:") for one in origin
    )


class Event(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Something that happened. Topics are ``noun.participle``: ``clipboard.copied``.

    Fields at their default are left out where it is written down, so a default is never changed:
    every journal there is would say something else.
    """

    topic: str
    payload: dict[str, Any] = field(default_factory=dict)
    """Plain data only: it must survive the journal and the bridge."""
    sender: str = ""
    id: int = field(default_factory=next_id)
    time: float = 0.0
    """Seconds since 1970, by the clock that the publisher was given."""
    qos: QoS = QoS.BATCHED
    priority: int = 0
    """Higher goes first within its lane."""
    thread: int = 0
    """The conversation or piece of work this belongs to: the id of the event that began it.
    0 is an event that begins one itself."""
    cause: int = 0
    """Id of the event that led to this one."""
    answers: int = 0
    """Id of the question this answers (the correlation id)."""
    reply_to: str = ""
    """Topic where answers are wanted, when it is not the usual ``<topic>.answered``."""
    ttl_ms: int = 0
    """Dropped, and counted, when it was not delivered within this time. 0 is never."""
    hop: int = 0
    """How many events led here. Above ``MOST_HOPS`` it is dropped, and counted."""
    traceparent: str = ""
    """W3C trace context of another process, when it came from one."""
    origin: frozenset[str] = frozenset()
    """Where the content came from: user-typed, user-voice, clipboard, file, web, mcp:<server>,
    tool:<name>, memory, remote:<name>, schedule. Empty is a missing label: untrusted."""
    privacy: Privacy = Privacy.LOCAL_ONLY
    """A missing label never leaves the machine."""

    @property
    def begins(self) -> int:
        """Id of the thread this belongs to, its own when it begins one."""
        return self.thread or self.id

    @property
    def trace(self) -> str:
        """The W3C trace id, 32 hex digits: the same for everything that one event led to."""
        return self.traceparent[3:35] if self.traceparent else f"{self.begins:032x}"

    @property
    def asked(self) -> bool:
        """Whether it is a question from a door: the person's own, not an agent's in their name."""
        return self.topic == "chat.asked" and not self.cause

    @property
    def tainted(self) -> bool:
        """Whether strangers may have written it (see ``tainted``)."""
        return tainted(self.origin)


def by_itself(
    topic: str,
    payload: dict[str, Any],
    *,
    sender: str,
    time: float,
    qos: QoS = QoS.BATCHED,
    thread: int = 0,
) -> Event:
    """What Loom tells of itself, with the labels of that."""
    return Event(
        topic=topic,
        payload=payload,
        sender=sender,
        time=time,
        qos=qos,
        thread=thread,
        origin=SCHEDULED,
        privacy=privacy_at_birth(SCHEDULED),
    )


def named(origin: frozenset[str]) -> frozenset[str]:
    """The same; for a missing label one that says so. Otherwise whatever is added to it would be
    taken for all there is, and what came from nobody knows where for the person's own words."""
    return origin or _UNKNOWN


def follow(
    before: Event,
    topic: str,
    payload: dict[str, Any],
    *,
    sender: str,
    time: float,
    answers: int = 0,
    qos: QoS | None = None,
    origin: frozenset[str] = frozenset(),
    privacy: Privacy = Privacy.PUBLIC,
) -> Event:
    """The event that another one led to: same thread, one hop on, never a looser label."""
    return Event(
        topic=topic,
        payload=payload,
        sender=sender,
        time=time,
        qos=QoS.BATCHED if qos is None else qos,
        thread=before.begins,
        cause=before.id,
        answers=answers,
        hop=before.hop + 1,
        traceparent=before.traceparent,
        origin=named(before.origin) | origin if origin else before.origin,
        privacy=max(before.privacy, privacy),
    )


def labels_of(events: Iterable[Event]) -> tuple[frozenset[str], Privacy]:
    """The labels of what is made from several: all their origins, and the strictest privacy.

    Made from nothing, it has none: the missing label.
    """
    made = list(events)
    origin = frozenset[str]().union(*(named(one.origin) for one in made))
    return origin, max((one.privacy for one in made), default=Privacy.LOCAL_ONLY)
