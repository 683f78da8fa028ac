"""With how much a sentence says a value: counts with it, says it, lets it come out, puts it as the
answer.

Tables of words around a span; nothing here knows the value or the gold.
"""

import re
from enum import IntEnum

from tutelage.answers.tables import Table


class Stance(IntEnum):
    """How much is said of the answer by naming a value."""

    COUNTED = 0
    """It numbers or counts something else: step 2, two ways, 60 minutes in an hour."""
    WORK = 1
    """It is there to be worked with: subtract 5, 5 times, what is 5 + 1."""
    SAID = 2
    RESULT = 3
    """It comes out of something: = 5, she has 5 left."""
    ANSWER = 4
    """It is put as the answer: the answer is 5, 5 is correct, change it to 5."""


_FILL = r"""(?:[\s"'(\[{:$*_⟦]|\b[a-z]\s*=|\b(?:exactly|just|simply|actually|indeed|really|only|about|probably|maybe
|perhaps|now|then|therefore|thus|clearly|hence|again|equal|to|be|the|an?|number|value|option|choice|letter|also
|already|roughly|approximately)\b)*$"""  # noqa: E501
_BE = r"""(?:\b(?:is|are|was|be|been|being|as|to|equals?|becomes?|namely|should\sbe|must\sbe|would\sbe)\b|'s\b|[=:]|->|-)"""  # noqa: E501
NAMED = Table(
    "named",
    rf"""{{}}[\s,:"'(\[=-]*{_FILL}""",
    rf"""\b(?:answers?|solutions?|result)\b(?:(?!\b(?:is|was|are|not|than|if|for)\b)[^.!?\n]){{0,50}}?{_BE}
    \b(?:final|correct|right|expected|true|actual)_(?:\w+_)?(?:value|number|result|count|total|sum|one|choice|option|letter|amount|price)\b[^.!?\n]{{0,30}}?{_BE}
    \b(?:should|must|will|would|need_to|ha(?:ve|s)_to|ought_to|supposed_to|going_to|[a-z]+'ll)_(?:\w+_){{0,2}}?(?:get|got|find|reach|obtain|be|been|come_out|end_up|arrive|have|answer|give|write)(?:ten|ed)?(?:_(?:with|at|to|as|of|up|down))*
    \b(?:pick|choose|select|tick|circle|mark|enter|submit|write|write_down|put_down|type_in|go_with|go_for|try|settle_(?:on|for)|aim_for|how_about|what_about|make_(?:it|that)|say)
    \b(?:replace_\S+_(?:\S+_){{0,2}}?(?:with|by)|(?:change|correct|turn|fix|switch)_(?:\S+_){{1,4}}(?:to|into|for))
    ^\W*answer \b(?:yes|exactly|correct|right|indeed)\s*[,!:.]_?(?:(?:it|that)(?:'s|_is))?
    \b(?:is|isn't|would|could|wasn't)_(?:it|that|the_answer)\b(?:_(?:not|be|maybe))*
    \#{{2,4}} ⟦
    ^\W*(?:(?:so|then|no|well|but|and|ok|thus|therefore|hence)\W+)*(?:it|that|this)(?:'s|_(?:is|was|makes|must_be|equals|would_be))""",
)
NAMED_AFTER = Table(
    "named after",
    r"""^['")\]}⟧]*{}""",
    r"""_?(?:[a-z]+_){0,3}?(?:is|was|are|would_be|must_be|'s)_(?:(?:indeed|actually|the|a|my|your|also|in_fact)_)*(?:final_)?(?:correct|right|answer|solution|the_one|what_(?:you|we|they|he|she|comes|remains|is|i)\b(?!.*\bto\b))\b(?!_(?:for|to|idea|track|way|step|operation)\b)
    \s*[,!-]?_?(?:right|correct|yes|isn't_it)_?[?!.]*$
    [^.!?\n]{0,40}[,:]_(?:that|it|which)(?:_is|'s)_(?:the|your)_(?:final_)?answer _it_is\W*$""",
)
DENIED = Table(
    "denied",
    r"(?:\b{}\b|n't\b)[^,.;:!?]{0,25}$|\b(?:than|instead\s+of|rather\s+than|from|between|if)\s+(?:the\s+|your\s+|a\s+)?$",
    "not never cannot hardly neither nor",
)
DENIED_AFTER = Table(
    "denied after",
    r"^['\")]*\s*(?:\w+\s+){0,2}?(?:is|was|are|seems)(?:_?n't|\s+{}\b)",
    "not wrong incorrect too only",
)
NUMBERED = Table(
    "numbered",
    r"\b{}s?\.?\s*(?:no\.?\s*|number\s+|#)?\(?(?:\d+\s*(?:,|and|or|to|-|&)\s*)*$",
    """step problem question line page turn part attempt example section chapter case item figure table equation no
    test hint point sentence row column type day level grade room version (?:your|this|first|second|last|next)_try""",  # noqa: E501
)
COUNTED = Table(
    "counted",
    r"^[\s-](?:(?!(?:in|of|on|at|to|and|or|for|per)\b)\w+\s+)?{}\b|^\s*(?:am|pm|a\.m|p\.m)\b|^:\d\d?\b",
    r"""steps? parts? things? numbers? quantit\w+ ways? mistakes? errors? terms? values? cases? operations?
    conditions? clues? questions? sentences? facts? unknowns? equations? digits? sides? hints? problems? ideas?
    lines? kinds? words? attempts? tr(?:ies|y) decimals? reasons? factors? examples? tests? loops?
    variables? lists? options? roots? halves groups calculations? pieces_of""",  # noqa: E501
)
DIRECTED = Table(
    "directed",
    r"\b{}\b",
    r"""work_out working_out comput\w+ calculat\w+ evaluat\w+ find do doing set_up consider start begin use using
    simplif\w+ expand check think what(?:'s|_is|_are|_do) how_(?:much|many) step operation expression equation
    formula remains_to to_be left_to instead_of did_you should_i """,  # noqa: E501
)
OPERAND = Table(
    "operand",
    r"\b{}\s+(?:the\s+)?$|[-+*/^<>]\s*$",
    r"""times by plus minus per each every first last next another all both with into share\w* add\w*
    subtract\w* multipl\w+ divid\w+ take taking remove double split of for to at_least after""",
)
OUT = Table(
    "out",
    rf"(?:=|->|[:,]|^|\b{{}}\b)\s*{_FILL}",
    r"""equals? gives? gets? got getting yields? makes? leaves? leaving remain(?:s|ing)? totals? obtains?
    reach(?:es)? comes?_(?:out_)?(?:to|at|as) is are was were be becomes? has have had finds? needs?
    earns? costs? pays? eats? sells? sold buys? keeps? uses? takes? receives? saves? so thus therefore hence exactly
    only that's it's about know would_\w+ will_\w+     fits just_under just_over spends? weighs? gained lost""",  # noqa: E501
)
CLOSED = Table(
    "closed",
    r"\s*['\")\]}%⟧]*\s*(?:$|[.!?;,:)](?!\d)|\n|-\s|\b{}\b)",
    r"""because since so as in_total altogether of_them left now then again remain\w* more_than and times each dollars?
    cents? km cm m met\w+ miles? hours? minutes? seconds? days? weeks? years? degrees? percent kg grams? units? feet""",  # noqa: E501
)
RESULTING = re.compile(
    r"\b(?:left with|comes? (?:out )?(?:to|at)|(?:adds?|sums?) (?:up )?to|equal to|amounts? to"
    r"|(?:end|finish)(?:s|ed)? (?:up )?(?:with|at)|totals? of|gives? (?:us|you)|get(?:s|ting)? to)\s+$"
)
_FACTS = """hour:60_min,3600_sec minute:60_sec day:24_hour week:7_day,168_hour month:4_week,30_day,31_day,28_day
year:12_month,52_week,365_day,366_day decade:10_year century:100_year dozen:12 dollar:100_cent,4_quarter,10_dime
quarter:25_cent dime:10_cent nickel:5_cent (?:foot|feet):12_inch yard:3_feet,36_inch pound:16_ounce kilomet:1000_m
km:1000_m met(?:er|re):100_cent,1000_mill kilogram:1000_g kg:1000_g lit(?:er|re):1000_m triangle:3_side,180_degree
square:4_side,4_corner,4_equal rectangle:4_side,4_corner pentagon:5_side hexagon:6_side cube:6_face,12_edge
circle:360_degree right_angle:90_degree di(?:e|ce):6_side,6_face deck:52_card alphabet:26_letter spider:8_leg
car:4_wheel coin:2_side"""  # noqa: E501
FACTS = tuple(
    (
        re.compile(rf"\b(?:an?|one|1|each|every|per|the|of|in|full)\s+{holder.replace('_', ' ')}"),
        tuple(fact.replace("_", " ") for fact in facts.split(",")),
    )
    for holder, _, facts in (entry.rpartition(":") for entry in _FACTS.split())
)
"""What everybody knows, and a teacher may say whatever the answer is."""
LISTED = re.compile(r"(?:^|\n|[.!?;:]\s+)[ \t>*(-]*$")
SENTENCE = re.compile(r"(?<!\b[ie]\.[eg])(?<!\b[ap]\.m)[.!?;](?=\s|$|[\"'⟧)])|\n")
_NEAR = 140


def around(text: str, start: int, end: int) -> tuple[str, str]:
    """What stands before and after a span in its sentence, in lower case."""
    head, tail = text[max(0, start - _NEAR) : start], text[end : end + _NEAR]
    cut = max((m.end() for m in SENTENCE.finditer(head + "x")), default=0)
    stop = SENTENCE.search(tail)
    return head[cut:].lower(), tail[: stop.end() if stop else None].lower()


def alone(text: str, start: int, end: int) -> bool:
    """Whether the text says nothing but the span, and a name for it."""
    if len(text) > 80 + end - start:
        return False
    rest = re.sub(r"^\s*[a-z]\s*=", "", text[:start]) + text[end:]
    return not re.search(r"[^\W_]", rest)


def is_fact(figure: str, before: str, after: str) -> bool:
    """Whether a number says what everybody knows: `60 minutes in an hour`, `a week has 7 days`."""
    unit = re.match(r"([\d,]+)[\s-]+([a-z]+)", figure.lower() + after)
    if not unit:
        return False
    near = before[-30:] + after[max(0, unit.end() - len(figure)) :][:30]
    told = f"{unit[1].replace(',', '')} {unit[2]}"
    return any(told.startswith(facts) and holder.search(near) for holder, facts in FACTS)


def _is_counted(text: str, start: int, end: int, before: str, after: str) -> bool:
    figure = text[start:end]
    listed = (
        len(figure) < 3
        and figure.isdigit()
        and (
            (LISTED.search(text[max(0, start - 40) : start]) and re.match(r"[.):]\s", text[end:]))
            or (text[start - 1 : start] == "(" and re.match(r"\)\s+[a-z]", text[end:]))
        )
    )
    return bool(
        listed or NUMBERED.search(before) or COUNTED.match(after) or re.search(r"\d:$", before)
    )


def stance(text: str, start: int, end: int, sought: frozenset[str] = frozenset()) -> Stance:
    """What the sentence does with `text[start:end]`; `sought` are names of what is asked for."""
    if alone(text, start, end):
        return Stance.ANSWER
    before, after = around(text, start, end)
    noun = re.match(r"[\s-]*([a-z]+)(?:\s+([a-z]+))?", after)
    of_it = noun is not None and any(w and w.removesuffix("s") in sought for w in noun.groups())
    if not of_it and is_fact(text[start:end], before, after):
        return Stance.COUNTED
    if not of_it and _is_counted(text, start, end, before, after):
        return Stance.COUNTED
    denied = DENIED.search(before) and not re.search(r"n't (?:it|that)\b", before)
    if denied or DENIED_AFTER.match(after):
        return Stance.SAID
    if (
        _is_sought(before, sought)
        or _sought_after(after, sought)
        or NAMED.search(before)
        or NAMED_AFTER.match(after)
    ):
        return Stance.ANSWER
    if re.search(r"\d\W*(?:[a-z%]+\s*){0,6}=\s*$", before) and not re.match(r"\s*[-+*^/]", after):
        return Stance.RESULT
    resulting = RESULTING.search(before)
    if OPERAND.search(before) and not resulting:
        return Stance.WORK
    if DIRECTED.search(before) and not re.search(r"=\s*$", before):
        return Stance.WORK
    if not before.strip(" *_") and re.match(
        r"\s+(?:are|is|remains?|stay\w*)\b(?:\s+left)?\W*$", after
    ):
        return Stance.RESULT
    comes_out = (OUT.search(before) or resulting) and CLOSED.match(after)
    return Stance.RESULT if of_it or comes_out else Stance.SAID


_SUBJECT = re.compile(
    r"^\W*(?:(?:so|then|thus|therefore|hence|and|but|now|which means|that means)\W+)*(?:the|her|his|its|their|your)?\s*"  # noqa: E501
    r"((?:[a-z'-]+\s+){0,5}?[a-z'-]+)\s*"
    r"(?:\b(?:is|equals|was|comes\s+(?:out\s+)?to|becomes|must\s+be|should\s+be|would\s+be|will\s+be)\b|[=:])\s*"
    + _FILL.replace("\n", "")
)
_LITTLE = frozenset(["of", "the", "for", "a", "in", "all", "her", "his", "to", "an", "each"])


_PREDICATE = re.compile(
    r"^\s*(?:is|are|was|would be|equals)\s+(?:the|her|his|its|their|your|what|how)\s+([a-z' ]+)"
)


def _sought_after(after: str, sought: frozenset[str]) -> bool:
    """Whether the sentence says of a value that it is what is asked for: `12 is the area`."""
    m = _PREDICATE.match(after)
    words = [w.removesuffix("s") for w in m[1].split() if w not in _LITTLE][:3] if m else []
    return (bool(words) and words[0] in sought - {"number", "total"}) or bool(
        set(words[:2]) & sought and len(words) > 1
    )


def _is_sought(before: str, sought: frozenset[str]) -> bool:
    """Whether the subject of the sentence is what is asked for: `her average score is`."""
    m = _SUBJECT.match(before)
    return bool(m) and {w.removesuffix("s") for w in m[1].split()} - _LITTLE <= sought  # type: ignore[index]
