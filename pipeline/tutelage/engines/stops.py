"""A reply that ended at one of the request's stop words: which of its tokens are the reply.

An engine sees a stop word only once the tokens that write it are sampled. The words are cut from the
text; what stands here cuts them from the tokens too, so that text and tokens say the same.
"""

from collections.abc import Callable


def kept(count: int, text: str, decode: Callable[[int], str]) -> int:
    """How many of the first `count` tokens write no more than `text`, white space at its end apart.

    Args:
        count: tokens that were sampled.
        text: the reply without the stop word.
        decode: the text of so many of the first tokens.

    >>> tokens = ["It is", " 5", ".\\n\\n"]
    >>> kept(3, "It is 5.", lambda n: "".join(tokens[:n]))
    3
    """
    while count and not text.startswith(decode(count).rstrip()):
        count -= 1
    return count
