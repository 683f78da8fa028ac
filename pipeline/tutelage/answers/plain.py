r"""One spelling for the many ways of writing a thing: LaTeX, Unicode and markup become plain text.

`plain(r"It is **$\frac{1}{2}$**")` is `It is 1/2`. Everything else in this room reads plain text,
and spans are places in it. Formulas are linear: `\frac{a}{b}` is `(a)/(b)`, `x^{10}` is `x^10`,
`\sqrt[3]{2}` is `root(3; 2)`. What stands in `\boxed{}` is kept between `BOX` and `BOX_END`; the
sets of LaTeX have `{` and `}`; grouping braces become parentheses. No parser of LaTeX: what is not
known stays as it is.
"""

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
_BOLD = re.compile(
    r"(?<![\w)*])(\*\*\*|\*\*|__|\*|_)(?=[^\s*_])([^*_\n]{1,300}?)(?<=\S)\1(?![\w(*])"
)
_DOLLARS = re.compile(
    r"(?<!\\)\$\$(.{1,600}?)\$\$|(?<!\\)\$(?!\s)((?:[^$\n\\]|\\.){1,400}?)(?<!\s)\$(?![\d$])"
    r"|(?<!\\)\$\s?((?:[^$\n\\]|\\.){0,200}?\\[a-zA-Z](?:[^$\n\\]|\\.){0,200}?)\s?\$(?![\d$])",
    re.S,
)
_STRAY = re.compile(r"\$(?=[^\s\d.-])|(?<=[\w)])\$")
_POWER = re.compile(r"(?<=[\w)])\s?\*\*\s?(?=[\w(-])")
_SPACES = re.compile("[ \t\u00a0\u2009\u3000]+")
_CROSS = re.compile(r"(?<=\d)(?<!\b0)\s?[xX]\s?(?=\d)|(?<=\d)(?<!\b0) [xX] (?=\()")

Replacement = str | Callable[[re.Match[str]], str]
Rewriting = tuple[re.Pattern[str], Replacement]


def _rewritings(*rows: tuple[str, Replacement]) -> tuple[Rewriting, ...]:
    return tuple((re.compile(pattern), put) for pattern, put in rows)


def _rewritten(text: str, rewritings: tuple[Rewriting, ...]) -> str:
    for pattern, put in rewritings:
        text = pattern.sub(put, text)
    return text


_COMMANDS = {name: put for put, names in LEXICON["latex"].items() for name in names.split()}
_COMMAND = re.compile(r"\\([A-Za-z]+)(?![A-Za-z])")
_ARGUMENT = r"\s*(\{[^{}]*\}|[A-Za-z\d])"
_LATEX = _rewritings(
    (r"(?s)\\left\s*[\[(]\s*(\\begin\{array\}.{0,600}?\\end\{array\})\s*\\right\s*[\])]", r"\1"),
    (r"(?s)\\begin\{(?:[pbvB]?matrix|array)\}(?:\{[lcr| ]*\})?(.{0,600}?)\\end\{\w+\}",
     lambda m: "matrix" + _matrix(m[1])),
    (r"\\pmod\s*\{?\s*\d+\s*\}?|\\?\((?:\\bmod|mod)\s*\d+\s*\\?\)", ""),
    (r"\\! ?|(?<=\d)\\[,;:](?=\d{3}(?!\d))", ""),
    (r"(?<=\d)\{([,:])\}(?=\d)", r"\1"),
    (r"\\[,;: ]", " "),
    (r"(?<=[\w.}{])~(?=\w)", " "),
    (r"\^\s*(?:\{\s*\\circ\s*\}|\\circ(?![a-z]))", " degrees "),
    (r"(-?\d*)\.(\d*)\\(?:overline|bar|dot)\s*\{?(\d+)\}?", lambda m: _repeating(*m.groups())),
    (r"\\([%$#&_])", r"\1"),
    (r"(?<![\w)}\]])(?<![\w)}\]] )-(?=\\(?:[dtc]?frac|sqrt|pi)(?![a-z]))", "\x03"),
)  # fmt: skip
_COMMANDED = _rewritings(
    (r"\\[()\[\]]", " "),
    (r"\\boxed\s*(\w)", r"\\boxed{\1}"),
)
_INNERMOST = _rewritings(
    (r"\\(?:text|textnormal|textbf|textit|textrm|mathrm|mathbf|mathit|mathsf|mbox|operatorname|bm|underline|hbox)"
     r"\*?\s*\{([^{}]*)\}", r" \1 "),
    (r"\\sqrt\s*\[([^\[\]]*)\]\s*\{([^{}]*)\}", r" root(\1; \2)"),
    (rf"\\sqrt{_ARGUMENT}", lambda m: f" sqrt({_inside(m[1])})"),
    (r"\\[td]?binom\s*\{([^{}]*)\}\s*\{([^{}]*)\}", r" binom(\1, \2)"),
    (rf"(\\(?:log|ln|sin|cos|tan|sec|csc|cot)(?:\s*_\s*\{{?\w+\}}?)?)\s*\\frac{_ARGUMENT}{_ARGUMENT}",
     lambda m: f"{m[1]}(({_inside(m[2])})/({_inside(m[3])}))"),
    (rf"(?<![\^_])\\frac{_ARGUMENT}{_ARGUMENT}(?!\s*\^)",
     lambda m: _fraction(_inside(m[1]), _inside(m[2]))),
    (rf"\\frac{_ARGUMENT}{_ARGUMENT}", lambda m: f"(({_inside(m[1])})/({_inside(m[2])}))"),
    (r"\{([^{}]*?)\\over(?![a-z])([^{}]*)\}", lambda m: f"(({m[1].strip()})/({m[2].strip()}))"),
    (r"\\boxed\s*\{([^{}]*)\}", rf" {BOX}\1{BOX_END} "),
    (r"(\^)\s*\{\s*(-?\d+|[A-Za-z])\s*\}|(_)\s*\{\s*(\w+)\s*\}",
     lambda m: f"{m[1] or m[3]}{m[2] or m[4]}"),
    (r"([\^_])\s*\{([^{}]*)\}", r"\1(\2)"),
)  # fmt: skip
_GROUP = re.compile(r"(?<!boxed)\{([^{}]*)\}")


def _inside(argument: str) -> str:
    return argument.strip("{}")


def _fraction(top: str, bottom: str) -> str:
    """`a/b` for plain parts, which reads as a number; brackets round anything longer."""
    sides = (top.strip(), bottom.strip())
    figures = [side.lstrip("- ") for side in sides]
    if all(re.fullmatch(r"[\d.,]+", figure) for figure in figures):
        minus = [side[0] for side in sides].count("-") == 1
        return f" {'-' * minus}{'/'.join(figures)}"
    text = "/".join(s if re.fullmatch(r"[\d.,]+|[a-zA-Z]", s) else f"({s})" for s in sides)
    return f" ({text})" if "(" in text else f" {text}"


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
    text = _COMMAND.sub(lambda m: _COMMANDS.get(m[1], m[0]), _rewritten(text, _LATEX))
    text = _rewritten(text.replace("\\{", "\x01").replace("\\}", "\x02"), _COMMANDED)
    for _ in range(12):
        before, text = text, _rewritten(text, _INNERMOST)
        if text == before:
            text = _GROUP.sub(lambda m: f"\x01{m[1]}\x02" if "," in m[1] else f"({m[1]})", text)
        if text == before:
            break
    text = text.replace("\x01", "{").replace("\x02", "}").replace("\\boxed{", BOX)
    text = re.sub("\x03 *", "-", re.sub(r"(?<=[A-Za-z)]) (?=[\^_])", "", text))
    return re.sub(r"\\([A-Za-z]+)", r" \1", text.replace("\\\\", "\n"))


_MINUS = re.compile(
    rf"(^|[(\[{{=≈{BOX},/*^$]\s?|\b(?:is|to|be|of|get|gets|equals|are)\s)-\s"
    r"(?=[$\d(]|(?:sqrt|cbrt|root|log|ln|pi|[a-z])\b)"
)
_DRESSED = re.compile(r"[^\x00-\x7f]|[$\\*_`]|\^ ?\{|\{[,:]\}|\d\s?[xX]|=>|- |  |\d'\d")
"""What a text has that is not plain already."""
_STEPS: tuple[tuple[re.Pattern[str], Callable[[str], str]], ...] = (
    (re.compile("[*_]"), lambda text: _BOLD.sub(r"\2", _BOLD.sub(r"\2", text))),
    (re.compile(r"[^\x00-\x7f]"), _from_unicode),
    (re.compile("[$]"), lambda text: _DOLLARS.sub(lambda m: m[1] or m[2] or m[3], text)),
    (re.compile(r"\\|[\^_] ?\{|\{[,:]\}"), _from_latex),
    (re.compile("[*]"), lambda text: _POWER.sub("^", text).replace("**", "")),
    (re.compile("[$]"), lambda text: _STRAY.sub("", text)),
    (re.compile("`|=>"), lambda text: text.replace("`", "").replace("=>", "->")),
    (re.compile("[xX]"), lambda text: _CROSS.sub(" * ", text)),
    (re.compile(r"\d'\d{3}"), lambda text: re.sub(r"(?<=\d)'(?=\d{3}(?!\d))", ",", text)),
    (re.compile("  |[^\x00-\x7f]"), lambda text: _SPACES.sub(" ", text)),
    (re.compile("- "), lambda text: _MINUS.sub(r"\1-", text)),
)
"""What is looked for, and what is done where it stands."""


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """`text` without its dress. Lines stay lines; spans of everything read are places in it."""
    for signs, step in _STEPS if _DRESSED.search(text) else ():
        text = step(text) if signs.search(text) else text
    return text


_BOXES = re.compile(f"[{BOX}{BOX_END}]")


def boxes(text: str) -> list[tuple[int, int]] | None:
    """Where the outermost boxes of a plain text stand; None where one is never closed."""
    spans: list[tuple[int, int]] = []
    depth = start = 0
    for m in _BOXES.finditer(text) if BOX in text else ():
        start = m.start() if depth == 0 else start
        depth = depth + 1 if m[0] == BOX else max(0, depth - 1)
        if depth == 0 and m[0] == BOX_END and text[start] == BOX:
            spans.append((start, m.end()))
    return None if depth else spans
