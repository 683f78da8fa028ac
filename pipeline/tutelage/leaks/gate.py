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
from collections.abc import Callable, Sequence
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
from tutelage.answers.tables import TABLES
from tutelage.answers.values import Formula, Moment, Number, Words
from tutelage.leaks import programs, wording
from tutelage.leaks.case import CLEAN, Case, outermost
from tutelage.leaks.hidden import confirmed, hidden
from tutelage.leaks.rows import items
from tutelage.leaks.told import reaches
from tutelage.leaks.words import mentions_in_own_words, option, phrase_of, yes_or_no
from tutelage.records import Gold, Leak

_STUDENT = ("assistant", "student")
_LONGEST = 4_000
"""Characters of a message that are looked at: of more, half from each end."""


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
    if isinstance(answer, Scorer):
        answer = answer.answer
    if not answer.text and not answer.letter:
        return CLEAN
    if len(message) > _LONGEST:
        message = message[: _LONGEST // 2] + "\n" + message[-_LONGEST // 2 :]
    case = Case(answer, plain(message), message, tuple(map(plain, turns)), expression == "block")
    for rule in RULES:
        found = rule(case)
        if found.kind:
            return found
    return CLEAN


_BOXED = re.compile(rf"{BOX}([^{BOX}{BOX_END}]{{0,400}})")


def boxed(case: Case) -> Leak:
    """The gold in a box, whether it was public or not: a box says that it is the answer."""
    for box in _BOXED.finditer(case.text) if BOX in case.text else ():
        for text, value in whole(box[1], case.answer).readings:
            letter = case.answer.letter and text.strip("(). ")[:1] == case.answer.letter
            if letter or case.is_answer(text, value):
                return case.leak("boxed", box.start(), box.end())
    return CLEAN


def _dated(case: Case, span: NumberSpan) -> bool:
    """Whether a number is part of a date or a time, and no date is asked for."""
    if re.search(r"\b(?:day|date|when|time)\b", case.answer.statement.question):
        return False
    return any(start <= span.start < end for start, end, _ in moments(case.text))


_SUMMED = re.compile(
    r"\d\s*(?:[a-z]+\s+)?(?:[-+*/]|plus|minus|times|by|to|from|and)\s*[$\d.,]+\s*(?:[a-z%]+\s*){0,4}"
    r"(?:=|\b(?:equals|is|makes|gives|to\s+(?:obtain|get|give)))\s*$",
    re.I,
)


def number(case: Case) -> Leak:
    """A number that is the gold, said with as much weight as it takes."""
    gold = case.gold
    if not isinstance(gold, Number):
        return CLEAN
    spans = [s for s in numbers(case.text) if s.number.ordinal == gold.ordinal]
    found = [s for s in spans if case.is_answer("", s.number)]
    whole = pieces(case.text) if found else ()
    for span in outermost(found):
        piece = Piece(*span[:2], span.number, *span[3:])
        if any(p.form == "formula" and p.start <= span.start < p.end for p in whole):
            continue
        if kind := "" if _dated(case, span) else _told(case, gold, piece):
            return case.leak(kind, piece.start, piece.end)
    return CLEAN


def _told(case: Case, gold: Number, piece: Piece) -> str:
    """By which kind of words a number that is the gold leaks; empty where it does not."""
    text, said = case.text, case.text[piece.start : piece.end]
    value = piece.value
    assert isinstance(value, Number)
    if value.quotient and gold.value.denominator == 1:
        return ""  # 84/2 is work for 42
    if value.percent and not gold.percent and value.value == gold.value:
        asked = re.search(r"%|per ?cent", case.answer.statement.text, re.I)
        if not asked:
            return ""
    how = case.stance(piece.start, piece.end)
    written = said.replace(" ", "")
    anew = gold.value.denominator > 1 and not any(
        written == t[s.start : s.end].replace(" ", "") for t in case.public for s in numbers(t)
    )
    shown = {value.value, gold.value} & case.known and not anew
    if shown and not gold.compound:
        summed = _SUMMED.search(text[max(0, piece.start - 60) : piece.start])
        own = any(re.search(rf"=\s*{re.escape(said)}(?!\d)", turn) for turn in case.turns)
        unchanged = summed and not own and how >= Stance.RESULT
        if (
            how is Stance.ANSWER
            or unchanged
            or mentions_in_own_words(case, piece.start, piece.end, True)
        ):
            return "confirmed"
        return ""
    if (
        piece.form == "fraction"
        and how < Stance.ANSWER
        and _UNFINISHED.match(text[piece.end :][:90])
    ):
        return ""
    small = piece.loose or (gold.value.denominator == 1 and 0 <= gold.value <= 12 and not gold.unit)
    least = Stance.RESULT if small else Stance.WORK
    if how >= least or (
        small and how is Stance.SAID and mentions_in_own_words(case, piece.start, piece.end, True)
    ):
        if piece.form == "words":
            return "words"
        return "string" if said == case.answer.text else "number"
    return ""


def moment(case: Case) -> Leak:
    """A date or a time of the day."""
    gold = case.gold
    if isinstance(gold, Moment):
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
    """A formula that comes to the gold: put as the answer, or for a gold that is a formula,
    shown."""
    gold = case.gold
    if not isinstance(gold, Number | Formula) or (isinstance(gold, Number) and gold.ordinal):
        return CLEAN
    worded = isinstance(gold, Formula) or reaches(
        {span.number.value for span in numbers(case.text)}, gold.value
    )
    for text in (case.text, wording.in_symbols(case.text) if worded else ""):
        if not text:
            continue
        if isinstance(gold, Number) and not case.block and not _stated(case, text):
            continue
        for piece in outermost(
            p for p in pieces(text) if isinstance(p.value, Formula) or "/" in text[p.start : p.end]
        ):
            part = text[piece.start : piece.end]
            if case.is_answer(part, piece.value) or _unworked(case, piece):
                leaks = _spelled if isinstance(gold, Number) else _formula
                if leaks(case, text, piece, gold):
                    return Leak("expression", evidence=part)
    if isinstance(gold, Formula):
        for p in pieces(case.text):
            if (
                isinstance(p.value, Number)
                and case.is_answer("", p.value)
                and p.value.value not in case.known
            ):
                return case.leak("number", p.start, p.end)
    return CLEAN


def _stated(case: Case, text: str) -> bool:
    """Whether any formula of a text is put as a result: only then it need be read."""
    places = runs(text)
    return any(
        _stance(case, text, *place) >= Stance.RESULT or _CALLED.match(text[place[1] :][:60])
        for place in outermost(places)
    )


def _unworked(case: Case, piece: Piece) -> bool:
    """Whether it comes to the gold but for the last step, which the verifier does not take."""
    gold, tree = case.gold, getattr(piece.value, "tree", None)
    return tree is not None and isinstance(gold, Number) and formulas.exact(tree) == gold.value


def _spelled(case: Case, text: str, piece: Piece, gold: Number | Formula) -> bool:
    """Whether an expression of numbers is put as the answer, or may not be spelled out at all."""
    start, end = piece.start, piece.end
    tree = getattr(piece.value, "tree", None)
    if not (formulas.steps(tree) if tree else getattr(piece.value, "quotient", False)):
        return False
    if case.block:
        return not any(squeezed(text[start:end]) in squeezed(known) for known in case.public)
    before, after = around(text, start, end)
    if re.search(r"\b(?:try|how about|what about)\s+$", before):
        return False
    if _CALLED.match(text[end:][:60]):
        return True
    if alone(text, start, end) or _OPEN.match(after) or re.search(r"\d\s*=\s*$", text[:start]):
        return False
    how = case.stance(start, end) if text is case.text else _stance(case, text, start, end)
    if how is Stance.RESULT and tree:
        return not _UNFINISHED.match(text[end:][:90])
    return how is Stance.ANSWER


def _stance(case: Case, text: str, start: int, end: int) -> Stance:
    from tutelage.answers.stance import stance

    return stance(text, start, end, case.sought)


def _formula(case: Case, text: str, piece: Piece, gold: Number | Formula) -> bool:
    """Whether a formula equal to the gold is it, and not the statement's own or a longer way to
    it."""
    part = text[piece.start : piece.end]
    if case.shown(squeezed(part)):
        return _stance(case, text, piece.start, piece.end) is Stance.ANSWER and not case.shown(
            squeezed(case.answer.text)
        )
    if isinstance(piece.value, Number):
        return True
    tree = piece.value.tree  # type: ignore[union-attr]
    if isinstance(gold, Formula) and formulas.steps(tree) <= formulas.steps(gold.tree):
        return True
    signs = [
        "".join(sorted(re.sub(r"[\s*{}()\\$]", "", said))) for said in (part, case.answer.text)
    ]
    how = _stance(case, text, piece.start, piece.end)
    opens = how is Stance.RESULT and not text[: piece.start].strip()
    return signs[0] == signs[1] or (how >= Stance.RESULT and not opens)


@lru_cache(maxsize=2048)
def _written(text: str) -> re.Pattern[str] | None:
    """Finds a text as it is written, whatever spaces stand in it."""
    tokens = re.findall(r"\w+|[^\w\s]", text)[:80]
    if not tokens:
        return None
    body = r"[\s$]*".join(map(re.escape, tokens))
    return re.compile(
        (r"(?<![\w.])" if tokens[0][0].isalnum() else "") + body + r"(?![\w']|[.,]\d)",
        re.I * (len(text) > 1),
    )


def literal(case: Case) -> Leak:
    """The gold as it is written; and whatever a message puts as its answer."""
    wanted, gold = case.answer.literal, case.gold
    pattern = _written(case.answer.text) if not case.answer.letter else None
    symbols = len(re.findall(r"[^a-z]", wanted))
    if isinstance(gold, Words):
        pattern = pattern if symbols > len(wanted) / 3 else None
    plainly = len(wanted) >= 3 and symbols and not isinstance(gold, Number | Formula)
    for m in outermost(pattern.finditer(case.text)) if pattern else ():
        how = case.stance(*m.span())
        shown = pattern is not None and any(map(pattern.search, case.public))
        least = Stance.ANSWER if isinstance(gold, Number) and not gold.ordinal else Stance.RESULT
        if how is Stance.ANSWER or (not shown and (plainly or how >= least)):
            return case.leak("string", *m.span())
    if "answer" not in case.text and "nswer" not in case.text:
        return CLEAN
    for m in outermost(TABLES["phrase"].finditer(case.text), 10):
        clause = sentences.SPLIT.split(
            case.text[m.end() : m.end() + 200].strip("*_:= "), maxsplit=1
        )[0]
        before = sentences.SPLIT.split(case.text[max(0, m.start() - 60) : m.start()])[-1]
        if not clause or TABLES["denies"].search(before) or re.match(r"not\b|never\b", clause):
            continue
        if isinstance(case.gold, Words) or clause.rstrip().endswith("?"):
            continue
        for text, value in whole(clause.rstrip(". *_"), case.answer).readings:
            if text and not case.answer.letter and case.is_answer(text, value):
                return case.leak("string", m.start(), m.end() + len(clause))
    return CLEAN


RULES: tuple[Callable[[Case], Leak], ...] = (
    boxed, number, moment, items, expression, option, phrase_of, yes_or_no, literal, hidden, confirmed,
)  # fmt: skip
