"""loom.toml: the person's settings, read into frozen structs; a key that nobody reads is refused.

A table of a catalogue entry (``[sources.files]``, ``[agents.clipboard]``, ``[llm.NAME]``) is
checked against the ``Settings`` of that entry's own file, with ``fit``.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from loom_desktop.errors import SettingsError

T = TypeVar("T", bound=msgspec.Struct)
Table = dict[str, Any]
PrivacyWord = Literal["public", "sensitive", "private", "local-only"]
_MOST_BYTES = 1_000_000


class Nothing(msgspec.Struct, frozen=True):
    """The settings of a thing that has none."""


class Assistant(msgspec.Struct, frozen=True, kw_only=True):
    """[assistant]"""

    language: Literal["system", "en", "de"] = "system"
    """Language of the windows: system, en, de. Loom's answers and cards are English for now."""
    theme: Literal["system", "light", "dark"] = "system"
    """Light or dark windows, or as the system says."""
    autostart: bool = False
    """Start when you log in, quietly, in the tray."""
    agents: tuple[str, ...] = ("chat", "clipboard", "downloads", "reminders")
    """Which agents run; one file each."""


class Attention(msgspec.Struct, frozen=True, kw_only=True):
    """[attention]"""

    cards_per_hour: int = 6
    """At most so many suggestions an hour; the others wait in the inbox."""
    quiet_hours: str = "22:00-07:00"
    """No suggestions between these times; empty for none. Reminders you set still come."""
    card_expires_s: float = 90.0
    """A suggestion that nobody answers goes away after so many seconds."""
    notifications: bool = True
    """Also show reminders and approvals as notifications of the desktop."""


class Privacy(msgspec.Struct, frozen=True, kw_only=True):
    """[privacy]"""

    local_only: bool = False
    """Nothing leaves this computer, whatever else is set."""
    redact: bool = True
    """Take passwords, keys and card numbers out of what is sent to a model elsewhere."""


class Grants(msgspec.Struct, frozen=True, kw_only=True):
    """[grants]"""

    folders: tuple[str, ...] = ("~/Downloads", "~/Documents")
    """Where files may be read and moved. Everything else asks or is refused."""


class Thinking(msgspec.Struct, frozen=True, kw_only=True):
    """[thinking]"""

    way: Literal["auto", "direct", "thought", "react", "plan"] = "auto"
    """How a model works on a question: one answer, reasoning first, with tools, or after a plan."""
    tools: Literal["auto", "always", "never"] = "auto"
    """Whether a model may call tools. Auto: one on this computer is told only of those that fit."""
    steps: int = 10
    """How often a model is asked for one answer, at most."""
    tokens: int = 100_000
    """How many tokens one answer may use, all its steps together."""
    seconds: float = 300.0
    """How long one answer may take before it must come to its end."""
    persona: str = ""
    """How you want to be answered: a sentence or two that go along with every question."""


class Router(msgspec.Struct, frozen=True, kw_only=True):
    """[router]"""

    privacy: PrivacyWord = "private"
    """The most private content that a model elsewhere may see."""
    prefer: str = ""
    """The model that is asked first where nothing speaks against it; empty: the first named."""
    latency_budget_ms: int = 4000
    """How long the first word may take before a quicker model is preferred."""
    cost_cap: float = 0.05
    """The most that one answer may cost, in dollars."""
    cost_per_day: float = 1.00
    """The most that one day may cost, in dollars."""
    cost_per_agent: float = 1.00
    """The most that one agent may cost in a day, in dollars."""
    unknown_price: Literal["ask", "refuse", "allow"] = "ask"
    """What becomes of a question to a model whose price is not known."""
    quality_threshold: float = 0.6
    """How sure a local model must be of its answer."""
    hybrid: bool = False
    """Let a model on this computer answer at once, while one elsewhere works on a better answer."""
    learning: Literal["off", "bandit", "ab"] = "off"
    """Choose by what came of earlier answers: off, bandit, or ab (half of the conversations)."""
    warm_up: Literal["off", "popup", "start"] = "popup"
    """When Ollama on this computer loads its model ahead: off, popup (opens), start (of Loom)."""
    keep_alive_minutes: int = 10
    """How long Ollama then keeps it in memory."""


class Routing(msgspec.Struct, frozen=True, kw_only=True):
    """[agents.NAME.routing]: for the questions of one agent. What is not set is as in [router]."""

    privacy: PrivacyWord | None = None
    """The most private content of this agent that a model elsewhere may see; never more than
    [router] allows."""
    latency_budget_ms: int | None = None
    """How long the first word may take before a quicker model is preferred."""
    cost_cap: float | None = None
    """The most that one answer for it may cost, in dollars; never more than [router] allows."""
    cost_per_day: float | None = None
    """The most that it may cost in a day, in dollars; never more than [router] allows."""
    quality_threshold: float | None = None
    """How sure a local model must be of its answer."""
    hybrid: bool | None = None
    """Let a model on this computer answer at once, while one elsewhere works on a better answer."""


class StoreSettings(msgspec.Struct, frozen=True, kw_only=True):
    """[store]"""

    keep_days: int = 90
    """Events older than this are forgotten. Conversations, reminders and notes are not."""
    encrypted: bool = True
    """Keep everything encrypted on disk, with a key from the system's keyring."""


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """[memory]"""

    recall: bool = True
    """Show a model what is remembered and may help it to answer."""
    embed_model: str = ""
    """Folder of a sentence model (all-MiniLM-L6-v2), so that memories are found by meaning as well.
    Empty: by words and letters. It needs the extra embed."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of loom.toml. Everything is optional."""

    assistant: Assistant = Assistant()
    attention: Attention = Attention()
    privacy: Privacy = Privacy()
    grants: Grants = Grants()
    thinking: Thinking = Thinking()
    router: Router = Router()
    store: StoreSettings = StoreSettings()
    memory: Memory = Memory()
    sources: dict[str, Table] = msgspec.field(default_factory=dict)
    agents: dict[str, Table] = msgspec.field(default_factory=dict)
    llm: dict[str, Table] = msgspec.field(default_factory=dict)
    """``[llm.NAME] kind = ...``: models by the names the person gave them, best first."""
    speech: dict[str, Table] = msgspec.field(default_factory=dict)


NOT_YET = (("sources.hotkey", "push_to_talk"),)
"""Keys that are read and checked, and that nothing follows yet: no window offers them, and the
docs say so. They come with the voice."""

SECTIONS: dict[str, type[msgspec.Struct]] = {
    "assistant": Assistant,
    "attention": Attention,
    "privacy": Privacy,
    "grants": Grants,
    "thinking": Thinking,
    "router": Router,
    "store": StoreSettings,
    "memory": Memory,
}
"""The tables that are not catalogues."""


def read(path: Path) -> Settings:
    """Read loom.toml; no file means that everything is as usual. Raises SettingsError."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise SettingsError(f"{path} is too large to be settings.", hint="Move it away.")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings()
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8 text.", hint="Save it as UTF-8.") from error
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be read: {error.strerror}.", hint="Check who may read the file."
        ) from error
    return parse(text, path.name)


def parse(text: str, name: str = "loom.toml") -> Settings:
    """The same for a text. Errors name file and line, and the nearest key there is."""
    import tomllib

    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"line (\d+)", str(error))
        line = int(where[1]) if where else max(1, text.count("\n") + 1)
        what = re.sub(r" \(at .*\)$", "", str(error))
        raise SettingsError(
            f"{name}, line {line}: {what[0].lower()}{what[1:]}.",
            hint="Text goes in quotes, lists in [brackets], and yes or no is true or false.",
        ) from error
    known = sorted(f.encode_name for f in msgspec.structs.fields(Settings))
    for key, inside in table.items():
        if key not in known:
            raise _unknown(name, text, "", key, known)
        if not isinstance(inside, dict):
            raise SettingsError(
                f"{name}, line {line_of(text, '', key)}: {key!r} must be a table.",
                hint=f"Write [{key}] on a line of its own, and its settings below.",
            )
        if key in SECTIONS:
            fit(inside, SECTIONS[key], where=key, text=text, name=name)
        else:
            for entry, settings in inside.items():
                if not isinstance(settings, dict):
                    raise SettingsError(
                        f"{name}, line {line_of(text, key, entry)}: [{key}] holds tables.",
                        hint=f"Write [{key}.{entry}] on a line of its own.",
                    )
    settings = msgspec.convert(table, Settings)
    quiet_hours(settings.attention.quiet_hours)
    return settings


def quiet_hours(text: str) -> tuple[int, int] | None:
    """``22:00-07:00`` as minutes of the day, None for no quiet hours. Raises SettingsError."""
    if not text.strip():
        return None
    found = re.fullmatch(r"\s*(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)\s*", text)
    numbers = [int(one) for one in found.groups()] if found else []
    if not found or numbers[0] > 24 or numbers[2] > 24 or numbers[1] > 59 or numbers[3] > 59:
        raise SettingsError(
            f"[attention] quiet_hours: {text!r} is not a span of time.",
            hint='Write it as "22:00-07:00", or "" for none.',
        )
    start, end = numbers[0] * 60 + numbers[1], numbers[2] * 60 + numbers[3]
    return (start % 1440, end % 1440) if start % 1440 != end % 1440 else None


def fit(table: Table, kind: type[T], *, where: str, text: str = "", name: str = "loom.toml") -> T:
    """Make settings from a table; a key that nobody reads is an error, not a surprise later."""
    known = sorted(f.encode_name for f in msgspec.structs.fields(kind))
    for key in table:
        if key not in known:
            raise _unknown(name, text, where, key, known)
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        found = re.search(r"\$\.?(\w*)", str(error))
        key = found[1] if found else ""
        said = re.sub(r" - at `.*`$", "", str(error))
        raise SettingsError(
            f"{name}{_line(text, where, key)}: [{where}] {key}: {said[0].lower()}{said[1:]}.",
            hint=_hint(kind, key),
        ) from error


def line_of(text: str, table: str, key: str) -> int:
    """The line, from 1, on which a key of a table is set; 0 when it is not found."""
    inside = ""
    quoted = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]")
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[\[?\s*([^\]]+?)\s*\]", line)
        if header:
            inside = header[1].replace('"', "").replace(" ", "")
            whole = f"{table}.{key}" if table else key
            if inside == whole or (not table and inside.startswith(f"{key}.")):
                return number
        elif inside == table and quoted.match(line):
            return number
    return 0


def _line(text: str, table: str, key: str) -> str:
    number = line_of(text, table, key) if text and key else 0
    return f", line {number}" if number else ""


def _unknown(name: str, text: str, where: str, key: str, known: list[str]) -> SettingsError:
    import difflib

    near = difflib.get_close_matches(key, known, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"It knows: {', '.join(known) or 'nothing'}."
    place = f"[{where}]" if where else "loom.toml"
    return SettingsError(
        f"{name}{_line(text, where, key)}: {place} does not know {key!r}.", hint=hint
    )


def write(path: Path, table: str, key: str, value: object) -> None:
    """Set one key in loom.toml, atomically, keeping comments. ``None`` takes the key out.

    What would come out is parsed first: a file that we could not read again is never written.
    """
    import tempfile

    import tomlkit

    before = path.read_text(encoding="utf-8") if path.exists() else ""
    document: Any = tomlkit.parse(before)
    inside: Any = document
    for part in table.split("."):
        if part not in inside:
            inside[part] = tomlkit.table()
        inside = inside[part]
    if value is None:
        inside.pop(key, None)
    else:
        inside[key] = list(value) if isinstance(value, tuple) else value
    after = tomlkit.dumps(document)
    parse(after, path.name)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd, temporary = tempfile.mkstemp(dir=path.parent, prefix=".loom.toml.")
        try:
            with os.fdopen(fd, "w", encoding="utf-8") as file:
                file.write(after)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be written: {error.strerror}.",
            hint="Check that the folder may be written and the disk is not full.",
        ) from error


def sentences(kind: type[msgspec.Struct]) -> dict[str, str]:
    """What the string under each field says: the settings window and the docs show it.

    Empty when the source is not there (a frozen build without sources).
    """
    import ast
    import inspect
    import itertools
    import textwrap

    said: dict[str, str] = {}
    for base in kind.__bases__:  # a table may take over the fields of another
        if base is not msgspec.Struct:
            said |= sentences(base)
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    except (OSError, TypeError):
        return said
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    for line, below in itertools.pairwise(body):
        if (
            isinstance(line, ast.AnnAssign)
            and isinstance(line.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            said[line.target.id] = " ".join(below.value.value.split())
    return said


def described(kind: type[msgspec.Struct], value: Any, words: bool = True) -> dict[str, Any]:
    """A table for a window: value, default, kind, choices and, with ``words``, its sentence."""
    said = sentences(kind) if words else {}
    table = {}
    for one in msgspec.structs.fields(kind):
        default = one.default if one.default is not msgspec.NODEFAULT else None
        table[one.encode_name] = {
            "value": msgspec.to_builtins(getattr(value, one.name)),
            "default": msgspec.to_builtins(default),
            "kind": _kind(one.type),
            "choices": _choices(one.type),
            "words": said.get(one.name, ""),
        }
    return table


def _hint(kind: type[Any], key: str) -> str:
    fields = {one.encode_name: one.type for one in msgspec.structs.fields(kind)}
    choices = _choices(fields.get(key))
    return f"It is one of: {', '.join(map(str, choices))}." if choices else ""


def _choices(annotation: Any) -> list[Any]:
    """What may stand there, where that is one of some words; else nothing."""
    kind = _kind(annotation)
    return list(getattr(_said(annotation), "__args__", ())) if kind == "choice" else []


def _said(annotation: Any) -> Any:
    """The type of a value that somebody set: without the ``None`` of one that nobody did."""
    import types

    if isinstance(annotation, types.UnionType) or "Optional" in str(annotation):
        (annotation,) = (one for one in annotation.__args__ if one is not types.NoneType)
    return annotation


def _kind(annotation: Any) -> str:
    annotation = _said(annotation)
    annotation = (
        getattr(annotation, "__origin__", annotation)
        if hasattr(annotation, "__metadata__")
        else annotation
    )
    if annotation in (bool, int, float, str):
        return str(annotation.__name__)
    return "choice" if "Literal" in str(annotation) else "list"
