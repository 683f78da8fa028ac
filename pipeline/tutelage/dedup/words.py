"""What counts as the same text: case, spacing and typography do not, words and signs do.

Nothing is removed that carries meaning: `5²` stays apart from `52`, `3-2` from `3+2`.

A word is what stands between spaces. Chinese, Japanese, Thai, Lao, Khmer and Burmese have none
between their words; there each character, with the marks on it, is a word, and a space that somebody
left between two says nothing. Five characters are two or three true words, so that one changed word
costs a text there a little less of its similarity than it would in letters.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

_TYPOGRAPHY = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′", "'"),
        **dict.fromkeys("“”„‟″", '"'),
        **dict.fromkeys("‐‑‒–—−", "-"),
        **dict.fromkeys("\u00ad\u200b\u2060\ufeff", None),
    }
)

_ASIAN = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3007),
    (0x3040, 0x30FA),  # Japanese
    (0x30FC, 0x312F),
    (0x31A0, 0x31BF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Chinese
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),
    (0x20000, 0x323AF),
)
"""First and last characters of scripts without spaces between words."""
_ON_TOP = "".join(
    chr(code)
    for first, last in _ASIAN[:5]
    for code in range(first, last + 1)
    if unicodedata.category(chr(code)).startswith("M")
)
SPACELESS = "".join(f"{chr(first)}-{chr(last)}" for first, last in _ASIAN)
"""Those scripts, as part of a character class of `re`."""
CHARACTER = f"[{SPACELESS}][{_ON_TOP}]*"
"""One character of theirs, as a pattern."""
_FAR = re.compile(f"[{chr(_ASIAN[0][0])}-\U0010ffff]")  # one range is looked for much faster
_SPACELESS = re.compile(f"[{SPACELESS}]")
_SPLIT = re.compile(f"{CHARACTER}|[^ {SPACELESS}]+")


def normalise(text: str) -> str:
    """`text` in one case, with single spaces, plain quotes and dashes. Idempotent.

    `normalise("It’s\\n 5 – 3")` is `"it's 5 - 3"`.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    plain = unicodedata.normalize("NFD", text.translate(_TYPOGRAPHY)).casefold()
    return " ".join(unicodedata.normalize("NFC", plain).split())


def spread(text: str) -> str:
    """`normalise`, and a space between any two words. Idempotent.

    `spread("共3个，对")` is `"共 3 个 ， 对"`; of a text in letters it is `normalise`.
    """
    plain = normalise(text)
    if plain.isascii() or not _SPACELESS.search("".join(_FAR.findall(plain))):
        return plain
    return " ".join(_SPLIT.findall(plain))


def spoken(chat: Iterable[Mapping[str, Any] | None]) -> str:
    """All that was said in a chat, line by line, the system prompt apart: that one is the same in
    every dialogue of a run and says nothing of what they have in common.
    """
    return "\n".join(
        message.get("content") or ""
        for message in chat
        if message and message.get("role") != "system"
    )


def encode(text: str) -> bytes:
    """UTF-8, in which even half of a broken surrogate pair has a form."""
    return text.encode("utf-8", "surrogatepass")


def digest(text: str) -> bytes:
    """16 bytes that are equal for texts of the same words: the exact stage."""
    return hashlib.blake2b(encode(spread(text)), digest_size=16).digest()
