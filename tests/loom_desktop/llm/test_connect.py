"""What loom.toml says about routing reaches the router."""

from __future__ import annotations

from typing import Any

import pytest

from loom_desktop import settings as toml
from loom_desktop.errors import SettingsError
from loom_desktop.event import Privacy
from loom_desktop.llm.connect import connected
from loom_desktop.settings import Routing


class Ledger:
    async def begin(self, host: str, port: int, **about: Any) -> int:
        return 1

    def finish(self, id: int, **outcome: Any) -> None:  # noqa: A002
        pass


async def secret(name: str) -> str | None:
    return None


async def test_every_key_of_the_router_is_followed() -> None:
    on = toml.parse(
        """
        [router]
        privacy = "sensitive"
        prefer = "two"
        latency_budget_ms = 9
        cost_cap = 0.5
        quality_threshold = 0.9
        hybrid = true
        learning = "ab"
        [privacy]
        redact = false
        [llm.one]
        model = "a"
        images = false
        tools = true
        context = 4096
        [llm.two]
        model = "b"
        """
    )
    way = await connected(on, Ledger(), secret, agents={"diary": Routing(privacy="public")})
    try:
        policy = way.policy
        assert (policy.prefer, policy.learning, policy.redact) == ("two", "ab", None)
        limits = policy.limits("diary", None, local_only=True)
        assert (limits.privacy, limits.local_only, limits.masked) == (Privacy.PUBLIC, True, False)
        assert (limits.latency_budget_ms, limits.cost_cap) == (9, 0.5)
        assert (limits.quality_threshold, limits.hybrid) == (0.9, True)
        first, second = (one.facts for one in way._models)
        assert (first.name, second.name) == ("two", "one")
        assert (second.images, second.tools, second.context) == (False, True, 4096)
        assert (first.images, first.tools, first.context) == (None, None, 0)
    finally:
        await way.close()


async def test_a_wire_format_that_there_is_not_is_told() -> None:
    on = toml.parse('[llm.x]\nkind = "telegraph"\n')
    with pytest.raises(SettingsError, match="there is no 'telegraph'"):
        await connected(on, Ledger(), secret)
