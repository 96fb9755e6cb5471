"""The command line: the same verbs as every door, on the running application or without one.

Each command lives in the file named beside it and is imported when it is called.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import click

COMMANDS = {  # name -> module: the function is called like the command
    "answer": "inbox",
    "ask": "ask",
    "backup": "copies",
    "bench": "bench",
    "chat": "ask",
    "conversations": "conversations",
    "dead": "journal",
    "delete": "agents",
    "doctor": "doctor",
    "health": "health",
    "inbox": "inbox",
    "list": "agents",
    "memory": "memory",
    "models": "models",
    "money": "models",
    "organize": "files",
    "pause": "settings",
    "popup": "run",
    "quit": "run",
    "rate": "models",
    "reminders": "inbox",
    "replay": "journal",
    "restart": "agents",
    "restore": "copies",
    "resume": "settings",
    "routes": "models",
    "run": "run",
    "secrets": "settings",
    "settings": "settings",
    "start": "agents",
    "stop": "agents",
    "trace": "tracing",
    "undo": "files",
    "when": "when",
    "why": "inbox",
}


def run(arguments: list[str]) -> int:
    """The exit code: 0, 1 for an error that was told, 2 for a wrong use of a command."""
    _open_streams()
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):  # ``loom inbox | head``; click exits then by itself
        # Whatever is still in the buffer goes to nowhere, at the end of the process too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    return code


def _run(arguments: list[str]) -> int:
    import click

    from loom_desktop.errors import LoomError, UsageError

    try:
        done = _group().main(args=arguments, prog_name="loom", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        sys.stdout.write(error.format_message() + "\n")
        return 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("Stopped.\n")
        return 130
    except UsageError as error:
        tell(error)
        return 2
    except LoomError as error:
        tell(error)
        return 1
    except BrokenPipeError:
        raise
    except Exception as error:
        sys.stderr.write(f"Something went wrong inside Loom. {_write_down(error)}\n")
        return 1
    return done if isinstance(done, int) else 0


def _open_streams() -> None:
    """Streams that were closed go to nowhere, and what they cannot show they spell out."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            # Its number too: the next file that is opened would be written to by who prints.
            mode = "r" if name == "stdin" else "w"
            descriptor = os.open(os.devnull, os.O_RDWR)
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _write_down(error: Exception) -> str:
    """The traceback goes to the log; a person gets a sentence."""
    import logging

    from loom_desktop.paths import paths
    from loom_desktop.telemetry.logs import open_log

    try:
        where = open_log(paths().logs)
        logging.getLogger("loom_desktop.cli").error("a command failed", exc_info=error)
    except Exception:  # no disk to write on, no home: then this line is all there is
        return f"It could not be written down: {type(error).__name__}: {error}"
    return f"It is written down in {where}."


def tell(error: Any) -> None:
    """What happened, and what to do: the one place where this door shows errors."""
    from loom_desktop.cli.talk import clean

    for line in (error.message, error.hint):
        if line:
            sys.stderr.write(f"{clean(line)}\n")


def _group() -> click.Group:
    import click

    class Lazy(click.Group):
        def list_commands(self, ctx: click.Context) -> list[str]:
            return sorted(COMMANDS)

        def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
            if name not in COMMANDS:
                return None
            module = importlib.import_module(f"loom_desktop.cli.{COMMANDS[name]}")
            command: click.Command = getattr(module, f"{name}_command")()
            return command

        def resolve_command(
            self, ctx: click.Context, args: list[str]
        ) -> tuple[str | None, click.Command | None, list[str]]:
            import difflib

            if args and not args[0].startswith("-") and args[0] not in COMMANDS:
                near = difflib.get_close_matches(args[0], COMMANDS, n=1)
                hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(COMMANDS)}."
                raise click.UsageError(f"There is no command {args[0]!r}. {hint}", ctx)
            return super().resolve_command(ctx, args)

    from loom_desktop.version import VERSION

    group = Lazy(
        "loom",
        help="Loom Desktop: an assistant in the system tray. Without a command it starts.",
        epilog="LOOM_HOME=FOLDER keeps settings, data and logs in one folder.",
    )
    return click.version_option(VERSION, message="loom %(version)s")(group)
