"""One Loom per person: the lock decides which start is the first, the socket raises that one.

Light, and done before Qt is imported: a second start costs a few milliseconds. The kernel drops
the lock when its holder dies, so a crash leaves nothing behind that blocks. A command of the
terminal holds the lock for a moment too; then there is nobody to raise, and it is soon over.
"""

from __future__ import annotations

import time

from loom_desktop.clock import Clock, monotonic
from loom_desktop.door import client
from loom_desktop.door.lock import Lock, take
from loom_desktop.errors import LoomError, Unavailable
from loom_desktop.paths import Paths

WAIT_S = 5.0
"""How long a lock without anybody behind it is waited for: a command of the terminal, a start."""
_AGAIN_S = 0.02


def first(paths: Paths, *, wait_s: float = WAIT_S, clock: Clock = monotonic) -> Lock | None:
    """The lock when no other Loom of this person runs; None when one does, and showed its popup.

    Raises Unavailable when it cannot be told, or when who holds the lock neither listens nor ends.
    """
    end = clock() + wait_s
    while True:
        if (lock := take(paths.lock)) is not None:
            return lock
        try:
            client.call("show", {}, at=paths.socket, timeout_s=max(0.05, end - clock()))
        except client.NotRunning:
            if clock() >= end:
                raise Unavailable(
                    "Loom is running but does not listen.",
                    hint="Quit it from its menu or end the process, then start it again.",
                ) from None
            time.sleep(_AGAIN_S)
        except client.Failed as error:
            raise LoomError(error.message, hint=error.hint) from None
        else:
            return None
