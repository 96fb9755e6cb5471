"""The power goes off at every single write, truncation and sync that the store asks for.

A VFS under the real store remembers what was not synced yet. At the cut each 512-byte sector of
that survives or not, at random; then the store is opened on what is left. With FULL nothing that
was acknowledged may be gone and no page damaged. The negative controls, which must lose: NORMAL,
OFF, and a disk that says "synced" and does nothing.

Limits: sectors are assumed to be atomic, and names of files durable at once. A VFS in Python has no
shared memory, so the log runs with the locking mode EXCLUSIVE. Linux (its base is "unix-excl").
The design is that of SQLite's own crash tests (sqlite.org/testing.html, 3.4).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal

import apsw

from loom_desktop.errors import LoomError
from loom_desktop.store import database
from tests.faults.report import Report
from tests.faults.stores import KEY, copied, event, judged, opening

SECTOR = 512
NEVER = 1 << 60
EVENTS = 12
Sync = Literal["full", "normal", "off"]
_Write = tuple[int, bytes | None]
"""Where, and what; None cuts the file off there."""


class CheckpointFailed(apsw.IOError):
    """A sync that no commit asked for. When a checkpoint that comes with a commit fails, SQLite
    says nothing (the log still has it all); but what is raised in Python is handed up by apsw."""


class Power:
    """The disk's memory: what is durable of each file, and what was written after that.

    A sync can be told to fail. What it should have made durable never is, as on Linux: the next one
    that works covers only what was written since.
    """

    def __init__(self) -> None:
        self.restore(NEVER, True)

    def restore(self, cut: int, honest: bool) -> None:
        """Forget everything. The power will go off at I/O operation number ``cut``."""
        self.durable: dict[str, bytearray] = {}
        self.pending: dict[str, list[_Write]] = {}
        self.operations, self.cut, self.off, self.honest = 0, cut, False, honest
        self.clear()

    def clear(self) -> None:
        """Every sync works from now on."""
        self.fail(NEVER, lasting=False)

    def fail(self, at: int, *, lasting: bool) -> None:
        """The ``at``-th sync from now on fails, or all from that on."""
        self._fail_at, self._lasting = at, lasting
        self._syncs = self.fired = 0

    def opened(self, name: str) -> None:
        if name not in self.durable:
            self.durable[name], self.pending[name] = bytearray(_content(name)), []

    def sync(self, name: str) -> None:
        """Make durable what was written since the last one. Raises IOError when it fails."""
        self.spend()
        self._syncs += 1
        if self._syncs == self._fail_at or (self._lasting and self._syncs > self._fail_at):
            self.fired += 1
            of_commit = name.endswith("-wal") and bool(self.pending[name])
            self.pending[name].clear()
            raise (apsw.IOError if of_commit else CheckpointFailed)("the sync failed")
        if self.honest:
            _write(self.durable[name], self.pending[name])
            self.pending[name].clear()

    def removed(self, name: str) -> None:
        self.durable.pop(name, None)
        self.pending.pop(name, None)

    def spend(self) -> None:
        """Raises IOError from the cut on."""
        self.operations += 1
        if self.off or self.operations >= self.cut:
            self.off = True
            raise apsw.IOError("the power is off")

    def leave(self, rng: random.Random) -> None:
        """Write what the platter would hold when the power comes back."""
        for name, image in self.durable.items():
            survived: list[_Write] = []
            for offset, data in self.pending[name]:
                if data is None:
                    survived += [(offset, None)] if rng.random() < 0.5 else []
                    continue
                survived += [
                    (offset + start, data[start : start + SECTOR])
                    for start in range(0, len(data), SECTOR)
                    if rng.random() < 0.5
                ]
            _write(image, survived)
            Path(name).write_bytes(image)


class _File(apsw.VFSFile):
    def __init__(self, power: Power, name: Any, flags: list[int]) -> None:
        super().__init__("unix-excl", name, flags)
        self._power = power
        self._name = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        power.opened(self._name)

    def xWrite(self, data: bytes, offset: int) -> None:
        self._power.spend()
        super().xWrite(data, offset)
        self._power.pending[self._name].append((offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:
        self._power.spend()
        super().xTruncate(newsize)
        self._power.pending[self._name].append((newsize, None))

    def xSync(self, flags: int) -> None:
        self._power.sync(self._name)

    def excepthook(self, *_: object) -> bool:
        """SQLite is told; nobody else needs to be."""
        return True


class _Disk(apsw.VFS):
    NAME = "loom-powercut"

    def __init__(self) -> None:
        self.power = Power()
        super().__init__(self.NAME, "unix-excl")

    def xOpen(self, name: Any, flags: list[int]) -> _File:
        return _File(self.power, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        self.power.spend()
        super().xDelete(filename, syncdir)
        self.power.removed(filename)

    def excepthook(self, *_: object) -> bool:
        """As above."""
        return True


@cache
def _disk() -> _Disk:
    """One for all time: the cipher's layer keeps a pointer to it."""
    return _Disk()


@contextmanager
def under(power: Power, sync: Sync, encrypted: bool) -> Iterator[None]:
    """Every connection made meanwhile is on that disk, syncs so, and empties its log often."""

    def prepare(connection: apsw.Connection) -> None:
        connection.pragma("locking_mode", "exclusive")
        if sync != "full":  # and what the store says about it later is ignored
            connection.pragma("synchronous", sync)
            connection.authorizer = lambda what, one, two, *_: (
                apsw.SQLITE_IGNORE
                if what == apsw.SQLITE_PRAGMA and one == "synchronous" and two is not None
                else apsw.SQLITE_OK
            )

    before, pages = apsw.vfs_names()[0], database.WAL_PAGES
    disk, name = _disk(), _Disk.NAME
    disk.power = power
    if encrypted:  # the cipher's own layer is made the first time its name is used
        name = f"multipleciphers-{name}"
        apsw.Connection(":memory:", vfs=name).close()
    apsw.set_default_vfs(name)
    apsw.connection_hooks.append(prepare)
    database.WAL_PAGES = 8
    try:
        yield
    finally:
        database.WAL_PAGES = pages
        apsw.connection_hooks.remove(prepare)
        apsw.set_default_vfs(before)


async def _work(path: Path, key: bytes | None) -> list[int]:
    """Keep events one by one and in a group, and change state. The ids that were acknowledged."""
    acked: list[int] = []

    async def keep(number: int) -> None:
        try:
            await store.journal.append(event(number))
        except LoomError:
            return
        acked.append(number)

    async with opening(path, key) as store:
        if store.in_memory:
            return []
        for number in range(1, EVENTS, 4):
            await keep(number)
            await asyncio.gather(*(keep(number + more) for more in (1, 2, 3)))
            try:
                await store.state.put("powercut", "at", {"n": number, "pad": "x" * 3_000})
            except LoomError:
                continue
    return acked


class Cuts:
    """One setting of the disk, tried at every operation."""

    def __init__(
        self, folder: Path, *, sync: Sync = "full", honest: bool = True, encrypted: bool = False
    ) -> None:
        self._folder, self._sync, self._honest, self._encrypted = folder, sync, honest, encrypted
        self._key = KEY if encrypted else None

    def run(self, seeds: Sequence[int], *, step: int = 1, first_start: bool = False) -> Report:
        """Cut at operation 1, 1 + step, ... until the work is over before the cut."""
        began = time.perf_counter()
        name = "power cuts" + (" in the first start" if first_start else "")
        report = Report(suite=f"{name}, {self._name}", control=self._name not in _SAFE)
        report.figures = {"cuts": 0, "acknowledged": 0}
        image = None if first_start else self._image()
        for seed in seeds:
            cut = 1 + seed % step
            while self._cut(report, image, cut, seed):
                cut += step
        report.seconds = time.perf_counter() - began
        return report

    @property
    def _name(self) -> str:
        kind = self._sync if self._honest else "a disk that lies"
        return f"{kind}, encrypted" if self._encrypted else kind

    def _image(self) -> Path:
        path = self._folder / "image" / "loom.db"

        async def make() -> None:
            async with opening(path, self._key) as store:
                assert store.problems == []

        asyncio.run(make())
        return path

    def _cut(self, report: Report, image: Path | None, cut: int, seed: int) -> bool:
        """Whether the power went off at all."""
        rng, power = random.Random(cut * 31 + seed), Power()
        folder = self._folder / "run"
        path = copied(image or folder / "loom.db", folder)
        power.restore(cut, self._honest)
        with under(power, self._sync, self._encrypted):
            acked = asyncio.run(_work(path, self._key))
        if not power.off:
            report.add("I/O operations", power.operations)
            return False
        power.leave(rng)
        path.with_name(path.name + "-shm").unlink(missing_ok=True)
        report.add("cuts")
        report.add("acknowledged", len(acked))
        bad = asyncio.run(judged(path, self._key, acked))
        report.wrong += [f"cut {cut}, seed {seed}: {what}" for what in bad]
        return True


_SAFE = ("full", "full, encrypted")


def _write(image: bytearray, writes: Sequence[_Write]) -> None:
    """Do them, in order."""
    for offset, data in writes:
        if data is None:
            del image[offset:]
            continue
        image.extend(bytes(max(0, offset - len(image))))
        image[offset : offset + len(data)] = data


def _content(name: str) -> bytes:
    path = Path(name)
    return path.read_bytes() if path.exists() else b""
