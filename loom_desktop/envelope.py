"""Envelope: what an event carries beside its payload, as flat text for a wire, and back.

Other processes and machines, and the earlier system, know an event by its topic, its payload and a
map of text to text. Everything an ``Event`` knows of itself is in that map, so that nothing is
lost on the way there and back:

    loom.id              name of the event (see ``Ids``)
    loom.thread_id       the thread it belongs to; its own id when it begins one
    loom.begins          "1" when it begins its thread
    loom.cause_id        the event that led to it
    loom.correlation_id  the question it answers
    loom.reply_to        topic where answers are wanted
    loom.sender          who says it
    loom.ts              whole milliseconds since 1970
    loom.time            seconds since 1970, exactly, where loom.ts is not
    loom.ttl_ms          milliseconds after loom.ts from which on it is dropped
    loom.ttl             how many hops are left to it; at 0 it is dropped
    loom.hop             how many events led to it
    loom.qos             realtime, batched or background
    loom.priority        higher goes first within its lane
    loom.origin          where the content came from, with commas between
    loom.privacy         public, sensitive, private or local-only
    traceparent          W3C Trace Context, under the name that every tracer looks for

The earlier system wrote two things that are called ttl: its core counted hops down (``ttl``), its
Python side measured time (``ttl_ms``). Both are written, and read for what they are.

What comes in is checked before it is believed, and the error names the key. An unknown key under
``loom.`` is refused: dropped in silence, a misspelt label would be a missing one. Other keys are
none of ours; ``foreign`` hands them to whoever passes the event on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from loom_desktop.errors import UsageError
from loom_desktop.event import MOST_HOPS, Event, Privacy, QoS
from loom_desktop.event import next_id as next_local_id

PREFIX = "loom."
TRACEPARENT = "traceparent"
MOST_KEYS = 64
MOST_CHARACTERS = 4_096
"""Of one value."""
MOST_REMEMBERED = 65_536
"""Names of other nodes that one ``WireIds`` remembers: about 20 MB."""
_MOST_ID = 2**53 - 1
"""JavaScript reads it exactly."""
_MOST_PRIORITY = 2**31 - 1
_END_OF_TIME = 253_402_300_800.0
"""The year 10000: no calendar here goes further."""

_WHOLE = re.compile(r"-?[0-9]{1,16}", re.ASCII)
_EXACT = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?(e[+-][0-9]{1,3})?", re.ASCII)
_TRACE = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
"""https://www.w3.org/TR/trace-context/#traceparent-header, as version 00 writes it."""
_NODE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NAME = re.compile(r"[\w~:@+-]{1,200}")
"""An id of somebody else's making. No dots: it is one segment of a topic."""
_SPECIAL = re.compile(r"[\x00-\x20\x7f%,]")
_ESCAPE = re.compile(r"%([0-7][0-9A-F])")
_PRIVACY = {level.word: level for level in Privacy}
_QOS = {lane.name.lower(): lane for lane in QoS}
_OURS = frozenset(
    PREFIX + key
    for key in (
        "id", "thread_id", "begins", "cause_id", "correlation_id", "reply_to", "sender", "ts",
        "time", "ttl_ms", "ttl", "hop", "qos", "priority", "origin", "privacy",
    )
) | {TRACEPARENT}  # fmt: skip


# -------------------------------------------------------------------- topics of a thread
def broadcast_topic(thread: int | str) -> str:
    """Where everybody in a thread is spoken to."""
    return f"thread.{thread}.broadcast"


def reply_topic(thread: int | str) -> str:
    """Where they answer, when the question names no other topic."""
    return f"thread.{thread}.reply"


# -------------------------------------------------------------------- ids
class Ids(Protocol):
    """How the numbers of this process are called elsewhere. 0 is nobody, and has no name."""

    def name(self, id: int) -> str:  # noqa: A002  # the name of the field
        """What the event is called on the wire."""

    def number(self, name: str) -> int:
        """The number it has here. Raises ValueError for what is no name."""

    def topic_out(self, topic: str) -> str:
        """A topic as the wire knows it: the topics of a thread carry its name."""

    def topic_in(self, topic: str) -> str:
        """The reverse. Raises ValueError for a thread whose name is none."""


class Plain:
    """Numbers as they are: the other side counts with us, as a journal or a child process does."""

    def name(self, id: int) -> str:  # noqa: A002
        """Its digits."""
        return str(id)

    def number(self, name: str) -> int:
        """Raises ValueError."""
        if not _WHOLE.fullmatch(name):
            raise ValueError("not a number")
        return int(name)

    def topic_out(self, topic: str) -> str:
        """The same."""
        return topic

    def topic_in(self, topic: str) -> str:
        """The same."""
        return topic


PLAIN = Plain()


class WireId(msgspec.Struct, frozen=True):
    """An event that any node can name: ``node-epoch-counter``.

    ``epoch`` is the first id of a run of that node and ``counter`` how many ids later this one is.
    Their sum says which event it is, so the one that was named before a restart is still the same.
    """

    node: str
    epoch: int
    counter: int

    def __str__(self) -> str:
        return f"{self.node}-{self.epoch}-{self.counter}"

    @property
    def id(self) -> int:
        """The number it has on its node."""
        return self.epoch + self.counter


def wire_id(node: str, epoch: int, id: int) -> WireId:  # noqa: A002
    """What the node calls its event. One of an earlier run is counted from the beginning of time.

    Raises ValueError for a node that is more than letters, digits, ``_`` and ``-``, or none.
    """
    if not _NODE.fullmatch(node):
        raise ValueError(f"{node!r} cannot be the name of a node")
    return WireId(node, epoch, id - epoch) if id >= epoch else WireId(node, 0, id)


def parse_wire_id(name: str) -> WireId | None:
    """None for what some other system calls its events."""
    node, *counts = name.rsplit("-", 2)
    if len(counts) != 2 or not _NODE.fullmatch(node):
        return None
    if not all(one.isascii() and one.isdigit() and len(one) <= 16 for one in counts):
        return None
    return WireId(node, int(counts[0]), int(counts[1]))


class WireIds:
    """The ids of one node at its border: ours by their names, those of others by a number of ours.

    What another node calls an event gets the next number here and keeps it, so that an answer
    finds back to it. Of ``most`` names the oldest is forgotten; its thread then begins anew.
    """

    def __init__(
        self,
        node: str,
        epoch: int,
        *,
        most: int = MOST_REMEMBERED,
        next_id: Callable[[], int] = next_local_id,
    ) -> None:
        """``epoch``: the first id of this run."""
        wire_id(node, epoch, epoch)
        self._node, self._epoch, self._most, self._next_id = node, epoch, most, next_id
        self._numbers: dict[str | tuple[str, int], int] = {}
        self._names: dict[int, str] = {}
        """In the order of their numbers, which is that of their arrival."""

    def __len__(self) -> int:
        return len(self._names)

    def name(self, id: int) -> str:  # noqa: A002
        """As its own node calls it."""
        return self._names.get(id) or str(wire_id(self._node, self._epoch, id))

    def number(self, name: str) -> int:
        """The same for the same name, as long as it is remembered. Raises ValueError."""
        if not _NAME.fullmatch(name):
            raise ValueError("no name of an event")
        parsed = parse_wire_id(name)
        if parsed is not None and parsed.node == self._node:
            return parsed.id
        key = name if parsed is None else (parsed.node, parsed.id)
        known = self._numbers.get(key)
        if known is not None:
            return known
        if len(self._names) >= self._most:
            oldest = next(iter(self._names))
            forgotten = parse_wire_id(text := self._names.pop(oldest))
            del self._numbers[text if forgotten is None else (forgotten.node, forgotten.id)]
        number = self._numbers[key] = self._next_id()
        self._names[number] = name
        return number

    def topic_out(self, topic: str) -> str:
        """``thread.5.reply``: with the name of thread 5 in it."""
        parts = topic.split(".")
        if _of_thread(parts) and _WHOLE.fullmatch(parts[1]):
            parts[1] = self.name(int(parts[1]))
        return ".".join(parts)

    def topic_in(self, topic: str) -> str:
        """With the number that the thread has here. Raises ValueError."""
        parts = topic.split(".")
        if _of_thread(parts):
            parts[1] = str(self.number(parts[1]))
        return ".".join(parts)


def _of_thread(parts: list[str]) -> bool:
    return len(parts) == 3 and parts[0] == "thread" and parts[2] in ("broadcast", "reply")


# -------------------------------------------------------------------- there and back
def to_metadata(
    event: Event, *, ids: Ids = PLAIN, foreign: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The envelope of an event; ``foreign`` is what it came with beside that.

    Raises UsageError for an event that may not travel (see ``from_metadata``: the same limits).
    """
    told = {
        "id": ids.name(_within("id", event.id, 1, _MOST_ID)),
        "thread_id": _named(ids, "thread_id", event.begins),
        "ts": str(int(_checked_time("time", event.time) * 1000)),
        "ttl": str(MOST_HOPS + 1 - _within("hop", event.hop, 0, MOST_HOPS)),
        "hop": str(event.hop),
        "qos": event.qos.name.lower(),
        "privacy": event.privacy.word,
    }
    if not event.thread:
        told["begins"] = "1"
    if event.cause:
        told["cause_id"] = _named(ids, "cause_id", event.cause)
    if event.answers:
        told["correlation_id"] = _named(ids, "correlation_id", event.answers)
    if event.reply_to:
        told["reply_to"] = _escaped("reply_to", ids.topic_out(event.reply_to))
    if event.sender:
        told["sender"] = _escaped("sender", event.sender)
    if int(told["ts"]) / 1000 != event.time:
        told["time"] = repr(float(event.time))
    if event.ttl_ms:
        told["ttl_ms"] = str(_within("ttl_ms", event.ttl_ms, 0, _MOST_ID))
    if event.priority:
        most = _MOST_PRIORITY
        told["priority"] = str(_within("priority", event.priority, -most, most))
    if event.origin:
        if "" in event.origin:
            raise _wrong(PREFIX + "origin", "one of them is empty")
        told["origin"] = ",".join(sorted(_escaped("origin", one) for one in event.origin))
        if len(told["origin"]) > MOST_CHARACTERS:
            raise _wrong(PREFIX + "origin", f"longer than {MOST_CHARACTERS} characters")
    metadata = {PREFIX + key: value for key, value in told.items()}
    if event.traceparent:
        metadata[TRACEPARENT] = _checked_trace(event.traceparent)
    for key, value in (foreign or {}).items():
        if key in metadata or key.startswith(PREFIX) or key == TRACEPARENT:
            raise _wrong(key, "it is said by the event itself")
        metadata[key] = value
    return metadata


def from_metadata(
    topic: str,
    payload: dict[str, Any],
    metadata: Mapping[str, str],
    *,
    ids: Ids = PLAIN,
    peer: str = "",
    now: float = 0.0,
) -> Event:
    """The event that was sent. What is not said is what ``Event`` says by itself: a missing label
    is untrusted and stays on this machine.

    ``peer`` is who handed it over; its name joins the origins (``remote:<peer>``), so that what
    another machine calls typed is not taken for typed here. ``now`` is its time when it says none.

    Raises UsageError that names the key: not a number, below zero, more than ``MOST_HOPS`` hops,
    no hops left, longer than ``MOST_CHARACTERS``, no trace parent, a label that is none.
    """
    if not isinstance(payload, dict):
        raise _wrong("payload", "it is not a map of plain data")
    _check_sizes(topic, metadata)
    said = _Said(metadata)
    id_ = said.id("id", ids) or next_local_id()
    thread = said.id("thread_id", ids)
    if said.text("begins") not in ("", "1"):
        raise _wrong(PREFIX + "begins", "it is 1 or left out")
    if said.text("begins"):
        if thread not in (0, id_):
            raise _wrong(PREFIX + "begins", "the thread is another event's")
        thread = 0
    return Event(
        topic=_local(ids, "topic", topic),
        payload=payload,
        sender=_unescaped(said.text("sender")),
        id=id_,
        time=said.time(now),
        qos=said.one_of("qos", _QOS, QoS.BATCHED),
        priority=said.whole("priority", -_MOST_PRIORITY, _MOST_PRIORITY),
        thread=thread,
        cause=said.id("cause_id", ids),
        answers=said.id("correlation_id", ids),
        reply_to=_local(ids, PREFIX + "reply_to", _unescaped(said.text("reply_to"))),
        ttl_ms=said.whole("ttl_ms", 0, _MOST_ID),
        hop=said.hop(),
        traceparent=_checked_trace(metadata[TRACEPARENT]) if TRACEPARENT in metadata else "",
        origin=said.origin() | ({f"remote:{peer}"} if peer else frozenset()),
        privacy=said.one_of("privacy", _PRIVACY, Privacy.LOCAL_ONLY),
    )


def foreign(metadata: Mapping[str, str]) -> dict[str, str]:
    """What is in it that is none of ours, for ``to_metadata`` of whoever passes the event on."""
    return {key: value for key, value in metadata.items() if not _claimed(key)}


class _Said:
    """What the metadata says, checked key by key."""

    def __init__(self, metadata: Mapping[str, str]) -> None:
        self._metadata = metadata

    def text(self, key: str) -> str:
        return self._metadata.get(PREFIX + key, "")

    def id(self, key: str, ids: Ids) -> int:
        text = self.text(key)
        if not text:
            return 0
        try:
            return _within(key, ids.number(text), 0, _MOST_ID)
        except ValueError as error:
            raise _wrong(PREFIX + key, f"{_short(text)} is {error}") from None

    def whole(self, key: str, least: int, most: int) -> int:
        text = self.text(key)
        return _within(key, _whole(key, text), least, most) if text else 0

    def hop(self) -> int:
        """The more of what led to it and of what its other count leaves."""
        hop = self.whole("hop", 0, MOST_HOPS)
        if self.text("ttl"):
            left = self.whole("ttl", 1, _MOST_ID)
            hop = max(hop, MOST_HOPS + 1 - left)
        return hop

    def time(self, now: float) -> float:
        stamp, exact = self.text("ts"), self.text("time")
        if not exact:
            return _checked_time("ts", _whole("ts", stamp) / 1000) if stamp else now
        if not _EXACT.fullmatch(exact):
            raise _wrong(PREFIX + "time", f"{_short(exact)} is not a number of seconds")
        time = _checked_time("time", float(exact))
        if stamp and abs(time * 1000 - _whole("ts", stamp)) > 1:
            raise _wrong(PREFIX + "time", f"{_short(exact)} is another time than {PREFIX}ts")
        return time

    def one_of(self, key: str, words: Mapping[str, Any], otherwise: Any) -> Any:
        text = self.text(key)
        if text and text not in words:
            raise _wrong(PREFIX + key, f"{_short(text)} is not one of {', '.join(words)}")
        return words[text] if text else otherwise

    def origin(self) -> frozenset[str]:
        text = self.text("origin")
        if not text:
            return frozenset()
        names = text.split(",")
        if not all(names):
            raise _wrong(PREFIX + "origin", "one of them is empty")
        return frozenset(map(_unescaped, names))


def _check_sizes(topic: str, metadata: Mapping[str, str]) -> None:
    if len(metadata) > MOST_KEYS:
        raise UsageError(f"An envelope has {MOST_KEYS} keys at most, not {len(metadata)}.")
    for key, value in metadata.items():
        if not isinstance(value, str) or len(value) > MOST_CHARACTERS:
            raise _wrong(key, f"it is not text of {MOST_CHARACTERS} characters at most")
        if _claimed(key) and key not in _OURS:
            raise _wrong(key, "it is not a key of the envelope")
    segments = topic.split(".")
    if len(topic) > MOST_CHARACTERS or not all(segments) or {"*", ">"} & set(segments):
        raise _wrong("topic", f"{_short(topic)} is not a topic")


def _claimed(key: str) -> bool:
    return key.startswith(PREFIX) or key == TRACEPARENT


def _named(ids: Ids, key: str, number: int) -> str:
    return ids.name(_within(key, number, 0, _MOST_ID))


def _local(ids: Ids, key: str, topic: str) -> str:
    try:
        return ids.topic_in(topic)
    except ValueError as error:
        raise _wrong(key, f"{_short(topic)}: the thread is {error}") from None


def _whole(key: str, text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise _wrong(PREFIX + key, f"{_short(text)} is not a whole number of 16 digits at most")
    return int(text)


def _within(key: str, number: int, least: int, most: int) -> int:
    if not least <= number <= most:
        raise _wrong(PREFIX + key, f"{_short(str(number))} is not between {least} and {most}")
    return number


def _checked_time(key: str, time: float) -> float:
    if not 0 <= time < _END_OF_TIME:  # and no NaN
        raise _wrong(PREFIX + key, f"{time} is not a time from 1970 to 9999")
    return time


def _checked_trace(text: str) -> str:
    if not _TRACE.fullmatch(text):
        raise _wrong(TRACEPARENT, f"{_short(text)} is not a W3C trace context")
    return text


def _escaped(key: str, text: str) -> str:
    """Printable, without commas and blanks: nothing that a header would trim, fold or split."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _wrong(PREFIX + key, "it is no text: half a character") from None
    made = _SPECIAL.sub(lambda found: f"%{ord(found[0]):02X}", text)
    if len(made) > MOST_CHARACTERS:
        raise _wrong(PREFIX + key, f"longer than {MOST_CHARACTERS} characters")
    return made


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}...")


def _wrong(key: str, what: str) -> UsageError:
    return UsageError(f"The envelope says {key} wrongly: {what}.")
