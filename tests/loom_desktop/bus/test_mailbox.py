"""A mailbox alone: what waits, in which order, and what is counted. The whole bus is compared with
a naive one in ``test_model``."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.bus.mailbox import MOST_WAITING, Aggregate, Mailbox
from loom_desktop.errors import UsageError
from loom_desktop.event import Event, QoS


def event(n: int, qos: QoS = QoS.BATCHED, priority: int = 0, topic: str = "a") -> Event:
    return Event(topic=topic, payload={"n": n}, qos=qos, priority=priority)


def numbers(box: Mailbox) -> list[int]:
    return [one.payload["n"] for one in box.queue]


def filled(size: int, policy: Any, *events: Event) -> Mailbox:
    box = Mailbox(size, policy)
    for one in events:
        box.put(one)
    return box


def test_the_more_urgent_is_read_first_and_what_is_equal_in_order() -> None:
    box = filled(
        10,
        "drop-oldest",
        event(1, QoS.BACKGROUND),
        event(2),
        event(3, priority=5),
        event(4, QoS.REALTIME),
        event(5),
        event(6, priority=5),
        event(7, QoS.REALTIME, -1),
    )
    assert numbers(box) == [4, 7, 3, 6, 2, 5, 1]


@pytest.mark.parametrize(
    ("policy", "kept", "dropped"),
    [
        ("drop-oldest", [6, 7, 8, 9], 6),
        ("drop-newest", [0, 1, 2, 3], 6),
        ("block", [0, 1, 2, 3], 6),
        ("sample", [0, 4, 8], 7),
    ],
)
def test_what_a_full_one_keeps_and_counts(policy: Any, kept: list[int], dropped: int) -> None:
    box = filled(4, policy, *map(event, range(10)))
    assert (numbers(box), box.dropped, box.policy) == (kept, dropped, policy)


@pytest.mark.parametrize("policy", ["drop-oldest", "drop-newest", "block"])
def test_the_urgent_pushes_out_the_least_urgent_and_never_the_other_way(policy: Any) -> None:
    box = filled(3, policy, event(1), event(2, QoS.BACKGROUND), event(3, QoS.BACKGROUND))
    assert box.put(event(4, QoS.REALTIME))
    assert numbers(box) == ([4, 1, 3] if policy == "drop-oldest" else [4, 1, 2])
    assert box.put(event(5))
    assert numbers(box) == [4, 1, 5]
    assert not box.put(event(6, QoS.BACKGROUND))
    assert (numbers(box), box.dropped) == ([4, 1, 5], 3)


def test_a_sample_is_spread_evenly_until_it_was_empty_once() -> None:
    box = filled(8, "sample", *map(event, range(1000)))
    steps = {later - one for one, later in zip(numbers(box), numbers(box)[1:], strict=False)}
    assert len(steps) == 1, numbers(box)
    assert box.dropped + len(box) == 1000
    while box.queue:
        box.queue.popleft()
    before = box.dropped
    for n in range(5):
        assert box.put(event(n))
    assert (numbers(box), box.dropped) == ([0, 1, 2, 3, 4], before)


def test_one_per_key_is_the_latest_in_its_place() -> None:
    box = filled(2, Aggregate(), event(1, topic="a"), event(2, topic="b"), event(3, topic="a"))
    assert (numbers(box), box.merged, box.dropped) == ([3, 2], 1, 0)
    box.put(event(4, topic="c"))
    assert (numbers(box), box.dropped) == ([2, 4], 1), "the oldest key goes"
    box.put(event(5, topic="a"))
    assert numbers(box) == [4, 5], "what went is no longer merged into"


def test_a_fold_makes_one_of_two() -> None:
    def add(one: Event, more: Event) -> Event:
        return event(one.payload["n"] + more.payload["n"])

    box = filled(9, Aggregate(fold=add), *map(event, range(5)))
    assert (numbers(box), box.merged) == ([10], 4)


def test_what_becomes_urgent_by_a_merge_moves_to_where_it_belongs() -> None:
    box = filled(
        9,
        Aggregate(),
        event(1, topic="a"),
        event(2, topic="b"),
        event(3, QoS.BACKGROUND, topic="c"),
        event(4, QoS.REALTIME, topic="b"),
        event(5, QoS.REALTIME, topic="d"),
        event(6, QoS.BACKGROUND, topic="a"),
    )
    assert numbers(box) == [4, 5, 3, 6]


def test_a_fold_that_raises_changes_nothing() -> None:
    def fold(one: Event, more: Event) -> Event:
        raise ValueError("no")

    box = filled(9, Aggregate(fold=fold), event(1))
    with pytest.raises(ValueError, match="no"):
        box.put(event(2))
    assert (numbers(box), box.merged, box.dropped) == ([1], 0, 0)


def test_what_is_left_after_a_removal_keeps_the_key_under_which_it_came() -> None:
    def fold(one: Event, more: Event) -> Event:
        return event(one.payload["n"] + more.payload["n"], topic="sum")

    box = filled(9, Aggregate(fold=fold), event(1), event(2), event(9, topic="b"))
    assert box.remove(lambda one: one.topic == "b") == 1
    box.put(event(4))
    assert numbers(box) == [7]
    box.put(event(5, topic="b"))
    assert numbers(box) == [7, 5]


def test_what_nobody_wants_any_more_is_taken_out_and_is_not_lost() -> None:
    box = filled(9, "drop-oldest", *map(event, range(6)))
    assert box.holds(lambda one: one.payload["n"] == 4)
    assert box.remove(lambda one: one.payload["n"] % 2 == 0) == 3
    assert not box.holds(lambda one: one.payload["n"] == 4)
    assert (numbers(box), box.dropped) == ([1, 3, 5], 0)
    assert box.remove(lambda one: one.payload["n"] % 2 == 0) == 0


def test_a_full_one_finds_who_has_to_go_without_looking_at_all_that_wait() -> None:
    class Counted(Event, frozen=True, gc=False):
        def __getattribute__(self, name: str) -> Any:
            if name == "qos":
                asked.append(name)
            return super().__getattribute__(name)

    asked: list[str] = []
    box = filled(MOST_WAITING, "drop-oldest", event(0, QoS.REALTIME))
    for _ in range(MOST_WAITING - 1):
        box.put(Counted(topic="a"))
    asked.clear()
    for _ in range(100):
        box.put(Counted(topic="a"))
    assert box.dropped == 100
    assert len(asked) < 100 * 50


@pytest.mark.parametrize(("size", "policy"), [(0, "block"), (-1, "block"), (5, "drop-all")])
def test_what_is_no_mailbox_is_a_mistake(size: int, policy: Any) -> None:
    with pytest.raises(UsageError, match="is none"):
        Mailbox(size, policy)


EVENTS = st.lists(
    st.tuples(st.sampled_from(list(QoS)), st.sampled_from([0, 0, 0, 1, -1]), st.sampled_from("ab")),
    max_size=40,
)


@given(
    policy=st.sampled_from(
        [
            "drop-oldest",
            "drop-newest",
            "sample",
            "block",
            Aggregate(),
            Aggregate(fold=lambda a, b: a),
        ]
    ),
    size=st.integers(1, 6),
    events=EVENTS,
    taken=st.sets(st.integers(0, 40)),
)
def test_it_is_bounded_sorted_and_nothing_vanishes(
    policy: Any, size: int, events: list[tuple[QoS, int, str]], taken: set[int]
) -> None:
    box, out = Mailbox(size, policy), 0
    for n, (qos, priority, topic) in enumerate(events):
        box.put(event(n, qos, priority, topic))
        ranks = [(one.qos, -one.priority) for one in box.queue]
        assert len(box) <= size
        assert ranks == sorted(ranks)
        assert n + 1 == out + len(box) + box.dropped + box.merged
        if n in taken and box.queue:
            box.queue.popleft()
            out += 1
    if not isinstance(policy, Aggregate):
        for lane in QoS:
            for priority in (-1, 0, 1):
                alike = [
                    one.payload["n"]
                    for one in box.queue
                    if (one.qos, one.priority) == (lane, priority)
                ]
                assert alike == sorted(alike), "what is equal stays in order"


def test_a_closed_one_takes_nothing() -> None:
    box = Mailbox()
    box.closed = True
    assert not box.put(event(1))
    assert len(box) == 0


def test_a_key_of_ones_own() -> None:
    box = filled(9, Aggregate(lambda one: one.payload["n"] // 10), *map(event, (1, 11, 2, 12, 3)))
    assert (numbers(box), box.merged) == ([3, 12], 3)


def test_a_fold_that_makes_no_event_is_refused_and_what_waits_stays() -> None:
    box = filled(9, Aggregate(fold=lambda one, more: None), event(1))  # type: ignore[arg-type, return-value]
    with pytest.raises(TypeError, match="no event"):
        box.put(event(2))
    assert [one.payload["n"] for one in box.queue] == [1]
