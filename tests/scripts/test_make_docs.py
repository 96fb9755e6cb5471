"""docs/commands.md says what every command takes, those of a group among them."""

from __future__ import annotations

import re

from loom_desktop.cli import COMMANDS, _group
from scripts.make_docs import commands_page


def test_every_command_and_every_one_of_a_group_has_its_arguments_and_options() -> None:
    import click

    page = commands_page()
    group = _group()
    context = click.Context(group)
    wanted = []
    for name in sorted(COMMANDS):
        wanted.append(name)
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            wanted += [f"{name} {one}" for one in command.list_commands(context)]
    assert re.findall(r"^##+ loom (.*)$", page, re.MULTILINE) == wanted
    assert re.findall(r"^Usage: loom (?!\[)(.*?) (?=\[|[A-Z])", page, re.MULTILINE) == wanted
    assert "Usage: loom dead drop [OPTIONS] NUMBER" in page
