from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from loom_desktop.actions.capability import Capability, capability
from loom_desktop.bus import Bus
from loom_desktop.bus.topics import matches
from loom_desktop.errors import NotFound, UsageError
from loom_desktop.event import Event, Privacy, QoS
from loom_desktop.runtime.directory import AgentEntry, Agents, Capabilities
from loom_desktop.testing import FakeClock


@capability("files.move", effect="write-reversible")
def move(source: str, target: str) -> None:
    """Move a file.

    And more about it.
    """


@capability("files.find", effect="read-local")
def find(name: str) -> list[str]:
    """Find a file."""
    return [name]


@capability("web.fetch", effect="read-net")
def fetch(url: str) -> str:
    """Fetch a page."""
    return url


def heard(bus: Bus) -> list[Event]:
    events = list[Event]()
    bus.subscribe(">", events.append)
    return events


def topics(events: list[Event]) -> list[str]:
    made = [one.topic for one in events]
    events.clear()
    return made


# -------------------------------------------------------------------- agents
async def test_agents_are_found_by_what_is_known_of_them() -> None:
    agents = Agents(Bus(), FakeClock())
    agents.put("chat", topics=("chat.asked",), capabilities=("chat.say",), state="running")
    agents.put("files", topics=("file.*", "clip.>"), capabilities=("files.move",), state="running")
    agents.put("old", topics=(">",), state="paused")

    def ids(**wanted: str) -> list[str]:
        return [one.id for one in agents.find(**wanted)]

    assert ids() == ["chat", "files", "old"]
    assert ids(topic="file.created") == ["files", "old"]
    assert ids(topic="file.created.twice") == ["old"]
    assert ids(topic="clip.a.b", state="running") == ["files"]
    assert ids(capability="files.move") == ["files"]
    assert ids(capability="*.say") == ["chat"]
    assert ids(capability="nothing.*") == []
    assert ids(state="paused") == ["old"]
    assert (len(agents), "chat" in agents, "nobody" in agents) == (3, True, False)


async def test_every_change_is_told_once() -> None:
    bus, clock = Bus(), FakeClock()
    agents, events = Agents(bus, clock), heard(bus)
    agents.put("a", topics=("x.y",))
    assert topics(events) == ["agent.created"]
    agents.put("a", topics=("x.y",), state="running")
    assert topics(events) == ["agent.started"]
    agents.put("a", state="running")
    assert topics(events) == []
    agents.put("a", topics=("x.y", "thread.5.broadcast"), state="paused")
    assert topics(events) == ["agent.changed", "agent.paused"]
    agents.put("a", state="failed")
    assert topics(events) == [], "the supervisor says why"
    agents.put("a", state="running")
    agents.put("a", state="stopped")
    agents.remove("a")
    assert topics(events) == ["agent.started", "agent.stopped", "agent.deleted"]
    agents.put("b", state="running")
    assert topics(events) == ["agent.created", "agent.started"]


async def test_what_is_told_is_labelled_and_in_the_fast_lane() -> None:
    bus, clock = Bus(), FakeClock()
    agents, events = Agents(bus, clock), heard(bus)
    agents.put("a", topics=("x.y",), capabilities=("p.q",), state="running")
    created, started = events
    told = {"agent": "a", "state": "running", "topics": ["x.y"], "capabilities": ["p.q"]}
    assert created.payload == started.payload == told
    assert (started.sender, started.time, started.qos) == ("runtime", clock(), QoS.REALTIME)
    assert started.origin == {"schedule"}
    assert started.privacy is Privacy.PRIVATE


def one(agents: Agents) -> AgentEntry:
    (found,) = agents.find(id="a")
    return found


async def test_the_time_is_that_of_the_state_and_the_counts_are_those_of_now() -> None:
    clock, handled = FakeClock(), {"handled": 1}
    agents, begin = Agents(Bus(), clock), clock()
    agents.put("a", state="running", counts=lambda: handled)
    clock.forward(5)
    agents.put("a", topics=("x",))
    assert one(agents).since == begin
    agents.put("a", state="paused")
    handled["handled"] = 7
    assert (one(agents).since, one(agents).counts) == (begin + 5, {"handled": 7})
    assert msgspec.json.decode(msgspec.json.encode(agents.find())) == [
        {"id": "a", "state": "paused", "since": begin + 5, "topics": ["x"], "capabilities": [],
         "counts": {"handled": 7}}
    ]  # fmt: skip


async def test_who_is_not_there_is_told_with_those_who_are() -> None:
    agents = Agents(Bus(), FakeClock())
    agents.put("chat")
    with pytest.raises(NotFound) as told:
        agents.remove("chta")
    assert told.value.hint == "There are: chat."


@pytest.mark.parametrize("wrong", [{"topics": ("a..b",)}, {"state": "asleep"}])
async def test_what_is_no_pattern_or_state_is_refused_and_changes_nothing(
    wrong: dict[str, Any],
) -> None:
    bus = Bus()
    agents, events = Agents(bus, FakeClock()), heard(bus)
    with pytest.raises(UsageError):
        agents.put("a", **wrong)
    assert len(agents) == len(events) == 0


NAMES, STATES = "abc", ["created", "running", "paused", "stopped", "failed"]
PATTERNS = ["x.y", "x.*", "x.>", ">", "y.*"]


class AgentsAndAListOfWhatWasTold(RuleBasedStateMachine):
    """Whoever only listens knows who is there, and what they listen to."""

    def __init__(self) -> None:
        super().__init__()
        self.events = list[Event]()
        self.agents = Agents(self, FakeClock())  # type: ignore[arg-type]
        self.model: dict[str, tuple[tuple[str, ...], str]] = {}
        self.known: dict[str, list[str]] = {}

    def publish(self, event: Event) -> None:
        if event.topic == "agent.deleted":
            del self.known[event.payload["agent"]]
        elif event.topic == "agent.created":
            assert event.payload["agent"] not in self.known
            self.known[event.payload["agent"]] = event.payload["topics"]
        else:
            assert event.payload["agent"] in self.known
            self.known[event.payload["agent"]] = event.payload["topics"]

    @rule(
        name=st.sampled_from(NAMES),
        patterns=st.none() | st.lists(st.sampled_from(PATTERNS), max_size=2).map(tuple),
        state=st.none() | st.sampled_from(STATES),
    )
    def put(self, name: str, patterns: tuple[str, ...] | None, state: Any) -> None:
        had = self.model.get(name, ((), "created"))
        self.agents.put(name, topics=patterns, state=state)
        self.model[name] = (had[0] if patterns is None else patterns, state or had[1])

    @rule(name=st.sampled_from(NAMES))
    def remove(self, name: str) -> None:
        if name in self.model:
            del self.model[name]
            self.agents.remove(name)

    @invariant()
    def all_say_the_same(self) -> None:
        assert {one.id: (one.topics, one.state) for one in self.agents.find()} == self.model
        assert {name: tuple(known) for name, known in self.known.items()} == {
            name: patterns for name, (patterns, _) in self.model.items()
        }
        for topic in ("x.y", "x.z", "x.y.z", "q"):
            assert [one.id for one in self.agents.find(topic=topic)] == sorted(
                name
                for name, (patterns, _) in self.model.items()
                if any(matches(each.split("."), topic.split(".")) for each in patterns)
            )


TestAgentsAndAListOfWhatWasTold = AgentsAndAListOfWhatWasTold.TestCase


# -------------------------------------------------------------------- capabilities
async def test_capabilities_are_found_by_what_is_known_of_them() -> None:
    directory = Capabilities(Bus(), FakeClock())
    directory.put(move)
    directory.put(find)
    directory.put(fetch, kind="mcp", provider="browser")

    def names(*name: str, **wanted: str) -> list[str]:
        return [one.name for one in directory.find(*name, **wanted)]

    assert names() == ["files.find", "files.move", "web.fetch"]
    assert names("files.*") == ["files.find", "files.move"]
    assert names("files.move") == ["files.move"]
    assert names(kind="mcp") == ["web.fetch"]
    assert names("files.*", effect="read-local") == ["files.find"]
    assert names("FILES.*") == []
    assert (len(directory), "web.fetch" in directory) == (3, True)


async def test_what_a_capability_is_can_be_read_as_plain_data() -> None:
    clock = FakeClock()
    directory = Capabilities(Bus(), clock)
    directory.put(move)
    one = directory.find("files.move")[0]
    assert (one.description, one.effect, one.kind, one.provider, one.since) == (
        "Move a file.", "write-reversible", "native", "loom", clock(),
    )  # fmt: skip
    assert set(one.schema["properties"]) == {"source", "target"}
    (plain,) = msgspec.json.decode(msgspec.json.encode(directory.find()))
    assert (plain["name"], plain["schema"]) == ("files.move", one.schema)


async def test_what_comes_and_goes_is_told() -> None:
    bus = Bus()
    directory, events = Capabilities(bus, FakeClock()), heard(bus)
    directory.put(move)
    directory.put(move)
    assert [one.payload for one in events] == [
        {"capability": "files.move", "kind": "native", "provider": "loom",
         "effect": "write-reversible"}
    ]  # fmt: skip
    assert topics(events) == ["capability.added"]
    other: Capability = msgspec.structs.replace(move, effect="execute")
    directory.put(other)
    assert topics(events) == ["capability.changed"]
    assert directory.find("files.move")[0].effect == "execute"
    directory.remove("files.move")
    assert topics(events) == ["capability.removed"]


async def test_one_name_is_one_thing() -> None:
    bus = Bus()
    directory, events = Capabilities(bus, FakeClock()), heard(bus)
    directory.put(move)
    topics(events)
    with pytest.raises(UsageError, match="loom does already"):
        directory.put(move, kind="mcp", provider="disk")
    with pytest.raises(UsageError, match="kind"):
        directory.put(find, kind="magic")  # type: ignore[arg-type]
    with pytest.raises(NotFound, match=r"files\.mvoe"):
        directory.remove("files.mvoe")
    assert directory.find("files.move")[0].provider == "loom"
    assert not events
