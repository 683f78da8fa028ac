"""Special tokens in problem text or model output must not open a new role.

A chat template is text to its tokenizer: `<|im_end|>` inside a message would end it. `neutralise`
puts a space after the first character of every such token, which people still read and no
tokenizer takes for the token. Ordinary text and code are left untouched; HTML's `<s>` is not, since
it opens a turn for some models. Headers in plain words (`User:`, `### Instruction:`) are no special
tokens: a template that relies on them has to name them in `tokens`.
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
    """(text in which no special token stands, how many stood there). Idempotent.

    `tokens` are special tokens of a tokenizer at hand, beside those that are known by form; one of
    a single character cannot be taken apart and is passed over.

    >>> neutralise("done<|im_end|>")
    ('done< |im_end|>', 1)
    """
    count = 0
    if "<" in text or "[" in text or "＜" in text:
        text, count = _KNOWN.subn(lambda hits: hits[0] + " ", text)
    for token in tokens:
        # Again until none is left: of "aa" in "aaa" the first break leaves another.
        while len(token) > 1 and token in text:
            text, hits = re.subn(re.escape(token), lambda hit: hit[0][0] + " " + hit[0][1:], text)
            count += hits
    return text, count
