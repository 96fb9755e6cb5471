"""The n-th sync of the store fails, for every n: once, for a while, or from then on for good.

What a failed sync should have made durable never is, as Linux does it: the pages count as clean
(Rebello and others, "Can Applications Recover from fsync Failures?", USENIX ATC 2020). After each
trial the power goes off, so an acknowledgement that rests on such a sync is found out. While it
lasts what is refused is told, nothing waits for ever, and the first write after it works.

What was refused while a disk fails for good may be there at the next start: its pages were written,
and nothing came after them. That is counted, and no promise.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unittest.mock import patch

import apsw

from loom_desktop.store.database import Database
from tests.faults.powercut import CheckpointFailed, Power, under
from tests.faults.report import Report
from tests.faults.stores import KEY, copied, found, judged, opening
from tests.faults.syscalls import BEFORE, STUCK_S, Trial, unclosed

HOW = ("once", "for a while", "for good")


def run(folder: Path, *, encrypted: bool = False, step: int = 1, early: bool = False) -> Report:
    """Every ``step``-th sync, in each way. ``early``: no answer is looked at, the control."""
    began = time.perf_counter()
    name = f"syncs{', encrypted' if encrypted else ''}{', acknowledged early' if early else ''}"
    report = Report(suite=name, control=early)
    report.figures = {"points": 0, "refused": 0, "acknowledged": 0, "there though refused": 0}
    key, power = KEY if encrypted else None, Power()
    image = asyncio.run(unclosed(folder, key))
    for how in HOW:
        for at in itertools.count(1, step):
            path = copied(image, folder / "run")
            power.restore(_NEVER, True)
            arm = partial(power.fail, at, lasting=how != "once")
            trial = Trial(
                path,
                key,
                arm,
                fault=power,
                early=early,
                reading=False,
                at_last=partial(_off, power),
            )
            with under(power, "full", encrypted), _checkpoints_fail_in_silence():
                asyncio.run(trial.writing() if how != "for good" else _for_good(trial, path, key))
            if not trial.fired:
                break
            power.leave(random.Random(at))
            path.with_name(path.name + "-shm").unlink(missing_ok=True)
            refused = trial.failed if how != "for good" else ()
            bad = trial.bad + asyncio.run(judged(path, key, trial.acked, refused))
            report.wrong += [f"sync {at} {how}: {what}" for what in bad]
            report.add("points")
            report.add("refused", len(trial.failed))
            report.add("acknowledged", len(trial.acked) - BEFORE)
            report.add("there though refused", asyncio.run(_ghosts(path, key, trial)))
    report.seconds = time.perf_counter() - began
    return report


_NEVER = 1 << 60


@contextmanager
def _checkpoints_fail_in_silence() -> Iterator[None]:
    """As they do when the file system is not in Python."""
    commit = Database._commit

    def quiet(self: Database) -> apsw.Error | None:
        error = commit(self)
        return None if isinstance(error, CheckpointFailed) else error

    with patch.object(Database, "_commit", quiet):
        yield


def _off(power: Power) -> None:
    """The power goes off before anything else is written."""
    power.cut = power.operations


async def _for_good(trial: Trial, path: Path, key: bytes | None) -> None:
    """It does not end before the process does, and the process ends."""
    async with asyncio.timeout(STUCK_S), opening(path, key) as store:
        trial.arm()
        for number in range(BEFORE + 1, BEFORE + 6):
            await trial.keep(store, number)
        trial.over(lasting=True)


async def _ghosts(path: Path, key: bytes | None, trial: Trial) -> int:
    async with opening(path, key) as store:
        return len((await found(store))[0] & set(trial.failed))
