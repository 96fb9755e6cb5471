"""The clocks everything is given, so that a test can hand in its own."""

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds since 1970 on the wall, or seconds of a clock that only goes forward."""

wall: Clock = time.time
"""What the clock on the wall says. People set it, so it may jump."""

monotonic: Clock = time.monotonic
"""For durations. On Linux it stands still while the computer sleeps."""


def awake_and_asleep() -> float:
    """Seconds since the computer started, sleep included; falls back to ``monotonic``."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.clock_gettime(boottime) if boottime is not None else time.monotonic()
