"""loom models, loom routes, loom money, loom rate."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from loom_desktop.cli.talk import call, out, out_json

if TYPE_CHECKING:
    import click


def models_command() -> click.Command:
    """Which models there are, whether they answer, which goes first."""
    import click

    @click.group("models", invoke_without_command=True)
    @click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
    @click.pass_context
    def models(ctx: click.Context, as_json: bool) -> None:
        """List the models of loom.toml and those found on this computer, test and choose them."""
        if ctx.invoked_subcommand is None:
            _list(as_json)

    @models.command("list")
    @click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
    def list_(as_json: bool) -> None:
        """List the models of loom.toml and those found on this computer."""
        _list(as_json)

    @models.command("test")
    @click.argument("name")
    @click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
    def test(name: str, as_json: bool) -> int:
        """Ask NAME one short question: how long it takes, or why it does not answer."""
        told = call("test_model", name=name)
        if as_json:
            out_json(told)
        elif told["works"]:
            times = f"first word after {told['first_s']:.2f} s, all of it {told['seconds']:.2f} s"
            out(f"{name} ({told['model']}) answers: {times}, {_dollars(told['cost'])}.")
        else:
            out(f"{name} does not answer. {told['message']}")
            if told["hint"]:
                out(told["hint"])
        return 0 if told["works"] else 1

    @models.command("use")
    @click.argument("name")
    @click.argument("model", default="")
    def use(name: str, model: str) -> None:
        """Ask NAME first from now on; with MODEL, that one of its models. Kept in loom.toml."""
        told = call("use_model", name=name, model=model)
        out(f"{told['name']} ({told['model']}) is asked first, where nothing speaks against it.")

    return models


def _list(as_json: bool) -> None:
    found = call("models")
    if as_json:
        out_json(found)
        return
    for one in found:
        mark = "works" if one["working"] else "does not answer"
        place = "on this computer" if one["local"] else "elsewhere"
        out(f"{one['name']}: {one['model']}, {place}, {mark}. {one['detail']}".strip())
    if not found:
        out("No model is set, and none was found on this computer.")
        out("Start Ollama, LM Studio or llama.cpp, or name one in loom.toml ([llm.NAME]).")


def routes_command() -> click.Command:
    """Which model was asked, and why."""
    import click

    @click.command("routes")
    @click.option("--limit", type=click.IntRange(1, 1_000), default=20, show_default=True)
    @click.option("--agent", default="", help="Only those of this agent.")
    @click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
    def routes(limit: int, agent: str, as_json: bool) -> None:
        """List which model was asked and why, the newest first, and what came of each so far."""
        told = call("routes", limit=limit, agent=agent)
        if as_json:
            out_json(told)
            return
        if not told["decisions"]:
            out("No model was asked so far.")
        for one in told["decisions"]:
            _show(one)
        if told["models"]:
            out()
            out("What came of the latest answers:")
        for one in told["models"]:
            out(f"  {_record(one)}")
        if told["compared"]:
            out()
            out(f"Rules and bandit: {told['compared']['words']}")

    return routes


def money_command() -> click.Command:
    """What was spent."""
    import click

    @click.command("money")
    @click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
    def money(as_json: bool) -> None:
        """Say what models cost today: for what you asked, for what agents did by themselves."""
        told = call("money")
        if as_json:
            out_json(told)
            return
        today, caps = told["today"], told["caps"]
        if today is None:
            out("Nobody counts here.")
            return
        out(f"Today: {_dollars(today['total'])} of {_dollars(caps['day'])}.")
        out(f"  for what you asked: {_dollars(today['asked'])}")
        out(f"  in the background:  {_dollars(today['background'])}")
        if today["on_its_way"]:
            out(f"  on its way:         about {_dollars(today['on_its_way'])}")
        if today["unknown"]:
            out(f"  answers of unknown price, which are not in it: {today['unknown']}")
        for agent, cost in sorted(today["agents"].items()):
            cap = min(caps["agent"], caps["agents"].get(agent, caps["agent"]))
            out(f"  {agent or 'you'}: {_dollars(cost)} of {_dollars(cap)}")
        for one in told["answers"]:
            behind = ", in the background" if one["background"] else ""
            who = one["agent"] or "you"
            out(f"{_time(one)}  {_dollars(one['cost'])}  {one['model']}, {who}{behind}")

    return money


def rate_command() -> click.Command:
    """Say what an answer was worth."""
    import click

    @click.command("rate")
    @click.argument("thumb", type=click.Choice(["up", "down", "none"]))
    @click.option("--turn", type=int, default=0, help="Which answer; else the latest.")
    @click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
    def rate(thumb: str, turn: int, as_json: bool) -> None:
        """Rate an answer: it counts when a model is chosen. `none` takes it back."""
        told = call("rate", thumb=thumb, turn=turn)
        if as_json:
            out_json(told)
        else:
            out(f"Noted for {told['name']} ({told['model']}).")

    return rate


def _show(one: dict[str, Any]) -> None:
    phase = f" ({one['phase']})" if one["phase"] else ""
    who = one["agent"] or "you"
    times = f"{one['first_s']:.2f} s" if one["first_s"] >= 0 else "no word"
    cost = "" if one["local"] else f", {_dollars(one['cost'])}"
    thumb = {1: ", liked", -1: ", disliked"}.get(one["thumb"], "")
    model = "no model" if one["name"] == "offline" else f"{one['name']} ({one['model']})"
    out(f"{_time(one)}  {model}{phase} for {who}: {one['outcome']}, {times}{cost}{thumb}")
    out(f"    {one['rule']}: {one['reason']}")


def _record(one: dict[str, Any]) -> str:
    said = [f"{one['name']} ({one['model']}): {one['worked']} of {one['asked']} worked"]
    if one["first_s"] is not None:
        said.append(f"first word after {one['first_s']:.2f} s")
    if one["up"] or one["down"]:
        said.append(f"{one['up']} liked, {one['down']} disliked")
    if not one["local"]:
        said.append(_dollars(one["cost"]))
    return ", ".join(said)


def _time(one: dict[str, Any]) -> str:
    return datetime.fromtimestamp(one["time"]).astimezone().strftime("%d.%m. %H:%M")


def _dollars(amount: float | None) -> str:
    from loom_desktop.llm.costs import dollars

    return "price unknown" if amount is None or amount < 0 else dollars(amount)
