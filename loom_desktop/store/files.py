"""Known files: what was in a watched folder when we looked last, to catch up after a restart."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import apsw

from loom_desktop.store.columns import path_bytes, path_text
from loom_desktop.store.database import Database

Signature = tuple[int, int]
"""Size in bytes and modification time in ns: what tells whether a file is still the same."""


class Files:
    """Paths by folder. File names that are not text survive; a path may be in two folders."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def load(self, folder: str) -> dict[str, Signature]:
        """Everything known of this folder, by path."""
        rows: list[Any] = await self._db.read(
            lambda connection: connection.execute(
                "select path, size_bytes, mtime_ns from known_file where folder = ?",
                (path_bytes(folder),),
            ).fetchall()
        )
        return {path_text(path): (size, mtime) for path, size, mtime in rows}

    async def remember(self, folder: str, rows: Mapping[str, Signature]) -> None:
        """Add them, all or none; those known before are changed."""
        where = path_bytes(folder)
        values = [(where, path_bytes(path), size, mtime) for path, (size, mtime) in rows.items()]
        await self._db.do(
            lambda connection: connection.executemany(
                """insert into known_file(folder, path, size_bytes, mtime_ns) values (?, ?, ?, ?)
                on conflict (folder, path) do update set size_bytes = excluded.size_bytes,
                    mtime_ns = excluded.mtime_ns""",
                values,
            )
        )

    async def forget(self, folder: str, paths: Collection[str]) -> None:
        """Remove rows; those that are not there are no error."""
        where = path_bytes(folder)
        values = [(where, path_bytes(path)) for path in paths]
        await self._db.do(
            lambda connection: connection.executemany(
                "delete from known_file where folder = ? and path = ?", values
            )
        )

    async def forget_folder(self, folder: str) -> int:
        """It is not watched any more. Returns how many were known."""

        def write(connection: apsw.Connection) -> int:
            connection.execute("delete from known_file where folder = ?", (path_bytes(folder),))
            return connection.changes()

        return await self._db.do(write)
