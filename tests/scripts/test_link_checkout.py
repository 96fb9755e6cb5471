"""The checkout becomes importable, and the command ``loom`` starts it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.link_checkout import ROOT, first_lines, link


def test_the_path_file_names_the_checkout(tmp_path: Path) -> None:
    link(tmp_path, tmp_path)
    assert (tmp_path / "loom_desktop_checkout.pth").read_text() == f"{ROOT}\n"
    assert (tmp_path / "loom").stat().st_mode & 0o111


@pytest.mark.parametrize("folder", ["plain", "with a space and 'quotes'", "long" * 50])
def test_the_first_lines_find_python_wherever_it_lies(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    python = tmp_path / folder / "python"
    python.symlink_to(sys.executable)
    command = tmp_path / folder / "loom"
    command.write_text(first_lines(python) + "import sys\nprint('started', sys.argv[1:])\n")
    command.chmod(0o755)
    done = subprocess.run([command, "a b"], capture_output=True, text=True, timeout=20, check=False)
    assert done.stdout.strip() == "started ['a b']", done.stderr
