from loom_desktop.text.answer import Answer


def test_an_answer_is_a_value_that_can_be_compared() -> None:
    assert Answer("1 + 1 = 2", "2") == Answer("1 + 1 = 2", "2")
    assert Answer("1 + 1 = 2", "2") != Answer("1 + 1 = 2", "3")
