"""Spares PySide6 the reading of every module's source that is imported after it.

Its import hook looks into each for ``from __feature__ import ...``, which nothing here uses; that
costs 25 ms of the start and 8 MB, for the sources stay in ``linecache``. The hook's question is
answered with "yes, it names PySide6", so that no source is read. It is private to PySide6: where
it is called otherwise, nothing is changed and the start takes its time.
"""

from __future__ import annotations

import linecache
import sys


def spare() -> bool:
    """Call it once, after the first import of PySide6. Whether there was anything to spare."""
    feature = sys.modules.get("shibokensupport.feature")
    if not hasattr(feature, "_mod_uses_pyside"):
        return False
    feature._mod_uses_pyside = lambda module: True  # type: ignore[union-attr]
    linecache.clearcache()
    return True
