"""What is simplest: the whole answer anew at each flush. TOKENS, and how many of the LAST flushes.

Only the last flushes are made: what came before does not change what they cost.
"""

import json
import sys
import time

from PySide6.QtWidgets import QApplication, QTextBrowser

from tests.measures.sample import pieces

given, last = pieces(int(sys.argv[1])), int(sys.argv[2])
app = QApplication(["floor"])
view = QTextBrowser()
view.resize(640, 480)
view.show()
text = "".join(given[:-last])
view.setMarkdown(text)
app.processEvents()
wall: list[float] = []
cpu: list[float] = []
for piece in given[-last:]:
    text += piece
    began, cpu_began = time.perf_counter(), time.thread_time()
    view.setMarkdown(text)
    view.verticalScrollBar().setValue(view.verticalScrollBar().maximum())
    wall.append((time.perf_counter() - began) * 1e3)
    cpu.append((time.thread_time() - cpu_began) * 1e3)
    app.processEvents()
sys.stdout.write(json.dumps({"wall_ms": wall, "cpu_ms": cpu}) + "\n")
