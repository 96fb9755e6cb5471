"""loom inbox, loom answer, loom reminders, loom why."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from loom_desktop.cli.talk import call, out, out_json, running
from loom_desktop.errors import Unavailable

if TYPE_CHECKING:
    import click


_KINDS = ("suggestion", "approval", "reminder", "notice", "action")


def inbox_command() -> click.Command:
    """Everything offered, asked, done and failed."""
    import click

    @click.command("inbox")
    @click.argument("query", nargs=-1)
    @click.option("--kind", type=click.Choice(_KINDS), help="Only this kind.")
    @click.option("--limit", type=click.IntRange(1, 1_000), default=30, show_default=True)
    @click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
    def inbox(query: tuple[str, ...], kind: str | None, limit: int, as_json: bool) -> None:
        """List what was offered, asked, done and failed; with QUERY only what holds those words."""
        items = call("inbox", query=" ".join(query), kind=kind or "", limit=limit)
        if as_json:
            out_json(items)
            return
        if not items:
            narrow = bool(query or kind)
            out("Nothing in the inbox is like that." if narrow else "The inbox is empty.")
        for item in items:
            _show(item)
        left = call("left_today")
        if left["connections"]:
            count = left["connections"]
            times = "1 connection" if count == 1 else f"{count} connections"
            out(f"Today {times} left this computer, with {left['bytes_out'] / 1000:.1f} kB.")

    return inbox


def _show(item: dict[str, Any]) -> None:
    at = datetime.fromtimestamp(item["time"]).astimezone()
    card = item["card"] or {}
    kind = card.get("kind", item["kind"])
    number = item["id"] if card else ""  # what was done is not answered; it has its own number
    out(f"{number:>5}  {at:%d %b %H:%M}  {kind}, {item['state']}: {item['title']}")
    for line in item["text"].splitlines()[:3]:
        out(f"       {line}")
    if card and item["state"] in ("open", "waiting", "quiet"):
        actions = ", ".join(one["id"] for one in card["actions"])
        if actions and kind != "approval":
            out(f"       answer with: loom answer {item['id']} {{{actions}, dismiss}}")
        elif kind == "approval":
            out("       open Loom to answer it; here you can only say: "
                f"loom answer {item['id']} deny")  # fmt: skip
    if item["undo"]:
        out(f"       take it back with: loom undo {item['undo']}")


def answer_command() -> click.Command:
    """Answer a card from the terminal."""
    import click

    @click.command("answer")
    @click.argument("card", type=int)
    @click.argument("action")
    def answer(card: int, action: str) -> None:
        """Answer a CARD of the inbox with one of its actions, or dismiss it.

        Approvals are given in Loom's own window; here they can only be declined.
        """
        changes = action == "change" and _is_reminder(card)
        if changes and not running():
            raise Unavailable(
                "Loom does not run, so nobody would hear the change.",
                hint=f"Say it anew with loom ask TEXT, and take this one back: loom answer {card} "
                "remove",
            )
        state = call("answer", card=card, action=action, door="cli")["state"]
        if state == "declined":
            out("Dismissed.")
        elif changes:
            out("Say it anew within five minutes: in Loom's window, or with loom ask TEXT.")
            out("Until then it stays as it is.")
        else:
            out("Answered. What needs your yes is asked in Loom's own window.")

    return answer


def _is_reminder(card: int) -> bool:
    return any(one["id"] == card and one["agent"] == "reminders" for one in call("cards"))


def reminders_command() -> click.Command:
    """What is to come."""
    import click

    @click.command("reminders")
    @click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
    @click.option("--remove", type=int, default=0, help="Take away the one of this number.")
    def reminders(as_json: bool, remove: int) -> None:
        """List the reminders that are set."""
        if remove:
            out(call("reminder_remove", reminder=remove)["text"])
            return
        found = call("reminders")
        if as_json:
            out_json(found)
            return
        for one in found:
            out(f"{one['id']:>5}  {one['text']}: {one['words']}")
        if not found:
            out('There are no reminders. Set one: loom ask "remind me tomorrow at 9 to call Anna"')

    return reminders


def why_command() -> click.Command:
    """From cause to effect."""
    import click

    @click.command("why")
    @click.argument("card", type=int)
    @click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
    def why(card: int, as_json: bool) -> None:
        """Show what led to a CARD, and what came of it."""
        chain = call("why", card=card)
        if as_json:
            out_json(chain)
            return
        for one in chain:
            at = datetime.fromtimestamp(one["time"]).astimezone()
            out(f"{at:%H:%M:%S}  {one['topic']}  ({one['sender']})  {one['text']}".rstrip())

    return why
