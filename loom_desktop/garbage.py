"""Garbage: what the start made stays, so the collector need not walk through it for ever."""

from __future__ import annotations

import gc

SETTLED_S = 3.0
"""How long after its start a program that stays is ready, with everything imported and joined."""


def settle() -> None:
    """Collect once, and set apart whatever there is now. On the thread of the program's own loop.

    A full collection afterwards takes microseconds and not 10 to 20 ms of every window's and every
    handler's time. What it costs is that parts of the start that become garbage later stay.
    """
    gc.collect()
    gc.freeze()
