"""Hears of every change in some folders through one watchdog Observer, and of changes it lost.

Everything here blocks for moments (threads are started and joined): call it in a worker thread.
The three callbacks come in the Observer's thread and must return at once.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watchdog.events import FileSystemEvent
    from watchdog.observers.api import BaseObserver, ObservedWatch

_INOTIFY = "watchdog.observers.inotify_c"


class Watched:
    """``seen(folder, path, came_from)`` for each change directly in a folder; ``came_from`` is the
    old path of a file that was renamed, else empty. ``lost()`` when the kernel dropped events,
    ``gone(folder)`` when a folder itself was removed.
    """

    def __init__(
        self,
        seen: Callable[[str, str, str], None],
        lost: Callable[[], None],
        gone: Callable[[str], None],
    ) -> None:
        self._seen, self._lost, self._gone = seen, lost, gone
        self._lock = threading.Lock()
        self._observer: BaseObserver | None = None
        self._overflow: _Overflow | None = None
        self._watches: dict[str, ObservedWatch] = {}
        self._closed = False

    def watch(self, folder: str) -> None:
        """From when this returns no change is missed without ``lost``. Raises OSError."""
        from watchdog import events

        forget, seen, gone = self.forget, self._seen, self._gone

        class Handler(events.FileSystemEventHandler):
            def dispatch(self, event: FileSystemEvent) -> None:
                source = os.fsdecode(event.src_path)
                if event.is_directory:
                    if source == folder:
                        gone(folder)
                    return
                seen(folder, source, "")
                if target := os.fsdecode(event.dest_path):
                    seen(folder, target, source)

        forget(folder)
        with self._lock:
            if self._closed:
                return
            observer = self._open()
            # The filter reaches the kernel's mask: without opened and modified a file costs 2
            # events of its queue instead of 6, so three times as many fit before it overflows.
            self._watches[folder] = observer.schedule(
                Handler(),
                folder,
                recursive=False,
                event_filter=[
                    events.FileCreatedEvent,
                    events.FileClosedEvent,
                    events.FileMovedEvent,
                    events.FileDeletedEvent,
                    events.DirDeletedEvent,  # of the folder itself; costs nothing in the mask
                ],
            )

    def forget(self, folder: str) -> None:
        """No more changes of this folder, if it was watched."""
        with self._lock:
            watch = self._watches.pop(folder, None)
            if watch is not None and self._observer is not None:
                self._observer.unschedule(watch)

    def close(self) -> None:
        """All threads are over when this returns, also when it is called while others work."""
        with self._lock:
            self._closed = True
            observer, self._observer = self._observer, None
            self._watches.clear()
            if self._overflow is not None:
                self._overflow.detach()
            if observer is not None:
                observer.stop()
                observer.join()

    def _open(self) -> BaseObserver:
        if self._observer is None:
            from watchdog.observers import Observer

            observer = Observer()
            observer.name = "watched folders"
            observer.start()
            self._observer = observer
            self._overflow = _Overflow(self._lost)
        return self._observer


class _Overflow(logging.Handler):
    """Watchdog tells of an overflow only in its log."""

    def __init__(self, lost: Callable[[], None]) -> None:
        super().__init__(logging.WARNING)
        self._lost = lost
        self._logger = logging.getLogger(_INOTIFY)
        self._level = self._logger.level
        if not self._logger.isEnabledFor(logging.WARNING):
            self._logger.setLevel(logging.WARNING)
        self._logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if "overflow" in record.getMessage().lower():
            self._lost()

    def detach(self) -> None:
        self._logger.removeHandler(self)
        self._logger.setLevel(self._level)
