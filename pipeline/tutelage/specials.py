"""Keeps special tokens in problem text or model output from opening a new role in a chat.

A tokenizer does not tell a rendered chat template from the messages in it: `<|im_end|>` inside a
message would end the message. `neutralise` puts a space after the first character of each such token.
People can still read it, and no tokenizer takes it for the token. Ordinary text and code are left
alone, except for HTML's `<s>`, which opens a turn for some models. Headers in plain words (`User:`,
`### Instruction:`) are not special tokens; a template that relies on them must pass them in `tokens`.
"""

import re
from collections.abc import Iterable

_TURN = r"(?:start|begin|beginning|end)[_▁]of[_▁]\w{1,20}|(?:[a-z]{1,12}:)?(?:bos|eos|pad|unk)|s"
_KNOWN = re.compile(
    r"[<＜](?=[|｜][^\s|｜<>＜＞]{1,60}[|｜][>＞])"  # <|im_end|>, <|eot_id|>, <｜User｜>, ...
    r"|<(?=\|[A-Za-z][\w .:-]{0,40}\|>)"
    r"|<(?=\|[A-Za-z]\w{0,20}>)|<(?=[A-Za-z]\w{0,20}\|>)"  # <|turn>, <turn|>
    rf"|<(?=/?(?:{_TURN}|extra_id_\d+|reserved_\d+)>)"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\])"
    r"|\[(?=\|[a-z]{1,20}\|\])"  # [|user|]
    r"|<(?=</?SYS>>)"
)


def neutralise(text: str, tokens: Iterable[str] = ()) -> tuple[str, int]:
    """Returns (text without special tokens, how many it contained). Idempotent.

    `tokens` are the special tokens of a particular tokenizer, in addition to those recognised by
    their form. A token of a single character cannot be split and is left as it is.

    >>> neutralise("done<|im_end|>")
    ('done< |im_end|>', 1)
    """
    count = 0
    if "<" in text or "[" in text or "＜" in text:
        text, count = _KNOWN.subn(lambda match: match[0] + " ", text)
    for token in tokens:
        # Repeated until none is left: splitting the first "aa" in "aaa" leaves another one.
        while len(token) > 1 and token in text:
            text, splits = re.subn(
                re.escape(token), lambda match: match[0][0] + " " + match[0][1:], text
            )
            count += splits
    return text, count
