r"""Which part of a student's message is its final answer. One stated rule, in this order:

1. the last `\boxed{...}`, `#### x` or `<answer>x</answer>` (`marks`);
2. the last phrase "the answer is x", to the end of its sentence;
3. the last sentence that gives a value of the gold's kind, with the sum it stands in (`12/4 = 3`
   gives 3). `x ≈ y` gives both.

No answer rests on a question, on a sentence that checks, or on one that denies, bounds or doubts;
nor on a sum that does not hold. What a message says afterwards counts, too: "no, it is 17" makes it
17, "that is wrong" takes it back, "or 6" makes it two answers, which are none (`sentences`). Listing
guesses gains nothing.
"""

import re

from tutelage.answers import choices, lists, sentences
from tutelage.answers.equality import OPPOSITES, SEVERAL, difference, squeezed
from tutelage.answers.gold import Answer
from tutelage.answers.marks import NOTHING, Final, Reading, letter, marked, reply, trimmed, whole
from tutelage.answers.moments import moments
from tutelage.answers.pieces import pieces
from tutelage.answers.plain import plain
from tutelage.answers.prose import number_of, refused
from tutelage.answers.reading import bare, read
from tutelage.answers.tables import TABLES
from tutelage.answers.values import Formula, Items, Moment, Number, Relation, Value, Words

TAKEN_BACK = "taken back"
_APPENDS = re.compile(
    r",\s+(?:the|an?|who|that|not|and not|or rather|followed|ahead|while|whereas|unlike"
    r"|around|about|circa)\s"
    r"|,\s+(?:at|with|compared)\s|\s(?:who|that)\s|,\s+(?:\w+\s+){1,3}(?:after|before)\s"
    r"|\s+(?:rather than|instead of|as opposed to)\s"
    r"|,?\s+and not\s|,\s*as\s|\s(?:in total|because|since)\b"
)
_GROUPED = re.compile(
    r"(?:matrix)?(?:\{[^{}]*\}|[(\[](?:[^()\[\]]|[(\[][^()\[\]]*[)\]])*,(?:[^()\[\]]|[(\[][^()\[\]]*[)\]])*[)\]])"
)
_GOES_ON = re.compile(
    r"\s*[,;]\s+(?:as|which was|by|since|because|so|where)\b"
    r"|\s+(?:cm|units?|square|cubic|in total|because|since)\b"
)
_DENIED = re.compile(r"(?:\b(?:not|never|cannot)|n't)\s+(?:\w+\s+){0,2}\S*$")
_QUOTED = re.compile(r"^> ?", re.M)
_SUPPORTS = re.compile(
    r"\W*(?:(?:here's|here is) )?(?:the |a |quick )*"
    r"(?:breakdown|explanation|reasoning|details?|proof|why)\W*$",
    re.I,
)
"""The heading of what supports an answer that stands before it."""
_CONCLUDES = re.compile(r"\W*(?:so|thus|therefore|hence)\b(?!.*[✓])", re.I)
_CONCLUDED = re.compile(r"[,;]\s+(?:so|therefore|thus|hence)\b", re.I)
_LEAD = re.compile(
    r"^.*\b(?:so|therefore|thus|hence|then|i\.e\.),?\s+|^\W*(?:since|because|as|given)\b.*,\s+(?!\d{3})",
    re.I | re.S,
)
_CLAUSE = re.compile(r"[,;]\s+(?:which|so|thus|hence)\b")
_INFERS = re.compile(r"\b(?:so|therefore|thus|hence|which|implies|means|gives?|yields?)\b")
"""What comes after is the answer, and not what comes before."""
_CONDITION = re.compile(r"\b(?:if|given|when|where)\b|:")
_IS_IT = re.compile(
    r"\s+(?:is|are)\s+(?:the|our|my)\s+(?:\w+\s+)?(?:answer|solution|result)s?\s*$", re.I
)
_AGENT = re.compile(r"\bby\s+(.+?)(?:(?:,|\s+(?:in|at|on|around)\b).*)?$")
_TELLS = re.compile(r"\d[^,;]*\s(?:is|are|was|were)\s+[a-z]{3}")
_COMPARED = re.compile(
    r"(\s+\w+\s+(?:[^,]* )?(?:more|less|fewer|\w+er)\b[^,]*?)\s+than\s+\w+", re.I
)
"""`is 4 cm taller than Ben`."""
_THINGS = re.compile(r"\d+ [a-z]{3,}(?:,| and) \d+ [a-z]{3,}|.*\bor\b.*")
"""`8 cows and 12 chickens`, `1/2, or 50 %`: not one value, but a sentence may say which."""
_PRONOUN = re.compile(r"\W*(?:so\W+)?(?:it|this|that|they|these)\b", re.I)
_ARTICLE = re.compile(r"^(?:the|an?)\s+", re.I)
_DISOWNS = re.compile(
    r"[\s$*)]*(?:(?:is|was|seems|looks)\s+(?:not|wrong|incorrect|false|off)\b|(?:is|was)n't\b|can(?:not|'t)\b)",
    re.I,
)
"""What takes an answer back in the sentence that marks it."""


def final_answer(message: str, gold: Answer) -> Final:
    """The final answer of `message`, as the gold's kind wants it."""
    text = plain(trimmed(message))
    if isinstance(gold.value, Items) and gold.value.brackets[-1:] in (")", "]"):
        text = lists.in_signs(text)
    else:
        text = _QUOTED.sub("", text)
    marked_answer = marked(text, gold)
    if marked_answer is None and gold.letter:
        name, reason = choices.chosen(text)
        if name and choices.contradicted(text, name, gold.statement.options):
            return letter(name, SEVERAL)
        if name or reason:
            return letter(name, reason)
    elif marked_answer is None and gold.words in OPPOSITES:
        return _yes_or_no(text, gold)
    final, rest = marked_answer or _stated(text, gold)
    return final if final.reason else _reconsidered(final, rest, gold)


def _stated(text: str, gold: Answer) -> tuple[Final, str]:
    """The answer by rules 2 and 3, and what stands after its sentence."""
    if (alone := _alone(text, gold)) is not None:
        return alone, ""
    if isinstance(gold.value, Items) and (listed := lists.itemised(text)):
        return whole(listed, gold), ""
    for clause, end in sentences.clauses(text):
        if (final := _of_clause(clause, gold)) is not None:
            return final, text[end:]
    if isinstance(gold.value, Items) and (named := lists.assigned(text, gold.value)):
        return named
    parts = _parts(lists.ITEM.sub("", text))
    told = next((n for n, p in enumerate(parts) if n and _SUPPORTS.match(p)), len(parts))
    if told < len(parts) and (before := _stated("\n".join(parts[:told]), gold))[0].readings:
        return before
    checked = next((n for n, p in enumerate(parts) if TABLES["checks"].search(p)), len(parts))
    for n, part in reversed(list(enumerate(parts))):
        aside = n > 0 and part[:1] == "(" and part.rstrip(". ")[-1:] == ")"
        skipped = aside or sentences.asks(part) or TABLES["closes"].search(part)
        rests = not skipped and (
            n < checked or _CONCLUDES.match(part) or (not checked and _CONCLUDED.search(part))
        )
        if rests and (final := _of_sentence(part, gold)) is not None:
            return final, "\n".join(parts[n + 1 :])
    return NOTHING, ""


def _parts(text: str) -> list[str]:
    return [part for part in sentences.SPLIT.split(text) if part and part.strip()]


def _alone(text: str, gold: Answer) -> Final | None:
    """A message that is one value and nothing else."""
    if "\n" in text.strip():
        return None
    shown = bare(text if re.fullmatch(r"\d+!", text.strip()) else _shortened(text, gold))
    value = read(shown)
    listed = isinstance(value, Items) and (_TELLS.search(shown) or _THINGS.fullmatch(shown))
    told = listed or re.search(r"n't\b|\bnot\b", shown)
    if isinstance(gold.value, Number) and told:
        return None
    if isinstance(value, Words):
        fits = value.text == gold.words
    elif isinstance(value, Items) and any(isinstance(i, Words) for i in value.items):
        wanted = gold.value.items if isinstance(gold.value, Items) else ()
        fits = len(wanted) == len(value.items) and any(isinstance(i, Words) for i in wanted)
        fits = fits and not _PRONOUN.match(shown)
    elif isinstance(value, Relation) and isinstance(gold.value, Number | Formula):
        left = value.left
        worked = isinstance(left, Number) and isinstance(value.right, Formula)  # 420 = 7 * 60
        fits = worked or (isinstance(left, Formula) and left.tree[0] == "v")
    else:
        fits = "?" not in shown[-2:]
    joined = isinstance(value, Items | Relation)
    one = not (joined and (_CONCLUDED.search(shown) or len(_parts(text)) > 1))
    return whole(shown, gold) if fits and one else None


_NEARLY = re.compile(
    r",?\s+(?:which is|or|that is|i\.e\.)\s+(?:about|approximately|roughly|around)\s+(?=[$\d.])",
    re.I,
)


def _shortened(clause: str, gold: Answer) -> str:
    whole = sentences.AFTERTHOUGHT.search(gold.text) is not None  # the gold has a like one
    clause = sentences.plainly(clause if whole else _NEARLY.sub(" ≈ ", clause), whole)
    return clause.strip().rstrip(".* " if gold.text.endswith("!") else "!.* ")


def _heads(clause: str) -> list[str]:
    """A clause, without what explains it, and without what is appended."""
    head = sentences.EXPLAINS.split(clause, maxsplit=1)[0].strip(" *_.")
    heads = dict.fromkeys((clause, head, _APPENDS.split(head, maxsplit=1)[0]))
    return [head for head in heads if head]


def _of_clause(clause: str, gold: Answer) -> Final | None:
    """What a clause after "the answer is" says; None where it says nothing of the gold's kind."""
    clause = _shortened(clause, gold)
    if isinstance(gold.value, Number):
        final = number_of(clause, True, gold)
        several = final is not None and final.reason == SEVERAL and "=" in clause
        return number_of(clause, False, gold) if several else final
    heads = _heads(clause)
    readings = [reading for head in heads for reading in whole(head, gold).readings]
    readings += [r for head in heads[:2] for r in _of_kind(head, gold, first=True)]
    return Final(tuple(readings)) if readings else None


def _of_sentence(sentence: str, gold: Answer) -> Final | None:
    """What a sentence gives as its answer; None where it gives none."""
    text = _shortened(sentence, gold)
    if isinstance(gold.value, Number):
        return number_of(text, False, gold)
    if TABLES["doubts"].search(text):
        return NOTHING
    readings = _of_kind(text, gold)
    verbs = [m for m in TABLES["copula"].finditer(text) if text[m.end() :].strip()]
    first = [m for m in verbs[:1] if not _INFERS.search(text, m.end())]
    near = verbs[-1 - len(gold.literal) : -1]  # before more verbs stands more than the gold
    first += [m for m in near if squeezed(text[m.end() :]) == gold.literal]
    for m in (*verbs[-1:], *first):
        before, tail = _CLAUSE.split(text[: m.start()])[-1], text[m.end() :]
        if not TABLES["denies"].search(before) and not tail.lower().startswith(sentences.NEGATIONS):
            for head in _heads(tail):
                readings += whole(head, gold).readings
    agent = _AGENT.search(text) if gold.words and "who" in gold.statement.question else None
    if agent and not TABLES["denies"].search(text):
        readings += whole(agent[1], gold).readings
    if lead := _LEAD.match(text):
        readings += whole(text[lead.end() :], gold).readings
    if isinstance(gold.value, Items) and (listed := lists.all_numbers(text, gold.value)):
        readings.append(listed)
    if is_it := _IS_IT.search(text):
        readings += whole(_LEAD.sub("", text[: is_it.start()]), gold).readings
    readings += whole(text, gold).readings
    if gold.words:
        readings += _subject(text, gold)
    return NOTHING if _DENIED.search(text) and readings[0][0] != text else Final(tuple(readings))


def _of_kind(text: str, gold: Answer, first: bool = False) -> list[Reading]:
    """The last value of the gold's kind in a sentence, or the first."""
    spans: list[tuple[int, int, Value]] = []
    if isinstance(gold.value, Moment):
        spans = list(moments(text))
    elif isinstance(gold.value, Items):
        every = [(*m.span(), read(bare(m[0]))) for m in _GROUPED.finditer(text)]
        spans = [span for span in every if isinstance(span[2], Items)]
    elif isinstance(gold.value, Formula):
        spans = [(p.start, p.end, p.value) for p in pieces(text)]
    if not spans:
        return []
    start, end, value = spans[0 if first else -1]
    goes_on = re.search(r"\w{3}", text[end:]) and not _GOES_ON.match(text[end:])
    if (isinstance(gold.value, Formula) and not first and goes_on) or refused(text, start, end):
        return []
    return [(text[start:end], value)]


def _subject(sentence: str, gold: Answer) -> list[Reading]:
    """`Dana is the tallest` says Dana, where the question asks who is the tallest."""
    text = sentences.EXPLAINS.split(_LEAD.sub("", sentence).strip(), maxsplit=1)[0]
    text, name = _ARTICLE.sub("", text), _ARTICLE.sub("", gold.text)
    rest = text[len(name) :]
    if text.lower() == f"{name.lower()} is":
        return [(gold.text, gold.value)]
    if not text.lower().startswith(name.lower()) or not re.match(r"\s+\w", rest):
        return []
    compared = _COMPARED.fullmatch(rest)
    rest = compared[1] if compared else rest
    if TABLES["denies"].search(text) or re.search(r"\b(?:or|and|than|nor|no)\b", rest, re.I):
        return []
    asked = set(re.findall(r"\w{3,}", _CONDITION.split(gold.statement.question)[0]))
    words = set(re.findall(r"\w{3,}", rest.lower())) - {"must", "was", "has"}
    return [(gold.text, gold.value)] if words and words <= asked else []


def _yes_or_no(text: str, gold: Answer) -> Final:
    """Yes or no; both are none."""
    turned = choices.sides(text, gold.statement)
    answers = [(side, part) for part in _parts(text) if (side := choices.side(part)) is not None]
    if not (answers := answers or turned):
        return NOTHING
    last, part = answers[-1]
    beside = [(side, within) for side, within in turned if within in part]
    several = any(side is not last for side, _ in (*answers, *beside))
    return reply(last, gold, SEVERAL if several else "")


def _reconsidered(final: Final, rest: str, gold: Answer) -> Final:
    """The answer after what the message says of it afterwards."""
    if not rest.strip():
        return final
    if _DISOWNS.match(rest):
        return Final(final.readings, TAKEN_BACK)
    parts = _parts(rest)
    checks = [TABLES["checks"].search(part) is not None for part in parts]
    checking = checks.index(True) if True in checks else len(parts)
    after = list(zip(parts, checks, strict=True))[checking:]
    turns = [part for part, check in after if not check and sentences.doubt(part)]
    turned = sentences.doubt("\n".join((*parts[:checking], *turns)))
    if turned is None:
        concluded = "\n".join(part for part in parts[checking + 1 :] if _CONCLUDES.match(part))
        other, _ = _stated(concluded, gold) if concluded else (NOTHING, "")
        return final if other.reason or _agree(final, other, gold) else other
    kind, words = turned
    other, _ = _stated(bare(words), gold)
    if not other.readings or other.reason:
        return Final(final.readings, TAKEN_BACK) if kind == "takes_back" else final
    if _agree(final, other, gold):
        return final
    return Final(final.readings, SEVERAL) if kind == "hedges" else other


def _agree(one: Final, other: Final, gold: Answer) -> bool:
    return any(
        squeezed(text) == squeezed(again) or difference(value, second, gold.statement) == ""
        for text, value in one.readings
        for again, second in other.readings
    )
