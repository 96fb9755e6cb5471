"""Interrupted: what was begun in a run that ended without saying how it went.

Nothing is done again by itself. The files are looked at, what can be told is told on a card, and
where a file surely arrived that is noted, so that it can be taken back.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from loom_desktop.actions.folders import shown
from loom_desktop.bus import Bus
from loom_desktop.clock import Clock
from loom_desktop.event import Event, next_id, privacy_at_birth
from loom_desktop.runtime.attention import Desk, Offer
from loom_desktop.store import Store
from loom_desktop.store.acts import Act, Step

_ORIGIN = frozenset({"file"})
_SHOWN = 12


async def tell_interrupted(store: Store, desk: Desk, bus: Bus, clock: Clock) -> int:
    """A card for each act without an outcome; how many there were."""
    acts = await store.acts.unknown()
    for act in acts:
        looked = await asyncio.to_thread(_look, act)
        for before, now in zip(act.steps, looked, strict=True):
            if now.state != before.state:
                await store.acts.step(act.id, now.number, now.state)
        event = Event(
            topic="act.interrupted",
            payload={"act": act.id, "words": act.words},
            sender="loom",
            id=next_id(),
            thread=act.thread,
            time=clock(),
            origin=_ORIGIN,
            privacy=privacy_at_birth(_ORIGIN),
        )
        bus.publish(event)
        # The card first: told twice is better than never.
        await desk.offer(_card(act, looked), agent="loom", cause=event)
        await store.acts.finish(act.id, "unknown", "Loom was interrupted")
    return len(acts)


def _look(act: Act) -> list[Step]:
    """The steps, and those done that surely were: the file is where it should go, and the same."""
    return [
        msgspec.structs.replace(step, state="done")
        if step.source and step.state != "done" and _arrived(step)
        else step
        for step in act.steps
    ]


def _arrived(step: Step) -> bool:
    try:
        there = Path(step.target).lstat()
        return not _there(step.source) and (there.st_size, there.st_mtime_ns) == (
            step.size_bytes,
            step.mtime_ns,
        )
    except OSError:
        return False


def _there(path: str) -> bool:
    try:
        Path(path).lstat()
    except OSError:
        return False
    return True


def _card(act: Act, looked: list[Step]) -> Offer:
    files = [step for step in looked if step.source]
    done = sum(step.state == "done" for step in files)
    lines = [_line(step) for step in files[:_SHOWN]]
    if len(files) > _SHOWN:
        lines.append(f"… and {len(files) - _SHOWN} more")
    text = "Nothing is done again by itself. Look at these files."
    if files:
        text = f"{done} of {len(files)} were moved. {text}"
    if done:
        text += " What was moved can be undone from the inbox."
    return Offer(
        kind="notice",
        title=f"Loom was interrupted while it moved {shown(act.words)}",
        text=text,
        detail="\n".join(lines),
        why="Loom, or the computer, ended in the middle of this.",
        expires_s=0,
        data={"act": act.id},
    )


def _line(step: Step) -> str:
    if step.state == "done":
        return f"{shown(step.source)} → {shown(step.target)}"
    if _there(step.source):
        return f"{shown(step.source)}: still there"
    return f"{shown(step.source)}: not there, and not surely at {shown(step.target)}"
