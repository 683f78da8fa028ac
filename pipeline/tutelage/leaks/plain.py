"""One spelling for the many ways of writing a thing: LaTeX, Unicode, markup become plain text.

`plain(r"It is **\\frac{1}{2}**")` is `"It is 1/2"`. What stands in `\\boxed{}` stays marked, as the
gate asks for it by name. This is *no* LaTeX parser: what it does not know stays as it is.
"""

import html
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufe0e\ufe0f\u20e3\ufeff]")
_SIGNS = str.maketrans(
    {
        "−": "-", "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": " - ", "×": "*", "·": "*", "⋅": "*",
        "∙": "*", "∗": "*", "÷": "/", "⁄": "/", "∕": "/", "√": " sqrt ", "π": " pi ", "∞": " inf ",
        "≤": "<=", "≥": ">=", "≈": "=", "→": "->", "⇒": "->", "°": " degrees ", "’": "'", "‘": "'",
        "“": '"', "”": '"', "€": " ", "£": " ", "¥": " ", "¢": " cents ", "İ": "I",
    }
)  # fmt: skip
_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_RAISED_DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_VULGAR = re.compile("(?<=[0-9])(?=[¼-¾⅐-⅞])")
_TAG = re.compile(r"</?(?:b|i|em|strong|u|span|code|p|br|div)\b[^<>]{0,80}>", re.IGNORECASE)
_BOLD = re.compile(r"(?<![\w)*])(\*\*|__|\*|_)(?=\S)([^*_\n]{1,200}?)(?<=\S)\1(?![\w(*])")
_MONEY = re.compile(r"(-\s?)?\$\s?(?=[\d.])")
_SPACES = re.compile("[ \t]{2,}")
_CROSS = re.compile(r"(?<=\d)(?<!\b0)\s?[xX]\s?(?=\d)")

Replacement = str | Callable[[re.Match[str]], str]


def _fraction(found: re.Match[str]) -> str:
    """`a/b` for plain parts, which reads as a number; brackets round anything longer."""
    top, bottom = (part.strip() for part in found.groups())
    simple = re.compile(r"[\d.,]+|[a-zA-Z]")
    sides = [part if simple.fullmatch(part) else f"({part})" for part in (top, bottom)]
    return " " + "/".join(sides)


_LATEX: tuple[tuple[re.Pattern[str], Replacement], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (
            r"\\(?:text|mathrm|mathbf|textbf|textit|mbox|operatorname|mathit|bm)\s*\{([^{}]*)\}",
            r"\1",
        ),
        (r"\\(?:left|right|[bB]ig{1,2}[lr]?|displaystyle|limits)(?![a-zA-Z])", ""),
        (r"\\!", ""),
        (r"\\(?:[,;: ]|q?quad\b)|~", " "),
        (r"\{,\}", ","),
        (r"\^\s*\{?\s*\\circ\s*\}?", " degrees "),
        (r"\\(?:times|cdot|ast)(?![a-zA-Z])", "*"),
        (r"\\div(?![a-zA-Z])", "/"),
        (r"\\pi(?![a-zA-Z])", " pi "),
        (r"\\infty(?![a-zA-Z])", " inf "),
        (r"\\leq?(?![a-zA-Z])", "<="),
        (r"\\geq?(?![a-zA-Z])", ">="),
        (r"\\lt(?![a-zA-Z])", "<"),
        (r"\\gt(?![a-zA-Z])", ">"),
        (r"\\approx(?![a-zA-Z])", "="),
        (r"\\(?:to|rightarrow|Rightarrow|implies)(?![a-zA-Z])", "->"),
        (r"\\cup(?![a-zA-Z])", " or "),
        (r"\\[dtc]?frac\s*(\d)\s*(\d)", r" \1/\2"),
        (r"\\sqrt\s*(\w)", r" sqrt(\1)"),
        (r"\\([%$#&_])", r"\1"),
        (r"\\[()\[\]]", " "),
        (r"\^\{(\w+)\}", r"^\1"),
    )
)
_NESTED: tuple[tuple[re.Pattern[str], Replacement], ...] = (
    (re.compile(r"\\sqrt\s*\[(\d)\]\s*\{([^{}]*)\}"), r" ((\2)^(1/\1))"),
    (re.compile(r"\\sqrt\s*\{([^{}]*)\}"), r" sqrt(\1)"),
    (re.compile(r"\\[dtc]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}"), _fraction),
)


def _from_unicode(text: str) -> str:
    text = _INVISIBLE.sub("", text)
    text = _RAISED.sub(lambda found: "^" + found[0].translate(_RAISED_DIGITS), text)
    text = unicodedata.normalize("NFKC", _VULGAR.sub(" ", text).translate(_SIGNS)).translate(_SIGNS)
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(c)) if c > "\x7f" and c.isdecimal() else c for c in text)


def _from_latex(text: str) -> str:
    for pattern, replacement in _LATEX:
        text = pattern.sub(replacement, text)
    for _ in range(3):
        before = text
        for pattern, replacement in _NESTED:
            text = pattern.sub(replacement, text)
        if text == before:
            break
    return text.replace("\\{", "{").replace("\\}", "}")


@lru_cache(maxsize=2048)
def plain(text: str) -> str:
    """`text` with LaTeX, Unicode signs, currency signs and emphasis written plainly."""
    if not text.isascii():
        text = _from_unicode(text)
    if "&" in text:
        text = html.unescape(text)
    if "<" in text:
        text = _TAG.sub("", text)
    if "\\" in text:
        text = _from_latex(text)
    if "*" in text or "_" in text:
        text = _BOLD.sub(r"\2", _BOLD.sub(r"\2", text))
    if "$" in text:
        text = _MONEY.sub(lambda found: " -" if found[1] else " ", text).replace("$", " ")
    if "  " in text:
        text = _SPACES.sub(" ", text)
    return _CROSS.sub(" * ", text.replace("`", ""))
