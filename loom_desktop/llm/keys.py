"""API keys are named in loom.toml, never written there.

``keyring:NAME`` is a secret stored with ``loom secrets set NAME``, ``env:NAME`` a variable of the
environment, ``cmd:...`` a program that prints the key (run without a shell, with a deadline).
A key never appears in an error.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shlex
import subprocess
from collections.abc import Awaitable, Callable, Mapping

from loom_desktop.errors import SettingsError

Secrets = Callable[[str], Awaitable[str | None]]
"""Gives a stored secret by its name, None when there is none."""

COMMAND_S = 10.0
_MOST_BYTES = 10_000
_END_S = 1.0
_REST_S = 0.5
"""How long what an ended command printed may take to come out of the pipe."""


def check(reference: str, setting: str) -> None:
    """Refuse what is not a reference, with the command that stores it. Nothing is looked up."""
    kind, colon, rest = reference.partition(":")
    if not reference or (colon and kind in ("keyring", "env", "cmd") and rest.strip()):
        return
    name = setting.rpartition(".")[2] or "name"
    if colon and kind in ("keyring", "env", "cmd"):
        raise SettingsError(
            f"[{setting}] api_key: {kind}: names nothing.",
            hint=f'Write a name behind it, for example "{kind}:{name}".',
        )
    raise SettingsError(
        f"[{setting}] api_key holds the key itself, which does not belong in a file.",
        hint=f'Store it with "loom secrets set {name}" and write api_key = "keyring:{name}".',
    )


async def resolve(
    reference: str,
    setting: str,
    secrets: Secrets,
    *,
    environ: Mapping[str, str] | None = None,
    timeout_s: float = COMMAND_S,
) -> str:
    """The key that ``reference`` names; empty for an empty reference. Raises SettingsError."""
    check(reference, setting)
    if not reference:
        return ""
    kind, _, rest = reference.partition(":")
    rest = rest.strip()
    if kind == "keyring":
        found = await secrets(rest)
        missing = f"There is no secret called {rest!r}."
        hint = f'Store it with "loom secrets set {rest}".'
    elif kind == "env":
        found = (os.environ if environ is None else environ).get(rest)
        missing = f"The environment variable {rest} is not set."
        hint = f"Set it before Loom starts, or store the key with: loom secrets set {rest.lower()}"
    else:
        found = await _printed(rest, setting, timeout_s)
        missing = f"[{setting}] api_key: the command printed nothing."
        hint = "Run it in a terminal to see why."
    key = (found or "").strip()
    if not key:
        raise SettingsError(missing, hint=hint)
    if re.search(r"[\x00-\x20\x7f]|[^\x00-\x7f]", key):
        raise SettingsError(
            f"[{setting}] api_key: what {kind}: gives is no key: it holds blanks or line breaks.",
            hint="Only the key itself must be stored or printed.",
        )
    return key


async def _printed(command: str, setting: str, timeout_s: float) -> str:
    """The first line that a command prints."""
    loop = asyncio.get_running_loop()
    try:
        child, output = await loop.subprocess_exec(
            _Output,
            *shlex.split(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except (ValueError, OSError, TypeError) as error:
        said = error.strerror if isinstance(error, OSError) else str(error)
        raise SettingsError(
            f"[{setting}] api_key: the command cannot be run: {said}.",
            hint="It is run without a shell: give the program and its arguments.",
        ) from error
    try:
        async with asyncio.timeout(timeout_s):
            await output.over.wait()
    except TimeoutError as error:
        raise SettingsError(
            f"[{setting}] api_key: the command took longer than {timeout_s:g} seconds.",
            hint="It may wait for a password; run it once in a terminal.",
        ) from error
    finally:
        child.close()  # kills what still runs, and waits for nobody who holds the pipe
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_S):
                await output.exited.wait()
    if len(output.data) >= _MOST_BYTES:
        raise SettingsError(
            f"[{setting}] api_key: the command printed far more than a key.",
            hint="It must print the key and end.",
        )
    if code := child.get_returncode():
        raise SettingsError(
            f"[{setting}] api_key: the command ended with status {code}.",
            hint="Run it in a terminal to see why.",
        )
    lines = output.data.decode("utf-8", errors="replace").splitlines()
    return lines[0] if lines else ""


class _Output(asyncio.SubprocessProtocol):
    """What a command prints until it ends, or until it is too much.

    A command may leave a child behind that holds its output open (a key agent does), so the end of
    the command counts, and the end of the output only for a moment longer.
    """

    def __init__(self) -> None:
        self.data = bytearray()
        self.over, self.exited, self._closed = asyncio.Event(), asyncio.Event(), False

    def pipe_data_received(self, _fd: int, data: bytes) -> None:
        self.data += data[: _MOST_BYTES - len(self.data)]
        if len(self.data) >= _MOST_BYTES:
            self.over.set()

    def pipe_connection_lost(self, _fd: int, _error: Exception | None) -> None:
        self._closed = True
        if self.exited.is_set():
            self.over.set()

    def process_exited(self) -> None:
        self.exited.set()
        if self._closed:
            self.over.set()
        else:
            asyncio.get_running_loop().call_later(_REST_S, self.over.set)
