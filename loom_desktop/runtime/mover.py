"""Mover: plans for files, and moves with an undo journal, in the name of an agent and a thread."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakValueDictionary

import msgspec

from loom_desktop.actions import moves
from loom_desktop.actions.folders import Folders, shown
from loom_desktop.clock import Clock
from loom_desktop.errors import Denied, LoomError, NotFound, Unavailable, UsageError
from loom_desktop.event import Event
from loom_desktop.runtime.reading import Reader
from loom_desktop.store import Store
from loom_desktop.store.acts import Act, Step
from loom_desktop.tasks import Tasks

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

T = TypeVar("T")
_REMEMBERED = 50
"""Acts that are looked through for files that came back."""
_MOST_FILES = 2000
_FINISH_S = 60.0
"""How long a cancel waits for the file in hand: a move to another disk is a copy."""
_READ_UP_TO = 60
"""Files of one plan whose content is read; the others go by name, kind and date alone."""


class Mover:
    """Where files go, one act at a time."""

    def __init__(
        self,
        store: Store,
        folders: Callable[[], Folders],
        reader: Reader,
        clock: Clock,
        zone: Callable[[], ZoneInfo],
        *,
        watched: Callable[[], list[Path]],
        destination: Callable[[], Path],
    ) -> None:
        # Settings change while Loom runs: folders are asked for at each act, not kept.
        self._folders, self._watched, self._destination = folders, watched, destination
        self._store, self._reader, self._clock, self._zone = store, reader, clock, zone
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    @property
    def folders(self) -> Folders:
        """What is granted now."""
        return self._folders()

    def bound(
        self,
        agent: str,
        event: Event,
        absorb: Callable[[frozenset[str]], None] | None = None,
        named: frozenset[str] = frozenset(),
    ) -> BoundMover:
        """The mover as one agent has it while it works on one event.

        ``absorb`` is told where the content of a plan comes from. ``named`` are paths that the
        person named: they are read although nothing granted them.
        """
        return BoundMover(self, agent, event, absorb, named)

    def meant(self, paths: list[str], to: str) -> tuple[list[str], str]:
        """The folders that a plan looks into where none are said; for the policy to see them."""
        watched = self._watched()
        given = [_whole(one) for one in paths] or watched
        if not to and given and all(one in watched or one.parent in watched for one in given):
            to = str(self._destination())
        return paths or [str(one) for one in watched], to

    async def plan(
        self, paths: list[str], *, to: str = "", named: frozenset[str] = frozenset()
    ) -> tuple[list[dict[str, Any]], int]:
        """A row for each file: where it would go, under which name, and why. Changes nothing.

        No paths means the watched folders. A folder means the files in it. ``to`` is where they
        go; by default the person's destination for files of a watched folder, and else the folder
        itself, so that a folder somebody names is sorted in place. Beside the rows: how many
        files more there are than one plan takes.
        """
        given = [_whole(one) for one in paths] or self._watched()
        today = datetime.fromtimestamp(self._clock(), self._zone()).date()
        rows: list[dict[str, Any]] = []
        files, left = await asyncio.to_thread(_files, given)
        within = self._folders().also(_around(_whole(one) for one in paths if one in named))
        names = _Names()
        for number, path in enumerate(files):
            target = self._target(path, given, to)
            read = within if number < _READ_UP_TO else None
            rows.append(await self._row(path, target, today, names, read))
        return rows, left

    async def _row(
        self, path: Path, target_root: Path, today: date, names: _Names, read: Folders | None
    ) -> dict[str, Any]:
        from loom_desktop.text.filing import propose

        row: dict[str, Any] = {
            "source": str(path),
            "source_name": shown(path.name),
            "target": "",
            "name": "",
            "folder": "",
            "reason": "",
            "status": "skipped",
            "message": "",
            "warning": False,
        }
        try:
            document = await self._reader.read(str(path), within=read) if read else None
        except LoomError:
            document = None  # not a document, or a damaged one: name, kind and date are left
        try:
            proposal = await asyncio.to_thread(
                propose,
                path,
                document=document,
                today=today,
                destination=target_root,
                names_in=names,
            )
        except LoomError as error:
            return row | {"status": "failed", "message": error.message}
        if not proposal.moves:
            return row | {"message": proposal.reason, "warning": proposal.warning}
        names.take(proposal.target)
        return row | {
            "target": str(proposal.target),
            "name": proposal.name,
            "folder": shown(proposal.folder) or ".",
            "reason": proposal.reason,
            "status": "planned",
        }

    def _target(self, path: Path, given: list[Path], to: str) -> Path:
        if to:
            return Path(to).expanduser().absolute()
        if any(path.parent == one for one in self._watched()):
            return self._destination()
        named = [one for one in given if one == path.parent]
        return named[0] if named else path.parent

    async def move(
        self, wanted: list[tuple[str, str]], *, words: str, agent: str, thread: int
    ) -> tuple[int, list[moves.Moved], list[dict[str, str]]]:
        """Do it; the intent is on the disk before, each outcome after.

        Beside the act and what was moved: what was not, with path, name and reason. Cancelled, it
        finishes the file in hand, writes that down and stops.
        """
        if not wanted:
            raise UsageError("There is nothing to move.")
        pairs = [(Path(source), Path(target)) for source, target in wanted]
        steps = await asyncio.to_thread(_steps, pairs)
        places = {step.target: number for number, step in enumerate(steps) if not step.source}
        act = await self._store.acts.intend("files.move", agent, words, thread=thread, steps=steps)
        await self._store.acts.start(act)
        moved: list[moves.Moved] = []
        failed: list[dict[str, str]] = []
        try:
            for number, (source, target) in enumerate(pairs):
                try:
                    one = self._one(act, number, source, target, places)
                    await _whole_step(self._noted(one, moved))
                except LoomError as error:
                    name = shown(source.name)
                    failed.append({"path": str(source), "name": name, "reason": error.message})
                    await self._store.acts.step(act, number, "failed", message=error.message)
        finally:
            outcome = f"{len(moved)} of {len(pairs)} files moved"
            done = "done" if moved else "failed"
            await _whole_step(self._store.acts.finish(act, done, outcome))
        return act, moved, failed

    async def _noted(self, one: Coroutine[Any, Any, moves.Moved], moved: list[moves.Moved]) -> None:
        moved.append(await one)

    async def _one(
        self, act: int, number: int, source: Path, target: Path, places: dict[str, int]
    ) -> moves.Moved:
        """Move one file and write that down; what cannot be written down is moved back."""
        one = await asyncio.to_thread(moves.move, self._folders(), source, target)
        acts = self._store.acts
        try:
            await acts.step(act, number, "done", target=one.target, sha256=one.sha256)
            for folder in one.made:
                if folder in places:
                    await acts.step(act, places[folder], "done")
        except LoomError:
            await asyncio.to_thread(moves.undo, self._folders(), one)
            raise
        return one

    async def undo(self, number: int) -> tuple[list[moves.Moved], list[dict[str, str]]]:
        """Move back what one act moved, last file first; 0 is the newest act that can be undone.

        What was refused comes with its path and the reason, in words.
        """
        number = number or (await self._last()).id
        async with self._lock(number):  # who comes second reads what the first one wrote
            return await self._undo(number)

    async def _undo(self, number: int) -> tuple[list[moves.Moved], list[dict[str, str]]]:
        act = await self._store.acts.get(number)
        undone: list[moves.Moved] = []
        refused: list[dict[str, str]] = []
        done = [step for step in act.steps if step.state == "done"]
        folders = [step for step in done if not step.source]
        if not done:
            before = any(step.state == "undone" for step in act.steps)
            said = "was undone already" if before else "moved nothing"
            raise Denied(f"{act.words}: that {said}.", hint="See `loom inbox`.")
        for step in reversed([step for step in done if step.source]):
            try:
                undone.append(await _whole_step(self._back(act.id, step)))
            except LoomError as error:
                refused.append({"path": step.target, "reason": error.message})
                await self._store.acts.step(act.id, step.number, "done", message=error.message)
        await asyncio.to_thread(moves.remove_if_empty, [step.target for step in folders])
        if not refused:
            for step in folders:
                await self._store.acts.step(act.id, step.number, "undone")
            await self._store.acts.finish(act.id, "undone", f"{len(undone)} files moved back")
        return undone, refused

    def _lock(self, act: int) -> asyncio.Lock:
        return self._locks.setdefault(act, asyncio.Lock())  # kept while somebody holds it

    async def _back(self, act: int, step: Step) -> moves.Moved:
        one = moves.Moved(
            source=step.source,
            target=step.target,
            size=step.size_bytes,
            mtime_ns=step.mtime_ns,
            sha256=step.sha256,
        )
        await asyncio.to_thread(moves.undo, self._folders(), one)
        await self._store.acts.step(act, step.number, "undone")
        return one

    async def taken_back(self) -> set[str]:
        """Where files lie again that were moved and then moved back: not to be offered again.

        Only while it is that file, by its size and time: another of the same name is not meant.
        """
        acts = await self._store.acts.recent(limit=_REMEMBERED)
        undone = [step for act in acts for step in act.steps if step.state == "undone"]
        return await asyncio.to_thread(_there_again, undone)

    async def _last(self) -> Act:
        found = await self._store.acts.undoable(limit=1)
        if not found:
            raise NotFound("There is nothing to undo.")
        return found[0]


class BoundMover(msgspec.Struct, frozen=True):
    """Plans, moves and their undo for one agent on one event."""

    _mover: Mover
    _agent: str
    _event: Event
    _absorb: Callable[[frozenset[str]], None] | None = None
    _named: frozenset[str] = frozenset()

    def meant(self, paths: list[str], to: str) -> tuple[list[str], str]:
        """See ``Mover.meant``."""
        return self._mover.meant(paths, to)

    async def plan(self, paths: list[str], *, to: str = "") -> tuple[list[dict[str, Any]], int]:
        """See ``Mover.plan``. Names and reasons in it come from the files."""
        rows, left = await self._mover.plan(paths, to=to, named=self._named)
        if rows and self._absorb is not None:
            self._absorb(frozenset({"file"}))
        return rows, left

    async def move(
        self, wanted: list[tuple[str, str]], *, words: str
    ) -> tuple[int, list[moves.Moved], list[dict[str, str]]]:
        """See ``Mover.move``."""
        thread = self._event.begins
        return await self._mover.move(wanted, words=words, agent=self._agent, thread=thread)

    async def taken_back(self) -> set[str]:
        """See ``Mover.taken_back``."""
        return await self._mover.taken_back()

    async def undo(self, act: int) -> tuple[list[moves.Moved], list[dict[str, str]]]:
        """See ``Mover.undo``."""
        return await self._mover.undo(act)


class _Names:
    """The names in each folder that a plan puts files into, those that it proposed among them."""

    def __init__(self) -> None:
        self._taken: dict[Path, set[str]] = {}

    def __call__(self, folder: Path) -> set[str]:
        if folder not in self._taken:
            try:
                self._taken[folder] = set(os.listdir(folder))
            except OSError:
                self._taken[folder] = set()  # not there yet, or not to be looked at: the move says
        return self._taken[folder]

    def take(self, target: Path) -> None:
        """This name is promised."""
        self(target.parent).add(target.name)


async def _whole_step(work: Coroutine[Any, Any, T]) -> T:
    """Do all of it: a cancel meanwhile holds when it is done."""
    async with Tasks() as tasks:
        task = tasks.run("move", work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if not task.done():
                await asyncio.wait({task}, timeout=_FINISH_S)
            raise


def _around(paths: Iterable[Path]) -> list[Path]:
    """The folders themselves, and of the files those that they lie in."""
    return [one if one.is_dir() else one.parent for one in paths]


def _there_again(steps: list[Step]) -> set[str]:
    found = set()
    for step in steps:
        if not step.source:
            continue
        try:
            there = os.lstat(step.source)
        except OSError:
            continue
        if (there.st_size, there.st_mtime_ns) == (step.size_bytes, step.mtime_ns):
            found.add(step.source)
    return found


def _whole(path: str) -> Path:
    return Path(path).expanduser().absolute()


def _files(given: Sequence[Path]) -> tuple[list[Path], int]:
    """The files meant: those named, and those directly in the folders named. Links are not.

    Beside them: how many there are beyond what one plan takes.
    """
    found: dict[Path, None] = {}
    for one in given:
        try:
            if one.is_symlink():
                continue
            if one.is_dir():
                found.update(dict.fromkeys(_inside(one)))
            elif one.exists() or len(given) > 1:  # one that vanished costs no other its row
                found[one] = None
            else:
                raise NotFound(f"{shown(one)} is not there.", hint="Check the path.")
        except OSError as error:
            raise Unavailable(
                f"{shown(one)} cannot be read: {error.strerror}.",
                hint="Check the permissions of the folder.",
            ) from error
    return list(found)[:_MOST_FILES], max(0, len(found) - _MOST_FILES)


def _inside(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return sorted(
            Path(entry.path)
            for entry in entries
            if entry.is_file(follow_symlinks=False) and not entry.name.startswith(".")
        )


def _steps(pairs: list[tuple[Path, Path]]) -> list[Step]:
    """What will be done to each file, and after that the folders that are missing."""
    steps: list[Step] = []
    missing: dict[Path, None] = {}
    for source, target in pairs:
        try:
            found = source.lstat()
            size, mtime_ns = found.st_size, found.st_mtime_ns
        except OSError:
            size, mtime_ns = 0, 0  # it went meanwhile: the move says so
        steps.append(
            Step(source=str(source), target=str(target), size_bytes=size, mtime_ns=mtime_ns)
        )
        for folder in reversed(target.parents):
            if not os.path.lexists(folder):
                missing[folder] = None
    return [*steps, *[Step(source="", target=str(folder)) for folder in missing]]
