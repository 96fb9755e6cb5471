"""The n-th system call of the store fails, for every n: once, and from then on.

SQLite's own Unix layer lets its system calls be replaced; a replacement says ENOSPC or EIO when its
turn has come. While that lasts, events are kept; then it is over. Every acknowledged event must be
there, none that was refused (no ghosts), and the very next write must work (nothing is stuck). The
same at the start: the application starts, the file is not taken for damaged, and the next start
finds everything. After SQLite's sysfault.test (sqlite.org/testing.html, 3.3).

Limits: fsync cannot be replaced this way (``syncs`` has it); Linux. The calls of the writing and
of the reading connection are counted together.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal, Protocol

import apsw

from loom_desktop.errors import LoomError
from loom_desktop.store import Store, database
from tests.faults.report import Report
from tests.faults.stores import KEY, copied, event, found, judged, opening

STUCK_S = 10.0
BEFORE = 12
LATER = 100
"""Added to the ids of events that nobody waits for: they are kept, and tried until they are in."""
_fd, _size, _off, _pointer = ctypes.c_int, ctypes.c_size_t, ctypes.c_int64, ctypes.c_void_p
_SIGNATURES: dict[str, tuple[Any, ...]] = {
    "write": (ctypes.c_ssize_t, _fd, _pointer, _size),
    "pwrite": (ctypes.c_ssize_t, _fd, _pointer, _size, _off),
    "pwrite64": (ctypes.c_ssize_t, _fd, _pointer, _size, _off),
    "pread": (ctypes.c_ssize_t, _fd, _pointer, _size, _off),
    "pread64": (ctypes.c_ssize_t, _fd, _pointer, _size, _off),
    "read": (ctypes.c_ssize_t, _fd, _pointer, _size),
    "ftruncate": (ctypes.c_int, _fd, _off),
    "fallocate": (ctypes.c_int, _fd, _off, _off),
    "open": (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_int),
    "fstat": (ctypes.c_int, _fd, _pointer),
    "unlink": (ctypes.c_int, ctypes.c_char_p),
    "mmap": (ctypes.c_ssize_t, _pointer, _size, ctypes.c_int, ctypes.c_int, _fd, _off),
}
When = Literal["writing", "starting"]


class Fault:
    """Which call fails, with what, the how-manieth time, and whether from then on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._call = ""
        self.clear()

    def clear(self) -> None:
        """No call fails any more."""
        with self._lock:
            self._call, self._at, self._lasting, self._errno = "", 0, False, 0
            self._count = self.fired = 0

    def arm(self, call: str, at: int, number: int, *, lasting: bool) -> None:
        """The ``at``-th call of that name from now on fails with that errno."""
        with self._lock:
            self._call, self._at, self._lasting, self._errno = call, at, lasting, number
            self._count = self.fired = 0

    def strikes(self, call: str) -> int:
        """The errno for this call, or 0."""
        with self._lock:
            if call != self._call:
                return 0
            self._count += 1
            if self._count == self._at or (self._lasting and self._count > self._at):
                self.fired += 1
                return self._errno
            return 0


@cache
def _callbacks() -> dict[str, tuple[Any, int, int]]:
    """Per system call: the replacement, its address and the original's. Made once, kept for ever:
    nothing can be sure that no thread is inside of one."""
    unix, made = apsw.VFS("loom-syscalls", "unix"), {}
    for name, (answer, *arguments) in _SIGNATURES.items():
        if not (address := unix.xGetSystemCall(name)):
            continue
        kind = ctypes.CFUNCTYPE(answer, *arguments, use_errno=True)
        replacement = kind(_replacement(name, kind(address)))
        made[name] = (replacement, ctypes.cast(replacement, _pointer).value or 0, address)
    unix.unregister()
    return made


def _replacement(name: str, original: Callable[..., int]) -> Callable[..., int]:
    def call(*arguments: Any) -> int:
        if number := FAULT.strikes(name):
            ctypes.set_errno(number)
            return -1
        return original(*arguments)

    return call


FAULT = Fault()


@contextlib.contextmanager
def replaced() -> Iterator[Sequence[str]]:
    """The system calls that can fail, by name, while this lasts. The log is emptied often."""
    unix, pages = apsw.VFS("loom-syscalls", "unix"), database.WAL_PAGES
    callbacks, database.WAL_PAGES = _callbacks(), 8
    for name, (_, address, _) in callbacks.items():
        unix.xSetSystemCall(name, address)
    try:
        yield tuple(callbacks)
    finally:
        FAULT.clear()
        database.WAL_PAGES = pages
        for name, (_, _, address) in callbacks.items():
            unix.xSetSystemCall(name, address)
        unix.unregister()


class Fails(Protocol):
    """Something that can be told to fail: how often it did, and how it ends."""

    fired: int

    def clear(self) -> None: ...


class Trial:
    """One fault, and what came of it."""

    def __init__(
        self,
        path: Path,
        key: bytes | None,
        arm: Callable[[], None],
        *,
        fault: Fails = FAULT,
        early: bool = False,
        reading: bool = True,
        at_last: Callable[[], None] = lambda: None,
    ) -> None:
        """``at_last`` is called when all is acknowledged, and before the store is closed. Not
        ``reading``: nobody else can open the file meanwhile."""
        self._path, self._key, self.arm, self._early = path, key, arm, early
        self._fault, self._reading, self._at_last = fault, reading, at_last
        self.acked = list(range(1, BEFORE + 1))
        self.failed: list[int] = []
        self.fired = 0
        self.bad: list[str] = []

    async def writing(self) -> None:
        """Keep, change and read while calls fail; then they do not."""
        async with opening(self._path, self._key) as store:
            self.arm()
            for number in range(BEFORE + 1, BEFORE + 6):
                store.journal.keep(event(LATER + number))
                await self.keep(store, number)
                with contextlib.suppress(LoomError):
                    await store.state.put("syscalls", "at", {"n": number, "pad": "x" * 5_000})
            if self._reading:
                with contextlib.suppress(LoomError):
                    await found(store)
            self.over()
            refused = len(self.failed)
            try:
                async with asyncio.timeout(STUCK_S):
                    await self.keep(store, BEFORE + 6)
                    await store.journal.flush()
                    self.acked += range(LATER + BEFORE + 1, LATER + BEFORE + 6)
                    there, wrong = await self._found(store)
                    if wrong or there & set(self.failed) or not there >= set(self.acked):
                        self.bad.append(f"seen while it ran: {sorted(there)}, wrong {wrong}")
            except (LoomError, TimeoutError) as error:
                self.bad.append(f"stuck: {error!r}")
            if len(self.failed) > refused or store.disk in ("full", "broken", "memory"):
                self.bad.append(f"stuck: the disk is {store.disk}")
            self._at_last()

    async def starting(self) -> None:
        """Start while calls fail. What is then kept in memory only is not asked for again."""
        self.arm()
        async with opening(self._path, self._key) as store:
            with contextlib.suppress(LoomError):
                await found(store)
            self.over()
            if store.in_memory and not store.problems:
                self.bad.append("in memory, and nobody was told")
            if store.problems:
                self.failed.append(0)  # reported
        if aside := [one.name for one in self._path.parent.glob("*.corrupt.*")]:
            self.bad.append(f"taken for damaged: {aside}")

    async def keep(self, store: Store, number: int) -> None:
        """Append it, and note what the answer was."""
        try:
            async with asyncio.timeout(STUCK_S):
                await store.journal.append(event(number))
        except LoomError:
            (self.acked if self._early else self.failed).append(number)
        except TimeoutError:
            self.bad.append(f"stuck: no answer for {number}")
        else:
            self.acked.append(number)

    async def _found(self, store: Store) -> tuple[set[int], list[int]]:
        return await found(store) if self._reading else (set(self.acked), [])

    def over(self, *, lasting: bool = False) -> None:
        """The fault is over; or it lasts, and only how often it struck is noted."""
        self.fired = self._fault.fired
        if not lasting:
            self._fault.clear()


def run(
    folder: Path,
    *,
    when: When = "writing",
    errors: Sequence[str] = ("ENOSPC", "EIO"),
    encrypted: bool = False,
    step: int = 1,
    early: bool = False,
) -> Report:
    """Every ``step``-th call of every name, with each error, once and lasting.

    ``early`` takes a guard away: nobody looks at the answer, all counts as acknowledged.
    """
    began = time.perf_counter()
    name = f"system calls, {when}{', encrypted' if encrypted else ''}"
    report = Report(suite=f"{name}{', acknowledged early' if early else ''}", control=early)
    report.figures = {"points": 0, "reported": 0, "silent": 0}
    key = KEY if encrypted else None
    image = asyncio.run(unclosed(folder, key))
    with replaced() as calls:
        for call, error, lasting in itertools.product(calls, errors, (False, True)):
            for at in itertools.count(1, step):
                arm = partial(FAULT.arm, call, at, getattr(errno, error), lasting=lasting)
                trial = Trial(copied(image, folder / "run"), key, arm, early=early)
                asyncio.run(trial.writing() if when == "writing" else trial.starting())
                if not trial.fired:
                    break
                left = judged(folder / "run" / image.name, key, trial.acked, trial.failed)
                report.add("points")
                report.add("reported" if trial.failed else "silent")
                point = f"{call} {at} {error} {'lasting' if lasting else 'once'}"
                report.wrong += [f"{point}: {what}" for what in trial.bad + asyncio.run(left)]
    report.seconds = time.perf_counter() - began
    return report


async def unclosed(folder: Path, key: bytes | None) -> Path:
    """A store that was not closed: the start has a log to take over."""
    path = folder / "made" / "loom.db"
    async with opening(path, key) as store:
        for number in range(1, BEFORE + 1):
            await store.journal.append(event(number))
        assert store.problems == []
        return copied(path, folder / "image")
