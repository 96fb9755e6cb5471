"""Known files: what was in a watched folder when we looked last, to catch up after a restart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import apsw
from msgspec import Struct

from loom_desktop.store.columns import path_bytes, path_text
from loom_desktop.store.database import Database


class Known(Struct, frozen=True):
    """What is needed to tell whether a file is the same as before."""

    size_bytes: int
    mtime_ns: int


class Files:
    """Paths by folder. File names that are not text survive."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def load(self, folder: str) -> dict[str, Known]:
        """Everything known of this folder, by path."""
        rows: list[Any] = await self._db.read(
            lambda connection: connection.execute(
                "select path, size_bytes, mtime_ns from known_file where folder = ?",
                (path_bytes(folder),),
            ).fetchall()
        )
        return {path_text(path): Known(size, mtime) for path, size, mtime in rows}

    async def add(self, folder: str, files: Mapping[str, Known]) -> None:
        """Remember them, all or none; those known before are changed."""
        rows = _rows(folder, files)
        await self._db.do(lambda connection: _put(connection, rows))

    async def replace(self, folder: str, files: Mapping[str, Known]) -> None:
        """After a full look: these and no others are in the folder."""
        rows = _rows(folder, files)

        def write(connection: apsw.Connection) -> None:
            connection.execute("delete from known_file where folder = ?", (path_bytes(folder),))
            _put(connection, rows)

        await self._db.do(write)

    async def remove(self, paths: Iterable[str]) -> None:
        """Forget them."""
        rows = [(path_bytes(path),) for path in paths]
        await self._db.do(
            lambda connection: connection.executemany("delete from known_file where path = ?", rows)
        )

    async def forget(self, folder: str) -> None:
        """The folder is not watched any more."""
        await self.replace(folder, {})


def _rows(folder: str, files: Mapping[str, Known]) -> list[tuple[Any, ...]]:
    where = path_bytes(folder)
    return [(where, path_bytes(path), one.size_bytes, one.mtime_ns) for path, one in files.items()]


def _put(connection: apsw.Connection, rows: list[tuple[Any, ...]]) -> None:
    connection.executemany(
        """insert into known_file(folder, path, size_bytes, mtime_ns) values (?, ?, ?, ?)
        on conflict (path) do update set folder = excluded.folder,
            size_bytes = excluded.size_bytes, mtime_ns = excluded.mtime_ns""",
        rows,
    )
