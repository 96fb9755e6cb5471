"""The log: a few small files in the person's folder, without secrets and without content."""

from __future__ import annotations

import logging
import os
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

from loom_desktop.errors import Unavailable
from loom_desktop.paths import private_folder

_BYTES, _FILES = 1_000_000, 3
_FORMAT = "%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s"


def open_log(folder: Path, *, level: int = logging.INFO) -> Path:
    """From now on everything logged goes to ``loom.log`` in the folder. Returns its path.

    Twice is the same as once. Raises Unavailable when the folder cannot be made or takes no log.
    """
    path = private_folder(folder) / "loom.log"
    root = logging.getLogger()
    if any(getattr(one, "baseFilename", "") == os.path.abspath(path) for one in root.handlers):
        return path
    try:
        handler = _File(
            path,
            maxBytes=_BYTES,
            backupCount=_FILES,
            encoding="utf-8",
            errors="backslashreplace",
        )
    except OSError as error:
        raise Unavailable(
            f"{path} cannot be written: {error.strerror}.",
            hint="Free the disk or give write permission, or set LOOM_HOME to another folder.",
        ) from error
    handler.setFormatter(_Masked(_FORMAT))
    root.addHandler(handler)
    root.setLevel(level)
    return path


class _File(RotatingFileHandler):
    """What the disk refuses is told once, by the store; a mistake in a line is told as ever."""

    def handleError(self, record: logging.LogRecord) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


class _Masked(logging.Formatter):
    """Secrets are taken out of the line, and the person's home out of paths."""

    def format(self, record: logging.LogRecord) -> str:
        from loom_desktop.text.redact import redact

        line = redact(super().format(record)).text
        home = str(Path.home())
        return line.replace(home, "~") if len(home) > 1 else line
