from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

from app.engine_words import KNOWN, engine_words


def test_every_sentence_of_the_settings_is_known_to_the_windows() -> None:
    from loom_desktop import agents, settings, sources

    kinds = list(settings.SECTIONS.values())
    for package in (sources, agents):
        for found in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{found.name}")
            kinds += [module.Settings] if hasattr(module, "Settings") else []
    assert len(kinds) > len(settings.SECTIONS)
    said = {words for kind in kinds for words in settings.sentences(kind).values()}
    states = {"Ready", "Thinking", "Waiting for your answer", "Capture is paused"}
    assert set(KNOWN) == said | states


async def test_how_loom_stands_is_known_to_the_windows(speak: Callable[[str], str]) -> None:
    from zoneinfo import ZoneInfo

    from loom_desktop.bus import Bus
    from loom_desktop.runtime.status import UNTIL_TOLD, Status
    from loom_desktop.testing import FakeClock

    status = Status(Bus(), clock := FakeClock(), lambda: ZoneInfo("UTC"))
    said = {status.words}
    status.turns = {7: 5}
    said.add(status.words)
    status.turns, status.paused_until = {}, UNTIL_TOLD
    said.add(status.words)
    assert said == {"Ready", "Thinking", "Capture is paused"}
    assert said <= set(KNOWN)
    status.paused_until = clock() + 600
    speak("de")
    assert engine_words(status.words) == "Loom sieht bis 08:10 nicht hin"


def test_what_the_engine_says_is_put_into_german(speak: Callable[[str], str]) -> None:
    speak("de")
    assert engine_words("Ready") == "Bereit"
    assert engine_words("Capture is paused until 14:30") == "Loom sieht bis 14:30 nicht hin"
    assert engine_words("An agent of somebody else.") == "An agent of somebody else."
    assert engine_words("") == ""
