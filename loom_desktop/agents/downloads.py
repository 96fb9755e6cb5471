"""Proposes a name and a folder for files that finished downloading; moves them when told to."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from typing import Any

from msgspec import Struct

from loom_desktop import Agent, Context, Event, Offer

agent = Agent("downloads", deadline_s=600)
_MOST = 200
"""Files on one card. More than that is no suggestion any more, it is a clean-up."""
_SHOWN = 12


class Settings(Struct, frozen=True):
    """[agents.downloads]"""

    destination: str = "~/Documents"
    """Where sorted files go, into folders by kind and year."""
    gather_s: float = 1.5
    """Files that arrive within so many seconds of each other share a card."""


@agent.on("file.created")
async def arrived(ctx: Context, event: Event) -> None:
    """Wait for what else arrives: forty pictures are one question, not forty."""
    ctx.local.setdefault("paths", []).append(event.payload["path"])
    if not ctx.local.get("gathering"):
        ctx.local["gathering"] = True
        ctx.spawn("gather", _propose(ctx))


@agent.on("file.removed")
async def gone(ctx: Context, event: Event) -> None:
    """A card about one file dies with it."""
    if ctx.local.get("offered") == [event.payload["path"]]:
        await ctx.withdraw("arrived")


async def _propose(ctx: Context) -> None:
    try:
        seen = 0
        while len(ctx.local["paths"]) != seen:
            seen = len(ctx.local["paths"])
            await ctx.sleep(ctx.settings.gather_s)
    finally:
        ctx.local["gathering"] = False
    paths = ctx.local.pop("paths")  # what arrives from now on is of the next card
    back = await ctx.tool("files.taken_back")
    left = set(back.value) if back.ok else set()
    arrived = [path for path in paths if path not in left]
    unique = list(dict.fromkeys([*ctx.local.get("offered", []), *arrived]))
    if not arrived:
        return
    plan = await ctx.tool("files.plan", paths=unique[-_MOST:], to=ctx.settings.destination)
    if not plan.ok:
        arrived = await asyncio.to_thread(_still_there, arrived)
        if not arrived:
            return
        ctx.local["paths"] = [*arrived, *ctx.local.get("paths", [])]  # with the next that arrive
        await ctx.offer(
            Offer(
                kind="notice",
                title="Downloads were not sorted",
                text=f"{plan.message} {plan.hint}".strip(),
                detail="They are offered again with the next download. Folders that Loom may "
                "read and sort are granted in the settings, under grants.folders.",
                why="Files finished downloading, and you let Loom look at that folder.",
                key="not planned",
            )
        )
        return
    await ctx.withdraw("not planned")
    rows = [row for row in plan.value["plan"] if row["status"] == "planned"]
    ctx.local["offered"] = [row["source"] for row in rows]
    if rows:
        ctx.local["card"] = await ctx.offer(_card(rows, left_out=max(0, len(unique) - _MOST)))


@agent.on("card.closed")
async def closed(ctx: Context, event: Event) -> None:
    """Files that the person did not want to sort are not offered again beside the next ones."""
    said = event.payload
    if said["card"] == ctx.local.get("card") and said["state"] != "superseded":
        ctx.local["offered"] = []


def _taken_back(refused: list[dict[str, Any]], moved: int) -> str:
    if moved and not refused:
        return "It lies where it was." if moved == 1 else "They lie where they were."
    return "\n".join(one["reason"] for one in refused)


def _still_there(paths: list[str]) -> list[str]:
    return [path for path in paths if os.path.lexists(path)]


def _card(rows: list[dict[str, Any]], left_out: int) -> Offer:
    moves = [{"source": row["source"], "target": row["target"]} for row in rows]
    if len(rows) == 1:
        row = rows[0]
        title, text = f"Move {row['source_name']} to {row['folder']}?", row["reason"]
        label, words = f"Move to {row['folder']}", f"{row['source_name']} to {row['folder']}"
    else:
        kinds = Counter(row["folder"].partition("/")[0] for row in rows)
        title = f"Sort {len(rows)} downloads?"
        text = ", ".join(f"{number} to {folder}" for folder, number in kinds.most_common(4))
        label, words = f"Move {len(rows)} files", f"{len(rows)} downloads"
        if left_out:
            text += f". {left_out} more are left: run loom organize for those"
    lines = [f"{row['source_name']} → {row['folder']}/{row['name']}" for row in rows[:_SHOWN]]
    if len(rows) > _SHOWN:
        lines.append(f"… and {len(rows) - _SHOWN} more")
    arguments = {"moves": moves, "words": words}
    return Offer(
        title=title,
        text=text,
        detail="\n".join(lines),
        actions=(("move", label),),
        why="These files finished downloading, and you let Loom look at that folder.",
        key="arrived",
        data=arguments,
        calls={"move": ("files.move", arguments)},
    )


@agent.on("card.answered.downloads.move")
async def move(ctx: Context, event: Event) -> None:
    """Do what the card showed, and say how to take it back."""
    ctx.local["offered"] = []
    done = await ctx.tool("files.move", **event.payload["data"])
    if not done.ok:
        await ctx.offer(
            Offer(kind="notice", title="Nothing was moved", text=done.message, detail=done.hint)
        )
        return
    moved, failed = done.value["moved"], done.value["failed"]
    title = done.value["text"].splitlines()[0].rstrip(".") or "Moved"
    await ctx.offer(
        Offer(
            kind="notice",
            title=title,
            text="\n".join(failed) if failed else "You can take it back for 30 days.",
            detail="\n".join(f"{one['target']}" for one in moved[:_SHOWN]),
            actions=(("undo", "Undo"),) if moved else (),
            why="You chose Move on the card before.",
            data={"act": done.value["act"]},
            calls={"undo": ("files.undo", {"act": done.value["act"]})},
        )
    )


@agent.on("card.answered.downloads.undo")
async def undo(ctx: Context, event: Event) -> None:
    """Move everything back, and say what could not be."""
    back = await ctx.tool("files.undo", act=event.payload["data"]["act"])
    await ctx.offer(
        Offer(
            kind="notice",
            title=back.value["text"].splitlines()[0].rstrip(".") if back.ok else "Not undone",
            text=_taken_back(back.value["refused"], len(back.value["undone"]))
            if back.ok
            else back.message,
            why="You chose Undo.",
        )
    )
