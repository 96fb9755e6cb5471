"""J1: press a key, ask, read the answer, stop it, find it again."""

from __future__ import annotations

import time

import pytest

from tests import fake_model_server as says
from tests.journeys.application import Application, ModelServer
from tests.screen import Screen, WaylandScreen

pytestmark = [pytest.mark.journey, pytest.mark.x11]

ANSWER = """\
Three **steps**:

1. boil the water,
2. wait.

```python
print("tea")
```

| what | how long |
| --- | --- |
| green | 2 min |
"""


def test_the_key_brings_the_popup_and_takes_it_away(loom: Application) -> None:
    assert loom.popup_gone
    loom.press_hotkey()
    loom.screen.accessibility.find("What can I do for you?")
    loom._keys.key("ctrl+shift+l")
    loom.until(lambda: loom.popup_gone, "popup gone with the same key")
    loom.press_hotkey()
    loom.hide()
    loom.press_hotkey()
    loom._keys.type("half a sentence")
    loom.hide()
    loom.press_hotkey()
    assert loom.screen.accessibility.text("Ask Loom") == "half a sentence"


def test_without_a_model_the_skills_answer_and_say_that_they_did(loom: Application) -> None:
    loom.ask("What is 18 % of 249.90?")
    page = loom.page_has("offline")
    assert "44.98" in page
    answer = loom.answer()
    assert answer["route"].startswith("offline")
    assert answer["model"] == ""
    loom.hide()
    loom.ask("12 km in miles")
    assert "7.456" in loom.page_has("7.45")


def test_the_answer_of_a_model_streams_as_markdown(desktop: Screen, model: ModelServer) -> None:
    model.fake.play(says.stream(ANSWER, delay_s=0.05))
    with Application(desktop, settings=model.settings) as loom:
        loom.ask("How do I make tea?")
        loom.page_has("boil")
        assert loom.messages()[-1]["state"] == "streaming"
        desktop.accessibility.find("Stop")
        page = loom.page_has("2 min")
        loom.until(lambda: "fake-7b" in loom.page(), "model named")
        page = loom.page()
        assert "Three steps:" in page, page
        for mark in ("**", "```", "| ---"):
            assert mark not in page
        desktop.accessibility.find("Copy code")
        answer = loom.answer()
        assert answer["text"].strip() == ANSWER.strip()
        assert (answer["role"], answer["model"]) == ("assistant", "fake-7b")
        (question,) = model.fake.questions
        assert question.json["messages"][-1]["content"].endswith("How do I make tea?")


def test_stop_ends_it_here_and_at_the_server(desktop: Screen, model: ModelServer) -> None:
    model.fake.play(says.stream("word " * 2000, delay_s=0.02))
    with Application(desktop, settings=model.settings) as loom:
        loom.ask("Tell me a long story")
        loom.page_has("word word")
        began = time.monotonic()
        desktop.key("ctrl+period")
        loom.until(model.fake.hung_up.is_set, "hang-up at the server")
        assert time.monotonic() - began < 0.4
        desktop.accessibility.gone("Stop")
        loom.until(lambda: loom.status()["state"] != "thinking", "rest")
        assert loom.messages()[-1]["state"] == "cancelled"
        length = len(loom.page())
        model.fake.play(says.stream("A short one."))
        loom.ask("And a short one")
        loom.page_has("A short one.")
        assert "word word" in loom.page()
        assert len(loom.page()) < length + 300


def test_the_stop_button_does_the_same(desktop: Screen, model: ModelServer) -> None:
    model.fake.play(says.stream("word " * 2000, delay_s=0.02))
    with Application(desktop, settings=model.settings) as loom:
        loom.ask("Tell me a long story")
        loom.page_has("word word")
        loom.click("Stop")
        loom.until(model.fake.hung_up.is_set, "hang-up at the server")


def test_a_conversation_is_there_after_a_restart(loom: Application) -> None:
    loom.ask("What is 6 * 7?")
    loom.page_has("42")
    before = loom.messages()
    loom.restart()
    assert loom.messages() == before
    loom.press_hotkey()
    loom._keys.key("ctrl+h")
    loom.until(lambda: loom.sees("What is 6 * 7?"), "the conversation in the list")
    loom._keys.key("enter")
    page = loom.page_has("42")
    assert "What is 6 * 7?" in page


def test_the_tray_icon_brings_the_popup(loom: Application) -> None:
    screen = loom._keys
    if screen.windows("panel"):
        screen.click(*screen.window("panel").middle)
    else:
        screen.wait_for(screen.fake.items, "icon")
        screen.fake.activate()
    loom.until(lambda: loom.popup_open, "popup from the tray")
    loom._keys.type("2 + 2")
    loom._keys.key("enter")
    loom.page_has("= 4")


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (says.status(429, retry_after="60"), "Try again in 60 seconds"),
        (says.status(500), "had an error of its own (500)"),
        (says.status(401), "loom secrets set local"),
        (says.silent_after(), "did not answer within"),
        (says.events(b"\x00\xff\x00 no json \r\n\r\n"), "answered, but not as a model does"),
        (says.cut_after(says.chunk(content="It begins ")), "hung up in the middle"),
    ],
    ids=["429", "500", "401", "silent", "garbage", "cut"],
)
def test_a_server_that_fails_is_named_and_the_next_question_works(
    plain_desktop: Screen, model: ModelServer, fault: says.Behaviour, told: str
) -> None:
    model.fake.play(fault)
    slow = model.settings.replace("timeout_s = 5", "timeout_s = 1")
    with Application(plain_desktop, settings=slow) as loom:
        loom.ask("Who was Ada Lovelace?")
        page = loom.page_has(told)
        assert f"127.0.0.1:{model.fake.port}" in page
        if "middle" in told:
            assert "It begins" in page
        model.fake.play(says.stream("The first programmer."))
        loom.click("Try again")
        page = loom.page_has("The first programmer.")
        assert page.count("Who was Ada Lovelace?") == 1
        assert told not in page
        loom.click("Ask Loom")
        loom.ask("2 + 2")
        loom.page_has("= 4")


def test_after_trying_again_one_can_write_at_once(
    plain_desktop: Screen, model: ModelServer
) -> None:
    model.fake.play(says.status(401), says.stream("The first programmer."))
    with Application(plain_desktop, settings=model.settings) as loom:
        loom.ask("Who was Ada Lovelace?")
        loom.click("Try again")
        loom.page_has("The first programmer.")
        loom.ask("2 + 2")
        loom.until(lambda: not loom.sees("Find a command"), "no list of commands", 1)
        loom.until(lambda: "= 4" in loom.messages()[-1]["text"], "answer", 3)


def test_a_server_that_is_not_there_is_named(plain_desktop: Screen) -> None:
    dead = '\n[llm.local]\nkind = "openai"\napi_base = "http://127.0.0.1:9/v1"\nmodel = "x"\n'
    with Application(plain_desktop, settings=dead) as loom:
        loom.ask("Who was Ada Lovelace?")
        assert "pick another model" in loom.page_has("127.0.0.1:9 did not answer")
        loom.ask("2 + 2")
        loom.page_has("= 4")
        found = loom.json("doctor")
        assert any(one["name"] == "models" and one["state"] == "missing" for one in found)


@pytest.mark.wayland
def test_on_wayland_the_command_brings_the_popup() -> None:
    with (
        WaylandScreen(tray="sni", notifications="fake", accessibility=True) as screen,
        Application(screen) as loom,
    ):
        report = loom.status()["sources"]["hotkey"]
        assert not report["working"]
        assert "loom popup" in report["fix"]
        loom.loom("popup")
        loom.until(lambda: loom.popup_open, "popup")
        screen.accessibility.set_text("Ask Loom", "2 + 2 * 3")
        screen.accessibility.press("Send")
        loom.page_has("= 8")
        assert loom.answer()["route"].startswith("offline")
