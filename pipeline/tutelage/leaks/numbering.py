"""Numbers that say nothing of a quantity: of steps and pages, list items, times of day, dates."""

import re

from tutelage.leaks.contexts import Place

_NUMBERED = re.compile(
    r"\b(step|problem|question|line|page|turn|part|attempt|example|exercise|section|chapter|case|item|"
    r"figure|fig|table|equation|eq|no|option|test|hint|point|sentence|paragraph|version|round|level|"
    r"row|column|grade|class|rule|method|theorem|lemma|task|day|lesson|unit|appendix|volume|type|"
    # "Try 37" offers a number; only "your try 2" counts one.
    r"room|(?:the|your|this|that|my|our|next|last)\s+try)"
    r"s?\.?\s*(?:no\.?\s*|number\s+|nr\.?\s*|#\s*)?\(?(?:\d+\s*(?:,|and|or|to|-|&|/)\s*)*$"
)
_CLOCK = re.compile(r"\d:$")
_CLOCK_AFTER = re.compile(r":\d\d\b|\s*(?:am|pm|a\.m|p\.m|bc|ad|bce)\b")
_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|March|Mar|April|Apr|May(?!\s+(?:be|have|not)\b)|June?|July?|"
    r"Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b"
)
_DATE = re.compile(rf"\b{_MONTH}\.?\s+$")
_DATE_AFTER = re.compile(rf"(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}")
_ASKS_DATE = re.compile(r"\b(?:date|days?|when|birthday|month)\b")
_LISTED = re.compile(r"(?:^|\n)[ \t>*(-]*$")
_LISTED_AFTER = re.compile(r"(?:[.):]|\s-)[ \t]+[^\s\d]")
_STARTS = re.compile(r"(?:^|[.!?;:]\s+|\n)$")
_REACH = 2000
"""Characters at most between two items of a list."""


def numbering(at: Place, question: str) -> bool:
    """`step 2`, `lines 3 and 5`, `2. Subtract`, `10:30`, unless the problem asks for such a thing."""
    numbered = _NUMBERED.search(at.before)
    if numbered:
        return numbered[1] not in question
    if _CLOCK.search(at.before) or _CLOCK_AFTER.match(at.after):
        return True
    return dated(at, question) or _item(at)


def dated(at: Place, question: str) -> bool:
    """`19 March`, `May 12`: months are known by their capital, as `may` is a verb."""
    if not at.said.isdigit() or len(at.said) > 2 or _ASKS_DATE.search(question):
        return False
    before, after = at.text[max(0, at.start - 12) : at.start], at.text[at.end : at.end + 20]
    return bool(_DATE.search(before) or _DATE_AFTER.match(after))


def _item(at: Place) -> bool:
    """`2. Subtract`, `2) subtract` or `(2) subtract` after an item 1, or as a first item."""
    if not at.said.isdigit() or len(at.said) > 2:
        return False
    before = at.text[max(0, at.start - _REACH) : at.start]
    after = at.text[at.end : at.end + _REACH]
    earlier, later = int(at.said) - 1, int(at.said) + 1
    in_lines = _LISTED_AFTER.match(after) and _LISTED.search(before[-40:])
    # A list begins with 1, or goes on from the item before.
    if in_lines and (earlier == 0 or re.search(rf"(?:^|\n)[ \t>*(-]*{earlier}[.):]", before)):
        return True
    if after[:1] == ")":
        bracket = r"\(" if before[-1:] == "(" else r"(?<!\()\b"
        mark = rf"(?<![\w.]){bracket}%d\)\s"
        if before[-1:] == "(" and before[-2:-1].isalnum():
            return False  # A function's argument: f(2).
    elif re.match(r"[.:]\s+[a-z]", after) or (
        re.match(r"[.:]\s+\S", after) and _STARTS.search(before[-40:])
    ):
        mark = r"(?<![\w.,=+*/^-])(?<![=+*/^-]\s)%d[.:]\s"
    else:
        return False
    if earlier == 0:
        return bool(re.search(mark % later, after))
    return bool(re.search(mark % earlier, before))
