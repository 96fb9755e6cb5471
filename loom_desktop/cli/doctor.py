"""loom doctor: what works here, and what to do about the rest."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from loom_desktop.cli.talk import call, out, out_json
from loom_desktop.errors import SettingsError

if TYPE_CHECKING:
    import click

_MARKS = {"ok": "✓", "warn": "!", "missing": "✗", "off": "–"}


def doctor_command() -> click.Command:
    """Findings, one line each."""
    import click

    @click.command("doctor")
    @click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
    def doctor(as_json: bool) -> None:
        """Say what works here, what does not, and what to do about it."""
        try:
            found = call("doctor")
        except SettingsError as error:
            found = [
                {"name": "settings", "state": "missing", "detail": error.message, "fix": error.hint}
            ]
        if as_json:
            out_json(found)
        else:
            ascii_only = "utf" not in (sys.stdout.encoding or "").lower()
            for one in found:
                mark = one["state"] if ascii_only else _MARKS[one["state"]]
                out(f"{mark} {one['name']}: {one['detail']}")
                if one["fix"] and one["state"] != "ok":
                    out(f"    {one['fix']}")
        if any(one["name"] == "settings" and one["state"] == "missing" for one in found):
            click.get_current_context().exit(1)

    return doctor
