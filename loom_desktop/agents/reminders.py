"""Brings reminders when their moment comes, and takes the answer."""

from __future__ import annotations

from typing import Any

from loom_desktop import Agent, Context, Event, Offer

agent = Agent("reminders", durable=True)
_CHANGE_S = 300.0  # after that, what is set is another reminder
_SNOOZE = {"snooze": 600, "hour": 3600}


@agent.on("timer.due")
async def remind(ctx: Context, event: Event) -> None:
    """A card that stays until it is answered; late ones say so."""
    said = event.payload
    late = "" if said["late_s"] < 90 else f"It was due {said['late_words']}."
    await ctx.offer(
        Offer(
            kind="reminder",
            title=said["text"],
            text=late or said["words"],
            actions=(("done", "Done"), ("snooze", "In 10 minutes"), ("hour", "In an hour")),
            why=f"You asked: {said['said']}",
            key=f"reminder {said['schedule']}",
            expires_s=0,
            data={"reminder": said["schedule"]},
        )
    )


@agent.on("reminder.added")
async def show(ctx: Context, event: Event) -> None:
    """Show the times as they were understood, with a way back."""
    said = event.payload
    before = _being_changed(ctx, said)
    if before:
        gone = await ctx.tool("reminders.remove", reminder=before["reminder"])
        if not (gone.ok and gone.value["removed"]):
            before = {}  # it came, or was taken away, meanwhile
    await ctx.offer(
        Offer(
            kind="notice",
            title=f"Reminder {'changed' if before else 'set'}: {said['text']}",
            text=said["words"] + (f"\nInstead of: {before['said']}" if before else ""),
            detail=said["times"],
            actions=(("change", "Change"), ("remove", "Undo")),
            why=f"You said: {said['said']}",
            key=f"added {said['reminder']}",
            data={
                "reminder": said["reminder"],
                "said": said["said"],
                "text": said["text"],
                "words": said["words"],
                "before": before.get("reminder", 0),
            },
        )
    )


@agent.on("reminder.removed")
async def removed(ctx: Context, event: Event) -> None:
    """Whatever card was about it is over."""
    for key in ("added", "reminder"):
        await ctx.withdraw(f"{key} {event.payload['reminder']}")


@agent.on("card.answered.reminders.done")
async def done(ctx: Context, event: Event) -> None:
    """Tick it off."""
    await _do(ctx, "reminders.done", reminder=event.payload["data"]["reminder"])


@agent.on("card.answered.reminders.snooze")
@agent.on("card.answered.reminders.hour")
async def snooze(ctx: Context, event: Event) -> None:
    """Put it off."""
    number, seconds = event.payload["data"]["reminder"], _SNOOZE[event.payload["action"]]
    await _do(ctx, "reminders.snooze", reminder=number, seconds=seconds)


@agent.on("card.answered.reminders.remove")
async def remove(ctx: Context, event: Event) -> None:
    """It was not meant: as it was before."""
    data = event.payload["data"]
    if await _do(ctx, "reminders.remove", reminder=data["reminder"]) and data.get("before"):
        await _do(ctx, "reminders.restore", reminder=data["before"])


@agent.on("card.answered.reminders.change")
async def change(ctx: Context, event: Event) -> None:
    """Let the person say it again in the popup. Until then the old one stands."""
    data = event.payload["data"]
    ctx.local["changing"] = {**data, "since": ctx.now.timestamp()}
    await ctx.show(draft=data["said"])


def _being_changed(ctx: Context, said: dict[str, Any]) -> dict[str, Any]:
    """What the new reminder takes the place of; empty for nothing.

    It says the same for another time, or something else for the same time. Whatever else is set
    meanwhile, by the person or by an agent, takes nothing away.
    """
    data: dict[str, Any] = ctx.local.pop("changing", {})
    same = any(data.get(part) == said[part] for part in ("text", "words"))
    return data if same and ctx.now.timestamp() - data["since"] < _CHANGE_S else {}


async def _do(ctx: Context, name: str, **arguments: int) -> bool:
    """Whether it was done. When not, that is said: nobody is to wait for what does not come."""
    done = await ctx.tool(name, **arguments)
    if not done.ok:
        await ctx.offer(
            Offer(
                kind="notice",
                title="The reminder was not changed",
                text=f"{done.message} {done.hint}".strip(),
                why="You chose something on its card.",
            )
        )
    return done.ok
