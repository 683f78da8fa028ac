"""Students and teachers without a model: seeded random draws, deterministic, as fast as the
pipeline.

For tests, load tests and demonstrations of the data format. A scripted student solves its problem
at a turn drawn from the request's seed and gives plausible wrong answers before it. A scripted
teacher says one of a few sentences that contain no answer. This is the only engine that shows the
gold to a student, so its data is not worth training on.
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
"""Probability of a correct attempt, drawn independently at each turn."""

LEAK_RATE = 0.05
"""Probability that a teacher's draft contains the answer."""
ASK_RATE = 0.05
"""Probability that a student's turn is a question."""

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
    """The `scripted` engine, for any player."""

    solve_rate: float | None = None
    """Overrides `SOLVE_RATE`; if set, no turn is a question."""

    def __init__(self, player: Player, settings: Settings) -> None:
        self._replies = 0

    @property
    def capacity(self) -> int:
        """Enough to keep one event loop busy."""
        return 64

    async def reply(self, request: Request) -> Reply:
        """A reply that depends only on the request's seed, problem and player."""
        self._replies += 1
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
        """Number of replies."""
        return {"replies": float(self._replies)}

    def close(self) -> None:
        """Holds no resources."""


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
    """A window of `count` values from a fixed table, its start chosen by `drawn`."""
    start = drawn % len(_ROW)
    return (_ROW * (count // len(_ROW) + 2))[start : start + count]


def feedback(request: Request) -> tuple[str, str]:
    """(text, form). Sometimes the text is the gold answer, for the leak gate to catch."""
    if fraction("leak", request.seed) < LEAK_RATE:
        return f"The answer is {request.dialogue.problem.gold.value}.", request.form
    options = [words for form, words in _FEEDBACK if form == request.form]
    words = options[0] if options else _FEEDBACK[request.seed % len(_FEEDBACK)][1]
    return words, request.form


def reading(request: Request) -> str:
    """For a draft: the gold if the draft contains it, else `none`. For a student's message:
    `discussion`.
    """
    draft, gold = request.dialogue.draft, request.dialogue.problem.gold.value
    if draft is None:
        return "discussion"
    return gold if gold and gold in draft.content else "none"


def attempt(problem: Problem, drawn: int, solve_rate: float | None = None) -> str:
    """The scripted student's message: the gold answer, a wrong one, or a question."""
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
    """An answer that never equals `gold`: a number close to it, or one that `gold` does not
    contain.
    """
    step = 1 + drawn % 9
    if re.fullmatch(r"-?\d{1,15}", gold):
        return str(int(gold) + step)
    if re.fullmatch(r"-?\d{1,12}\.\d{1,6}", gold):
        return str(Decimal(gold) + step)
    numbers = {int(number) for number in re.findall(r"\d+", gold.replace(",", ""))}
    return str(max(numbers, default=0) + 1000 * step + 7)


def wrong_code(problem: Problem) -> str:
    """A program with the right name that always returns None."""
    entry_point = json.loads(problem.gold.tests_json or "{}").get("entry_point", "")
    match = re.search(r"def\s+(\w+)", problem.gold.value)
    name = entry_point or (match[1] if match else "solve")
    return f"def {name}(*args, **kwargs):\n    return None"
