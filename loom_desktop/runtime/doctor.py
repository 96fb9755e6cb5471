"""Doctor: what works here, what does not, and what to do about it, one line each."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any, Literal

from loom_desktop.errors import LoomError
from loom_desktop.paths import session_bus
from loom_desktop.store.keys import Key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loom_desktop.loom import Loom

State = Literal["ok", "warn", "missing", "off"]
_GIB = 1 << 30


def line(name: str, state: State, detail: str, fix: str = "") -> dict[str, str]:
    """One finding."""
    return {"name": name, "state": state, "detail": detail, "fix": fix}


async def examine(loom: Loom, reports: Mapping[str, dict[str, Any]]) -> list[dict[str, str]]:
    """Everything there is to say; asks the parts, changes nothing."""
    return [
        _display(),
        *[_source(name, report) for name, report in sorted(reports.items())],
        *_desktop(),
        *_store(loom),
        *_agents(loom),
        *await _health(loom),
        _settings(loom),
        await _models(loom),
        await _memory(loom),
        *_extras(),
    ]


def _display() -> dict[str, str]:
    kind = "Wayland" if os.environ.get("WAYLAND_DISPLAY") else "X11"
    if os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY"):
        return line("display", "ok", f"{kind} at {os.environ.get('DISPLAY') or 'the compositor'}")
    if sys.platform in ("win32", "darwin"):
        return line("display", "ok", "the system's own")
    return line(
        "display",
        "missing",
        "There is no display: Loom runs without windows.",
        "Start it inside a desktop, or use loom ask and loom inbox.",
    )


def _source(name: str, report: dict[str, Any]) -> dict[str, str]:
    if not report["on"]:
        why = report["detail"] or "It is switched off."
        fix = f"Switch it on: loom settings sources.{name}.enabled true"
        return line(name, "off", why, "" if name in ("hotkey", "system") else fix)
    state: State = "ok" if report["working"] else "missing"
    driver = f"{report['driver']}: " if report["driver"] else ""
    return line(name, state, f"{driver}{report['detail'] or 'works'}", report["fix"])


def _desktop() -> list[dict[str, str]]:
    found = []
    if sys.platform == "linux":
        found.append(
            line("message bus", "ok", "there")
            if session_bus()
            else line(
                "message bus",
                "missing",
                "There is no D-Bus session: no notifications, no modern tray, no keyring.",
                "Start Loom inside a desktop session, or with dbus-run-session.",
            )
        )
        if os.environ.get("WAYLAND_DISPLAY") and not shutil.which("wl-paste"):
            found.append(
                line(
                    "wl-clipboard",
                    "missing",
                    "Copies cannot be seen on Wayland without it.",
                    "Install the package wl-clipboard.",
                )
            )
    return found


def _store(loom: Loom) -> list[dict[str, str]]:
    found = []
    if loom.store.in_memory:
        found.append(
            line(
                "store",
                "missing",
                "Nothing is kept: the database could not be opened.",
                "See the first lines of loom inbox and of the log.",
            )
        )
    elif not loom.settings.store.encrypted:
        found.append(
            line(
                "store",
                "warn",
                f"{loom.paths.database}, not encrypted",
                "Remove [store] encrypted from loom.toml.",
            )
        )
    else:
        warning = loom.key.warning if isinstance(loom.key, Key) else ""
        detail = f"{loom.paths.database}, encrypted"
        found.append(line("store", "warn" if warning else "ok", f"{detail}. {warning}".strip(". ")))
    for message, hint in loom.status.problems:
        found.append(line("problem", "warn", message, hint))
    folder = loom.paths.data
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    found.append(
        line(
            "disk",
            "ok" if free > _GIB else "warn",
            f"{free / _GIB:.1f} GiB free",
            "" if free > _GIB else "Free some space.",
        )
    )
    return found


def _agents(loom: Loom) -> list[dict[str, str]]:
    told = {message for message, _ in loom.status.problems}
    return [
        line(f"agent {name}", "warn", message, "The log says more.")
        for name, message in sorted(loom.supervisor.failed.items())
        if message not in told
    ]


async def _health(loom: Loom) -> list[dict[str, str]]:
    """What the parts say of themselves, but for those that have lines of their own."""
    return [
        line(one.name, "ok", one.words or "works")
        if one.state == "ok"
        else line(one.name, "warn", one.words or one.state, one.hint)
        for one in (await loom.health.look()).parts
        if one.name not in ("store", "models") and not one.name.startswith("source ")
    ]


def _settings(loom: Loom) -> dict[str, str]:
    path = loom.paths.settings
    return line("settings", "ok", f"{path}" if path.exists() else f"{path} is not there: as usual")


async def _models(loom: Loom) -> dict[str, str]:
    if not loom.settings.llm and loom.settings.privacy.local_only:
        where = "on this computer"
    else:
        where = "set or found"
    try:
        models = await (await loom.brain.router()).models()
    except LoomError as error:
        return line("models", "missing", error.message, error.hint)
    working = [f"{one['name']} ({one['model']})" for one in models if one["working"]]
    if working:
        return line("models", "ok", ", ".join(working))
    if models:
        return line(
            "models",
            "missing",
            models[0]["detail"] or "None of them answers.",
            "The skills answer meanwhile.",
        )
    return line(
        "models",
        "off",
        f"No model is {where}: the skills answer.",
        "Start Ollama, LM Studio or llama.cpp, or write [llm.NAME] into loom.toml.",
    )


async def _memory(loom: Loom) -> dict[str, str]:
    count = await loom.store.memories.count()
    many = "1 memory" if count == 1 else f"{count:,} memories"
    if not loom.settings.memory.embed_model:
        return line("memory", "ok", f"{many}, found by words and letters (no model is set)")
    await loom.memory.ready()
    if (problem := loom.memory.problem) is None:
        return line("memory", "ok", f"{many}, found by words, letters and meaning")
    detail = f"{problem.message} {many}, found by words and letters meanwhile."
    return line("memory", "warn", detail, problem.hint)


def _extras() -> list[dict[str, str]]:
    parts = {
        "mcp": ("mcp", "other programs' tools"),
        "sounddevice": ("voice", "speaking and listening"),
    }
    found = []
    for module, (extra, what) in parts.items():
        if importlib.util.find_spec(module) is None:
            found.append(
                line(
                    extra,
                    "off",
                    f"The part for {what} is not installed.",
                    f'Install it: pip install "loom-desktop[{extra}]"',
                )
            )
    return found
