"""The answer that a message marks: `\\boxed{x}`, `#### x`, `<answer>x</answer>`; and what a text is
that was marked.

A box or tag that is never closed means that the message was cut off: there is no answer. Boxes
joined by "or", "and" or a comma are several answers.
"""

import re
from dataclasses import dataclass

from tutelage.answers import choices, formulas
from tutelage.answers.equality import OPPOSITES, SEVERAL, squeezed
from tutelage.answers.evaluation import equal
from tutelage.answers.gold import Answer
from tutelage.answers.plain import boxes
from tutelage.answers.reading import bare, read
from tutelage.answers.values import Items, Number, Value, Words

NO_ANSWER, CUT_OFF = "no answer", "cut off: a box that is not closed"
LONGEST_MESSAGE = 20_000
"""Characters of a message that are read; an answer stands at the end, so its end is kept."""
Reading = tuple[str, Value]
_SIGNS = (
    ("####", re.compile(r"####[ \t]*([^\n]*[^\s][^\n]*)")),
    ("<answer>", re.compile(r"<answer>\s*(.*?)\s*</answer>", re.S)),
)
"""What a mark begins with, and the whole of it."""
_DECIMAL_COMMA = re.compile(r"([-$€£]{0,2}\d{1,6}),(?:\d{1,2}|\d{4,})(?![\d,]|\.\d)")
_OR = re.compile(r"(?:,?\s*(?:or|and/or|and)|/|,|)\s*(?:maybe|perhaps|possibly|even|also)?", re.I)


@dataclass(frozen=True, slots=True)
class Final:
    """A final answer, in the ways that it can be read."""

    readings: tuple[Reading, ...] = ()
    """Plain text and value; any of them may be meant."""
    reason: str = ""
    """Why there is no answer."""

    @property
    def text(self) -> str:
        """As it stands in the message."""
        return self.readings[0][0] if self.readings else ""


NOTHING = Final((), NO_ANSWER)


def trimmed(message: str) -> str:
    """The end of `message`, without reasoning in tags and calculator marks."""
    message = message[-LONGEST_MESSAGE:]
    if "<" not in message:
        return message.strip()
    message = re.sub(r"<<[^<>\n]*>>", "", message)
    thought, _, answer = message.rpartition("</think>")
    never_ends = not thought and message.lstrip().startswith("<think>")
    return "" if never_ends else answer.strip()


def letter(name: str, reason: str = "") -> Final:
    """A choice as a final answer."""
    return Final(((name, Words(name.lower())),) if name else (), reason)


def reply(side: bool, gold: Answer, reason: str = "") -> Final:
    """Yes or no as a final answer, in the gold's own words."""
    agrees = choices.SIDES[gold.words] is side
    return letter(gold.words if agrees else OPPOSITES[gold.words], reason)


def whole(text: str, gold: Answer) -> Final:
    """What a marked text is as a whole; also without the words that lead to it."""
    text = bare(text)
    if gold.words in OPPOSITES and (says := choices.side(text)) is not None:
        return reply(says, gold)
    parts = [text]
    ratio = isinstance(gold.value, Items) and gold.value.brackets == ":"
    if isinstance(gold.value, Number) and (comma := _DECIMAL_COMMA.match(text)):
        parts.append(f"{comma[1]}.{text[comma.end(1) + 1 :]}")
    if "=" in text and (ratio or not isinstance(gold.value, Items)):
        sides = [bare(side) for side in text.split("=")]
        first, *others = [formulas.parse(side) for side in sides]
        same = first and all(other and equal(first, other) for other in others)
        several = len(sides) > 2 and text.rsplit("=", 1)[0][-1:] not in "<>!"
        if sides[-1] and (same or ratio or several):
            parts.append(sides[-1])
        if same and sides[0].isdecimal():
            parts.append(sides[0])
    if (
        "=" in text
        and isinstance(gold.value, Items)
        and isinstance(read(last := bare(text.rsplit("=", 1)[1])), Items)
    ):
        parts.append(last)
    if "≈" in text and isinstance(gold.value, Items):
        parts.append(text.replace("≈", "="))
    elif "≈" in text:
        parts += [side for part in text.split("≈") if (side := bare(part.rsplit("=", 1)[-1]))]
    return Final(tuple((part, read(part)) for part in parts), "" if text else NO_ANSWER)


def marked(text: str, gold: Answer) -> tuple[Final, str] | None:
    """The last marked answer, and what stands after it; None where nothing is marked."""
    spans = boxes(text)
    if spans is None:
        return Final((), CUT_OFF), ""
    if spans:
        return _boxed(text, spans, gold)
    for sign, pattern in _SIGNS:
        if sign in text and (marks := list(pattern.finditer(text))):
            return _letter(marks[-1][1], gold), text[marks[-1].end() :]
    return (Final((), CUT_OFF), "") if "<answer>" in text else None


def _letter(text: str, gold: Answer) -> Final:
    """A marked text, as a choice where the gold is one."""
    name, reason = choices.letter_of(bare(text)) if gold.letter else ("", "")
    return letter(name, reason) if name or reason else whole(text, gold)


def _boxed(text: str, spans: list[tuple[int, int]], gold: Answer) -> tuple[Final, str]:
    spans = [(a, b) for a, b in spans if bare(text[a:b])]
    if not spans:
        return NOTHING, ""
    (first, last), *before = spans[::-1]
    offered = [bare(text[first:last])]
    for start, end in before:
        if not _OR.fullmatch(text[end:first].strip(" $\\()[].,")):
            break
        first = start
        offered.insert(0, bare(text[start:end]))
    if len(set(map(squeezed, offered))) == 1:
        return _letter(offered[-1], gold), text[last:]
    together = ", ".join(offered)
    if isinstance(gold.value, Items):
        return whole(together, gold), text[last:]
    return Final(((together, Words("")),), SEVERAL), ""
