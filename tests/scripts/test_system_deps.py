"""The one list of system packages, and the questions it is asked with."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import system_deps
from scripts.system_deps import Dependency, missing, names, read, there


def test_every_entry_asks_one_question_and_has_a_name_for_every_system() -> None:
    for one in read():
        asked = {"soname", "program", "file"} & one.keys()
        assert len(asked) == 1, one
        assert all(one.get(kind) for kind in system_deps.INSTALL), one
        assert not set(one) - asked - {"group", *system_deps.INSTALL}, one


def test_every_profile_names_groups_that_exist() -> None:
    groups = {one["group"] for one in read()}
    assert groups == {"base", "x11", "wayland", "clipboard", "audio", "test"}
    for wanted in system_deps.PROFILES.values():
        assert set(wanted) <= groups


@pytest.mark.parametrize(
    ("dependency", "found"),
    [
        ({"soname": "libc.so.6"}, True),
        ({"soname": "libloom-is-not-there.so.9"}, False),
        ({"program": "sh"}, True),
        ({"program": "loom-is-not-there"}, False),
        ({"file": "/etc/pass*d"}, True),
        ({"file": "/nowhere/*/loom"}, False),
    ],
)
def test_it_asks_the_machine(dependency: Dependency, found: bool) -> None:
    assert there(dependency) is found


def test_only_what_is_missing_is_named_and_each_name_once(tmp_path: Path) -> None:
    file = tmp_path / "deps.toml"
    file.write_text(
        "".join(
            f'[[dependency]]\ngroup = "{group}"\nprogram = "{program}"\napt = "{apt}"\n'
            for group, program, apt in (
                ("base", "a", "lib-a"),
                ("base", "b", "lib-a"),
                ("base", "c", "lib-c"),
                ("test", "d", "lib-d"),
            )
        )
    )
    lacking = missing(["base"], file=file, found=lambda one: one["program"] == "c")
    assert names(lacking) == ["lib-a"]
    assert names(lacking, "dnf") == []


def test_a_wrong_word_on_the_command_line_is_answered_with_the_usage(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert system_deps.main(["missing", "everything"]) == 2
    assert "run|test" in capsys.readouterr().err
