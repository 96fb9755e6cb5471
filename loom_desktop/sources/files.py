"""Watched folders: says when a download is finished or a file was moved in, and when one is gone.

Publishes ``file.created`` (path, size_bytes, mtime, folder, missed) and ``file.removed`` (path).

A change that the system tells of is only a reason to look: a path is put down, and looked at once
nothing more was said of it for ``settle_s``. What counts is what is there then, compared with what
is known, so events may come double, late, in any order or not at all. When some were lost (queue
overflow, folder gone and back, sleep, Loom not running) everything in the folder is looked at.

Only the folder itself is watched, not what lies below: a folder that is moved in is somebody's
order already. Symbolic links are neither followed nor published. A known file whose content
changes is not a new file; it is published again only when it comes out of a download.
"""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import threading
from collections.abc import Awaitable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from loom_desktop.clock import Clock, monotonic
from loom_desktop.driver.finished import being_written, held_back, sort_of, target_of
from loom_desktop.driver.watched import Watched
from loom_desktop.errors import LoomError
from loom_desktop.sources import Publish, Report

Signature = tuple[int, int]
"""Size in bytes and modification time in ns: what tells whether a file is still the same."""

_FOLDERS_S = 15.0
"""How often we see whether a watched folder is (still, again) there."""
_SCAN_S = 30.0
"""How often a folder is looked through that cannot be watched."""
_HELD_S = 2.0
"""How often a file is looked at that is still being written or downloaded."""
_PASS_S = 0.05
_BATCH = 100
_MOST_DUE = 10_000
"""More paths than this are not kept; the folder is looked through again when these are done."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """[sources.files]"""

    enabled: bool = False
    """Watch folders for new files."""
    folders: tuple[str, ...] = ("~/Downloads",)
    """The folders, without those inside them."""
    settle_s: float = 0.5
    """A new file is left alone until nothing happened to it for so many seconds."""


class Known(Protocol):
    """Remembers, across restarts, which files of a folder were seen already.

    Rows are path to (size in bytes, mtime in ns). All paths are absolute, can be encoded as UTF-8,
    and may contain anything else. One row per folder is the folder itself, ``(0, 0)``: it tells
    an empty folder from one that was never seen.
    """

    async def load(self, folder: str) -> dict[str, Signature]:
        """Every row of the folder; none when it was never seen."""

    async def remember(self, folder: str, rows: Mapping[str, Signature]) -> None:
        """Add or replace rows."""

    async def forget(self, folder: str, paths: Collection[str]) -> None:
        """Remove rows; those that are not there are no error."""


class _Forgetful:
    """For use without a store: after a restart every folder is new again."""

    async def load(self, folder: str) -> dict[str, Signature]:
        return {}

    async def remember(self, folder: str, rows: Mapping[str, Signature]) -> None:
        pass

    async def forget(self, folder: str, paths: Collection[str]) -> None:
        pass


@dataclass(slots=True)
class _Folder:
    path: str
    """Without symbolic links: the kernel watches the folder, not a link to it."""
    identity: tuple[int, int] | None = None
    """Device and inode of what is watched now; None when the folder is not there."""
    watched: bool = False
    known: dict[str, Signature] | None = None
    partials: set[str] = field(default_factory=set)
    """Names of downloads under way."""
    lost: bool = False
    missed: bool = False
    """What the next look through finds appeared while nobody watched."""
    scan_at: float = 0.0
    problem: str = ""
    fix: str = ""


@dataclass(slots=True)
class _Look:
    """A path that is to be looked at."""

    folder: _Folder
    path: str
    at: float
    since: float
    missed: bool = False
    renamed: bool = False
    """It is a known file under a new name."""
    download: bool = False
    """It comes out of a partial file, so it is new even where the name is known."""
    last: Signature | None = None
    """What it was when looked at before, where only standing still tells that it is finished."""


_Seen = tuple[_Look, os.stat_result | None]


class Files:
    """Watched folders. Everything but ``run`` may be called from any thread."""

    origin = "file"

    def __init__(
        self, settings: Settings, *, known: Known | None = None, clock: Clock = monotonic
    ) -> None:
        self._settings = settings
        self._store: Known = known if known is not None else _Forgetful()
        self._clock = clock
        self._lock = threading.Lock()
        self._due: dict[str, _Look] = {}
        self._folders: dict[str, _Folder] = {}
        self._problems: dict[str, tuple[str, str]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bell = asyncio.Event()
        self._wake_at = 0.0
        self._folders_at = 0.0
        self._unnameable: set[bytes] = set()
        self._published = self._overflows = 0
        self._trouble = ""

    async def run(self, publish: Publish) -> None:
        """Publish until cancelled. A folder that is missing is waited for."""
        self._loop = asyncio.get_running_loop()
        self._bell.clear()
        self._folders_at = 0.0
        watched = Watched(self._changed, self._overflowed, self._gone)
        try:
            while True:
                if self._clock() >= self._folders_at:
                    await self._tend(watched)
                for folder in list(self._folders.values()):
                    if folder.lost and folder.identity:
                        await self._look_through(folder)
                await self._look(publish)
                await self._wait()
        finally:
            self._loop = None
            await asyncio.to_thread(watched.close)
            with self._lock:
                self._due.clear()
                self._folders.clear()

    def rescan(self) -> None:
        """Look through all folders: after sleep, or when anything else may have been missed."""
        for folder in list(self._folders.values()):
            folder.lost = folder.missed = True
        self._folders_at = 0.0
        self._ring()

    def change(self, settings: Settings) -> None:
        """From now on these settings."""
        self._settings = settings
        self._folders_at = 0.0
        self._ring()

    def report(self) -> Report:
        """Which folders are watched, and what keeps the others from it."""
        if not self._settings.enabled:
            return Report(
                False,
                detail="No folder is watched.",
                fix="Switch watched folders on in the settings.",
            )
        folders = list(self._folders.values())
        bad = {f.path: (f.problem, f.fix) for f in folders if f.problem} | self._problems
        good = [f.path for f in folders if f.identity and not f.problem]
        detail = [f"Watching {', '.join(good)}."] if good else []
        detail += [problem for problem, _ in bad.values()]
        if self._unnameable:
            detail.append(
                f"{len(self._unnameable)} files are left alone: their names are not UTF-8."
            )
        if self._trouble:
            detail.append(self._trouble)
        return Report(
            working=bool(good) and not bad,
            driver="watchdog" if any(f.watched for f in folders) else "scan" if good else "",
            detail=" ".join(detail) or "The folders are not watched yet.",
            fix=" ".join(dict.fromkeys(fix for _, fix in bad.values() if fix)),
            facts={
                "folders": good,
                "published": self._published,
                "waiting": len(self._due),
                "overflows": self._overflows,
                "names_not_utf8": len(self._unnameable),
            },
        )

    # what the watched folders tell, in their thread

    def _changed(self, where: str, path: str, came_from: str) -> None:
        folder = self._folders.get(where)
        if folder is None:
            return
        known = folder.known or {}
        self._touch(
            folder,
            path,
            renamed=came_from in known,
            download=bool(came_from) and sort_of(os.path.basename(came_from)) == "partial",
        )

    def _overflowed(self) -> None:
        self._overflows += 1
        for folder in list(self._folders.values()):
            folder.lost = True
        self._ring()

    def _gone(self, where: str) -> None:
        self._folders_at = 0.0
        self._ring()

    def _touch(
        self,
        folder: _Folder,
        path: str,
        *,
        missed: bool = False,
        renamed: bool = False,
        download: bool = False,
    ) -> None:
        """Look at this path when nothing more happened to it for a while."""
        head, name = os.path.split(path)
        sort = sort_of(name)
        if head != folder.path or sort == "ignored" or not self._nameable(path):
            return
        now = self._clock()
        with self._lock:
            if sort == "partial":
                folder.partials.add(name)
            look = self._due.get(path)
            if look is None:
                if len(self._due) >= _MOST_DUE:
                    folder.lost = True
                    return
                look = self._due[path] = _Look(folder, path, now, now)
            look.at = now + self._settings.settle_s
            look.missed |= missed
            look.renamed |= renamed
            look.download |= download
            if ring := look.at < self._wake_at:
                self._wake_at = look.at
        if ring:
            self._ring()

    def _nameable(self, path: str) -> bool:
        """What travels on the bus and lies in the store must be text."""
        try:
            path.encode()
        except UnicodeEncodeError:
            if len(self._unnameable) < 1000:
                self._unnameable.add(os.fsencode(path))
            return False
        return True

    def _ring(self) -> None:
        if (loop := self._loop) is not None:
            loop.call_soon_threadsafe(self._bell.set)

    # which folders there are

    async def _tend(self, watched: Watched) -> None:
        """Begin, renew and end watching, as settings and disks say now."""
        self._folders_at = self._clock() + _FOLDERS_S
        settings = self._settings
        asked = settings.folders if settings.enabled else ()
        there = await asyncio.to_thread(_identities, asked)
        self._problems = {}
        wanted = set()
        for path, identity in there.items():
            wanted.add(path)
            folder = self._folders.setdefault(path, _Folder(path))
            if isinstance(identity, str):
                if folder.identity is not None:
                    await asyncio.to_thread(watched.forget, path)
                folder.identity, folder.watched, folder.problem = None, False, identity
                folder.fix = "Make the folder, connect its disk, or choose another in the settings."
            elif folder.identity != identity:
                await self._begin(watched, folder, identity)
            elif folder.problem and self._clock() >= folder.scan_at:
                await self._begin(watched, folder, identity)  # perhaps it can be watched now
        for path in [path for path in self._folders if path not in wanted]:
            await asyncio.to_thread(watched.forget, path)
            del self._folders[path]
            with self._lock:
                self._due = {p: look for p, look in self._due.items() if look.folder.path != path}

    async def _begin(self, watched: Watched, folder: _Folder, identity: tuple[int, int]) -> None:
        folder.problem = folder.fix = ""
        try:
            await asyncio.to_thread(watched.watch, folder.path)
            folder.watched = True
        except OSError as error:
            folder.watched = False
            folder.problem, folder.fix = _unwatchable(folder.path, error)
        folder.scan_at = self._clock() + _SCAN_S
        # Watched first and looked through after: what comes in between is found by both.
        folder.missed |= folder.identity != identity
        folder.identity, folder.lost = identity, True

    # what is in them

    async def _look_through(self, folder: _Folder) -> None:
        """Put down every file that is not as it is known, and every known one that is gone."""
        with self._lock:
            if len(self._due) >= _MOST_DUE:
                return  # these first
            folder.lost, missed, folder.missed = False, folder.missed, False
        fresh = False
        if folder.known is None:
            rows = await self._load(folder)
            fresh = not rows
            rows.pop(folder.path, None)
        else:
            rows = folder.known
        try:
            found, partials = await asyncio.to_thread(_entries, folder.path)
        except OSError as error:
            folder.known = folder.known or (None if fresh else rows)
            folder.problem = f"{folder.path} cannot be read: {error.strerror}."
            folder.fix = "Check who may read the folder."
            return
        with self._lock:
            folder.partials = partials
        if fresh:
            found = {path: found[path] for path in found if self._nameable(path)}
            await self._remember(folder, {folder.path: (0, 0)} | found)
            folder.known = found
            return
        folder.known = rows
        for path, signature in found.items():
            if rows.get(path) != signature and path not in self._due:
                self._touch(folder, path, missed=missed)
        for path in rows.keys() - found.keys():
            self._touch(folder, path)

    async def _look(self, publish: Publish) -> None:
        """Look at all that is due, a batch at a time so that nobody waits for a storm."""
        now = self._clock()
        with self._lock:
            ripe = [look for look in self._due.values() if look.at <= now]
            # downloads under way first: they decide about what lies beside them
            ripe.sort(key=lambda look: (sort_of(os.path.basename(look.path)) == "file", look.at))
        for start in range(0, len(ripe), _BATCH):
            batch = []
            with self._lock:
                for look in ripe[start : start + _BATCH]:
                    if look.at <= now and self._due.get(look.path) is look:
                        del self._due[look.path]
                        batch.append(look)
                partials = {f.path: frozenset(f.partials) for f in self._folders.values()}
            seen = await asyncio.to_thread(self._look_at, batch, partials)
            await self._tell(publish, seen)

    def _look_at(self, batch: list[_Look], partials: Mapping[str, frozenset[str]]) -> list[_Seen]:
        """In a thread: the finished and the vanished ones; the others are put down again."""
        away = {
            path
            for path in {look.folder.path for look in batch}
            if (path not in self._folders) or _identity(path) != self._folders[path].identity
        }
        if away:  # what is missing because the whole disk is, was not removed
            self._gone("")
        seen: list[_Seen] = []
        for look in batch:
            if look.folder.path in away:
                continue
            try:
                found = os.lstat(look.path)
            except (FileNotFoundError, NotADirectoryError):
                seen.append((look, None))
                continue
            except OSError:
                continue  # a disk that fails, a name too long: nothing to propose
            if not stat.S_ISREG(found.st_mode):
                continue
            if wait_s := self._unfinished(look, found, partials.get(look.folder.path, frozenset())):
                self._again(look, wait_s)
            else:
                seen.append((look, found))
        return seen

    def _unfinished(self, look: _Look, found: os.stat_result, partials: Collection[str]) -> float:
        """Seconds until it should be looked at again; 0 when it is finished."""
        name = os.path.basename(look.path)
        if sort_of(name) == "partial":
            return 0.0
        if held_back(name, found.st_size, partials):
            return _HELD_S
        settle_s, signature = self._settings.settle_s, _signature(found)
        if found.st_size == 0 and self._clock() - look.since < 4 * settle_s:
            return settle_s  # browsers make the empty file before the partial one beside it
        writing = being_written(look.path)
        if writing:
            return max(settle_s, min(_HELD_S, self._clock() - look.since))
        if writing is None and look.last != signature:
            look.last = signature
            return settle_s
        return 0.0

    def _again(self, look: _Look, wait_s: float) -> None:
        look.at = self._clock() + wait_s
        with self._lock:
            newer = self._due.setdefault(look.path, look)
            if newer is not look:
                newer.missed |= look.missed
                newer.renamed |= look.renamed
                newer.download |= look.download
                newer.since = look.since

    async def _tell(self, publish: Publish, seen: list[_Seen]) -> None:
        rows: dict[str, dict[str, Signature]] = {}
        gone: dict[str, list[str]] = {}
        for look, found in seen:
            folder, path, name = look.folder, look.path, os.path.basename(look.path)
            if folder.known is None:
                folder.lost = True
                continue
            if sort_of(name) == "partial":
                if found is None:
                    with self._lock:
                        folder.partials.discard(name)
                    self._touch(folder, os.path.join(folder.path, target_of(name)), download=True)
                continue
            before = folder.known.get(path)
            if found is None:
                if before is not None:
                    del folder.known[path]
                    gone.setdefault(folder.path, []).append(path)
                    publish("file.removed", path=path)
                continue
            signature = _signature(found)
            if signature == before:
                continue
            folder.known[path] = signature
            rows.setdefault(folder.path, {})[path] = signature
            if not _is_new(look, before):
                continue
            self._published += 1
            publish(
                "file.created",
                path=path,
                size_bytes=found.st_size,
                mtime=found.st_mtime,
                folder=folder.path,
                missed=look.missed,
            )
        # Published first: after a crash in between a file is told of twice, not never.
        for where, changed in rows.items():
            await self._remember(self._folders.get(where, _Folder(where)), changed)
        for where, paths in gone.items():
            await self._keep(self._store.forget(where, paths))
        await asyncio.sleep(0)

    async def _wait(self) -> None:
        """Until something is due, or somebody rings."""
        now = self._clock()
        with self._lock:
            ats = [look.at for look in self._due.values()]
            if any(folder.lost and folder.identity for folder in self._folders.values()):
                ats.append(now)
            self._wake_at = min([*ats, self._folders_at])
            pause = max(self._wake_at - now, _PASS_S)
        try:
            async with asyncio.timeout(pause):
                await self._bell.wait()
        except TimeoutError:
            pass
        self._bell.clear()

    # the store, which may be full or gone without stopping us

    async def _load(self, folder: _Folder) -> dict[str, Signature]:
        try:
            return dict(await self._store.load(folder.path))
        except LoomError as error:
            self._trouble = error.message
            return {}

    async def _remember(self, folder: _Folder, rows: Mapping[str, Signature]) -> None:
        everything = list(rows.items())
        for start in range(0, len(everything), 1000):
            await self._keep(
                self._store.remember(folder.path, dict(everything[start : start + 1000]))
            )

    async def _keep(self, work: Awaitable[None]) -> None:
        try:
            await work
        except LoomError as error:
            self._trouble = error.message
        else:
            self._trouble = ""


def _is_new(look: _Look, before: Signature | None) -> bool:
    """Whether a finished file that is not as it was known is one that nobody was told of."""
    if before is None:
        return not look.renamed
    was_empty = before[0] == 0
    return was_empty or look.download


def _signature(found: os.stat_result) -> Signature:
    return found.st_size, found.st_mtime_ns


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISDIR(found.st_mode) else None


def _identities(asked: Iterable[str]) -> dict[str, tuple[int, int] | str]:
    """Real path of each folder to what it is now, or to a sentence about why it is none."""
    there: dict[str, tuple[int, int] | str] = {}
    for one in asked:
        path = _real(one)
        try:
            path.encode()
        except UnicodeEncodeError:
            path = os.fsencode(path).decode(errors="replace")
            there[path] = f"The name of {path} is not UTF-8."
            continue
        there[path] = _identity(path) or (
            f"{path} is not a folder." if os.path.exists(path) else f"{path} is not there."
        )
    return there


def _real(folder: str) -> str:
    path = os.path.expanduser(folder)
    if folder == "~/Downloads" and not os.path.isdir(path):
        import platformdirs  # the person's language may have another name for it

        path = platformdirs.user_downloads_dir()
    return os.path.realpath(path)


def _entries(folder: str) -> tuple[dict[str, Signature], set[str]]:
    """The files of a folder that may matter, and the names of downloads under way."""
    found: dict[str, Signature] = {}
    partials: set[str] = set()
    with os.scandir(folder) as entries:
        for entry in entries:
            sort = sort_of(entry.name)
            if sort == "ignored" or not entry.is_file(follow_symlinks=False):
                continue
            if sort == "partial":
                partials.add(entry.name)
                continue
            try:
                found[entry.path] = _signature(entry.stat(follow_symlinks=False))
            except OSError:
                continue  # gone since
    return found, partials


def _unwatchable(path: str, error: OSError) -> tuple[str, str]:
    """What happened and what to do. Until then the folder is looked through now and then."""
    instead = f"{path} is looked through every {_SCAN_S:g} s instead."
    if error.errno in (errno.ENOSPC, errno.EMFILE):
        name = "max_user_watches" if error.errno == errno.ENOSPC else "max_user_instances"
        return (
            f"The system's limit of watched folders (fs.inotify.{name}) is reached. {instead}",
            f"Raise it: sudo sysctl fs.inotify.{name}=524288"
            if name == "max_user_watches"
            else f"Raise it: sudo sysctl fs.inotify.{name}=1024",
        )
    return (
        f"{path} cannot be watched: {error.strerror or error}. {instead}",
        "Check that the disk works and who may read the folder.",
    )


source = Files
