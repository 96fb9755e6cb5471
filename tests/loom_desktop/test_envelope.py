import itertools
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.envelope import (
    MOST_CHARACTERS,
    MOST_KEYS,
    WireId,
    WireIds,
    broadcast_topic,
    foreign,
    from_metadata,
    parse_wire_id,
    reply_topic,
    to_metadata,
    wire_id,
)
from loom_desktop.errors import UsageError
from loom_desktop.event import MOST_HOPS, Event, Privacy, QoS, tainted

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
IDS = st.integers(0, 9) | st.integers(0, 2**53 - 1)
WORDS = st.text(st.characters(codec="utf-8"), max_size=20)
SEGMENTS = st.text(st.characters(codec="utf-8", exclude_characters=".*>"), min_size=1, max_size=8)
TOPICS = st.lists(SEGMENTS, min_size=1, max_size=4).map(".".join)
HEX = "0123456789abcdef"
EVENTS = st.builds(
    Event,
    topic=TOPICS,
    payload=st.dictionaries(WORDS, st.none() | st.integers() | WORDS, max_size=3),
    sender=WORDS,
    id=IDS.filter(bool),
    time=st.floats(0, 253_402_300_800, exclude_max=True) | st.floats(1.7e9, 1.9e9),
    qos=st.sampled_from(QoS),
    priority=st.integers(-(2**31) + 1, 2**31 - 1),
    thread=IDS,
    cause=IDS,
    answers=IDS,
    reply_to=st.just("") | TOPICS,
    ttl_ms=st.integers(0, 2**53 - 1),
    hop=st.integers(0, MOST_HOPS),
    traceparent=st.just("")
    | st.builds(
        "00-{}-{}-01".format,
        st.text(HEX, min_size=31, max_size=31).map("1".__add__),
        st.text(HEX, min_size=15, max_size=15).map("a".__add__),
    ),
    origin=st.frozensets(WORDS.filter(bool), max_size=4),
    privacy=st.sampled_from(Privacy),
)


# -------------------------------------------------------------------- there and back
@given(EVENTS)
def test_nothing_is_lost_there_and_back(event: Event) -> None:
    metadata = to_metadata(event)
    assert from_metadata(event.topic, event.payload, metadata) == event
    assert all(isinstance(value, str) for value in metadata.values())


@given(EVENTS, st.integers(1, 2**53 - 1))
def test_nothing_is_lost_under_the_names_of_a_node(event: Event, epoch: int) -> None:
    ids = WireIds("desk-1", epoch)
    topic = ids.topic_out(event.topic)
    assert from_metadata(topic, event.payload, to_metadata(event, ids=ids), ids=ids) == event


@given(EVENTS)
def test_a_header_may_trim_and_a_file_may_be_read_line_by_line(event: Event) -> None:
    metadata = to_metadata(event)
    assert not any(set(value) & {"\r", "\n", "\0", " "} for value in metadata.values())
    read = json.loads(json.dumps({key: value.strip(" \t") for key, value in metadata.items()}))
    assert from_metadata(event.topic, event.payload, read) == event


@given(EVENTS, st.data())
def test_whatever_a_stranger_writes_is_an_event_or_a_refusal(event: Event, data: Any) -> None:
    metadata = to_metadata(event)
    key = data.draw(st.sampled_from(sorted(metadata)))
    metadata[key] = data.draw(st.text(max_size=30) | st.integers().map(str))
    try:
        made = from_metadata(event.topic, event.payload, metadata)
    except UsageError:
        return
    assert 0 <= made.hop <= MOST_HOPS
    assert made.ttl_ms >= 0
    assert from_metadata(made.topic, made.payload, to_metadata(made)) == made


def test_the_keys_are_those_of_the_earlier_system() -> None:
    event = Event(
        topic="chat.asked", sender="planner", id=7, time=1_795_161_600.5, thread=5, cause=6,
        answers=4, reply_to="agent.planner.replies", ttl_ms=1500, hop=3, traceparent=TRACE,
        qos=QoS.REALTIME, priority=-1, origin=frozenset({"web", "mcp:a,b"}),
        privacy=Privacy.PRIVATE,
    )  # fmt: skip
    assert to_metadata(event) == {
        "loom.id": "7",
        "loom.thread_id": "5",
        "loom.cause_id": "6",
        "loom.correlation_id": "4",
        "loom.reply_to": "agent.planner.replies",
        "loom.sender": "planner",
        "loom.ts": "1795161600500",
        "loom.ttl_ms": "1500",
        "loom.ttl": "14",
        "loom.hop": "3",
        "loom.qos": "realtime",
        "loom.priority": "-1",
        "loom.origin": "mcp:a%2Cb,web",
        "loom.privacy": "private",
        "traceparent": TRACE,
    }
    first = to_metadata(Event(topic="a.b", id=9, time=0.1234567))
    assert (first["loom.thread_id"], first["loom.begins"]) == ("9", "1")
    assert (first["loom.ts"], first["loom.time"]) == ("123", "0.1234567")


def test_every_field_of_an_event_is_there_or_said_beside_it() -> None:
    beside = {"topic", "payload"}
    fields = {one.name for one in msgspec.structs.fields(Event)} - beside
    changed: dict[str, Any] = {
        "sender": "x", "id": 3, "time": 2.5, "qos": QoS.BACKGROUND, "priority": 2, "thread": 9,
        "cause": 8, "answers": 7, "reply_to": "a.b", "ttl_ms": 5, "hop": 2, "traceparent": TRACE,
        "origin": frozenset({"web"}), "privacy": Privacy.PUBLIC,
    }  # fmt: skip
    assert fields == set(changed), "a new field of Event needs its key in the envelope"
    plain = Event(topic="a.b", id=1)
    for name, value in changed.items():
        other = msgspec.structs.replace(plain, **{name: value})
        assert to_metadata(other) != to_metadata(plain), name


# -------------------------------------------------------------------- labels
def test_a_missing_label_is_untrusted_and_stays_here() -> None:
    event = from_metadata("a.b", {}, {})
    assert event.origin == frozenset()
    assert event.tainted
    assert event.privacy is Privacy.LOCAL_ONLY
    assert event.id > 0


def test_what_another_machine_calls_typed_is_not_typed_here() -> None:
    told = {"loom.origin": "user-typed", "loom.privacy": "private"}
    event = from_metadata("a.b", {}, told, peer="phone")
    assert event.origin == {"user-typed", "remote:phone"}
    assert tainted(event.origin)
    assert from_metadata("a.b", {}, {}, peer="phone").origin == {"remote:phone"}


def test_an_event_that_says_no_time_has_that_of_its_arrival() -> None:
    assert from_metadata("a.b", {}, {}, now=5.5).time == 5.5
    assert from_metadata("a.b", {}, {"loom.ts": "1250"}, now=5.5).time == 1.25


def test_both_counts_of_the_way_count() -> None:
    assert from_metadata("a.b", {}, {"loom.ttl": "1"}).hop == MOST_HOPS
    assert from_metadata("a.b", {}, {"loom.ttl": "64"}).hop == 0
    assert from_metadata("a.b", {}, {"loom.ttl": "64", "loom.hop": "5"}).hop == 5


# -------------------------------------------------------------------- what is refused
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("loom.id", "x"),
        ("loom.id", "-1"),
        ("loom.id", str(2**53)),
        ("loom.id", "9" * 5000),
        ("loom.thread_id", "1.5"),
        ("loom.cause_id", "1e3"),
        ("loom.correlation_id", "٣"),
        ("loom.begins", "yes"),
        ("loom.ttl_ms", "-1"),
        ("loom.ttl_ms", "soon"),
        ("loom.ttl_ms", "9" * 17),
        ("loom.ttl", "0"),
        ("loom.ttl", "-3"),
        ("loom.hop", str(MOST_HOPS + 1)),
        ("loom.hop", "-1"),
        ("loom.hop", "1_0"),
        ("loom.ts", "yesterday"),
        ("loom.ts", "-1"),
        ("loom.ts", "9" * 16),
        ("loom.time", "nan"),
        ("loom.time", "inf"),
        ("loom.time", "1e300"),
        ("loom.time", "-0.5"),
        ("loom.qos", "fast"),
        ("loom.qos", "REALTIME"),
        ("loom.priority", "high"),
        ("loom.priority", str(2**31)),
        ("loom.origin", "web,,file"),
        ("loom.privacy", "secret"),
        ("loom.sender", "x" * (MOST_CHARACTERS + 1)),
        ("loom.orign", "web"),
        ("loom.", "x"),
        ("traceparent", "x"),
        ("traceparent", ""),
        ("traceparent", TRACE.replace("00-", "ff-")),
        ("traceparent", TRACE.upper()),
        ("traceparent", TRACE.replace("b7ad6b7169203331", "0" * 16)),
        ("traceparent", TRACE + "-more"),
    ],
)
def test_what_is_wrong_is_refused_by_its_key(key: str, value: str) -> None:
    with pytest.raises(UsageError) as refused:
        from_metadata("a.b", {}, {"loom.id": "5", key: value})
    assert key in refused.value.message
    assert len(refused.value.message) < 200


def test_two_keys_that_say_different_things_are_refused() -> None:
    with pytest.raises(UsageError, match=r"loom\.time"):
        from_metadata("a.b", {}, {"loom.ts": "1000", "loom.time": "2.5"})
    with pytest.raises(UsageError, match=r"loom\.begins"):
        from_metadata("a.b", {}, {"loom.id": "5", "loom.thread_id": "4", "loom.begins": "1"})


@pytest.mark.parametrize("topic", ["", "a..b", "a.*", ">", "a" * (MOST_CHARACTERS + 1)])
def test_a_topic_that_nobody_can_publish_is_refused(topic: str) -> None:
    with pytest.raises(UsageError, match="topic"):
        from_metadata(topic, {}, {})


def test_too_many_keys_and_what_is_no_text_are_refused() -> None:
    with pytest.raises(UsageError, match="keys at most"):
        from_metadata("a.b", {}, {f"x{n}": "" for n in range(MOST_KEYS + 1)})
    with pytest.raises(UsageError, match=r"loom\.hop"):
        from_metadata("a.b", {}, {"loom.hop": 3})  # type: ignore[dict-item]
    with pytest.raises(UsageError, match="payload"):
        from_metadata("a.b", [], {})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("loom.hop", {"hop": MOST_HOPS + 1}),
        ("loom.time", {"time": float("nan")}),
        ("loom.time", {"time": -1.0}),
        ("loom.ttl_ms", {"ttl_ms": -5}),
        ("loom.id", {"id": 2**60}),
        ("loom.id", {"id": 0}),
        ("loom.sender", {"sender": "\ud800"}),
        ("loom.sender", {"sender": "x" * (MOST_CHARACTERS + 1)}),
        ("loom.origin", {"origin": frozenset({""})}),
        ("loom.origin", {"origin": frozenset({"a" * 3000, "b" * 3000})}),
        ("traceparent", {"traceparent": "here"}),
    ],
)
def test_what_would_be_refused_there_is_not_sent(key: str, changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=key):
        to_metadata(Event(topic="a.b", **changes))


def test_keys_of_others_are_kept_by_who_passes_the_event_on() -> None:
    came = {**to_metadata(Event(topic="a.b", id=3, time=1.0)), "tracestate": "a=1", "tenant": "x"}
    event, rest = from_metadata("a.b", {}, came), foreign(came)
    assert rest == {"tracestate": "a=1", "tenant": "x"}
    assert to_metadata(event, foreign=rest) == came
    for key in ("loom.id", "loom.new", "traceparent"):
        with pytest.raises(UsageError, match=key):
            to_metadata(event, foreign={key: "x"})


# -------------------------------------------------------------------- ids on the wire
@given(st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True), IDS, IDS)
def test_a_wire_id_names_one_event_of_one_node(node: str, epoch: int, number: int) -> None:
    made = wire_id(node, epoch, number)
    assert parse_wire_id(str(made)) == made
    assert (made.node, made.id) == (node, number)


def test_an_event_of_an_earlier_run_is_the_same_under_both_its_names() -> None:
    before, after = wire_id("desk", 1_000, 1_007), wire_id("desk", 5_000, 1_007)
    assert (str(before), str(after)) == ("desk-1000-7", "desk-0-1007")
    ids = WireIds("phone", 1)
    assert ids.number(str(before)) == ids.number(str(after))


@pytest.mark.parametrize("node", ["", "a.b", "a b", "ü", "x" * 65])
def test_a_node_that_would_break_a_topic_has_no_name(node: str) -> None:
    with pytest.raises(ValueError, match="node"):
        WireIds(node, 1)


@pytest.mark.parametrize("name", ["", "a", "a-1", "-1-2", "a-b-2", "a-1--2", f"a-1-{'9' * 17}"])
def test_what_is_no_wire_id(name: str) -> None:
    assert parse_wire_id(name) is None


def numbers_from(first: int) -> Callable[[], int]:
    return itertools.count(first).__next__


def test_an_answer_finds_back_to_another_node() -> None:
    phone = WireIds("phone", 1_000, next_id=numbers_from(1_000))
    desk = WireIds("desk", 500, next_id=numbers_from(500))
    question = Event(topic="thread.1002.broadcast", id=1_003, thread=1_002, time=1.0,
                     reply_to=reply_topic(1_002))  # fmt: skip
    topic = phone.topic_out(question.topic)
    assert topic == "thread.phone-1000-2.broadcast"
    there = from_metadata(topic, {}, to_metadata(question, ids=phone), ids=desk, peer="phone")
    assert there.topic == broadcast_topic(there.thread)
    assert there.reply_to == reply_topic(there.thread)
    assert there.id != question.id
    answer = Event(topic=there.reply_to, id=600, thread=there.thread, answers=there.id,
                   cause=there.id, time=2.0)  # fmt: skip
    sent = to_metadata(answer, ids=desk)
    assert sent["loom.id"] == "desk-500-100"
    back = from_metadata(desk.topic_out(answer.topic), {}, sent, ids=phone, peer="desk")
    assert (back.answers, back.thread, back.topic) == (1_003, 1_002, question.reply_to)


def test_names_of_another_making_are_kept_as_they_are() -> None:
    ids = WireIds("desk", 1)
    number = ids.number("0b5e0c0e-9f2b-4c1e-8f43-1f0f6a4c1d11")
    assert ids.number("0b5e0c0e-9f2b-4c1e-8f43-1f0f6a4c1d11") == number
    assert ids.name(number) == "0b5e0c0e-9f2b-4c1e-8f43-1f0f6a4c1d11"
    assert ids.topic_in("thread.task-123.reply") == f"thread.{ids.number('task-123')}.reply"


@pytest.mark.parametrize("name", ["a.b", "a b", "*", ">", "x" * 201, "a\n"])
def test_a_name_that_would_break_a_topic_is_refused(name: str) -> None:
    ids = WireIds("desk", 1)
    with pytest.raises(UsageError, match=r"loom\.thread_id"):
        from_metadata("a.b", {}, {"loom.thread_id": name}, ids=ids)
    assert len(ids) == 0


def test_a_reply_topic_with_a_broken_thread_is_refused_by_its_key() -> None:
    with pytest.raises(UsageError, match=r"loom\.reply_to"):
        from_metadata("a.b", {}, {"loom.reply_to": "thread..reply"}, ids=WireIds("desk", 1))


def test_names_of_others_are_not_remembered_without_end() -> None:
    ids = WireIds("desk", 1, most=3, next_id=numbers_from(100))
    first = ids.number("a-1-1")
    for n in range(10):
        ids.number(f"b-1-{n}")
        ids.number(f"opaque{n}")
    assert len(ids) == 3
    assert len(ids._numbers) == 3
    assert ids.number("a-1-1") != first


def test_a_wire_id_is_text() -> None:
    assert str(WireId("a-b", 3, 4)) == "a-b-3-4"
    assert parse_wire_id("a-b-3-4") == WireId("a-b", 3, 4)
