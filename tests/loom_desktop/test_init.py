import subprocess
import sys

import pytest

import loom_desktop


def test_the_door_opens_names_when_they_are_used_and_no_sooner() -> None:
    code = (
        "import sys, loom_desktop\n"
        "assert not [m for m in sys.modules if m.startswith('loom_desktop.')]\n"
        "loom_desktop.QoS\n"
        "assert 'loom_desktop.event' in sys.modules and 'loom_desktop.loom' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


@pytest.mark.parametrize("name", loom_desktop.__all__)
def test_every_promised_name_is_there(name: str) -> None:
    value = getattr(loom_desktop, name)
    home = getattr(value, "__module__", "") or value.__name__  # ``until`` is a module itself
    assert home.startswith("loom_desktop.")


def test_all_of_them_are_listed_before_they_are_used() -> None:
    code = "import loom_desktop as l; assert set(l.__all__) < set(dir(l)), dir(l)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_another_name_is_not() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Manager'"):
        loom_desktop.Manager  # noqa: B018
