"""The exports of uv.lock under requirements/: for installing with pip alone, with hashes.

uv.lock is the source. ``scripts/bootstrap.sh`` falls back to these files where uv cannot be had;
they are used with ``--no-deps``, because the overrides of uv.lock are not in them.

    python scripts/exports.py write     write them
    python scripts/exports.py check     1 when they are not what uv.lock says
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXPORTS: dict[str, tuple[str, ...]] = {
    "base": ("--no-dev", "--extra", "mcp"),  # what `make run` installs
    "dev": ("--extra", "mcp", "--extra", "embed"),  # what `make test` installs
    "voice": ("--no-dev", "--extra", "mcp", "--extra", "voice"),
}
"""Name of the file, and what of the lock goes into it."""


def uv() -> str:
    """The uv of the system, else the one in .venv."""
    beside = Path(sys.executable).with_name("uv")
    return shutil.which("uv") or str(beside)


def export(what: tuple[str, ...]) -> str:
    """One file's text."""
    fixed = ("--frozen", "--quiet", "--no-emit-project", "--no-header", "--no-annotate")
    return subprocess.run(
        [uv(), "export", *fixed, "--format", "requirements-txt", *what],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    ).stdout


def main(arguments: list[str]) -> int:
    """See the module's text."""
    if arguments not in (["write"], ["check"]):
        print(__doc__, file=sys.stderr)
        return 2
    stale = []
    for name, what in EXPORTS.items():
        file = ROOT / "requirements" / f"{name}.lock"
        text = export(what)
        if arguments == ["write"]:
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
        elif not file.exists() or file.read_text(encoding="utf-8") != text:
            stale.append(str(file.relative_to(ROOT)))
    if stale:
        print(f"{', '.join(stale)}: not what uv.lock says. Run: make lock", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
