"""What holds for the whole tree: style, types, who imports whom, and that nothing is left out.

The tools run here as well as in their make targets, so that ``make test`` alone tells the truth.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

import loom_desktop
from loom_desktop import catalog, settings

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PACKAGES = ("loom_desktop", "app")
LONGEST = 700
"""Lines. Nobody holds more in the head; most files have 60 to 300."""

PUBLIC = [
    "Agent",
    "Aggregate",
    "Breaker",
    "CapabilityContext",
    "Context",
    "Event",
    "Loom",
    "Offer",
    "Publish",
    "QoS",
    "Report",
    "Result",
    "Source",
    "capability",
    "tool",
    "until",
]
"""What ``from loom_desktop import ...`` promises. Adding is easy, taking away is a broken promise:
both are done here, on purpose."""


def modules(*roots: str) -> list[Path]:
    return sorted(
        path.relative_to(ROOT)
        for root in roots or PACKAGES
        for path in (ROOT / root).rglob("*.py")
        if "__pycache__" not in path.parts
    )


def parsed(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def tracked() -> list[Path]:
    """What git would publish; in a tree without git, every file outside build folders."""
    git = shutil.which("git") or "false"
    listed = subprocess.run(
        [
            *(git, "-c", "safe.directory=*", "ls-files", "-z"),
            *("--cached", "--others", "--exclude-standard"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        found = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        built = {".git", ".venv", "build", "dist", "__pycache__", "node_modules"}
        found = [
            path
            for path in ROOT.rglob("*")
            if not built & set(path.relative_to(ROOT).parts) and "_cache" not in str(path)
        ]
    return [path for path in found if path.is_file()]


def run(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    tool = BIN / command[0]
    environment = {**os.environ, "PYTHONPATH": "", "NO_COLOR": "1", "COLUMNS": "200"}
    return subprocess.run(
        [str(tool), *command[1:]],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


# ---------------------------------------------------------------- the tools
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("lint-imports", "--no-cache"),
        ("mypy",),
        ("mypy", "--explicit-package-bases", "scripts", "installers"),
        ("python", "scripts/make_docs.py", "--check"),
    ],
    ids=" ".join,
)
def test_the_tool_has_nothing_to_say(command: tuple[str, ...]) -> None:
    done = run(*command)
    assert done.returncode == 0, (
        f"{' '.join(command)}\n{done.stdout[-6000:]}\n{done.stderr[-2000:]}"
    )


# ---------------------------------------------------------------- contracts that really bite
PLANTED = {
    "Qt in the engine": ("loom_desktop/event.py", "import PySide6", "runs without Qt"),
    "the shell in the engine": (
        "loom_desktop/paths.py",
        "import app",
        "shell stands on the engine",
    ),
    "upwards": ("loom_desktop/errors.py", "import loom_desktop.paths", "One direction"),
    "a module without a place": ("loom_desktop/utils.py", "", "One direction"),
    "SQL outside the store": ("loom_desktop/tasks.py", "import apsw", "Only the store speaks SQL"),
    "a socket outside net": ("loom_desktop/paths.py", "import httpx2", "Only net opens sockets"),
    "an agent that knows the store": (
        "loom_desktop/agents/planted.py",
        "import loom_desktop.store",
        "public SDK",
    ),
    "an agent that knows another": (
        "loom_desktop/agents/planted.py",
        "import loom_desktop.agents.planted_too",
        "do not know each other",
    ),
    "neighbours in a circle": (
        "loom_desktop/event.py",
        "import loom_desktop.tasks\n# and back\n",
        "No cycles",
    ),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree that the contracts are about, without anything else; as it is, nothing is broken."""
    folder = tmp_path_factory.mktemp("planted")
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", folder)
    clean = run("lint-imports", "--no-cache", cwd=folder)
    assert clean.returncode == 0, clean.stdout[-3000:]
    return folder


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_violation_is_caught(copy: Path, what: str) -> None:
    name, line, contract = PLANTED[what]
    back = copy / "loom_desktop" / "tasks.py"
    files = [copy / name, copy / "loom_desktop/agents/planted_too.py", back]
    before = {file: file.read_text(encoding="utf-8") if file.exists() else None for file in files}
    try:
        (copy / "loom_desktop/agents/planted_too.py").write_text('"""Planted."""\n')
        (copy / name).write_text(f"{before[copy / name] or ''}\n{line}\n", encoding="utf-8")
        if "and back" in line:
            back.write_text(f"{before[back]}\nimport loom_desktop.event\n", encoding="utf-8")
        done = run("lint-imports", "--no-cache", cwd=copy)
    finally:
        for file, text in before.items():
            if text is None:
                file.unlink(missing_ok=True)
            else:
                file.write_text(text, encoding="utf-8")
    broken = re.findall(r"^(.*) BROKEN", done.stdout, re.MULTILINE)
    assert done.returncode != 0
    assert any(contract in one for one in broken), f"{broken}\n{done.stdout[-3000:]}{done.stderr}"


# ---------------------------------------------------------------- nothing is left out
def catalogue_folders() -> list[Path]:
    return [Path("loom_desktop", *kind.split(".")) for kind in catalog.KINDS]


def says_something(path: Path) -> bool:
    """Whether there is anything in it that could be wrong."""
    if path.name == "__init__.py" and path.parent in catalogue_folders():
        return False
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for node in ast.walk(parsed(path))
    )


def places_of_its_test(path: Path) -> list[Path]:
    """``loom_desktop/text/when.py``: ``tests/loom_desktop/text/test_when.py``.

    A package has its test beside or inside the folder of its tests. A package within a part of the
    engine (``text/when/``) is one deep module: the test at its door is enough for what is inside.
    """
    folder = ROOT / "tests" / path.parent
    door = f"test_{path.parent.name}.py"
    doors = [folder / "test_init.py", folder / door, folder.parent / door]
    if path.name == "__init__.py":
        return doors
    own = [folder / f"test_{path.stem.strip('_')}.py", folder / f"test_{path.stem}.py"]
    deep = len(path.parts) > 3 and path.parent not in catalogue_folders()
    return [*own, *doors[1:]] if deep else own


def test_every_module_has_its_test_at_the_mirrored_path() -> None:
    lacking = [
        f"{path}: {places_of_its_test(path)[0].relative_to(ROOT)}"
        for path in modules()
        if says_something(path) and not any(place.exists() for place in places_of_its_test(path))
    ]
    assert not lacking, "\n".join(["modules without their test:", *lacking])


def test_no_file_is_too_long_to_hold_in_the_head(record_property: Any) -> None:
    sizes = sorted(
        (
            (len((ROOT / path).read_text(encoding="utf-8").splitlines()), str(path))
            for path in modules(*PACKAGES, "tests", "scripts", "installers")
        ),
        reverse=True,
    )
    record_property("longest files", sizes[:10])
    assert not [f"{path}: {lines}" for lines, path in sizes if lines > LONGEST]


def entries() -> list[Path]:
    """A file, or a folder when one thing has several parts."""
    return [
        path
        for folder in catalogue_folders()
        for path in modules(str(folder))
        if not path.relative_to(folder).parts[0].startswith("_")
        and (path.parent == folder or (path.parent.parent == folder and path.stem == "__init__"))
    ]


def test_every_entry_of_a_catalogue_says_in_a_line_what_it_is() -> None:
    silent = []
    for path in entries():
        said = ast.get_docstring(parsed(path)) or ""
        first = said.splitlines()[0] if said else ""
        if not first.endswith((".", ":")) or len(first) < 15:
            silent.append(f"{path}: {first!r}")
    assert not silent, "\n".join(silent)


def test_the_public_surface_is_what_was_promised() -> None:
    assert sorted(getattr(loom_desktop, "__all__", [])) == PUBLIC
    for name in PUBLIC:
        assert getattr(loom_desktop, name) is not None


# ---------------------------------------------------------------- the documents name everything
def document(name: str) -> str:
    file = ROOT / "docs" / f"{name}.md"
    assert file.exists(), f"docs/{name}.md is not there"
    return file.read_text(encoding="utf-8")


def sections_of(text: str) -> dict[str, str]:
    """``[sources.hotkey]`` in a heading, and what stands below it until the next heading."""
    found: dict[str, str] = {}
    for part in re.split(r"^#{1,6} ", text, flags=re.MULTILINE):
        heading, _, below = part.partition("\n")
        for name in re.findall(r"\[([a-z_]+(?:\.[\w-]+)?)\]", heading):
            found[name] = found.get(name, "") + below
    return found


def declared_settings() -> Iterator[tuple[str, str]]:
    """Table and key of everything that can be set, without importing the catalogues."""
    for table, struct in settings.SECTIONS.items():
        for key in struct.__struct_fields__:
            yield table, key
    for path in modules("loom_desktop"):
        if path == Path("loom_desktop/settings.py"):
            continue
        kind, *inside = path.relative_to("loom_desktop").with_suffix("").parts
        name = "NAME" if kind in ("llm", "speech") else next(iter(inside), "")
        table = f"{kind}.{name}"
        for node in parsed(path).body:
            if isinstance(node, ast.ClassDef) and node.name == "Settings":
                for line in node.body:
                    if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                        yield table, line.target.id


def test_docs_name_every_setting() -> None:
    sections = sections_of(document("settings"))
    lacking = [
        f"[{table}] {key}"
        for table, key in declared_settings()
        if f"`{key}`" not in sections.get(table, "")
    ]
    assert not lacking, "docs/settings.md does not name, below a heading with the table:\n" + (
        "\n".join(lacking)
    )


TOPIC = re.compile(r"[a-z]+(\.[a-z_]+)+\.?")
SAYS = re.compile(r"(^|_)(emit|publish|publish_from_thread|request|tell)$")


def declared_topics() -> set[str]:
    """What is given to publish, emit and Event: literals, constants of the module, and the fixed
    beginning of what is put together (``card.answered.``)."""
    found: set[str] = set()
    for path in modules():
        tree = parsed(path)
        constants = {
            target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name) and isinstance(node.value.value, str)
        }
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
            name = call.func.id if isinstance(call.func, ast.Name) else name
            given = list(call.args[:1]) if SAYS.search(name) else []
            if name == "Event":
                given = [word.value for word in call.keywords if word.arg == "topic"]
            for value in given:
                if isinstance(value, ast.JoinedStr) and value.values:
                    value = value.values[0]
                text = value.value if isinstance(value, ast.Constant) else None
                if isinstance(value, ast.Name):
                    text = constants.get(value.id)
                if isinstance(text, str) and TOPIC.fullmatch(text):
                    found.add(text)
    return found


def test_docs_name_every_topic() -> None:
    text = document("topics")
    assert not (lacking := sorted(t for t in declared_topics() if t not in text)), lacking


def declared_capabilities() -> Iterator[str]:
    for path in modules("loom_desktop"):
        for node in ast.walk(parsed(path)):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for call in (one for one in node.decorator_list if isinstance(one, ast.Call)):
                name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
                name = call.func.id if isinstance(call.func, ast.Name) else name
                first = call.args[0] if call.args else None
                if name in ("capability", "tool") and isinstance(first, ast.Constant):
                    yield str(first.value)


def test_docs_name_every_capability() -> None:
    text = document("capabilities")
    assert not (lacking := sorted(c for c in declared_capabilities() if f"`{c}`" not in text)), (
        lacking
    )


@pytest.mark.parametrize(
    ("source", "topics"),
    [
        ('publish("clipboard.copied", text="x")', {"clipboard.copied"}),
        ('self._publish("file.created")', {"file.created"}),
        ('MADE = "file.created"\nasync def f(ctx): await ctx.emit(MADE)', {"file.created"}),
        ('bus.publish(Event(topic="card.offered"))', {"card.offered"}),
        ('publish(f"card.answered.{agent}.{action}")', {"card.answered."}),
        ('print("not.a_topic"); publish("no dots")', set()),
    ],
)
def test_topics_are_found_however_they_are_said(
    source: str, topics: set[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "one.py").write_text(source)
    monkeypatch.setattr(sys.modules[__name__], "modules", lambda *_: [tmp_path / "one.py"])
    assert declared_topics() == topics


# ---------------------------------------------------------------- what is locked, and what is told
def test_exactly_one_sqlite_is_locked() -> None:
    """apsw and apsw-sqlite3mc both install the module apsw: the last wins, and must encrypt."""
    locked = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    names = [one["name"] for one in locked]
    assert [name for name in names if name in ("apsw", "apsw-sqlite3mc")] == ["apsw-sqlite3mc"]


@pytest.mark.parametrize(("python", "allowed"), [("3.11", False), ("3.12", True), ("3.13", True)])
def test_the_qt_that_aborts_is_shut_out_where_it_does(python: str, allowed: bool) -> None:
    """PySide6 6.12.0 loses a reference to None per call on Python below 3.12."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [Requirement(line) for line in project["dependencies"] if line.startswith("PySide6")]
    here = [one for one in asked if one.marker and one.marker.evaluate({"python_version": python})]
    assert len(here) == 1
    assert here[0].specifier.contains("6.12.0") is allowed
    assert here[0].specifier.contains("6.11.3")


HOSTS = ("pypi" + ".org", "pythonhosted" + ".org", "registry.npm" + "js", "deb.debian" + ".org")
"""Packages are asked for by name; where they come from is the machine's own business."""
MACHINE = re.compile(r"(?<![\w.])/(?:work/(?:main|shared)|root/|tmp/loom/|opt/pypi)")
HOME = re.compile(r"(?<![\w.])/(?:home|Users)/[a-z]\w+")


def told(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def test_no_tracked_file_tells_of_the_machine_it_was_written_on() -> None:
    this = Path(__file__).resolve()
    found = []
    for path in tracked():
        if path == this or path.suffix == ".lock":
            continue
        text = told(path)
        inside_tests = path.is_relative_to(ROOT / "tests")  # their people have home folders
        for pattern in (MACHINE,) if inside_tests else (MACHINE, HOME):
            found += [f"{path.relative_to(ROOT)}: {hit}" for hit in pattern.findall(text)]
    assert not found, found


def test_no_tracked_file_names_a_registry() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {host}"
        for path in tracked()
        if path.name != "uv.lock"
        for host in HOSTS
        if host in told(path)
    ]
    assert not found, found
