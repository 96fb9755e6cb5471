"""A home for commands, and a way to run them as a person does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from loom_desktop.cli import run

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A LOOM_HOME in which no keyring is asked."""
    place = tmp_path / "home"
    place.mkdir()
    (place / "loom.toml").write_text("[store]\nencrypted = false\n")
    monkeypatch.setenv("LOOM_HOME", str(place))
    monkeypatch.setenv("TZ", "Europe/Berlin")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    return place


@pytest.fixture
def loom(home: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run a command in this process: ``loom("ask", "2 + 2")``."""

    def command(*arguments: str) -> Done:
        capsys.readouterr()
        code = run([*arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return Done(code, out, err)

    return command


def started(*arguments: str, **more: Any) -> subprocess.Popen[bytes]:
    """The command as a process of its own."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), **more.pop("env", {})}
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command = [sys.executable, "-m", "loom_desktop", *arguments]
    return subprocess.Popen(command, env=env, **{**pipes, **more})


@contextmanager
def application(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """``loom run --headless`` in the home, reachable inside the block, ended after it."""
    with started("run", "--headless") as process:
        try:
            assert process.stdout
            first = process.stdout.readline()
            assert b"Loom runs" in first, (first, process.stderr and process.stderr.read())
            yield process
        finally:
            process.terminate()
            process.wait(20)
