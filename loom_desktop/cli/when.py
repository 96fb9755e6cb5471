"""loom when: what a phrase means as a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loom_desktop.cli.talk import out, out_json

if TYPE_CHECKING:
    import click


def when_command() -> click.Command:
    """Needs no engine: it is a question of grammar."""
    import click

    @click.command("when")
    @click.argument("text", nargs=-1, required=True)
    @click.option("--now", default="", help="The moment to count from, as 2026-11-20T08:30.")
    @click.option("--json", "as_json", is_flag=True, help="Print at, rrule and text as JSON.")
    def when(text: tuple[str, ...], now: str, as_json: bool) -> None:
        """Show how a phrase like "every weekday at half past eight" is understood."""
        from loom_desktop.clock import wall
        from loom_desktop.runtime.reminders import local_zone
        from loom_desktop.text.when import as_json as described
        from loom_desktop.text.when import understand, words
        from loom_desktop.text.when.zones import moment

        instant = moment(now, wall(), local_zone())
        found = understand(" ".join(text), instant)
        if as_json:
            out_json(described(found))
            return
        said = words(found.at, found.rrule, instant)
        out(f"{found.text}: {said}" if found.text else said)
        out(found.at.isoformat())
        if found.rrule:
            out(found.rrule)

    return when
