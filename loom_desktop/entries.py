"""Entries: what loom.toml says about the parts of the catalogues, loaded once and checked.

A part is named in loom.toml by the name of its file: ``[sources.files]``, ``[llm.NAME] kind``,
``[assistant] agents``. Nothing is imported before it is asked for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from loom_desktop import catalog
from loom_desktop.catalog import Kind
from loom_desktop.errors import LoomError, NotFound, SettingsError, Unavailable, UsageError
from loom_desktop.settings import Nothing, Routing, Settings, Table, fit, line_of

log = logging.getLogger(__name__)
_ROUTING = "routing"
"""The table inside an agent's that is the router's."""


class Entries:
    """The parts by kind and name, and their settings. ``trouble`` is told what can be left out."""

    def __init__(self, own: Path, file: Path, trouble: Callable[[str, str], None]) -> None:
        """``own`` is the person's folder of parts, ``file`` their loom.toml."""
        self._own, self._file, self._trouble = own, file, trouble
        self._loaded: dict[tuple[Kind, str], ModuleType] = {}
        self._missing: set[str] = set()
        self._failed: dict[tuple[Kind, str], Unavailable] = {}

    @property
    def missing(self) -> frozenset[str]:
        """Agents that loom.toml names and that have no file."""
        return frozenset(self._missing)

    def names(self, kind: Kind) -> list[str]:
        """Everything that could be loaded, without importing it."""
        return catalog.names(kind, self._own)

    def load(self, kind: Kind, name: str) -> ModuleType:
        """The file of that name. Raises NotFound, and Unavailable when it cannot be run."""
        if (failed := self._failed.get((kind, name))) is not None:
            raise Unavailable(failed.message, hint=failed.hint)
        if (kind, name) not in self._loaded:
            try:
                self._loaded[kind, name] = catalog.load(kind, name, self._own)
            except LoomError:
                raise
            except Exception as error:  # somebody's own file: whatever it does, Loom starts
                log.exception("%s %s cannot be loaded", kind, name)
                message, hint = broken(kind, name, error)
                self._failed[kind, name] = Unavailable(message, hint=hint)
                raise self._failed[kind, name] from error
        return self._loaded[kind, name]

    def settings(self, kind: Kind, name: str, on: Settings) -> Any:
        """Its table in ``on`` as its own ``Settings``. Raises SettingsError, and what load does."""
        tables: dict[str, Table] = getattr(on, kind)
        module = self.load(kind, name)
        return fit(_own(kind, tables.get(name, {})), _settings_of(module), where=f"{kind}.{name}")

    def routing(self, name: str, on: Settings) -> Routing:
        """How the questions of this agent are routed. Raises SettingsError."""
        return _routing(name, on.agents.get(name, {}))

    def check(self, on: Settings) -> None:
        """Every table of a part is followed, or refused by name. Raises SettingsError."""
        text = self._text()
        kinds: tuple[Kind, ...] = ("sources", "agents")
        for kind in kinds:
            tables: dict[str, Table] = getattr(on, kind)
            for name, table in tables.items():
                if name == "microphone":  # named in the example; its source comes with the voice
                    continue
                if kind == "agents" and name in self._missing:
                    continue
                module = self._named(kind, name, line_of(text, kind, name))
                if module is not None:
                    own = _own(kind, table)
                    fit(own, _settings_of(module), where=f"{kind}.{name}", text=text)
                if kind == "agents":
                    _routing(name, table, text)
        for name, table in on.llm.items():
            wire = str(table.get("kind", "openai"))
            if wire not in (known := self.names("llm.providers")):
                line = line_of(text, f"llm.{name}", "kind")
                raise SettingsError(
                    f"loom.toml, line {line}: [llm.{name}] kind: there is no {wire!r}.",
                    hint=f"There are: {', '.join(known)}.",
                )
            settings = _settings_of(self.load("llm.providers", wire))
            fit(table, settings, where=f"llm.{name}", text=text)
        for name in on.assistant.agents:
            self._named("agents", name, line_of(text, "assistant", "agents"))

    def would_take(self, table: str, key: str, value: object, on: Settings) -> None:
        """Whether a part would take the value. Raises SettingsError, NotFound."""
        kind, _, name = table.partition(".")
        if kind not in ("sources", "agents") or value is None:
            return
        if kind == "agents" and (agent := name.removesuffix(f".{_ROUTING}")) != name:
            self.load("agents", agent)
            _routing(agent, {_ROUTING: {**on.agents.get(agent, {}).get(_ROUTING, {}), key: value}})
            return
        entry: Kind = "sources" if kind == "sources" else "agents"
        now: dict[str, Table] = getattr(on, kind)
        table_now = _own(entry, now.get(name, {}))
        fit({**table_now, key: value}, _settings_of(self.load(entry, name)), where=table)

    def look_again(self, agents: Iterable[str] = ()) -> None:
        """From now on what could not be loaded is tried once more, and so are these agents, which
        were loaded and are of no use: their files may be mended."""
        self._failed.clear()
        for name in agents:
            self._loaded.pop(("agents", name), None)

    def find_missing(self, on: Settings) -> None:
        """Note agents that are named and not there: no reason to put the whole file aside."""
        there = self.names("agents")
        self._missing = {name for name in on.assistant.agents if name not in there}

    def without_missing(self, on: Settings) -> Settings:
        """The settings without those. One that has come since, or that is not named any more, is no
        longer missing."""
        self._missing.difference_update(self.names("agents"))
        self._missing.intersection_update(on.assistant.agents)
        agents = tuple(name for name in on.assistant.agents if name not in self._missing)
        assistant = msgspec.structs.replace(on.assistant, agents=agents)
        return msgspec.structs.replace(on, assistant=assistant)

    def tell_missing(self, on: Settings) -> None:
        """Say which of those are still named, and where."""
        line = line_of(self._text(), "assistant", "agents")
        for name in self._missing.intersection(on.assistant.agents):
            try:
                self._named("agents", name, line)
            except SettingsError as error:
                log.warning("%s %s", error.message, error.hint)
                self._trouble(error.message, error.hint)

    def _named(self, kind: Kind, name: str, line: int) -> ModuleType | None:
        """What loom.toml names, None when it is broken: that is told, and stops nothing else.

        Raises SettingsError when there is none of that name.
        """
        try:
            return self.load(kind, name)
        except NotFound as error:
            where = f"loom.toml, line {line}: " if line else ""
            raise SettingsError(f"{where}{error.message}", hint=error.hint) from error
        except Unavailable as error:
            self._trouble(error.message, error.hint)
            return None

    def _text(self) -> str:
        return self._file.read_text("utf-8") if self._file.exists() else ""


def broken(kind: Kind, name: str, error: Exception) -> tuple[str, str]:
    """What to say, and what to do, about a part that cannot be used."""
    what = kind.removesuffix("s").rpartition(".")[2]
    return (
        f"The {what} {name} cannot be used: {type(error).__name__}: {str(error).rstrip('.')}.",
        "It is left out. Mend its file, or take its name out of loom.toml.",
    )


def misnamed(name: str, called: str) -> UsageError:
    """What is said of an agent that is not called as its file is."""
    return UsageError(
        f"The agent in {name}.py calls itself {called!r}: the name of the file and the name in "
        "Agent(...) must be equal.",
        hint=f"Write Agent({name!r}, ...), or rename the file.",
    )


def _settings_of(module: ModuleType) -> type[msgspec.Struct]:
    kind: type[msgspec.Struct] = getattr(module, "Settings", Nothing)
    return kind


def _own(kind: Kind, table: Table) -> Table:
    """The table of a part without what is the router's."""
    return {k: v for k, v in table.items() if k != _ROUTING} if kind == "agents" else table


def _routing(name: str, table: Table, text: str = "") -> Routing:
    where, inside = f"agents.{name}.{_ROUTING}", table.get(_ROUTING, {})
    if not isinstance(inside, dict):
        raise SettingsError(
            f"loom.toml: [agents.{name}] routing must be a table.", hint=f"Write [{where}]."
        )
    return fit(inside, Routing, where=where, text=text)
