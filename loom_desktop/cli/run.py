"""loom run, loom popup, loom quit."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

from loom_desktop.cli.talk import out, wait
from loom_desktop.door import client
from loom_desktop.errors import LoomError, Unavailable

if TYPE_CHECKING:
    import click


def run_command() -> click.Command:
    """The engine without windows, until it is told to end."""
    import click

    @click.command("run")
    @click.option(
        "--headless", is_flag=True, help="Without windows, also where there is a display."
    )
    @click.option("--hidden", is_flag=True, help="In the tray alone: no window at the start.")
    def run(headless: bool, hidden: bool) -> None:
        """Start Loom. Without a display it runs headless and says how to talk to it."""
        wait(_run())

    return run


async def _run() -> None:
    from loom_desktop import garbage
    from loom_desktop.door.lock import take
    from loom_desktop.door.server import Door
    from loom_desktop.loom import Loom
    from loom_desktop.paths import paths
    from loom_desktop.telemetry.logs import open_log

    lock = take(paths().lock)
    if lock is None:
        raise Unavailable("Loom is running already.", hint='Talk to it: loom ask "..."')
    try:
        open_log(paths().logs)
    except LoomError as error:  # a disk that takes nothing: Loom runs, and says so
        sys.stderr.write(f"There is no log. {error.message}\n")
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    try:
        async with Loom() as loom, Door(loom):
            loom.bus.subscribe("application.quitting", lambda event: over.set())
            out("Loom runs without a window: there is no display, or it was told so.")
            out('Talk to it from another terminal: loom ask "remind me in 10 minutes to stretch"')
            out("Its inbox: loom inbox. What works here: loom doctor. Ctrl-C ends it.")
            for message, hint in loom.status.problems:
                sys.stderr.write(f"{message} {hint}".strip() + "\n")
            sys.stdout.flush()
            settling = loop.call_later(garbage.SETTLED_S, garbage.settle)
            try:
                await over.wait()
            finally:
                settling.cancel()
    finally:
        lock.release()


def popup_command() -> click.Command:
    """Show or hide the popup of the running application."""
    import click

    @click.command("popup")
    def popup() -> None:
        """Show or hide the chat window. Bind it to a key in your desktop's settings."""
        code = client.show("popup", toggle=True)
        if code is None:
            raise Unavailable("Loom is not running.", hint="Start it with: loom")
        click.get_current_context().exit(code)

    return popup


def quit_command() -> click.Command:
    """End the running application."""
    import click

    @click.command("quit")
    def quit_() -> None:
        """End the running Loom."""
        try:
            client.call("quit", {}, timeout_s=10.0)
        except client.NotRunning:
            out("Loom is not running.")
            return
        except client.Failed as error:
            raise LoomError(error.message, hint=error.hint) from None
        out("Loom ends.")

    return quit_
