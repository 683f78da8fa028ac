"""Which texts count as equal: case, spacing and typography do not matter, words and signs do.

Nothing is removed that carries meaning: `5²` differs from `52`, `3-2` from `3+2`.

A word is what is between spaces. Chinese, Japanese, Thai, Lao, Khmer and Burmese have no spaces
between words; there each character, with its combining marks, is a word, and a space between two
characters is ignored. Five characters are two or three real words, so one changed word lowers the
similarity of such a text a little less than that of a text in letters.
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
"""Ranges of characters in scripts without spaces between words."""
_ON_TOP = "".join(
    chr(code)
    for first, last in _ASIAN[:5]
    for code in range(first, last + 1)
    if unicodedata.category(chr(code)).startswith("M")
)
SPACELESS = "".join(f"{chr(first)}-{chr(last)}" for first, last in _ASIAN)
"""Those ranges, as part of a character class in a regular expression."""
CHARACTER = f"[{SPACELESS}][{_ON_TOP}]*"
"""One such character, as a pattern."""
# searching for a single range is much faster
_FAR = re.compile(f"[{chr(_ASIAN[0][0])}-\U0010ffff]")
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
    """`normalise`, with a space between any two words. Idempotent.

    `spread("共3个，对")` is `"共 3 个 ， 对"`; for a text in letters it equals `normalise`.
    """
    plain = normalise(text)
    if plain.isascii() or not _SPACELESS.search("".join(_FAR.findall(plain))):
        return plain
    return " ".join(_SPLIT.findall(plain))


def spoken(chat: Iterable[Mapping[str, Any] | None]) -> str:
    """The messages of a chat, one per line, without the system prompt: that is the same in every
    dialogue of a run and says nothing about what they have in common.
    """
    return "\n".join(
        message.get("content") or ""
        for message in chat
        if message and message.get("role") != "system"
    )


def encode(text: str) -> bytes:
    """UTF-8 that can also encode lone surrogates."""
    return text.encode("utf-8", "surrogatepass")


def digest(text: str) -> bytes:
    """A 16-byte digest, equal for texts with the same words: the exact stage."""
    return hashlib.blake2b(encode(spread(text)), digest_size=16).digest()
