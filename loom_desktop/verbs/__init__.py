"""Verbs: what every door may ask of the engine, in plain data. One list, one permission surface.

The shell, the command line and the local socket call these and nothing else. A verb raises
LoomError for what a person can understand; its arguments are checked against its signature.
Each lives in the module named beside it, which is imported when one of them is called.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec

from loom_desktop.errors import UsageError

if TYPE_CHECKING:
    from loom_desktop.loom import Loom

Verb = Callable[..., Awaitable[Any]]
ASKING = ("ask", "edit", "retry", "summarize_clipboard")
"""The verbs whose answer comes as ``chat`` events."""
_PLACES = {
    "asking": ("ask", "steer", "summarize_clipboard", "copied", "copying", "cancel"),
    "conversations": (
        "conversations", "conversation", "find_messages", "export_conversations",
        "import_conversations", "forget_conversation",
    ),
    "branching": ("branch", "edit", "retry"),
    "cards": ("cards", "answer", "never_for_this", "nevers", "offer_again", "inbox", "why"),
    "reminders": (
        "reminders", "remind", "reminder_done", "reminder_snooze", "reminder_remove",
        "reminder_restore", "when",
    ),
    "memories": (
        "memories", "find_memories", "memory", "change_memory", "forget_memory", "export_memories",
    ),
    "files": ("organize", "undo", "undoables"),
    "status": ("status", "dismiss_problem", "doctor", "health", "left_today"),
    "agents": (
        "agents", "start_agent", "stop_agent", "restart_agent", "pause_agent", "resume_agent",
        "delete_agent", "mailboxes",
    ),
    "journal": ("replay", "dead", "dead_letter", "replay_dead", "drop_dead"),
    "copies": ("backup", "copies", "look_at_copy", "restore"),
    "bench": ("bench",),
    "tracing": ("trace",),
    "application": ("pause_capture", "resume_capture", "show", "quit"),
    "settings": (
        "settings", "change_setting", "first_run", "set_secret", "secrets", "remove_secret",
    ),
    "routing": ("models", "test_model", "use_model", "routes", "money", "rate"),
}  # fmt: skip
_MODULES = {verb: module for module, verbs in _PLACES.items() for verb in verbs}
_MOST_NUMBER = 1 << 53


class _Verbs(Mapping[str, Verb]):
    """The functions by name, each imported when it is first wanted."""

    def __getitem__(self, name: str) -> Verb:
        module = importlib.import_module(f"{__name__}.{_MODULES[name]}")
        # One whose name is taken has a line behind it: ``quit_``.
        function: Verb = getattr(module, name, None) or getattr(module, f"{name}_")
        return function

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


VERBS: Mapping[str, Verb] = _Verbs()


async def call(loom: Loom, verb: str, arguments: dict[str, Any]) -> Any:
    """Do it. Raises UsageError for a verb or an argument that there is not."""
    function = VERBS.get(verb)
    if function is None:
        raise UsageError(f"There is no {verb!r}.", hint=f"There are: {', '.join(sorted(VERBS))}.")
    try:
        checked = msgspec.convert(arguments, _arguments(function))
    except msgspec.ValidationError as error:
        raise UsageError(f"{verb}: {error}.") from None
    except UnicodeEncodeError:
        raise UsageError(f"{verb}: half a character stands where a word should.") from None
    if any(type(value) is int and abs(value) > _MOST_NUMBER for value in arguments.values()):
        raise UsageError(f"{verb}: that number is too large.")
    return await function(loom, **msgspec.structs.asdict(checked))


@functools.cache
def _arguments(function: Verb) -> type[msgspec.Struct]:
    """Made from the signature: what a door sends is checked against it."""
    hints = get_type_hints(function, localns={"Loom": object})
    given = list(inspect.signature(function).parameters.values())[1:]
    fields = [
        (p.name, hints[p.name]) if p.default is p.empty else (p.name, hints[p.name], p.default)
        for p in given
    ]
    name = function.__name__
    return msgspec.defstruct(name, fields, kw_only=True, forbid_unknown_fields=True)
