"""Verbs: what every door may ask of the engine, in plain data. One list, one permission surface.

The shell, the command line and the local socket call these and nothing else. A verb raises
LoomError for what a person can understand; its arguments are checked against its signature.
"""

from __future__ import annotations

import functools
import inspect
import logging
import math
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec

from loom_desktop import settings as toml
from loom_desktop.actions import Call
from loom_desktop.actions.broker import PERSON
from loom_desktop.actions.folders import shown
from loom_desktop.errors import Denied, LoomError, NotFound, SettingsError, Unavailable, UsageError
from loom_desktop.event import Event, QoS, privacy_at_birth
from loom_desktop.runtime.attention import Door, plain
from loom_desktop.runtime.context import clip_text
from loom_desktop.runtime.outside import Broken
from loom_desktop.runtime.status import UNTIL_TOLD

if TYPE_CHECKING:
    from loom_desktop.loom import Loom

log = logging.getLogger(__name__)
Verb = Callable[..., Awaitable[Any]]
VERBS: dict[str, Verb] = {}
ASKING = ("ask", "summarize_clipboard")
"""The verbs whose answer comes as ``chat`` events."""
_TYPED = frozenset({"user-typed"})
_LONGEST_PAUSE_S = 366 * 86_400
_MOST_NUMBER = 1 << 53
_MOST_TEXT = 1_000_000


def _verb(function: Verb) -> Verb:
    VERBS[function.__name__.rstrip("_")] = function
    return function


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


# -------------------------------------------------------------------- asking
@_verb
async def ask(
    loom: Loom,
    text: str,
    files: list[str] | None = None,
    conversation: int = 0,
    door: str = "window",
) -> dict[str, int]:
    """Ask something; the answer comes as ``chat`` events of that conversation."""
    if not text.strip() and not files:
        raise UsageError("There is nothing to answer.", hint="Write a question.")
    if len(text) > _MOST_TEXT:
        raise UsageError("That is too long.", hint="Save it as a file and drop the file.")
    _answering(loom)
    named = [_existing(one) for one in files or []]
    event = loom.publisher(door, origin="user-typed")(
        "chat.asked",
        thread=conversation,
        also=frozenset({"file"}) if named else frozenset(),
        text=text or "Summarise this",
        files=named,
        clip="",
        conversation=conversation,
    )
    return {"turn": event.id, "conversation": event.begins}


@_verb
async def summarize_clipboard(loom: Loom) -> dict[str, int]:
    """Sum up what was copied, in a conversation of its own."""
    _answering(loom)
    await clip_text(loom.outside.sources.get("clipboard"), "")  # say now when there is nothing
    event = loom.publisher("window", origin="user-typed")(
        "chat.asked",
        also=frozenset({"clipboard"}),
        text="Summarise what I copied",
        files=[],
        clip="",
        conversation=0,
    )
    return {"turn": event.id, "conversation": event.begins}


@_verb
async def copied(loom: Loom, formats: list[str], text: str = "") -> dict[str, Any]:
    """The window saw a copy: on Windows and macOS it is the one that may read the clipboard."""
    source: Any = loom.outside.sources["clipboard"]
    source.offer(formats, text)
    return {}


@_verb
async def copying(loom: Loom, text_hash: str) -> dict[str, Any]:
    """The window is about to copy words of Loom: no help is offered with them. SHA-256, in hex."""
    if not re.fullmatch(r"[0-9a-f]{64}", text_hash):
        raise UsageError("copying: that is no SHA-256.")
    source: Any = loom.outside.sources.get("clipboard")
    if source is not None:
        source.ignore_next(text_hash)
    return {}


@_verb
async def cancel(loom: Loom, conversation: int) -> dict[str, int]:
    """Stop everything that is being done for a conversation."""
    cancelled = loom.supervisor.cancel(conversation)
    for turn, thread in list(loom.status.turns.items()):
        if thread == conversation:
            loom.publisher("runtime", origin="user-typed")(
                "chat.cancelled", thread=conversation, turn=turn
            )
    return {"cancelled": cancelled}


@_verb
async def conversations(loom: Loom, query: str = "", limit: int = 50) -> list[dict[str, Any]]:
    """Past conversations, the newest first."""
    await loom.recorder.settled()
    found = await loom.store.conversations.recent(query, limit=limit)
    return [msgspec.to_builtins(one) for one in found]


@_verb
async def conversation(loom: Loom, conversation: int) -> list[dict[str, Any]]:
    """What was said in one."""
    fields = ("id", "turn", "role", "text", "time", "route", "model", "seconds", "cost", "state")
    await loom.recorder.settled()
    found = await loom.store.conversations.messages(conversation)
    return [{name: getattr(one, name) for name in fields} for one in found]


@_verb
async def forget_conversation(loom: Loom, conversation: int) -> dict[str, int]:
    """Remove a conversation from every file."""
    await cancel(loom, conversation)
    await loom.recorder.settled()  # what is on its way would come back after it
    return {"forgotten": await loom.store.conversations.forget(conversation)}


# -------------------------------------------------------------------- cards and the inbox
@_verb
async def cards(loom: Loom) -> list[dict[str, Any]]:
    """Those that are shown now."""
    return [plain(one) for one in await loom.store.cards.open()]


@_verb
async def answer(
    loom: Loom, card: int, action: str, digest: str = "", door: Door = "cli"
) -> dict[str, str]:
    """Answer a card; the first answer counts. What needs the window is refused at other doors."""
    return {"state": await loom.desk.answer(card, action, door=door, bound=digest)}


@_verb
async def never_for_this(loom: Loom, card: int) -> dict[str, Any]:
    """The agent does not offer this kind of thing again."""
    await loom.desk.never(card)
    return {}


@_verb
async def nevers(loom: Loom) -> list[dict[str, Any]]:
    """What is not offered any more."""
    return [msgspec.to_builtins(one) for one in await loom.store.cards.nevers()]


@_verb
async def offer_again(loom: Loom, agent: str, what: str) -> dict[str, bool]:
    """Take a "never" back."""
    return {"removed": await loom.store.cards.remove_never(agent, what)}


@_verb
async def inbox(
    loom: Loom, query: str = "", kind: str = "", limit: int = 100
) -> list[dict[str, Any]]:
    """Everything offered, asked, done and failed; the newest first."""
    items: list[dict[str, Any]] = []
    if kind in ("", "card", "suggestion", "approval", "reminder", "notice"):
        wanted = "" if kind == "card" else kind
        for card in await loom.store.cards.recent(query, kind=wanted, limit=limit):
            items.append(
                {
                    "id": card.id,
                    "kind": "card",
                    "title": card.title,
                    "text": card.text,
                    "state": card.state,
                    "time": card.created,
                    "thread": card.thread,
                    "undo": 0,
                    "card": plain(card),
                }
            )
    if kind in ("", "action"):
        words = query.lower().split()
        for act in await loom.store.acts.recent(limit=limit):
            text = act.outcome or act.state
            if not all(word in f"{act.words} {text}".lower() for word in words):
                continue
            left = any(step.state == "done" for step in act.steps)
            items.append(
                {
                    "id": act.id,
                    "kind": "action",
                    "title": act.words,
                    "text": text,
                    "state": act.state,
                    "time": act.time,
                    "thread": act.thread,
                    "undo": act.id if left else 0,
                    "card": None,
                }
            )
    return sorted(items, key=lambda one: -one["time"])[:limit]


@_verb
async def why(loom: Loom, event: int = 0, card: int = 0) -> list[dict[str, Any]]:
    """The chain from what the system saw to what Loom did."""
    if card:
        event = (await loom.store.cards.get(card)).cause
    found = await loom.store.journal.chain(event)
    if not found:
        raise NotFound("Nothing is written down about this any more.")
    return [
        {"time": one.time, "topic": one.topic, "sender": one.sender, "text": _in_words(one)}
        for one in found
    ]


# -------------------------------------------------------------------- reminders
@_verb
async def reminders(loom: Loom) -> list[dict[str, Any]]:
    """Those to come, the next first."""
    return [msgspec.to_builtins(one) for one in await loom.reminders.listed()]


@_verb
async def remind(loom: Loom, text: str) -> Any:
    """Set a reminder from a phrase; its card shows the times."""
    return await _tool(loom, "reminders.add", said=text)


@_verb
async def reminder_done(loom: Loom, reminder: int) -> Any:
    """Tick it off."""
    return await _tool(loom, "reminders.done", reminder=reminder)


@_verb
async def reminder_snooze(loom: Loom, reminder: int, seconds: int = 600) -> Any:
    """Put it off."""
    return await _tool(loom, "reminders.snooze", reminder=reminder, seconds=seconds)


@_verb
async def reminder_remove(loom: Loom, reminder: int) -> Any:
    """Take it away."""
    return await _tool(loom, "reminders.remove", reminder=reminder)


@_verb
async def reminder_restore(loom: Loom, reminder: int) -> Any:
    """Bring it back."""
    return await _tool(loom, "reminders.restore", reminder=reminder)


@_verb
async def when(loom: Loom, text: str, now: str = "") -> dict[str, str]:
    """What a phrase means as a time."""
    from loom_desktop.text.when import as_json, understand
    from loom_desktop.text.when.zones import moment

    return as_json(understand(text, moment(now, loom.clock(), loom.zone)))


# -------------------------------------------------------------------- files
@_verb
async def organize(
    loom: Loom, paths: list[str] | None = None, apply: bool = False, to: str = ""
) -> dict[str, Any]:
    """A plan for files, with reasons; moved only when ``apply`` is said by the person."""
    named = [_existing(one) for one in paths or []]
    meant, target = loom.mover.meant(named, to)
    asked = (*meant, target)  # no path means the folders that the person lets Loom watch
    plan = await _tool(loom, "files.plan", given=asked, paths=named, to=to)
    rows: list[dict[str, Any]] = plan["plan"]
    todo = [row for row in rows if row["status"] == "planned"]
    if not apply or not todo:
        return {"plan": rows, "undo": 0, "left": plan["left"]}
    moves = [{"source": row["source"], "target": row["target"]} for row in todo]
    given = tuple(path for one in moves for path in one.values())
    arguments = {"moves": moves, "words": _files(len(moves))}
    bound = _digest("files.move", arguments)
    loom.broker.consent.give(bound)  # the person said --apply
    try:
        with loom.granting(_around([*named, *([to] if to else [])])):
            done = await _tool(loom, "files.move", given=given, **arguments)
    finally:
        loom.broker.consent.take(bound)  # for this call, and for no other that looks like it
    moved = {one["source"]: one["target"] for one in done["moved"]}
    refused = {one["path"]: one["reason"] for one in done["refused"]}
    for row in todo:
        if row["source"] in moved:
            row["status"], row["target"] = "moved", moved[row["source"]]
            row["name"] = Path(row["target"]).name
        else:
            row["status"], row["message"] = "failed", refused.get(row["source"], "")
    return {"plan": rows, "undo": done["act"] if moved else 0, "left": plan["left"]}


@_verb
async def undo(loom: Loom, act: int = 0) -> Any:
    """Move files back: what one act moved, or the last one."""
    if act == 0:
        found = await loom.store.acts.undoable(limit=1)
        if not found:
            raise NotFound("There is nothing to undo.")
        act = found[0].id
    steps = [step for step in (await loom.store.acts.get(act)).steps if step.source]
    paths = [path for step in steps for path in (step.source, step.target)]
    with loom.granting(_around(paths)):  # where Loom put it, there it may take it back from
        return await _tool(loom, "files.undo", act=act)


@_verb
async def undoables(loom: Loom, limit: int = 50) -> list[dict[str, Any]]:
    """What can be taken back."""
    return [
        {"id": one.id, "time": one.time, "agent": one.agent, "words": one.words, "state": one.state}
        for one in await loom.store.acts.undoable(limit=limit)
    ]


# -------------------------------------------------------------------- capture, status, windows
@_verb
async def status(loom: Loom) -> dict[str, Any]:
    """How Loom stands."""
    from loom_desktop.version import VERSION

    return {
        "state": loom.status.state,
        "words": loom.status.words,
        "paused_until": loom.status.paused_until if loom.status.paused else 0.0,
        "local_only": loom.settings.privacy.local_only,
        "sources": {name: _reported(loom, name) for name in loom.outside.sources},
        "problems": [{"message": message, "hint": hint} for message, hint in loom.status.problems],
        "open_cards": len(await loom.store.cards.open()),
        "first_run": not await loom.store.state.fact("first_run_done", False),
        "desktop": loom.desktop,
        "version": VERSION,
    }


@_verb
async def dismiss_problem(loom: Loom, message: str) -> dict[str, Any]:
    """The person has read of this problem; when it comes again it is told again."""
    loom.status.solved(message)
    return {}


@_verb
async def pause_capture(loom: Loom, seconds: float = 600) -> dict[str, float]:
    """Look at nothing for a while; -1 until told."""
    if not seconds <= _LONGEST_PAUSE_S:
        raise UsageError("A pause has at most a year.", hint="Pause until told instead.")
    until = UNTIL_TOLD if seconds < 0 else loom.clock() + seconds
    await loom.outside.pause(True)  # first: a full disk must not keep anybody watched
    loom.status.paused_until = until
    if until > 0:
        loom.tasks.start("resume capture", loom._resume_later())
    loom.status.look()
    await loom.store.state.set_fact("paused_until", until)
    return {"paused_until": until}


@_verb
async def resume_capture(loom: Loom) -> dict[str, Any]:
    """Look again."""
    await loom.outside.pause(False)
    loom.status.paused_until = 0.0
    loom.status.look()
    await loom.store.state.set_fact("paused_until", 0.0)
    return {}


@_verb
async def show(
    loom: Loom, window: str = "popup", draft: str = "", toggle: bool = False
) -> dict[str, Any]:
    """Bring up a window of the running application; ``toggle`` hides a popup that is there."""
    if window not in ("popup", "inbox", "settings", "reminders"):
        raise UsageError(
            f"There is no window {window!r}.", hint="popup, inbox, settings, reminders"
        )
    if not loom.desktop:
        raise NotFound(
            "Loom runs without a window here.", hint="Start it on a desktop, or use `loom ask`."
        )
    topic = "popup.requested" if window == "popup" else "window.requested"
    loom.publisher("door", origin="user-typed")(
        topic, qos=QoS.REALTIME, window=window, draft=draft, toggle=toggle
    )
    return {}


@_verb
async def quit_(loom: Loom) -> dict[str, Any]:
    """End the application."""
    loom.publisher("door", origin="user-typed")("application.quitting")
    return {}


# -------------------------------------------------------------------- settings
@_verb
async def settings(loom: Loom, words: bool = True) -> dict[str, dict[str, Any]]:
    """Every setting there is: value, default, kind and one sentence.

    Without ``words`` the sentences are left out: reading them from the sources takes 30 ms.
    """
    tables: dict[str, dict[str, Any]] = {}
    for name, kind in toml.SECTIONS.items():
        tables[name] = toml.described(kind, getattr(loom.settings, name), words)
    for name in loom.outside.sources:
        try:
            value = loom.entries.settings("sources", name, loom.settings)
        except LoomError:  # somebody's own file is broken: the status says so
            continue
        tables[f"sources.{name}"] = toml.described(type(value), value, words)
    for name in loom.agents_settings:
        value = loom.entries.settings("agents", name, loom.settings)
        tables[f"agents.{name}"] = toml.described(type(value), value, words)
    for table, key in toml.NOT_YET:
        tables.get(table, {}).pop(key, None)
    return {name: table for name, table in tables.items() if table}


@_verb
async def change_setting(loom: Loom, table: str, key: str, value: Any) -> dict[str, bool]:
    """Write one key into loom.toml and follow it. ``None`` goes back to the default."""
    if not loom._read_settings:
        raise Denied("These settings were given by a program and cannot be changed.")
    if isinstance(value, float) and not math.isfinite(value):
        raise UsageError(f"{value} is no number for a setting.")
    path = loom.paths.settings.resolve()  # a link to somebody's dotfiles stays one
    async with loom.changing:
        toml.read(path)  # what cannot be followed is not written into
        loom.entries.would_take(table, key, value, loom.settings)
        held = loom.settings
        before = path.read_bytes() if path.exists() else None
        try:
            try:
                toml.write(path, table, key, value)
            except (TypeError, ValueError, AttributeError) as error:  # nothing TOML can say
                raise UsageError(f"{table}.{key} cannot be {value!r}.") from error
            await loom.reload()
        except BaseException:
            _put_back(path, before)
            if loom.settings is not held:
                await loom.reload()
            raise
    at_start = (table, key) in (("assistant", "agents"), ("assistant", "language"))
    return {"applied": True, "restart": at_start or table == "store"}


@_verb
async def first_run(
    loom: Loom, clipboard: bool = False, files: bool = False, autostart: bool = False
) -> dict[str, Any]:
    """What the person chose at the first start. Asked once."""
    for table, key, value in (
        ("sources.clipboard", "enabled", clipboard),
        ("sources.files", "enabled", files),
        ("assistant", "autostart", autostart),
    ):
        if value:
            await change_setting(loom, table, key, value)
    await loom.store.state.set_fact("first_run_done", True)
    return {}


@_verb
async def set_secret(loom: Loom, name: str, value: str) -> dict[str, str]:
    """Keep a key or password; says where."""
    if not value.strip():
        raise UsageError(f"There is nothing to keep under {name!r}.", hint="Type the secret.")
    place = await loom.store.secrets.set(_secret_name(name), value)
    await loom._close_router()
    return {"place": place}


@_verb
async def secrets(loom: Loom) -> list[str]:
    """The names, never the values."""
    return list(await loom.store.secrets.list())


@_verb
async def remove_secret(loom: Loom, name: str) -> dict[str, bool]:
    """Forget it."""
    return {"removed": await loom.store.secrets.remove(_secret_name(name))}


@_verb
async def models(loom: Loom) -> list[dict[str, Any]]:
    """The models that are set or found, and whether they answer."""
    router = await loom.router()
    return await router.models()


@_verb
async def doctor(loom: Loom) -> list[dict[str, str]]:
    """What works here, what does not, and what to do about it."""
    from loom_desktop.runtime.doctor import examine

    return await examine(loom, {name: _reported(loom, name) for name in loom.outside.sources})


@_verb
async def left_today(loom: Loom) -> dict[str, int]:
    """What left this computer since midnight."""
    from datetime import datetime

    now = datetime.fromtimestamp(loom.clock(), loom.zone)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    totals: dict[str, int] = msgspec.to_builtins(
        await loom.store.ledger.since(midnight.timestamp())
    )
    return totals


# -------------------------------------------------------------------- below the verbs
async def _tool(loom: Loom, name: str, *, given: tuple[str, ...] = (), **arguments: Any) -> Any:
    """A capability on behalf of the person, through the broker."""
    from loom_desktop.runtime.context import Context

    cause = Event(
        topic="verb.called",
        payload={"capability": name},
        sender=PERSON,
        time=loom.clock(),
        origin=_TYPED,
        privacy=privacy_at_birth(_TYPED),
    )
    loom.bus.publish(cause)
    ctx = Context(PERSON, cause, loom.supervisor.parts, loom.tasks, {})
    call_ = Call(agent=PERSON, cause=cause, ctx=ctx, given=given)
    result = await loom.broker.invoke(name, arguments, call_)
    if not result.ok:
        from loom_desktop.cognition.thinking import error_of

        raise error_of(result)
    return result.value


def _around(paths: list[str]) -> list[Path]:
    """Naming a folder, or a file in it, with a command that moves grants it for that command."""
    return [path if path.is_dir() else _there(path.parent) for path in map(Path, paths)]


def _there(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that is there: undo may remake the rest."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _digest(name: str, arguments: dict[str, Any]) -> str:
    from loom_desktop.actions.consent import digest

    return digest(name, arguments)


def _answering(loom: Loom) -> None:
    """Somebody must be there who answers, or the question would wait for ever."""
    if "chat" not in loom.supervisor.agents:
        raise SettingsError(
            "Nobody answers questions: the agent chat does not run.",
            hint='Add "chat" to agents under [assistant] in loom.toml.',
        )


def _files(number: int) -> str:
    return "1 file" if number == 1 else f"{number} files"


def _existing(path: str) -> str:
    try:
        found = Path(path).expanduser().absolute()
        there = found.exists()
    except (OSError, RuntimeError) as error:  # a name that no file has, a home that nobody has
        raise NotFound(f"{shown(path)} is not there.", hint="Check the path.") from error
    if not there:
        raise NotFound(f"{shown(path)} is not there.", hint="Check the path.")
    return str(found)


def _secret_name(name: str) -> str:
    if not re.fullmatch(r"[\w.@-]{1,100}", name, re.ASCII):
        raise UsageError(
            f"{shown(name[:100])!r} is no name for a secret.",
            hint="It has letters, digits, dots and dashes.",
        )
    return name


def _put_back(path: Path, before: bytes | None) -> None:
    """The file as it was, byte for byte, and at no moment half of it."""
    if before is None:
        path.unlink(missing_ok=True)
    elif path.read_bytes() != before:
        aside = path.with_name(f".{path.name}.before")
        aside.write_bytes(before)
        aside.chmod(0o600)
        aside.replace(path)


def _reported(loom: Loom, name: str) -> dict[str, Any]:
    failed = loom.outside.failed.get(name)
    try:
        report = loom.outside.sources[name].report()
    except Exception as error:  # somebody's own source: it must not take the status with it
        log.exception("the source %s cannot say how it stands", name)
        report = Broken(Unavailable(f"{name} failed: {error}")).report()
    told = {
        "working": report.working,
        "driver": report.driver,
        "detail": report.detail,
        "fix": report.fix,
        "facts": report.facts or {},
        "on": loom.outside.running(name),
    }
    if failed is not None:
        told |= {"working": False, "detail": failed.message, "fix": failed.hint}
    return told


def _in_words(event: Event) -> str:
    said = event.payload
    for key in ("title", "text", "words", "reason", "message", "path", "capability", "combo"):
        value = said.get(key)
        if isinstance(value, str) and value:
            return value if len(value) <= 200 else f"{value[:200]}…"
    card = said.get("card")
    return str(card["title"]) if isinstance(card, dict) else ""
