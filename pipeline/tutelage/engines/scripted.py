"""Students and teachers by draw, without a model: deterministic, and as fast as the pipeline.

For tests, load and demonstrations of the data format. A scripted student solves its problem at a
turn drawn from the request's seed, and is wrong before that in plausible ways; a scripted teacher says
one of a few sentences that hold no answer. It is the only engine that reads the gold for a student,
which is why it generates nothing worth training on.
"""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache

from tutelage.records import Problem, Reply, Request, Usage
from tutelage.seeds import fraction, seed
from tutelage.settings import Player, Settings

SOLVE_RATE = 0.4
"""Chance of a correct attempt, drawn anew at each turn."""

LEAK_RATE = 0.05
"""Chance that a teacher's draft holds the answer."""
ASK_RATE = 0.05
"""Chance that a student's turn is a question."""

_FEEDBACK = (
    ("hint", "Look again at the last operation that you chose."),
    ("pinpoint", "Your first step holds; the one after it does not."),
    ("remark", "Not what is asked."),
    ("counter-example", "Put your result back into the problem: it does not fit."),
    ("test-output", "The first test gives something else than it should."),
    ("vague", "Something is off. Can you find it?"),
    ("answer", "It means what it says: take it as it stands."),
)
_QUESTIONS = (
    "Which quantity do I have to start with?",
    "Is the first amount part of the second one?",
    "What exactly is asked for in the last sentence?",
)
_WORKINGS = (
    "I read the problem once more and go through it step by step.",
    "First I write down what is given, then what is asked.",
    "Let me take the quantities one after the other.",
    "I start from the end and work back to what is known.",
    "There are two things to combine here, so I do that first.",
)
_ROW = tuple(round(-2 * fraction("logprob", i), 4) for i in range(251))


class Scripted:
    """The `scripted` engine, for either side."""

    solve_rate: float | None = None
    """Chance of a correct attempt where it is not `SOLVE_RATE`; then no turn is a question."""

    def __init__(self, player: Player, settings: Settings) -> None:
        self._counted = 0

    @property
    def capacity(self) -> int:
        """Enough to keep one event loop busy."""
        return 64

    async def reply(self, request: Request) -> Reply:
        """A reply that depends on the request's seed, problem and player alone."""
        self._counted += 1
        if request.player == "student":
            text, form = attempt(request.dialogue.problem, request.seed, self.solve_rate), ""
        elif request.player == "reader":
            text, form = reading(request), ""
        elif request.player == "question":
            text, form = _QUESTIONS[request.seed % len(_QUESTIONS)], ""
        else:
            text, form = feedback(request)
        words = re.findall(r"\s*\S+", text)
        usage = Usage(prompt=sum(len(c.split()) for _, c in request.chat), completion=len(words))
        if request.player in ("teacher", "reader"):
            return Reply(text, usage=usage, form=form)
        return Reply(
            text, tuple(map(_token_id, words)), _logprobs(request.seed, len(words)), usage=usage
        )

    def gauges(self) -> Mapping[str, float]:
        """Replies given."""
        return {"replies": float(self._counted)}

    def close(self) -> None:
        """Nothing to give back."""


class Reference(Scripted):
    """A student that always sends the gold answer: every dialogue must be solved at turn 1.

    `--set student.engine=tutelage.engines.scripted:Reference` checks a corpus and its verifier
    through the whole pipeline.
    """

    solve_rate = 1.0


class Mutant(Scripted):
    """A student that never sends the gold answer: no dialogue may be solved."""

    solve_rate = 0.0


@lru_cache(maxsize=10_000)
def _token_id(word: str) -> int:
    return seed(word) % 32_000


def _logprobs(drawn: int, count: int) -> tuple[float, ...]:
    """So many from a fixed row of them, from a place that `drawn` says."""
    start = drawn % len(_ROW)
    return (_ROW * (count // len(_ROW) + 2))[start : start + count]


def feedback(request: Request) -> tuple[str, str]:
    """(words, form). Now and then the words are the gold answer, for the leak gate to catch."""
    if fraction("leak", request.seed) < LEAK_RATE:
        return f"The answer is {request.dialogue.problem.gold.value}.", request.form
    options = [words for form, words in _FEEDBACK if form == request.form]
    words = options[0] if options else _FEEDBACK[request.seed % len(_FEEDBACK)][1]
    return words, request.form


def reading(request: Request) -> str:
    """The gold where a draft holds it, else `none`; of a student's turn, that it discusses."""
    draft, gold = request.dialogue.draft, request.dialogue.problem.gold.value
    if draft is None:
        return "discussion"
    return gold if gold and gold in draft.content else "none"


def attempt(problem: Problem, drawn: int, solve_rate: float | None = None) -> str:
    """What the scripted student writes: the gold answer, one that is wrong, or a question."""
    if solve_rate is None and fraction("ask", drawn) < ASK_RATE:
        return _QUESTIONS[drawn % len(_QUESTIONS)]
    working = _WORKINGS[drawn % len(_WORKINGS)]
    right = fraction("solve", drawn) < (SOLVE_RATE if solve_rate is None else solve_rate)
    if problem.gold.kind == "tests":
        code = problem.gold.value if right else wrong_code(problem)
        return f"{working}\n\n```python\n{code}\n```"
    if problem.gold.kind == "scorer":
        gold = str(json.loads(problem.gold.value)["answer"])
    else:
        gold = problem.gold.value
    answer = gold if right else wrong_answer(gold, drawn)
    return f"{working}\nThe answer is {answer}."


def wrong_answer(gold: str, drawn: int) -> str:
    """An answer that is never equal to `gold`: a number near it, or one that is not in it."""
    step = 1 + drawn % 9
    if re.fullmatch(r"-?\d{1,15}", gold):
        return str(int(gold) + step)
    if re.fullmatch(r"-?\d{1,12}\.\d{1,6}", gold):
        return str(Decimal(gold) + step)
    numbers = {int(number) for number in re.findall(r"\d+", gold.replace(",", ""))}
    return str(max(numbers, default=0) + 1000 * step + 7)


def wrong_code(problem: Problem) -> str:
    """A program that has the right name and always gives None."""
    given = json.loads(problem.gold.tests_json or "{}").get("entry_point", "")
    match = re.search(r"def\s+(\w+)", problem.gold.value)
    name = given or (match[1] if match else "solve")
    return f"def {name}(*args, **kwargs):\n    return None"
