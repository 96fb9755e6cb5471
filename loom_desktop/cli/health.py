"""loom health: how the parts of the running application stand, for people and for monitors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loom_desktop.cli.talk import call_running, out, out_json

if TYPE_CHECKING:
    import click


def health_command() -> click.Command:
    """The whole in the exit code, a line for each part."""
    import click

    @click.command("health")
    @click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
    def health(as_json: bool) -> None:
        """Say how every part of the running Loom stands; the exit code is 0 when all is well."""
        standing = call_running("health")
        if as_json:
            out_json(standing)
        else:
            out(f"{standing['state']}: {standing['words']}")
            for one in standing["parts"]:
                out(f"  {one['name']}: {one['state']}{one['words'] and ', ' + one['words']}")
                if one["hint"] and one["state"] != "ok":
                    out(f"    {one['hint']}")
        if standing["state"] != "ok" or not standing["ready"]:
            click.get_current_context().exit(1)

    return health
