"""Separates a model's tagged reasoning from the text that the other side sees.

Covers `<think>`, `<thinking>`, `<reasoning>` and `<reflection>`; a closing tag without an opening
one (the template opened it in the prompt); an opening tag that was never closed because the reply
hit its length limit, in which case everything after it is reasoning; and the channels of gpt-oss,
with or without their special tokens.
"""

import re

_TAG = r"(?:think|thinking|reasoning|reflection)"
_CLOSED = re.compile(rf"<({_TAG})>(.*?)</\1>", re.DOTALL | re.IGNORECASE)
_HEADLESS = re.compile(rf"^(.*?)</{_TAG}>", re.DOTALL | re.IGNORECASE)
_CHANNEL = re.compile(
    r"^(?:<\|channel\|>)?analysis(?:<\|message\|>)?(.*?)(?:<\|end\|>)?(?:<\|start\|>)?"
    r"assistant(?:<\|channel\|>)?final(?:<\|message\|>)?",
    re.DOTALL,
)
_UNENDED_CHANNEL = re.compile(r"^<\|channel\|>analysis<\|message\|>(.*)$", re.DOTALL)
_ENDLESS = re.compile(rf"<{_TAG}>(.*)$", re.DOTALL | re.IGNORECASE)


def split(text: str) -> tuple[str, str]:
    """(reasoning, visible text), both stripped of white space.

    >>> split("<think>7 times 6</think>\\nThe answer is 42.")
    ('7 times 6', 'The answer is 42.')
    >>> split("so it is 42</think>42")
    ('so it is 42', '42')
    """
    if "<" not in text and not text.startswith("analysis"):
        return "", text.strip()
    thoughts: list[str] = []

    def keep(block: re.Match[str]) -> str:
        thoughts.append(block[block.re.groups].strip())
        return ""

    for pattern in (_CHANNEL, _UNENDED_CHANNEL, _CLOSED, _HEADLESS, _ENDLESS):
        text = pattern.sub(keep, text)
    return "\n".join(t for t in thoughts if t), text.strip()
