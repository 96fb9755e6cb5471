"""The lock of the running application: one engine per person and LOOM_HOME, whoever started it."""

from __future__ import annotations

import os
from pathlib import Path

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


def take(at: Path) -> Lock | None:
    """The lock, or None when somebody holds it. Raises Unavailable when there can be none."""
    private_folder(at.parent)
    try:
        descriptor = os.open(at, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise Unavailable(
            f"{at} cannot be opened: {error.strerror}.",
            hint="Give write permission, or set LOOM_HOME to another folder.",
        ) from error
    try:
        import fcntl
    except ImportError:  # Windows: its msvcrt lock is not tested
        return Lock(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return Lock(descriptor)
