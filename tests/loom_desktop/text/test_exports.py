"""What ChatGPT and Claude export, in the forms that their exports were seen to have."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from loom_desktop.errors import NotUnderstood, Unavailable
from loom_desktop.text import exports, transcripts
from loom_desktop.text.exports import read
from loom_desktop.text.transcripts import Transcript, to_json, to_markdown

AT = 1_795_161_600.0


def node(
    key: str, parent: str | None, role: str = "", *parts: Any, kind: str = "text", **more: Any
) -> dict[str, Any]:
    """A node of a ChatGPT tree; its message comes a second after the one of the digit before."""
    if not role:
        return {"id": key, "message": None, "parent": parent, "children": []}
    author = {"role": role, "name": more.pop("name", None), "metadata": {}}
    content = {"content_type": kind, **more.pop("content", {})}
    if parts:
        content["parts"] = list(parts)
    message = {
        "id": key, "author": author, "create_time": AT + len(key), "content": content,
        "status": "finished_successfully", "weight": 1.0, "recipient": "all", "metadata": {},
    }  # fmt: skip
    return {"id": key, "message": {**message, **more}, "parent": parent, "children": []}


def gpt(*nodes: dict[str, Any], current: str | None = None, **more: Any) -> dict[str, Any]:
    mapping = {one["id"]: one for one in nodes}
    for one in nodes:
        if one["parent"] in mapping:
            mapping[one["parent"]]["children"].append(one["id"])
    return {
        "title": "Tea", "create_time": AT, "update_time": AT + 9, "mapping": mapping,
        "current_node": current or nodes[-1]["id"], "conversation_id": "aaaa-1", "id": "aaaa-1",
        "moderation_results": [], **more,
    }  # fmt: skip


def claude(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "uuid": "bbbb-2", "name": "Cake", "created_at": "2026-11-20T08:00:00.000000Z",
        "updated_at": "2026-11-20T08:01:00Z", "account": {"uuid": "x"},
        "chat_messages": list(messages), **more,
    }  # fmt: skip


def says(sender: str, text: str, **more: Any) -> dict[str, Any]:
    content = [{"type": "text", "text": text, "citations": []}]
    return {
        "uuid": more.pop("uuid", text), "text": text, "content": content, "sender": sender,
        "created_at": "2026-11-20T08:00:30.500000Z", "attachments": [], "files": [], **more,
    }  # fmt: skip


def file(folder: Path, value: Any, name: str = "conversations.json") -> Path:
    path = folder / name
    path.write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())
    return path


def packed(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def told(one: Transcript) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in one.messages]


def test_of_a_tree_the_branch_that_was_shown_is_read(tmp_path: Path) -> None:
    tree = gpt(
        node("r", None),
        node("rs", "r", "system", ""),
        node("rsa", "rs", "user", "Which tea?"),
        node("rsab", "rsa", "assistant", "Black.", metadata={"model_slug": "gpt-4o"}),
        node("rsac", "rsa", "assistant", "Green.", metadata={"model_slug": "o3"}),
        node("rsacd", "rsac", "user", "Why?"),
        node("rsabe", "rsab", "user", "Never asked in the branch that was shown"),
        current="rsacd",
    )
    (one,) = read(file(tmp_path, [tree]))
    assert (one.title, one.service, one.id) == ("Tea", "chatgpt", "aaaa-1")
    assert told(one) == [("user", "Which tea?"), ("assistant", "Green."), ("user", "Why?")]
    answer = one.messages[1]
    assert (answer.route, answer.model, answer.cost) == ("ChatGPT · o3", "o3", -1.0)
    assert [message.time for message in one.messages] == [AT + 3, AT + 4, AT + 5]
    assert {(message.origin, message.privacy) for message in one.messages} == {
        (("file",), "private")
    }


def test_without_a_current_node_it_is_the_last_version(tmp_path: Path) -> None:
    tree = gpt(
        node("r", None),
        node("ra", "r", "user", "Which?"),
        node("rab", "ra", "assistant", "First"),
        node("rac", "ra", "assistant", "Second"),
    )
    del tree["current_node"]
    assert told(read(file(tmp_path, [tree]))[0])[-1] == ("assistant", "Second")


def test_a_circle_in_a_tree_ends(tmp_path: Path) -> None:
    tree = gpt(node("a", "b", "user", "One"), node("b", "a", "assistant", "Two"))
    assert told(read(file(tmp_path, [tree]))[0]) == [("user", "One"), ("assistant", "Two")]


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (node("x", None, "user", "a", "b"), "a\n\nb"),
        (
            node("x", None, "user", {"content_type": "image_asset_pointer"}, "What is it?",
                 kind="multimodal_text"),
            "[image]\n\nWhat is it?",
        ),
        (
            node("x", None, "user", {"content_type": "audio_transcription", "text": "Hello"},
                 {"content_type": "audio_asset_pointer"}, kind="multimodal_text"),
            "Hello\n\n[sound]",
        ),
        (node("x", None, "user", {"content_type": "hologram"}, 7), "[hologram]\n\n"
            "[something that is no text]"),
        (
            node("x", None, "user", "See", metadata={"attachments": [{"name": "a.pdf"}, 3]}),
            "See\n\n[file a.pdf]",
        ),
        (
            node("x", None, "assistant", kind="code", recipient="python",
                 content={"language": "python", "text": "print('```')"}),
            "[call of python]\n\n````python\nprint('```')\n````",
        ),
        (
            node("x", None, "assistant", '{"prompt": "a cat"}', recipient="dalle.text2im"),
            '[call of dalle.text2im]\n\n```\n{"prompt": "a cat"}\n```',
        ),
        (
            node("x", None, "tool", {"content_type": "image_asset_pointer"}, "made",
                 kind="multimodal_text", name="dalle.text2im"),
            "[result of dalle.text2im]\n\n[image]",
        ),
        (
            node("x", None, "tool", kind="execution_output", content={"text": "42"}),
            "[result of a tool]",
        ),
        (node("x", None, "assistant", kind="new_thing"), "[new_thing]"),
        (node("x", None, "assistant", "So\ue200cite\ue202turn0search1\ue201."), "So."),
        (node("x", None, "user", "a\u202eb\x07\r\nc"), "ab\nc"),
    ],
)  # fmt: skip
def test_parts_that_are_no_text_are_named(made: dict[str, Any], text: str, tmp_path: Path) -> None:
    (one,) = read(file(tmp_path, [gpt(made)]))
    assert [message.text for message in one.messages] == [text]


@pytest.mark.parametrize(
    "hidden",
    [
        node("a", None, "system", "You are"),
        node("a", None, "user", kind="user_editable_context", content={"user_profile": "I am"}),
        node("a", None, "assistant", kind="thoughts", content={"thoughts": [{"content": "hm"}]}),
        node("a", None, "user", "x", metadata={"is_visually_hidden_from_conversation": True}),
        node("a", None, "user", "", None),
    ],
)
def test_what_was_never_shown_is_left_out(hidden: dict[str, Any], tmp_path: Path) -> None:
    (one,) = read(file(tmp_path, [gpt(hidden, node("ab", "a", "user", "Hi"))]))
    assert told(one) == [("user", "Hi")]


def test_what_one_side_says_in_pieces_is_one_answer(tmp_path: Path) -> None:
    tree = gpt(
        node("a", None, "user", "Sum?"),
        node("ab", "a", "assistant", "I count."),
        node("abc", "ab", "tool", "42", name="python"),
        node("abcd", "abc", "assistant", "42.", metadata={"model_slug": "o3"}),
        node("abcde", "abcd", "user", "Sure?"),
        node("abcdef", "abcde", "user", "Really?"),
    )
    (one,) = read(file(tmp_path, [tree]))
    assert told(one) == [
        ("user", "Sum?"),
        ("assistant", "I count.\n\n[result of python]\n\n42."),
        ("user", "Sure?"),
        ("user", "Really?"),
    ]
    assert one.messages[1].model == "o3"


def test_a_claude_export_is_read(tmp_path: Path) -> None:
    blocks = [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "Here:"},
        {"type": "tool_use", "name": "artifacts", "input": {"content": "a = 1", "language": "py"}},
        {"type": "tool_result", "name": "artifacts", "content": []},
        {"type": "tool_use", "name": "search", "input": {"query": "ä"}},
        {"type": "image"},
        {"type": "text", "text": "Done."},
    ]
    attached = [{"file_name": "notes.txt", "extracted_content": "A `b`"}, {"file_name": ""}]
    talk = claude(
        says("human", "Bake", attachments=attached, files=[{"file_name": "cake.png"}]),
        says("assistant", "Here: Done.", content=blocks),
        says("human", "Old export", content=[]),
    )
    (one,) = read(file(tmp_path, [talk]))
    assert (one.title, one.service, one.id) == ("Cake", "claude", "bbbb-2")
    assert told(one) == [
        ("user", "Bake\n\n[file notes.txt]\n\n```\nA `b`\n```\n\n[pasted text]\n\n[file cake.png]"),
        (
            "assistant",
            "Here:\n\n[call of artifacts]\n\n```py\na = 1\n```\n\n[result of artifacts]\n\n"
            '[call of search]\n\n```json\n{\n "query": "ä"\n}\n```\n\n[image]\n\nDone.',
        ),
        ("user", "Old export"),
    ]
    assert one.messages[0].time == AT + 30.5
    assert one.messages[1].route == "Claude"


@pytest.mark.parametrize(("leaf", "last"), [(None, "Third"), ("Second", "Second")])
def test_of_claudes_versions_the_one_that_was_shown_is_read(
    leaf: str | None, last: str, tmp_path: Path
) -> None:
    root = "00000000-0000-4000-8000-000000000000"
    talk = claude(
        says("human", "First", parent_message_uuid=root),
        says("assistant", "Second", parent_message_uuid="First"),
        says("assistant", "Third", parent_message_uuid="First"),
        current_leaf_message_uuid=leaf,
    )
    assert told(read(file(tmp_path, [talk]))[0]) == [("user", "First"), ("assistant", last)]


def test_the_zip_that_the_services_send_is_read_as_it_came(tmp_path: Path) -> None:
    first, second = gpt(node("a", None, "user", "One")), gpt(node("a", None, "user", "Two"))
    members = {
        "export/chat.html": b"<html>",
        "export/conversations-10.json": json.dumps([second]).encode(),
        "export/conversations-9.json": json.dumps([first]).encode(),
        "export/shared_conversations.json": b"[]",
    }
    found = read(packed(tmp_path / "export.zip", members))
    assert [told(one) for one in found] == [[("user", "One")], [("user", "Two")]]


def test_our_own_forms_are_known_by_what_is_in_them(tmp_path: Path) -> None:
    said = read(file(tmp_path, [gpt(node("a", None, "user", "Hi"))]))
    assert read(file(tmp_path, to_json(said), "a.bin")) == said
    assert told(read(file(tmp_path, b"\xef\xbb\xbf" + to_markdown(said).encode(), "b"))[0]) == [
        ("user", "Hi")
    ]


def test_one_conversation_alone_and_those_in_which_nothing_was_said(tmp_path: Path) -> None:
    assert len(read(file(tmp_path, claude(says("human", "Hi"))))) == 1
    empty = claude(uuid="cccc")
    assert len(read(file(tmp_path, [empty, claude(says("human", "Hi"))]))) == 1


GOOD = gpt(node("a", None, "user", "Hi"))


@pytest.mark.parametrize(
    ("data", "says_what"),
    [
        (b"", "is empty"),
        (b" \n ", "is empty"),
        (b"[]", "no conversation in it"),
        (json.dumps([claude()]).encode(), "Nothing was said"),
        (b"[{}]", "Conversation 1 cannot be read: it has neither a mapping"),
        (b"[1]", "Conversation 1 cannot be read: Expected `object`, got `int`"),
        (json.dumps([GOOD, {**GOOD, "title": 3}]).encode(), "Conversation 2 cannot be read.*title"),
        (
            json.dumps([{**GOOD, "mapping": {"a": 3}}]).encode(),
            r"Conversation 1 cannot be read: Expected `object`, got `int` - at `\$.mapping",
        ),
        (json.dumps([{**GOOD, "id": "<>", "conversation_id": ""}]).encode(), "Tea.*its id is none"),
        (json.dumps([claude({"sender": 1})]).encode(), "Expected `str`, got `int`"),
        (json.dumps([GOOD]).encode()[:-20], "no JSON that is whole"),
        (b"[" * 100_000, "no JSON that is whole"),
        (b'[{"mapping":' + b"[" * 100_000 + b"]" * 100_000 + b"}]", "no JSON|cannot be read"),
        (b'{"format": "loom-conversations", "version": 9}', "version 9"),
        (b"# A diary", "not a conversation that Loom wrote"),
        (b"\x89PNG\xff\xfe", "neither JSON nor Markdown"),
        (b"PK\x03\x04 cut off", "archive is damaged"),
    ],
)
def test_what_is_none_of_these_is_told_with_what_to_do(
    data: bytes, says_what: str, tmp_path: Path
) -> None:
    with pytest.raises(NotUnderstood, match=rf"(?s)^talk\.x: .*{says_what}") as error:
        read(file(tmp_path, data, "talk.x"))
    assert error.value.hint


@pytest.mark.parametrize(
    ("members", "says_what"),
    [
        ({"chat.html": b""}, "no conversations.json in this archive"),
        ({"conversations.json": b"{"}, "no JSON that is whole"),
        ({"conversations.json": b" " * 3_000_000}, "more than 2 MB"),  # a bomb: 3 kB packed
        ({f"conversations-{one}.json": b" " * 1_500_000 for one in (1, 2)}, "empty|more than 2 MB"),
    ],
)
def test_an_archive_that_is_none_of_theirs_is_told(
    members: dict[str, bytes], says_what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MOST_BYTES", 2_000_000)
    path = packed(tmp_path / "a.zip", members)
    assert path.stat().st_size < 10_000
    with pytest.raises(NotUnderstood, match=says_what) as error:
        read(path)
    assert error.value.hint


def test_a_locked_archive_is_told(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"conversations.json": b"[]"})
    data = bytearray(path.read_bytes())
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        at = data.find(mark) + (6 if mark == b"PK\x03\x04" else 8)
        data[at] |= 1  # the flag of a password
    path.write_bytes(data)
    with pytest.raises(NotUnderstood, match="password"):
        read(path)


def test_a_file_beyond_the_limit_or_gone_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MOST_BYTES", 100)
    with pytest.raises(NotUnderstood, match="more than 0 MB"):
        read(file(tmp_path, [GOOD]))
    os.mkfifo(tmp_path / "pipe")
    for nothing in (tmp_path, tmp_path / "none.json", tmp_path / "pipe"):
        with pytest.raises(Unavailable, match="cannot be read") as error:
            read(nothing)
        assert error.value.hint


def test_the_limits_hold_for_the_services_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcripts, "MOST_CONVERSATIONS", 1)
    with pytest.raises(NotUnderstood, match="more than 1 conversations"):
        read(file(tmp_path, [GOOD, GOOD]))
    monkeypatch.setattr(transcripts, "MOST_CHARACTERS", 1)
    with pytest.raises(NotUnderstood, match=r"Tea.*message 1 is longer than 1"):
        read(file(tmp_path, [GOOD]))


@pytest.mark.timeout(5)
@pytest.mark.parametrize("evil", ["\ue200" * 300_000, "\ue200cite" * 100_000])
def test_signs_without_an_end_cost_linear_time(evil: str, tmp_path: Path) -> None:
    said = f"So\ue200cite\ue201: {evil}"
    (one,) = read(file(tmp_path, [gpt(node("x", None, "assistant", said))]))
    assert one.messages[0].text == f"So: {evil}"


def test_the_length_counts_before_the_signs_are_taken_out(tmp_path: Path) -> None:
    signs = "\ue200\ue201" * (transcripts.MOST_CHARACTERS // 2)
    with pytest.raises(NotUnderstood, match=r"message 1 is longer than"):
        read(file(tmp_path, [gpt(node("x", None, "assistant", f"So{signs}"))]))
