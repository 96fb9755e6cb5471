"""loom organize, loom undo."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from loom_desktop.cli.talk import call, out, out_json
from loom_desktop.text.number import counted

if TYPE_CHECKING:
    import click


_NAMED = 10
"""Files that stay, named one by one."""


def organize_command() -> click.Command:
    """A plan, and with --apply the moves."""
    import click

    @click.command("organize")
    @click.argument("paths", nargs=-1)
    @click.option("--apply", is_flag=True, help="Move the files. Without it nothing is touched.")
    @click.option("--to", default="", help="The folder that they go to.")
    @click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
    def organize(paths: tuple[str, ...], apply: bool, to: str, as_json: bool) -> None:
        """Propose a name, a folder and a reason for files; a dry run unless --apply.

        Without PATHS: what lies in your watched folders.
        """
        whole = [str(Path(one).expanduser().absolute()) for one in paths]
        target = str(Path(to).expanduser().absolute()) if to else ""
        done = call("organize", paths=whole, apply=apply, to=target)
        if as_json:
            out_json(done)
            return
        shown = [row for row in done["plan"] if row["status"] != "skipped"]
        for row in shown:
            out(f"{row['source_name']}")
            if row["status"] == "failed":
                out(f"    failed: {row['message']}")
            else:
                out(f"    → {row['folder']}/{row['name']}".replace("./", ""))
                out(f"    {row['reason']}")
        for row in done["plan"]:
            if row["warning"]:
                out(f"{row['source_name']}\n    {row['message']}")
        kept = [
            row["source_name"]
            for row in done["plan"]
            if row["status"] == "skipped" and not row["warning"]
        ]
        if kept:
            named = ", ".join(kept[:_NAMED]) + (" …" if len(kept) > _NAMED else "")
            stay = "stays" if len(kept) == 1 else "stay"
            out(f"{counted(len(kept), 'file')} {stay} in place: {named}")
        if done["left"]:
            out(f"{done['left']} more were not looked at. Sort these first, then run it again.")
        if done["undo"]:
            count = sum(row["status"] == "moved" for row in done["plan"])
            out(f"Moved {counted(count, 'file')}. Take it back with: loom undo {done['undo']}")
        elif any(row["status"] == "planned" for row in shown):
            out("Nothing was moved. Add --apply to do it.")
        elif not done["plan"]:
            out("There are no files to sort.")

    return organize


def undo_command() -> click.Command:
    """Take moves back."""
    import click

    @click.command("undo")
    @click.argument("act", type=int, default=0)
    @click.option("--list", "listed", is_flag=True, help="Show what can be taken back.")
    @click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
    def undo(act: int, listed: bool, as_json: bool) -> None:
        """Take back what was moved last, or the one of number ACT."""
        if listed:
            found = call("undoables")
            if as_json:
                out_json(found)
                return
            for one in found:
                at = datetime.fromtimestamp(one["time"]).astimezone()
                out(f"{one['id']:>5}  {at:%d %b %H:%M}  {one['words']}")
            if not found:
                out("There is nothing to undo.")
            return
        done = call("undo", act=act)
        if as_json:
            out_json(done)
            return
        out(done["text"])

    return undo
