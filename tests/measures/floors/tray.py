"""The least that a tray application could be: an icon."""

import sys

from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import QApplication, QSystemTrayIcon

app = QApplication(["floor"])
picture = QPixmap(22, 22)
picture.fill(0xFF3F5BD9)
icon = QSystemTrayIcon(QIcon(picture))
icon.show()
sys.exit(app.exec())
