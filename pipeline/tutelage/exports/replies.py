"""A dialogue as a trainer on text sees it: messages, and which of the student's are to be learnt.

Such a trainer renders messages by a chat template and trains whole messages, each with the stop
after it. Two kinds of student message cannot be given to it as they were: one that ran into its
length limit never stopped, so its stop would be taught though it was never written; and one whose
reasoning later turns no longer saw is learnt with it only where it stands last.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tutelage.contract import redrawn
from tutelage.errors import SettingsError
from tutelage.exports.taker import Row, Task

CUT = "replies cut at the length limit (a trainer on text would learn to stop there)"
HIDDEN = "dialogues with reasoning, which later turns did not see (use --as turns or tokens)"
UNEVEN = "dialogues in which teacher and student do not take turns"
SILENT = "dialogues with nothing to train on"


@dataclass(frozen=True, slots=True)
class Reply:
    """One student message that is to be learnt, and what stood before it."""

    history: list[dict[str, str]]
    content: str
    """With the reasoning in front, where there was any."""
    entry: Row
    """What the trail has of it."""

    @property
    def message(self) -> dict[str, str]:
        """It as a chat message."""
        return {"role": "assistant", "content": self.content}


def messages(row: Row) -> list[dict[str, str]]:
    """The messages up to the student's last one."""
    last = max((i for i, m in enumerate(row["messages"]) if m["role"] == "assistant"), default=-1)
    return [dict(message) for message in row["messages"][: last + 1]]


def opening(row: Row) -> list[dict[str, str]]:
    """What the student saw before its first message: the system prompt, if any, and the problem."""
    first = next(
        (i for i, m in enumerate(row["messages"]) if m["role"] == "assistant"),
        len(row["messages"]),
    )
    return [dict(message) for message in row["messages"][:first]]


def trained(row: Row, task: Task) -> list[bool]:
    """For each message whether the loss policy trains on it."""
    if task.loss:
        return redrawn(row, task.loss)
    return [bool(entry["train"]) for entry in row["trail"]]


def learnt(row: Row, task: Task) -> list[bool]:
    """The same without replies that were cut short; each of those is counted."""
    wanted = trained(row, task)
    cut = [
        train and entry["finish_reason"] == "length"
        for train, entry in zip(wanted, row["trail"], strict=True)
    ]
    task.left_out[CUT] += sum(cut)
    return [train and not short for train, short in zip(wanted, cut, strict=True)]


def replies(row: Row, task: Task) -> Iterator[Reply]:
    """Each reply that is to be learnt, with its history; for takers that train one message a row."""
    wanted = learnt(row, task)
    task.left_out[SILENT] += not any(wanted)
    for k, train in enumerate(wanted):
        if train:
            history = [dict(message) for message in row["messages"][:k]]
            yield Reply(history, spoken(row, k), row["trail"][k])


def spoken(row: Row, k: int) -> str:
    """Message `k` as its speaker wrote it: reasoning, which the others never saw, stands in front.

    In the form of the models that have it, which is what their chat templates look for.
    """
    content, reasoning = str(row["messages"][k]["content"]), row["trail"][k]["reasoning"]
    return f"<think>\n{reasoning}\n</think>\n\n{content}" if reasoning else content


def whole(row: Row, task: Task) -> list[dict[str, str]]:
    """All messages, for a taker that trains every one of the student's; empty where it is left out.

    Raises:
        SettingsError: the loss policy leaves a reply out, and the taker has no mask for it.
    """
    wanted = trained(row, task)
    cut = False
    for train, message, entry in zip(wanted, row["messages"], row["trail"], strict=True):
        if message["role"] != "assistant":
            continue
        if not train:
            raise SettingsError(
                "this taker trains every reply of the student and has no mask for a message, and "
                f"the loss policy leaves one of dialogue {row['dialogue_id']} out: "
                f"use --loss all_student, or {task.other}"
            )
        cut = cut or entry["finish_reason"] == "length"
    if cut:
        task.left_out["dialogues with a reply cut at the length limit"] += 1
        return []
    return masked(row, wanted, task)[0]


def masked(row: Row, wanted: list[bool], task: Task) -> tuple[list[dict[str, str]], list[bool]]:
    """The messages and which of them to learn, for a taker with a flag a message; empty where the
    dialogue is left out."""
    if not any(wanted):
        task.left_out[SILENT] += 1
        return [], []
    if any(w and entry["reasoning"] for w, entry in zip(wanted, row["trail"], strict=True)):
        task.left_out[HIDDEN] += 1
        return [], []
    kept = messages(row)
    return kept, wanted[: len(kept)]


def alternating(chat: list[dict[str, str]], task: Task) -> tuple[str, list[dict[str, str]]]:
    """The system prompt and the rest, which begins with the user and takes turns; else empty."""
    system = chat[0]["content"] if chat and chat[0]["role"] == "system" else ""
    rest = chat[1:] if chat and chat[0]["role"] == "system" else chat
    if any(m["role"] != ("user", "assistant")[i % 2] for i, m in enumerate(rest)):
        task.left_out[UNEVEN] += 1
        return system, []
    return system, rest


def truth(row: Row) -> str:
    """What an answer is judged against, as one string: the tests as JSON, or the final answer."""
    return str(row["gold"]["tests_json"] or row["gold"]["value"])
