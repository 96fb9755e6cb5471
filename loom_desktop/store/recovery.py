"""Recovery: whatever lies at the store's path, the application starts, loses little and says so.

| what is there                         | what happens                                           |
| nothing, and no mark beside it        | a new store                                            |
| nothing or an empty file, and a mark  | lost: the newest good snapshot                         |
| it does not open, the key is ours     | damaged: set aside, snapshot, newer rows salvaged      |
| it does not open, the key is not ours | locked: set aside untouched, a new store               |
| written by a newer Loom               | untouched; this run is in memory                       |
| the folder is read-only, the disk full| this run is in memory, with what can still be read     |

The mark (``loom.db.mark``) tells an empty file from a first start, and holds the check value of the
key, which tells a wrong key from a damaged file: SQLite reports both alike.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import apsw
import msgspec

from loom_desktop.clock import Clock
from loom_desktop.errors import LoomError, Unavailable
from loom_desktop.paths import private_folder
from loom_desktop.store import schema, state
from loom_desktop.store.backup import Snapshots, born, remove, stamp
from loom_desktop.store.ballast import Ballast
from loom_desktop.store.columns import packed
from loom_desktop.store.conversations import end_streams
from loom_desktop.store.database import MEMORY, connect, is_encrypted
from loom_desktop.store.failure import DAMAGED
from loom_desktop.store.keys import check_value, sync_folder, write_private
from loom_desktop.store.salvage import salvage

log = logging.getLogger(__name__)

Tell = Callable[[str, str], None]
PAGE_BYTES = 4096
"""SQLite reads a last page that is cut off as it is: without a word, and without its checksum when
the file is encrypted. With a log beside it a write was cut short, and the log has that page."""
MOST_LOADED_BYTES = 64 << 20
"""A store that can only be read is taken into memory up to this size."""


class _Mark(msgspec.Struct):
    check: str
    """Of the key; empty when the store is not encrypted."""
    born: float = 0.0


class Recovery:
    """``open`` never fails because of the file. Everything here runs in the store's thread."""

    def __init__(
        self,
        path: Path,
        key: bytes | None,
        *,
        clock: Clock,
        snapshots: Snapshots,
        ballast: Ballast,
        tell: Tell,
    ) -> None:
        self.path = path
        self._key = key
        self._clock = clock
        self._snapshots = snapshots
        self._ballast = ballast
        self._tell = tell
        self._mark_path = path.with_name(path.name + ".mark")

    def open(self, damaged: bool = False) -> apsw.Connection:
        """The store, or the best that can be had. ``damaged``: the file is known to be."""
        try:
            try:
                return self._open(damaged)
            except (apsw.FullError, apsw.IOError, apsw.CantOpenError, OSError):
                if not self._ballast.drop():
                    raise
                return self._open(damaged)
        except schema.Newer:
            self._tell(
                "Loom's data was written by a newer version of Loom. It is left as it is, and "
                "nothing of this run is saved.",
                "Install the newer version again.",
            )
            return opened_in_memory(self._clock)
        except (apsw.Error, OSError, LoomError) as error:
            log.warning("The store cannot be opened: %r", error)
            return self._without_disk(error)

    def _open(self, damaged: bool) -> apsw.Connection:
        private_folder(self.path.parent)
        if damaged:
            return self._restored("damaged", "corrupt")
        mark = self._mark()
        if not _size(self.path):
            if mark is None:
                return self._new()
            return self._restored("gone", "lost")
        if self._key is not None and not is_encrypted(self.path):
            self._encrypt()
        with contextlib.suppress(*DAMAGED):  # SQLite says so also when the disk failed once
            return self._there(mark)
        try:
            return self._there(mark)
        except DAMAGED as error:
            log.warning("The store does not open: %s", error)
            ours = mark is None or mark.check == self._check()
            return self._restored("damaged", "corrupt") if ours else self._locked()

    def _there(self, mark: _Mark | None) -> apsw.Connection:
        """The file as it is. Raises one of DAMAGED when it is not what it should be."""
        logs = (Path(f"{self.path}{tail}") for tail in ("-wal", "-journal"))
        if _size(self.path) % PAGE_BYTES and not any(map(_size, logs)):
            raise apsw.CorruptError("its last page is not whole")
        connection = connect(self.path, self._key)
        try:
            version = schema.version(connection)
            if 0 < version <= len(schema.STEPS) and not born(connection):
                raise apsw.CorruptError("the first row is not there")
            if version == 0 and mark is not None:
                raise apsw.CorruptError("there are no tables in it")
            return self._ready(connection)
        except BaseException:
            connection.close(True)
            raise

    def _ready(self, connection: apsw.Connection) -> apsw.Connection:
        """Bring it to today's schema and see that it is what it should be."""

        def before(version: int) -> None:
            if self._room_for_copy():
                copy = Snapshots(self._snapshots.folder, self._key).take(connection, self._clock())
                os.replace(copy, copy.with_name(f"before-schema-{version + 1}.db"))

        schema.migrate(connection, before=before, last=lambda one: begin(one, self._clock()))
        end_streams(connection)
        if self._mark() is None:
            if self._key is not None and not is_encrypted(self.path):
                connection.close(True)
                remove(self.path)
                raise Unavailable(
                    "this installation writes it without encryption",
                    hint="Install the package apsw-sqlite3mc and remove the package apsw.",
                )
            sync_folder(self.path.parent)
            self._write_mark()
        return connection

    def _new(self) -> apsw.Connection:
        remove(self.path)  # a log without its database would be taken for its own
        return self._connected()

    def _connected(self) -> apsw.Connection:
        connection = connect(self.path, self._key)
        try:
            return self._ready(connection)
        except BaseException:  # its locks would be in the way of the next try
            connection.close(True)
            raise

    def _restored(self, what: str, suffix: str) -> apsw.Connection:
        """The newest good snapshot in place of the file, with what the file still gives.

        When nothing can take its place it stays there: a disk that fails may come back.
        """
        aside = self._set_aside(suffix)
        try:
            self._mark_path.unlink(missing_ok=True)
            found = self._snapshots.newest_good()
            connection = self._new() if found is None else self._restore(found[1])
        except BaseException:
            if aside is not None:
                self._put_back(aside)
            raise
        saved, failed = self._salvage(aside, connection) if aside else (0, 0)
        then = stamp(found[0]) if found else ""
        self._tell(
            f"Loom's data was {what}. "
            + (f"It was restored from the copy of {then} UTC" if found else "There was no copy")
            + (f"; {saved} newer entries were saved" if saved else "")
            + (", some entries could not be read." if failed or not saved else "."),
            f"The damaged file is kept as {aside.name}." if aside else "There was nothing to keep.",
        )
        return connection

    def _restore(self, snapshot: Path) -> apsw.Connection:
        draft = self.path.with_name(self.path.name + ".restoring")
        _copy(snapshot, draft)
        draft.chmod(0o600)
        with open(draft, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(draft, self.path)
        return self._connected()

    def _locked(self) -> apsw.Connection:
        aside = self._set_aside("locked")
        self._mark_path.unlink(missing_ok=True)
        self._tell(
            "Loom's data is locked with another key than the one there is now. Loom begins anew.",
            f"Your data is kept as {aside.name if aside else 'it was'}: with its key put back it "
            "can be renamed and opened again.",
        )
        if self._snapshots.folder.exists():  # they are locked with that key as well
            target = f"{self._snapshots.folder}.locked.{stamp(self._clock())}"
            os.replace(self._snapshots.folder, target)
        return self._new()

    def _set_aside(self, suffix: str) -> Path | None:
        """Out of the way and nothing destroyed; None when there was nothing."""
        aside = self.path.with_name(f"{self.path.name}.{suffix}.{stamp(self._clock())}")
        number = 1
        while aside.exists():
            number += 1
            aside = aside.with_name(f"{aside.name}.{number}")
        there = _size(self.path) > 0
        for tail in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.replace(f"{self.path}{tail}", f"{aside}{tail}")
        if self._mark_path.exists():
            _copy(self._mark_path, f"{aside}.mark")
        if not there:
            remove(aside)
            aside.with_name(aside.name + ".mark").unlink(missing_ok=True)
            return None
        return aside

    def _put_back(self, aside: Path) -> None:
        remove(self.path)
        for tail in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.replace(f"{aside}{tail}", f"{self.path}{tail}")
        with contextlib.suppress(FileNotFoundError):
            os.replace(f"{aside}.mark", self._mark_path)

    def _salvage(self, aside: Path, target: apsw.Connection) -> tuple[int, int]:
        try:
            source = connect(aside, self._key, only_read=True)
        except (apsw.Error, OSError):
            return 0, 1
        try:
            return salvage(source, target, sealed=self._key is not None)
        finally:
            source.close(True)

    def _encrypt(self) -> None:
        """A store from before encryption was switched on."""
        connection = apsw.Connection(str(self.path))
        try:
            connection.execute("pragma temp_store = memory; pragma secure_delete = on")
            connection.pragma("journal_mode", "delete")
            connection.pragma("rekey", f"raw:{(self._key or b'').hex()}")
        finally:
            connection.close(True)
        self._snapshots.keep_only(None)  # plain copies
        self._write_mark()

    def _without_disk(self, error: Exception) -> apsw.Connection:
        connection = opened_in_memory(self._clock)
        loaded = self._load(connection)
        self._tell(
            f"Loom's data cannot be written ({_reason(error)}). Nothing of this run is saved"
            + (", but what was saved before is shown." if loaded else "."),
            f"Free some space on the disk, or give write permission to {self.path.parent}, and "
            "start Loom again.",
        )
        return connection

    def _load(self, target: apsw.Connection) -> bool:
        """What can be read without writing a byte."""
        try:
            if not 0 < self.path.stat().st_size <= MOST_LOADED_BYTES:
                return False
            log_there = Path(f"{self.path}-wal").exists()
            how = "mode=ro" if log_there else "immutable=1"
            source = apsw.Connection(
                f"file:{quote(str(self.path))}?{how}",
                flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI,
            )
        except (apsw.Error, OSError):
            return False
        try:
            if self._key is not None:
                source.pragma("key", f"raw:{self._key.hex()}")
            return salvage(source, target, sealed=self._key is not None)[0] > 0
        except apsw.Error as error:
            log.warning("The store cannot be read either: %s", error)
            return False
        finally:
            source.close(True)

    def _room_for_copy(self) -> bool:
        return self._ballast.free_bytes() > 2 * self.path.stat().st_size

    def _check(self) -> str:
        return check_value(self._key) if self._key is not None else ""

    def _mark(self) -> _Mark | None:
        try:
            return msgspec.json.decode(self._mark_path.read_bytes()[:4096], type=_Mark)
        except (OSError, msgspec.DecodeError):
            return None

    def _write_mark(self) -> None:
        mark = _Mark(self._check(), self._clock())
        write_private(self._mark_path, msgspec.json.encode(mark))


def opened_in_memory(clock: Clock) -> apsw.Connection:
    """An empty store that is gone when it is closed."""
    connection = connect(MEMORY, None)
    schema.migrate(connection, last=lambda one: begin(one, clock()))
    return connection


def begin(connection: apsw.Connection, now: float) -> None:
    """Write the row that every store has: one without it is damaged."""
    if not born(connection):
        state.put(connection, state.APPLICATION, "born", packed(now), None)


def _copy(source: Path, target: Path | str) -> None:
    import shutil  # a start without trouble does not need it

    shutil.copyfile(source, target)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _reason(error: Exception) -> str:
    if isinstance(error, apsw.FullError):
        return "the disk is full"
    if isinstance(error, apsw.ReadOnlyError):
        return "it is read-only"
    if isinstance(error, LoomError):
        return error.message.rstrip(".")
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return "the disk does not take it"
