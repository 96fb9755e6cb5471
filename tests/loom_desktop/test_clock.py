import time

from loom_desktop import clock


def test_the_wall_is_the_systems() -> None:
    before = time.clock_gettime(time.CLOCK_REALTIME)
    assert before <= clock.wall() <= time.clock_gettime(time.CLOCK_REALTIME)


def test_sleep_counts_in_one_clock_and_not_in_the_other() -> None:
    assert clock.awake_and_asleep() >= clock.monotonic() - 1.0
    assert clock.awake_and_asleep() <= clock.awake_and_asleep()
