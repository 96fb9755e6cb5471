"""The language of the windows: which one the person wants, and its words and Qt's own.

English is in the code; its file holds only the plurals. What the engine says (answers, cards,
errors) is English for now, whatever the windows speak.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator

from . import resources

SHIPPED = ("en", "de")
MOST_BYTES = 1_000_000
"""A longer loom.toml is refused by the engine too."""


def wanted(settings: Path) -> str:
    """``[assistant] language`` of loom.toml: system, en or de.

    Read before the tray shows, so without the whole of the settings (20 ms). What is wrong with
    the file is not told here: the engine reads it as well, and says it.
    """
    try:
        with settings.open("rb") as file:
            text = file.read(MOST_BYTES)
        if b"language" not in text:
            return "system"
        import tomllib

        assistant = tomllib.loads(text.decode("utf-8")).get("assistant")
    except (OSError, ValueError, RecursionError):
        return "system"
    chosen = assistant.get("language") if isinstance(assistant, dict) else None
    return chosen if isinstance(chosen, str) else "system"


def use(app: QCoreApplication, language: str) -> str:
    """From now on new windows speak it; answers the code of the language that was taken.

    ``system``, or a language that is not shipped, is the first of the system's languages that is
    there, else English. Days and numbers are written as in the system's country; when the person
    chose another language than the system's, in that language.
    """
    code = language if language in SHIPPED else _of_the_system()
    system = QLocale.system()
    if language in SHIPPED and system.name().split("_")[0] != code:
        QLocale.setDefault(QLocale(QLocale(code).language(), system.territory()))
    ours = resources.find(f"translations/loom_{code}.qm")
    theirs = Path(QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath))
    for file in (theirs / f"qtbase_{code}.qm", ours):
        translator = QTranslator(app)
        if file is not None and file.is_file() and translator.load(str(file)):
            app.installTranslator(translator)
    return code


def _of_the_system() -> str:
    codes = (one.replace("_", "-").split("-")[0] for one in QLocale.system().uiLanguages())
    return next((code for code in codes if code in SHIPPED), "en")
