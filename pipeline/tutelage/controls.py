"""What a terminal or a page would obey in a text, shown by its number instead.

A message can hold whatever a model or a corpus put there: sequences that move the cursor, set the
title of a window or write to the clipboard, and marks that turn the order of letters around. They are
to be seen, and to do nothing. Stored rows keep them as they are.
"""

import re

_ACTIVE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # of these, terminals obey ESC, BEL, BS, CR, CSI, OSC, ...
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # the order of letters
    "\u2028\u2029\u200b\u2060-\u2064\ufeff\ufff9-\ufffb"  # lines that are none, and what is not seen
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def harmless(text: str) -> str:
    """`text` with every character that a terminal would obey as its number.

    >>> harmless("a\\x1b]0;title\\x07b")
    'a\\\\x1b]0;title\\\\x07b'
    """
    return _ACTIVE.sub(lambda found: _number(found[0]), text)


def harmless_json(text: str) -> str:
    """The same for a line of JSON, which stays JSON for the same value."""
    return _ACTIVE.sub(lambda found: _escape(found[0]), text)


def _number(letter: str) -> str:
    code = ord(letter)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _escape(letter: str) -> str:
    code = ord(letter)
    if code < 0x10000:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
