r"""Which part of a student's message is its final answer. One stated rule, in this order:

1. the last `\boxed{...}`, `#### x` or `<answer>x</answer>`. A box that is never closed means that the
   message was cut off: there is no answer. Boxes joined by "or", "and" or a comma are several;
2. the last phrase "the answer is x", to the end of its sentence;
3. the last sentence that gives a value of the gold's kind, with the sum it stands in (`12/4 = 3` gives
   3). `x ≈ y` gives both.

No answer rests on a question, on a sentence that checks, or on one that denies, bounds or doubts. What a
message says afterwards counts, too: "no, it is 17" makes it 17, "that is wrong" takes it back, "or 6" makes
it two answers, which are none (`sentences`). Listing guesses gains nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tutelage.answers import choices, sentences
from tutelage.answers.equality import NOWHERE, OPPOSITES, difference, squeezed
from tutelage.answers.gold import Answer
from tutelage.answers.numbers import moments
from tutelage.answers.pieces import Piece, pieces
from tutelage.answers.plain import BOX, BOX_END, plain
from tutelage.answers.reading import bare, read_plain
from tutelage.answers.tables import Table
from tutelage.answers.values import Formula, Items, Moment, Number, Relation, Value, Words

LONGEST_MESSAGE = 20_000
"""Characters of a message that are read; an answer stands at the end, so its end is kept."""
NO_ANSWER, CUT_OFF = "no answer", "cut off: a box that is not closed"
HEDGED, TAKEN_BACK = "more than one answer", "taken back"


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
PHRASE = Table(
    "phrase",
    r"{}[ \t*_]*(?:(?:simply|just|therefore|thus|then|now|exactly|equal\s+to|indeed|still|clearly|:)[ \t*_]+)*",
    r"\banswers?\b(?:(?!\b(?:was|were)\b)[^.\n:=?]){0,60}?(?:\b(?:is|are|equals|(?:would|should|must|will)_be)\b|[:=]|\s[-](?=\s))",
    r"\bans[:.=]", r"\b(?:option|choice)_is\b", r"\bfinal_result\b[^.\n:=?]{0,20}?(?:\bis\b|[:=])",
)  # fmt: skip
_NEGATIONS = ("not ", "never ", "wrong", "incorrect", "n't", "neither", "unknown", "unclear")


def final_answer(message: str, gold: Answer) -> Final:
    """The final answer of `message`, as the gold's kind wants it."""
    text = trimmed(message)
    if text is None or not text.strip():
        return NOTHING
    text = plain(text)
    marked = _marked(text, gold)
    if marked is None and gold.letter:
        letter, reason = choices.chosen(text, gold.statement)
        return Final(((letter, Words(letter.lower())),), reason) if letter or reason else _written(text, gold)
    if marked is None and gold.words in OPPOSITES:
        return _yes_or_no(text)
    final, rest = marked or _stated(text, gold)
    if final.reason or not rest.strip():
        return final
    return _reconsidered(final, rest, gold)


def trimmed(message: str) -> str | None:
    """The part of `message` that is read: its end, without reasoning in tags and calculator marks.

    None where reasoning never ends: then nothing has been said.
    """
    message = message[-LONGEST_MESSAGE:]
    if "<<" in message:
        message = re.sub(r"<<[^<>\n]*>>", "", message)
    thought, _, said = message.rpartition("</think>")
    if thought:
        return said
    return None if "<think>" in message and len(message.split("<think>")[0].strip()) == 0 else message.strip()


def whole(text: str, gold: Answer) -> Final:
    """What a marked text is as a whole; also without the words that lead to it."""
    text = bare(text)
    if gold.words in OPPOSITES:
        said = choices.yes_or_no(text)
        return Final(((said, Words(said)),)) if said else Final(((text, read_plain(text)),))
    readings = [(text, read_plain(text))]
    if "=" in text and not isinstance(gold.value, Items):
        last = bare(text.rsplit("=", 1)[-1])
        if last and not re.search(r"[<>!]$", text.rsplit("=", 1)[0]) and text.count("=") > 1:
            readings.append((last, read_plain(last)))
    if "≈" in text:
        for side in re.split(r"≈", text):
            if bare(side.rsplit("=", 1)[-1]):
                readings.append((bare(side.rsplit("=", 1)[-1]), read_plain(bare(side.rsplit("=", 1)[-1]))))
    return Final(tuple(readings), "" if text else NO_ANSWER)


def _marked(text: str, gold: Answer) -> tuple[Final, str] | None:
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


def _stated(text: str, gold: Answer) -> tuple[Final, str]:
    """The answer by rules 2 and 3, and what stands after its sentence."""
    if (alone := _alone(text, gold)) is not None:
        return alone, ""
    for clause, rest in _clauses(text):
        final = _of_clause(clause, gold)
        if final is not None:
            return final, rest
    return _last(text, gold)


def _alone(text: str, gold: Answer) -> Final | None:
    """A message that is one value and nothing else."""
    if "\n" in text.strip() or len(text) > 300:
        return None
    shown = bare(sentences.CONTRAST.sub("", sentences.ASIDE.sub("", text))).rstrip("!")
    if "?" in shown[-2:]:
        return None
    value = read_plain(shown)
    if isinstance(value, Words):
        return whole(shown, gold) if value.text == gold.words else None
    if isinstance(value, Items) and any(isinstance(i, Words) for i in value.items):
        same = isinstance(gold.value, Items) and len(gold.value.items) == len(value.items)
        return whole(shown, gold) if same else None
    if isinstance(value, Relation) and _numeric(gold):
        return None if not isinstance(value.left, Formula) or value.left.tree[0] != "v" else whole(shown, gold)
    return whole(shown, gold)


def _clauses(text: str) -> Iterator[tuple[str, str]]:
    """What follows each "the answer is", from the last one back, and what stands after that."""
    for m in list(PHRASE.finditer(text))[:-21:-1]:
        clause, end = _clause(text, m.end())
        before = sentences.SPLIT.split(text[max(0, m.start() - 60) : m.start()])[-1]
        if clause and not clause.lower().startswith(_NEGATIONS) and not sentences.DENIES.search(before):
            if not clause.endswith("?"):
                yield clause, text[end:]


def _clause(text: str, start: int) -> tuple[str, int]:
    """From `start` to the end of its sentence; of the next line that has text if this has none."""
    at = start
    for line in text[start : start + 2000].splitlines(keepends=True):
        said = line.strip().lstrip("*_:= ")
        if said:
            sentence = sentences.SPLIT.split(said, maxsplit=1)[0]
            end = at + line.find(sentence) + len(sentence)
            return sentence.rstrip("*_ ").rstrip(". *_"), end
        at += len(line)
    return "", at


def _numeric(gold: Answer) -> bool:
    return isinstance(gold.value, Number)


def _of_clause(clause: str, gold: Answer) -> Final | None:
    """What a clause after "the answer is" says; None where it says nothing of the gold's kind."""
    clause = sentences.CONTRAST.sub("", sentences.ASIDE.sub("", clause)).rstrip("!. ")
    if _numeric(gold):
        return _number_of(clause, first=True)
    readings = list(whole(clause, gold).readings)
    head = sentences.EXPLAINS.split(clause, maxsplit=1)[0].strip(" *_.")
    for part in (head, _APPENDS.split(head, maxsplit=1)[0]):
        if part and part != clause:
            readings += whole(part, gold).readings
    readings += _kind_pieces(head, gold, first=True)
    return Final(tuple(readings)) if readings else None


_APPENDS = re.compile(
    r",\s+(?:the|an?|who|that|not|and not|or rather)\s|\s+(?:rather than|instead of|as opposed to)\s"
    r"|,?\s+and not\s|,\s*as\s"
)


def _kind_pieces(text: str, gold: Answer, first: bool = False) -> list[tuple[str, Value]]:
    """The values of the gold's kind in a sentence: the last, or the first."""
    spans: list[tuple[int, int, Value]] = []
    if isinstance(gold.value, Moment):
        spans = [(a, b, m) for a, b, m in moments(text)]
    elif isinstance(gold.value, Items):
        for m in _GROUPED.finditer(text):
            value = read_plain(bare(m[0]))
            if isinstance(value, Items):
                spans.append((m.start(), m.end(), value))
    elif isinstance(gold.value, Formula):
        spans = [(p.start, p.end, p.value) for p in pieces(text)]
    if not spans:
        return []
    start, end, value = spans[0] if first else spans[-1]
    if not first and isinstance(gold.value, Formula) and not _ends(text[end:]):
        return []
    if _refused(text, start, end):
        return []
    return [(text[start:end], value)]


_GROUPED = re.compile(r"(?:matrix)?(?:\{[^{}]*\}|[(\[](?:[^()\[\]]|[(\[][^()\[\]]*[)\]])*,(?:[^()\[\]]|[(\[][^()\[\]]*[)\]])*[)\]])")


def _ends(tail: str) -> bool:
    """Whether what follows a formula leaves it as it is: nothing, a unit, `, as desired`."""
    words = tail.strip(" .,;:!*_")
    return not re.search(r"\w{3}", words) or bool(
        re.match(r"\s*[,;]\s+(?:as|which was|by|since|because|so|where)\b|\s+(?:cm|units?|square|cubic|in total|because|since)\b", tail)
    )


def _last(text: str, gold: Answer) -> tuple[Final, str]:
    """The answer of the last sentence that gives one, and what stands after it."""
    after: list[str] = []
    parts = [p for p in sentences.SPLIT.split(_ITEM.sub("", text)) if p and p.strip()]
    checked = next((n for n, part in enumerate(parts) if n and sentences.CHECKS.search(part)), len(parts))
    for number in range(len(parts) - 1, -1, -1):
        sentence = parts[number]
        skip = sentences.asks(sentence) or sentences.CLOSES.search(sentence)
        if number >= checked and not _CONCLUDES.match(sentence):
            skip = True
        if not skip:
            final = _of_sentence(sentence, gold)
            if final is not None:
                return final, "\n".join(reversed(after))
        after.append(sentence)
    return NOTHING, ""


_ITEM = re.compile(r"^\s*(?:\d+[.)]|[-•+])\s+(?=\S)", re.M)
_CONCLUDES = re.compile(r"\W*(?:so|thus|therefore|hence)\b(?!.*[✓])", re.I)
_COPULA = Table(
    "copula", r"(?:\b{}\b|'s\b|:|(?<![!<>=])=(?![<>=])|∈)\s*(?:(?:therefore|thus|just|simply|exactly|indeed|then|now|equal\s+to|given\s+by|called)\s+)*",
    "is", "are", "was", "were", "be", "equals?", "gives?", "gets?", "becomes?", "called", "namely", "yields?", "obtains?", "have", "got",
    "at_the_point", "leaves?", "reads?", "says?", "on", "at",
)  # fmt: skip


def _of_sentence(sentence: str, gold: Answer) -> Final | None:
    """What a sentence gives as its answer; None where it gives none."""
    said = sentences.CONTRAST.sub("", sentences.ASIDE.sub("", sentence)).strip().rstrip("!.* ")
    if _numeric(gold):
        return _number_of(said, first=False)
    if sentences.DOUBTS.search(said):
        return NOTHING
    readings = _kind_pieces(said, gold)
    verbs = [m for m in _COPULA.finditer(said) if said[m.end() :].strip()]
    opened = re.match(r"(?:so|thus|hence|therefore|then|finally)\b,?\s+(?:we\s+(?:get|have)\s+)?", said, re.I)
    for m in [*verbs[-1:], *verbs[:1]]:
        before, tail = said[: m.start()], said[m.end() :]
        if not sentences.DENIES.search(before) and not tail.lower().startswith(_NEGATIONS):
            tail = re.split(r"\s(?:in total|because|since)\b", tail)[0]
            for part in (tail, _APPENDS.split(sentences.EXPLAINS.split(tail, maxsplit=1)[0], maxsplit=1)[0]):
                readings += whole(part, gold).readings
    if opened and not verbs:
        readings += whole(said[opened.end() :], gold).readings
    readings += whole(said, gold).readings
    if gold.words and not gold.letter:
        readings += _subject(said, gold)
    denied = re.search(r"(?:\b(?:not|never|cannot)|n't)\s+(?:\w+\s+){0,2}\S*$", said)
    if denied and not any(text == said for text, _ in readings[:1]):
        return NOTHING
    return Final(tuple(readings), "")


def _subject(sentence: str, gold: Answer) -> list[tuple[str, Value]]:
    """`Dana is the tallest` says Dana, where the question asks who is the tallest."""
    m = re.match(r"^(?:.*\b(?:so|therefore|thus|hence|then),?\s+)?((?:the\s+)?[\w' ]{1,40}?)\s+(?:is|was|must be|has|owns)\s+(.+)$", sentence, re.I)
    if not m or sentences.DENIES.search(sentence) or re.search(r"\b(?:or|and|than|nor)\b", sentence[m.start(1):], re.I):
        return []
    words = re.findall(r"\w{3,}", m[2].lower())
    asked = set(re.findall(r"\w{3,}", gold.statement.question))
    return [(m[1], read_plain(bare(m[1])))] if words and words[-1] in asked and set(words) <= asked else []


def _yes_or_no(text: str) -> Final:
    """Yes or no; both are none, but for a phrase that says which."""
    for clause, _ in _clauses(text):
        if said := choices.yes_or_no(clause):
            return Final(((said, Words(said)),))
    said = [word for part in sentences.SPLIT.split(text) if part and (word := choices.yes_or_no(part))]
    if not said:
        return NOTHING
    return Final(((said[-1], Words(said[-1])),), HEDGED if len(set(said)) > 1 else "")


def _written(text: str, gold: Answer) -> Final:
    """A choice by what stands beside its letter."""
    final, rest = _stated(text, gold)
    return final if not sentences.doubt(rest) else Final((), TAKEN_BACK)


def _reconsidered(final: Final, rest: str, gold: Answer) -> Final:
    """The answer after what the message says of it afterwards."""
    checks = [part for part in sentences.SPLIT.split(rest) if part]
    first = next((n for n, part in enumerate(checks) if sentences.CHECKS.search(part)), len(checks))
    kept = [p for n, p in enumerate(checks) if n < first or not _checks(p)]
    turned = sentences.doubt("\n".join(kept))
    if turned is None:
        if first < len(checks) and len(checks) > first + 1:
            other, _ = _stated("\n".join(c for c in checks[first + 1 :] if _CONCLUDES.match(c)), gold)
            if other.readings and not other.reason and not _agree(final, other, gold):
                return other
        return final
    kind, said = turned
    if gold.letter and not _numeric(gold):
        letter, reason = choices.chosen(said, gold.statement)
        other = Final(((letter, Words(letter.lower())),), reason) if letter else NOTHING
    else:
        other, _ = _stated(said.strip() if kind == "takes back" else bare(said), gold)
        if not _numeric(gold) and kind == "hedges":
            line = said.strip().splitlines()[:1]
            other = whole(line[0], gold) if line else NOTHING
    if not other.readings or other.reason:
        return Final(final.readings, TAKEN_BACK) if kind == "takes back" else final
    if _agree(final, other, gold):
        return final
    return Final(final.readings, HEDGED) if kind == "hedges" else other


def _checks(sentence: str) -> bool:
    return sentences.CHECKS.search(sentence) is not None or not sentences.doubt(sentence)


def _agree(one: Final, other: Final, gold: Answer) -> bool:
    return any(
        squeezed(text) == squeezed(again) or difference(value, second, gold.statement) == ""
        for text, value in one.readings
        for again, second in other.readings
    )


# Numbers in prose.

_REFUSES = Table(
    "refuses", r"(?:{})\s*(?:(?:be|equal|to|just|about|exactly|the|a|simply)\s+)*$",
    r"\b(?:not|never|cannot|without|than|least|most|between|either|neither|instead_of)", r"n't", "≠", "!=", "[<>≤≥]=?",
)  # fmt: skip
_RETRACTS = Table(
    "retracts", r"{}", r"\bor_(?:more|less|fewer|above|below|something|maybe|thereabouts)\b", r"\b(?:wrong|incorrect|not_right)\b",
)  # fmt: skip
_LABEL = Table(
    "label", r"(?:\b{}\.?|#)\s*$", "step", "part", "example", "question", "problem", "turn", "attempt", "option", "case", "no",
    "figure", "table", "line", "number(?=_\\d+$)",
)  # fmt: skip
_APPLIES = Table(
    "applies",
    r"(?:\b{}(?:\s+(?:of|for|the|an?|value|number|base\s+\w+))*\s+|\blog\s+base\s+\w+(?:\s+of)?\s+"
    r"|(?:\b(?:half|halves|thirds?|quarters?|fourths?|fifths?|sixths?|tenths?|percent|per cent|out)|[\d%}])\s+of(?:\s+(?:the|an?|all|those|these))*\s+)$",
    "root", "square", "cube", "power", "logarithm", "factorial", "reciprocal", "inverse", "negative", "negation", "opposite",
    "absolute_value", "complement", "half", "twice", "thrice", "double", "triple", "minus", "times", "plus",
)  # fmt: skip
_CHANGES = Table(
    "changes", r"\s*(?:{})",
    r"and_(?:an?_|one_|two_|three_)?(?:half|thirds?|quarters?|fourths?|fifths?)\b", r"squared\b", r"cubed\b", r"factorial\b", r"pi\b",
    r"mod(?:ulo)?\b", r"choose\b", r"to_the_(?:\w+_)?power", r"divided_by", r"multiplied_by", r"over_\d", r"(?<!=)(?<!=.)times_(?:that|this|as|the|more|larger|bigger|\d)",
)  # fmt: skip
_MEANS = re.compile(r"(?:\bi\.e\.,?|\bthat is,?|\bnamely|\bwhich (?:is|equals|makes|gives)|\bor simply|\bequals|=)\s+", re.I)
_JOINS = re.compile(r"\s*(?:,|:|,?\s*or|,?\s*and|to|/|,\s*then)?\s*(?:maybe|perhaps|possibly|even)?\s*", re.I)
_OFFERS = re.compile(
    r"[,;/±~|&]|\b(?:or|and|to|either|maybe|perhaps|possibly|versus|vs|not|between|but|through|than|times|plus|minus"
    r"|multiplied|divided)\b",
    re.I,
)
_NOT_COUNTED = Table(
    "not counted", r"[\s-]+(?:other\s+|more\s+|different\s+|main\s+|simple\s+|possible\s+|further\s+)*{}\b",
    "ways?", "steps?", "methods?", "cases?", "things?", "reasons?", "questions?", r"approach(?:es)?", "parts?", "of_(?:us|them|these|those|which)",
)  # fmt: skip


def _refused(text: str, start: int, end: int) -> bool:
    """Whether a value is denied, bounded or doubted rather than given."""
    before, after = text[max(0, start - 60) : start], text[end:]
    return bool(_REFUSES.search(before) or sentences.DOUBTS.search(text) or _RETRACTS.search(after))


def _names(text: str, piece: Piece) -> bool:
    """Whether a number is a name: step 5, the 5th; or counts what no problem asks for."""
    return (
        piece.form == "ordinal"
        or _LABEL.search(text[max(0, piece.start - 20) : piece.start]) is not None
        or _NOT_COUNTED.match(text[piece.end : piece.end + 40]) is not None
    )


def _number_of(sentence: str, first: bool) -> Final | None:
    """The number that a sentence gives; None where it has none. `first` after "the answer is"."""
    if re.search(r"\b(?:more|less|fewer|greater|larger|smaller|higher|lower) than\b", sentence, re.I) and first:
        return NOTHING
    other = re.search(r"\(\s*(?:or|maybe|perhaps|possibly)\b([^()]*\d[^()]*)\)", sentence, re.I)
    found = [p for p in pieces(sentence) if not _names(sentence, p)]
    if other:
        alternative = [p for p in found if other.start() <= p.start < other.end()]
        found = [p for p in found if not other.start() <= p.start < other.end()]
        if alternative and found and not _same(found[0], alternative[0]):
            return Final(((sentence, Words("")),), HEDGED)
    if not found:
        return None
    at = 0 if first else len(found) - 1
    if first:
        head = sentences.EXPLAINS.split(sentence, maxsplit=1)[0]
        while at + 1 < len(found) and found[at + 1].end <= max(len(head), found[at].end) and re.fullmatch(
            r"\s*(?:\w+\s+)?=\s*", sentence[found[at].end : found[at + 1].start]
        ):
            at += 1
    piece = found[at]
    if not first and piece.form == "words" and not _SPEAKS.search(sentence[: piece.start]):
        figures = [p for p in found if p.form != "words"]
        if figures and not re.match(r"\s+(?:are|is|were|was|remains?|left)\b", sentence[piece.end :], re.I):
            piece = figures[-1]
            at = found.index(piece)
    return _judged(sentence, found, at, first)


_SPEAKS = re.compile(
    r"(?:\b(?:is|are|was|were|be|equals?|gives?|makes?|gets?|leaves?|yields?|total|of)|[:=])\s+(?:exactly |just |only |about )?$",
    re.I,
)


def _judged(sentence: str, found: list[Piece], at: int, first: bool) -> Final | None:
    """The number at `at`, unless what stands around it says that it is none."""
    piece = found[at]
    start, end = piece.start, piece.end
    if _refused(sentence, start, end) or re.match(r"\s*[<>≤≥≠]|\s*!=", sentence[end:]):
        return None if first else NOTHING
    if re.search(r"(?:^|[^\w)\s=])\s*[-+*/^(|]\s*$|[A-Za-z]\($|[√(|]\s*-?\s*$", sentence[:start]) and _formula_around(sentence, start, end):
        return NOTHING
    changed = _APPLIES.search(sentence[max(0, start - 60) : start]) or _CHANGES.match(sentence[end:])
    if changed:
        for m in _MEANS.finditer(sentence, end):
            after = [p for p in found if p.start == m.end()]
            if after and not sentence[after[0].end :].strip(" .!"):
                return Final(((sentence[after[0].start : after[0].end], after[0].value),))
        return NOTHING
    neighbour = found[at + 1] if first and at + 1 < len(found) else found[at - 1] if not first and at else None
    if neighbour:
        gap = sentence[min(end, neighbour.end) : max(start, neighbour.start)]
        if re.fullmatch(r"\s*≈\s*", gap):
            both = sorted((piece, neighbour))
            return Final(tuple((sentence[p.start : p.end], p.value) for p in both))
        offers = _OFFERS.search(gap) if first else _JOINS.fullmatch(gap)
        if offers and not (first and "because" in gap) and not _same(piece, neighbour):
            return Final(((sentence[min(start, neighbour.start) :], Words("")),), HEDGED)
    glued = re.match(r"[\w²³]+", sentence[end:])
    if glued:
        return Final(((sentence[start:end] + glued[0], Words(glued[0])),))
    return Final(((sentence[start:end], piece.value),))


def _formula_around(sentence: str, start: int, end: int) -> bool:
    """Whether a number stands in something that could not be read as a formula."""
    return bool(re.search(r"[A-Za-z]\(|[|√]", sentence[max(0, start - 3) : start]))


def _same(one: Piece, other: Piece) -> bool:
    return "" in (
        difference(one.value, other.value, NOWHERE), difference(other.value, one.value, NOWHERE)
    )
