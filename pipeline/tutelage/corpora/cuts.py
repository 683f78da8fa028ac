"""Cuts a fully specified problem into shards by rule; Lost in Conversation uses a model for this.

The question comes first, then every other sentence, in order. A condition inside the question
becomes a shard of its own. Example:

    Ann has 9 pears. She eats 2. If she gives away 3, how many pears are left?
    ->  How many pears are left? | Ann has 9 pears. | She eats 2. | She gives away 3.

Nothing may be lost or invented: each number and content word must occur in the shards as often as
in the statement, or the problem is refused. Sentences are not rewritten. One that says "she" is
only clear after the one with the name, so shards must be revealed in order.
"""

import re
from collections import Counter
from dataclasses import replace

from tutelage.corpora.source import definitions
from tutelage.errors import BadRow
from tutelage.records import Problem

_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|etc|No|Fig|approx|e\.g|i\.e|a\.m|p\.m|U\.S)|\b[A-Z])\.$"
)
_END = re.compile(r"[.!?][\"')\]]*\s+(?=[\"'(\[$\\]*[A-Z0-9`$\\])|\n\s*\n")
_ASKS = re.compile(
    r"(?:find|compute|determine|calculate|evaluate|write|simplify|express|solve|prove|give|"
    r"implement|create|what|how|which|who|when|where|return|design|develop)\b",
    re.IGNORECASE,
)
_CONDITION = re.compile(
    r"(?P<if>(?:If|Given that|Suppose|When) )(?P<condition>.+?), (?:and |then )?"
    r"(?P<question>(?:in |by |for |at |to )?(?:how|what|which|who|when|where)\b.*\?)$",
    re.DOTALL,
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_EMPTY = frozenset(
    re.findall(
        r"\w+",
        """
    a an and are as at be been but by did do does for from given had has have he her his how if
    in is it its of on or she so suppose that the their them then there these they this to was
    were when will with
""",
    )
)
"""Words without content, which may be dropped when a condition becomes a sentence."""


def cut(problem: Problem) -> Problem:
    """The problem with at least two shards.

    Raises:
        BadRow: the rule cannot cut it (`uncuttable`).
    """
    if definitions(problem.statement):
        raise BadRow("uncuttable", "the statement is code, not sentences")
    pieces = sentences(problem.statement)
    index = _question(pieces)
    head = pieces[index]
    rest = [*pieces[:index], *pieces[index + 1 :]]
    if match := _CONDITION.match(head):
        head = _capital(match["question"])
        rest.append(f"{_capital(match['condition'])}.")
    shards = (head, *rest)
    if len(shards) < 2:
        raise BadRow("uncuttable", "the statement is a single sentence")
    if lost := lack(problem.statement, shards):
        raise BadRow("uncuttable", f"the shards would change the problem: {', '.join(lost)}")
    return replace(problem, hint_shards=shards)


def sentences(text: str) -> list[str]:
    """The sentences of a text; abbreviations and decimal points do not end a sentence.

    >>> sentences("Mr. Li has 3.5 kg. How much is left?")
    ['Mr. Li has 3.5 kg.', 'How much is left?']
    """
    parts, start = [], 0
    for match in _END.finditer(text):
        if _ABBREVIATION.search(text[start : match.end()].rstrip()):
            continue
        parts.append(text[start : match.end()].strip())
        start = match.end()
    parts.append(text[start:].strip())
    return [sentence for sentence in parts if sentence]


def lack(statement: str, shards: tuple[str, ...]) -> list[str]:
    """Numbers and content words whose counts differ between the statement and its shards."""
    statement_facts, shard_facts = _facts(statement), _facts("\n".join(shards))
    return sorted({*(statement_facts - shard_facts), *(shard_facts - statement_facts)})


def _facts(text: str) -> Counter[str]:
    words = (word.lower() for word in _WORD.findall(text))
    facts = Counter(word for word in words if word not in _EMPTY)
    return facts + Counter(_NUMBER.findall(text))


def _question(pieces: list[str]) -> int:
    """Index of the sentence that asks: the last question, else the first instruction."""
    asking = [index for index, piece in enumerate(pieces) if piece.rstrip("\"')]").endswith("?")]
    if asking:
        return asking[-1]
    for index, piece in enumerate(pieces):
        if _ASKS.match(piece):
            return index
    raise BadRow("uncuttable", "no sentence asks anything")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
