"""``python -m tests.faults [FILE] [--only SUITE] [--kills N] ...``: every fault suite, at length.

Writes faults.json and prints a table. 1 when a promise was broken, or a negative control found
nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import logging
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.faults.report import Report, table
from tests.faults.stores import memory

Suite = Callable[[argparse.Namespace, Path], Iterator[Report]]


def main(argv: Sequence[str] | None = None) -> int:
    """0, or 1 when something was not as promised."""
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=Path("build/faults.json"))
    parser.add_argument("--only", action="append", choices=tuple(SUITES), metavar="SUITE")
    parser.add_argument("--kills", type=int, default=1_000, help="half of them encrypted")
    parser.add_argument("--cuts", type=int, default=5, metavar="SEEDS", help="per I/O operation")
    parser.add_argument("--flips", type=int, default=300, help="per kind of file")
    parser.add_argument("--events", type=int, default=1_500_000, help="watched for leaks")
    parser.add_argument("--storm", type=int, default=1_000_000, help="events in each storm")
    parser.add_argument("--histories", type=int, default=10_000, help="of schedules")
    parser.add_argument("--stops", type=int, default=200, help="of a whole Loom")
    chosen = parser.parse_args(argv)
    reports: list[Report] = []
    for name in chosen.only or SUITES:
        place = memory() if name in IN_MEMORY else None
        with tempfile.TemporaryDirectory(prefix="loom-faults-", dir=place) as folder:
            for report in SUITES[name](chosen, Path(folder)):
                reports.append(report)
                sys.stderr.write(table([report]).split("\n", 1)[1] + "\n")
    said = {
        "system": platform.platform(),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "suites": [one.plain() for one in reports],
    }
    chosen.file.parent.mkdir(parents=True, exist_ok=True)
    chosen.file.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{table(reports)}\n{chosen.file}\n")
    return 0 if all(one.as_promised for one in reports) else 1


def _kills(chosen: argparse.Namespace, folder: Path) -> Iterator[Report]:
    kills = importlib.import_module("tests.faults.kills")
    for encrypted in (False, True):
        yield kills.run(chosen.kills // 2, folder, encrypted=encrypted)
    for wrong in ("--ack-early", "--effect-alone"):
        yield kills.run(100, folder, encrypted=False, wrong=wrong)


def _deliveries(chosen: argparse.Namespace, folder: Path) -> Iterator[Report]:
    deliveries = importlib.import_module("tests.faults.deliveries")
    for encrypted in (False, True):
        yield deliveries.run(max(1, chosen.kills // 5), folder, encrypted=encrypted)
    yield deliveries.run(100, folder, encrypted=False, wrong="--effect-apart")


def _agents(chosen: argparse.Namespace, folder: Path) -> Iterator[Report]:
    agents = importlib.import_module("tests.faults.agents")
    yield agents.run(max(1, chosen.kills // 5), folder)
    yield agents.run(100, folder, wrong="--apart")


def _powercut(chosen: argparse.Namespace, folder: Path) -> Iterator[Report]:
    cuts = importlib.import_module("tests.faults.powercut").Cuts
    seeds = range(chosen.cuts)
    yield cuts(folder / "full").run(seeds)
    yield cuts(folder / "secret", encrypted=True).run(seeds)
    yield cuts(folder / "first").run([0], first_start=True)
    yield cuts(folder / "normal", sync="normal").run([0])
    yield cuts(folder / "off", sync="off").run([0])
    yield cuts(folder / "lies", honest=False).run([0])


def _syscalls(chosen: argparse.Namespace, folder: Path) -> Iterator[Report]:
    syscalls = importlib.import_module("tests.faults.syscalls")
    for when in ("writing", "starting"):
        for encrypted in (False, True):
            yield syscalls.run(folder / f"{when}-{encrypted}", when=when, encrypted=encrypted)
    yield syscalls.run(folder / "early", errors=["ENOSPC"], early=True)


def _syncs(chosen: argparse.Namespace, folder: Path) -> Iterator[Report]:
    syncs = importlib.import_module("tests.faults.syncs")
    for encrypted in (False, True):
        yield syncs.run(folder / f"{encrypted}", encrypted=encrypted)
    yield syncs.run(folder / "early", early=True)


def _full_disk(chosen: argparse.Namespace, folder: Path) -> Iterator[Report]:
    full_disk = importlib.import_module("tests.faults.full_disk")
    yield full_disk.run(folder / "limit", how="limit")
    if full_disk.namespaces():
        for encrypted in (False, True):
            yield full_disk.run(folder / f"tmpfs-{encrypted}", how="tmpfs", encrypted=encrypted)
        yield full_disk.run(folder / "bare", how="tmpfs", ballast_bytes=0)
    else:
        sys.stderr.write("full disk: only with a limit; no user namespaces here\n")


def _flips(chosen: argparse.Namespace, folder: Path) -> Iterator[Report]:
    flips = importlib.import_module("tests.faults.flips")
    amounts = {"pages": 60, "cuts": 60, "headers": 20, "empty files": 1}
    for encrypted in (True, False):
        yield flips.run(folder / f"{encrypted}", {"flips": chosen.flips}, encrypted=encrypted)
        yield flips.run(folder / f"{encrypted}-more", amounts, encrypted=encrypted)
    yield flips.unguarded(folder / "bare", chosen.flips)


def _histories(chosen: argparse.Namespace, folder: Path) -> Iterator[Report]:
    histories = importlib.import_module("tests.faults.histories")
    yield histories.run(chosen.histories)
    yield histories.run(200, tick_s=1e9)
    yield histories.run(200, forgetful=True)


def _reminders(chosen: argparse.Namespace, folder: Path) -> Iterator[Report]:
    reminders = importlib.import_module("tests.faults.reminders")
    for since in ("look", "start"):
        for turn in range(3):
            yield reminders.run(folder / f"{since}-{turn}", range(1, 500), since=since)
    yield reminders.run(folder / "apart", range(1, 12), since="apart")


def _storm(chosen: argparse.Namespace, folder: Path) -> Iterator[Report]:
    storm = importlib.import_module("tests.faults.storm")
    yield asyncio.run(storm.run(chosen.storm))
    for encrypted in (False, True):
        made = storm.durable(folder / f"durable-{encrypted}", chosen.storm, encrypted=encrypted)
        yield asyncio.run(made)
    for length in storm.LENGTHS:
        yield asyncio.run(storm.overrun(folder / f"overrun-{length}", 100_000, length=length))
    yield asyncio.run(storm.run(200_000, bounded=False))
    yield asyncio.run(storm.durable(folder / "no-window", 100_000, windowed=False))
    yield asyncio.run(storm.overrun(folder / "not-counted", 100, counted=False))


def _leaks(chosen: argparse.Namespace, folder: Path) -> Iterator[Report]:
    leaks = importlib.import_module("tests.faults.leaks")
    for what in leaks.MOST_BYTES:
        yield leaks.run(folder / what, what, chosen.events)
    for what, leak_bytes in (("bus", 16), ("durable", 32)):
        yield leaks.run(folder / f"{what}-leaking", what, chosen.events, leak_bytes=leak_bytes)


def _stops(chosen: argparse.Namespace, folder: Path) -> Iterator[Report]:
    stops = importlib.import_module("tests.faults.stops")
    yield asyncio.run(stops.run(folder / "stops", chosen.stops))
    yield asyncio.run(stops.run(folder / "leaking", 3, leak=True))


def _slots(chosen: argparse.Namespace, folder: Path) -> Iterator[Report]:
    slots = importlib.import_module("tests.faults.slots")
    for slot in slots.SLOTS:
        yield asyncio.run(slots.run(folder / slot.replace(" ", "-"), slot))
    blocking = slots.run(folder / "blocking", slots.SLOTS[1], rounds=1, kinds=slots.BLOCK)
    yield asyncio.run(blocking)


SUITES: dict[str, Suite] = {
    "kills": _kills,
    "deliveries": _deliveries,
    "agents": _agents,
    "powercut": _powercut,
    "syscalls": _syscalls,
    "syncs": _syncs,
    "full_disk": _full_disk,
    "flips": _flips,
    "histories": _histories,
    "reminders": _reminders,
    "storm": _storm,
    "leaks": _leaks,
    "stops": _stops,
    "slots": _slots,
}

IN_MEMORY = {"powercut", "syscalls", "syncs", "flips"}
"""They bring a disk of their own, or need none."""


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)  # the store says much when everything fails
    sys.exit(main())
