"""Programs that are measured: started with compiled modules, watched from outside, and ended."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
FLOORS, OURS = HERE / "floors", HERE / "ours"
DEADLINE_S = 30.0


class CannotRun(Exception):
    """This machine lacks what the measure needs; the text says what."""


def environment(base: Mapping[str, str] | None = None, **more: str) -> dict[str, str]:
    """For every program of a measure: nothing of the person's own, and modules stay compiled.

    Without that the compiler would be most of what is measured.
    """
    env = dict(os.environ if base is None else base)
    for name in list(env):
        if name.startswith(("LOOM_", "PYTHON")):
            del env[name]
    return env | {"PYTHONPATH": str(ROOT)} | more


def python(script: Path, *arguments: object) -> list[str]:
    """``-P``: the folder of the script is not searched, so its name hides no module."""
    return [sys.executable, "-P", str(script), *map(str, arguments)]


def loom(*arguments: str) -> list[str]:
    """The installed command, or else the module."""
    installed = Path(sys.executable).parent / "loom"
    start = [str(installed)] if installed.exists() else [sys.executable, "-m", "loom_desktop"]
    return [*start, *arguments]


def whole_ms(command: Sequence[str], env: Mapping[str, str]) -> float:
    """How long the process lives, in ms. Raises CannotRun when it fails."""
    began = time.perf_counter()
    done = subprocess.run(
        command, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE_S
    )
    took = (time.perf_counter() - began) * 1000
    if done.returncode:
        raise CannotRun(f"{command[-2:]} failed: {done.stderr.decode(errors='replace')[-400:]}")
    return took


def told(command: Sequence[str], env: Mapping[str, str]) -> dict[str, Any]:
    """The JSON object in the first line that the program writes, with ``ms`` since its start.

    The program stamps ``at`` itself, by ``time.monotonic()``, which all processes share.
    """
    began = time.monotonic()
    done = subprocess.run(
        command, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE_S
    )
    if done.returncode or not done.stdout:
        raise CannotRun(f"{command[2:4]} failed: {done.stderr.decode(errors='replace')[-400:]}")
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[0])
    if "at" in said:
        said["ms"] = (said["at"] - began) * 1000
    return said


@contextlib.contextmanager
def running(
    command: Sequence[str], env: Mapping[str, str], log: Path
) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """The process and when it was started (monotonic); ended when the block is left."""
    with log.open("ab") as out:
        began = time.monotonic()
        process = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=log.parent
        )
    try:
        yield process, began
    except CannotRun as why:
        said = [tail(one) for one in (log, log.parent / "logs" / "loom.log")]
        raise CannotRun(" | ".join([str(why), *filter(None, said)])) from why
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def tail(log: Path, length: int = 400) -> str:
    """The end of what a program wrote; nothing when it wrote nothing."""
    return log.read_text(errors="replace")[-length:].strip() if log.exists() else ""


@dataclass(frozen=True, slots=True)
class Memory:
    """MB. ``pss`` counts pages that several processes share in parts."""

    rss: float
    pss: float


def memory(pid: int) -> Memory:
    found = _fields(Path(f"/proc/{pid}/smaps_rollup"))
    return Memory(found["Rss"] / 1024, found["Pss"] / 1024)


@dataclass(frozen=True, slots=True)
class Use:
    """What all threads of a process have used so far."""

    cpu_s: float
    wakeups: int
    threads: int

    def __sub__(self, earlier: Use) -> Use:
        return Use(self.cpu_s - earlier.cpu_s, self.wakeups - earlier.wakeups, self.threads)


def use(pid: int) -> Use:
    """User and system time and voluntary context switches of the threads that live.

    By the scheduler's own count of nanoseconds: 30 s at 0.05 % are less than two clock ticks.
    """
    switches, threads, running_ns = 0, 0, 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # it ended while we looked
            switches += _fields(task / "status")["voluntary_ctxt_switches"]
            running_ns += int((task / "schedstat").read_text().split()[0])
            threads += 1
    return Use(running_ns / 1e9, switches, threads)


def _fields(path: Path) -> dict[str, int]:
    found = {}
    for line in path.read_text().splitlines():
        name, _, rest = line.partition(":")
        first = rest.split()[:1]
        if first and first[0].isdigit():
            found[name] = int(first[0])
    return found
