"""How the windows put things into words: days, times, origins, states, and the chain of a why."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from PySide6.QtCore import QCoreApplication, QDate, QDateTime, QLocale

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")
"""Letters, by their category, that show nothing."""

# by this name pyside6-lupdate finds what is to be translated; what stands in an f-string it misses
translate = QCoreApplication.translate


def exact(text: str) -> str:
    """For what is approved, and for foreign names: every sign that cannot be seen, or that changes
    the order of the others, becomes a mark. Line breaks stay."""
    return "".join(_mark(sign) if sign != "\n" else sign for sign in text)


def flat(text: str) -> str:
    """The same on one line: a line break is a mark too, so that nothing poses as a second line."""
    return "".join(map(_mark, text))


def _mark(sign: str) -> str:
    if sign.isascii() and sign.isprintable():
        return sign
    kind = unicodedata.category(sign)
    unseen = kind in _UNSEEN or sign in _BLANK or (kind == "Zs" and sign != " ")
    return f"⟨{ord(sign):04X}⟩" if unseen else sign


def reads_right(text: str) -> bool:
    """Whether it is read from right to left, by its first letter."""
    for sign in text[:200]:
        kind = unicodedata.bidirectional(sign)
        if kind in ("L", "R", "AL"):
            return kind != "L"
    return False


def clock_time(seconds: float, locale: QLocale | None = None) -> str:
    """``14:32``, as the person's system writes it."""
    if seconds <= 0:
        return ""
    moment = QDateTime.fromSecsSinceEpoch(int(seconds))
    return (locale or QLocale()).toString(moment.time(), QLocale.FormatType.ShortFormat)


def day_of(seconds: float) -> QDate:
    """The day of a moment, here."""
    return QDateTime.fromSecsSinceEpoch(int(seconds)).date()


def day_words(day: QDate, today: QDate, locale: QLocale | None = None) -> str:
    """``Today``, ``Yesterday``, ``Monday 16 November``, and the year when it is another."""
    away = day.daysTo(today)
    if away == 0:
        return translate("Words", "Today")
    if away == 1:
        return translate("Words", "Yesterday")
    if away == -1:
        return translate("Words", "Tomorrow")
    if day.year() == today.year():
        form = translate("Words", "dddd d MMMM", "a day of this year, as QDate writes it")
    else:
        form = translate("Words", "d MMMM yyyy", "a day of another year, as QDate writes it")
    return (locale or QLocale()).toString(day, form)


def origin_words(origin: Iterable[str]) -> str:
    """Where something came from, for a person. No label at all is said as such."""
    known = {
        "user-typed": translate("Words", "what you typed"),
        "user-voice": translate("Words", "what you said"),
        "clipboard": translate("Words", "your clipboard"),
        "file": translate("Words", "a file"),
        "web": translate("Words", "the web"),
        "memory": translate("Words", "what Loom remembers"),
        "schedule": translate("Words", "a schedule"),
    }
    prefixed = {
        "mcp": translate("Words", "the program {0}"),
        "tool": translate("Words", "the tool {0}"),
        "remote": translate("Words", "another computer ({0})"),
    }
    found = []
    for one in sorted(origin):
        kind, colon, rest = one.partition(":")
        if colon and kind in prefixed:
            found.append(prefixed[kind].format(flat(rest)))
        else:
            found.append(known.get(one, flat(one)))
    return ", ".join(found) or translate("Words", "unknown")


def undo_words(effect: str) -> str:
    """What can be said about taking an act back, by its effect."""
    return {
        "none": translate("Words", "Nothing is changed by this."),
        "notify": translate("Words", "Nothing is changed by this."),
        "read-local": translate("Words", "Nothing is changed by this."),
        "read-net": translate(
            "Words", "What is asked of the network leaves this computer for good."
        ),
        "write-reversible": translate("Words", "You can undo this for 30 days."),
        "settings": translate("Words", "You can change it back in the settings."),
        "write-irreversible": translate("Words", "This cannot be undone."),
        "send": translate("Words", "What is sent cannot be called back."),
        "execute": translate("Words", "What a command does cannot be undone by Loom."),
        "spend": translate("Words", "Money that is spent cannot be called back."),
    }.get(effect, translate("Words", "Loom cannot promise that this can be undone."))


def for_good(effect: str) -> bool:
    """Whether it may be beyond undo: said with a warning."""
    return effect not in (
        *("none", "notify", "read-local", "write-reversible"),
        "settings",
    )


def state_words(state: str, kind: str = "") -> str:
    """How a card or an act ended, or stands; nothing of a notice, which waits for nobody."""
    if kind == "notice" and state == "open":
        return ""
    return {
        "open": translate("Words", "Waits for you"),
        "waiting": translate("Words", "Held back"),
        "quiet": translate("Words", "Held back"),
        "answered": translate("Words", "Answered"),
        "expired": translate("Words", "Ran out"),
        "superseded": translate("Words", "Over"),
        "declined": translate("Words", "Dismissed"),
        "done": translate("Words", "Done"),
        "undone": translate("Words", "Undone"),
        "failed": translate("Words", "Failed"),
        "partly": translate("Words", "Partly done"),
        "planned": translate("Words", "Not finished"),
        "intended": translate("Words", "Not finished"),
        "doing": translate("Words", "In progress"),
        "unknown": translate("Words", "Unclear"),
        "active": translate("Words", "Set"),
    }.get(state, state)


def link_words(row: Mapping[str, Any]) -> str:
    """One link of the chain that verb ``why`` gives: what happened, and what it was about."""
    topic = str(row.get("topic", ""))
    text = flat(" ".join(str(row.get("text", "")).split()))
    if topic.startswith("card.answered"):
        head = translate("Words", "You answered the card")
    else:
        head = {
            "clipboard.copied": translate("Words", "You copied something"),
            "clipboard.cleared": translate("Words", "The clipboard was emptied"),
            "file.created": translate("Words", "A file arrived"),
            "file.removed": translate("Words", "A file went away"),
            "hotkey.pressed": translate("Words", "You pressed the hotkey"),
            "timer.due": translate("Words", "A reminder was due"),
            "reminder.added": translate("Words", "A reminder was set"),
            "chat.asked": translate("Words", "You asked"),
            "chat.answered": translate("Words", "Loom answered"),
            "chat.failed": translate("Words", "The answer failed"),
            "card.offered": translate("Words", "Loom offered a card"),
            "card.closed": translate("Words", "The card was closed"),
            "action.decided": translate("Words", "It was checked against what you allow"),
            "verb.called": translate("Words", "You asked for it in Loom"),
            "system.resumed": translate("Words", "The computer woke up"),
        }.get(topic, topic)
    return f"{head}: {text}" if text and text != head else head


def keys_words(keys: str) -> str:
    """``Ctrl+Space`` as the keys are called here: ``Strg+Leertaste``."""
    return "+".join(translate("QShortcut", one) if one else "" for one in keys.split("+"))


def size_words(number: int, locale: QLocale | None = None) -> str:
    """``34 kB``."""
    return (locale or QLocale()).formattedDataSize(
        max(0, number), 1, QLocale.DataSizeFormat.DataSizeSIFormat
    )


def arguments_words(arguments: Mapping[str, Any]) -> str:
    """The arguments of a call, one value a line, nothing hidden and nothing that poses as a line.

    Signs that cannot be seen, and line breaks inside a value, become marks.
    """
    lines: list[str] = []

    def write(name: str, value: Any, depth: int) -> None:
        space = "  " * depth
        if isinstance(value, Mapping):
            if name:
                lines.append(f"{space}{name}")
            for key, one in value.items():
                write(flat(str(key)), one, depth + bool(name))
        elif isinstance(value, (list, tuple)):
            if value and all(isinstance(one, (str, int, float)) for one in value):
                lines.append(f"{space}{name}")
                lines.extend(f"{space}  {_value(one)}" for one in value)
            else:
                for number, one in enumerate(value, 1):
                    write(f"{name} {number}".strip(), one, depth)
                if not value:
                    lines.append(f"{space}{name}  –")
        else:
            lines.append(f"{space}{name}  {_value(value)}")

    write("", dict(arguments), 0)
    return "\n".join(lines)


def _value(value: object) -> str:
    """Spaces in a row are marks as well: they could push what follows out of sight."""
    text = flat(str(value))
    return re.sub(r" {2,}|^ | $", lambda found: "␣" * len(found[0]), text)


def doing(step: Mapping[str, Any]) -> str:
    """What is done before an answer comes, in a word or two: a payload of ``chat.stepped``."""
    kind = step.get("kind")
    if kind == "call":
        facts = step.get("facts")
        tool = str(facts.get("tool", "")) if isinstance(facts, Mapping) else ""
        name = flat(tool.replace("-", " ").replace("_", " "))[:40]
        return translate("Words", "Using {0}…").replace("{0}", name)
    if kind == "limit":
        return translate("Words", "Coming to an end…")
    if kind == "plan":
        return translate("Words", "Planning…")
    return translate("Words", "Thinking…")
