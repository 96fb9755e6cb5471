import pickle
from typing import get_args

import pytest

from loom_desktop import errors
from loom_desktop.errors import Code, LoomError

KINDS = [one for one in vars(errors).values()
         if isinstance(one, type) and issubclass(one, LoomError)]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_has_words_a_hint_and_a_standard_code(kind: type[LoomError]) -> None:
    error = kind("It is not there.", hint="Look elsewhere.")
    assert str(error) == error.message == "It is not there."
    assert error.hint == "Look elsewhere."
    assert error.code in get_args(Code)
    assert kind.__name__ in str(errors.__doc__)


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_comes_whole_through_another_process(kind: type[LoomError]) -> None:
    back = pickle.loads(pickle.dumps(kind("What.", hint="Do.")))
    assert type(back) is kind
    assert (back.message, back.hint) == ("What.", "Do.")
