"""A dialogue for a trainer on text: its messages, and which of the student's are trained.

Such a trainer renders messages with a chat template and trains whole messages, each with the stop
token after it. Two kinds of student messages need care. A message that was cut at the length limit
never stopped, so training it would teach a stop that was not written. And a message with reasoning,
which later turns did not see, can be trained with its reasoning only as the last message of a row.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tutelage.contract import redrawn
from tutelage.errors import SettingsError
from tutelage.exports.taker import RowDict, Task

CUT = "replies cut at the length limit (a trainer on text would learn to stop there)"
HIDDEN = "dialogues with reasoning, which later turns did not see (use --as turns or tokens)"
UNEVEN = "dialogues in which teacher and student do not take turns"
SILENT = "dialogues with nothing to train on"


@dataclass(frozen=True, slots=True)
class Reply:
    """One trained student message, and the messages before it."""

    history: list[dict[str, str]]
    content: str
    """The text, with its reasoning in front if it has any."""
    entry: RowDict
    """Its entry in the trail."""

    @property
    def message(self) -> dict[str, str]:
        """The reply as a chat message."""
        return {"role": "assistant", "content": self.content}


def messages(row: RowDict) -> list[dict[str, str]]:
    """The messages up to the student's last one."""
    last = max((i for i, m in enumerate(row["messages"]) if m["role"] == "assistant"), default=-1)
    return [dict(message) for message in row["messages"][: last + 1]]


def opening(row: RowDict) -> list[dict[str, str]]:
    """The messages before the student's first: the system prompt, if any, and the problem."""
    first = next(
        (i for i, m in enumerate(row["messages"]) if m["role"] == "assistant"),
        len(row["messages"]),
    )
    return [dict(message) for message in row["messages"][:first]]


def trained(row: RowDict, task: Task) -> list[bool]:
    """For each message, whether the loss policy trains on it."""
    if task.loss:
        return redrawn(row, task.loss)
    return [bool(entry["train"]) for entry in row["trail"]]


def trainable(row: RowDict, task: Task) -> list[bool]:
    """As `trained`, but False for replies that were cut at the length limit, which are counted."""
    flags = trained(row, task)
    cut = [
        flag and entry["finish_reason"] == "length"
        for flag, entry in zip(flags, row["trail"], strict=True)
    ]
    task.left_out[CUT] += sum(cut)
    return [flag and not is_cut for flag, is_cut in zip(flags, cut, strict=True)]


def replies(row: RowDict, task: Task) -> Iterator[Reply]:
    """Each trained reply with its history, for takers that train one message per row."""
    flags = trainable(row, task)
    task.left_out[SILENT] += not any(flags)
    for k, flag in enumerate(flags):
        if flag:
            history = [dict(message) for message in row["messages"][:k]]
            yield Reply(history, with_reasoning(row, k), row["trail"][k])


def with_reasoning(row: RowDict, k: int) -> str:
    """Message `k` as its speaker wrote it, with the reasoning that others never saw in front.

    The reasoning is in `<think>` tags, the form that the chat templates of reasoning models expect.
    """
    content, reasoning = str(row["messages"][k]["content"]), row["trail"][k]["reasoning"]
    return f"<think>\n{reasoning}\n</think>\n\n{content}" if reasoning else content


def fully_trained(row: RowDict, task: Task) -> list[dict[str, str]]:
    """The chat for a taker that trains every student message; empty if the dialogue is left out.

    Raises:
        SettingsError: the loss policy leaves a reply out, which this taker cannot express.
    """
    flags = trained(row, task)
    is_cut = False
    for flag, message, entry in zip(flags, row["messages"], row["trail"], strict=True):
        if message["role"] != "assistant":
            continue
        if not flag:
            raise SettingsError(
                "this taker trains every reply of the student and has no mask for a message, and "
                f"the loss policy leaves one of dialogue {row['dialogue_id']} out: "
                f"use --loss all_student, or {task.alternative}"
            )
        is_cut = is_cut or entry["finish_reason"] == "length"
    if is_cut:
        task.left_out["dialogues with a reply cut at the length limit"] += 1
        return []
    return flagged_chat(row, flags, task)[0]


def flagged_chat(
    row: RowDict, flags: list[bool], task: Task
) -> tuple[list[dict[str, str]], list[bool]]:
    """The chat and, for each of its messages, whether it is trained; both empty if the dialogue is
    left out."""
    if not any(flags):
        task.left_out[SILENT] += 1
        return [], []
    if any(flag and entry["reasoning"] for flag, entry in zip(flags, row["trail"], strict=True)):
        task.left_out[HIDDEN] += 1
        return [], []
    chat = messages(row)
    return chat, flags[: len(chat)]


def alternating(chat: list[dict[str, str]], task: Task) -> tuple[str, list[dict[str, str]]]:
    """(system prompt, the other messages). The latter begin with the user and alternate; if they do
    not, the dialogue is left out and they are empty."""
    system = chat[0]["content"] if chat and chat[0]["role"] == "system" else ""
    rest = chat[1:] if chat and chat[0]["role"] == "system" else chat
    if any(m["role"] != ("user", "assistant")[i % 2] for i, m in enumerate(rest)):
        task.left_out[UNEVEN] += 1
        return system, []
    return system, rest


def ground_truth(row: RowDict) -> str:
    """The gold as one string: the tests as JSON, or the final answer."""
    return str(row["gold"]["tests_json"] or row["gold"]["value"])
