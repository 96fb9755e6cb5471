"""What all measures of one run share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.measures.calm import Calm
from tests.screen import Screen


@dataclass(slots=True)
class Run:
    """``folder`` is empty and theirs; ``quick`` is for seeing that everything works."""

    folder: Path
    calm: Calm
    quick: bool = False

    def fresh(self, name: str) -> Path:
        """A new folder."""
        for number in range(10_000):
            made = self.folder / f"{name}-{number}"
            if not made.exists():
                made.mkdir(parents=True)
                return made
        raise AssertionError("ten thousand folders of one name")

    def home(self, name: str) -> Path:
        """A LOOM_HOME in which the clipboard and a folder are watched."""
        home = self.fresh(name)
        watched = home / "Downloads"
        watched.mkdir()
        (home / "loom.toml").write_text(
            "[sources.clipboard]\nenabled = true\n"
            f'[sources.files]\nenabled = true\nfolders = ["{watched}"]\n'
        )
        return home


def lacking() -> list[str]:
    """The programs for a private desktop that this machine has not."""
    return Screen.missing()
