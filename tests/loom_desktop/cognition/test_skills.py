from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.cognition.skills import Phrase, understand

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=ZoneInfo("Europe/Berlin"))
LONG = "The river rose in the night and by morning the lower fields were under water. " * 6


def wish(text: str, files: tuple[str, ...] = (), clip: str = "") -> str:
    found = understand(Phrase(text, files, clip, NOW))
    return found.capability if found else ""


@pytest.mark.parametrize(
    ("text", "capability"),
    [
        ("Remind me every weekday at half past eight to stretch", "reminders.add"),
        ("please can you remind me in 5 minutes", "reminders.add"),
        ("could you remind me tomorrow?", "reminders.add"),
        ("Remember to call Anna on Friday", "reminders.add"),
        ("set an alarm for 6", "reminders.add"),
        ("wake me at 6:30", "reminders.add"),
        ("Erinnere mich morgen um 8 an den Müll", "reminders.add"),
        ("rappelle-moi demain de sortir", "reminders.add"),
        ("recuérdame mañana llamar a Ana", "reminders.add"),
        ("my reminders", "reminders.list"),
        ("what reminders do I have?", "reminders.list"),
        ("Welche Erinnerungen habe ich?", "reminders.list"),
        ("note: the key is under the mat", "notes.add"),
        ("Take a note that Tom has the key", "notes.add"),
        ("Notiz: Schlüssel bei Tom", "notes.add"),
        ("find notes about the key", "notes.find"),
        ("suche meine Notizen nach Schlüssel", "notes.find"),
        ("my notes", "notes.find"),
        ("Remember that Anna lives in Bonn", "memory.remember"),
        ("please remember: the key is under the mat", "memory.remember"),
        ("Vergiss nicht, dass Anna in Bonn wohnt", "memory.remember"),
        ("souviens-toi que la clé est chez Tom", "memory.remember"),
        ("What do you remember?", "memory.find"),
        ("what do you remember about the key", "memory.find"),
        ("What do you know about me?", "memory.find"),
        ("what do you know about Anna", "memory.find"),
        ("Was weißt du über Anna?", "memory.find"),
        ("que sais-tu de Tom ?", "memory.find"),
        ("forget that Anna lives in Bonn", "memory.find"),
        ("Vergiss alles über Anna", "memory.find"),
        ("forget memory 12", "memory.forget"),
        ("Summarise what I copied", "text.summarize_clipboard"),
        ("tl;dr", "text.summarize_clipboard"),
        ("Summarize this.", "text.summarize_clipboard"),
        ("Fasse das zusammen", "text.summarize_clipboard"),
        (f"Summarise: {LONG}", "text.summarize"),
        ("sort my downloads", "files.plan"),
        ("Tidy up the files in my folder", "files.plan"),
        ("räum meine Downloads auf", "files.plan"),
        ("undo", "files.undo"),
        ("undo that", "files.undo"),
        ("help", "desktop.help"),
        ("what can you do?", "desktop.help"),
        ("Hello Loom!", "desktop.help"),
        ("thanks a lot", "desktop.welcome"),
        ("What is 15% of 240?", "calculate.evaluate"),
        ("2 + 2 * 3", "calculate.evaluate"),
        ("10 km in miles", "calculate.convert"),
        ("days until 24 December", "calculate.date"),
        # and what is none of these is for a model
        ("", ""),
        ("Tell me a joke", ""),
        ("forget it", ""),
        ("Forget about it!", ""),
        ("forget what I said", ""),
        ("remember the Alamo?", ""),
        ("Summarise the history of Rome", ""),
        ("reminders of the past are everywhere", ""),
        ("Noteworthy things about Rome", ""),
        ("Sort of weird, is it not", ""),
        ("Write a poem about 3 apples", ""),
        ("Undo the damage in my marriage", ""),
        ("Why does 2020 matter?", ""),
    ],
)
def test_phrases(text: str, capability: str) -> None:
    assert wish(text) == capability


def test_what_came_along_decides_what_is_meant() -> None:
    assert wish("Summarise this", files=("/a.pdf",)) == "text.summarize_file"
    assert wish("summarise it in two sentences") == "text.summarize_clipboard"
    assert wish("Summarise this", files=("/a.pdf", "/b.pdf")) == "text.summarize_files"
    assert wish("Summarise what I copied", clip="a text") == "text.summarize"
    assert wish("sort this", files=("/a.pdf",)) == "files.plan"
    assert wish("What does it say?", files=("/a.pdf",)) == "text.read"
    assert wish("What is 15% of 240?", files=("/a.pdf",)) != "calculate.evaluate"


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("sum up in one sentence", 1),
        ("summarise this in 4 sentences", 4),
        ("fasse das in zwei Sätzen zusammen", 2),
        ("résume en trois phrases", 3),
        ("summarise", None),
    ],
)
def test_a_summary_is_as_long_as_was_asked(text: str, sentences: int | None) -> None:
    found = understand(Phrase(text, ("/a.txt",), "", NOW))
    assert found
    assert found.arguments.get("sentences") == sentences


def test_a_model_is_better_at_texts_and_never_at_arithmetic() -> None:
    summary = understand(Phrase("tl;dr", (), "a text", NOW))
    sum_ = understand(Phrase("2+2", (), "", NOW))
    assert summary
    assert sum_
    assert summary.better_with_model
    assert not sum_.better_with_model


def test_an_impossible_sum_is_a_sum() -> None:
    found = understand(Phrase("0/0", (), "", NOW))
    assert found
    assert found.skill == "calculator"


@given(st.text(max_size=300))
def test_any_text_is_understood_or_not(text: str) -> None:
    found = understand(Phrase(text, (), "", NOW))
    assert found is None or found.capability.count(".") == 1


def test_a_long_text_is_only_looked_at_for_a_summary() -> None:
    """Some patterns take time with the square of the text: 30 kB of blanks took seconds."""
    assert wish("find notes about a" + " " * 30_000 + "b") == ""
    assert wish("Summarise: " + "The river rose in the night. " * 400) == "text.summarize"
