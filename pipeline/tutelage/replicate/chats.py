"""The base model's pretraining data: chats like those of a web on which few students listen.

    single      a problem and its answer, which no model of this size can compute
    lazy        an underspecified problem, whose user reveals one piece per turn; most students answer
                too early
    talk        a problem, remarks, and a student with one of four habits:
                listen (applies every remark), repeat (gives the same answer again), guess (anew),
                    ask
    asked       a request for a question, and a question

A student keeps its habit through a chat. `listen` is the share of listeners. The curriculum starts
with a larger share, because listening was not learned in 22 minutes from a share of one in five.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tutelage.dialogue.lazy import _ALL_OUT, _LEADS, _NOTHING
from tutelage.replicate.world import DIGITS, LONGEST, SHORTEST, WORDINGS, Task, answer_text, draw

Turn = tuple[str, str]
"""(role, content)."""

RETRY = "That is not correct. Please try again."
"""The same as in `prompts/shared/retry.j2`."""
WANT_QUESTION = "What would you ask?"
"""The same as in this package's `prompts/question/ask.j2`."""
QUESTIONS = ("Can you tell me more?", "What is wrong with it?", "Which one should I change?")
_LAZY = tuple(words for group in (_LEADS, _NOTHING, _ALL_OUT) for words in group)


@dataclass(frozen=True, slots=True)
class Web:
    """The composition of a web."""

    listen: float = 0.3
    """Share of the students in talks who listen."""
    repeat: float = 0.45
    ask: float = 0.1
    single: float = 0.15
    lazy: float = 0.1
    asked: float = 0.03
    early: float = 0.93
    """Share of a lazy user's students who answer before they know everything."""
    longest: int = LONGEST
    turns: int = 10


def chat(web: Web, source: random.Random) -> list[Turn]:
    """One chat. It never contains held-out problems."""
    kind = source.choices(
        ("single", "lazy", "asked", "talk"),
        (web.single, web.lazy, web.asked, 1 - web.single - web.lazy - web.asked),
    )[0]
    if kind == "asked":
        return [("user", WANT_QUESTION), ("assistant", source.choice(QUESTIONS))]
    family = "c" if kind == "lazy" else source.choice("ab")
    task = _fresh(family, source.randint(SHORTEST, web.longest), source)
    if kind == "single":
        return [("user", task.statement), ("assistant", _answer(task.digits, task))]
    if kind == "lazy":
        return _lazy(task, source.random() < web.early, source)
    return _talk(task, web, source)


def vocabulary() -> list[str]:
    """Texts that contain every word of the world, for a tokenizer."""
    numbers = " ".join("0123456789")
    texts = [RETRY, WANT_QUESTION, *QUESTIONS, *_LAZY, f"Market {numbers}", numbers]
    source = random.Random(0)
    for _ in range(400):
        texts += [content for _, content in chat(Web(single=0.2, lazy=0.4), source)]
    return texts


def _fresh(family: str, length: int, source: random.Random) -> Task:
    while (task := draw(family, length, source)).is_held_out:
        pass
    return task


def _answer(digits: Sequence[str], task: Task) -> str:
    return f"The answer is {answer_text(dict(zip(task.names, digits, strict=True)))}."


def _guess(task: Task, source: random.Random) -> list[str]:
    return [source.choice(DIGITS) for _ in task.digits]


def _lazy(task: Task, is_early: bool, source: random.Random) -> list[Turn]:
    """A chat about pieces: early students guess what they do not know, patient ones ask first."""
    digits: dict[str, str] = {}
    turns: list[Turn] = [("user", task.shards[0])]
    for name, digit, piece in zip(task.names, task.digits, task.shards[1:], strict=True):
        guess = [digits.get(name_asked) or source.choice(DIGITS) for name_asked in task.names]
        words = _answer(guess, task) if is_early else QUESTIONS[0]
        turns += [("assistant", words), ("user", source.choice(_LEADS).format(piece))]
        digits[name] = digit
    return [*turns, ("assistant", _answer(task.digits, task))]


def _talk(task: Task, web: Web, source: random.Random) -> list[Turn]:
    """A chat with a teacher who remarks on one digit per turn."""
    rest = 1 - web.listen - web.repeat - web.ask
    habit = source.choices(
        ("listen", "repeat", "guess", "ask"), (web.listen, web.repeat, max(0.0, rest), web.ask)
    )[0]
    turns: list[Turn] = [("user", task.statement)]
    last = _guess(task, source)
    for turn in range(source.randint(2, web.turns)):
        if habit == "ask" and source.random() < 0.5:
            turns.append(("assistant", source.choice(QUESTIONS)))
        else:
            if habit in ("guess", "ask") and turn:
                last = _guess(task, source)
            turns.append(("assistant", _answer(last, task)))
            if tuple(last) == task.digits:
                return turns
        wrong = [index for index, digit in enumerate(task.digits) if last[index] != digit]
        if source.random() < 0.12 or not wrong:
            turns.append(("user", RETRY))
            continue
        index = source.choice(wrong)
        wording = source.choice([words for group in WORDINGS.values() for words in group])
        remark = wording.format(name=task.names[index], digit=task.digits[index])
        turns.append(("user", remark))
        if habit == "listen":
            last = [*last[:index], task.digits[index], *last[index + 1 :]]
    return turns[:-1]
