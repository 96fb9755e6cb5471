"""loom trace: which way an event went."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from loom_desktop.cli.talk import call_running, out, out_json

if TYPE_CHECKING:
    import click


def trace_command() -> click.Command:
    """The last hops of a thread."""
    import click

    @click.command("trace")
    @click.argument("thread", type=click.IntRange(1))
    @click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
    def trace(thread: int, as_json: bool) -> None:
        """Show which way the events of a THREAD went in the running Loom, and who handled them.

        A thread has the number of the event with which it began, as in loom replay --json. Only
        what happened lately is there, realtime events among it.
        """
        found = call_running("trace", thread=thread)
        if as_json:
            out_json(found)
            return
        if not found["complete"]:
            out("Its beginning was too long ago.")
        for one in found["hops"]:
            at = datetime.fromtimestamp(one["time"]).astimezone()
            out(f"{at:%H:%M:%S.%f}  {one['topic']}  {one['event']} after {one['cause'] or '-'}")
            for hop in one["handled"]:
                others = hop["together"] - 1
                with_others = f", together with {others} more" if others else ""
                out(f"    {hop['subscriber']}: {hop['ms']:.3f} ms{with_others}")

    return trace
