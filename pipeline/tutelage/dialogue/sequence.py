"""The student's side of a dialogue as one sequence of tokens that grows.

    prompt of turn 1 | sampled | what the template adds | sampled | ...

The tokens that a model sampled stand in its later prompts as they are: text that is stripped and
tokenised anew would be other tokens, and what is trained on would be no prompt that there ever was.
Where the student is shown less than it wrote (its reasoning is removed, special tokens are taken
apart), or the template rewrites what came before, the sequence ends, and the next turn has a prompt of
its own. No tokenizer here: what a template adds is the engine's to say.
"""

from tutelage.records import Message, Reply


def after(before: tuple[int, ...], message: Message, reply: Reply) -> tuple[int, ...]:
    """The sequence to the end of `message`, which `reply` became; empty if none can go on from it."""
    is_shown_whole = not message.reasoning and message.content == reply.text.strip()
    if not (reply.prompt_ids and reply.token_ids and reply.is_plain and is_shown_whole):
        return ()
    return (*(before if message.continues else ()), *message.prompt_ids, *message.token_ids)


def replaced(before: tuple[int, ...], attempt: Message, question: Message) -> tuple[int, ...]:
    """The sequence with `question` in the place of `attempt` at its end."""
    if not (before and question.token_ids):
        return ()
    return (*before[: len(before) - len(attempt.token_ids)], *question.token_ids)
