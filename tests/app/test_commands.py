from __future__ import annotations

from app.commands import commands
from app.main import WINDOWS


def test_every_command_has_a_key_of_its_own_and_somebody_who_does_it() -> None:
    keys = [entry.key for entry in commands()]
    assert len(keys) == len(set(keys))
    popup = {"new", "history", "clipboard", "attach", "edit", "again", "branch"}
    shell = {"undo", "pause", "resume", "quit", "cards", *WINDOWS}
    assert {key for key in keys if not key.startswith("write:")} <= popup | shell
