"""Moves: files change their place and name, one act at a time, each written down before it is done.

Nothing is ever deleted or replaced. A target that exists gets a number; a move to another disk is
a copy that is compared before the first one goes. Undo looks whether the file is still the one
that was moved, and says so where it is not.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from loom_desktop.actions.folders import Folders, check_name, rename, shown
from loom_desktop.errors import Denied, LoomError, NotFound, Unavailable

_HASH_UP_TO = 64 * 1024 * 1024
_CHUNK = 1 << 20
_MOST_COPIES = 1000


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was moved, and how to know it again."""

    source: str
    target: str
    size: int
    mtime_ns: int
    sha256: str = ""
    """Empty above 64 MB: there size and time decide."""
    made: tuple[str, ...] = ()
    """Folders made for it; undo removes them when they are empty."""


def move(folders: Folders, source: Path, target: Path) -> Moved:
    """Move one file. Blocks: run it in a thread. Raises LoomError; then nothing was changed."""
    check_name(target.name)
    with folders.opened(source.parent) as (from_folder, _):
        found = folders.regular(from_folder, source.name, source)
        sha256 = _hash(from_folder, source.name) if found.st_size <= _HASH_UP_TO else ""
        with folders.opened(target.parent, make=True) as (to_folder, made):
            try:
                name = _put(from_folder, source, to_folder, target, sha256)
            except BaseException:
                remove_if_empty(str(one) for one in made)
                raise
    return Moved(
        source=str(source),
        target=str(target.parent / name),
        size=found.st_size,
        mtime_ns=found.st_mtime_ns,
        sha256=sha256,
        made=tuple(str(one) for one in made),
    )


def undo(folders: Folders, moved: Moved) -> None:
    """Move it back. Blocks. Raises Denied or NotFound with the reason when it cannot be."""
    source, target = Path(moved.source), Path(moved.target)
    with folders.opened(target.parent) as (from_folder, _):
        found = folders.regular(from_folder, target.name, target)
        if (found.st_size, found.st_mtime_ns) != (moved.size, moved.mtime_ns):
            raise Denied(f"{shown(target)} was changed since. It stays where it is.")
        if moved.sha256 and _hash(from_folder, target.name) != moved.sha256:
            raise Denied(f"{shown(target)} was changed since. It stays where it is.")
        with folders.opened(source.parent, make=True) as (to_folder, _):
            try:
                _exact(from_folder, target, to_folder, source, moved.sha256)
            except FileExistsError:
                raise Denied(
                    f"There is another file at {shown(source)} now.",
                    hint="Move that one away, then undo again.",
                ) from None
            except OSError as error:
                raise _told(error, source) from error
    remove_if_empty(moved.made)


def _put(from_folder: int, source: Path, to_folder: int, target: Path, sha256: str) -> str:
    """Under the first name that is free, told by the file system and not by a look before."""
    for number in range(1, _MOST_COPIES):
        name = target.name if number == 1 else f"{target.stem} ({number}){target.suffix}"
        try:
            _exact(from_folder, source, to_folder, target.parent / name, sha256)
        except FileExistsError:
            continue
        except OSError as error:
            raise _told(error, target) from error
        return name
    raise Unavailable(f"There are {_MOST_COPIES} files named like {shown(target.name)} already.")


def _exact(from_folder: int, source: Path, to_folder: int, target: Path, sha256: str) -> None:
    try:
        rename(from_folder, source.name, to_folder, target.name)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy(from_folder, source, to_folder, target, sha256)


def _copy(from_folder: int, source: Path, to_folder: int, target: Path, sha256: str) -> None:
    """To another disk: copied beside the target, compared, put in place, and only then moved."""
    part = f".{target.name[:80]}.loom-part"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    reader = os.open(source.name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=from_folder)
    try:
        before = os.fstat(reader)
        _drop(part, to_folder)  # the half of a copy that a crash left behind
        writer = os.open(part, flags, before.st_mode & 0o777, dir_fd=to_folder)
        try:
            with os.fdopen(writer, "wb", closefd=False) as out:
                while chunk := os.read(reader, _CHUNK):
                    out.write(chunk)
            os.fsync(writer)
            os.utime(writer, ns=(before.st_atime_ns, before.st_mtime_ns))
            after = os.fstat(writer)
            if after.st_size != before.st_size or _hash(to_folder, part) != (
                sha256 or _hash(from_folder, source.name)
            ):
                raise _changed(source)
            rename(to_folder, part, to_folder, target.name)
        except BaseException:
            _drop(part, to_folder)
            raise
        finally:
            os.close(writer)
        # What is removed is what was copied: the same file under that name, and nothing written
        # to it meanwhile. The moment between this look and the next line cannot be closed.
        try:
            named = os.stat(source.name, dir_fd=from_folder, follow_symlinks=False)
        except FileNotFoundError:
            return  # somebody removed it: the copy is all there is now
        if not _identity(before) == _identity(os.fstat(reader)) == _identity(named):
            _drop(target.name, to_folder)
            raise _changed(source)
        os.unlink(source.name, dir_fd=from_folder)
    finally:
        os.close(reader)


def _identity(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _changed(source: Path) -> Unavailable:
    return Unavailable(f"{shown(source)} changed while it was copied.", hint="Try again.")


def _drop(name: str, folder: int) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return


def _hash(folder: int, name: str) -> str:
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)
    try:
        import hashlib

        total = hashlib.sha256()
        while chunk := os.read(descriptor, _CHUNK):
            total.update(chunk)
        return total.hexdigest()
    finally:
        os.close(descriptor)


def _told(error: OSError, where: Path) -> LoomError:
    if error.errno == errno.ENOSPC:
        return Unavailable(
            f"There is no space for {shown(where)}.", hint="Free some space and try again."
        )
    if isinstance(error, FileNotFoundError):
        return NotFound(f"{shown(where)} is not there any more.")
    return Unavailable(
        f"{shown(where)} cannot be written: {error.strerror}.",
        hint="Check the permissions of the folder.",
    )


def remove_if_empty(folders: Iterable[str]) -> None:
    """Remove folders that were made for a move, the innermost first, while they are empty."""
    for folder in reversed(list(folders)):
        try:
            Path(folder).rmdir()
        except OSError:
            return  # not empty, or gone: then it is not ours to remove
