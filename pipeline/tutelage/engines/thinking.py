"""Reasoning in a reply, whoever kept it apart: always in tags at its beginning.

A prompt may open the block, so that the reply begins inside it; a server may take it out of the text
and give it beside. What comes after this has one form to read (`dialogue.reasoning`), in which a block
that was cut off is open to the end, and no part of it is taken for an answer.
"""

from tutelage.records import Sampling

_OPEN, _CLOSE = "<think>", "</think>"
CONFIG = {"reasoning_start_str": _OPEN, "reasoning_end_str": _CLOSE}
"""vLLM's `reasoning_config`, without which it keeps to no budget."""


def tagged(text: str, apart: str = "", opened: bool = False) -> str:
    """The reply with its reasoning in tags.

    Args:
        text: what the model wrote, or what is left of it.
        apart: reasoning that was taken out of it.
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
    """Whether a reply is reasoning that ran into its length limit, told by nothing in the text: a
    model that was to reason has not come to the end of that.
    """
    unmarked = _OPEN not in text and _CLOSE not in text
    return sampling.thinking == "on" and finish_reason == "length" and unmarked
