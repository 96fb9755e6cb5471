from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.bus import routes as module
from loom_desktop.bus.routes import Routes
from loom_desktop.bus.topics import matches

TOPICS = ["a", "a.b", "a.c", "a.b.c", "b", "b.c", "c.d"]
PATTERNS = ["a", "a.b", "a.*", "a.>", "*.c", ">", "b.*", "c.d"]
STEPS = st.lists(
    st.tuples(st.just("find"), st.sampled_from(TOPICS))
    | st.tuples(st.just("forget"), st.sampled_from(PATTERNS)),
    max_size=60,
)


@given(STEPS, st.integers(1, 4))
def test_what_is_remembered_is_never_older_than_what_was_forgotten(
    steps: list[tuple[str, str]], most: int
) -> None:
    remembered, now, made = Routes[int](), 0, dict[str, int]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MOST", most)
        for what, about in steps:
            now += 1
            if what == "forget":
                parts = about.split(".")
                remembered.forget(parts)
                for topic in [*made]:
                    if matches(parts, topic.split(".")):
                        del made[topic]
            else:
                route = remembered.young.get(about) or remembered.again(about)
                if route is None:
                    remembered.put(about, now)
                    made[about] = now
                else:
                    assert route == made[about]
                assert remembered.young[about] == made[about]
            assert len(remembered) <= 2 * most
            heads = {topic for there in remembered._heads.values() for topic in there}
            assert heads == {*remembered.young, *remembered._old}
            assert all(remembered._heads.values())


def test_what_is_used_stays_and_what_came_once_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 10)
    remembered, looked_up = Routes[int](), 0
    for number in range(1_000):
        for topic in ("used", f"thread.{number}.reply"):
            if remembered.young.get(topic) is None and remembered.again(topic) is None:
                remembered.put(topic, number)
                looked_up += topic == "used"
    assert looked_up == 1
    assert len(remembered) <= 20


def test_the_young_generation_is_always_the_same_dictionary(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    remembered = Routes[int]()
    young = remembered.young
    for number in range(7):
        remembered.put(f"t.{number}", number)
    remembered.clear()
    assert young is remembered.young
    assert len(remembered) == 0
