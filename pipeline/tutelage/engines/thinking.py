"""Gives the reasoning of every reply one form: in tags, at the beginning of the text.

A prompt may open the block, so that the reply begins inside it; a server may return the reasoning
in a separate field. `dialogue.reasoning` then has one form to parse. In it, a block that was cut
off has no closing tag, and no part of it is taken for an answer.
"""

from tutelage.records import Sampling

_OPEN, _CLOSE = "<think>", "</think>"
CONFIG = {"reasoning_start_str": _OPEN, "reasoning_end_str": _CLOSE}
"""vLLM's `reasoning_config`; without it vLLM ignores a reasoning budget."""


def tagged(text: str, apart: str = "", opened: bool = False) -> str:
    """The reply with its reasoning in tags.

    Args:
        text: the model's text, without any reasoning returned separately.
        apart: reasoning that the server returned separately.
        opened: whether the prompt opened a block.

    >>> tagged("It is 22.", apart="27 - 5")
    '<think>27 - 5</think>It is 22.'
    >>> tagged("27 - 5 is", opened=True)
    '<think>27 - 5 is'
    """
    if apart:
        return f"{_OPEN}{apart}{_CLOSE}{text}"
    return f"{_OPEN}{text}" if opened else text


def was_cut(text: str, sampling: Sampling, finish_reason: str) -> bool:
    """Whether an untagged reply is reasoning that hit its length limit.

    This is so if the model was to reason and the text has no tag at all.
    """
    unmarked = _OPEN not in text and _CLOSE not in text
    return sampling.thinking == "on" and finish_reason == "length" and unmarked
