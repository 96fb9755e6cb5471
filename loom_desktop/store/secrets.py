"""Secrets: what loom.toml names as ``keyring:NAME``. In the keyring, else in the encrypted store.

The keyring cannot say what it holds, so the names are kept in the store. A secret that somebody put
into the keyring by hand, under the service ``loom-desktop``, is found as well.
"""

from __future__ import annotations

import contextlib
import logging
import re
from typing import Any

import apsw

from loom_desktop.errors import NotFound, TimedOut, Unavailable, UsageError
from loom_desktop.store.database import Database
from loom_desktop.store.keys import NoKeyring, ask_keyring

log = logging.getLogger(__name__)

MOST_BYTES = 64 << 10
_name = re.compile(r"[\w.@/+-]{1,100}")


class Secrets:
    """Names and values. A value is never logged, and never in an error."""

    def __init__(
        self, database: Database, *, use_keyring: bool = True, keyring_timeout_s: float = 5.0
    ) -> None:
        self._db = database
        self._use_keyring = use_keyring
        self._timeout_s = keyring_timeout_s

    async def set(self, name: str, value: str) -> str:
        """Keep it, and say where: ``keyring`` or ``store``. Raises UsageError."""
        _check(name)
        if not value or len(value.encode("utf-8", "replace")) > MOST_BYTES:
            raise UsageError("A secret has between 1 and 65,536 bytes.", hint="Copy it once more.")
        place = "keyring" if await self._into_keyring(name, value) else "store"
        kept = "" if place == "keyring" else value
        await self._db.do(
            lambda connection: connection.execute(
                """insert into secret(name, place, value) values (?, ?, ?)
                on conflict (name) do update set place = excluded.place, value = excluded.value""",
                (name, place, kept),
            )
        )
        return place

    async def get(self, name: str) -> str:
        """The value. Raises NotFound, and Unavailable or TimedOut when the keyring is locked."""
        row: Any = await self._db.read(
            lambda connection: connection.execute(
                "select place, value from secret where name = ?", (name,)
            ).fetchone()
        )
        if row is not None and row[0] == "store":
            return str(row[1])
        if self._use_keyring:
            try:
                value = await ask_keyring("get", name, timeout_s=self._timeout_s)
            except NoKeyring:
                value = None
            if value is not None:
                return value
        if row is not None:
            raise Unavailable(
                f"The secret {name} is in a keyring that does not have it now.",
                hint=f"Unlock the keyring, or say it again: loom secrets set {name}",
            )
        names = await self.list()
        raise NotFound(
            f"There is no secret {name}. There are: {', '.join(names) or 'none'}.",
            hint=f"loom secrets set {name}",
        )

    async def list(self) -> list[str]:
        """The names, in order."""
        rows: Any = await self._db.read(
            lambda connection: connection.execute(
                "select name from secret order by name"
            ).fetchall()
        )
        return [name for (name,) in rows]

    async def remove(self, name: str) -> bool:
        """Remove it here and in the keyring. Whether there was one."""
        in_keyring = False
        if self._use_keyring:
            with contextlib.suppress(NoKeyring):
                there = await ask_keyring("delete", name, timeout_s=self._timeout_s)
                in_keyring = there is not None

        def write(connection: apsw.Connection) -> bool:
            connection.execute("delete from secret where name = ?", (name,))
            return connection.changes() > 0

        return await self._db.erase(write) or in_keyring

    async def _into_keyring(self, name: str, value: str) -> bool:
        if not self._use_keyring:
            return False

        try:
            return await ask_keyring("keep", name, value, timeout_s=self._timeout_s) == value
        except (NoKeyring, TimedOut, Unavailable) as error:
            log.info("The secret %s goes into the store: %s", name, error)
            return False


def _check(name: str) -> None:
    if not _name.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name for a secret.",
            hint="Letters, digits and . _ - @ / + are allowed, 100 at most.",
        )
