"""Files: a plan of names and folders with reasons, the moves, and their undo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from loom_desktop import capability
from loom_desktop.text.number import counted

if TYPE_CHECKING:
    from loom_desktop import CapabilityContext

_SHOWN = 12


class Move(Struct, frozen=True, forbid_unknown_fields=True):
    """One file, and where it goes."""

    source: str
    target: str


def _meant(ctx: CapabilityContext, arguments: dict[str, Any]) -> dict[str, Any]:
    paths, to = ctx.files.meant(arguments["paths"], arguments.get("to", ""))
    return {"paths": paths, "to": to}


@capability(
    "files.plan",
    effect="read-local",
    idempotent=True,
    paths=("paths", "to"),
    resolve=_meant,
    timeout_s=300,
)
async def plan(ctx: CapabilityContext, paths: list[str], to: str = "") -> dict[str, Any]:
    """Propose a name and a folder for files, with a reason for each. Changes nothing."""
    rows, left = await ctx.files.plan(paths, to=to)
    todo = [row for row in rows if row["status"] == "planned"]
    if not rows:
        return {"text": "There are no files to sort.", "plan": [], "left": 0}
    if not todo:
        return {"text": _in_place(rows), "plan": rows, "left": left}
    lines = [
        f"- `{row['source_name']}` → `{row['folder']}/{row['name']}`: {row['reason']}"
        for row in todo
    ]
    more = [f"- … and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    if left:
        more.append(f"\n{counted(left, 'file')} more were not looked at. Sort these first.")
    return {
        "text": "\n".join(
            [
                f"This is how I would sort {counted(len(todo), 'file')}. Nothing was moved yet.",
                "",
                *lines[:_SHOWN],
                *more,
            ]
        ),
        "plan": rows,
        "left": left,
    }


@capability("files.taken_back", effect="read-local", idempotent=True)
async def taken_back(ctx: CapabilityContext) -> list[str]:
    """Where files lie again that Loom moved and then moved back: they are not to be offered."""
    return sorted(await ctx.files.taken_back())


@capability("files.move", effect="write-reversible", paths=("moves",), timeout_s=600)
async def move(ctx: CapabilityContext, moves: list[Move], words: str = "") -> dict[str, Any]:
    """Move files to the names and folders of a plan. Nothing is replaced; it can be undone."""
    act, moved, failed = await ctx.files.move(
        [(one.source, one.target) for one in moves], words=words or counted(len(moves), "file")
    )
    text = f"Moved {counted(len(moved), 'file')}." if moved else "Nothing was moved."
    told = [f"{one['name']}: {one['reason']}" for one in failed]
    return {
        "text": "\n".join([text, *[f"- {one}" for one in told]]),
        "act": act,
        "moved": [{"source": one.source, "target": one.target} for one in moved],
        "failed": told,
        "refused": failed,
    }


@capability("files.undo", effect="write-reversible", idempotent=True, timeout_s=600)
async def undo(ctx: CapabilityContext, act: int = 0) -> dict[str, Any]:
    """Move files back to where they were: the last time, or the one of a number."""
    undone, refused = await ctx.files.undo(act)
    text = f"Moved {counted(len(undone), 'file')} back." if undone else "Nothing was moved back."
    return {
        "text": "\n".join([text, *[f"- {one['reason']}" for one in refused]]),
        "undone": [{"source": one.source, "target": one.target} for one in undone],
        "refused": refused,
    }


def _in_place(rows: list[dict[str, Any]]) -> str:
    """That there is nothing to do, and the warnings among the reasons."""
    told = [f"- `{row['source_name']}`: {row['message']}" for row in rows if row["warning"]]
    return "\n".join(["Nothing needs to be moved.", *told[:_SHOWN]])
