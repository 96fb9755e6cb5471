"""loom settings, loom secrets, loom pause, loom resume."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from loom_desktop.cli.talk import call, call_running, out, out_json
from loom_desktop.errors import NotFound, UsageError

if TYPE_CHECKING:
    import click


def settings_command() -> click.Command:
    """Look at loom.toml and change it."""
    import click

    @click.command("settings")
    @click.argument("name", default="")
    @click.argument("value", required=False)
    @click.option("--reset", is_flag=True, help="Back to the default.")
    @click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
    def settings(name: str, value: str | None, reset: bool, as_json: bool) -> None:
        """List the settings; with NAME and VALUE change one: attention.cards_per_hour 3

        Several values stand with commas between them: sources.files.folders "~/Downloads, ~/Scans"
        """
        tables = call("settings")
        if not name:
            if as_json:
                out_json(tables)
                return
            for table, keys in tables.items():
                for key, one in keys.items():
                    out(f"{table}.{key} = {_toml(one['value'])}")
                    out(f"    {one['words']}")
            return
        table, _, key = name.rpartition(".")
        one = tables.get(table, {}).get(key)
        if one is None:
            raise UsageError(f"There is no setting {name!r}.", hint="See them with: loom settings")
        if value is None and not reset:
            out(_toml(one["value"]))
            return
        new = None if reset else _parse(value or "", one["kind"])
        done = call("change_setting", table=table, key=key, value=new)
        out("Changed. It holds after a restart." if done["restart"] else "Changed.")

    return settings


def _toml(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


_KINDS = {
    "bool": "Say true or false.",
    "int": "Say a whole number.",
    "float": "Say a number.",
}


def _parse(text: str, kind: str) -> Any:
    try:
        if kind == "list" and text.lstrip().startswith("["):  # as it is printed
            return [str(one) for one in json.loads(text)]
        if kind == "bool":
            return {
                "true": True,
                "yes": True,
                "on": True,
                "false": False,
                "no": False,
                "off": False,
            }[text.lower()]
        if kind in ("int", "float"):
            return int(text) if kind == "int" else float(text)
    except (KeyError, ValueError):
        hint = _KINDS.get(kind, "Say the parts with commas between them: a, b")
        raise UsageError(f"{text!r} does not fit here.", hint=hint) from None
    return [one.strip() for one in text.split(",") if one.strip()] if kind == "list" else text


def secrets_command() -> click.Command:
    """Keys and passwords that settings name."""
    import click

    @click.group("secrets")
    def secrets() -> None:
        """Keep keys in the system's keyring; loom.toml only names them."""

    @secrets.command("set")
    @click.argument("name")
    def set_(name: str) -> None:
        """Store a secret under NAME. It is asked for, or read from standard input."""
        if sys.stdin.isatty():
            value = click.prompt("Value", hide_input=True)
        else:
            value = sys.stdin.read(100_000).rstrip("\r\n")
        place = call("set_secret", name=name, value=value)["place"]
        where = "the system's keyring" if place == "keyring" else "Loom's encrypted store"
        out(f'Kept in {where}. Name it in loom.toml as "keyring:{name}".')

    @secrets.command("list")
    @click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
    def list_(as_json: bool) -> None:
        """The names; values are never shown."""
        names = call("secrets")
        if as_json:
            out_json(names)
        else:
            out("\n".join(names) or "There are no secrets.")

    @secrets.command("remove")
    @click.argument("name")
    def remove(name: str) -> None:
        """Forget a secret."""
        if not call("remove_secret", name=name)["removed"]:
            raise NotFound(f"There is no secret called {name}.", hint="See them: loom secrets list")
        out("Removed.")

    return secrets


def pause_command() -> click.Command:
    """Look at nothing for a while."""
    import click

    @click.command("pause")
    @click.argument("minutes", type=float, required=False)
    @click.option("--until-told", is_flag=True, help="Until: loom resume")
    @click.option("--agent", default="", help="Pause this agent instead: its events wait.")
    def pause(minutes: float | None, until_told: bool, agent: str) -> None:
        """Pause looking at the clipboard and at folders, for 10 MINUTES or as many as you say."""
        if agent:
            if minutes is not None or until_told:
                raise UsageError(
                    "An agent is paused until you say otherwise.",
                    hint=f"loom pause --agent {agent}, and then loom resume --agent {agent}",
                )
            call_running("pause_agent", name=agent)
            out(f"{agent} is paused. It goes on with: loom resume --agent {agent}")
            return
        minutes = 10 if minutes is None else minutes
        if not minutes > 0:
            raise UsageError(
                f"A pause of {minutes:g} minutes is none.",
                hint="Say how many minutes, or --until-told. To go on: loom resume",
            )
        call("pause_capture", seconds=-1 if until_told else minutes * 60)
        length = "1 minute" if minutes == 1 else f"{minutes:g} minutes"
        out("Capture is paused." if until_told else f"Capture is paused for {length}.")

    return pause


def resume_command() -> click.Command:
    """Look again."""
    import click

    @click.command("resume")
    @click.option("--agent", default="", help="Let this agent go on instead.")
    def resume(agent: str) -> None:
        """Look at the clipboard and at folders again, where you allowed it."""
        if agent:
            waiting = call_running("resume_agent", name=agent)["waiting"]
            out(f"{agent} goes on" + (f" with {waiting} that waited." if waiting else "."))
            return
        call("resume_capture")
        out("Capture goes on where you allowed it.")

    return resume
