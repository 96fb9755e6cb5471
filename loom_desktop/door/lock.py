"""The lock of the running application: one engine per person and LOOM_HOME, whoever started it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Self

from loom_desktop.errors import Unavailable
from loom_desktop.paths import private_folder


class Lock:
    """Held until it is released or the process ends, however it ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Let another start be the first."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def take(at: Path) -> Lock | None:
    """The lock, or None when somebody holds it. Raises Unavailable when there can be none."""
    private_folder(at.parent)
    try:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(at, flags, 0o600)
    except OSError as error:
        raise Unavailable(
            f"{at} cannot be opened: {error.strerror}.",
            hint="Give write permission, or set LOOM_HOME to another folder.",
        ) from error
    if _locked(descriptor):
        return Lock(descriptor)
    os.close(descriptor)
    return None


def _locked(descriptor: int) -> bool:
    if sys.platform == "win32":  # not tested
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
