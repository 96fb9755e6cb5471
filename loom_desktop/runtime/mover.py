"""Mover: plans for files, and moves with an undo journal, in the name of an agent and a thread."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from loom_desktop.actions import moves
from loom_desktop.actions.folders import Folders, shown
from loom_desktop.clock import Clock
from loom_desktop.errors import Denied, LoomError, NotFound
from loom_desktop.event import Event
from loom_desktop.runtime.reading import Reader
from loom_desktop.store import Store
from loom_desktop.store.acts import Act, Step

if TYPE_CHECKING:
    from loom_desktop.text.filing import Proposal

_MOST_FILES = 2000
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
        zone: ZoneInfo,
        *,
        watched: Callable[[], list[Path]],
        destination: Callable[[], Path],
    ) -> None:
        # Settings change while Loom runs: folders are asked for at each act, not kept.
        self._folders, self._watched, self._destination = folders, watched, destination
        self._store, self._reader, self._clock, self._zone = store, reader, clock, zone

    def bound(self, agent: str, event: Event) -> BoundMover:
        """The mover as one agent has it while it works on one event."""
        return BoundMover(self, agent, event)

    async def plan(self, paths: list[str], *, to: str = "") -> list[dict[str, Any]]:
        """A row for each file: where it would go, under which name, and why. Changes nothing.

        No paths means the watched folders. A folder means the files in it. ``to`` is where they
        go; by default the person's destination for files of a watched folder, and else the folder
        itself, so that a folder somebody names is sorted in place.
        """
        given = [_whole(one) for one in paths] or self._watched()
        today = datetime.fromtimestamp(self._clock(), self._zone).date()
        rows: list[dict[str, Any]] = []
        files = await asyncio.to_thread(_files, given)
        for number, path in enumerate(files):
            rows.append(await self._row(path, given, to, today, read=number < _READ_UP_TO))
        return rows

    async def _row(
        self, path: Path, given: list[Path], to: str, today: date, *, read: bool
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
        }
        target_root = self._target(path, given, to)
        try:
            document = await self._reader.read(str(path)) if read else None
        except LoomError:
            document = None  # not a document, or a damaged one: name, kind and date are left
        try:
            proposal: Proposal | None = await asyncio.to_thread(
                propose, path, document=document, today=today, destination=target_root
            )
        except LoomError as error:
            return row | {"status": "failed", "message": error.message}
        if proposal is None or Path(proposal.target) == path:
            return row | {"message": "It is in its place already."}
        target = Path(proposal.target)
        if not proposal.folder and not proposal.name:
            return row | {"message": proposal.reason}
        return row | {
            "target": str(target),
            "name": target.name,
            "folder": shown(target.parent.relative_to(target_root)),
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
    ) -> tuple[int, list[moves.Moved], list[str]]:
        """Do it; the intent is on the disk before, each outcome after."""
        pairs = [(Path(source), Path(target)) for source, target in wanted]
        steps = await asyncio.to_thread(_steps, pairs)
        places = {step.target: number for number, step in enumerate(steps) if not step.source}
        act = await self._store.acts.intend("files.move", agent, words, thread=thread, steps=steps)
        await self._store.acts.start(act)
        moved: list[moves.Moved] = []
        failed: list[str] = []
        for number, (source, target) in enumerate(pairs):
            try:
                one = await asyncio.to_thread(moves.move, self._folders(), source, target)
            except LoomError as error:
                failed.append(f"{shown(source.name)}: {error.message}")
                await self._store.acts.step(act, number, "failed", message=error.message)
                continue
            moved.append(one)
            await self._store.acts.step(act, number, "done", target=one.target, sha256=one.sha256)
            for folder in one.made:
                if folder in places:
                    await self._store.acts.step(act, places[folder], "done")
        outcome = f"{len(moved)} of {len(pairs)} files moved"
        await self._store.acts.finish(act, "done" if moved else "failed", outcome)
        return act, moved, failed

    async def undo(self, number: int) -> tuple[list[moves.Moved], list[dict[str, str]]]:
        """Move back what one act moved, last file first; 0 is the newest act that can be undone.

        What was refused comes with its path and the reason, in words.
        """
        act = await self._last() if number == 0 else await self._store.acts.get(number)
        undone: list[moves.Moved] = []
        refused: list[dict[str, str]] = []
        done = [step for step in act.steps if step.state == "done"]
        folders = [step for step in done if not step.source]
        if not done:
            raise Denied(f"{act.words} was undone already.", hint="See `loom inbox`.")
        for step in reversed([step for step in done if step.source]):
            one = moves.Moved(
                source=step.source,
                target=step.target,
                size=step.size_bytes,
                mtime_ns=step.mtime_ns,
                sha256=step.sha256,
            )
            try:
                await asyncio.to_thread(moves.undo, self._folders(), one)
            except LoomError as error:
                refused.append({"path": step.target, "reason": error.message})
                await self._store.acts.step(act.id, step.number, "done", message=error.message)
                continue
            undone.append(one)
            await self._store.acts.step(act.id, step.number, "undone")
        await asyncio.to_thread(moves.remove_if_empty, [step.target for step in folders])
        if not refused:
            for step in folders:
                await self._store.acts.step(act.id, step.number, "undone")
            await self._store.acts.finish(act.id, "undone", f"{len(undone)} files moved back")
        return undone, refused

    async def _last(self) -> Act:
        found = await self._store.acts.undoable(limit=1)
        if not found:
            raise NotFound("There is nothing to undo.")
        return found[0]


@dataclass(frozen=True, slots=True)
class BoundMover:
    """Plans, moves and their undo for one agent on one event."""

    _mover: Mover
    _agent: str
    _event: Event

    async def plan(self, paths: list[str], *, to: str = "") -> list[dict[str, Any]]:
        """See ``Mover.plan``."""
        return await self._mover.plan(paths, to=to)

    async def move(
        self, wanted: list[tuple[str, str]], *, words: str
    ) -> tuple[int, list[moves.Moved], list[str]]:
        """See ``Mover.move``."""
        thread = self._event.begins
        return await self._mover.move(wanted, words=words, agent=self._agent, thread=thread)

    async def undo(self, act: int) -> tuple[list[moves.Moved], list[dict[str, str]]]:
        """See ``Mover.undo``."""
        return await self._mover.undo(act)


def _whole(path: str) -> Path:
    return Path(path).expanduser().absolute()


def _files(given: Iterable[Path]) -> list[Path]:
    """The files meant: those named, and those directly in the folders named. Links are not."""
    found: dict[Path, None] = {}
    for one in given:
        if one.is_symlink():
            continue
        if one.is_dir():
            try:
                entries = sorted(os.scandir(one), key=lambda entry: entry.name)
            except PermissionError as error:
                raise Denied(
                    f"{shown(one)} may not be read.", hint="Check the permissions of the folder."
                ) from error
            for entry in entries:
                if entry.is_file(follow_symlinks=False) and not entry.name.startswith("."):
                    found[Path(entry.path)] = None
        elif one.exists():
            found[one] = None
        else:
            raise NotFound(f"{shown(one)} is not there.", hint="Check the path.")
    return list(found)[:_MOST_FILES]


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
            if not folder.exists():
                missing[folder] = None
    return [*steps, *[Step(source="", target=str(folder)) for folder in missing]]
