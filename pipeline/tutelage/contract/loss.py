"""Which messages are trained on: a named policy, kept as data in `trail.train`."""

from collections.abc import Mapping
from typing import Any

from tutelage.records import Message

LOSS_POLICIES = {
    "all_student": "every student message",
    "after_feedback": "student messages that follow at least one teacher feedback",
    "final_only": "the last student message",
    "questions_and_final": "questions, and the last student message",
}
"""Name -> the messages that the policy trains on. `tutelage republish` can apply another one."""


def train_mask(messages: tuple[Message, ...], policy: str) -> list[bool]:
    """Which messages the loss policy trains on, one flag per message.

    >>> m = lambda s, a, t: Message(s, a, t, "")
    >>> d = (m("teacher", "problem", 0), m("student", "attempt", 1),
    ...      m("teacher", "feedback", 1), m("student", "attempt", 2))
    >>> train_mask(d, "after_feedback")
    [False, False, False, True]
    """
    last = max((i for i, m in enumerate(messages) if m.speaker == "student"), default=-1)
    mask, advised = [], False
    for i, message in enumerate(messages):
        is_student = message.speaker == "student"
        is_chosen = {
            "all_student": True,
            "after_feedback": advised,
            "final_only": i == last,
            "questions_and_final": i == last or message.act == "question",
        }[policy]
        mask.append(is_student and is_chosen)
        advised = advised or message.act == "feedback"
    return mask


def redrawn(row: Mapping[str, Any], policy: str) -> list[bool]:
    """Which messages of a row the loss policy trains on, whatever `trail.train` says."""
    messages = tuple(
        Message(entry["speaker"], entry["act"], entry["turn"], message["content"])
        for message, entry in zip(row["messages"], row["trail"], strict=True)
    )
    return train_mask(messages, policy)
