"""An answer that is the subject of its sentence: `Dana is the tallest`."""

import re

from tutelage.answers import sentences
from tutelage.answers.gold import Answer
from tutelage.answers.values import Value

_LEAD = re.compile(r"^.*\b(?:so|therefore|thus|hence|then),?\s+", re.I | re.S)
_CONDITION = re.compile(r"\b(?:if|given|when|where)\b")


def subject(sentence: str, gold: Answer) -> list[tuple[str, Value]]:
    """`Dana is the tallest` says Dana, where the question asks who is the tallest."""
    said = _LEAD.sub("", sentence).strip()
    rest = said[len(gold.text) :]
    if not said.lower().startswith(gold.text.lower()) or not re.match(r"\s+\w", rest):
        return []
    if sentences.DENIES.search(said) or re.search(r"\b(?:or|and|than|nor)\b", rest, re.I):
        return []
    asked = set(re.findall(r"\w{3,}", _CONDITION.split(gold.statement.question)[0]))
    words = set(re.findall(r"\w{3,}", rest.lower())) - {"must", "was", "has"}
    return [(gold.text, gold.value)] if words and words <= asked else []
