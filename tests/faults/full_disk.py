"""A full disk: the store says so, keeps what it acknowledged, and goes on when there is room.

``tmpfs``: a disk of 20 MB of its own, in a user and mount namespace (no root needed where they are
allowed). The ballast is real there: when the disk is full it is dropped, and more is taken.
``limit``: no file may grow beyond a size (RLIMIT_FSIZE), which works everywhere but has nothing to
drop. Each runs in a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from loom_desktop.errors import LoomError
from loom_desktop.store import Store
from loom_desktop.store.ballast import SIZE_BYTES, Ballast
from tests.faults.report import Report
from tests.faults.stores import KEY, event, found, judged, opening

ROOT = Path(__file__).resolve().parents[2]
DISK_BYTES = 20 << 20
FOREIGN_BYTES = 4 << 20
"""What somebody else has on that disk, and removes in the end."""
SOON_S = 5.0
AT_ONCE = 50


def namespaces() -> bool:
    """Whether a disk of its own can be mounted here."""
    unshare = shutil.which("unshare")
    return (
        bool(unshare)
        and not subprocess.run(
            [unshare or "", "-rm", "true"], capture_output=True, check=False
        ).returncode
    )


def run(
    folder: Path, *, how: str, ballast_bytes: int = SIZE_BYTES, encrypted: bool = True
) -> Report:
    """``how``: ``tmpfs`` or ``limit``. Without ballast nothing more is taken: the control."""
    began = time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.faults.full_disk", str(folder), how]
    command += [str(ballast_bytes), "--key" if encrypted else ""]
    inside = ["unshare", "-rm"] if how == "tmpfs" else []
    done = subprocess.run(
        [*inside, *command], cwd=ROOT, capture_output=True, text=True, timeout=110, check=False
    )
    name = f"full disk, {how}{'' if ballast_bytes else ', no ballast'}"
    report = Report(suite=name, control=not ballast_bytes)
    if done.returncode:
        report.wrong = [f"it ended with {done.returncode}: {done.stderr[-2000:]}"]
    else:
        said = json.loads(done.stdout)
        report.figures, report.wrong = said["figures"], said["wrong"]
    report.seconds = time.perf_counter() - began
    return report


class Trial:
    """One store on a disk that fills up and is emptied."""

    def __init__(self, folder: Path, how: str, ballast_bytes: int, key: bytes | None) -> None:
        self._path, self._how, self._key = folder / "data" / "loom.db", how, key
        self._ballast = Ballast(
            self._path.parent / "ballast", size_bytes=ballast_bytes, ample_bytes=0
        )
        self._foreign = folder / "foreign"
        self._next = 1
        self.acked: list[int] = []
        self.failed: list[int] = []
        self.figures: dict[str, float] = {}
        self.wrong: list[str] = []

    async def run(self) -> dict[str, Any]:
        """Fill it, empty it, and open it again."""
        self._path.parent.mkdir(parents=True)
        self._foreign.write_bytes(os.urandom(FOREIGN_BYTES))
        async with opening(self._path, self._key, self._ballast) as store:
            if self._ballast.size_bytes and not self._ballast.fill():
                self.wrong.append("there was no room for the ballast")
            await self._fill(store)
            await self._while_full(store)
            await self._with_room(store)
        left = await judged(self._path, self._key, self.acked, self.failed)
        self.wrong += [f"afterwards: {what}" for what in left]
        return {"figures": self.figures, "wrong": self.wrong}

    async def _fill(self, store: Store) -> None:
        if self._how == "limit":
            await self._keep(store, 500)
            log = self._path.with_name(f"{self._path.name}-wal")
            _limit(max(one.stat().st_size for one in (self._path, log)) + (1 << 20))
        before = 0
        while not self.failed:
            if not before and store.problems:
                before = len(self.acked)
            await self._keep(store, AT_ONCE)
        self.figures["acknowledged"] = len(self.acked)
        self.figures["after the ballast"] = len(self.acked) - before if before else 0
        if self._how == "tmpfs":
            if self._ballast.path.exists():
                self.wrong.append("the ballast was not used")
            if not self.figures["after the ballast"]:
                self.wrong.append("nothing more was taken once the disk was full")
        told = [one.message for one in store.problems]
        if not any("nothing new is being saved" in one for one in told):
            self.wrong.append(f"the person was not told: {told}")
        if self._ballast.size_bytes and not any("put by" in one for one in told):
            self.wrong.append(f"the person was not told of the room put by: {told}")

    async def _while_full(self, store: Store) -> None:
        refused = len(self.failed)
        await self._keep(store, 1)  # a small one may still find a place
        if len(self.failed) > refused and store.disk not in ("full", "broken"):
            self.wrong.append(f"the disk is said to be {store.disk}")
        there, wrong = await found(store)
        if wrong or not there >= set(self.acked):
            self.wrong.append(f"while full {len(set(self.acked) - there)} could not be read")

    async def _with_room(self, store: Store) -> None:
        if self._how == "limit":
            _limit(resource.RLIM_INFINITY)
        self._foreign.unlink()
        began, before = time.perf_counter(), len(self.acked)
        while len(self.acked) == before and time.perf_counter() - began < 2 * SOON_S:
            await self._keep(store, 1)
        took = time.perf_counter() - began
        self.figures["writes again after s"] = round(took, 4)
        if took > SOON_S or len(self.acked) == before:
            self.wrong.append(f"it did not write again within {SOON_S:g} s of having room")
        if store.disk in ("full", "broken", "memory"):
            self.wrong.append(f"with room again the disk is said to be {store.disk}")

    async def _keep(self, store: Store, count: int) -> None:
        async def one(number: int) -> None:
            try:
                await store.journal.append(event(number))
            except LoomError:
                self.failed.append(number)
            else:
                self.acked.append(number)

        numbers = range(self._next, self._next + count)
        self._next += count
        await asyncio.gather(*(one(number) for number in numbers))


def _limit(size_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, resource.RLIM_INFINITY))


if __name__ == "__main__":
    place, kind, ballast, secret = sys.argv[1:]
    if kind == "tmpfs":
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", place]
        subprocess.run(mount, check=True)
    trial = Trial(Path(place), kind, int(ballast), KEY if secret else None)
    sys.stdout.write(json.dumps(asyncio.run(trial.run())))
