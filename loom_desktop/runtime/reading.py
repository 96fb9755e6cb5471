"""Reading: documents from strangers, opened in a process of their own with a deadline.

A damaged or hostile PDF can hang or crash its reader; then that process ends, and nothing else.
What is read is the file that was checked: on Linux it is opened once, and read by its descriptor.
"""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from loom_desktop.errors import Denied, LoomError, NotUnderstood, TimedOut, Unavailable

if TYPE_CHECKING:
    from loom_desktop.actions.folders import Folders
    from loom_desktop.text.extract import Document

_PLAIN = ("text", "code", "data")
_PARSED = ("html", "xml", "rtf", "eml", "svg")
_MOST_BYTES = 16_000_000
_SHOWN = frozenset({"png", "jpeg", "gif", "webp"})
"""Pictures that all wire formats take."""
_MOST_PICTURE = 5_000_000
"""Bytes; the least that one of the providers takes."""
_BY_DESCRIPTOR = sys.platform == "linux"
DEADLINE_S = 20.0


class Picture(NamedTuple):
    """A picture, as it is on the disk."""

    media_type: str
    """``image/png`` ..."""
    data: bytes


class Reader:
    """Turns a path into a Document."""

    def __init__(
        self,
        *,
        at_once: int = 2,
        deadline_s: float = DEADLINE_S,
        closed: Callable[[str], bool] = lambda path: False,
    ) -> None:
        """``closed``: what is not read, whoever asks."""
        self._free = asyncio.Semaphore(at_once)
        self._deadline_s, self._closed = deadline_s, closed

    async def read(self, path: str, *, within: Folders | None = None) -> Document:
        """The text of the document. Raises Unavailable, NotUnderstood, Denied or TimedOut.

        ``within``: it must lie in one of these folders, and no link is followed on the way. Without
        it the path is one that the person named, and leads where it leads.
        """
        name = path.rpartition("/")[2]
        if "\0" in path:
            raise Unavailable(f"{name!r} is no path.", hint="Check the path.")
        async with self._free:
            try:
                async with asyncio.timeout(self._deadline_s):
                    with self._held(path, within) as held:
                        frozen = getattr(sys, "frozen", False)
                        if frozen or await asyncio.to_thread(_harmless, held):
                            return await asyncio.to_thread(_extract, held)
                        return await _in_child(held)
            except TimeoutError:
                raise TimedOut(
                    f"{name} took longer than {self._deadline_s:g} s to read.",
                    hint="It may be damaged, or very large.",
                ) from None

    async def picture(self, path: str, *, within: Folders | None = None) -> Picture | None:
        """The picture as a model takes it, byte for byte; None when it is none. ``within`` as for
        ``read``. Raises what that raises; a kind that no model takes is NotUnderstood."""
        name = path.rpartition("/")[2]
        if "\0" in path:
            raise Unavailable(f"{name!r} is no path.", hint="Check the path.")
        try:
            async with asyncio.timeout(self._deadline_s):
                with self._held(path, within) as held:
                    return await asyncio.to_thread(_picture, held)
        except TimeoutError:
            raise TimedOut(
                f"{name} took longer than {self._deadline_s:g} s to read.",
                hint="The disk it lies on may be gone.",
            ) from None
        except OSError as error:
            raise Unavailable(
                f"{name} cannot be read: {error.strerror or 'the disk reports an error'}.",
                hint="Check the disk and try again.",
            ) from None

    @contextmanager
    def _held(self, path: str, within: Folders | None) -> Iterator[Path]:
        """The file itself, whatever comes to stand under its name meanwhile."""
        whole = Path(os.path.abspath(path))
        if self._closed(path) or (within is not None and not within.covers(path)):
            raise _denied(whole)
        if not _BY_DESCRIPTOR:
            yield whole
            return
        from loom_desktop.text.held import Held

        descriptor = _opened(path) if within is None else _opened_within(whole, within)
        try:
            if self._closed(os.readlink(f"/proc/self/fd/{descriptor}")):
                raise _denied(whole)  # a link came to stand there since
            yield Held.of(descriptor, whole.name)
        finally:
            os.close(descriptor)


def _picture(path: Path) -> Picture | None:
    from loom_desktop.text.kind import kind_of

    kind = kind_of(path)
    if kind.family != "image":
        return None
    if kind.name not in _SHOWN:
        raise NotUnderstood(
            f"{path.name} is a picture of a kind that no model takes ({kind.name}).",
            hint="Save it as PNG or JPEG.",
        )
    with path.open("rb") as file:
        data = file.read(_MOST_PICTURE + 1)
    if len(data) > _MOST_PICTURE:
        raise NotUnderstood(
            f"{path.name} is too large to be shown to a model: more than "
            f"{_MOST_PICTURE // 1_000_000} MB.",
            hint="Save a smaller copy of it.",
        )
    return Picture(f"image/{kind.name}", data)


def _opened(path: str, folder: int | None = None, *, follow: bool = True) -> int:
    """A descriptor; a pipe nobody writes to does not hold us up."""
    name = path.rpartition("/")[2]
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        return os.open(path, flags, dir_fd=folder)
    except FileNotFoundError:
        raise Unavailable(
            f"{name} is no longer there.", hint="It was moved, renamed or removed meanwhile."
        ) from None
    except PermissionError:
        raise Unavailable(
            f"{name} may not be read.", hint="Change its permissions, or choose another file."
        ) from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Denied(
                f"{name} is a link. Loom does not follow links.", hint="Use the real file."
            ) from None
        raise Unavailable(
            f"{name} cannot be read: {error.strerror or 'the disk reports an error'}.",
            hint="Check the disk and try again.",
        ) from error


def _opened_within(whole: Path, within: Folders) -> int:
    with within.opened(whole.parent) as (folder, _):
        return _opened(whole.name, folder, follow=False)


def _denied(whole: Path) -> Denied:
    return Denied(f"{whole.name} is closed to Loom.", hint="Grant its folder under Settings.")


def _harmless(path: Path) -> bool:
    """Whether reading it takes no parser. Its content says so; its name may lie."""
    from loom_desktop.text.kind import kind_of

    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return True  # refused at once
        kind = kind_of(path)
    except (OSError, ValueError):
        return True  # told by whoever reads it, at once
    return kind.family in _PLAIN and kind.name not in _PARSED


def _extract(path: Path) -> Document:
    from loom_desktop.text.extract import extract

    return extract(path)


async def _in_child(path: Path) -> Document:
    descriptor: int = getattr(path, "descriptor", -1)
    from loom_desktop.text.extract import Document

    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-c",
        _CHILD,
        *[one for one in sys.path if one],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=_MOST_BYTES,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        pass_fds=(descriptor,) if descriptor >= 0 else (),
    )
    try:
        # By its descriptor and its name, or by its path where there are none to hand on.
        told = f"{descriptor}\n{path.name if descriptor >= 0 else path}"
        out, _ = await child.communicate(told.encode("utf-8", "surrogateescape"))
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    name = path.name
    if child.returncode != 0 or not out:
        raise NotUnderstood(
            f"{name} cannot be read: its reader gave up.", hint="It may be damaged."
        )
    try:
        answer = msgspec.msgpack.decode(out, type=_Answer)
    except msgspec.DecodeError as error:
        raise NotUnderstood(f"{name} cannot be read.") from error
    if answer.error:
        kind: type[LoomError] = NotUnderstood if answer.kind == "NotUnderstood" else Unavailable
        raise kind(answer.error, hint=answer.hint)
    return msgspec.convert(answer.document, Document)


class _Answer(msgspec.Struct):
    document: dict[str, object] = {}
    error: str = ""
    hint: str = ""
    kind: str = ""


_CHILD = """
import os, resource, sys
sys.path[:0] = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
import msgspec, pathlib
from loom_desktop.errors import LoomError
from loom_desktop.text.extract import extract
told = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
number, _, name = told.partition("\\n")
if int(number) >= 0:
    from loom_desktop.text.held import Held
    path = Held.of(int(number), name)
else:
    path = pathlib.Path(name)
try:
    answer = {"document": msgspec.to_builtins(extract(path))}
except LoomError as error:
    answer = {"error": error.message, "hint": error.hint, "kind": type(error).__name__}
sys.stdout.buffer.write(msgspec.msgpack.encode(answer))
"""
