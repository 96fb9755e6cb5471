"""How long asking the keyring for the store's key takes, where there is none that keeps secrets."""

import asyncio
import sys
import time

from loom_desktop.store.keys import NoKeyring, ask_keyring


async def main() -> None:
    began = time.monotonic()
    try:
        await ask_keyring("get", "loom-bench", timeout_s=10.0)
    except NoKeyring:
        sys.stdout.write(f'{{"ask_ms": {(time.monotonic() - began) * 1e3}}}\n')


asyncio.run(main())
