"""A model that is not on this computer, as a file of the person's own: it says one sentence.

Its price is in a ``prices.toml`` beside it, or in none. Nothing leaves: it opens no connection.
"""

from __future__ import annotations

from pathlib import Path

_FILE = '''"""A model elsewhere, for tests."""

from msgspec import Struct

from loom_desktop.llm import Facts, Finish, Text, Usage


class Settings(Struct, frozen=True, kw_only=True):
    """[llm.NAME]"""

    kind: str = "paid"
    """The wire format."""
    model: str = "big"
    """Its name."""


class Paid:
    def __init__(self, name, settings, attempts, secrets):
        self.facts = Facts(name=name, kind="paid", model=settings.model, endpoint="big.example:443")

    async def stream(self, messages, **how):
        yield Text("From far away.")
        yield Usage(100, 1000)
        yield Finish("stop")

    async def models(self):
        return [self.facts.model]


provider = Paid
'''
PRICE = 0.01
"""What an answer costs, in dollars."""


def paid_model(home: Path, *, known: bool = True, toml: str = "") -> None:
    """Put it into a folder of settings, as the first model of its loom.toml."""
    folder = home / "llm.providers"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "paid.py").write_text(_FILE, encoding="utf-8")
    if known:
        line = '[models]\n"big" = { read = 0.0, write = 10.0 }\n'
        (home / "prices.toml").write_text(line, encoding="utf-8")
    (home / "loom.toml").write_text(f'{toml}\n[llm.far]\nkind = "paid"\n', encoding="utf-8")
