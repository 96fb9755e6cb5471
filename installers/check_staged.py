"""Asks Briefcase itself whether it understands the staged project, for every system, on any host.

    make briefcase-check                             (brings Briefcase; 46 MB, so not in .venv)
    python installers/check_staged.py build/briefcase

It only parses: no template, no network.
"""

from __future__ import annotations

import sys
from pathlib import Path

TARGETS = (
    ("linux", "system"),
    ("linux", "appimage"),
    ("linux", "flatpak"),
    ("windows", "app"),
    ("macOS", "app"),
)


def check(staged: Path) -> None:
    """Print a line per target. Raises what Briefcase raises when it does not understand."""
    from briefcase.config import parse_config  # type: ignore[import-not-found]  # not in .venv
    from briefcase.console import Console  # type: ignore[import-not-found]  # not in .venv

    for platform, form in TARGETS:
        _, apps = parse_config(
            staged / "pyproject.toml", platform=platform, output_format=form, console=Console()
        )
        app = apps["loom-desktop"]
        print(f"{platform:8} {form:9} {app['formal_name']} {app['version']}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    check(Path(sys.argv[1]).resolve())
