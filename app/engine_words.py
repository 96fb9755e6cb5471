"""What the engine says in the same words each time, so that the windows can say it in theirs.

The engine speaks English. Most of what it says is made for the moment and shown as it is; what is
here never changes and stands in the middle of the windows' own words: the sentences of the
settings, and the line about how Loom stands.
"""

from __future__ import annotations

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

_PAUSED_UNTIL = "Capture is paused until "

KNOWN: tuple[object, ...] = (
    QT_TRANSLATE_NOOP("Engine", "Ready"),
    QT_TRANSLATE_NOOP("Engine", "Thinking"),
    QT_TRANSLATE_NOOP("Engine", "Waiting for your answer"),
    QT_TRANSLATE_NOOP("Engine", "Capture is paused"),
    # [assistant]
    QT_TRANSLATE_NOOP(
        "Engine",
        "Language of the windows: system, en, de. Loom's answers and cards are English for now.",
    ),
    QT_TRANSLATE_NOOP("Engine", "Light or dark windows, or as the system says."),
    QT_TRANSLATE_NOOP("Engine", "Start when you log in, quietly, in the tray."),
    QT_TRANSLATE_NOOP("Engine", "Which agents run; one file each."),
    # [attention]
    QT_TRANSLATE_NOOP(
        "Engine", "At most so many suggestions an hour; the others wait in the inbox."
    ),
    QT_TRANSLATE_NOOP(
        "Engine",
        "No suggestions between these times; empty for none. Reminders you set still come.",
    ),
    QT_TRANSLATE_NOOP(
        "Engine", "A suggestion that nobody answers goes away after so many seconds."
    ),
    QT_TRANSLATE_NOOP(
        "Engine",
        "Also show reminders and approvals as notifications of the desktop.",
    ),
    # [thinking]
    QT_TRANSLATE_NOOP(
        "Engine",
        "How a model works on a question: one answer, reasoning first, with tools, or after a "
        "plan.",
    ),
    QT_TRANSLATE_NOOP(
        "Engine",
        "Whether a model may call tools. Auto: one on this computer is told only of those that "
        "fit.",
    ),
    QT_TRANSLATE_NOOP("Engine", "How often a model is asked for one answer, at most."),
    QT_TRANSLATE_NOOP("Engine", "How many tokens one answer may use, all its steps together."),
    QT_TRANSLATE_NOOP("Engine", "How long one answer may take before it must come to its end."),
    QT_TRANSLATE_NOOP(
        "Engine",
        "How you want to be answered: a sentence or two that go along with every question.",
    ),
    # [memory], [agents.chat]
    QT_TRANSLATE_NOOP("Engine", "Show a model what is remembered and may help it to answer."),
    QT_TRANSLATE_NOOP(
        "Engine",
        "Remember what you say of yourself in plain words (name, home, work, family), and show it.",
    ),
    # [privacy], [grants], [router], [store]
    QT_TRANSLATE_NOOP("Engine", "Nothing leaves this computer, whatever else is set."),
    QT_TRANSLATE_NOOP(
        "Engine", "Take passwords, keys and card numbers out of what is sent to a model elsewhere."
    ),
    QT_TRANSLATE_NOOP(
        "Engine", "Where files may be read and moved. Everything else asks or is refused."
    ),
    QT_TRANSLATE_NOOP("Engine", "The most private content that a model elsewhere may see."),
    QT_TRANSLATE_NOOP(
        "Engine",
        "The model that is asked first where nothing speaks against it; empty: the first named.",
    ),
    QT_TRANSLATE_NOOP(
        "Engine", "How long the first word may take before a quicker model is preferred."
    ),
    QT_TRANSLATE_NOOP("Engine", "The most that one answer may cost, in dollars."),
    QT_TRANSLATE_NOOP("Engine", "The most that one day may cost, in dollars."),
    QT_TRANSLATE_NOOP("Engine", "The most that one agent may cost in a day, in dollars."),
    QT_TRANSLATE_NOOP("Engine", "What becomes of a question to a model whose price is not known."),
    QT_TRANSLATE_NOOP("Engine", "How sure a local model must be of its answer."),
    QT_TRANSLATE_NOOP(
        "Engine",
        "Let a model on this computer answer at once, while one elsewhere works on a better "
        "answer.",
    ),
    QT_TRANSLATE_NOOP(
        "Engine",
        "Choose by what came of earlier answers: off, bandit, or ab (half of the conversations).",
    ),
    QT_TRANSLATE_NOOP(
        "Engine",
        "When Ollama on this computer loads its model ahead: off, popup (opens), start (of Loom).",
    ),
    QT_TRANSLATE_NOOP("Engine", "How long Ollama then keeps it in memory."),
    QT_TRANSLATE_NOOP(
        "Engine",
        "Events older than this are forgotten. Conversations, reminders and notes are not.",
    ),
    QT_TRANSLATE_NOOP(
        "Engine", "Keep everything encrypted on disk, with a key from the system's keyring."
    ),
    # [memory]
    QT_TRANSLATE_NOOP(
        "Engine",
        "Folder of a sentence model (all-MiniLM-L6-v2), so that memories are found by meaning as "
        "well. Empty: by words and letters. It needs the extra embed.",
    ),
    # [sources.NAME]
    QT_TRANSLATE_NOOP("Engine", "Look at what you copy, and offer help with it."),
    QT_TRANSLATE_NOOP("Engine", "Longer texts are left alone."),
    QT_TRANSLATE_NOOP("Engine", "Watch folders for new files."),
    QT_TRANSLATE_NOOP("Engine", "The folders, without those inside them."),
    QT_TRANSLATE_NOOP(
        "Engine", "A new file is left alone until nothing happened to it for so many seconds."
    ),
    QT_TRANSLATE_NOOP("Engine", "The keys that open Loom from anywhere; empty for none."),
    QT_TRANSLATE_NOOP("Engine", "The keys to hold while you speak to Loom; not used yet."),
    QT_TRANSLATE_NOOP(
        "Engine", "How the keys are heard: auto finds the best way for this desktop."
    ),
    QT_TRANSLATE_NOOP(
        "Engine", "Ask the system to wait a moment before it sleeps, so that everything is stored."
    ),
    # [agents.NAME]
    QT_TRANSLATE_NOOP("Engine", "Shorter copies are left alone."),
    QT_TRANSLATE_NOOP("Engine", "Where sorted files go, into folders by kind and year."),
    QT_TRANSLATE_NOOP(
        "Engine", "Files that arrive within so many seconds of each other share a card."
    ),
)
"""Tests hold this against the engine."""


def engine_words(text: str) -> str:
    """The same in the language of the windows, or as it is when it is not known."""
    translate = QCoreApplication.translate
    if text.startswith(_PAUSED_UNTIL):
        time = text.removeprefix(_PAUSED_UNTIL)
        return translate("Engine", "Capture is paused until {0}").format(time)
    return translate("Engine", text) if text else ""
