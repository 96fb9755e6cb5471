"""Files that are put in order, and taking back what was done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from loom_desktop.errors import NotFound
from loom_desktop.text.number import counted
from loom_desktop.verbs.person import existing, tool

if TYPE_CHECKING:
    from loom_desktop.loom import Loom


async def organize(
    loom: Loom, paths: list[str] | None = None, apply: bool = False, to: str = ""
) -> dict[str, Any]:
    """A plan for files, with reasons; moved only when ``apply`` is said by the person."""
    named = [existing(one) for one in paths or []]
    meant, target = loom.mover.meant(named, to)
    asked = (*meant, target)  # no path means the folders that the person lets Loom watch
    plan = await tool(loom, "files.plan", given=asked, paths=named, to=to)
    rows: list[dict[str, Any]] = plan["plan"]
    todo = [row for row in rows if row["status"] == "planned"]
    if not apply or not todo:
        return {"plan": rows, "undo": 0, "left": plan["left"]}
    moves = [{"source": row["source"], "target": row["target"]} for row in todo]
    given = tuple(path for one in moves for path in one.values())
    arguments = {"moves": moves, "words": counted(len(moves), "file")}
    bound = _digest("files.move", arguments)
    loom.broker.consent.give(bound)  # the person said --apply
    try:
        with loom.granting(_around([*named, *([to] if to else [])])):
            done = await tool(loom, "files.move", given=given, **arguments)
    finally:
        loom.broker.consent.take(bound)  # for this call, and for no other that looks like it
    moved = {one["source"]: one["target"] for one in done["moved"]}
    refused = {one["path"]: one["reason"] for one in done["refused"]}
    for row in todo:
        if row["source"] in moved:
            row["status"], row["target"] = "moved", moved[row["source"]]
            row["name"] = Path(row["target"]).name
        else:
            row["status"], row["message"] = "failed", refused.get(row["source"], "")
    return {"plan": rows, "undo": done["act"] if moved else 0, "left": plan["left"]}


async def undo(loom: Loom, act: int = 0) -> Any:
    """Move files back: what one act moved, or the last one."""
    if act == 0:
        found = await loom.store.acts.undoable(limit=1)
        if not found:
            raise NotFound("There is nothing to undo.")
        act = found[0].id
    steps = [step for step in (await loom.store.acts.get(act)).steps if step.source]
    paths = [path for step in steps for path in (step.source, step.target)]
    with loom.granting(_around(paths)):  # where Loom put it, there it may take it back from
        return await tool(loom, "files.undo", act=act)


async def undoables(loom: Loom, limit: int = 50) -> list[dict[str, Any]]:
    """What can be taken back."""
    return [
        {"id": one.id, "time": one.time, "agent": one.agent, "words": one.words, "state": one.state}
        for one in await loom.store.acts.undoable(limit=limit)
    ]


def _around(paths: list[str]) -> list[Path]:
    """Naming a folder, or a file in it, with a command that moves grants it for that command."""
    return [path if path.is_dir() else _there(path.parent) for path in map(Path, paths)]


def _there(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that is there: undo may remake the rest."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _digest(name: str, arguments: dict[str, Any]) -> str:
    from loom_desktop.actions.consent import digest

    return digest(name, arguments)
