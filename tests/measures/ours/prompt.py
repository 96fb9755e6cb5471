"""A conversation of many turns: ``fill FOLDER TURNS`` writes it, ``build FOLDER`` makes the prompt
of the next question from it, and cancels an answer on its way from a server."""

import asyncio
import json
import sys
from pathlib import Path
from time import perf_counter as now

from loom_desktop.cognition.prompt import Wanted, build
from loom_desktop.llm import Message as Said
from loom_desktop.llm.attempts import Attempts
from loom_desktop.llm.providers.openai import OpenAI, Settings
from loom_desktop.net import Net
from loom_desktop.store.conversations import Message
from loom_desktop.testing import loom_for_tests
from tests.fake_model_server import FakeModelServer, stream
from tests.loom_desktop.llm.conftest import Lines, no_secrets

TEXT = "The harvest was poor this year and the river rose again, so people left. " * 6
ROOMS = {"small_ms": 5_980, "large_ms": 73_000}
TRIES = 5


async def fill(folder: Path, turns: int) -> None:
    async with loom_for_tests(folder) as loom:
        for turn in range(1, turns + 1):
            for role in ("user", "assistant"):
                await loom.store.conversations.put(
                    Message(
                        conversation=1, turn=turn, role=role, text=f"{turn} {TEXT}", time=turn / 1
                    )
                )
    print(json.dumps({"turns": turns}))  # noqa: T201  # that is how it tells


async def made_ms(folder: Path) -> dict[str, float]:
    """From the store to the messages, the best of a few."""
    best = dict.fromkeys(ROOMS, float("inf"))
    async with loom_for_tests(folder) as loom:
        for name, room in ROOMS.items():
            for _ in range(TRIES):
                began = now()
                past = await loom.brain._history(1, 1 << 50)
                history = [(one.role, one.text) for one in past.said]
                wanted = Wanted(
                    question="And now?", mark="m", history=history, more=past.more, room=room
                )
                assert build(wanted).left_out
                best[name] = min(best[name], (now() - began) * 1e3)
    return best


async def cancel_ms() -> float:
    """From the cancel until its task is over and the connection is let go."""
    async with FakeModelServer() as server:
        server.play(stream("word " * 10_000, delay_s=0.001))
        net = Net(Lines())
        settings = Settings(api_base=server.url, model="fake-7b")
        model = OpenAI("local", settings, Attempts(net), no_secrets)
        begun = asyncio.Event()

        async def read() -> None:
            async for _ in model.stream([Said("user", "go on")]):
                begun.set()

        async with asyncio.TaskGroup() as group:
            task = group.create_task(read())
            await begun.wait()
            began = now()
            task.cancel()
        took = (now() - began) * 1e3
        async with asyncio.timeout(5):
            await server.hung_up.wait()
        await net.close()
        return took


async def main() -> None:
    what, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    if what == "fill":
        await fill(folder, int(sys.argv[3]))
        return
    print(json.dumps(await made_ms(folder) | {"cancel_ms": await cancel_ms()}))  # noqa: T201


asyncio.run(main())
