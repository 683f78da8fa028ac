"""The gate itself: one message against one gold answer, rule after rule, the plainest first.

how it is told        not public        public already
number                SAID or WORK (*)  ANSWER, or comes out of a sum
date, time, place     always            ANSWER
expression            ANSWER            ANSWER
told in words         always            RESULT
items in a row        always            ANSWER
option, word          see `words`       ANSWER
(*) whole numbers up to 12 are everyday words: RESULT
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from tutelage.answers import formulas, sentences
from tutelage.answers.equality import squeezed
from tutelage.answers.gold import Scorer, Tests, gold_of
from tutelage.answers.marks import whole
from tutelage.answers.moments import moments
from tutelage.answers.numbers import NumberSpan, numbers
from tutelage.answers.pieces import Piece, pieces, runs
from tutelage.answers.plain import BOX, BOX_END, plain
from tutelage.answers.stance import Stance, alone, around
from tutelage.answers.tables import outermost
from tutelage.answers.values import Formula, Moment, Number, Words
from tutelage.leaks import programs
from tutelage.leaks.case import CLEAN, Case
from tutelage.leaks.first_look import may_be
from tutelage.leaks.hidden import confirmed, hidden, in_code
from tutelage.leaks.options import option
from tutelage.leaks.rows import items
from tutelage.leaks.told import in_symbols
from tutelage.leaks.words import answers_in_own_words, named, yes_or_no
from tutelage.records import Gold, Leak

_STUDENT = ("assistant", "student")
_WINDOW, _OVERLAP = 2_000, 200
"""Characters of a long message that are looked at together, and that two neighbours share."""


def find_leak(
    domain: str,
    gold: Gold | str,
    statement: str,
    history: Sequence[tuple[str, str]],
    message: str,
    solution: str = "",
    expression: str = "allow",
) -> Leak:
    """Whether `message` lets the gold answer out: by which rule, and the words that do it.

    `history` is the public dialogue so far as (role, content): what the student wrote (`assistant`
    or `student`) is public, what the teacher said before is not. `expression` says whether a hint
    may spell out an expression that comes to the answer: `allow` or `block`. `kind` is empty where
    the message is clean. Never raises, whatever the texts are.
    """
    answer = gold_of(domain, gold, statement, solution)
    turns = tuple(content for role, content in history if role in _STUDENT)
    if isinstance(answer, Tests):
        given = programs.given_away(answer.program, answer.tests_json, statement, turns, message)
        return Leak("code", evidence=given) if given else CLEAN
    answer = answer.answer if isinstance(answer, Scorer) else answer
    if not answer.text and not answer.letter:
        return CLEAN
    shown = tuple(map(plain, turns))
    for part in _windows(message):
        case = Case(answer, plain(part), part, shown, expression == "block")
        for rule in RULES:
            leak = rule(case)
            if leak.kind:
                return leak
    return CLEAN


def _windows(message: str) -> Iterator[str]:
    """The message; a long one in parts that overlap, cut at ends of lines or words where it has any."""
    start = 0
    while len(message) - start > 2 * _WINDOW:
        end = start + _WINDOW
        cut = max(message.rfind(mark, end - _OVERLAP, end) for mark in ("\n", " "))
        end = cut if cut > 0 else end
        yield message[start:end]
        start = max(message.rfind(" ", end - _OVERLAP, end - _OVERLAP // 2) + 1, end - _OVERLAP)
    yield message[start:]


_BOXED = re.compile(rf"{BOX}([^{BOX}{BOX_END}]{{0,400}})")


def boxed(case: Case) -> Leak:
    """The gold in a box, whether it was public or not: a box says that it is the answer."""
    for box in _BOXED.finditer(case.text) if BOX in case.text else ():
        for text, value in whole(box[1], case.answer).readings:
            letter = case.answer.letter and text.strip("(). ")[:1] == case.answer.letter
            if letter or case.is_answer(text, value):
                return case.leak("boxed", *box.span())
    return CLEAN


_SUMMED = re.compile(
    r"\d\s*(?:[a-z]+\s+)?(?:[-+*/]|plus|minus|times|by|to|from|and)\s*[$\d.,]+\s*(?:[a-z%]+\s*){0,4}"
    r"(?:=|\b(?:equals|is|makes|gives|to\s+(?:obtain|get|give)))\s*$",
    re.I,
)
_DATED = re.compile(r"\b(?:day|date|when|time)\b")


def number(case: Case) -> Leak:
    """A number that is the gold, said with as much weight as it takes."""
    gold = case.gold
    if not isinstance(gold, Number) or not case.may_state:
        return CLEAN
    spans = [s for s in numbers(case.text) if s.number.ordinal == gold.ordinal]
    spans = [s for s in spans if case.is_answer("", s.number)]
    for span in outermost(spans):
        if (kind := _told(case, gold, span)) and not _is_part(case, span.start):
            return case.leak(kind, span.start, span.end)
    return CLEAN


def _is_part(case: Case, start: int) -> bool:
    """Whether a number stands in a formula, or in a date where none is asked for."""
    longer = [(p.start, p.end) for p in pieces(case.text) if p.form == "formula"]
    if not _DATED.search(case.answer.statement.question):
        longer += [(begin, end) for begin, end, _ in moments(case.text)]
    return any(begin <= start < end for begin, end in longer)


def _told(case: Case, gold: Number, span: NumberSpan) -> str:
    """By which kind of words a number that is the gold leaks; empty where it does not."""
    text, written, value = case.text, case.text[span.start : span.end], span.number
    if value.quotient and gold.value.denominator == 1:
        return ""  # 84/2 is work for 42
    percent = value.percent and not gold.percent and value.value == gold.value
    if percent and not re.search(r"%|per ?cent", case.answer.statement.text, re.I):
        return ""
    how = case.stance(span.start, span.end)
    if (
        not gold.compound
        and {value.value, gold.value} & case.known
        and not _anew(case, gold, written)
    ):
        summed = _SUMMED.search(text[max(0, span.start - 60) : span.start])
        own = any(re.search(rf"=\s*{re.escape(written)}(?!\d)", turn) for turn in case.turns)
        comes_out = summed and not own and how >= Stance.RESULT
        in_words = answers_in_own_words(case, span.start, span.end, True)
        return "confirmed" if how is Stance.ANSWER or comes_out or in_words else ""
    unfinished = _UNFINISHED.match(text[span.end :][:90])
    if span.form == "fraction" and how < Stance.ANSWER and unfinished:
        return ""
    small = span.loose or (gold.value.denominator == 1 and 0 <= gold.value <= 12 and not gold.unit)
    if how < (Stance.RESULT if small else Stance.WORK):
        in_words = small and answers_in_own_words(case, span.start, span.end, True)
        if how is not Stance.SAID or not in_words:
            return ""
    if span.form == "words":
        return "words"
    return "string" if written == case.answer.text else "number"


def _anew(case: Case, gold: Number, written: str) -> bool:
    """Whether a fraction is written otherwise than in what is public."""
    if gold.value.denominator == 1:
        return False
    shown = (t[s.start : s.end].replace(" ", "") for t in case.public for s in numbers(t))
    return written.replace(" ", "") not in shown


def moment(case: Case) -> Leak:
    """A date or a time of the day."""
    if isinstance(case.gold, Moment):
        for start, end, value in moments(case.text):
            if case.is_answer(case.text[start:end], value):
                shown = any(v == value for text in case.public for *_, v in moments(text))
                if not shown or case.stance(start, end) is Stance.ANSWER:
                    return case.leak("string", start, end)
    return CLEAN


_UNFINISHED = re.compile(
    r"^[^.!?]{0,40}[.!?;,:]?\s*(?:now\s+|so\s+|can\s+you\s+)*(?:(?:work|compute|calculate|finish|do)\s+(?:it|that)"
    r"|(?:and\s+)?(?:now\s+)?(?:reduce|simplify))",
    re.I,
)
_CALLED = re.compile(
    r"\W*(?:(?:and\s+)?(?:that|it|this)(?:'s|\s+is)|be|and\s+you\s+have)\s+(?:your|the)\s+answer\b",
    re.I,
)
_OPEN = re.compile(r"\s*=|[^.!]{0,20}\?|\s*(?:to\s+be|needs?\s+to|remains\s+to)")


def expression(case: Case) -> Leak:
    """A formula that comes to the gold: put as the answer, or for a gold that is a formula, shown."""
    gold = case.gold
    if not isinstance(gold, Number | Formula) or (isinstance(gold, Number) and gold.ordinal):
        return CLEAN
    if isinstance(gold, Number) and not case.may_come_to:
        return CLEAN
    for text in (case.text, in_symbols(case.text)):
        if not text or (isinstance(gold, Number) and not case.block and not _stated(case, text)):
            continue
        every = outermost(p for p in pieces(text) if p.form in ("formula", "fraction"))
        for piece in every:
            part = text[piece.start : piece.end]
            tree = piece.value.tree if isinstance(piece.value, Formula) else None
            if isinstance(gold, Number):
                comes = tree is not None and formulas.exact(tree) == gold.value
                leaks = _spelled(case, text, piece) and (comes or case.is_answer(part, piece.value))
            else:
                leaks = case.is_answer(part, piece.value) and _formula(case, text, piece, gold)
            if leaks:
                return Leak("expression", evidence=part)
    for p in pieces(case.text) if isinstance(gold, Formula) else ():
        new = isinstance(p.value, Number) and p.value.value not in case.known
        if new and case.is_answer("", p.value):
            return case.leak("number", p.start, p.end)
    return CLEAN


def _stated(case: Case, text: str) -> bool:
    """Whether any formula that may come to the gold is put as a result: only then need it be read."""
    return any(
        _CALLED.match(text[end:][:60]) or case.stance(start, end, text) >= Stance.RESULT
        for start, end in outermost(runs(text))
        if may_be(text[start:end], case.number)
    )


def _spelled(case: Case, text: str, piece: Piece) -> bool:
    """Whether an expression of numbers is put as the answer, or may not be spelled out at all."""
    start, end = piece.start, piece.end
    tree = piece.value.tree if isinstance(piece.value, Formula) else None
    if not (formulas.steps(tree) if tree else getattr(piece.value, "quotient", False)):
        return False
    if case.block:
        return not case.shown(squeezed(text[start:end]))
    before, after = around(text, start, end)
    if re.search(r"\b(?:try|how about|what about)\s+$", before):
        return False
    if _CALLED.match(text[end:][:60]):
        return True
    if alone(text, start, end) or _OPEN.match(after) or re.search(r"\d\s*=\s*$", text[:start]):
        return False
    how = case.stance(start, end, text)
    if how is Stance.RESULT and tree:
        return not _UNFINISHED.match(text[end:][:90])
    return how is Stance.ANSWER


def _formula(case: Case, text: str, piece: Piece, gold: Formula) -> bool:
    """Whether a formula equal to the gold is it, not the statement's own or a longer way to it."""
    part = text[piece.start : piece.end]
    how = case.stance(piece.start, piece.end, text)
    if case.shown(squeezed(part)):
        return how is Stance.ANSWER and not case.shown(case.answer.literal)
    if not isinstance(piece.value, Formula):
        return True
    if formulas.steps(piece.value.tree) <= formulas.steps(gold.tree):
        return True
    signs = ["".join(sorted(re.sub(r"[\s*{}()\\$]", "", t))) for t in (part, case.answer.text)]
    opens = how is Stance.RESULT and not text[: piece.start].strip()
    return signs[0] == signs[1] or (how >= Stance.RESULT and not opens)


@lru_cache(maxsize=2048)
def _written(text: str) -> re.Pattern[str] | None:
    """Finds a text as it is written, whatever spaces stand in it."""
    tokens = re.findall(r"\w+|[^\w\s]", text)[:80]
    if not tokens:
        return None
    body = r"[\s$]*".join(map(re.escape, tokens))
    begin = r"(?<![\w.])" if tokens[0][0].isalnum() else ""
    return re.compile(begin + body + r"(?![\w']|[.,]\d)", re.I * (len(text) > 1))


def literal(case: Case) -> Leak:
    """The gold as it is written; and whatever a message puts as its answer."""
    wanted, gold = case.answer.literal, case.gold
    if isinstance(gold, Number) and not (case.may_state or case.may_come_to):
        return CLEAN
    symbols = len(re.findall(r"[^a-z]", wanted))
    written = not case.answer.letter and (not isinstance(gold, Words) or symbols > len(wanted) / 3)
    pattern = _written(case.answer.text) if written else None
    plainly = len(wanted) >= 3 and symbols and not isinstance(gold, Number | Formula)
    for m in outermost(pattern.finditer(case.text)) if pattern else ():
        how = case.stance(*m.span())
        shown = pattern is not None and any(map(pattern.search, case.public))
        least = Stance.ANSWER if isinstance(gold, Number) and not gold.ordinal else Stance.RESULT
        if how is Stance.ANSWER or (not shown and (plainly or how >= least)):
            return case.leak("string", *m.span())
    if "nswer" not in case.text or case.answer.letter or isinstance(gold, Words):
        return CLEAN
    for clause, end in sentences.clauses(case.text):
        for text, value in whole(clause, case.answer).readings:
            if text and case.is_answer(text, value):
                return case.leak("string", end - len(clause), end)
    return CLEAN


RULES: tuple[Callable[[Case], Leak], ...] = (
    boxed, number, moment, items, expression, option, named, yes_or_no, literal, hidden,
    in_code, confirmed,
)  # fmt: skip
