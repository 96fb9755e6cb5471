"""Writes the pages of docs/ that the code knows best: settings, capabilities, commands.

python scripts/make_docs.py            writes them
python scripts/make_docs.py --check    says which are not current, and fails
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from loom_desktop import catalog, settings  # noqa: E402  # the checkout's own
from loom_desktop.actions import Capability  # noqa: E402
from loom_desktop.settings import Nothing  # noqa: E402

_HEAD = "<!-- Written by scripts/make_docs.py. Change the code, then run: make docs -->\n\n"


def settings_page() -> str:
    """Every table and key of loom.toml."""
    parts = [
        _HEAD + "# Settings\n\n"
        "`loom.toml` lives in your configuration folder, or in `LOOM_HOME` when that is set. "
        "Everything is optional. A key that nobody reads is refused with its line and the nearest "
        "key there is. `loom settings` lists and changes them, and so does the settings window; "
        "changes hold at once, unless it says otherwise.\n"
    ]
    for name, kind in settings.SECTIONS.items():
        parts.append(_table(name, kind))
    parts.append(_table("agents.NAME.routing", settings.Routing))
    for group in ("sources", "agents", "llm.providers"):
        for name in catalog.names(group):
            module = catalog.load(group, name)
            kind = getattr(module, "Settings", Nothing)
            if kind is not Nothing and msgspec.structs.fields(kind):
                title = (
                    f'llm.NAME] kind = "{name}"' if group == "llm.providers" else f"{group}.{name}"
                )
                parts.append(_table(title, kind))
    return "\n".join(parts)


def _table(name: str, kind: type[msgspec.Struct]) -> str:
    said = settings.sentences(kind)
    title = name if "]" in name else f"{name}]"
    lines = [f"\n## [{title}\n", "| key | default | what it does |", "| --- | --- | --- |"]
    for field in msgspec.structs.fields(kind):
        default = "" if field.default is msgspec.NODEFAULT else _shown(field.default)
        sentence = said.get(field.name, "")
        if (name, field.encode_name) in settings.NOT_YET:
            sentence = f"*Accepted, not followed yet.* {sentence}"
        lines.append(f"| `{field.encode_name}` | {default} | {sentence} |")
    return "\n".join(lines) + "\n"


def _shown(value: Any) -> str:
    return f"`{msgspec.json.encode(msgspec.to_builtins(value)).decode()}`"


def capabilities_page() -> str:
    """Everything the broker can do."""
    lines = [
        _HEAD + "# Capabilities\n",
        "What agents, models and other programs may ask the broker to do. The effect decides "
        "whether it is allowed, asked or refused (docs/privacy.md).\n",
        "| capability | effect | arguments | what it does |",
        "| --- | --- | --- | --- |",
    ]
    for family in catalog.names("capabilities"):
        module = catalog.load("capabilities", family)
        found = [one for one in vars(module).values() if isinstance(one, Capability)]
        for one in sorted(found, key=lambda each: each.name):
            arguments = ", ".join(f"`{name}`" for name in one.schema.get("properties", {}))
            first = one.description.splitlines()[0]
            lines.append(f"| `{one.name}` | {one.effect} | {arguments} | {first} |")
    return "\n".join(lines) + "\n"


def commands_page() -> str:
    """The help of every command."""
    import click

    from loom_desktop.cli import COMMANDS, _group

    group = _group()
    parts = [_HEAD + "# Commands\n"]
    context = click.Context(group, info_name="loom", max_content_width=88, terminal_width=88)
    parts.append(f"```\n{group.get_help(context)}\n```\n")
    for name in sorted(COMMANDS):
        command = group.get_command(context, name)
        assert command is not None
        with click.Context(
            command, info_name=name, parent=context, max_content_width=88, terminal_width=88
        ) as inside:
            parts.append(f"## loom {name}\n\n```\n{command.get_help(inside)}\n```\n")
            if isinstance(command, click.Group):
                for below in command.list_commands(inside):
                    part = command.get_command(inside, below)
                    assert part is not None
                    with click.Context(
                        part,
                        info_name=below,
                        parent=inside,
                        max_content_width=88,
                        terminal_width=88,
                    ) as deeper:
                        help_ = part.get_help(deeper)
                    parts.append(f"### loom {name} {below}\n\n```\n{help_}\n```\n")
    return "\n".join(parts)


def pages() -> dict[Path, str]:
    """Path and text of each page."""
    docs = ROOT / "docs"
    return {
        docs / "settings.md": settings_page(),
        docs / "capabilities.md": capabilities_page(),
        docs / "commands.md": commands_page(),
    }


def main() -> int:
    """0, or 1 when --check found a page that is not current."""
    stale = []
    for path, text in pages().items():
        if "--check" in sys.argv:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(path.name)
        else:
            path.write_text(text, encoding="utf-8")
    if stale:
        print(f"Not current: {', '.join(stale)}. Run: make docs")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
