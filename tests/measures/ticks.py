"""How smooth a window is: the gaps between the ticks of a 16 ms timer in the window's thread.

The time that the thread waited for a processor is taken off (Linux schedstat): that is other
programs, not this one.
"""

from __future__ import annotations

import json
import os
import sys
import time

from PySide6.QtCore import QObject, Qt, QTimer

TICK_MS = 16
WARM_TICKS = 10
"""At first fonts are loaded and windows laid out: that is not what is asked here."""


class Ticks(QObject):
    """Make it on the window's thread. ``gaps`` in ms."""

    def __init__(self) -> None:
        super().__init__()
        self.gaps: list[float] = []
        self._last = (0.0, 0)
        self._schedule = open(f"/proc/self/task/{os.getpid()}/schedstat", "rb", buffering=0)  # noqa: SIM115 - for life
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(TICK_MS)

    def _tick(self) -> None:
        self._schedule.seek(0)
        now, waited_ns = time.perf_counter(), int(self._schedule.read().split()[1])
        before, waited_before_ns = self._last
        if before:
            self.gaps.append((now - before) * 1e3 - (waited_ns - waited_before_ns) / 1e6)
        self._last = now, waited_ns

    def tell(self, **more: float) -> None:
        """One line of JSON on stdout."""
        gaps = sorted(self.gaps[WARM_TICKS:])
        said = {"max_ms": gaps[-1], "p99_ms": gaps[int(len(gaps) * 0.99)], "ticks": len(gaps)}
        sys.stdout.write(json.dumps(said | more) + "\n")
        sys.stdout.flush()
