r"""Which part of a student's message is its final answer. One stated rule, in this order:

1. the last `\boxed{...}`, `#### x` or `<answer>x</answer>`. A box that is never closed means that
   the message was cut off: there is no answer. Boxes joined by "or", "and" or a comma are several;
2. the last phrase "the answer is x", to the end of its sentence;
3. the last sentence that gives a value of the gold's kind, with the sum it stands in (`12/4 = 3`
   gives 3). `x ≈ y` gives both.

No answer rests on a question, on a sentence that checks, or on one that denies, bounds or doubts.
What a message says afterwards counts, too: "no, it is 17" makes it 17, "that is wrong" takes it
back, "or 6" makes it two answers, which are none (`sentences`). Listing guesses gains nothing.
"""

import re
from collections.abc import Iterator

from tutelage.answers import choices, sentences
from tutelage.answers.equality import OPPOSITES, difference, squeezed
from tutelage.answers.gold import Answer
from tutelage.answers.marks import CUT_OFF, NOTHING, Final, marked, whole
from tutelage.answers.numbers import moments
from tutelage.answers.pieces import pieces
from tutelage.answers.plain import plain
from tutelage.answers.prose import HEDGED, NO_ANSWER, Given, number_of, refused
from tutelage.answers.reading import bare, read_plain
from tutelage.answers.subject import subject
from tutelage.answers.tables import Table
from tutelage.answers.trimming import trimmed
from tutelage.answers.values import Formula, Items, Moment, Number, Relation, Value, Words

__all__ = ["CUT_OFF", "NO_ANSWER", "PHRASE", "Final", "final_answer", "trimmed", "whole"]

TAKEN_BACK = "taken back"
PHRASE = Table(
    "phrase",
    r"""{}[ \t*_]*
    (?:(?:simply|just|therefore|thus|then|now|exactly|equal\sto|indeed|still|clearly|:)[ \t*_]+)*""",
    r"""\banswers?\b(?:(?!\b(?:was|were)\b)[^.\n:=?]){0,60}?(?:\b(?:is|are|equals)\b|[:=]|\s[-](?=\s))
    \banswers?\b[^.\n:=?]{0,60}?\b(?:would|should|must|will)_be\b
    \bans[:.=] \b(?:option|choice)_is\b \bfinal_result\b[^.\n:=?]{0,20}?(?:\bis\b|[:=])""",
)
_NEGATIONS = ("not ", "never ", "wrong", "incorrect", "n't", "neither", "unknown", "unclear")


def final_answer(message: str, gold: Answer) -> Final:
    """The final answer of `message`, as the gold's kind wants it."""
    text = trimmed(message)
    if text is None or not text.strip():
        return NOTHING
    text = plain(text)
    found = marked(text, gold)
    if found is None and gold.letter:
        letter, reason = choices.chosen(text, gold.statement)
        return (
            Final(((letter, Words(letter.lower())),), reason)
            if letter or reason
            else _written(text, gold)
        )
    if found is None and gold.words in OPPOSITES:
        return _yes_or_no(text)
    final, rest = found or _stated(text, gold)
    if final.reason or not rest.strip():
        return final
    return _reconsidered(final, rest, gold)


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
    shown = bare(sentences.CONTRAST.sub("", sentences.ASIDE.sub("", text)))
    shown = (
        shown
        if gold.text.endswith("!") or re.fullmatch(r"\d+!", text.strip())
        else shown.rstrip("!")
    )
    if "?" in shown[-2:]:
        return None
    value = read_plain(shown)
    if isinstance(value, Words):
        return whole(shown, gold) if value.text == gold.words else None
    if isinstance(value, Items) and any(isinstance(i, Words) for i in value.items):
        wanted = gold.value.items if isinstance(gold.value, Items) else ()
        names = any(isinstance(item, Words) for item in wanted) and len(wanted) == len(value.items)
        return whole(shown, gold) if names else None
    if isinstance(value, Relation) and _numeric(gold):
        return (
            None
            if not isinstance(value.left, Formula) or value.left.tree[0] != "v"
            else whole(shown, gold)
        )
    return whole(shown, gold)


def _clauses(text: str) -> Iterator[tuple[str, str]]:
    """What follows each "the answer is", from the last one back, and what stands after that."""
    for m in list(PHRASE.finditer(text))[:-21:-1]:
        clause, end = _clause(text, m.end())
        before = sentences.SPLIT.split(text[max(0, m.start() - 60) : m.start()])[-1]
        if (
            clause
            and not clause.lower().startswith(_NEGATIONS)
            and not sentences.DENIES.search(before)
        ) and not clause.endswith("?"):
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


def _given(found: Given | None) -> Final | None:
    return Final(*found) if found else None


def _ordinal(gold: Answer) -> bool:
    return isinstance(gold.value, Number) and gold.value.ordinal


def _each(gold: Answer) -> bool:
    return re.search(r"\b(?:each|per|every|apiece)\b", gold.statement.question) is not None or (
        not gold.statement.question
    )


def _numeric(gold: Answer) -> bool:
    return isinstance(gold.value, Number)


def _of_clause(clause: str, gold: Answer) -> Final | None:
    """What a clause after "the answer is" says; None where it says nothing of the gold's kind."""
    clause = sentences.CONTRAST.sub("", sentences.ASIDE.sub("", clause))
    clause = clause.rstrip(". " if gold.text.endswith("!") else "!. ")
    if _numeric(gold):
        return _given(number_of(clause, True, _ordinal(gold), _each(gold)))
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
    if refused(text, start, end):
        return []
    return [(text[start:end], value)]


_GROUPED = re.compile(
    r"(?:matrix)?(?:\{[^{}]*\}|[(\[](?:[^()\[\]]|[(\[][^()\[\]]*[)\]])*,(?:[^()\[\]]|[(\[][^()\[\]]*[)\]])*[)\]])"
)


def _ends(tail: str) -> bool:
    """Whether what follows a formula leaves it as it is: nothing, a unit, `, as desired`."""
    words = tail.strip(" .,;:!*_")
    return not re.search(r"\w{3}", words) or bool(
        re.match(
            r"\s*[,;]\s+(?:as|which was|by|since|because|so|where)\b"
            r"|\s+(?:cm|units?|square|cubic|in total|because|since)\b",
            tail,
        )
    )


def _last(text: str, gold: Answer) -> tuple[Final, str]:
    """The answer of the last sentence that gives one, and what stands after it."""
    after: list[str] = []
    parts = [p for p in sentences.SPLIT.split(_ITEM.sub("", text)) if p and p.strip()]
    checked = next((n for n, part in enumerate(parts) if sentences.CHECKS.search(part)), len(parts))
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
    "copula",
    r"""(?:\b{}\b|'s\b|:|(?<![!<>=])=(?![<>=])|∈)\s*
    (?:(?:therefore|thus|just|simply|exactly|indeed|then|now|equal\sto|given\sby|called)\s+)*""",
    """is are was were be equals? gives? gets? becomes? called namely yields? obtains? have got leaves?
    reads? says? on at""",
)


def _of_sentence(sentence: str, gold: Answer) -> Final | None:
    """What a sentence gives as its answer; None where it gives none."""
    said = sentences.CONTRAST.sub("", sentences.ASIDE.sub("", sentence)).strip()
    said = said.rstrip(".* " if gold.text.endswith("!") else "!.* ")
    if _numeric(gold):
        return _given(number_of(said, False, _ordinal(gold), _each(gold)))
    if sentences.DOUBTS.search(said):
        return NOTHING
    readings = _kind_pieces(said, gold)
    verbs = [m for m in _COPULA.finditer(said) if said[m.end() :].strip()]
    opened = re.match(
        r"(?:so|thus|hence|therefore|then|finally)\b,?\s+(?:we\s+(?:get|have)\s+)?", said, re.I
    )
    for m in [*verbs[-1:], *verbs[:1]]:
        before, tail = said[: m.start()], said[m.end() :]
        if not sentences.DENIES.search(before) and not tail.lower().startswith(_NEGATIONS):
            tail = re.split(r"\s(?:in total|because|since)\b", tail)[0]
            for part in (
                tail,
                _APPENDS.split(sentences.EXPLAINS.split(tail, maxsplit=1)[0], maxsplit=1)[0],
            ):
                readings += whole(part, gold).readings
    if opened and not verbs:
        readings += whole(said[opened.end() :], gold).readings
    readings += whole(said, gold).readings
    if gold.words and not gold.letter:
        readings += subject(said, gold)
    denied = re.search(r"(?:\b(?:not|never|cannot)|n't)\s+(?:\w+\s+){0,2}\S*$", said)
    if denied and not any(text == said for text, _ in readings[:1]):
        return NOTHING
    return Final(tuple(readings), "")


def _yes_or_no(text: str) -> Final:
    """Yes or no; both are none, but for a phrase that says which."""
    for clause, _ in _clauses(text):
        if said := choices.yes_or_no(clause):
            return Final(((said, Words(said)),))
    parts = [part for part in sentences.SPLIT.split(text) if part]
    words = [word for part in parts if (word := choices.yes_or_no(part))]
    if not words:
        return NOTHING
    return Final(((words[-1], Words(words[-1])),), HEDGED if len(set(words)) > 1 else "")


def _written(text: str, gold: Answer) -> Final:
    """A choice by what stands beside its letter."""
    final, rest = _stated(text, gold)
    return final if not sentences.doubt(rest) else Final((), TAKEN_BACK)


_DISOWNS = re.compile(
    r"[\s$*)]*(?:(?:is|was|seems|looks)\s+(?:not|wrong|incorrect|false|off)\b|(?:is|was)n't\b|can(?:not|'t)\b)",
    re.I,
)
"""What takes an answer back in the sentence that marks it."""


def _reconsidered(final: Final, rest: str, gold: Answer) -> Final:
    """The answer after what the message says of it afterwards."""
    if _DISOWNS.match(rest):
        return Final(final.readings, TAKEN_BACK)
    checks = [part for part in sentences.SPLIT.split(rest) if part]
    first = next((n for n, part in enumerate(checks) if sentences.CHECKS.search(part)), len(checks))
    kept = [p for n, p in enumerate(checks) if n < first or not _checks(p)]
    turned = sentences.doubt("\n".join(kept))
    if turned is None:
        if first < len(checks) and len(checks) > first + 1:
            other, _ = _stated(
                "\n".join(c for c in checks[first + 1 :] if _CONCLUDES.match(c)), gold
            )
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
