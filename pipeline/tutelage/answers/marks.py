"""The answer that a message marks: `\\boxed{x}`, `#### x`, `<answer>x</answer>`; and what a marked
text is.

A box or tag that is never closed means that the message was cut off: there is no answer. Boxes
joined by "or", "and" or a comma are several answers.
"""

import re
from dataclasses import dataclass

from tutelage.answers import choices, formulas
from tutelage.answers.equality import OPPOSITES, squeezed
from tutelage.answers.fields import equal
from tutelage.answers.gold import Answer
from tutelage.answers.plain import BOX, BOX_END
from tutelage.answers.prose import HEDGED, NO_ANSWER
from tutelage.answers.reading import bare, read_plain
from tutelage.answers.values import Items, Value, Words

CUT_OFF = "cut off: a box that is not closed"


@dataclass(frozen=True, slots=True)
class Final:
    """A final answer, in the ways that it can be read."""

    readings: tuple[tuple[str, Value], ...] = ()
    """Plain text and value; any of them may be meant."""
    reason: str = ""
    """Why there is no answer."""

    @property
    def text(self) -> str:
        """As it stands in the message."""
        return self.readings[0][0] if self.readings else ""


NOTHING = Final((), NO_ANSWER)


def whole(text: str, gold: Answer) -> Final:
    """What a marked text is as a whole; also without the words that lead to it."""
    text = bare(text)
    if gold.words in OPPOSITES:
        said = choices.yes_or_no(text)
        return Final(((said, Words(said)),)) if said else Final(((text, read_plain(text)),))
    readings = [(text, read_plain(text))]
    if "=" in text and not isinstance(gold.value, Items):
        trees = [formulas.parse(bare(side)) for side in text.split("=")]
        first, *others = trees
        if first and all(other and equal(first, other) for other in others):
            result = bare(text.rsplit("=", 1)[-1])
            readings.append((result, read_plain(result)))
        last = bare(text.rsplit("=", 1)[-1])
        if last and not re.search(r"[<>!]$", text.rsplit("=", 1)[0]) and text.count("=") > 1:
            readings.append((last, read_plain(last)))
    if "≈" in text:
        sides = [bare(side.rsplit("=", 1)[-1]) for side in text.split("≈")]
        readings += [(side, read_plain(side)) for side in sides if side]
    return Final(tuple(readings), "" if text else NO_ANSWER)


def marked(text: str, gold: Answer) -> tuple[Final, str] | None:
    """The last marked answer, and what stands after it; None where nothing is marked."""
    if BOX in text:
        return _boxed(text, gold)
    for mark in reversed(list(_MARK.finditer(text))):
        if mark[1].strip():
            return _letter(whole(mark[1], gold), gold), text[mark.end() :]
    tags = list(_TAGGED.finditer(text))
    if tags:
        return _letter(whole(tags[-1][1], gold), gold), text[tags[-1].end() :]
    if "<answer>" in text:
        return Final((), CUT_OFF), ""
    return None


_MARK = re.compile(r"####[ \t]*([^\n]+)")
_TAGGED = re.compile(r"<answer>\s*(.*?)\s*</answer>", re.S)
_OR = re.compile(r"(?:,?\s*(?:or|and/or|and)|/|,|)\s*(?:maybe|perhaps|possibly|even|also)?", re.I)


def _letter(final: Final, gold: Answer) -> Final:
    """A marked text as a choice, where the gold is one."""
    if not gold.letter:
        return final
    letter, reason = choices.letter_of(final.text, gold.statement)
    return Final(((letter, Words(letter.lower())),), reason) if letter or reason else final


def _boxed(text: str, gold: Answer) -> tuple[Final, str]:
    boxes: list[tuple[int, int]] = []
    depth, start = 0, 0
    for at, char in enumerate(text):
        if char == BOX:
            start = at if depth == 0 else start
            depth += 1
        elif char == BOX_END and depth:
            depth -= 1
            if depth == 0:
                boxes.append((start, at + 1))
    if depth:
        return Final((), CUT_OFF), ""
    boxes = [(a, b) for a, b in boxes if bare(text[a:b])]
    if not boxes:
        return NOTHING, ""
    first, last = boxes[-1]
    offered = [text[first:last]]
    for before in reversed(boxes[:-1]):
        if not _OR.fullmatch(text[before[1] : first].strip(" $\\()[].,")):
            break
        first = before[0]
        offered.insert(0, text[before[0] : before[1]])
    apart = {squeezed(bare(box)) for box in offered}
    if len(apart) > 1:
        if not isinstance(gold.value, Items):
            return Final(((", ".join(map(bare, offered)), Words("")),), HEDGED), ""
        return whole(", ".join(map(bare, offered)), gold), text[last:]
    return _letter(whole(offered[-1], gold), gold), text[last:]
