"""Reading: documents from strangers, opened in a process of their own with a deadline.

A damaged or hostile PDF can hang or crash its reader; then that process ends, and nothing else.
"""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from loom_desktop.errors import LoomError, NotUnderstood, TimedOut, Unavailable

if TYPE_CHECKING:
    from loom_desktop.text.extract import Document

_PLAIN = ("text", "code", "data")
_PARSED = ("html", "xml", "rtf", "eml", "svg")
_MOST_BYTES = 16_000_000
DEADLINE_S = 20.0


class Reader:
    """Turns a path into a Document."""

    def __init__(self, *, at_once: int = 2, deadline_s: float = DEADLINE_S) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._deadline_s = deadline_s

    async def read(self, path: str) -> Document:
        """The text of the document. Raises Unavailable, NotUnderstood or TimedOut."""
        name = path.rpartition("/")[2]
        if "\0" in path:
            raise Unavailable(f"{name!r} is no path.", hint="Check the path.")
        async with self._free:
            try:
                async with asyncio.timeout(self._deadline_s):
                    frozen = getattr(sys, "frozen", False)
                    if frozen or await asyncio.to_thread(_harmless, path):
                        return await asyncio.to_thread(_extract, path)
                    return await _in_child(path)
            except TimeoutError:
                raise TimedOut(
                    f"{name} took longer than {self._deadline_s:g} s to read.",
                    hint="It may be damaged, or very large.",
                ) from None


def _harmless(path: str) -> bool:
    """Whether reading it takes no parser. Its content says so; its name may lie."""
    from loom_desktop.text.kind import kind_of

    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return True  # refused at once
        kind = kind_of(Path(path))
    except (OSError, ValueError):
        return True  # told by whoever reads it, at once
    return kind.family in _PLAIN and kind.name not in _PARSED


def _extract(path: str) -> Document:
    from loom_desktop.text.extract import extract

    return extract(Path(path))


async def _in_child(path: str) -> Document:
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
    )
    try:
        out, _ = await child.communicate(path.encode("utf-8", "surrogateescape"))
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    name = path.rpartition("/")[2]
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
path = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
try:
    answer = {"document": msgspec.to_builtins(extract(pathlib.Path(path)))}
except LoomError as error:
    answer = {"error": error.message, "hint": error.hint, "kind": type(error).__name__}
sys.stdout.buffer.write(msgspec.msgpack.encode(answer))
"""
