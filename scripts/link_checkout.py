"""Makes this checkout importable in its .venv, and writes the command ``loom`` there.

Run by ``scripts/bootstrap.sh`` with the Python of .venv. What a build backend would do for an
editable installation, without one.
"""

from __future__ import annotations

import shlex
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

COMMAND = """\
import sys

from loom_desktop.__main__ import main

sys.exit(main())
"""


def first_lines(python: Path) -> str:
    """How the system finds the interpreter; its own line may hold no space and few characters."""
    if " " not in str(python) and len(str(python)) < 120:
        return f"#!{python}\n"
    # a shell reads this as `exec PYTHON this-file`, Python as a string
    return f"#!/bin/sh\n'''exec' {shlex.quote(str(python))} \"$0\" \"$@\"\n' '''\n"


def link(packages: Path, scripts: Path) -> None:
    """Write the path file and the command into these two folders of the environment."""
    (packages / "loom_desktop_checkout.pth").write_text(f"{ROOT}\n", encoding="utf-8")
    command = scripts / "loom"
    command.write_text(first_lines(scripts / "python") + COMMAND, encoding="utf-8")
    command.chmod(0o755)


if __name__ == "__main__":
    link(Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("scripts")))
