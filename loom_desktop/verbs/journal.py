"""What happened, from the journal, and the events that a durable agent could not work on."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from loom_desktop.errors import UsageError
from loom_desktop.runtime.supervisor import buried_words
from loom_desktop.verbs.cards import in_words

if TYPE_CHECKING:
    from loom_desktop.event import Event
    from loom_desktop.loom import Loom
    from loom_desktop.store import DeadLetter

_MOST = 10_000
_MOST_BYTES = 4_000_000
"""Of what one answer holds: a line on the socket has an end."""
_HOUR_S = 3_600.0
_TRY_S = 30.0


async def replay(
    loom: Loom,
    topic: str = "",
    since: str = "",
    until: str = "",
    thread: int = 0,
    after: int = 0,
    limit: int = 100,
) -> dict[str, Any]:
    """Events that were recorded, in the order of their commits; nobody is woken by them.

    ``topic`` is a pattern. ``since`` and ``until`` are times (``2026-11-20T08:30``) or phrases
    (``10 minutes ago``, ``yesterday``). Of the last hour, unless a time, a thread or ``after`` (the
    ``next`` of an answer that had ``more``) says otherwise.
    """
    if not 1 <= limit <= _MOST:
        raise UsageError(f"The limit is 1 to {_MOST:,}, not {limit}.")
    if topic:
        from loom_desktop.bus.topics import segments

        segments(topic)
    start = _moment(loom, since)
    if not (since or thread or after):
        start = loom.clock() - _HOUR_S
    rows: list[dict[str, Any]] = []
    size, last, more = 0, after, False
    found = loom.store.journal.replay(
        topic, since=start, until=_moment(loom, until), thread=thread, after_seq=after
    )
    async for seq, event in found:
        row = _row(event) | {"seq": seq}
        size += len(msgspec.json.encode(row))
        if len(rows) == limit or (rows and size > _MOST_BYTES):
            more = True
            break
        rows.append(row)
        last = seq
    return {"events": rows, "more": more, "next": last}


async def dead(loom: Loom, agent: str = "", limit: int = 100) -> list[dict[str, Any]]:
    """Dead letters: events that a durable agent could not work on, the newest first."""
    if not 1 <= limit <= _MOST:
        raise UsageError(f"The limit is 1 to {_MOST:,}, not {limit}.")
    found = await loom.store.deliveries.dead(limit=limit, subscriber=agent)
    return [_letter(one) for one in found]


async def dead_letter(loom: Loom, letter: int) -> dict[str, Any]:
    """One of them, with its event and the traceback."""
    found = await loom.store.deliveries.dead_letter(letter)
    return _letter(found) | {"event": _row(found.event), "traceback": found.traceback}


async def replay_dead(loom: Loom, letter: int) -> dict[str, str]:
    """Let its agent try again, once: ``done``, ``failed``, or ``trying`` after 30 s."""
    found = await loom.store.deliveries.dead_letter(letter)
    outcome = await loom.supervisor.durable.again(letter)
    await asyncio.wait({outcome}, timeout=_TRY_S)
    if not outcome.done() or outcome.cancelled():  # it works on, or was stopped meanwhile
        return {"state": "trying", "error": ""}
    if outcome.result():
        await _over(loom, found)
        return {"state": "done", "error": ""}
    again = await loom.store.deliveries.dead_letter(letter)
    return {"state": "failed", "error": _error(again)}


async def drop_dead(loom: Loom, letter: int) -> dict[str, Any]:
    """Nobody shall work on it any more."""
    found = await loom.store.deliveries.dead_letter(letter)
    await loom.store.deliveries.drop(letter)
    await _over(loom, found)
    return {}


async def _over(loom: Loom, letter: DeadLetter) -> None:
    """What was told of it is over, unless there are more like it."""
    left = await loom.store.deliveries.dead(limit=_MOST, subscriber=letter.subscriber)
    topic = letter.event.topic
    if not any(one.event.topic == topic and one.id != letter.id for one in left):
        loom.status.solved(buried_words(letter.subscriber, topic))
        await loom.supervisor.letters_over(letter.subscriber, topic)


def _moment(loom: Loom, said: str) -> float:
    """0 for nothing said. Raises UsageError."""
    if not said.strip():
        return 0.0
    from loom_desktop.text.when.past import earlier

    return earlier(said, datetime.fromtimestamp(loom.clock(), loom.zone)).timestamp()


def _row(event: Event) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": event.id,
        "time": event.time,
        "topic": event.topic,
        "sender": event.sender,
        "thread": event.begins,
        "cause": event.cause,
        "lane": event.qos.name.lower(),
        "origin": sorted(event.origin),
        "privacy": event.privacy.word,
        "payload": msgspec.to_builtins(event.payload),
        "text": in_words(event),
    }
    return told


def _letter(one: DeadLetter) -> dict[str, Any]:
    return {
        "id": one.id,
        "agent": one.subscriber,
        "topic": one.event.topic,
        "time": one.time,
        "tries": one.tries,
        "trying": one.taken,
        "handler": one.handler,
        "error": _error(one),
    }


def _error(one: DeadLetter) -> str:
    """The last line of the traceback."""
    lines = one.traceback.strip().splitlines()
    return lines[-1].strip() if lines else ""
