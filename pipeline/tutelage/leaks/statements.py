"""What the statement of a problem asks, and which options it offers."""

import re
from functools import lru_cache

from tutelage.leaks.quantities import Mention, Number, mentions

_OPTION = re.compile(r"(?:^|(?<=[\s(]))\(?(?:([A-J])[).:]|([a-j])\))\s*(?=\S)")
_ASKED = re.compile(r"\b(?:how\s+many|number\s+of)\s+((?:[a-z-]+\s+){1,4})")
_SOUGHT = re.compile(
    r"\b(?:(?:what|which)(?:'s|\s+(?:is|are|was|were|(?:will|would|must)\s+be))?|find|determine|compute|"
    r"calculate|evaluate|give|state|name|how\s+(?:many|much))\s+"
    r"(?:(?:the|her|his|its|their|an?)\s+)?((?:[a-z'-]+\s*){1,4})"
)
_NO_NOUN = frozenset(
    {
        *("do", "does", "did", "is", "are", "was", "were", "will", "can", "could", "has", "have"),
        *("had", "would", "should", "must", "to", "in", "of", "on", "at", "more", "fewer", "less"),
        *(
            "total",
            "that",
            "which",
            "who",
            "there",
            "he",
            "she",
            "they",
            "you",
            "it",
            "per",
            "each",
        ),
        *("left", "if"),
    }
)
_ANY_ANSWER = frozenset(
    {
        "value",
        "result",
        "answer",
        "solution",
        "total",
        "final",
        "correct",
        "new",
        "overall",
        "exact",
    }
)
_ACTS = (
    (r"\bint|evaluate", "integral"),
    (r"differentiat|deriv", "derivative"),
    (r"\bsum|total|altogether|in all", "sum"),
    (r"solve|solution|root", "root"),
    (r"product", "product"),
    (r"simplify|expand|evaluate", "expression"),
)


_SENTENCE_END = re.compile(r"(?<=[.?!])\s+|\n")


def question(statement: str) -> str:
    """The last sentence that asks, or else the last one, in lower case, without options below it."""
    cut = _OPTION.search(statement)
    text = statement[: cut.start()] if cut and _name(cut) == "A" else statement
    said = sentences(text)
    asking = [part for part in said if part.endswith("?")]
    return (asking or said or [""])[-1].lower()


def sentences(text: str) -> list[str]:
    """The sentences of `text`, none of them empty."""
    return [part.strip() for part in _SENTENCE_END.split(text) if part.strip()]


def _name(option: re.Match[str]) -> str:
    return (option[1] or option[2]).upper()


def _until_verb(words: str) -> list[str]:
    nouns: list[str] = []
    for word in words.split():
        if word in _NO_NOUN:
            break
        nouns.append(word.removesuffix("s"))
    return nouns


def counted_nouns(asked: str) -> frozenset[str]:
    """What a question asks the number of: `egg` in "how many eggs are left?"."""
    return frozenset(n for found in _ASKED.finditer(asked + " ") for n in _until_verb(found[1]))


_NO_THING = frozenset(
    {
        *("and", "or", "of", "in", "on", "at", "to", "for", "from", "by", "with", "than", "each"),
        *("every", "per", "percent", "times", "time", "is", "are", "was", "more", "less", "fewer"),
        *("then", "now", "left", "away", "as", "the", "a", "but", "if", "how", "what", "x"),
    }
)


@lru_cache(maxsize=1024)
def counted(text: str) -> frozenset[tuple[Number, str]]:
    """Numbers with the word after each: `{(3, "red"), (2, "blue")}` for "3 red and 2 blue ribbons"."""
    found = ((mention.value, word_after(text, mention)) for mention in mentions(text))
    return frozenset((value, word) for value, word in found if word)


def word_after(text: str, mention: Mention) -> str:
    """The word right after a number, in lower case and without a plural's s."""
    following = re.match(r"[\s-]*([a-zA-Z]+)", text[mention.end : mention.end + 40])
    return following[1].lower().removesuffix("s") if following else ""


def things_asked(asked: str, statement: str) -> frozenset[str]:
    """What is to be counted; for a bare "how many are left?" all that the statement counts."""
    named = counted_nouns(asked)
    if named or "how many" not in asked:
        return named
    return frozenset(word for _, word in counted(statement) if word not in _NO_THING)


def quantity(asked: str) -> frozenset[str]:
    """What the quantity is called that a question asks for, with the names that any answer has.

    Of "what is her average score?" it is `average`, `score`, `value`, `result` and so on.
    """
    words = {word for found in _SOUGHT.finditer(asked) for word in _until_verb(found[1])}
    words |= {"number", "amount"} if re.search(r"how (?:many|much)|number of", asked) else set()
    return _ANY_ANSWER | words | {noun for verb, noun in _ACTS if re.search(verb, asked)}


def options(statement: str) -> dict[str, str]:
    """The options of a multiple-choice statement: `{"A": "Mars", "B": "Jupiter"}`."""
    found = list(_OPTION.finditer(statement))
    start = next((i for i, option in enumerate(found) if _name(option) == "A"), len(found))
    offered: dict[str, str] = {}
    for option, following in zip(found[start:], [*found[start + 1 :], None], strict=False):
        name = _name(option)
        if ord(name) - ord("A") != len(offered):
            break
        end = following.start() if following else len(statement)
        line = statement[option.end() : end].strip().split("\n")[0]
        offered[name] = line.strip().rstrip(".,;").strip()
    return offered if len(offered) >= 2 else {}
