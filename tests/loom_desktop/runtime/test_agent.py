from loom_desktop import Agent, Context, Event


async def handle(ctx: Context, event: Event) -> None: ...


def test_an_agent_can_be_made_without_decorators() -> None:
    agent = Agent("plain", topics=["a.b", "c.>"], on_event=handle)
    assert agent.handlers == [("a.b", handle), ("c.>", handle)]
    assert (agent.at_once, agent.deadline_s) == (1, 0.0)


def test_one_function_may_listen_to_several_topics() -> None:
    agent = Agent("two")
    agent.on("a.b")(agent.on("c.d")(handle))
    assert [pattern for pattern, _ in agent.handlers] == ["c.d", "a.b"]


def test_the_older_word_is_the_same() -> None:
    assert Agent.on_event is Agent.on
