"""Which system packages are missing, asked of the loader and the file system.

Standard library only: it runs before anything is installed. ``scripts/system-deps.toml`` is the
list; what looks is here. It never installs: ``scripts/bootstrap.sh`` does.

    python scripts/system_deps.py missing run|test    package names on one line; empty: complete
    python scripts/system_deps.py command run|test    the one command that installs them
    python scripts/system_deps.py strict              1 when the tests have all they need, else 0
"""

from __future__ import annotations

import ctypes
import glob
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

LIST = Path(__file__).with_name("system-deps.toml")
PROFILES = {
    "run": ("base", "x11", "wayland"),
    "test": ("base", "x11", "wayland", "test"),
}
"""Which groups of the list a profile needs."""
INSTALL = {
    "apt": ("apt-get", "apt-get install -y --no-install-recommends"),
    "dnf": ("dnf", "dnf install -y"),
    "pacman": ("pacman", "pacman -S --needed"),
}
"""Kind of names in the list: the program that tells the system, and its command."""

Dependency = dict[str, str]


def read(file: Path = LIST) -> list[Dependency]:
    """The list, in its order."""
    entries: list[Dependency] = tomllib.loads(file.read_text(encoding="utf-8"))["dependency"]
    return entries


def loads(soname: str) -> bool:
    """Whether the loader finds the library: its own answer, without root, compiler or cache."""
    try:
        ctypes.CDLL(soname)
    except OSError:
        return False
    return True


def there(dependency: Dependency) -> bool:
    """Whether this machine has it, by the one of three questions that the entry asks."""
    if soname := dependency.get("soname"):
        return loads(soname)
    if program := dependency.get("program"):
        return shutil.which(program) is not None
    return bool(glob.glob(dependency["file"]))


def missing(
    groups: Iterable[str], *, file: Path = LIST, found: Callable[[Dependency], bool] = there
) -> list[Dependency]:
    """What these groups need and the machine lacks."""
    wanted = set(groups)
    return [one for one in read(file) if one["group"] in wanted and not found(one)]


def names(dependencies: Iterable[Dependency], kind: str = "apt") -> list[str]:
    """Package names, each once, in the order of the list; those unknown for the system left out."""
    return list(dict.fromkeys(one[kind] for one in dependencies if one.get(kind)))


def system() -> str:
    """The kind of names this machine speaks; ``apt`` when it cannot be told."""
    return next((kind for kind, (tool, _) in INSTALL.items() if shutil.which(tool)), "apt")


def main(arguments: list[str]) -> int:
    """See the module's text."""
    match arguments:
        case ["missing", profile] if profile in PROFILES:
            lacking = missing(PROFILES[profile])
            # a name we do not know for this system is still said, by what was looked for
            print(" ".join(names(lacking, system())) or " ".join(map(looked_for, lacking)))
        case ["command", profile] if profile in PROFILES:
            kind = system()
            print(f"sudo {INSTALL[kind][1]} {' '.join(names(missing(PROFILES[profile]), kind))}")
        case ["strict"]:
            print(0 if missing(PROFILES["test"]) else 1)
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


def looked_for(dependency: Dependency) -> str:
    """The library, program or file that the entry is about."""
    return dependency.get("soname") or dependency.get("program") or dependency["file"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
