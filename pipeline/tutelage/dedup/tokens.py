r"""Words with the signs next to them, the units that decontamination compares.

`words.normalise` removes nothing that may carry meaning. This module also removes what a copy may
change without becoming another problem (punctuation, markup, notation of operators), and keeps what
makes another problem (operators, decimal points, brackets around a sum):

    What is **3 − 4**?              what  is  3  -4
    $\frac{1}{2} \times (x + 3.5)$  1  /2  *(x  +3  .5)
    小明有３个                       小  明  有  3  个

A sign belongs to the word after it, so that there are as many tokens as words. Signs that follow
their word (`50%`, `5!`, a closing bracket) belong to that word.

A hyphen is a minus only next to something that can be calculated with, and a bracket counts only
around an operator. This is a heuristic, not a parser: two spellings of one formula may remain
different.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from tutelage.dedup.words import CHARACTER, SPACELESS, normalise

_AROUND = 8
"""Words of context on each side of an excerpt."""


class Token(NamedTuple):
    """A word, and its position in the text."""

    signed: str
    """The word with its signs."""
    begin: int
    end: int


_BULLET = re.compile(
    r"^[ \t]*(?:[-+*](?=[ \t]+(?:\*|[^\W\d_]{2}))|#{1,6}(?=[ \t])|>+(?=[ \t]))", re.M
)
_BOLD = re.compile(r"(?<![\w*])(\*{2,3})(?=\S)((?:[^*\n]|\*(?!\*))+?)(?<=\S)\1(?![\w*])")
_ITALIC = re.compile(r"(?<![\w*])\*(?![\s*])([^*\n]+?)(?<![\s*])\*(?![\w*])")

_MACROS = {
    **dict.fromkeys(("times", "cdot", "ast"), "*"),
    "div": "/",
    **dict.fromkeys(("le", "leq", "leqslant"), "<="),
    **dict.fromkeys(("ge", "geq", "geqslant"), ">="),
    **dict.fromkeys(("ne", "neq"), "≠"),
    **{"lt": "<", "gt": ">", "pm": "±", "mp": "∓", "prime": "'", "degree": "°"},
    **dict.fromkeys(("mid", "vert", "lvert", "rvert"), "|"),
    **dict.fromkeys(("left", "right", "big", "bigl", "bigr", "quad", "qquad"), " "),
    **dict.fromkeys(("displaystyle", "textstyle", "limits", "dots", "ldots", "cdots"), " "),
    **dict.fromkeys(("text", "textbf", "textit", "mathrm", "mathbf", "mathit", "mbox"), " "),
}
"""LaTeX commands that are an operator, or only affect appearance."""
_MACRO = re.compile(r"\\(?:([a-z]+)|[,;:!()\[\] ])")
_DEGREE = re.compile(r"\^ ?\{? ?\\circ(?![a-z]) ?\}?")
_FRACTION = re.compile(r"\\[dt]?frac ?\{([^{}]*)\} ?\{([^{}]*)\}")
_SUPERS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻"
_RAISED = re.compile(f"[{_SUPERS}]+")
_ONE_FORM = str.maketrans(
    {
        **{chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},  # full width
        **{
            chr(code): " " + unicodedata.normalize("NFKD", chr(code)).replace("⁄", "/")
            for code in (*range(0xBC, 0xBF), *range(0x2150, 0x215F))
        },
        **dict.fromkeys("×∗·⋅∙✕✖", "*"),
        **dict.fromkeys("÷∕⁄", "/"),
        **{"≤": "<=", "≦": "<=", "⩽": "<=", "≥": ">=", "≧": ">=", "⩾": ">=", "√": " sqrt "},
        **{"﹣": "-", "⁃": "-", "‰": "%%"},
    }
)

_SCAN = re.compile(
    rf"""(?P<word>{CHARACTER}|[^\W{SPACELESS}]+)
    |(?P<open>[(\[{{])|(?P<close>[)\]}}])
    |(?P<dash>-+>?)
    |(?P<before>(?<![^\W\d_.])\.(?=\d)          # a point in a number
        |(?<=\d)(?::|\ :\ )(?=\d)               # a ratio
        |!=|[+*/^=<>|¬±∓\u2200-\u22ff\u27c0-\u27ef\u2980-\u2aff])
    |(?P<behind>[%°]
        |(?<=[\d)])!|(?<=\b[^\W\d_])!(?=\W)     # a factorial
        |(?<![\w'"][^\W\d_])(?<=[^\W\d_])')     # a derivative
    """,
    re.VERBOSE,
)
_NAME = r"(?![ai]\ [^\W\d_]{2})[^\W\d_](?![^\W\d_])"  # not an article, and not "I"
_RECKONED = re.compile(rf" ?(?:[\d(\[{{|\\√]|\.\d|{_NAME})")
"""What may follow a minus."""


def plain(text: str) -> str:
    """`text` normalised, without markup, with a single form of each operator."""
    text = _BULLET.sub(" ", text)
    text = _ITALIC.sub(r"\1", _BOLD.sub(r"\2", text))
    text = normalise(text)
    if not text.isascii():
        text = _RAISED.sub(
            lambda macro: "^" + unicodedata.normalize("NFKC", macro[0]).replace("−", "-"), text
        ).translate(_ONE_FORM)
    if "\\" in text:
        text = _FRACTION.sub(r" (\1)/(\2) ", _DEGREE.sub("°", text))
        text = _MACRO.sub(lambda macro: _MACROS.get(macro[1], macro[0]) if macro[1] else " ", text)
    return " ".join(text.lower().split())


def tokens(text: str) -> list[Token]:
    """The tokens of a text made by `plain`."""
    words: list[tuple[int, int]] = []
    before: list[list[str]] = [[]]  # signs before each word, and before the next one
    behind: list[str] = []
    brackets: list[tuple[int, int, list[str]]] = []
    last_operator = -1  # number of words before it
    for part in _SCAN.finditer(text):
        kind, sign = part.lastgroup, part[0]
        if kind == "word":
            if sign.strip("_"):
                words.append(part.span())
                before.append([])
                behind.append("")
        elif kind == "open":
            brackets.append((len(words), len(before[-1]), before[-1]))
            before[-1].append("")
        elif kind == "close":
            if brackets:
                begin, bracket_index, signs = brackets.pop()
                if last_operator > begin:
                    signs[bracket_index] = "("
                    behind[-1] += ")"
        elif kind == "behind":
            closes = text[part.start() - 1] == ")"  # no factorial after brackets that do not count
            if words and not (closes and sign == "!" and not behind[-1].endswith(")")):
                behind[-1] += sign
        elif kind == "before" or _is_minus(text, *part.span()):
            before[-1].append({"!=": "≠"}.get(sign, sign[0] if kind == "dash" else sign.strip()))
            if sign != ".":
                last_operator = len(words)
    return [
        Token("".join(signs) + text[begin:end].strip("_") + after, begin, end)
        for (begin, end), signs, after in zip(words, before, behind, strict=False)
    ]


def signed(scanned: Sequence[Token]) -> list[str]:
    """The words with their signs."""
    return [token.signed for token in scanned]


_HALF = re.compile(f"[{SPACELESS}]")


def length(words: Sequence[str]) -> float:
    """Number of words, where a character of a script without spaces counts as half a word."""
    return sum(0.5 if not word.isascii() and _HALF.search(word) else 1.0 for word in words)


def longest_run(ours: list[str], theirs: list[str], size: int) -> tuple[int, int, int]:
    """Length of the longest shared run of at least `size` words, and its start in each text."""
    starts: dict[tuple[str, ...], list[int]] = {}
    for their_start in range(len(theirs) - size + 1):
        starts.setdefault(tuple(theirs[their_start : their_start + size]), []).append(their_start)
    best = (0, 0, 0)
    for our_start in range(len(ours) - size + 1):
        for their_start in starts.get(tuple(ours[our_start : our_start + size]), ()):
            if our_start and their_start and ours[our_start - 1] == theirs[their_start - 1]:
                continue  # already found from its beginning
            run = size
            for our_word, their_word in zip(
                ours[our_start + size :], theirs[their_start + size :], strict=False
            ):
                if our_word != their_word:
                    break
                run += 1
            best = max(best, (run, -our_start, -their_start))
    return best[0], -best[1], -best[2]


def excerpt(text: str, scanned: Sequence[Token], at: int, size: int) -> str:
    """A run of tokens in brackets, with a few words of context, as in the text."""
    first, last = max(0, at - _AROUND), min(len(scanned), at + size + _AROUND) - 1
    begin, end = scanned[at].begin, scanned[at + size - 1].end
    before = ("… " if first else "") + text[scanned[first].begin : begin]
    after = text[end : scanned[last].end] + (" …" if last < len(scanned) - 1 else "")
    return f"{before}[{text[begin:end]}]{after}"


def _is_minus(text: str, begin: int, end: int) -> bool:
    """Whether hyphens are a minus sign: `3 - x`, `-4`, `f(x)-g(x)`, but not `a 5-year-old`."""
    if text[begin:end].endswith(">"):
        return False  # an arrow
    precedes_term = bool(_RECKONED.match(text, end))
    head = text[max(0, begin - 3) : begin]
    spaced = head.endswith(" ")
    head = head.rstrip()
    follows_closing = bool(head) and head[-1] in ")]}|!°%'"
    follows_name = bool(re.search(r"\d$|(?<![^\W\d_])[^\W\d_]$", head))
    if spaced and text[end : end + 1] == " ":
        return precedes_term or follows_closing or follows_name
    if not head or spaced or head[-1] in "([{+*/^=<>,:;$":
        return precedes_term
    return follows_closing or (precedes_term and follows_name)
