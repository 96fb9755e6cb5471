"""A window and nothing else: SECONDS of ticks."""

import sys

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QLabel

from tests.measures.ticks import Ticks

app = QApplication(["floor"])
label = QLabel("0")
label.resize(200, 60)
label.show()
ticks = Ticks()
QTimer.singleShot(int(float(sys.argv[1]) * 1000), app.quit)
app.exec()
ticks.tell()
