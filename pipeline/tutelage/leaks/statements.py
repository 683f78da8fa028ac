"""What the statement of a problem asks, and which options it offers."""

import re

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
    {"value", "result", "answer", "solution", "total", "final", "correct", "new", "overall"}
)
_ACTS = (
    (r"\bint|evaluate", "integral"),
    (r"differentiat|deriv", "derivative"),
    (r"\bsum|total|altogether|in all", "sum"),
    (r"solve|solution|root", "root"),
    (r"product", "product"),
    (r"simplify|expand|evaluate", "expression"),
)


def question(statement: str) -> str:
    """The last sentence that asks, or else the last one, in lower case, without options below it."""
    cut = _OPTION.search(statement)
    text = statement[: cut.start()] if cut and _name(cut) == "A" else statement
    sentences = [part.strip() for part in re.split(r"(?<=[.?!])\s+|\n", text) if part.strip()]
    asking = [part for part in sentences if part.endswith("?")]
    return (asking or sentences or [""])[-1].lower()


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
