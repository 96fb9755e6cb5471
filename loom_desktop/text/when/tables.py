"""The languages there are: one file each, loaded when it is first needed."""

from __future__ import annotations

from loom_desktop.text.when.language import Language

CODES = ("en", "de", "fr", "es")


def language(code: str) -> Language:
    """The tables of one of ``CODES``."""
    if code == "de":
        from loom_desktop.text.when.german import GERMAN

        return GERMAN
    if code == "fr":
        from loom_desktop.text.when.french import FRENCH

        return FRENCH
    if code == "es":
        from loom_desktop.text.when.spanish import SPANISH

        return SPANISH
    from loom_desktop.text.when.english import ENGLISH

    return ENGLISH
