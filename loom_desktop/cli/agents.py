"""loom list, start, stop, restart, delete: the agents of the running application."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from loom_desktop.cli.talk import call_running, out, out_json
from loom_desktop.errors import UsageError

if TYPE_CHECKING:
    import click


def list_command() -> click.Command:
    """Who is there."""
    import click

    @click.command("list")
    @click.option("--mailboxes", is_flag=True, help="Every subscription of the bus instead.")
    @click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
    def list_(mailboxes: bool, as_json: bool) -> None:
        """List the agents of the running Loom, what waits for them and what they did."""
        found = call_running("mailboxes" if mailboxes else "agents")
        if as_json:
            out_json(found)
            return
        for one in found:
            (_show_mailbox if mailboxes else _show)(one)
        if not found:
            out("There are no agents. Name some in loom.toml, under [assistant]: agents.")

    return list_


def _show(one: dict[str, Any]) -> None:
    counts = [f"{one[key]} {key}" for key in ("handled", "busy", "waiting", "dropped") if one[key]]
    if one["restarts"]:
        counts.append(f"{one['restarts']} restarts in the last minute")
    kind = ", durable" if one["durable"] else ""
    out(f"{one['name']}: {one['state']}{kind}{'; ' if counts else ''}{', '.join(counts)}")
    out(f"    hears {', '.join(one['topics']) or 'nothing'}")
    if one["capabilities"]:
        out(f"    brings {', '.join(one['capabilities'])}")
    if one["failure"]:
        out(f"    failed last: {one['failure']}")
    if one["state"] in ("stopped", "failed"):
        out(f"    start it with: loom start {one['name']}")
    elif one["state"] == "paused":
        out(f"    let it go on with: loom resume --agent {one['name']}")


def _show_mailbox(one: dict[str, Any]) -> None:
    kinds = ("handled", "failed", "dropped", "merged", "expired", "overdue", "left_behind")
    counts = [f"{one[key]} {key.replace('_', ' ')}" for key in kinds if one[key]]
    if one["ended"]:
        out(f"{one['name']}: ended; {', '.join(counts)}")
        return
    more = "more wait in the journal" if one["policy"] == "journal" else one["policy"]
    out(f"{one['name']}: {one['waiting']} of {one['size']} wait ({more})")
    out(f"    {', '.join(one['patterns'])}")
    if counts:
        out(f"    {', '.join(counts)}")


def start_command() -> click.Command:
    """One that does not run."""
    import click

    @click.command("start")
    @click.argument("agent")
    @click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
    def start(agent: str, as_json: bool) -> None:
        """Start an AGENT of the running Loom that was stopped or failed, or one that loom.toml
        does not name, until Loom ends."""
        _done(call_running("start_agent", name=agent), as_json, f"{agent} runs.")

    return start


def stop_command() -> click.Command:
    """One that runs."""
    import click

    @click.command("stop")
    @click.argument("agent")
    @click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
    def stop(agent: str, as_json: bool) -> None:
        """Stop an AGENT until you start it, or Loom. To end Loom itself: loom quit."""
        said = f"{agent} is stopped, until Loom starts anew or you say: loom start {agent}"
        _done(call_running("stop_agent", name=agent), as_json, said)

    return stop


def restart_command() -> click.Command:
    """Anew."""
    import click

    @click.command("restart")
    @click.argument("agent")
    @click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
    def restart(agent: str, as_json: bool) -> None:
        """Stop an AGENT and start it anew, without what it kept in memory."""
        _done(call_running("restart_agent", name=agent), as_json, f"{agent} runs anew.")

    return restart


def delete_command() -> click.Command:
    """For good, as far as this Loom remembers."""
    import click

    @click.command("delete")
    @click.argument("agent")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
    def delete(agent: str, yes: bool, as_json: bool) -> None:
        """Stop an AGENT and forget all that it remembers, its plans and its dead letters.

        Its file stays, and so does its name in loom.toml: to be rid of it, take it out there.
        """
        if not yes:
            if not sys.stdin.isatty():
                raise UsageError(
                    "Nobody is there to be asked, and nothing was changed.", hint="Say --yes."
                )
            out(f"What {agent} remembers, has planned and could not work on is forgotten.")
            if not click.confirm("Go on?"):
                out("Nothing was changed.")
                return
        done = call_running("delete_agent", name=agent)
        if as_json:
            out_json(done)
            return
        out(f"{agent} is gone, and what it remembered.")
        if done["named"]:
            out("loom.toml names it: the next start begins with it anew.")

    return delete


def _done(report: dict[str, Any], as_json: bool, said: str) -> None:
    if as_json:
        out_json(report)
    else:
        out(said)
