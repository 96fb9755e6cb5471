"""Where the shell's pictures and texts lie: beside the checkout or in the wheel."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def folder() -> Path:
    """``resources/`` of the checkout, or ``_resources`` of the installed package."""
    here = Path(__file__).resolve().parent
    for candidate in (here.parent / "_resources", here.parent / "resources"):
        if candidate.is_dir():
            return candidate
    return here.parent / "resources"


def find(name: str) -> Path | None:
    """The file of that name (``icons/state-idle.svg``), or None when it is not there."""
    path = folder() / name
    return path if path.is_file() else None
