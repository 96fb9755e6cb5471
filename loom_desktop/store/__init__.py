"""The store: everything Loom remembers, in one encrypted file. The only package that speaks SQL.

``async with Store(path, key) as store`` opens it in a thread of its own, brings it to today's
schema and starts its upkeep: a check of every page, the ballast, a snapshot each hour. It opens
whatever lies at the path (see ``recovery``); what the person must know is in ``problems``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple, Self

import apsw

from loom_desktop.clock import Clock, monotonic, wall
from loom_desktop.errors import LoomError, Unavailable
from loom_desktop.store.acts import Act, Acts, Step
from loom_desktop.store.backup import Copy, Snapshots, copy_to, fetch, remove
from loom_desktop.store.ballast import Ballast
from loom_desktop.store.cards import Action, Card, Cards, Never
from loom_desktop.store.conversations import Conversation, Conversations, Message
from loom_desktop.store.database import MEMORY, WAL_PAGES, Database
from loom_desktop.store.deliveries import DeadLetter, Deliveries, Place
from loom_desktop.store.files import Files, Signature
from loom_desktop.store.journal import Faults, Journal
from loom_desktop.store.ledger import Egress, Ledger, Totals
from loom_desktop.store.memories import Memories, Memory
from loom_desktop.store.notes import Note, Notes
from loom_desktop.store.recovery import Recovery, opened_in_memory
from loom_desktop.store.routes import Routed, Routes
from loom_desktop.store.schedules import Schedule, Schedules
from loom_desktop.store.secrets import Secrets
from loom_desktop.store.state import State, Versioned
from loom_desktop.tasks import Tasks

__all__ = [
    "Act",
    "Action",
    "Card",
    "Conversation",
    "Copy",
    "DeadLetter",
    "Egress",
    "Memory",
    "Message",
    "Never",
    "Note",
    "Place",
    "Problem",
    "Routed",
    "Schedule",
    "Signature",
    "Step",
    "Store",
    "Totals",
    "Upkeep",
    "Versioned",
]

log = logging.getLogger(__name__)

LOW_BYTES = 500 << 20
"""With less free than this the person is warned."""
SCARCE_BYTES = 200 << 20
"""With less than this, sources that bring much should stop."""
MOST_LOG_BYTES = 4 * WAL_PAGES * 4096
"""A checkpoint that fails by itself says nothing: a log that grows beyond this does."""
SETTLED_S = 2.0
"""Upkeep begins when the start is over."""
LOOK_S = 60.0
HOUR_S = 3_600.0
WEEK_S = 7 * 86_400.0

Disk = Literal["ok", "low", "scarce", "full", "broken", "memory"]


_SOUND = Faults(damaged=0, missing=0)
_DISK = "The disk is nearly full."
_LOG = "What Loom saves is not moved to its place on the disk; nothing is lost so far."


class Problem(NamedTuple):
    """Something the person should know: what happened, and what to do."""

    message: str
    hint: str


class Upkeep(NamedTuple):
    """How the copies of the store and its upkeep stand."""

    wanted: bool
    """Whether this store is looked after at all."""
    running: bool
    looked_ago_s: float
    """How long ago somebody looked after it; since it was opened, when nobody has so far."""
    trouble: str
    """Why that went wrong the last time, in words."""
    snapshots: int
    newest: float
    """When the newest snapshot was taken, in seconds since 1970; each was read before it counted.
    0: there is none."""
    failed: float
    """When the last attempt failed, likewise; 0 when it went well."""
    failure: str


class Store:
    """One open store and its parts.

    ``key`` has 32 bytes (see ``keys.obtain``); None writes plain text, which is the person's choice
    in loom.toml, or ``":memory:"``. ``told`` is called on the loop with each further problem, and
    ``over`` with the message of one that is over.
    """

    journal: Journal
    deliveries: Deliveries
    conversations: Conversations
    cards: Cards
    schedules: Schedules
    notes: Notes
    memories: Memories
    acts: Acts
    files: Files
    ledger: Ledger
    routes: Routes
    state: State
    secrets: Secrets

    def __init__(
        self,
        path: Path | str,
        key: bytes | None = None,
        *,
        clock: Clock = wall,
        told: Callable[[Problem], None] | None = None,
        over: Callable[[str], None] | None = None,
        upkeep: bool = True,
        use_keyring: bool = True,
        ballast: Ballast | None = None,
    ) -> None:
        if key is not None and len(key) != 32:
            raise ValueError("The key of the store is 32 bytes.")
        self.problems: list[Problem] = []
        self.restored: Callable[[], None] | None = None
        """Called on the loop when a copy took the place of everything there was."""
        self._clock = clock
        self._told, self._over = told, over
        self._upkeep = upkeep
        self._tasks = Tasks()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = False
        self._snapshotting = asyncio.Lock()
        self._snapshot_at = -1
        self._drafts: tuple[Path, ...] = ()
        """What a copy is fetched to that is looked at, and one that is restored from."""
        self._keeping_up: asyncio.Task[None] | None = None
        self._looked, self._look_failed = monotonic(), ""
        self._copy_failed, self._copy_problem = 0.0, ""
        self._log_told = self._disk_told = self._damage_told = False
        if str(path) == MEMORY:
            self._folder = Path()
            self._snapshots = Snapshots(Path(), None)
            self._ballast = ballast or Ballast(Path())
            self._db = Database(
                MEMORY,
                None,
                clock=clock,
                opener=lambda damaged: opened_in_memory(clock),
                told=self._tell,
            )
        else:
            file = Path(path).absolute()
            self._folder = file.parent
            self._drafts = (file.parent / "looking.db", file.parent / "restoring.db")
            self._snapshots = Snapshots(file.parent / "snapshots", key)
            self._ballast = ballast or Ballast(file.parent / "ballast")
            recovery = Recovery(
                file,
                key,
                clock=clock,
                snapshots=self._snapshots,
                ballast=self._ballast,
                tell=self._tell,
            )
            self._db = Database(
                file,
                key,
                clock=clock,
                opener=recovery.open,
                relieve=self._ballast.drop,
                told=self._tell,
            )
        db = self._db
        self.journal = Journal(db)
        self.journal.damage_found = self._damage_found
        self.conversations = Conversations(db)
        self.cards = Cards(db, clock)
        self.deliveries = Deliveries(db, self.journal, clock)
        self.schedules = Schedules(db, clock, self.journal)
        self.notes = Notes(db, clock)
        self.memories = Memories(db, clock)
        self.acts = Acts(db, clock)
        self.files = Files(db)
        self.ledger = Ledger(db, clock)
        self.routes = Routes(db)
        self.state = State(db)
        self.secrets = Secrets(db, use_keyring=use_keyring)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        await self._db.open()
        if not self.in_memory:
            self._db.after_erase = self._renew_copies
            if self._upkeep:
                self._looked = monotonic()
                self._keeping_up = self._tasks.start("store upkeep", self._keep_up())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping = True
        self.journal.retry()
        self.deliveries.retry()
        await self._tasks.__aexit__()
        await self._db.close()

    @property
    def in_memory(self) -> bool:
        """Whether nothing of this run is saved: asked for, or nothing else was possible."""
        return self._db.in_memory

    @property
    def encrypted(self) -> bool:
        """Whether what is written can be read with the key alone."""
        return self._db.key is not None

    @property
    def disk(self) -> Disk:
        """How the disk stands: below ``scarce`` a source that brings much should pause."""
        if self.in_memory:
            return "memory"
        if self._db.disk != "ok":
            return self._db.disk
        free = self._ballast.free_bytes()
        return "scarce" if free < SCARCE_BYTES else "low" if free < LOW_BYTES else "ok"

    @property
    def lost(self) -> int:
        """Writes that nobody waited for and that did not reach the disk."""
        return self._db.lost + self.journal.lost

    def upkeep(self) -> Upkeep:
        """How the copies and the upkeep stand. It reads a folder: not for the loop's thread."""
        task, times = self._keeping_up, {} if self.in_memory else self._snapshots.times()
        return Upkeep(
            task is not None, task is not None and not task.done(), monotonic() - self._looked,
            self._look_failed, len(times), next(iter(times), 0.0), self._copy_failed,
            self._copy_problem,
        )  # fmt: skip

    async def snapshot(self) -> Path | None:
        """Take a checked copy of everything now, and let those go that are not worth keeping.

        None when it could not be taken (told), or in memory.
        """
        return await self._take_snapshot(self._copy)

    async def backup(self, to: Path) -> Path:
        """A checked copy of everything there, under the same key, for this person alone.

        It is the person's own: Loom does not remove it, also when something is forgotten later.
        Raises UsageError when something is there already, NotFound when there is no such folder,
        Unavailable when it cannot be made.
        """
        self._on_disk()
        await self._written()
        try:
            return await self._db.aside(
                lambda one: copy_to(self._snapshots, one, to, stopping=lambda: self._stopping)
            )
        except (apsw.Error, OSError) as error:
            raise Unavailable(
                f"No copy of Loom's data could be made ({error}).",
                hint="Free some space, and look at the permissions of the folder.",
            ) from error

    async def look_at(self, path: Path) -> None:
        """See that this file can be restored from, and raise what ``restore`` raises if not."""
        self._on_disk()
        draft = self._drafts[0]
        async with self._snapshotting:
            await asyncio.to_thread(fetch, path, draft, self._db.key)
            await asyncio.to_thread(remove, draft)

    async def restore(self, path: Path) -> Path:
        """Put a copy in the place of everything there is, while running. It is verified first.

        What there was is kept as ``before-restore-TIME.db`` beside the snapshots, and that path is
        the answer; the newest five of those stay. Subscribers have to begin anew, see ``restored``:
        what the copy says they had is what they had.

        Raises NotFound, UsageError when the copy is damaged, of another key or of a newer Loom,
        Unavailable when the disk does not take it; nothing was changed then.
        """
        self._on_disk()
        draft = self._drafts[1]
        async with self._snapshotting:
            await asyncio.to_thread(fetch, path, draft, self._db.key)
            try:
                await self._written()
                kept = await self._db.aside(
                    lambda connection: self._snapshots.set_aside(
                        connection, self._clock(), stopping=lambda: self._stopping
                    )
                )
                last = await self.deliveries.last_dead()
                await self._db.replace(draft, self.deliveries.restored)
            except (apsw.Error, OSError) as error:
                raise Unavailable(
                    f"The copy was not restored ({error}).", hint="Nothing was changed."
                ) from error
            finally:
                await asyncio.to_thread(remove, draft)
        with contextlib.suppress(Unavailable):  # the copy is in its place all the same
            await self.deliveries.none_up_to(last)
        if self.restored is not None:
            self.restored()
        # So that no damage ever brings back what there was before.
        await self._take_snapshot(
            lambda connection: self._snapshots.take_restored(
                connection, self._clock(), stopping=lambda: self._stopping
            )
        )
        await asyncio.to_thread(self._snapshots.let_go, path)
        return kept

    async def copies(self) -> list[Copy]:
        """Those that are kept here and can be restored from, the newest first."""
        return [] if self.in_memory else await asyncio.to_thread(self._snapshots.copies)

    async def check(self, *, thorough: bool = False) -> bool:
        """Whether every page is sound and every event there; ``thorough``: as it was written.

        When something is not, recover at once; that is told.
        """
        if self.in_memory:
            return True
        sure = False
        try:
            faults = await self._db.aside(lambda connection: self._faults(connection, thorough))
            if faults == _SOUND:
                return True
            sure = faults is not None
            log.warning("The check found damage: %s", faults or "a page is not sound")
        except apsw.InterruptError:
            return True
        except apsw.Error as error:
            log.warning("The check found damage: %s", error)
        except UnicodeDecodeError as error:
            log.warning("The check found a text that is none: %s", error)
            sure = True
        return not await self._db.mend(sure=sure)

    def _on_disk(self) -> None:
        if self.in_memory:
            raise Unavailable(
                "Nothing of this run is saved, so there is nothing to copy or to replace.",
                hint="See what loom doctor says about the disk.",
            )

    async def _written(self) -> None:
        with contextlib.suppress(Unavailable):  # told by whoever wrote; the rest is copied
            await self.journal.flush()

    def _faults(self, connection: apsw.Connection, thorough: bool) -> Faults | None:
        """None: a page is not sound."""
        if connection.pragma("integrity_check" if thorough else "quick_check") != "ok":
            return None
        return self.journal.faults(connection, thorough=thorough, stopping=lambda: self._stopping)

    # ------------------------------------------------------------------ upkeep

    def _damage_found(self) -> None:
        """From any thread: a row was left out, because it is not what was written."""
        if self._damage_told:
            return
        self._damage_told = True
        self._tell(
            "Some of Loom's data is damaged, and was left out.",
            "Loom looks whether a copy has it. Look whether the disk is failing.",
        )
        if self._upkeep and not self.in_memory and self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._look_for_damage)

    def _look_for_damage(self) -> None:
        if not self._stopping:
            self._tasks.start("store damage", self._mend_rows())

    async def _mend_rows(self) -> None:
        await self.check(thorough=True)
        self._damage_told = False

    async def _keep_up(self) -> None:
        await asyncio.sleep(SETTLED_S)
        await self.check()
        while not self.in_memory:
            try:
                await self._look_after()
                self._look_failed = ""
            except (LoomError, OSError) as error:
                log.warning("the store could not be looked after: %s", error)  # the next time, then
                self._look_failed = str(error)
            self._looked = monotonic()
            await asyncio.sleep(LOOK_S)

    async def _look_after(self) -> None:
        await asyncio.to_thread(self._ballast.fill)
        if (low := self.disk == "low" or self.disk == "scarce") and not self._disk_told:
            self._tell(_DISK, "Free some space, so that Loom can go on saving.")
        elif self._disk_told and not low:
            self._take_back(_DISK)
        self._disk_told = low
        await self._watch_log()
        self.journal.retry()
        self.deliveries.retry()
        now = self._clock()
        if abs(now - float(await self.state.fact("checked", 0.0))) > WEEK_S:
            await self.check(thorough=True)
            await self.state.set_fact("checked", now)
        newest = next(iter(await asyncio.to_thread(self._snapshots.times)), 0.0)
        if abs(now - newest) >= HOUR_S and await self._changed():
            await self.snapshot()

    async def _watch_log(self) -> None:
        size = await asyncio.to_thread(_size_bytes, Path(f"{self._db.path}-wal"))
        if size <= MOST_LOG_BYTES or await self._db.checkpoint():
            if self._log_told:
                self._take_back(_LOG)
            self._log_told = False
        elif not self._log_told:
            self._log_told = True
            self._tell(
                _LOG,
                "Look whether the disk is full or failing, and start Loom again.",
            )

    async def _changed(self) -> bool:
        """Whether anything was written since the last snapshot of this run."""
        count = await self._db.do(lambda connection: connection.total_changes())
        changed = count != self._snapshot_at
        self._snapshot_at = count
        return changed

    async def _take_snapshot(self, take: Callable[[apsw.Connection], Path]) -> Path | None:
        if self.in_memory:
            return None
        async with self._snapshotting:
            await self._written()
            try:
                path = await self._db.aside(take)
            except (apsw.Error, OSError, Unavailable) as error:  # no folder for it: the last one
                if not isinstance(error, apsw.InterruptError):
                    failure = f"No copy of Loom's data could be made ({error})."
                    if self._copy_problem not in ("", failure):
                        self._take_back(self._copy_problem)
                    self._copy_failed, self._copy_problem = self._clock(), failure
                    self._tell(
                        failure, "Free some space, and look at the permissions of its folder."
                    )
                return None
            if self._copy_problem:
                self._take_back(self._copy_problem)
            self._copy_failed, self._copy_problem = 0.0, ""
            await asyncio.to_thread(self._snapshots.rotate)
            return path

    def _copy(self, connection: apsw.Connection) -> Path:
        return self._snapshots.take(connection, self._clock(), stopping=lambda: self._stopping)

    async def _renew_copies(self) -> None:
        """Something was forgotten: no older copy stays, nor what was set aside as damaged."""
        if self.in_memory:
            return
        there = await asyncio.to_thread(self._snapshots.times)
        path = await self.snapshot() if there else None
        async with self._snapshotting:  # what a restore works on is none of these
            await asyncio.to_thread(self._drop_copies, path)

    def _drop_copies(self, path: Path | None) -> None:
        self._snapshots.keep_only(path)
        self._snapshots.remove_parts()
        for old in (*self._snapshots.folder.glob("before-*.db"), *self._drafts):
            remove(old)
        for old in (*self._folder.glob("*.corrupt.*"), *self._folder.glob("*.lost.*")):
            old.unlink(missing_ok=True)

    def _take_back(self, message: str) -> None:
        self.problems = [one for one in self.problems if one.message != message]
        if self._over is not None:
            self._over(message)

    def _tell(self, message: str, hint: str) -> None:
        """From any thread."""
        problem = Problem(message, hint)
        log.warning("%s %s", message, hint)
        if problem not in self.problems:
            self.problems.append(problem)
        if self._told is not None and self._loop is not None:
            try:
                self._loop.call_soon_threadsafe(self._told, problem)
            except RuntimeError:
                log.debug("Nobody is left to be told")


def _size_bytes(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
