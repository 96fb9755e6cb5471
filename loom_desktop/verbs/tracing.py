"""Traces: the last hops of one thread, from the ring that takes every event down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loom_desktop.errors import NotFound

if TYPE_CHECKING:
    from loom_desktop.loom import Loom


async def trace(loom: Loom, thread: int) -> dict[str, Any]:
    """The hops of what began with this event, realtime ones among them, in their order: when each
    was published, what led to it, and who handled it for how long (``together``: with how many
    others that time was taken, or 1).

    The ring has the newest 8,192 records of this run: ``complete`` says whether it still has the
    event with which the thread began. Raises NotFound when it has nothing of it.
    """
    ring = loom.bus.ring
    published, handled = ring.published(), ring.hops()
    # the ring knows what led to what; that a later question is of the same thread, the journal
    since = published[0][0] if published else loom.clock()
    recorded = loom.store.journal.replay(since=since, thread=thread)
    begun = {thread} | {event.id async for _, event in recorded}
    hops: dict[int, dict[str, Any]] = {}
    for time, event, cause, topic in published:  # what led to it was published before
        if event in begun or cause in begun or cause in hops:
            hops[event] = {
                "event": event, "time": time, "cause": cause, "topic": topic, "handled": [],
            }  # fmt: skip
    for hop in handled:
        if (at := hops.get(hop.event)) is not None:
            ms = round((hop.ended - hop.began) * 1_000, 3)
            at["handled"].append({"subscriber": hop.subscriber, "ms": ms, "together": hop.together})
    if not hops:
        raise NotFound(
            f"Nothing of the thread {thread} happened lately.",
            hint=f"What was recorded of it: loom replay --thread {thread}",
        )
    return {"thread": thread, "complete": thread in hops, "hops": [*hops.values()]}
