"""Answers what the person asks, piece by piece."""

from __future__ import annotations

import asyncio

import msgspec

from loom_desktop import Agent, Context, Event, QoS
from loom_desktop.errors import LoomError
from loom_desktop.text.facts import facts_in, only_facts

_LONGEST_S = 900.0
_GAP = "\n\n"
_MOST_OF_A_STEP = 2_000
"""Characters of a result that are shown while an answer is made."""
agent = Agent("chat", at_once=4, deadline_s=_LONGEST_S + 30)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """[agents.chat]"""

    learn: bool = True
    """Remember what you say of yourself in plain words (name, home, work, family), and show it."""


@agent.on("chat.asked")
async def answer(ctx: Context, event: Event) -> None:
    """Stream the answer; what came before an error is kept and the error is told."""
    said, text = event.payload, ""
    try:
        async with asyncio.timeout(_LONGEST_S):
            async for step in ctx.converse(
                said["text"], files=said.get("files", []), clip=said.get("clip", ""),
                way=said.get("way", ""), model=said.get("model", ""), phases=True,
            ):  # fmt: skip
                if step.kind == "text":
                    text += step.text
                    await ctx.emit("chat.streamed", qos=QoS.REALTIME, turn=event.id, text=step.text)
                elif step.kind == "done":
                    await ctx.emit("chat.answered", turn=event.id, text=text, **step.facts)
                    await _learn(ctx, event)
                else:
                    if step.kind == "replaced":  # a better answer in the place of the quick one
                        text = step.text
                    if step.kind == "call" and text and not text[-1].isspace():
                        text += "\n\n"  # what it says after a call is another paragraph
                        await ctx.emit(
                            "chat.streamed", qos=QoS.REALTIME, turn=event.id, text="\n\n"
                        )
                    await ctx.emit(
                        "chat.stepped", qos=QoS.REALTIME, turn=event.id, kind=step.kind,
                        text=step.text[:_MOST_OF_A_STEP], facts=step.facts,
                    )  # fmt: skip
    except TimeoutError:
        await ctx.emit(
            "chat.failed",
            turn=event.id,
            text=text,
            message=f"It took longer than {_LONGEST_S / 60:g} minutes and was stopped.",
            hint="Ask for less at once.",
        )
    except LoomError as error:
        await ctx.emit(
            "chat.failed", turn=event.id, text=text, message=error.message, hint=error.hint
        )
    except Exception:
        await ctx.emit(
            "chat.failed",
            turn=event.id,
            text=text,
            message="Something went wrong inside Loom.",
            hint="It is written down in the log. Try again, or say it in other words.",
        )
        raise


async def _learn(ctx: Context, event: Event) -> None:
    """What the person said of themselves beside their question. Words of others teach nothing."""
    said = event.payload["text"]
    own = event.asked and not event.tainted
    if not ctx.settings.learn or not own or only_facts(said):  # those alone are kept by their skill
        return
    for one in facts_in(said):
        await ctx.memory.add(
            subject=one.subject, relation=one.relation, object=one.object, kind="semantic"
        )
