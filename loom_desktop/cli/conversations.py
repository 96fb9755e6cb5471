"""loom conversations: what was said, found, taken along, and gone on from another point."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loom_desktop.cli.ask import answer
from loom_desktop.cli.talk import call, clean, out, out_json
from loom_desktop.errors import UsageError
from loom_desktop.text.number import counted

if TYPE_CHECKING:
    import click

_MOST = 10_000


def conversations_command() -> click.Command:
    """Everything about conversations that there were."""
    import click

    json_ = click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
    limit_ = click.option("--limit", type=click.IntRange(1, _MOST), default=30, show_default=True)
    turn_ = click.option("--turn", type=int, default=0, help="Of this turn, not of the last one.")

    @click.group("conversations", invoke_without_command=True)
    @click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
    @click.pass_context
    def conversations(context: click.Context, as_json: bool) -> None:
        """What was asked and answered: list, search, export, import, and branch.

        A NUMBER is that of a conversation, as the list shows it.
        """
        command = context.invoked_subcommand
        if command is None:
            context.invoke(list_, as_json=as_json)
        elif as_json:
            raise UsageError(
                "--json stands behind the command.",
                hint=f"Say: loom conversations {command} ... --json",
            )

    @conversations.command("list")
    @click.argument("query", nargs=-1)
    @limit_
    @json_
    def list_(query: tuple[str, ...] = (), limit: int = 30, as_json: bool = False) -> None:
        """List them, the newest first; with QUERY those in which all of these words were said."""
        found = call("conversations", query=" ".join(query), limit=limit)
        if as_json:
            out_json(found)
            return
        for one in found:
            out(_line(one))
        if not found:
            out("No conversation is like that." if query else "There are no conversations.")

    @conversations.command("search")
    @click.argument("query", nargs=-1, required=True)
    @limit_
    @json_
    def search(query: tuple[str, ...], limit: int, as_json: bool) -> None:
        """Find where all words of QUERY were said, in any of their forms; the best first."""
        found = call("find_messages", query=" ".join(query), limit=limit)
        if as_json:
            out_json(found)
            return
        for one in found:
            who = "you" if one["role"] == "user" else "Loom"
            out(f"{one['conversation']}  {_at(one['time'])}  {who}: {one['text']}")
        if not found:
            out("That was never said.")

    @conversations.command("show")
    @click.argument("number", type=int)
    @json_
    def show(number: int, as_json: bool) -> None:
        """Show what was said in one, with the number of each turn."""
        said = call("conversation", conversation=number)
        if not said:  # the export tells what is wrong
            call("export_conversations", conversations=[number])
        if as_json:
            out_json(said)
            return
        for one in said:
            who = "You" if one["role"] == "user" else one["route"] or "Loom"
            state = "" if one["state"] == "done" else f", {one['state']}"
            turn = f"  (turn {one['turn']})" if one["role"] == "user" else ""
            out(f"{_at(one['time'])}  {who}{state}{turn}")
            for line in one["text"].splitlines():
                out(f"    {line}")

    @conversations.command("export")
    @click.argument("numbers", nargs=-1, type=int)
    @click.option("--all", "every", is_flag=True, help="All conversations.")
    @click.option("--to", default="", help="The file: .md is Markdown, .json loses nothing.")
    @click.option("--format", "form", type=click.Choice(["markdown", "json"]), default=None)
    @click.option("--force", is_flag=True, help="Take the place of a file that is there.")
    @json_
    def export(
        numbers: tuple[int, ...], every: bool, to: str, form: str | None, force: bool, as_json: bool
    ) -> None:
        """Write conversations to a file, or as text to here.

        Both forms can be imported. Markdown is for reading: it does not hold labels, fractions of a
        second and the name of the model; JSON holds everything.
        """
        if every == bool(numbers):
            raise UsageError(
                "Say which conversations, or --all.", hint="See them: loom conversations list"
            )
        done = call(
            "export_conversations",
            conversations=None if every else [*numbers],
            form=form or "",
            to=_whole(to),
            replace=force,
        )
        if as_json:
            out_json(done)
        elif to:
            out(f"{counted(done['conversations'], 'conversation')} written to {done['path']}")
        else:
            text = done["text"]
            sys.stdout.write(clean(text) if sys.stdout.isatty() else text)

    @conversations.command("import")
    @click.argument("path")
    @json_
    def import_(path: str, as_json: bool) -> None:
        """Take in what Loom, ChatGPT or Claude exported: the ZIP as it came, or the file in it.

        All of it or nothing. What was imported before is skipped. Others may have written it, so an
        answer that is made from it may do nothing without being asked about.
        """
        done = call("import_conversations", path=_whole(path))
        if as_json:
            out_json(done)
            return
        if done["imported"]:
            out(f"{counted(done['imported'], 'conversation')} imported.")
        if done["known"]:
            were = "was" if done["known"] == 1 else "were"
            out(f"{counted(done['known'], 'conversation')} {were} here already.")

    @conversations.command("branch")
    @click.argument("number", type=int)
    @turn_
    @json_
    def branch(number: int, turn: int, as_json: bool) -> None:
        """Begin a new conversation with what was said up to a turn. The old one stays."""
        done = call("branch", conversation=number, turn=turn)
        if as_json:
            out_json(done)
        else:
            out(f"The branch is conversation {done['conversation']}.")

    @conversations.command("edit")
    @click.argument("number", type=int)
    @click.argument("text", nargs=-1, required=True)
    @turn_
    @json_
    def edit(number: int, text: tuple[str, ...], turn: int, as_json: bool) -> None:
        """Ask a question in other words, in a branch that ends before it; the files come along."""
        _again("edit", as_json, conversation=number, text=" ".join(text), turn=turn)

    @conversations.command("retry")
    @click.argument("number", type=int)
    @turn_
    @click.option("--model", default="", help="The one of this name in loom.toml is to answer.")
    @json_
    def retry(number: int, turn: int, model: str, as_json: bool) -> None:
        """Ask a question once more, in a branch that ends before it."""
        _again("retry", as_json, conversation=number, turn=turn, model=model)

    @conversations.command("forget")
    @click.argument("number", type=int)
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @json_
    def forget(number: int, yes: bool, as_json: bool) -> None:
        """Remove one from every file. This cannot be undone."""
        if not yes:
            if not sys.stdin.isatty():
                raise UsageError(
                    "Nobody is there to be asked, and nothing was forgotten.", hint="Say --yes."
                )
            if not click.confirm(f"Forget conversation {number}? It cannot be brought back"):
                out("Nothing was forgotten.")
                return
        done = call("forget_conversation", conversation=number)
        if as_json:
            out_json(done)
            return
        if done["forgotten"]:
            out(f"Forgotten, with {counted(done['forgotten'], 'message')}.")
        else:
            out("There was nothing to forget.")
        if done["branches"]:
            named = ", ".join(map(str, done["branches"]))
            out(f"Branches of it stay, with what they have of it: {named}")

    return conversations


def _again(verb: str, as_json: bool, **arguments: Any) -> None:
    answered = answer(verb, show=not as_json, **arguments)
    if as_json:
        facts = ("text", "route", "model", "seconds", "cost", "conversation", "trace")
        out_json({key: answered[key] for key in facts if key in answered})
    else:
        out(f"The branch is conversation {answered['conversation']}.")


def _line(one: dict[str, Any]) -> str:
    asked = counted(one["turns"], "question")
    came = f", imported from {one['service']}" if one["service"] else ""
    came = f", branch of {one['parent']}" if one["parent"] else came
    return f"{one['conversation']}  {_at(one['time'])}  {one['title']}  ({asked}{came})"


def _at(seconds: float) -> str:
    if not seconds:
        return "at no known time"
    return f"{datetime.fromtimestamp(seconds).astimezone():%d %b %Y %H:%M}"


def _whole(path: str) -> str:
    return str(Path(path).expanduser().absolute()) if path else ""
