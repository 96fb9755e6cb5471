import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop import event as module
from loom_desktop.event import SCHEDULED, Event, Privacy, QoS, by_itself, privacy_at_birth, tainted

ORIGINS = ["user-typed", "user-voice", "clipboard", "file", "web", "schedule", "memory",
           "mcp:notes", "tool:web.read", "remote:phone"]  # fmt: skip


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ({"user-typed"}, False),
        ({"user-voice"}, False),
        ({"schedule"}, False),
        ({"user-typed", "schedule", "memory"}, False),
        ({"user-typed", "tool:calculate.evaluate"}, False),
        (set(), True),
        ({"memory"}, True),
        ({"clipboard"}, True),
        ({"user-typed", "clipboard"}, True),
        ({"user-typed", "file"}, True),
        ({"web"}, True),
        ({"mcp:notes", "user-typed"}, True),
        ({"remote:phone"}, True),
    ],
)
def test_taint(origin: set[str], expected: bool) -> None:
    assert tainted(frozenset(origin)) is expected
    assert Event(topic="t", origin=frozenset(origin)).tainted is expected


@given(st.frozensets(st.sampled_from(ORIGINS)), st.frozensets(st.sampled_from(ORIGINS), min_size=1))
def test_more_origins_never_loosen_a_label(one: frozenset[str], more: frozenset[str]) -> None:
    assert privacy_at_birth(one | more) >= privacy_at_birth(more)
    if tainted(more) and more - {"memory"} and not all(o.startswith("tool:") for o in more):
        assert tainted(one | more)


def test_a_missing_label_never_leaves() -> None:
    assert privacy_at_birth(frozenset()) is Privacy.LOCAL_ONLY
    assert privacy_at_birth(frozenset({"elsewhere"})) is Privacy.LOCAL_ONLY
    assert Event(topic="t").privacy is Privacy.LOCAL_ONLY


def test_ids_grow_and_never_go_back() -> None:
    first = Event(topic="t").id
    module.count_ids_from(first + 100)
    second = Event(topic="t").id
    module.count_ids_from(1)
    assert first < first + 100 <= second < Event(topic="t").id


def test_a_thread_begins_with_its_first_event_and_so_does_the_trace() -> None:
    first = Event(topic="a.happened")
    second = Event(topic="b.happened", thread=first.begins)
    assert first.begins == second.begins == first.id
    assert first.trace == second.trace
    assert len(first.trace) == 32
    abroad = Event(topic="c", traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    assert abroad.trace == "0af7651916cd43dd8448eb211c80319c"


def test_an_event_survives_the_wire() -> None:
    event = Event(
        topic="clipboard.copied", payload={"text": "ü", "n": 1}, sender="clipboard", time=1.5,
        qos=QoS.REALTIME, thread=3, cause=2, answers=1, ttl_ms=10, hop=2,
        origin=frozenset({"clipboard"}), privacy=Privacy.PRIVATE,
    )  # fmt: skip
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=Event) == event


@pytest.mark.parametrize(
    ("level", "word"),
    [(Privacy.PUBLIC, "public"), (Privacy.SENSITIVE, "sensitive"), (Privacy.PRIVATE, "private"),
     (Privacy.LOCAL_ONLY, "local-only")],
)  # fmt: skip
def test_levels_are_written_as_in_the_settings(level: Privacy, word: str) -> None:
    assert level.word == word


def test_what_loom_tells_of_itself_has_the_labels_of_that() -> None:
    told = by_itself("loop.blocked", {"who": "a"}, sender="runtime", time=5.0, qos=QoS.REALTIME)
    assert (told.origin, told.privacy, told.tainted) == (SCHEDULED, Privacy.PRIVATE, False)
    assert (told.payload, told.sender, told.time, told.qos) == (
        {"who": "a"}, "runtime", 5.0, QoS.REALTIME,
    )  # fmt: skip
