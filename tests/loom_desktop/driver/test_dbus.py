import asyncio
from typing import Any

import pytest

from loom_desktop.driver.dbus import BUS, Connection
from loom_desktop.errors import Unavailable
from tests.screen import Screen


@pytest.fixture
def address(bare_screen: Screen) -> str:
    return bare_screen.env["DBUS_SESSION_BUS_ADDRESS"]


def ignore(bus: Connection, message: Any) -> None:
    """Nothing is wanted."""


@pytest.mark.parametrize("address", ["", "unix:path=/nonexistent/bus"])
async def test_where_there_is_no_bus_that_is_said(address: str) -> None:
    with pytest.raises(Unavailable, match="no message bus"):
        await Connection(ignore).open(address)


async def test_it_asks_hears_and_ends(address: str) -> None:
    heard = asyncio.Queue[str]()
    bus = Connection(lambda bus, message: heard.put_nowait(str(message.member)))
    async with asyncio.timeout(10):
        await bus.open(address)
        try:
            assert await bus.owner_of(BUS[0]) == BUS[0]
            assert await bus.owner_of("org.example.Nobody") == ""
            assert await bus.call(*BUS, "NoSuchThing", "", []) is None
            await bus.match(f"sender='{BUS[0]}',member='NameOwnerChanged'")
            await bus.call(*BUS, "RequestName", "su", ["org.example.Loom", 0])
            while await heard.get() != "NameOwnerChanged":
                pass
        finally:
            await bus.close()
        await bus.until_gone()


async def test_what_is_closed_before_it_was_open_is_no_trouble() -> None:
    await Connection(ignore).close()
