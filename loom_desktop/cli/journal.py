"""loom replay, loom dead: what happened, and what no agent could work on."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from loom_desktop.cli.talk import call, out, out_json
from loom_desktop.errors import LoomError, UsageError

if TYPE_CHECKING:
    import click


def replay_command() -> click.Command:
    """The journal, in order."""
    import click

    @click.command("replay")
    @click.argument("topic", required=False)
    @click.option("--since", help="From here on. Default, when nothing else is said: 1 hour ago.")
    @click.option("--until", help="Up to here; alone, from the beginning.")
    @click.option("--thread", type=int, default=0, help="Of one conversation or piece of work.")
    @click.option("--after", type=int, default=0, help="Go on behind this number.")
    @click.option(
        "--limit",
        type=click.IntRange(1, 10_000),
        default=100,
        show_default=True,
        help="At most as many, the oldest of them.",
    )
    @click.option("--last", type=click.IntRange(1, 10_000), help="The newest ones, of any time.")
    @click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
    def replay(
        topic: str | None,
        since: str | None,
        until: str | None,
        thread: int,
        after: int,
        limit: int,
        last: int | None,
        as_json: bool,
    ) -> None:
        """Show the events that were recorded, in their order; nobody is woken by them.

        TOPIC is a pattern: card.answered, chat.*, "file.>". Times are 2026-11-20T08:30, 08:30,
        today, yesterday, monday, 10m, "2 hours ago". Realtime events are not recorded.
        """
        for name, said in (("The topic", topic), ("--since", since), ("--until", until)):
            if said is not None and not said.strip():
                raise UsageError(f"{name} is empty.", hint="Say what is meant, or leave it out.")
        found = call(
            "replay",
            topic=topic or "",
            since=since or "",
            until=until or "",
            thread=thread,
            after=after,
            limit=limit,
            last=last or 0,
        )
        if as_json:
            out_json(found)
            return
        if found["left_out"]:
            out(f"{found['left_out']} older ones of these are not shown: one answer holds 4 MB.")
            out("For those give their time as --until, or a smaller --last.")
        for one in found["events"]:
            at = datetime.fromtimestamp(one["time"]).astimezone()
            line = f"{one['seq']:>7}  {at:%d %b %H:%M:%S}  {one['topic']}  ({one['sender']})"
            out(f"{line}  {' '.join(one['text'].split())}".rstrip())
        if not found["events"]:
            out("Nothing was recorded that is like that.")
            if topic and not topic.endswith((".>", "*")) and topic != ">":
                out(f'What is below it: loom replay "{topic}.>"')
        if found["more"]:
            out(f"There is more. The next ones: --after {found['next']}, with the same options.")

    return replay


def dead_command() -> click.Command:
    """Dead letters."""
    import click

    @click.group("dead", invoke_without_command=True)
    @click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
    @click.pass_context
    def dead(context: click.Context, as_json: bool) -> None:
        """Events that a durable agent failed on three times: look, try again, or drop them."""
        command = context.invoked_subcommand
        if command is None:
            context.invoke(list_, as_json=as_json)
        elif as_json:
            raise UsageError(
                "--json stands behind the command.", hint=f"Say: loom dead {command} ... --json"
            )

    @dead.command("list")
    @click.option("--agent", default="", help="Of this agent alone.")
    @click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
    @click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
    def list_(agent: str = "", limit: int = 100, as_json: bool = False) -> None:
        """List them, the newest first: when it failed last, and of when the event is."""
        found = call("dead", agent=agent, limit=limit)
        if as_json:
            out_json(found)
            return
        for one in found:
            at = datetime.fromtimestamp(one["time"]).astimezone()
            trying = ", being tried again" if one["trying"] else ""
            of = datetime.fromtimestamp(one["event_time"]).astimezone()
            what = f"{one['topic']} of {of:%d %b %H:%M}"
            out(f"{one['id']:>5}  {at:%d %b %H:%M}  {one['agent']} on {what}{trying}")
            out(f"       {one['error']}")
        if found:
            out("Look at one: loom dead show NUMBER. Then: loom dead replay NUMBER, or drop.")
        else:
            out("There are no dead letters.")

    @dead.command("show")
    @click.argument("number", type=int)
    @click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
    def show(number: int, as_json: bool) -> None:
        """Show the event of one, and why it failed."""
        found = call("dead_letter", letter=number)
        if as_json:
            out_json(found)
            return
        _show(found)

    @dead.command("replay")
    @click.argument("number", type=int)
    @click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
    def replay(number: int, as_json: bool) -> None:
        """Let its agent try it once more; what it does then is done."""
        done = call("replay_dead", letter=number)
        if as_json:
            out_json(done)
            if done["state"] == "failed":
                click.get_current_context().exit(1)
        elif done["state"] == "failed":
            raise LoomError(
                f"It failed again: {done['error']}", hint=f"See: loom dead show {number}"
            )
        elif done["state"] == "trying":
            out("It is being tried. See later: loom dead list")
        else:
            out("It went well this time.")

    @dead.command("drop")
    @click.argument("number", type=int)
    @click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
    def drop(number: int, as_json: bool) -> None:
        """Drop one: nobody works on it any more. The event itself stays in the journal."""
        done = call("drop_dead", letter=number)
        if as_json:
            out_json(done)
        else:
            out("Dropped.")

    return dead


def _show(letter: dict[str, Any]) -> None:
    event = letter["event"]
    at = datetime.fromtimestamp(event["time"]).astimezone()
    out(f"{event['topic']} from {event['sender']}, {at:%d %b %Y %H:%M:%S}, id {event['id']}")
    for key, value in event["payload"].items():
        out(f"    {key}: {value}")
    tries = f"{letter['tries']} times"
    out(f"{letter['agent']} failed on it {tries}, in {letter['handler'] or 'no handler we know'}:")
    for line in letter["traceback"].rstrip().splitlines():
        out(f"    {line}")
    out(f"Try it again: loom dead replay {letter['id']}. Or: loom dead drop {letter['id']}")
