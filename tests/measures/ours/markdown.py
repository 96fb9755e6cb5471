"""An answer of TOKENS streams into the real transcript, flushed after each piece; LAST count."""

import json
import sys
import time

from PySide6.QtWidgets import QApplication

from app.theme import Theme
from app.transcript import Transcript
from tests.measures.sample import pieces

given, last = pieces(int(sys.argv[1])), int(sys.argv[2])
app = QApplication(["ours"])
app.setStyle("Fusion")
look = Theme("light")
view = Transcript(look)
look.dress(view)
view.resize(640, 480)
view.show()
view.begin()
app.processEvents()
wall: list[float] = []
cpu: list[float] = []
for number, piece in enumerate(given):
    view.stream(piece)
    began, cpu_began = time.perf_counter(), time.thread_time()
    view.flush()
    wall.append((time.perf_counter() - began) * 1e3)
    cpu.append((time.thread_time() - cpu_began) * 1e3)
    if number >= len(given) - last:
        app.processEvents()
sys.stdout.write(json.dumps({"wall_ms": wall[-last:], "cpu_ms": cpu[-last:]}) + "\n")
