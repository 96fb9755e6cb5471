import subprocess
import sys

CODE = """
import linecache, sys
import PySide6.QtCore
from app.spare import spare
assert spare(), "PySide6 reads sources in another way now: look at its feature module again"
import colorsys, app.theme
assert not [name for name in linecache.cache if name.endswith(("colorsys.py", "theme.py"))]
from PySide6.QtCore import QObject, Signal
class Bell(QObject):
    rung = Signal(int)
heard = []
bell = Bell()
bell.rung.connect(heard.append)
bell.rung.emit(3)
assert heard == [3] and app.theme.LIGHT
"""


def test_no_source_is_read_for_what_is_imported_after_qt() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_without_that_hook_nothing_is_changed() -> None:
    code = "from app.spare import spare; assert spare() is False"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
