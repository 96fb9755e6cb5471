"""``python -m tests.measures.bench [FOLDER] [--only NAME] [--quick]``: what Loom costs, in figures.

Every figure stands beside the bare floor measured in the same run, as a ratio. Writes bench.json
with all samples and bench.md, and prints both. A target that is missed is told and is no failure;
a measure that breaks is one.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.measures.calm import Calm
from tests.measures.figures import Figure, table
from tests.measures.process import CannotRun
from tests.measures.run import Run

MEASURES = (
    "engine",
    "version",
    "tray",
    "idle",
    "paint",
    "gap",
    "markdown",
    "bus",
    "journal",
    "recall",
    "prompt",
)


def main(argv: Sequence[str] | None = None) -> int:
    """0, or 1 when a measure broke."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("build"))
    parser.add_argument("--only", action="append", choices=MEASURES, metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="two rounds: to see that it works")
    chosen = parser.parse_args(argv)
    began = time.monotonic()
    calm = Calm(rounds=2, repeats=0) if chosen.quick else Calm(rounds=5, repeats=2)
    results: list[tuple[str, list[Figure]]] = []
    not_run: list[tuple[str, str]] = []
    broken = False
    with tempfile.TemporaryDirectory(prefix="loom-bench-", ignore_cleanup_errors=True) as folder:
        run = Run(Path(folder), calm, chosen.quick)
        for name in chosen.only or MEASURES:
            sys.stderr.write(f"measuring: {name}\n")
            before = len(calm.kept_disturbed)
            try:
                found = importlib.import_module(f"tests.measures.{name}").measure(run)
                loud = len(calm.kept_disturbed) > before
                results.append((name, [replace(one, disturbed=loud) for one in found]))
            except CannotRun as why:
                not_run.append((name, str(why)))
            except Exception:  # the others are still worth knowing
                broken = True
                not_run.append((name, f"it broke: {traceback.format_exc()}"))
    said = report(results, not_run, calm)
    said |= {"quick": chosen.quick, "seconds": round(time.monotonic() - began, 1)}
    write(chosen.folder, said, results, not_run)
    return 1 if broken else 0


def report(
    results: Sequence[tuple[str, list[Figure]]], not_run: Sequence[tuple[str, str]], calm: Calm
) -> dict[str, Any]:
    """Everything that is known about the run, as plain data."""
    return {
        "machine": {
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
            "processors": os.cpu_count(),
            "load": [round(one, 2) for one in os.getloadavg()],
        },
        "calm": {
            "calib_ms": round(calm.shortest_ms, 3) if calm.log else None,
            "cells": len(calm.log),
            "discarded": calm.discarded,
            "kept_disturbed": calm.kept_disturbed,
            "log": calm.log,
        },
        "figures": [{"measure": name} | one.plain() for name, found in results for one in found],
        "not_run": [{"measure": name, "why": why} for name, why in not_run],
    }


def write(
    folder: Path,
    said: dict[str, Any],
    results: Sequence[tuple[str, list[Figure]]],
    not_run: Sequence[tuple[str, str]],
) -> None:
    """The two files; on stdout the figures as JSON, without the samples, and then the table."""
    figures = [one for _, found in results for one in found]
    drawn = f"{table(figures, not_run)}\n\n{footnote(said)}\n"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    (folder / "bench.md").write_text(drawn, encoding="utf-8")
    short = said | {"figures": [one.plain(samples=False) for one in figures]}
    short["calm"] = {key: value for key, value in said["calm"].items() if key != "log"}
    sys.stdout.write(f"{json.dumps(short)}\n\n{drawn}")


def footnote(said: dict[str, Any]) -> str:
    """What a reader must know to compare two tables."""
    calm, machine = said["calm"], said["machine"]
    disturbed = ", ".join(dict.fromkeys(calm["kept_disturbed"]))
    lines = [
        f"{machine['system']}, {machine['processors']} processors, Python {machine['python']}, "
        f"load {machine['load'][0]}; {said['seconds']} s"
        + (", quick: too few rounds to judge by" if said["quick"] else ""),
        f"fixed loop {calm['calib_ms']} ms; of {calm['cells']} cells {calm['discarded']} "
        "were disturbed and left out",
    ]
    if disturbed:
        lines.append(f"? the machine was never calm during: {disturbed}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
