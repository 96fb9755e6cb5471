import sys
from pathlib import Path

import pytest

from loom_desktop import catalog
from loom_desktop.errors import NotFound


def own(folder: Path, kind: str, name: str, text: str) -> Path:
    place = folder / kind
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{name}.py").write_text(text)
    return folder


def test_built_in_entries_are_found_without_being_imported() -> None:
    before = set(sys.modules)
    assert "chat" in catalog.names("agents")
    assert "files" in catalog.names("sources")
    assert "openai" in catalog.names("llm.providers")
    assert not {m for m in set(sys.modules) - before if m.startswith("loom_desktop.agents.")}


def test_what_begins_with_an_underscore_is_no_entry() -> None:
    assert not [name for kind in catalog.KINDS for name in catalog.names(kind) if name[0] == "_"]


def test_the_persons_own_file_comes_first(tmp_path: Path) -> None:
    folder = own(tmp_path, "agents", "chat", '"""Mine."""\nagent = "mine"\n')
    assert catalog.export("agents", catalog.load("agents", "chat", folder)) == "mine"
    assert "chat" in catalog.names("agents", folder)


@pytest.mark.parametrize("name", ["none", "../secrets", "", "os", "chat.py"])
def test_an_unknown_name_lists_those_there_are(name: str) -> None:
    with pytest.raises(NotFound) as error:
        catalog.load("agents", name)
    assert "chat" in error.value.hint


def test_a_file_that_says_not_what_it_is_gets_the_line_to_write(tmp_path: Path) -> None:
    folder = own(tmp_path, "agents", "empty", '"""Empty."""\n')
    with pytest.raises(NotFound) as error:
        catalog.export("agents", catalog.load("agents", "empty", folder))
    assert "agent = ..." in error.value.hint


def test_a_file_that_breaks_while_it_loads_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = own(tmp_path, "agents", "broken", "raise ValueError('no')\n")
    with pytest.raises(ValueError, match="no"):
        catalog.load("agents", "broken", folder)
    assert "loom_own.agents.broken" not in sys.modules
