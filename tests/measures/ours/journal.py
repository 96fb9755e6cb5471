"""Durable events the whole way, beside SQLite alone in the same process: FOLDER EVENTS LOG.

Each round takes turns between raw SQLite, plain and encrypted, so that all meet the same disk. LOG
is a store that was filled before, or ``fill EVENTS`` fills it.
"""

import asyncio
import json
import sys
from pathlib import Path
from time import perf_counter as now

import apsw

from tests.measures.durable_rig import AHEAD, DurableRig, durable_rig, fill, recover, replay

KEY = bytes(range(32))
TURNS = 3
GROUP = 1_000
BODY = b"x" * 110
"""As long as what the journal writes for an event of the rig."""


class Raw:
    """One table, WAL, FULL, groups of a thousand rows."""

    def __init__(self, path: Path) -> None:
        self.connection = apsw.Connection(str(path))
        self.connection.pragma("journal_mode", "wal")
        self.connection.pragma("synchronous", "full")
        self.connection.execute(
            "create table event(seq integer primary key, topic text, time real, body blob)"
        )

    def run(self, events: int, group: int) -> float:
        """Seconds."""
        rows = [("bench.kept", 1.0, BODY)] * group
        began = now()
        for _ in range(events // group):
            with self.connection:
                self.connection.executemany(
                    "insert into event(topic, time, body) values (?, ?, ?)", rows
                )
        return now() - began


async def rates(folder: Path, events: int) -> dict[str, float]:
    raw = Raw(folder / "raw.db")
    found: dict[str, float] = {}

    def keep(key: str, seconds: float, count: int) -> None:
        found[key] = min(found.get(key, float("inf")), seconds / count * 1e6)

    async def go(name: str, rig: DurableRig) -> None:
        keep(f"{name}_burst_us", await rig.run(events, GROUP), events)
        keep(f"{name}_stream_us", await rig.run(events, GROUP, ahead=AHEAD), events)
        keep(f"{name}_single_us", await rig.run(few, 1), few)

    few = max(20, events // 100)
    async with (
        durable_rig(folder / "plain.db", None) as plain,
        durable_rig(folder / "encrypted.db", KEY) as encrypted,
    ):
        for turn in range(TURNS + 1):
            keep("raw_group_us", raw.run(events, GROUP), events)
            keep("raw_single_us", raw.run(few, 1), few)
            await go("plain", plain)
            await go("encrypted", encrypted)
            if not turn:
                found.clear()  # warm now
    raw.connection.close()
    return found


async def log(path: Path) -> dict[str, float]:
    ready_s, _ = await recover(path, None)
    replay_s, count = await replay(path, None)
    connection, began = apsw.Connection(str(path)), now()
    for _ in connection.execute("select seq, crc, event from event order by seq"):
        pass
    scan_s = now() - began
    connection.close()
    return {
        "ready_ms": ready_s * 1e3,
        "replay_us": replay_s / count * 1e6,
        "scan_us": scan_s / count * 1e6,
    }


async def main() -> None:
    if sys.argv[1] == "fill":
        said = {"seconds": await fill(Path(sys.argv[3]), None, int(sys.argv[2]))}
    else:
        said = await rates(Path(sys.argv[1]), int(sys.argv[2])) | await log(Path(sys.argv[3]))
    sys.stdout.write(json.dumps(said) + "\n")


asyncio.run(main())
