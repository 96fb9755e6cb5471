"""Snapshots: whole copies of the store under the same key, checked, and few of them.

Three of the last hours, three of the last days, two of the last weeks. After a forget the old ones
go: what was forgotten is in no copy. A copy that the person asked for is theirs, and stays.

What a restore makes stands beside those and displaces none: what there was before, the newest five,
and a snapshot of what came in its place, the newest one.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

import apsw

from loom_desktop.errors import NotFound, Unavailable, UsageError
from loom_desktop.paths import private_folder
from loom_desktop.store import schema
from loom_desktop.store.database import connect, is_encrypted
from loom_desktop.store.keys import sync_folder

log = logging.getLogger(__name__)

HOURLY, DAILY, WEEKLY = 3, 3, 2
SET_ASIDE = 5
"""How many of what there was before a restore are kept."""
_PAGES = 200
_FORMAT = "%Y%m%dT%H%M%S"
_PART = ".loom.part"
_SNAPSHOT, _RESTORED, _BEFORE = "loom.", "restored-", "before-restore-"


class Copy(NamedTuple):
    """A whole copy of the store."""

    path: Path
    kind: Literal["snapshot", "before-restore"]
    """Taken by itself, or because another copy took its place."""
    time: float
    """When it was taken: seconds since 1970."""
    size_bytes: int


def stamp(time: float) -> str:
    """A moment as part of a file name, in UTC."""
    return datetime.fromtimestamp(max(time, 0.0), UTC).strftime(_FORMAT)


def worth_keeping(times: Iterable[float]) -> set[float]:
    """The newest three, the last one of each of three days before that, and of two weeks before.

    Days and weeks without a snapshot do not count.
    """
    newest_first = sorted(times, reverse=True)
    keep = set(newest_first[:HOURLY])
    for count, period in ((DAILY, _day), (WEEKLY, _week)):
        last_of: dict[object, float] = {}
        for time in newest_first:
            last_of.setdefault(period(time), time)
        keep.update([*last_of.values()][1 : count + 1])
    return keep


class Snapshots:
    """The copies in one folder. Blocking: call from a thread."""

    def __init__(self, folder: Path, key: bytes | None) -> None:
        self.folder = folder
        self._key = key

    def times(self) -> dict[float, Path]:
        """Those there are, by when they were taken; the newest first."""
        found = self._named(_SNAPSHOT) | self._named(_RESTORED)
        return dict(sorted(found.items(), reverse=True))

    def copies(self) -> list[Copy]:
        """Those, and what there was before a restore; the newest first."""
        found: list[Copy] = []
        kinds: tuple[tuple[dict[float, Path], Literal["snapshot", "before-restore"]], ...] = (
            (self.times(), "snapshot"),
            (self._named(_BEFORE), "before-restore"),
        )
        for there, kind in kinds:
            for time, path in there.items():
                with contextlib.suppress(OSError):  # it was rotated away meanwhile
                    found.append(Copy(path, kind, time, path.stat().st_size))
        return sorted(found, key=lambda one: -one.time)

    def _named(self, prefix: str) -> dict[float, Path]:
        """By time; those of one second are told apart by a number, and are a millisecond apart."""
        found: dict[float, Path] = {}
        with contextlib.suppress(OSError):
            for path in self.folder.glob(f"{prefix}*.db"):
                with contextlib.suppress(ValueError):
                    said, _, number = path.name[len(prefix) : -3].partition(".")
                    when = datetime.strptime(said, _FORMAT).replace(tzinfo=UTC).timestamp()
                    found[when + int(number or 0) / 1_000] = path
        return dict(sorted(found.items(), reverse=True))

    def _free(self, prefix: str, time: float, there: Iterable[float]) -> Path:
        """A name that is not there, and newer than all those of the same second."""
        second = float(int(max(time, 0.0)))
        same = [round((one - second) * 1_000) for one in there if second <= one < second + 1]
        number = f".{max(same) + 1}" if same else ""
        return self.folder / f"{prefix}{stamp(time)}{number}.db"

    def take(
        self,
        source: apsw.Connection,
        time: float,
        *,
        stopping: Callable[[], bool] = lambda: False,
    ) -> Path:
        """Copy what the connection sees, check the copy, and only then give it its name.

        Raises apsw.Error or OSError, and then leaves nothing behind.
        """
        private_folder(self.folder)
        path = self.folder / f"{_SNAPSHOT}{stamp(time)}.db"
        self.copy(source, path, stopping=stopping)
        return path

    def take_restored(
        self,
        source: apsw.Connection,
        time: float,
        *,
        stopping: Callable[[], bool] = lambda: False,
    ) -> Path:
        """The same after a restore: the newest of all, and no other gives way to it."""
        return self._take_under(_RESTORED, self.times(), source, time, stopping)

    def set_aside(
        self,
        source: apsw.Connection,
        time: float,
        *,
        stopping: Callable[[], bool] = lambda: False,
    ) -> Path:
        """The same before a restore. Nothing is let go: that is for when the restore went well."""
        return self._take_under(_BEFORE, self._named(_BEFORE), source, time, stopping)

    def _take_under(
        self,
        prefix: str,
        there: Iterable[float],
        source: apsw.Connection,
        time: float,
        stopping: Callable[[], bool],
    ) -> Path:
        private_folder(self.folder)
        path = self._free(prefix, time, there)
        self.copy(source, path, stopping=stopping)
        return path

    def let_go(self, source: Path) -> None:
        """After a restore from ``source``: of what was set aside the newest stay, and that one."""
        for path in [*self._named(_BEFORE).values()][SET_ASIDE:]:
            with contextlib.suppress(OSError):  # the restore went well in any case
                if not (source.exists() and path.samefile(source)):
                    remove(path)

    def copy(
        self,
        source: apsw.Connection,
        path: Path,
        *,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """The same under any name; what is there under it gives way to a copy that is checked."""
        # beside it, under a name that nobody else gives: what the person keeps there is not ours
        draft = path.with_name(f".{path.name}{_mine()}")
        try:
            remove(draft)
            target = connect(draft, self._key)
            try:
                target.pragma("journal_mode", "memory")
                target.execute("pragma synchronous = off")  # it is synced as a whole
                with target.backup("main", source, "main") as copy:
                    while not copy.done:
                        if stopping():
                            raise apsw.InterruptError("closing")
                        copy.step(_PAGES)
                target.pragma("journal_mode", "delete")  # one file, without a log beside it
            finally:
                target.close(True)
            if not self.good(draft):
                raise apsw.CorruptError("the copy is not readable")
            with open(draft, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(draft, path)
            sync_folder(path.parent)
        finally:
            remove(draft)

    def good(self, path: Path) -> bool:
        """Whether it can be read with our key and every page of it is sound."""
        try:
            connection = connect(path, self._key, only_read=True)
        except (apsw.Error, OSError):
            return False
        try:
            return connection.pragma("quick_check") == "ok" and bool(born(connection))
        except (apsw.Error, UnicodeDecodeError):
            return False
        finally:
            connection.close(True)

    def newest_good(self) -> tuple[float, Path] | None:
        """What to restore from."""
        for time, path in self.times().items():
            if self.good(path):
                return time, path
            log.warning("The snapshot %s is not good", path.name)
        return None

    def rotate(self) -> None:
        """Remove those that are not worth keeping.

        Of those after a restore the newest stays while anything older does: what there was before
        the restore must not be what damage brings back.
        """
        there = self._named(_SNAPSHOT)
        worth = worth_keeping(there)
        for time in there.keys() - worth:
            remove(there[time])
        for index, (time, path) in enumerate(self._named(_RESTORED).items()):
            if index or (worth and time < min(worth)):
                remove(path)

    def keep_only(self, path: Path | None) -> None:
        """Remove all others: something was forgotten."""
        for other in self.times().values():
            if other != path:
                remove(other)

    def remove_parts(self) -> None:
        """Copies that were begun here by a process that was killed."""
        for part in self.folder.glob(f".*{_PART}"):
            if not part.name.endswith(_mine()):  # that one is being written
                remove(part)


def born(connection: apsw.Connection) -> object:
    """The row that every store has from its first moment: without it a file is empty, not new."""
    return connection.execute("select value from state where agent = '' and key = 'born'").get


def copy_to(
    snapshots: Snapshots,
    source: apsw.Connection,
    to: Path,
    *,
    stopping: Callable[[], bool] = lambda: False,
) -> Path:
    """A copy where the person wants it.

    Raises UsageError when something is there already, NotFound when there is no such folder.
    """
    try:
        os.close(os.open(to, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))  # the name is ours now
    except FileExistsError:
        if to.is_dir():
            raise UsageError(
                f"{to} is a folder.", hint=f"Name the file in it, such as {to / 'loom.db'}."
            ) from None
        raise UsageError(
            f"There is already something at {to}.", hint="Give a name that is not there yet."
        ) from None
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(
            f"There is no folder {to.parent}.", hint="Make it first, or name one that is there."
        ) from None
    except PermissionError:
        raise Unavailable(
            f"Nothing can be written in {to.parent}.",
            hint="Name another folder, or change the permissions of this one.",
        ) from None
    try:
        snapshots.copy(source, to, stopping=stopping)
    except BaseException:
        to.unlink(missing_ok=True)
        raise
    return to


def fetch(path: Path, draft: Path, key: bytes | None) -> None:
    """Copy what the person wants back to ``draft`` and see that it is a store of ours, whole.

    The file itself is only read. Raises LoomError, and then leaves no draft behind.
    """
    import shutil  # a start without trouble does not need it

    remove(draft)
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        shutil.copyfile(path, draft)
        if reason := _refusal(draft, key):
            raise UsageError(f"{path} was not restored: {reason}", hint="Nothing was changed.")
        with open(draft, "rb+") as file:
            os.fsync(file.fileno())
    except FileNotFoundError as error:
        remove(draft)
        raise NotFound(f"There is no file {path}.", hint="See: loom restore --list") from error
    except OSError as error:
        remove(draft)
        raise Unavailable(
            f"{path} was not restored: {error.strerror or error}.", hint="Nothing was changed."
        ) from error
    except BaseException:
        remove(draft)
        raise


def _refusal(draft: Path, key: bytes | None) -> str:
    """Why this cannot be the store; empty when it can."""
    if not draft.stat().st_size:
        return "it is empty."
    if is_encrypted(draft) != (key is not None):
        return "it is not encrypted." if key is not None else "it is encrypted, or no copy at all."
    connection = connect(draft, key, only_read=True)
    try:
        version = schema.version(connection)
        if version > len(schema.STEPS):
            return "a newer version of Loom wrote it."
        if connection.pragma("quick_check") != "ok":
            return "it is damaged."
        if not version or not born(connection):
            return "it holds no data of Loom."
    except apsw.NotADBError:
        return "it was made with another key, or it is damaged."
    except (apsw.Error, UnicodeDecodeError):
        return "it is damaged."
    finally:
        connection.close(True)
    return ""


def _mine() -> str:
    """How the names end of what this process is copying."""
    return f".{os.getpid()}{_PART}"


def remove(path: Path) -> None:
    """The file and what SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def _day(time: float) -> object:
    return datetime.fromtimestamp(time, UTC).date()


def _week(time: float) -> object:
    return datetime.fromtimestamp(time, UTC).isocalendar()[:2]
