"""What counts as the same text: case, spacing and typography do not, words and signs do.

Nothing is removed that carries meaning: `5²` stays apart from `52`, `3-2` from `3+2`.
"""

import hashlib
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


def normalise(text: str) -> str:
    """`text` in one case, with single spaces, plain quotes and dashes. Idempotent.

    `normalise("It’s\\n 5 – 3")` is `"it's 5 - 3"`.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    plain = unicodedata.normalize("NFD", text.translate(_TYPOGRAPHY)).casefold()
    return " ".join(unicodedata.normalize("NFC", plain).split())


def spoken(chat: Iterable[Mapping[str, Any] | None]) -> str:
    """All that was said in a chat, line by line, the system prompt apart: that one is the same in
    every dialogue of a run and says nothing of what they have in common.
    """
    return "\n".join(
        said.get("content") or "" for said in chat if said and said.get("role") != "system"
    )


def encode(text: str) -> bytes:
    """UTF-8, in which even half of a broken surrogate pair has a form."""
    return text.encode("utf-8", "surrogatepass")


def digest(text: str) -> bytes:
    """16 bytes that are equal for texts that are the same once normalised: the exact stage."""
    return hashlib.blake2b(encode(normalise(text)), digest_size=16).digest()
