"""The engine as anybody starts it from Python, in a folder of its own; says when it is ready."""

import asyncio
import sys
import time
from pathlib import Path

from loom_desktop import Loom
from loom_desktop.paths import Paths
from loom_desktop.settings import Settings


async def main() -> None:
    home = Path(sys.argv[1])
    imported = time.monotonic()
    here = Paths(home, home / "data", home / "cache", home / "logs", home)
    async with Loom(Settings(), paths=here, key=bytes(range(32)), listening=True):
        at, cpu_ms = time.monotonic(), time.process_time() * 1e3
        with open("/proc/self/status") as status:
            rss_kb = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
        sys.stdout.write(
            f'{{"at": {at}, "cpu_ms": {cpu_ms}, "rss_kb": {rss_kb}, '
            f'"open_ms": {(at - imported) * 1e3}, "modules": {len(sys.modules)}}}\n'
        )


asyncio.run(main())
