"""What an answer costs, from a small price table that anybody may edit. Unknown is not zero."""

from __future__ import annotations

import fnmatch
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from loom_desktop.errors import SettingsError
from loom_desktop.llm import Facts, Usage
from loom_desktop.paths import resource

_MOST_BYTES = 200_000


class Price(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Dollars for a million tokens."""

    read: float
    write: float


class Prices:
    """A table of prices by the name of the model; ``*`` in a name stands for anything."""

    def __init__(self, table: Mapping[str, Price]) -> None:
        self._table = {name.lower(): price for name, price in table.items()}

    def price(self, model: str) -> Price | None:
        """The price of a model, None when the table does not know it.

        The exact name counts before a pattern, a longer pattern before a shorter one, and
        ``deepseek/deepseek-chat`` (as resellers write it) is never taken for ``deepseek-chat``.
        """
        name = model.strip().lower()
        if name in self._table:
            return self._table[name]
        fitting = [one for one in self._table if "*" in one and fnmatch.fnmatchcase(name, one)]
        return self._table[max(fitting, key=len)] if fitting else None

    def cost(self, facts: Facts, usage: Usage) -> float | None:
        """Dollars for an answer: 0 on this computer, None when the price is not known."""
        if facts.local or facts.kind == "offline":
            return 0.0
        price = self.price(facts.model)
        if price is None:
            return None
        return (usage.prompt * price.read + usage.completion * price.write) / 1_000_000


def prices(own: Path | None = None) -> Prices:
    """The table that comes with Loom, and over it the person's own ``prices.toml``.

    Raises SettingsError when their own cannot be read.
    """
    table = _read(resource("prices.toml"))
    if own is not None and own.exists():
        table |= _read(own)
    return Prices(table)


def dollars(amount: float) -> str:
    """``$0.05``, ``$0.0003``, ``$0``."""
    if amount == 0:
        return "$0"
    return f"${amount:.2f}" if amount >= 0.01 else f"${amount:.4f}"


def _read(path: Path) -> dict[str, Price]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise SettingsError(f"{path} is too large to be a price table.")
        table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        found = msgspec.convert(table.get("models", {}), dict[str, Price])
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise SettingsError(
            f"{path} cannot be read as a price table: {error}.",
            hint='A line reads: "model" = { read = 0.15, write = 0.60 }',
        ) from error
    for name, price in found.items():
        if not (price.read >= 0 and price.write >= 0):
            raise SettingsError(f"{path}: the price of {name!r} is below zero.")
    return found
