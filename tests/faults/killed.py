"""Processes that are killed: what each of them runs, and how one is started, killed and judged.

What one does on its way out goes through the pipe of its standard output, a line at a time; a line
that ends was said, whatever came after.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from tests.faults.report import Report
from tests.faults.stores import KEY

ROOT = Path(__file__).resolve().parents[2]
SLOW_MS = 1_000.0
"""What was killed is open again sooner (safety.md, promise 1), or it is wrong."""
LONGEST_S = 0.5
"""Until the kill, and at least three times what a start takes here: 0.1 to 0.2 s on most."""
Say = Callable[[str], None]
Live = Callable[[Path, bytes | None, Say, set[str]], Coroutine[Any, Any, None]]
"""At a path and with its key, until it is killed; and the options that take a guard away."""


def main(live: Live) -> None:
    """``python -m MODULE PATH [--key] [--OPTION]...``: the process that is killed."""
    options = set(sys.argv[2:])
    key = KEY if "--key" in options else None
    asyncio.run(live(Path(sys.argv[1]), key, say, options))


def say(line: str) -> None:
    """In one system call: a kill leaves all of it or nothing."""
    os.write(1, f"{line}\n".encode())


def start(module: str, path: Path, *options: str) -> subprocess.Popen[str]:
    """A process that works at that path, and says what it did."""
    return subprocess.Popen(
        [sys.executable, "-m", module, str(path), *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def longest_s(module: str, path: Path) -> float:
    """How long one may live: three times what a start takes, on this machine as it is now."""
    began = time.perf_counter()
    with start(module, path) as one:
        assert one.stdout is not None
        for line in one.stdout:
            if line == "R\n":
                break
        took_s = time.perf_counter() - began
        one.kill()
    return max(LONGEST_S, 3 * took_s)


def killed_after(seconds: float, one: subprocess.Popen[str]) -> tuple[list[str], str]:
    """What it had said when it was killed, and what it complained of if it ended by itself."""
    try:
        said, complaint = one.communicate(timeout=seconds)
        complaint = f"it ended by itself: {complaint[-500:]}"
    except subprocess.TimeoutExpired:
        one.kill()
        said, complaint = one.communicate()[0], ""
    return said.split("\n")[:-1], complaint  # what comes after the last newline was not said


def opened_again(report: Report, took_ms: float, when: str) -> None:
    """Note and judge how long it took. A negative control is there for other findings."""
    figures = report.figures
    figures["reopen ms max"] = max(figures.get("reopen ms max", 0.0), took_ms)
    if took_ms > SLOW_MS and not report.control:
        report.wrong.append(f"{when}: {took_ms:.0f} ms until it was open; {SLOW_MS:.0f} may be")
