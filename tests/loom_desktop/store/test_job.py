import asyncio
from concurrent.futures import Future

import pytest

from loom_desktop.store.job import Job, Special, resolve


async def test_who_waits_is_answered_and_who_went_away_is_not_missed() -> None:
    loop = asyncio.get_running_loop()
    jobs = [Job(lambda connection: None, loop, loop.create_future()) for _ in range(3)]
    well, ill, gone = jobs
    well.result, ill.error = 7, ValueError("no")
    assert gone.future is not None
    gone.future.cancel()
    resolve(jobs)
    assert well.future is not None
    assert ill.future is not None
    assert await well.future == 7
    with pytest.raises(ValueError, match="no"):
        await ill.future


def test_one_outside_of_a_transaction_is_done_unless_nobody_wants_it_any_more() -> None:
    done, answer = list[int](), Future[int]()

    def work() -> int:
        done.append(1)
        return 5

    Special(work, answer).run()
    assert (done, answer.result(0)) == ([1], 5)

    def fail() -> None:
        raise ValueError("no")

    answer = Future()
    Special(fail, answer).run()
    assert isinstance(answer.exception(0), ValueError)
    answer = Future()
    answer.cancel()
    Special(lambda: done.append(2), answer).run()
    assert done == [1]
