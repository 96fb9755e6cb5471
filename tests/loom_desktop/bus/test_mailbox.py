import asyncio

from loom_desktop.bus.mailbox import Mailbox
from loom_desktop.tasks import Tasks


async def test_letters_come_in_order_and_a_waiting_reader_is_woken() -> None:
    box: Mailbox[int] = Mailbox(4)
    async with Tasks() as tasks:
        first = tasks.run("read", box.get())
        await asyncio.sleep(0)
        for letter in (1, 2, 3):
            box.put(letter)
        assert [await first, await box.get(), await box.get()] == [1, 2, 3]
    assert len(box) == 0


async def test_a_full_one_drops_its_oldest_and_counts() -> None:
    box: Mailbox[int] = Mailbox(2)
    for letter in range(5):
        box.put(letter)
    assert (await box.get(), await box.get(), box.dropped) == (3, 4, 3)


def test_what_nobody_wants_any_more_is_taken_out() -> None:
    box = Mailbox[int]()
    for n in range(6):
        box.put(n)
    assert box.remove(lambda n: n % 2 == 0) == 3
    assert len(box) == 3
    assert box.dropped == 0
    assert box.remove(lambda n: n % 2 == 0) == 0
