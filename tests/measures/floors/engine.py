"""The least that an engine with a store could be: asyncio and a durable SQLite file, one insert."""

import asyncio
import sys
import time

import apsw


async def main() -> None:
    store = apsw.Connection(sys.argv[1])
    store.execute("PRAGMA journal_mode=WAL")
    store.execute("PRAGMA synchronous=FULL")
    store.execute("CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, topic TEXT)")
    store.execute("INSERT INTO events (topic) VALUES ('floor')")
    at = time.monotonic()
    with open("/proc/self/status") as status:
        rss_kb = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    sys.stdout.write(f'{{"at": {at}, "cpu_ms": {time.process_time() * 1e3}, "rss_kb": {rss_kb}}}\n')
    store.close()


asyncio.run(main())
