"""Offers a summary of a long text that was just copied."""

from __future__ import annotations

from msgspec import Struct

from loom_desktop import Agent, Context, Event, Offer

agent = Agent("clipboard")
_SPOKEN = {
    "en": "English", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian",
    "pt": "Portuguese", "nl": "Dutch", "pl": "Polish", "ru": "Russian", "uk": "Ukrainian",
    "zh": "Chinese", "ja": "Japanese", "ko": "Korean", "ar": "Arabic", "tr": "Turkish",
}  # fmt: skip


class Settings(Struct, frozen=True):
    """[agents.clipboard]"""

    offer_from_words: int = 80
    """Shorter copies are left alone."""


@agent.on("clipboard.copied")
async def offer(ctx: Context, event: Event) -> None:
    """A quiet card, for long texts only. A shorter copy still ends the card of the last one."""
    text = event.payload["text"]
    least = ctx.settings.offer_from_words
    if len(text) < least:  # not even a letter a word: most copies end here
        await ctx.withdraw("copy")
        return
    from loom_desktop.text.language import language  # their tables take 5 ms to load
    from loom_desktop.text.summarize import count_words

    tongue = language(text)
    words = count_words(text, tongue)
    if words < least:
        await ctx.withdraw("copy")
        return
    spoken = _SPOKEN.get(tongue, "")
    await ctx.offer(
        Offer(
            title="Summarise what you copied?",
            text=f"{words:,} words" + (f" in {spoken}" if spoken else ""),
            actions=(("summarise", "Summarise"),),
            why=f"You copied a text of {words:,} words, and you let Loom look at copies.",
            key="copy",
            data={"hash": event.payload["hash"]},
        )
    )


@agent.on("clipboard.cleared")
async def end(ctx: Context, event: Event) -> None:
    """What was copied is gone, or is nobody's business: so is the card."""
    await ctx.withdraw("copy")


@agent.on("card.answered.clipboard.summarise")
async def summarise(ctx: Context, event: Event) -> None:
    """Ask for the summary in a conversation, where it can be read, copied and asked about."""
    await ctx.ask("Summarise what I copied", clip=event.payload["data"]["hash"], show=True)
