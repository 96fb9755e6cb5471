"""Crash reports that stay on this computer.

What nobody caught, and what ends the process in native code, is written to one file in the logs.
The home folder's path and secrets are cut out of it and messages are kept short. The next start
offers to open the file; nothing is sent anywhere.
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import platform
import sys
import threading
import traceback
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from loom_desktop.clock import Clock, wall
from loom_desktop.errors import Unavailable
from loom_desktop.paths import private_folder

log = logging.getLogger(__name__)

LONGEST_MESSAGE = 300
MOST_REPORTS = 10
_NATIVE = "native-"


class Crashes:
    """``install`` once, early. ``pending`` is what an earlier run left behind."""

    def __init__(self, logs: Path, clock: Clock = wall) -> None:
        self._logs, self._clock = logs, clock
        self._native: IO[str] | None = None
        self._seen = 0

    def install(self) -> None:
        """From now on crashes are written down.

        Raises Unavailable when nothing can be written there; what can be caught is caught anyway.
        """
        sys.excepthook = self._uncaught
        threading.excepthook = self._uncaught_in_thread
        private_folder(self._logs)
        self._collect_native()
        path = self._logs / f"{_NATIVE}{os.getpid()}.txt"
        try:
            self._native = path.open("w", encoding="utf-8")
        except OSError as error:
            raise Unavailable(
                f"{path} cannot be written: {error.strerror}.",
                hint="Free the disk or give write permission, or set LOOM_HOME to another folder.",
            ) from error
        faulthandler.enable(self._native)

    def uninstall(self) -> None:
        """A clean end: nothing to report."""
        sys.excepthook, threading.excepthook = sys.__excepthook__, threading.__excepthook__
        if self._native is not None:
            faulthandler.disable()
            self._native.close()
            Path(self._native.name).unlink(missing_ok=True)
            self._native = None

    def pending(self) -> Path | None:
        """The newest report that nobody has been shown yet."""
        return max(self._reports("crash-*.txt"), default=None)

    def shown(self) -> None:
        """The person has been told: the reports stay, but are not offered again."""
        try:
            for path in self._reports("crash-*.txt"):
                path.rename(path.with_suffix(".seen"))
            for old in sorted(self._reports("crash-*.seen"))[:-MOST_REPORTS]:
                old.unlink(missing_ok=True)
        except OSError as error:
            log.warning("the crash reports will be offered again: %s", error)

    def on_loop(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """An exception handler for the shell's loop: reported, and the shell goes on."""
        error = context.get("exception")
        log.error("in the shell: %s", context.get("message"), exc_info=error)
        if isinstance(error, Exception):
            self._write("In the shell's loop", error)

    def _uncaught(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        log.critical("not caught", exc_info=(kind, error, trace))
        self._write("Not caught", error)

    def _uncaught_in_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is None or issubclass(args.exc_type, SystemExit):
            return
        name = args.thread.name if args.thread else "a thread"
        log.critical("not caught in %s", name, exc_info=args.exc_value)
        self._write(f"Not caught in {name}", args.exc_value)

    def _write(self, where: str, error: BaseException) -> None:
        frames = "".join(traceback.format_tb(error.__traceback__))
        said = str(error)
        if len(said) > LONGEST_MESSAGE:
            said = said[:LONGEST_MESSAGE] + " ..."  # it may quote what the person wrote
        self._report(f"{where}\n\n{frames}{type(error).__name__}: {said}\n")

    def _report(self, text: str) -> None:
        if self._seen >= MOST_REPORTS:  # a fault in a loop must not fill the disk
            return
        self._seen += 1
        when = datetime.fromtimestamp(self._clock(), UTC)
        path = self._logs / f"crash-{when:%Y%m%d-%H%M%S}-{self._seen}.txt"
        head = (
            f"Loom ended or stumbled at {when:%Y-%m-%d %H:%M:%S} UTC.\n"
            "This file is only on this computer. Nothing was sent.\n"
            f"Python {platform.python_version()} on {platform.system()} {platform.release()}\n\n"
        )
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(head + redacted(text))
        except OSError as error:
            log.error("the crash report cannot be written: %s", error)

    def _collect_native(self) -> None:
        """What faulthandler wrote in runs that have ended becomes a report."""
        for path in self._reports(f"{_NATIVE}*.txt"):
            if _alive(path.stem.removeprefix(_NATIVE)):
                continue
            try:
                text = path.read_text("utf-8", "replace").strip()
                if text:
                    self._report(f"The process ended in native code\n\n{text}\n")
                path.unlink(missing_ok=True)
            except OSError as error:
                log.warning("what an earlier run left cannot be read: %s", error)

    def _reports(self, pattern: str) -> list[Path]:
        try:
            return list(self._logs.glob(pattern))
        except OSError as error:
            log.warning("the crash reports cannot be looked for: %s", error)
            return []


def redacted(text: str) -> str:
    """Without the path of the home folder, which names the person, and without secrets."""
    from loom_desktop.text.redact import redact  # not at every start

    for home in {str(Path.home()), os.path.expanduser("~")}:
        if len(home) > 1:
            text = text.replace(home, "~")
    return redact(text).text


def _alive(pid: str) -> bool:
    if not pid.isdigit():
        return False
    if int(pid) == os.getpid():
        return False  # a number used again: the file is from before us
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
