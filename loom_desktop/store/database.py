"""Database: one SQLite file, one thread that writes it, commits in groups that cost one fsync.

What is awaited from ``do`` is on the disk (WAL, FULL). While one group is being synced the next one
gathers; a group is closed when nobody waits any more, at ``MOST_JOBS``, or after ``LONGEST_S``.
Every job has a savepoint, so one that raises fails alone. A commit that fails fails the whole group
after one more try: when the disk was full, with the ballast dropped; when the file was damaged, on
the file that took its place. **So a job may run twice: it touches nothing but the connection.**

Reading happens in a second thread with a connection of its own. It sees everything whose write was
awaited. A database in memory has one connection, and reads queue behind writes.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Literal, TypeVar, cast

import apsw

from loom_desktop.clock import Clock
from loom_desktop.errors import Unavailable
from loom_desktop.store.failure import (
    DAMAGED,
    NO_ROOM,
    WHOLE_GROUP,
    closed,
    reason,
    understandable,
)
from loom_desktop.store.job import Job, Settled, Special, Work, resolve
from loom_desktop.store.keys import sync_folder

log = logging.getLogger(__name__)
T = TypeVar("T")

MEMORY = ":memory:"
MOST_JOBS = 1_000
LONGEST_S = 0.004
MOST_WAITING = 100_000
"""More fire-and-forget writes than this are not taken: they are counted in ``lost``."""
BUSY_MS = 5_000
WAL_PAGES = 1_000
"""A checkpoint is made when the log has this many pages (4 MB)."""


def connect(path: Path | str, key: bytes | None, *, only_read: bool = False) -> apsw.Connection:
    """A connection with the key and every pragma set. Does not touch the file yet, beyond its name.

    A key must be 32 bytes: SQLite would take anything else for a passphrase, in silence. The file
    is made for this person alone; its -wal and -shm take over its permissions.
    """
    if key is not None and len(key) != 32:
        raise ValueError("The key of the store is 32 bytes.")
    memory = str(path) == MEMORY
    if not memory and not only_read:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        if os.name == "posix" and os.stat(path).st_mode & 0o077:
            os.chmod(path, 0o600)
    connection = apsw.Connection(str(path))
    try:
        if key is not None and not memory:
            connection.pragma("key", f"raw:{key.hex()}")
        connection.set_busy_timeout(BUSY_MS)
        connection.execute("pragma temp_store = memory")  # no plain text in /tmp
        connection.execute("pragma foreign_keys = on")
        if only_read:
            connection.execute("pragma query_only = on")
        else:
            connection.execute("pragma secure_delete = on; pragma synchronous = full")
            connection.execute(f"pragma wal_autocheckpoint = {WAL_PAGES}")
            connection.execute(f"pragma journal_size_limit = {WAL_PAGES * 4096}")
            if not memory:
                connection.pragma("journal_mode", "wal")
    except BaseException:
        connection.close(True)
        raise
    return connection


def is_encrypted(path: Path) -> bool:
    """Whether the file has bytes and does not begin as a plain SQLite file does."""
    with open(path, "rb") as file:
        start = file.read(16)
    return bool(start) and not start.startswith(b"SQLite format 3")


class _Stop:
    """What ends a thread."""


_STOP = _Stop()
_Queue = SimpleQueue[Job | _Stop]


class Database:
    """``await open()``, then ``do``, ``submit``, ``post`` and ``read``; ``await close()`` at last.

    ``opener`` makes the write connection, in the store's thread; it may recover what is broken, and
    it is called again with ``damaged=True`` when damage is found later. ``relieve`` makes room on a
    full disk and says whether it could; ``told`` is called from the store's thread with a message
    and a hint for the person.
    """

    def __init__(
        self,
        path: Path | str,
        key: bytes | None,
        *,
        clock: Clock,
        opener: Callable[[bool], apsw.Connection] | None = None,
        relieve: Callable[[], bool] = lambda: False,
        told: Callable[[str, str], None] = lambda message, hint: None,
    ) -> None:
        self.path = path
        self.key = key
        self.clock = clock
        self.lost = 0
        """Fire-and-forget writes that did not reach the disk."""
        self.disk: Literal["ok", "full", "broken"] = "ok"
        """Whether the last commit went through, and if not, why."""
        self.after_erase: Callable[[], Awaitable[None]] | None = None
        """Awaited by ``erase``: whoever keeps copies renews them here."""
        self.loop: asyncio.AbstractEventLoop | None = None
        """The loop that opened it."""
        self.notes: list[Any] = []
        """What jobs say about the group at work. A job that fails takes back what it said."""
        self.noted: Callable[[list[Any]], None] | None = None
        """Called in the store's thread with the notes of each group that is on the disk, before
        anybody who waits for that group is told. A list is never used again."""
        self._opener = opener or (lambda damaged: connect(path, key))
        self._relieve = relieve
        self.tell = told
        """Says something to the person, from any thread: a message and a hint."""
        self._jobs: _Queue = SimpleQueue()
        self._reads: _Queue = SimpleQueue()
        self._gate = threading.Lock()
        self._closed = True
        self._abandoned = False
        self._reading = threading.Lock()  # held while the read connection is in use
        self._writer: threading.Thread | None = None
        self._reader: threading.Thread | None = None
        self._connection: apsw.Connection | None = None
        self._read_connection: apsw.Connection | None = None
        self._group: list[Job] = []
        self._following: deque[Job] = deque()
        self._asides: set[apsw.Connection] = set()
        self._alone_or_not = threading.Condition()
        self._is_alone = False
        self._logged: set[str] = set()

    @property
    def in_memory(self) -> bool:
        """Whether everything is gone when it closes: asked for, or nothing else was possible."""
        return str(self.path) == MEMORY

    # ------------------------------------------------------------------ opening and closing

    async def open(self) -> None:
        """Raises what ``opener`` raises. The loop is never blocked."""
        self.loop = asyncio.get_running_loop()
        ready: Future[None] = Future()
        self._writer = threading.Thread(
            target=self._write, args=(ready,), name="loom-store", daemon=True
        )
        self._closed = False
        self._writer.start()
        try:
            await asyncio.wrap_future(ready)
        except BaseException as error:
            self._closed = True
            if isinstance(error, asyncio.CancelledError):
                self._jobs.put(_STOP)  # the thread opens it all the same, and lets go of it again
            raise

    async def close(self, deadline_s: float = 5.0) -> None:
        """Write what waits, then let go of the file. After the deadline the rest fails."""
        with self._gate:
            if self._closed:
                return
            self._closed = True
            self._reads.put(_STOP)
            self._jobs.put(_STOP)
        with self._alone_or_not:
            for long_one in self._asides:
                long_one.interrupt()
        for thread, share in ((self._reader, 0.2), (self._writer, 0.8)):
            if thread is not None and not await _ended(thread, deadline_s * share):
                log.error("%s did not finish within its deadline", thread.name)
                self._abandoned = True
                for connection in (self._read_connection, self._connection):
                    if connection is not None:
                        with contextlib.suppress(apsw.Error):
                            connection.interrupt()
                await _ended(thread, 1.0)

    # ------------------------------------------------------------------ for callers

    async def do(self, work: Work[T]) -> T:
        """What ``work`` returns, once its group is on the disk. Raises what it raises.

        Raises Unavailable when the disk does not take it. Cancelling stops the waiting only.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._put(self._jobs, Job(work, loop, future))
        return await future

    def submit(self, work: Work[T]) -> Future[T]:
        """The same from any thread, without waiting."""
        answer: Future[T] = Future()
        self._put(self._jobs, Job(work, answer=answer))
        return answer

    def post(self, work: Work[Any]) -> None:
        """From any thread, for what may be lost. Never waits, never raises; see ``lost``."""
        try:
            if self._jobs.qsize() < MOST_WAITING:
                self._put(self._jobs, Job(work))
                return
        except Unavailable:
            pass
        self.lost += 1

    def follow(self, work: Work[Any], settled: Settled) -> None:
        """From any thread; ``settled`` is called in the store's thread with None or the error.

        What is handed over from inside ``settled`` still runs when the database is closing, so a
        queue that is worked off a part at a time is worked off. Raises Unavailable when closed.
        """
        job = Job(work, settled=settled)
        if threading.current_thread() is self._writer and not self._abandoned:
            self._following.append(job)
        else:
            self._put(self._jobs, job)

    @property
    def closed(self) -> bool:
        """Whether nothing more is taken."""
        return self._closed

    async def read(self, work: Work[T]) -> T:
        """What ``work`` returns; all its queries see the same moment. It must not write."""
        if self.in_memory:
            return await self.do(work)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        with self._gate:
            if self._reader is None and not self._closed:
                self._reader = threading.Thread(
                    target=self._read, name="loom-store-read", daemon=True
                )
                self._reader.start()
        self._put(self._reads, Job(work, loop, future))
        return await future

    async def aside(self, work: Work[T]) -> T:
        """Long reading (a snapshot, a check) on a connection of its own, in a worker thread.

        Ended with apsw.InterruptError when the database closes or its file is replaced. Not for a
        database in memory.
        """
        return await asyncio.to_thread(self._aside, work)

    async def erase(self, work: Work[T]) -> T:
        """``do`` for what the person wants forgotten: no byte of it stays, in no copy."""
        result = await self.do(work)
        await self.checkpoint()
        if self.after_erase is not None:
            await self.after_erase()
        return result

    async def checkpoint(self) -> bool:
        """Move the log into the database and empty it. False when a long reader is in the way."""
        return await asyncio.wrap_future(self._special(self._truncate))

    async def mend(self, *, sure: bool = False) -> bool:
        """Look whether the file is damaged, and if so (or ``sure``) recover. Whether it was."""
        return await asyncio.wrap_future(self._special(lambda: self._mend(sure)))

    async def replace(self, draft: Path, replaced: Callable[[], None] = lambda: None) -> None:
        """Put this file in the place of the database. What was asked before is done before.

        ``replaced`` is called in the store's thread before anything is asked of the new one.

        A crash meanwhile leaves the old one or the new one. Raises OSError, and nothing is changed.
        """
        await asyncio.wrap_future(self._special(lambda: self._replace(draft, replaced)))

    # ------------------------------------------------------------------ the writing thread

    def _put(self, queue: _Queue, job: Job) -> None:
        with self._gate:
            if self._closed:
                raise closed()
            queue.put(job)

    def _special(self, work: Callable[[], T]) -> Future[T]:
        """Run in the writing thread, outside of any transaction."""
        answer: Future[T] = Future()
        self._put(self._jobs, Special(work, answer))
        return answer

    def _write(self, ready: Future[None]) -> None:
        if not ready.set_running_or_notify_cancel():
            return
        try:
            self._open_with(False)
        except BaseException as error:
            ready.set_exception(error)
            return
        ready.set_result(None)
        try:
            self._write_groups()
        except BaseException as error:  # nobody may wait for a thread that is not there
            log.exception("The store's thread ended by a mistake")
            with self._gate:
                self._closed = True
                self._reads.put(_STOP)
            self._settle(self._group, error)
        self._finish_queue(self._jobs)
        self._settle([*self._following], closed())
        if self._reader is not None:
            self._reader.join(5.0)
        try:
            self._writing.close(True)
        except apsw.Error as error:
            log.warning("The store did not close cleanly: %s", error)

    def _write_groups(self) -> None:
        stopping = False
        while not self._abandoned and (self._following or not stopping):
            job = self._following.popleft() if self._following else self._jobs.get()
            if isinstance(job, _Stop):
                stopping = True
            elif isinstance(job, Special):
                job.run()
            else:
                stopping |= self._commit_group(job, stopping)

    @property
    def _writing(self) -> apsw.Connection:
        assert self._connection is not None
        return self._connection

    def _commit_group(self, first: Job, stopping: bool) -> bool:
        """One transaction for what waits. Returns whether a stop was among it."""
        group = self._group = []
        after: Job | _Stop | None = None
        error: BaseException | None = None
        try:
            self._writing.execute("begin immediate")
            job, end = first, time.monotonic() + LONGEST_S
            while True:
                group.append(job)
                self._attempt(job)
                if len(group) >= MOST_JOBS or time.monotonic() > end:
                    break
                if self._following:
                    job = self._following.popleft()
                    continue
                if stopping:
                    break
                following = self._jobs.get_nowait()
                if isinstance(following, Special | _Stop):
                    after = following
                    break
                job = following
        except Empty:
            pass
        except apsw.Error as failure:
            error = failure
        if not group:
            group.append(first)
        error = error or self._commit()
        if error is not None:
            error = self._again(group, error)
        else:
            self.disk = "ok"
            self._hand_over()
        self._settle(group, error)
        if isinstance(after, Special):
            after.run()
        return isinstance(after, _Stop)

    def _attempt(self, job: Job) -> None:
        """Run one job in its savepoint. Raises only what costs the whole group."""
        connection, said = self._writing, len(self.notes)
        job.result = job.error = None
        connection.execute("savepoint job")
        try:
            job.result = job.work(connection)
        except WHOLE_GROUP:
            raise
        except BaseException as error:  # the thread outlives every job
            if not connection.in_transaction:  # SQLite gave up all of it
                raise reason(error) from error
            job.error = error
            del self.notes[said:]
            connection.execute("rollback to job")
        connection.execute("release job")

    def _commit(self) -> apsw.Error | None:
        try:
            self._writing.execute("commit")
        except apsw.Error as error:
            return error
        return None

    def _hand_over(self) -> None:
        """Pass the notes of a group that is on the disk to whoever wants them."""
        notes, self.notes = self.notes, []
        if notes and self.noted is not None:
            try:
                self.noted(notes)
            except Exception:  # the thread outlives every listener
                log.exception("Nobody could be told what is on the disk")

    def _again(self, group: Sequence[Job], error: BaseException) -> BaseException | None:
        """Remove the reason if that is possible and run every job alone. The error that stays."""
        self._roll_back()
        try:
            if isinstance(error, DAMAGED):
                worth_it = self._mend()
            elif isinstance(error, NO_ROOM):
                worth_it = self._make_room(error)
            else:
                worth_it = isinstance(error, apsw.AbortError)
        except Exception as failure:
            log.exception("The store could not help itself")
            error, worth_it = failure, False
        if not worth_it:
            self.disk = "full" if isinstance(error, apsw.FullError) else "broken"
            return error
        self.disk, full = "ok", False
        for job in group:
            try:
                self._writing.execute("begin immediate")
                self._attempt(job)
                self._writing.execute("commit")
                self._hand_over()
            except apsw.Error as failure:
                self._roll_back()
                job.error = failure
                if isinstance(failure, NO_ROOM) and not full:
                    self.disk, full = "full", True  # what was put by is used up as well
                    self._tell_full(room=False)
        return None

    def _roll_back(self) -> None:
        self.notes.clear()
        with contextlib.suppress(apsw.Error):  # there is nothing left to roll back
            if self._writing.in_transaction:
                self._writing.execute("rollback")

    def _make_room(self, error: BaseException) -> bool:
        log.warning("The store cannot write: %s", error)
        room = self._relieve()
        if not room and self.disk != "ok":
            return False  # told already, and nothing has changed
        self._tell_full(room=room)
        if room:
            self._truncate()
        return room

    def _tell_full(self, *, room: bool) -> None:
        self.tell(
            "The disk is full. Loom works on with the room it had put by."
            if room
            else "The disk is full: nothing new is being saved.",
            "Free some space. What was saved before is safe.",
        )

    def _truncate(self) -> bool:
        if self.in_memory:
            return True
        with self._reading:  # a reader in the middle of something would keep the log from emptying
            try:
                self._writing.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            except apsw.Error as error:
                log.warning("The log of the store was not emptied: %s", error)
                return False
        return True

    def _mend(self, sure: bool = False) -> bool:
        if self.in_memory:
            return False
        try:
            fresh = connect(self.path, self.key, only_read=True)  # not what is in our cache
            try:
                if not sure and fresh.pragma("quick_check") == "ok":
                    return False
            finally:
                fresh.close(True)
        except DAMAGED as error:
            log.warning("The store is damaged: %s", error)
        except (apsw.Error, OSError) as error:  # the disk fails: that is no reason to replace it
            log.warning("The store cannot be looked at: %s", error)
            return False
        with self._alone():
            self._open_with(True)
        return True

    def _replace(self, draft: Path, replaced: Callable[[], None]) -> None:
        left = Path(f"{self.path}-wal")
        with self._alone():
            try:
                if left.exists() and left.stat().st_size:  # it would be taken for the new one's
                    raise OSError(errno.EBUSY, "the log was not emptied")
                os.replace(draft, self.path)
                replaced()
                try:
                    sync_folder(draft.parent)
                except OSError as error:  # it is there: only a power cut could undo that
                    log.warning("The folder of the store could not be synced: %s", error)
            finally:
                self._open_with(False)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """No connection is open meanwhile: a log is found by its name, so one that is still open
        under a file that was moved would take the log of the file that came after it."""
        with self._alone_or_not:
            self._is_alone = True
            for long_one in self._asides:
                long_one.interrupt()
            if not self._alone_or_not.wait_for(lambda: not self._asides, 10.0):
                log.error("Something still reads the store that is being replaced")
        try:
            with self._reading:
                for connection in (self._read_connection, self._connection):
                    if connection is not None:
                        connection.close(True)
                self._read_connection = None
                yield
        finally:
            with self._alone_or_not:
                self._is_alone = False
                self._alone_or_not.notify_all()

    def _open_with(self, damaged: bool) -> None:
        self._connection = self._opener(damaged)
        if not self._connection.filename:  # nothing else was possible
            self.path = MEMORY

    def _settle(self, group: Sequence[Job], error: BaseException | None) -> None:
        """Tell everybody who waits: one call per loop."""
        loops: dict[asyncio.AbstractEventLoop, list[Job]] = {}
        for job in group:
            job.error = understandable(error or job.error)
            if job.loop is not None:
                loops.setdefault(job.loop, []).append(job)
            elif job.answer is not None:
                if not job.answer.set_running_or_notify_cancel():
                    continue
                if job.error is None:
                    job.answer.set_result(job.result)
                else:
                    job.answer.set_exception(job.error)
            elif job.settled is not None:
                job.settled(job.error)
            elif job.error is not None:
                self._count_lost(job.error)
        for loop, jobs in loops.items():
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(resolve, jobs)

    def _count_lost(self, error: BaseException) -> None:
        self.lost += 1
        kind = f"{type(error).__name__}: {error}"[:200]
        if kind not in self._logged and len(self._logged) < 100:
            self._logged.add(kind)
            log.error("Not saved (said once): %s", kind, exc_info=error)

    def _finish_queue(self, queue: _Queue) -> None:
        """What came after the end."""
        error = closed()
        with contextlib.suppress(Empty):
            while True:
                job = queue.get_nowait()
                if isinstance(job, Special):
                    cast(Future[Any], job.answer).set_exception(error)
                elif isinstance(job, Job):
                    self._settle([job], error)

    # ------------------------------------------------------------------ the reading thread

    def _read(self) -> None:
        while not isinstance(job := self._reads.get(), _Stop):
            try:
                job.result = self._look(job.work)
            except (
                *DAMAGED,
                UnicodeDecodeError,
            ) as damage:  # a text that is none: SQLite never looks
                sure = isinstance(damage, UnicodeDecodeError)
                try:
                    self._special(partial(self._mend, sure)).result(60.0)
                    if self.in_memory:  # the one connection that there is now
                        job.result = self.submit(job.work).result(60.0)
                    else:
                        job.result = self._look(job.work)
                except Exception as error:
                    job.error = error
            except Exception as error:
                job.error = error
            self._settle([job], None)
        self._finish_queue(self._reads)
        with self._reading:
            if self._read_connection is not None:
                self._read_connection.close(True)
                self._read_connection = None

    def _look(self, work: Work[T]) -> T:
        with self._reading:
            connection = self._read_connection
            if connection is None:
                connection = connect(self.path, self.key, only_read=True)
                self._read_connection = connection
            return _at_one_moment(connection, work)

    def _aside(self, work: Work[T]) -> T:
        with self._alone_or_not:
            self._alone_or_not.wait_for(lambda: not self._is_alone)
            connection = connect(self.path, self.key, only_read=True)
            self._asides.add(connection)
        try:
            if self._closed:
                raise apsw.InterruptError("closing")
            return _at_one_moment(connection, work)
        finally:
            with self._alone_or_not:  # nobody can interrupt it once it is closed
                connection.close(True)
                self._asides.discard(connection)
                self._alone_or_not.notify_all()


def _at_one_moment(connection: apsw.Connection, work: Work[T]) -> T:
    connection.execute("begin")
    try:
        return work(connection)
    finally:
        if connection.in_transaction:
            connection.execute("rollback")


async def _ended(thread: threading.Thread, timeout_s: float) -> bool:
    await asyncio.to_thread(thread.join, timeout_s)
    return not thread.is_alive()
