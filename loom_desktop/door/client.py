"""Talks to the running application over its socket. Standard library only: it must be quick.

A request is one line ``{"v": 1, "verb": ..., "arguments": {...}}``; the answer is one line
``{"ok": true, "value": ...}`` or ``{"ok": false, "error": {"message", "hint", "code"}}``. With
``"stream": true`` lines ``{"event": {...}}`` come before the answer.
"""

from __future__ import annotations

import json
import os
import socket
import stat
import sys
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 1
_MOST_BYTES = 16_000_000


class NotRunning(Exception):
    """Nobody listens: there is no running application."""


class Failed(Exception):
    """The running application answered with an error."""

    def __init__(self, message: str, hint: str, code: str) -> None:
        super().__init__(message)
        self.message, self.hint, self.code = message, hint, code


def address() -> str:
    """The socket of this person's application. The same place as ``paths().socket``, found without
    the modules that know where everything else is: they are half of what a second start costs."""
    if home := os.environ.get("LOOM_HOME"):
        return os.path.join(os.path.realpath(os.path.expanduser(home)), "loom.sock")
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        return os.path.join(runtime, "loom", "loom.sock")
    from loom_desktop.paths import paths

    return str(paths().socket)


def call(
    verb: str, arguments: dict[str, Any], *, at: Path | str | None = None, timeout_s: float = 30.0
) -> Any:
    """Ask and wait for the answer. Raises NotRunning when nobody was asked, else Failed."""
    with closing(_talk(verb, arguments, at, stream=False, timeout_s=timeout_s)) as lines:
        return _value(next(lines))


def stream(
    verb: str, arguments: dict[str, Any], *, at: Path | str | None = None, timeout_s: float = 900.0
) -> Iterator[dict[str, Any]]:
    """The events of the conversation as they come: ``{"topic", "payload", "trace"}``."""
    with closing(_talk(verb, arguments, at, stream=True, timeout_s=timeout_s)) as lines:
        for line in lines:
            if "event" not in line:
                _value(line)
                return
            yield line["event"]


def show(window: str, *, toggle: bool = False) -> int | None:
    """Bring up a window of the running application; None when there is no application.

    With ``toggle`` a popup that is there already goes away.
    """
    try:
        call("show", {"window": window} | ({"toggle": True} if toggle else {}), timeout_s=5.0)
    except NotRunning:
        return None
    except Failed as error:
        sys.stderr.write(f"{error.message} {error.hint}".strip() + "\n")
        return 1
    return 0


def _talk(
    verb: str, arguments: dict[str, Any], at: Path | str | None, *, stream: bool, timeout_s: float
) -> Generator[dict[str, Any], None, None]:
    """The lines of the answer. Once something was sent it is never NotRunning: what was asked may
    have been done, and somebody who asks again elsewhere would do it twice."""
    request = {"v": VERSION, "verb": verb, "arguments": arguments, "stream": stream}
    try:
        line = json.dumps(request, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:  # names of files that are not text
        line = json.dumps(request).encode() + b"\n"
    with _connected(at or address(), timeout_s) as link, link.makefile("rb") as lines:
        try:
            link.sendall(line)
            while answer := lines.readline(_MOST_BYTES):
                yield _answer(answer)
        except TimeoutError:
            raise Failed(
                f"Loom did not answer within {timeout_s:g} s.", "Try again, or restart it.",
                "ACTION_TIMEOUT",
            ) from None  # fmt: skip
        except (OSError, ValueError) as error:
            raise _ended() from error
    raise _ended()


def _connected(at: Path | str, timeout_s: float) -> socket.socket:
    """Raises NotRunning."""
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        found = os.stat(at)
        if not stat.S_ISSOCK(found.st_mode) or found.st_uid != os.getuid():
            raise NotRunning(f"{at} is not the socket of your application.")
        link.settimeout(timeout_s)
        link.connect(str(at))
    except OSError as error:
        link.close()
        raise NotRunning(str(error)) from None
    except BaseException:
        link.close()
        raise
    return link


def _answer(line: bytes) -> dict[str, Any]:
    answer = json.loads(line)
    if not isinstance(answer, dict):
        raise ValueError("no answer of ours")
    return answer


def _ended() -> Failed:
    return Failed(
        "Loom ended before it answered.",
        "Start it again, and see with `loom inbox` what was done.",
        "UNKNOWN",
    )


def _value(line: dict[str, Any]) -> Any:
    if line.get("ok"):
        return line.get("value")
    error = line.get("error", {})
    raise Failed(error.get("message", "It failed."), error.get("hint", ""), error.get("code", ""))
