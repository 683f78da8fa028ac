"""Which part of a student's message is its final answer. One stated rule, in this order:

1. the last `\\boxed{...}` (or `\\fbox`), its braces balanced. One that is never closed means that
   the message was cut off: there is no answer. Boxes joined by "or", "and" or a comma are several;
2. the last line with `#### x`, else the last `<answer>x</answer>`;
3. the last phrase "answer is x", "answer: x", "answer = x", to the end of its sentence;
4. for a gold that is a number: a message that is one formula, else the last number of the message,
   with the sum it stands in (`12/4 = 3` gives 3, `3 + 4` gives 3 + 4);
   for any other gold: the formula that ends the last line, or else that line, and what it says
   that its subject is.

What a message says afterwards counts, too: "no, it is 17" makes it 17, "that is wrong" takes it
back, "or 6" makes it two answers, which are none (`doubt`). How a number is found in a sentence is
in `prose`, a choice letter in `choice`. Apart from that the last candidate counts and nothing
before it does, so listing guesses gains nothing.

This module reads text and judges nothing: it does not know the gold.
"""

import re
from collections.abc import Iterator

from tutelage.verifiers.doubt import doubt
from tutelage.verifiers.final import CUT_OFF, HEDGED, NO_ANSWER, TAKEN_BACK, Final
from tutelage.verifiers.prose import (
    ASIDE,
    EXPLAINS,
    FORMULA,
    SENTENCE,
    first_number,
    framed,
    last_number,
    plain_lines,
    unframed,
    whole_formula,
)
from tutelage.verifiers.quantity import plain, read
from tutelage.verifiers.units import MEASURES, canonical

LONGEST = 20_000
"""Characters of a message that are read; an answer stands at the end, so its end is kept."""
_PHRASES = 20
"""Phrases that are tried, from the last one back."""


def final_answer(message: str, number: bool) -> Final:
    """The final answer of `message`; `number` says whether the gold is one."""
    message = trimmed(message)
    if not message:
        return Final("", NO_ANSWER)
    found, rest = chosen(message, number)
    if found.reason or not found.text or not rest.strip():
        return found
    return _reconsidered(found, rest, number)


def trimmed(message: str) -> str:
    """The part of `message` that is read: its end, without reasoning in tags and calculator marks."""
    message = message[-LONGEST:]
    if "<<" in message:
        message = _WORKING.sub("", message)
    thought, _, said = message.rpartition("</think>")
    return (said if thought and said.strip() else message).strip()


def chosen(message: str, number: bool) -> tuple[Final, str]:
    """The answer by rules 1 to 4, and what stands after it."""
    marked = explicit(message)
    if marked:
        return marked
    if number:
        return _number(message)
    return _phrase(message) or (_line(message), "")


def explicit(message: str) -> tuple[Final, str] | None:
    """The answer by rules 1 and 2, and what stands after it; None where nothing is marked."""
    if "\\" in message and (boxed := _boxed(message)):
        return boxed
    for marked in reversed(list(_MARK.finditer(message))):
        if marked[1].strip():
            return Final(marked[1].strip()), message[marked.end() :]
    tagged = _tagged(message)
    return (Final(tagged), message[message.rfind("</answer>") + 9 :]) if tagged else None


def _reconsidered(found: Final, rest: str, number: bool) -> Final:
    """The answer after what the message says of it afterwards."""
    second = doubt(rest)
    if second is None:
        return found
    if number:
        other = _number(second.rest.strip())[0]
    else:
        phrase = _phrase(second.rest) if second.kind != "hedges" else None
        line = second.rest.strip().splitlines()[:1]
        other = phrase[0] if phrase else _line(line[0]) if line else Final("")
        other = Final(other.said or other.text, other.reason)
    if not other.text:
        return Final("", TAKEN_BACK) if second.kind == "takes back" else found
    mine, theirs = read(found.text), read(other.text)
    if plain(found.text) == plain(other.text) or (mine and theirs and mine.value == theirs.value):
        return found
    return Final(found.text, HEDGED) if second.kind == "hedges" else other


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
    return phrased(message) or Final(message, "" if message else NO_ANSWER)


def _tagged(message: str) -> str | None:
    end = message.rfind("</answer>")
    start = message.rfind("<answer>", 0, max(end, 0))
    return message[start + len("<answer>") : end].strip() if start >= 0 else None


def _boxed(message: str) -> tuple[Final, str] | None:
    found: list[tuple[int, int, str]] = []
    for match in _BOX.finditer(message):
        if match[1]:
            found.append((match.start(), match.end(), match[1]))
            continue
        end = _closing(message, match.end() - 1)
        if end < 0:
            return Final("", CUT_OFF), ""
        if inside := message[match.end() : end].strip():
            found.append((match.start(), end + 1, inside))
    if not found:
        return None
    start, end, _ = found[-1]
    offered = [found[-1][2]]
    for before in reversed(found[:-1]):
        if not _OR.fullmatch(message[before[1] : start].strip(" $\\()[].,")):
            break
        start = before[0]
        offered.insert(0, before[2])
    if len({plain(text) for text in offered}) > 1:
        return Final(", ".join(offered), HEDGED), ""
    return Final(offered[-1]), message[end:]


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


def _number(message: str) -> tuple[Final, str]:
    """The number that a message ends in, and what stands after it."""
    for text in (message, ASIDE.sub("", message)):
        if read(text.rstrip("!?")) is not None:
            return (Final("", NO_ANSWER) if text.endswith("?") else Final(text.rstrip("!"))), ""
    if formula := whole_formula(message):
        return Final(formula), ""
    text, formulas = framed(_DISPLAY.sub(lambda m: m[0].replace("\n", " "), message))
    for clause, rest in _phrases(text):
        found = first_number(clause)
        if found:
            return unframed(found, formulas), rest
    found, rest = last_number(plain_lines(text))
    return unframed(found, formulas), rest


def _phrases(message: str) -> Iterator[tuple[str, str]]:
    """What follows each "the answer is", from the last one back, and what stands after that.

    Not where it is denied or asked.
    """
    for match in list(_PHRASE.finditer(message))[: -_PHRASES - 1 : -1]:
        clause, end = _clause(message, match.end())
        before = SENTENCE.split(message[max(0, match.start() - 60) : match.start()])[-1]
        denied = clause.startswith(_NEGATIONS) or _DENIES.search(before)
        if clause and not denied and not clause.endswith("?"):
            yield clause, message[end:]


def phrased(message: str) -> Final | None:
    """The answer by rule 3 alone."""
    phrase = _phrase(message)
    return phrase[0] if phrase else None


def _phrase(message: str) -> tuple[Final, str] | None:
    """What the last "the answer is" says, or the formula that it begins with."""
    for clause, rest in _phrases(message):
        formula = FORMULA.match(clause)
        if formula:
            return Final(next(filter(None, formula.groups()))), rest
        return Final(clause, said=_trimmed(clause)), rest
    return None


def _line(message: str) -> Final:
    """The formula that ends the last line, or else that line, and what it says."""
    last = message.splitlines()[-1].strip()
    if last.endswith("?"):
        return Final("", NO_ANSWER)
    formulas = list(FORMULA.finditer(last))
    if formulas and _ends(last[formulas[-1].end() :]):
        if _DENIED.search(last[: formulas[-1].start()]):
            return Final("", NO_ANSWER)
        return Final(next(filter(None, formulas[-1].groups())))
    return Final(last.rstrip(".!"), said=_said(SENTENCE.split(last)[-1].rstrip(".!*_ ")))


def _ends(tail: str) -> bool:
    """Whether what follows a formula leaves it as it is: nothing, a unit, `, as desired`."""
    words = tail.strip(" .,;:!*_")
    if not re.search(r"\w{3}", words) or canonical(words) in MEASURES:
        return True
    return bool(re.match(r"\s*[,;]\s+(?:as|which was|by|since|because|so|where)\b", tail)) and not (
        FORMULA.search(tail) or _DENIES.search(tail)
    )


def _said(sentence: str) -> str:
    """What a sentence says its subject is: `The capital is Paris` says `Paris`; or empty."""
    point = _POINT.search(sentence)
    if point and not _DENIES.search(sentence[: point.start()]):
        return point[0]
    copulas = list(_COPULA.finditer(sentence))
    if not copulas:
        opened = _OPENS.match(sentence)
        return _trimmed(sentence[opened.end() :]) if opened else ""
    first = sentence[copulas[0].end() :]
    verb = copulas[0] if re.match(r"\S+ (?:that|whether|if)\b", first) else copulas[-1]
    before, said = sentence[: verb.start()], sentence[verb.end() :]
    if _DENIES.search(before) or _DOUBTED.search(before) or said.lower().startswith(_NEGATIONS):
        return ""
    return _trimmed(said)


def _trimmed(said: str) -> str:
    """Without what explains it: `Jupiter, the largest` gives `Jupiter`."""
    return _APPENDS.split(EXPLAINS.split(said, maxsplit=1)[0], maxsplit=1)[0].strip(" *_.!")


def _clause(message: str, start: int) -> tuple[str, int]:
    """From `start` to the end of its sentence; of the next line that has text if this has none."""
    at = start
    for line in message[start : start + 2000].splitlines(keepends=True):
        text = line.strip().lstrip("*_:= ")
        if text:
            sentence = SENTENCE.split(text, maxsplit=1)[0]
            end = at + line.find(sentence) + len(sentence)
            return sentence.rstrip("*_ ").rstrip(".! *_"), end
        at += len(line)
    return "", at


_BOX = re.compile(r"\\(?:boxed|fbox)\s*(?:\{|(\w))")
_OR = re.compile(r"(?:,?\s*(?:or|and/or|and)|/|,|)\s*(?:maybe|perhaps|possibly|even|also)?", re.I)
_MARK = re.compile(r"####[ \t]*([^\n]+)")
_PHRASE = re.compile(
    r"(?:\banswer\b[^.\n:=?]{0,60}?"
    r"(?:\b(?:is|are|equals|(?:would|should|must|will) be)\b|[:=]|\s[-–—](?=\s))"
    r"|\bans[:.=]|\b(?:option|choice) is\b)"
    r"[ \t*_]*(?:(?:simply|just|therefore|thus|then|now|exactly|equal to|indeed|still|:)[ \t*_]+)*",
    re.I,
)
_NEGATIONS = ("not ", "never ", "wrong", "incorrect", "n't", "neither", "unknown", "unclear")
_DENIES = re.compile(r"\b(?:if|whether|unless|not|never|suppose|assume|wrong)\b|n['’]t\b", re.I)
_DENIED = re.compile(r"(?:\b(?:not|never|cannot)|n['’]t)\s+(?:\w+\s+){0,2}$", re.I)
_DOUBTED = re.compile(r"\b(?:doubt|unlikely|maybe|perhaps|could|might|may)\b", re.I)
_COPULA = re.compile(
    r"(?:\b(?:is|are|was|were|be|equals?|gives?|gets?|becomes?|called|namely|yields?|obtains?)\b"
    r"|['’]s\b|:)\s+"
    r"(?:(?:therefore|thus|just|simply|exactly|indeed|then|now|equal to|given by|called)\s+)*",
    re.I,
)
_POINT = re.compile(r"(?<=\s)(?:[(\[]|\\\{)[^()\[\]{}]*,[^()\[\]{}]*[)\]}]$")
"""A point, interval or set at the end of a sentence."""
_OPENS = re.compile(r"(?:so|thus|hence|therefore|then|finally)\b,?\s+(?:we (?:get|have)\s+)?", re.I)
_APPENDS = re.compile(
    r",\s+(?:the|an?|who|that|not|and not|or rather)\s|\s+(?:rather than|instead of|as opposed to)\s"
    r"|,?\s+and not\s|,\s*as\s"
)
_WORKING = re.compile(r"<<[^<>\n]*>>")
_DISPLAY = re.compile(r"\\\[.{1,400}?\\\]|\$\$.{1,400}?\$\$", re.S)
