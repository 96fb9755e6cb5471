"""Where the suites work that need no disk."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.stores import memory


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where that is possible."""
    with tempfile.TemporaryDirectory(prefix="loom-faults-", dir=memory()) as made:
        yield Path(made)
