import os
import sys
from pathlib import Path

import pytest

from loom_desktop.text.held import Held
from loom_desktop.text.kind import kind_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="descriptors have paths on Linux")


def test_it_is_called_by_its_name_and_read_by_its_descriptor(tmp_path: Path) -> None:
    path = tmp_path / "notes.old.md"
    path.write_text("# Ours")
    descriptor = os.open(path, os.O_RDONLY)
    try:
        held = Held.of(descriptor, path.name)
        path.unlink()
        path.write_text("# Theirs")
        assert (held.name, held.stem, held.suffix) == ("notes.old.md", "notes.old", ".md")
        assert [held.read_text(), held.read_text()] == ["# Ours", "# Ours"]
        assert kind_of(held).suffix == ".md"
        assert os.stat(held).st_ino != path.stat().st_ino
    finally:
        os.close(descriptor)
