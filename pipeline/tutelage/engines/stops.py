"""Which tokens belong to a reply that ended at a stop string.

An engine notices a stop string only after sampling the tokens that spell it. It removes the string
from the text; this module removes it from the tokens as well, so that text and tokens agree.
"""

from collections.abc import Callable


def kept(count: int, text: str, decode: Callable[[int], str]) -> int:
    """How many of the first `count` tokens spell no more than `text`, ignoring trailing white
    space.

    Args:
        count: number of sampled tokens.
        text: the reply without the stop string.
        decode: returns the text of the first n tokens.

    >>> tokens = ["It is", " 5", ".\\n\\n"]
    >>> kept(3, "It is 5.", lambda n: "".join(tokens[:n]))
    3
    """
    while count and not text.startswith(decode(count).rstrip()):
        count -= 1
    return count
