"""The student's side of a dialogue as one growing token sequence.

    prompt of turn 1 | sampled | what the template adds | sampled | ...

Sampled tokens are kept unchanged in later prompts. Stripping and re-tokenising their text could
yield other tokens, and then the model would be trained on prompts that never existed. If the
student sees less than it wrote (its reasoning is removed, special tokens are neutralised), or the
template rewrites earlier text, the sequence ends and the next turn gets a new prompt. There is no
tokenizer here: the engine says which tokens a template adds.
"""

from tutelage.records import Message, Reply


def after(before: tuple[int, ...], message: Message, reply: Reply) -> tuple[int, ...]:
    """The sequence up to the end of `message`, made from `reply`; empty if none can continue it."""
    is_shown_whole = not message.reasoning and message.content == reply.text.strip()
    if not (reply.prompt_ids and reply.token_ids and reply.is_plain and is_shown_whole):
        return ()
    return (*(before if message.continues else ()), *message.prompt_ids, *message.token_ids)


def replaced(before: tuple[int, ...], attempt: Message, question: Message) -> tuple[int, ...]:
    """The sequence with `attempt` at its end replaced by `question`."""
    if not (before and question.token_ids):
        return ()
    return (*before[: len(before) - len(attempt.token_ids)], *question.token_ids)
