"""loom bench: how fast the running application is, here and now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loom_desktop.cli.talk import call_running, out, out_json

if TYPE_CHECKING:
    import click


def bench_command() -> click.Command:
    """A few seconds of measuring."""
    import click

    @click.command("bench")
    @click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
    def bench(as_json: bool) -> None:
        """Measure the running Loom for a few seconds: its bus and its journal, as they stand.

        Nothing of it stays. It is not done while Loom is under strain.
        """
        found = call_running("bench")
        if as_json:
            out_json(found)
            return
        bus, journal = found["bus"], found["journal"]
        out("Bus, one subscriber, tracing on:")
        out(f"    publish to handler: {_spread(bus['latency'])}")
        out(f"    in bursts: {bus['events_per_s']:,.0f} events/s")
        if journal is None:
            out("Journal: not measured, as nothing of this run is saved.")
        else:
            out(f"Journal, {'' if found['encrypted'] else 'not '}encrypted, synced to the disk:")
            out(f"    one event at a time: {_spread(journal['latency'])}")
            out(f"    that is {journal['commits_per_s']:,.0f} commits/s")
            out(f"    1,000 in each commit: {journal['events_per_s']:,.0f} events/s")
        beside = found["beside"]
        out(f"Meanwhile {beside or 'no'} other events were published. Nothing of this is kept.")

    return bench


def _spread(one: dict[str, float]) -> str:
    return f"p50 {one['p50_ms']:.3f} ms, p99 {one['p99_ms']:.3f} ms, of {one['count']:,}"
