"""Settings and secrets."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loom_desktop import settings as toml
from loom_desktop.actions.folders import shown
from loom_desktop.errors import Denied, LoomError, UsageError

if TYPE_CHECKING:
    from loom_desktop.loom import Loom


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
        routing = loom.entries.routing(name, loom.settings)
        tables[f"agents.{name}.routing"] = toml.described(toml.Routing, routing, words)
    for table, key in toml.NOT_YET:
        tables.get(table, {}).pop(key, None)
    return {name: table for name, table in tables.items() if table}


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


async def set_secret(loom: Loom, name: str, value: str) -> dict[str, str]:
    """Keep a key or password; says where."""
    if not value.strip():
        raise UsageError(f"There is nothing to keep under {name!r}.", hint="Type the secret.")
    place = await loom.store.secrets.set(_secret_name(name), value)
    await loom.brain.close()
    return {"place": place}


async def secrets(loom: Loom) -> list[str]:
    """The names, never the values."""
    return list(await loom.store.secrets.list())


async def remove_secret(loom: Loom, name: str) -> dict[str, bool]:
    """Forget it."""
    return {"removed": await loom.store.secrets.remove(_secret_name(name))}


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
