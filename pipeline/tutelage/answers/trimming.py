"""Which part of a message is read at all."""

import re

LONGEST_MESSAGE = 20_000
"""Characters of a message that are read; an answer stands at the end, so its end is kept."""


def trimmed(message: str) -> str | None:
    """The part of `message` that is read: its end, without reasoning in tags and calculator marks.

    None where reasoning never ends: then nothing has been said.
    """
    message = message[-LONGEST_MESSAGE:]
    if "<<" in message:
        message = re.sub(r"<<[^<>\n]*>>", "", message)
    thought, _, said = message.rpartition("</think>")
    if thought:
        return said
    never_ends = "<think>" in message and not message.split("<think>")[0].strip()
    return None if never_ends else message.strip()
