"""The catalogue: finds a thing by the name of the file it lives in.

``load("sources", "files")`` looks for files.py in the person's own folder, then here, then among
the entry points of installed packages. Nothing is imported before it is asked for, so what is
switched off costs nothing.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from loom_desktop.errors import NotFound

Kind = Literal["sources", "agents", "capabilities", "llm.providers"]
KINDS: tuple[Kind, ...] = ("sources", "agents", "capabilities", "llm.providers")
_EXPORT = {"sources": "source", "agents": "agent", "llm.providers": "provider"}
_HERE = Path(__file__).parent


def names(kind: Kind, own: Path | None = None) -> list[str]:
    """Everything that could be loaded, without importing it."""
    return sorted({*_built_in(kind), *_own(kind, own), *_installed(kind)})


def load(kind: Kind, name: str, own: Path | None = None) -> ModuleType:
    """Import the file of that name. Raises NotFound with the names there are."""
    if name in _own(kind, own):
        assert own
        return _load_file(f"loom_own.{kind}.{name}", own / kind / f"{name}.py")
    if name in _built_in(kind):
        return importlib.import_module(f"loom_desktop.{kind}.{name}")
    if name in (entries := _installed(kind)):
        return importlib.import_module(entries[name])
    hint = f"There are: {', '.join(names(kind, own))}."
    raise NotFound(f"There is no {name!r} among the {kind}.", hint=hint)


def export(kind: Kind, module: ModuleType) -> Any:
    """The one object the file is there for."""
    try:
        return getattr(module, _EXPORT[kind])
    except AttributeError:
        hint = f"End the file with `{_EXPORT[kind]} = ...`."
        raise NotFound(
            f"{module.__file__} does not say which {_EXPORT[kind]} it is.", hint=hint
        ) from None


def _built_in(kind: Kind) -> set[str]:
    folder = _HERE / kind.replace(".", "/")
    if not folder.is_dir():  # a frozen build keeps its modules in an archive
        import pkgutil

        package = importlib.import_module(f"loom_desktop.{kind}")
        return {m.name for m in pkgutil.iter_modules(package.__path__) if m.name[0] != "_"}
    return _modules(folder, (".py", ".pyc"))


def _own(kind: Kind, own: Path | None) -> set[str]:
    return set() if own is None else _modules(own / kind, (".py",))


def _modules(folder: Path, suffixes: tuple[str, ...]) -> set[str]:
    """The names of the files in it. ``Path.glob`` would compile patterns for 1 ms of a start."""
    try:
        found = os.listdir(folder)
    except OSError:
        return set()
    stems = (os.path.splitext(name) for name in found)
    return {stem for stem, suffix in stems if suffix in suffixes and not stem.startswith("_")}


def _installed(kind: Kind) -> dict[str, str]:
    if "importlib.metadata" not in sys.modules and not _somebody_extends_us():
        return {}
    from importlib.metadata import entry_points

    return {entry.name: entry.module for entry in entry_points(group=f"loom_desktop.{kind}")}


@cache
def _somebody_extends_us() -> bool:
    """Whether an installed package names our groups: a look at the files, 30 times cheaper.

    ``importlib.metadata`` takes 25 ms to import and read every package's entry points.
    """
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for name in names:
            if not name.endswith(".dist-info") or name.startswith(
                ("loom_desktop-", "loom-desktop-")
            ):
                continue
            try:
                with open(os.path.join(folder, name, "entry_points.txt"), "rb") as file:
                    if b"[loom_desktop." in file.read():
                        return True
            except OSError:
                continue  # most packages have none
    return False


def _load_file(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec, path
    assert spec.loader, path
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # structs and dataclasses resolve their annotations through it
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
