"""Which part of a student's message is its final answer. One stated rule, in this order:

1. the last `\\boxed{...}` (or `\\fbox`), its braces balanced. One that is never closed means that
   the message was cut off: there is no answer. Two boxes joined by "or" are two answers: none;
2. the last line with `#### x`, else the last `<answer>x</answer>`;
3. the last phrase "answer is x", "answer: x", "answer = x", to the end of its sentence;
4. for a gold that is a number: the last number of the message, with the sum it stands in
   (`12/4 = 3` gives 3, `3 + 4` gives 3 + 4);
   for any other gold: the formula that ends the last line, or else that line.

Where a number is wanted, rules 3 and 4 take it from running text, and take care: after `=` comes
the result; numbers that name a step, number a list, stand in a question, or follow "not", "than",
"at least" and the like are no answer; and numbers offered side by side ("12 or 13", "12, 13") are
none either. Apart from that the last candidate counts and nothing before it does, so listing
guesses gains nothing.

This module reads text and judges nothing: it does not know the gold.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tutelage.verifiers.quantity import plain, read

NO_ANSWER = "no answer"
CUT_OFF = "cut off before the answer ended"
HEDGED = "more than one answer"
LONGEST = 20_000
"""Characters of a message that are read; an answer stands at the end, so its end is kept."""
_PHRASES = 20
"""Phrases that are tried, from the last one back."""


@dataclass(frozen=True, slots=True)
class Final:
    """A final answer as it stands in a message."""

    text: str
    """Empty where there is none."""
    reason: str = ""
    """Why there is none."""


def final_answer(message: str, number: bool) -> Final:
    """The final answer of `message`; `number` says whether the gold is one."""
    message = message[-LONGEST:]
    if "<<" in message:
        message = _WORKING.sub("", message)
    message = message.strip()
    if not message:
        return Final("", NO_ANSWER)
    if "\\" in message:
        boxed = _boxed(message)
        if boxed is not None:
            return boxed
    for marked in reversed(_MARK.findall(message)):
        if marked.strip():
            return Final(marked.strip())
    if tagged := _tagged(message):
        return Final(tagged)
    return _number(message) if number else _phrase(message) or _line(message)


def marked_answer(message: str) -> Final:
    """The answer of a message that may be a whole text, such as a grid: for other scorers than ours.

    The last `<answer>x</answer>`, all its lines; else rules 1 to 3; else the whole message.
    """
    message = message[-LONGEST:].strip()
    tagged = _tagged(message)
    if tagged is not None:
        return Final(tagged, "" if tagged else NO_ANSWER)
    if _BOX.search(message) or _MARK.search(message):
        return final_answer(message, number=False)
    return _phrase(message) or Final(message, "" if message else NO_ANSWER)


def _tagged(message: str) -> str | None:
    end = message.rfind("</answer>")
    start = message.rfind("<answer>", 0, max(end, 0))
    return message[start + len("<answer>") : end].strip() if start >= 0 else None


def _boxed(message: str) -> Final | None:
    found: list[tuple[int, int, str]] = []
    for match in _BOX.finditer(message):
        if match[1]:
            found.append((match.start(), match.end(), match[1]))
            continue
        end = _closing(message, match.end() - 1)
        if end < 0:
            return Final("", CUT_OFF)
        if inside := message[match.end() : end].strip():
            found.append((match.start(), end + 1, inside))
    if not found:
        return None
    text = found[-1][2]
    if len(found) > 1 and _OR.fullmatch(message[found[-2][1] : found[-1][0]].strip(" $\\()[].,")):
        return Final(text, HEDGED) if plain(found[-2][2]) != plain(text) else Final(text)
    return Final(text)


def _closing(text: str, start: int) -> int:
    """Where the brace that opens at `start` closes; -1 where it does not."""
    depth, at = 0, start
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 1
        elif char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
            if not depth:
                return at
        at += 1
    return -1


def _number(message: str) -> Final:
    if read(message.rstrip("!?")) is not None:
        return Final("", NO_ANSWER) if message.endswith("?") else Final(message.rstrip("!"))
    for clause in _phrases(message):
        head = _EXPLAINS.split(clause, maxsplit=1)[0] or clause
        result = head.rsplit("=", 1)[-1] if "=" in head and not _RELATION.search(head) else head
        if read(result) is not None:
            return Final(plain(result))
        runs = list(_runs(result))
        if runs and not _refused(result, runs[0]):
            return _first(result, runs)
        if not runs and _FORMULA.search(head):
            return Final(result.strip())
    return _last_number(plain_lines(message))


def _first(clause: str, runs: list[re.Match[str]]) -> Final:
    """The number that a phrase names first, unless it goes on to offer another."""
    first = runs[0]
    if len(runs) > 1 and _OFFERS.search(clause[first.end() : runs[1].start()]):
        return Final(clause.strip(), HEDGED)
    stop = runs[1].start() if len(runs) > 1 else len(clause)
    before, text = clause[: first.start()], clause[first.start() : stop]
    if "\\" in before or "^" in text or "\\" in text or _SYMBOL.search(before):
        return Final(clause.strip())
    words = _STOPS.split(text, maxsplit=1)[0].strip()
    return Final(words if read(words) is not None else _glued(clause, first))


def _last_number(message: str) -> Final:
    for line in reversed(message.splitlines()):
        for sentence in reversed(_SENTENCE.split(line)):
            if sentence.rstrip(" *_\"'").endswith("?"):
                continue
            runs = [run for run in _runs(sentence) if not _names(sentence, run)]
            if not runs:
                continue
            last = runs[-1]
            if _refused(sentence, last):
                return Final("", NO_ANSWER)
            if len(runs) > 1 and _JOINS.fullmatch(sentence[runs[-2].end() : last.start()]):
                return Final(sentence[runs[-2].start() :].strip(), HEDGED)
            tail = sentence[last.start() :].strip().rstrip(".!,;:")
            return Final(tail if read(tail) is not None else _glued(sentence, last))
    return Final("", NO_ANSWER)


def _glued(text: str, run: re.Match[str]) -> str:
    """A number with what is written onto it without a space: `18x` is not 18."""
    return run[0].strip() + _ONTO.match(text, run.end())[0].rstrip(".,:;!?)")  # type: ignore[index]


def plain_lines(message: str) -> str:
    """`message` without LaTeX dress, its lines kept, and without the numbers of its lists."""
    return "\n".join(_ITEM.sub("", plain(line)) for line in message.splitlines())


def _runs(text: str) -> list[re.Match[str]]:
    return list(_RUN.finditer(text))


def _refused(text: str, run: re.Match[str]) -> bool:
    before, after = text[max(0, run.start() - 60) : run.start()], text[run.end() :]
    return bool(_REFUSES.search(before) or _DOUBTS.search(text) or _RETRACTS.search(after))


def _names(text: str, run: re.Match[str]) -> bool:
    return _LABEL.search(text[max(0, run.start() - 20) : run.start()]) is not None


def _phrases(message: str) -> Iterator[str]:
    """What follows each "the answer is", from the last one back, unless it is denied or asked."""
    for match in list(_PHRASE.finditer(message))[: -_PHRASES - 1 : -1]:
        clause = _clause(message, match.end())
        before = _SENTENCE.split(message[max(0, match.start() - 60) : match.start()])[-1]
        denied = clause.startswith(_NEGATIONS) or _DENIES.search(before)
        if clause and not denied and not clause.endswith("?"):
            yield clause


def _phrase(message: str) -> Final | None:
    """What the last "the answer is" says, or the formula that it begins with."""
    for clause in _phrases(message):
        formula = _FORMULA.match(clause)
        return Final(next(filter(None, formula.groups())) if formula else clause)
    return None


def _line(message: str) -> Final:
    """The formula that ends the last line, or else that line."""
    last = message.splitlines()[-1].strip()
    if last.endswith("?"):
        return Final("", NO_ANSWER)
    formulas = list(_FORMULA.finditer(last))
    if formulas and not re.search(r"\w{3}", last[formulas[-1].end() :]):
        return Final(next(filter(None, formulas[-1].groups())))
    return Final(last.rstrip(".!"))


def _clause(message: str, start: int) -> str:
    """From `start` to the end of its sentence; of the next line that has text if this has none."""
    for line in message[start : start + 2000].splitlines():
        text = line.strip().lstrip("*_:= ")
        if text:
            return _SENTENCE.split(text, maxsplit=1)[0].rstrip("*_ ").rstrip(".! *_")
    return ""


_BOX = re.compile(r"\\(?:boxed|fbox)\s*(?:\{|(\w))")
_OR = re.compile(r"(?:,?\s*(?:or|and/or|and)|/|,|)\s*(?:maybe|perhaps|possibly|even|also)?", re.I)
_MARK = re.compile(r"####[ \t]*([^\n]+)")
_PHRASE = re.compile(
    r"(?:\banswer\b[^.\n:=?]{0,60}?(?:\b(?:is|are|equals|(?:would|should|must|will) be)\b|[:=])"
    r"|\b(?:option|choice) is\b)"
    r"[ \t*_]*(?:(?:simply|just|therefore|thus|then|now|exactly|equal to|indeed|still|:)[ \t*_]+)*",
    re.I,
)
_NEGATIONS = ("not ", "never ", "wrong", "incorrect", "n't", "neither", "unknown", "unclear")
_SENTENCE = re.compile(r"(?<=[.!?])(?:\*\*|[\"'])?\s+")
_EXPLAINS = re.compile(
    r"(?<=\w)[\s,]*[;(]|(?<=\S)[\s,]+(?:because|since|as|so|for|which|if|where|when)\b"
)
_STOPS = re.compile(r"(?<=\S)\s*(?:[;:(!?]|,(?!\d{3})|\s(?:because|since|as|so|for|which|if)\b)")
_RELATION = re.compile(r"[<>≤≥≠]|!=|\\(?:leq?|geq?|neq?)\b")
_NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?![\d,]*\d)|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?|\.\d+"
_RUN = re.compile(
    rf"(?<![\w.])(?:(?<![\w)\]}}])(?:-\s?|minus\s|negative\s)|\+)?[$€£¥]?-?"
    rf"(?:\d+\s+\d+/\d+|\d*\s*\\frac\{{\d+\}}\{{\d+\}}|{_NUMBER})(?:\s?%)?"
    rf"(?:\s*(?:[+*/×÷^]|-|\*\*)\s*[$€£¥(]?\s*-?(?:{_NUMBER})(?:\s?%)?\)?)*"
)
_OFFERS = re.compile(
    r"[,;/±~|&]|\b(?:or|and|to|either|maybe|perhaps|possibly|versus|vs|not|between|but|through"
    r"|than|times|plus|minus|multiplied|divided)\b",
    re.I,
)
_JOINS = re.compile(
    r"\s*(?:,|:|,?\s*or|,?\s*and|to|/|,\s*then)?\s*(?:maybe|perhaps|possibly|even)?\s*", re.I
)
_REFUSES = re.compile(
    r"(?:\b(?:not|never|cannot|without|than|least|most|between|either|neither|instead of)"
    r"|n't|≠|!=|[<>≤≥]|\\(?:leq?|geq?|neq?)\b)\s*"
    r"(?:(?:be|equal|to|just|about|exactly|the|a|simply)\s+)*$",
    re.I,
)
_DOUBTS = re.compile(
    r"\b(?:not|n't) (?:think|believe|know|sure)\b|n't (?:think|believe|know)\b", re.I
)
_RETRACTS = re.compile(
    r"\bor (?:more|less|fewer|above|below)\b|\b(?:wrong|incorrect|not right)\b", re.I
)
_DENIES = re.compile(r"\b(?:if|whether|unless|not|never|suppose|assume|wrong)\b|n't\b", re.I)
_WORKING = re.compile(r"<<[^<>\n]*>>")
_LABEL = re.compile(
    r"(?:\b(?:step|part|example|question|problem|turn|attempt|option|case|no)\.?|#)\s*$", re.I
)
_ITEM = re.compile(r"^\s*(?:\d+[.)]|[-•+])\s+(?=\S)")
_FORMULA = re.compile(r"\$\$(.+?)\$\$|\$(?!\s)([^$\n]*?[^$\s])\$(?!\d)|\\\((.+?)\\\)|\\\[(.+?)\\\]")
_ONTO = re.compile(r"[^\s]*")
_SYMBOL = re.compile(r"[-+*/^=({\[]\s*$")
