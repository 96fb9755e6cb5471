"""loom memory: what Loom remembers, where it comes from, and a way to have it forgotten."""

from __future__ import annotations

import json
import os
from datetime import datetime
from typing import TYPE_CHECKING, Any

from loom_desktop.cli.talk import call, out, out_json
from loom_desktop.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    import click

_KINDS, _TIERS = ("episodic", "semantic", "note"), ("working", "session", "long-term")


def memory_command() -> click.Command:
    """List, search, show, edit, delete, export."""
    import click

    @click.group("memory")
    def memory() -> None:
        """What Loom remembers: facts, what happened, and what you asked it to keep."""

    as_json_option = click.option("--json", "as_json", is_flag=True, help="Print as JSON.")

    @memory.command("list")
    @click.option("--kind", type=click.Choice(_KINDS), help="Only this kind.")
    @click.option("--tier", type=click.Choice(_TIERS), help="Only what lasts so long.")
    @click.option("--limit", type=click.IntRange(1, 1_000), default=100, show_default=True)
    @as_json_option
    def list_(kind: str | None, tier: str | None, limit: int, as_json: bool) -> None:
        """List what there is, the newest first."""
        found = call("memories", kind=kind or "", tier=tier or "", limit=limit)
        if as_json:
            out_json(found)
            return
        for one in found:
            _line(one)
        if not found:
            narrow = "Nothing that is remembered is like that."
            out(narrow if kind or tier else "Nothing is remembered so far.")

    @memory.command("search")
    @click.argument("query", nargs=-1, required=True)
    @click.option("--limit", type=click.IntRange(1, 100), default=10, show_default=True)
    @as_json_option
    def search(query: tuple[str, ...], limit: int, as_json: bool) -> None:
        """Find what fits QUERY, the best first; misspelt words find as well."""
        found = call("find_memories", query=" ".join(query), limit=limit)
        if as_json:
            out_json(found)
            return
        for one in found:
            _line(one)
        if not found:
            out("Nothing that is remembered is like that.")

    @memory.command("show")
    @click.argument("number", type=int)
    @as_json_option
    def show(number: int, as_json: bool) -> None:
        """Show one: who kept it, where it comes from, and what was known before."""
        one = call("memory", memory=number)
        if as_json:
            out_json(one)
            return
        _show(one)

    @memory.command("edit")
    @click.argument("number", type=int)
    @click.argument("text", nargs=-1, required=True)
    @as_json_option
    def edit(number: int, text: tuple[str, ...], as_json: bool) -> None:
        """Give one other words. What was made from the old ones is forgotten."""
        one = call("change_memory", memory=number, text=" ".join(text))
        if as_json:
            out_json(one)
        else:
            out("Changed.")

    @memory.command("delete")
    @click.argument("number", type=int)
    @as_json_option
    def delete(number: int, as_json: bool) -> None:
        """Forget one for good, with its history and all that was made from it."""
        gone = call("forget_memory", memory=number)["forgotten"]
        if as_json:
            out_json({"forgotten": gone})
        elif len(gone) > 1:
            others = ", ".join(str(one) for one in gone if one != number)
            out(f"Forgotten, and with it what belonged to it: {others}.")
        else:
            out("Forgotten.")

    @memory.command("export")
    @click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=str))
    @click.option("--json", "as_json", is_flag=True, help="One list instead of lines.")
    def export(file: str | None, as_json: bool) -> None:
        """Write everything with its history, one JSON object a line, to FILE or to the screen."""
        found = _everything()
        if file is not None:
            _write(file, found, as_json)
            out(f"{len(found)} written to {file}. It is not encrypted.")
        elif as_json:
            out_json(found)
        else:
            for one in found:
                out_json(one)

    return memory


def _everything() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    page: dict[str, Any] = {"next": 0, "more": True}
    while page["more"]:
        page = call("export_memories", after=page["next"])
        found += page["memories"]
    return found


def _write(file: str | Path, found: list[dict[str, Any]], as_json: bool) -> None:
    """For the person alone, and never in the place of something else."""
    try:
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UsageError(
            f"{file} cannot be written: {error.strerror}.", hint="Name a file that is not there."
        ) from error
    with os.fdopen(opened, "w", encoding="utf-8") as stream:
        if as_json:
            stream.write(json.dumps(found, ensure_ascii=False, indent=1) + "\n")
        else:
            stream.writelines(json.dumps(one, ensure_ascii=False) + "\n" for one in found)


def _line(one: dict[str, Any]) -> None:
    at = datetime.fromtimestamp(one["time"]).astimezone()
    sure = "" if one["confidence"] > 0.99 else f", {one['confidence']:.0%} sure"
    lasts = "" if one["tier"] == "long-term" else f", {one['tier']}"
    out(f"{one['id']:>5}  {at:%d %b %Y}  {one['kind']}{lasts}{sure}{_from(one)}")
    for line in one["text"].splitlines()[:3]:
        out(f"       {line}")


def _from(one: dict[str, Any]) -> str:
    if not one["tainted"]:
        return ""
    origins = ", ".join(name for name in one["origin"] if name != "memory")
    return f" (from {origins}: others may have written it)"


def _show(one: dict[str, Any]) -> None:
    at = datetime.fromtimestamp(one["time"]).astimezone()
    out(one["text"])
    out(f"    {one['kind']}, {one['tier']}, {one['confidence']:.0%} sure, {one['privacy']}")
    who = one["agent"] or "Loom"
    out(f"    kept by {who} on {at:%d %b %Y at %H:%M}, from {', '.join(one['origin'])}")
    if one["made_from"]:
        out(f"    made from {', '.join(map(str, one['made_from']))}")
    if one["superseded_by"]:
        out(f"    no longer so: see {one['superseded_by']}")
    for before in one["history"]:
        until = datetime.fromtimestamp(before["changed"]).astimezone()
        out(f"    until {until:%d %b %Y}: {before['text']}")
    out(f"    forget it with: loom memory delete {one['id']}")
