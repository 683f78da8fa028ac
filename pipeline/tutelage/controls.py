"""Makes control characters visible and harmless when a text is shown in a terminal or on a page.

A message can contain whatever a model or a corpus put there: sequences that move the cursor, set the
window title or write to the clipboard, and marks that reverse the order of letters. They are shown
as escapes such as `\\x1b` and have no effect. Stored rows keep them unchanged.
"""

import re

_ACTIVE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # terminals obey ESC, BEL, BS, CR, CSI, OSC, ... among these
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks that change the order of letters
    "\u2028\u2029\u200b\u2060-\u2064\ufeff\ufff9-\ufffb"  # odd line breaks, invisible characters
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def harmless(text: str) -> str:
    """`text` with every character that a terminal would obey replaced by its escape.

    >>> harmless("a\\x1b]0;title\\x07b")
    'a\\\\x1b]0;title\\\\x07b'
    """
    return _ACTIVE.sub(lambda match: _escape(match[0]), text)


def harmless_json(text: str) -> str:
    """As `harmless`, for a line of JSON: it stays JSON and keeps its value."""
    return _ACTIVE.sub(lambda match: _json_escape(match[0]), text)


def _escape(letter: str) -> str:
    code = ord(letter)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(letter: str) -> str:
    code = ord(letter)
    if code < 0x10000:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
