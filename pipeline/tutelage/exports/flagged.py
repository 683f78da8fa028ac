"""Chats for trainers with a flag per message: a row per dialogue, or a row per trained reply.

What the flag is called differs between takers, so each passes a function that adds it to a message.
"""

from collections.abc import Callable, Iterator

from tutelage.exports.replies import flagged_chat, replies, trainable
from tutelage.exports.taker import Convert, RowDict, Task

Mark = Callable[[dict[str, str], bool], RowDict]
"""(message, whether it is trained) -> the message with the taker's flag."""


def messages(mark: Mark) -> Convert:
    """Makes one row for each dialogue."""

    def convert(unit: list[RowDict], task: Task) -> Iterator[RowDict]:
        for row in unit:
            chat, flags = flagged_chat(row, trainable(row, task), task)
            if chat:
                yield {"messages": [mark(*pair) for pair in zip(chat, flags, strict=True)]}

    return convert


def turns(mark: Mark) -> Convert:
    """Makes one row for each trained reply; earlier replies are context."""

    def convert(unit: list[RowDict], task: Task) -> Iterator[RowDict]:
        for row in unit:
            for reply in replies(row, task):
                context = [mark(message, False) for message in reply.history]
                yield {"messages": [*context, mark(reply.message, True)]}

    return convert
