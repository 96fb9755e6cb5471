"""What happened, from the journal, and the events that a durable agent could not work on."""

from __future__ import annotations

import asyncio
from collections import deque
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
    last: int = 0,
) -> dict[str, Any]:
    """Events that were recorded, in the order of their commits; nobody is woken by them.

    ``topic`` is a pattern. ``since`` and ``until`` are times (``2026-11-20T08:30``) or phrases
    (``10 minutes ago``, ``yesterday``). Of the last hour, unless a time, a thread, ``last`` or
    ``after`` (the ``next`` of an answer that had ``more``) says otherwise; of all that is like that
    the oldest ``limit``, or the newest ``last``; ``left_out`` says how many of these are not in the
    answer, as it holds 4 MB at most.
    """
    if not 1 <= limit <= _MOST:
        raise UsageError(f"The limit is 1 to {_MOST:,}, not {limit}.")
    if not 0 <= last <= _MOST:
        raise UsageError(f"The newest are 1 to {_MOST:,}, not {last}.")
    if last and after:
        raise UsageError(
            "The newest events are not those behind a number.", hint="Say one of the two."
        )
    _look_at_pattern(topic)
    start, end = _moment(loom, since), _moment(loom, until)
    if start and end and start > end:
        raise UsageError(
            f"Since {since} is behind until {until}, so nothing is between them.",
            hint="Give the earlier time as since.",
        )
    if last:
        return await _newest(loom, topic, start, end, thread, last)
    if not (since or until or thread or after):
        start = loom.clock() - _HOUR_S
    rows: list[dict[str, Any]] = []
    size, last, more = 0, after, False
    found = loom.store.journal.replay(topic, since=start, until=end, thread=thread, after_seq=after)
    async for seq, event in found:
        row = _row(event) | {"seq": seq}
        size += len(msgspec.json.encode(row))
        if len(rows) == limit or (rows and size > _MOST_BYTES):
            more = True
            break
        rows.append(row)
        last = seq
    return {"events": rows, "more": more, "next": last, "left_out": 0}


async def _newest(
    loom: Loom, topic: str, start: float, end: float, thread: int, last: int
) -> dict[str, Any]:
    """The same from the end: what was recorded last is looked through, four times as much each time
    that this was not enough."""
    journal = loom.store.journal
    # Events that come meanwhile are behind that number: there may be more of them, which is well.
    reached, back = await journal.last_seq(), last
    while True:
        found: deque[tuple[int, Event]] = deque(maxlen=last)
        begin = max(reached - back, 0)
        async for one in journal.replay(
            topic, since=start, until=end, thread=thread, after_seq=begin
        ):
            found.append(one)
        if len(found) == last or not begin:
            break
        back *= 4
    rows: list[dict[str, Any]] = []
    size, number, left_out = 0, found[-1][0] if found else reached, 0
    for seq, event in reversed(found):
        row = _row(event) | {"seq": seq}
        size += len(msgspec.json.encode(row))
        if rows and size > _MOST_BYTES:
            left_out = len(found) - len(rows)
            break
        rows.append(row)
    return {"events": rows[::-1], "more": False, "next": number, "left_out": left_out}


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
    topic = letter.event.topic
    if not await loom.store.deliveries.alike(letter):
        loom.status.solved(buried_words(letter.subscriber, topic))
        await loom.supervisor.letters_over(letter.subscriber, topic)


def _look_at_pattern(topic: str) -> None:
    """Raises UsageError for what can be in no topic."""
    if not topic:
        return
    from loom_desktop.bus.topics import segments

    for one in segments(topic):
        if not one.strip() or (("*" in one or ">" in one) and len(one) > 1):
            raise UsageError(
                f"{topic!r} is not a pattern of topics.",
                hint="* and > stand for whole segments: chat.*, or file.> for the rest.",
            )


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
        "event_time": one.event.time,
        "tries": one.tries,
        "trying": one.taken,
        "handler": one.handler,
        "error": _error(one),
    }


def _error(one: DeadLetter) -> str:
    """The last line of the traceback."""
    lines = one.traceback.strip().splitlines()
    return lines[-1].strip() if lines else ""
