r"""One spelling for the many ways of writing a thing: LaTeX, Unicode and markup become plain text.

`plain(r"It is **$\frac{1}{2}$**")` is `It is 1/2`. Everything else in this room reads plain text,
and spans are places in it. Formulas are linear: `\frac{a}{b}` is `(a)/(b)`, `x^{10}` is `x^10`,
`\sqrt[3]{2}` is `root(3; 2)`. What stands in `\boxed{}` is kept between `BOX` and `BOX_END`; the
sets of LaTeX have `{` and `}`; grouping braces become parentheses. No parser of LaTeX: what is not
known stays as it is.
"""

import html
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

from tutelage.answers.tables import LEXICON

BOX, BOX_END = "⟦", "⟧"
"""Around what a message puts in a box. A `BOX` that nothing closes was cut off."""

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufe0e\ufe0f\u20e3\ufeff]")
_SIGNS = str.maketrans({char: put for put, chars in LEXICON["signs"].items() for char in chars})
_RAISED = re.compile("[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ]+")
_LOWERED = re.compile("[₀₁₂₃₄₅₆₇₈₉]+")
_SMALL_SIGNS = str.maketrans("⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ₀₁₂₃₄₅₆₇₈₉", "+-0123456789n0123456789")
_VULGAR = re.compile("(?<=[0-9])(?=[¼-¾⅐-⅞])")
_GROUPS = re.compile(r"(?<=\d)[\u2009\u00a0](?=\d{3}(?!\d))")
_TAG = re.compile(r"</?(?:b|i|em|strong|u|span|code|p|br|div|sub)\b[^<>]{0,80}>")
_SUP = re.compile(r"<sup>\s*([-\w]{1,12})\s*</sup>", re.I)
_BOLD = re.compile(
    r"(?<![\w)*])(\*\*\*|\*\*|__|\*|_)(?=[^\s*_])([^*_\n]{1,300}?)(?<=\S)\1(?![\w(*])"
)
_DOLLARS = re.compile(
    r"(?<!\\)\$\$(.{1,600}?)\$\$|(?<!\\)\$(?!\s)((?:[^$\n\\]|\\.){1,400}?)(?<!\s)\$(?![\d$])", re.S
)
_STRAY = re.compile(r"\$(?=[^\s\d.-])|(?<=[\w)])\$")
_POWER = re.compile(r"(?<=[\w)])\s?\*\*\s?(?=[\w(-])")
_SPACES = re.compile("[ \t\u00a0\u2009\u3000]+")
_CROSS = re.compile(r"(?<=\d)(?<!\b0)\s?[xX]\s?(?=\d)|(?<=\d)(?<!\b0) [xX] (?=\()")

Replacement = str | Callable[[re.Match[str]], str]


Rewriting = tuple[re.Pattern[str], Replacement]


def _rewritings(*rows: tuple[str, Replacement]) -> tuple[Rewriting, ...]:
    return tuple((re.compile(pattern), put) for pattern, put in rows)


_COMMANDS = {name: put for put, names in LEXICON["latex"].items() for name in names.split()}
_COMMAND = re.compile(r"\\([A-Za-z]+)(?![A-Za-z])")
_ATOM = r"[A-Za-z\d]"
_LATEX = _rewritings(
    (r"\\begin\{(?:[pbvB]?matrix|array)\}(?:\{[lcr| ]*\})?(.{0,600}?)\\end\{\w+\}",
     lambda m: "matrix" + _matrix(m[1])),
    (r"\\pmod\s*\{?\s*\d+\s*\}?|\\?\((?:\\bmod|mod)\s*\d+\s*\\?\)", ""),
    (r"\\[!]|(?<=\d)\\[,;:](?=\d{3}(?!\d))", ""),
    (r"(?<=\d)\{,\}(?=\d)", ","),
    (r"\\[,;: ]", " "),
    (r"(?<=[\w.}])~(?=\w)", " "),
    (r"\^\s*(?:\{\s*\\circ\s*\}|\\circ(?![a-z]))", " degrees "),
    (r"(-?\d*)\.(\d*)\\(?:overline|bar|dot)\s*\{?(\d+)\}?", lambda m: _repeating(*m.groups())),
    (r"\\([%$#&_])", r"\1"),
    (r"\\\{", "\x01"), (r"\\\}", "\x02"),
)  # fmt: skip
_COMMANDED = _rewritings(
    (r"\\[()\[\]]", " "),
    (rf"\\frac\s*(\d)\s*({_ATOM})", r"\\frac{\1}{\2}"),
    (rf"\\frac\s+({_ATOM})\s*({_ATOM})", r"\\frac{\1}{\2}"),
    (rf"\\frac\s*(\{{[^{{}}]*\}})\s*({_ATOM})", r"\\frac\1{\2}"),
    (rf"\\sqrt\s*({_ATOM})", r"\\sqrt{\1}"),
    (r"\\boxed\s*(\w)", r"\\boxed{\1}"),
)
_INNERMOST = _rewritings(
    (r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathit|mathsf|mbox|operatorname|bm|underline|hbox)"
     r"\*?\s*\{([^{}]*)\}", r" \1 "),
    (r"\\sqrt\s*\[([^\[\]]*)\]\s*\{([^{}]*)\}", r" root(\1; \2)"),
    (r"\\sqrt\s*\{([^{}]*)\}", r" sqrt(\1)"),
    (r"\\[td]?binom\s*\{([^{}]*)\}\s*\{([^{}]*)\}", r" binom(\1, \2)"),
    (r"(?<![\^_])\\frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}(?!\s*\^)", lambda m: _fraction(*m.groups())),
    (r"\\frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}", r"((\1)/(\2))"),
    (r"\{([^{}]*?)\\over(?![a-z])([^{}]*)\}", lambda m: f"(({m[1].strip()})/({m[2].strip()}))"),
    (r"\\boxed\s*\{([^{}]*)\}", rf" {BOX}\1{BOX_END} "),
    (r"(\^)\s*\{\s*(-?\d+|[A-Za-z])\s*\}|(_)\s*\{\s*(\w+)\s*\}",
     lambda m: f"{m[1] or m[3]}{m[2] or m[4]}"),
    (r"([\^_])\s*\{([^{}]*)\}", r"\1(\2)"),
)  # fmt: skip
_GROUP = re.compile(r"(?<!boxed)\{([^{}]*)\}")
_PLAIN = re.compile(r"[\d.,]+")


def _fraction(top: str, bottom: str) -> str:
    """`a/b` for plain parts, which reads as a number; brackets round anything longer."""
    top, bottom = top.strip(), bottom.strip()
    if _PLAIN.fullmatch(top.lstrip("- ")) and _PLAIN.fullmatch(bottom.lstrip("- ")):
        sign = "-" * ((top[:1] == "-") is not (bottom[:1] == "-"))
        return f" {sign}{top.lstrip('- ')}/{bottom.lstrip('- ')}"
    sides = [s if re.fullmatch(r"[\d.,]+|[a-zA-Z]", s) else f"({s})" for s in (top, bottom)]
    plainly = all(s[0] != "(" for s in sides)
    return " " + "/".join(sides) if plainly else f" ({'/'.join(sides)})"


def _repeating(whole: str, fixed: str, period: str) -> str:
    r"""`0.1\overline{6}` is ` 1/6`, with its sign."""
    sign, whole = ("-", whole[1:]) if whole[:1] == "-" else ("", whole)
    scale = 10 ** len(fixed) * (10 ** len(period) - 1)
    number = int(fixed + period) - int(fixed or 0) + int(whole or 0) * scale
    return f" {sign}{number}/{scale}"


def _matrix(inside: str) -> str:
    rows = [row.split("&") for row in re.split(r"\\\\|\\cr\b", inside) if row.strip()]
    return "[" + ", ".join(f"[{', '.join(cell.strip() for cell in row)}]" for row in rows) + "]"


def _from_unicode(text: str) -> str:
    text = _GROUPS.sub(",", _INVISIBLE.sub("", text).translate({0x202F: "\u2009"}))
    text = _RAISED.sub(lambda m: "^" + m[0].translate(_SMALL_SIGNS), text)
    text = _LOWERED.sub(lambda m: "_" + m[0].translate(_SMALL_SIGNS), text)
    text = unicodedata.normalize("NFKC", _VULGAR.sub(" ", text).translate(_SIGNS)).translate(_SIGNS)
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(c)) if c > "\x7f" and c.isdecimal() else c for c in text)


def _from_latex(text: str) -> str:
    for pattern, put in _LATEX:
        text = pattern.sub(put, text)
    text = _COMMAND.sub(lambda m: _COMMANDS.get(m[1], m[0]), text)
    text = text.replace("\\{", "\x01").replace("\\}", "\x02")
    for pattern, put in _COMMANDED:
        text = pattern.sub(put, text)
    for _ in range(12):
        before = text
        for pattern, put in _INNERMOST:
            text = pattern.sub(put, text)
        if text == before:
            text = _GROUP.sub(lambda m: f"\x01{m[1]}\x02" if "," in m[1] else f"({m[1]})", text)
        if text == before:
            break
    text = text.replace("\x01", "{").replace("\x02", "}").replace("\\boxed{", BOX)
    return _NAMED.sub(r" \1", text.replace("\\\\", "\n"))


_MINUS = re.compile(
    rf"(^|[(\[{{=≈{BOX},/*^]\s?|\b(?:is|to|be|of|get|gets|equals|are)\s)-\s"
    r"(?=[$\d(]|(?:sqrt|cbrt|root|log|ln|pi|[a-z])\b)"
)
_NAMED = re.compile(r"\\([A-Za-z]+)")


_DRESSED = re.compile(r"[^\x00-\x7f]|[&<$\\*_`]|\^\{|\d\s?[xX]|=>|- |  ")
"""What a text has that is not plain already."""


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """`text` without its dress. Lines stay lines; spans of everything read are places in it."""
    if not _DRESSED.search(text):
        return text
    if not text.isascii():
        text = _from_unicode(text)
    if "&" in text:
        text = html.unescape(text) if "\\" not in text else text
    if "<" in text:
        text = _TAG.sub("", _SUP.sub(r"^(\1)", text))
    if "$" in text:
        text = _DOLLARS.sub(lambda m: m[1] or m[2], text)
    if "\\" in text or "^{" in text or "_{" in text:
        text = _from_latex(text)
    if "*" in text or "_" in text:
        text = _BOLD.sub(r"\2", _BOLD.sub(r"\2", text))
        text = _POWER.sub("^", text).replace("**", "")
    if "$" in text:
        text = _STRAY.sub("", text)
    text = text.replace("`", "")
    if "x" in text or "X" in text:
        text = _CROSS.sub(" * ", text)
    if "=>" in text:
        text = text.replace("=>", "->")
    if "- " in text:
        text = _MINUS.sub(r"\1-", text)
    if "  " in text or not text.isascii():
        text = _SPACES.sub(" ", text)
    return text


def boxes(text: str) -> list[tuple[int, int]] | None:
    """Where the outermost boxes of a plain text stand; None where one is never closed."""
    spans: list[tuple[int, int]] = []
    depth = start = 0
    for m in _BOXES.finditer(text):
        start = m.start() if depth == 0 else start
        depth = depth + 1 if m[0] == BOX else max(0, depth - 1)
        if depth == 0 and m[0] == BOX_END and text[start] == BOX:
            spans.append((start, m.end()))
    return None if depth else spans


_BOXES = re.compile(f"[{BOX}{BOX_END}]")
