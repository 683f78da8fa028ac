"""A teacher without a model: it reads the worked solution and hints at the first step missed.

Honest about what a small machine can do: a 135M model cannot teach, but a solution whose steps are
written as `a op b = c` says which step an attempt lacks. The hint names the operation, never its
result, so the student still has to do the work:

    solution  27 - 5 = 22.                attempt  "27 + 5 = 32. The answer is 32."
    hint      "Not yet. You need to subtract 5 from 27: work out 27 - 5."

The step that it speaks of is the first one that the attempt does not get right. Forms:

    unread     no final answer was found, and nothing else to speak of
    pinpoint   the student tried this step, or any where there is no solution, and miscalculated
    hint       the step is named
    split      it was missed before: now in two easier parts
    check      it was miscalculated before: the sum is turned round, and does not come out
    last       the step that comes to the answer, where `leaks.expression` forbids to spell it out
    question   all steps are there, another number was given as the answer
    remark     there is nothing to point at without showing the answer

It never says the same words twice in a dialogue.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tutelage.answers.equations import Equation, equations, values
from tutelage.records import Dialogue, Message, Reply, Request
from tutelage.settings import Player, Settings
from tutelage.templates import HintView, draw, render

_WORDINGS = 48
"""Draws among which one is looked for whose words were not said before."""


class WorkedTeacher:
    """The `worked` engine. Answers at once; uses no tokens."""

    def __init__(self, player: Player, settings: Settings) -> None:
        self._own = settings.prompts

    @property
    def capacity(self) -> int:
        """It never is what a dialogue waits for."""
        return 0

    async def reply(self, request: Request) -> Reply:
        """The hint for the newest attempt of the request's dialogue, in words not said before."""
        dialogue = request.dialogue
        before = {m.content for m in dialogue.messages if m.speaker == "teacher"}
        text, form = "", ""
        for drawn in _draws(draw(request.seed)):
            view = hint(dialogue, drawn)
            text, form = render("teacher/worked.j2", view, self._own), view.form
            if text not in before:
                return Reply(text, form=form)
        # All wordings are used up: what differs is the count.
        return Reply(f"{text} (That was try {dialogue.messages[-1].turn}.)", form=form)

    def gauges(self) -> Mapping[str, float]:
        """Nothing to count."""
        return {}

    def close(self) -> None:
        """Nothing to give back."""


def _draws(first: float) -> Iterator[float]:
    """`first`, and then others spread over [0, 1)."""
    yield from ((first + i / _WORDINGS) % 1.0 for i in range(_WORDINGS))


def hint(dialogue: Dialogue, drawn: float) -> HintView:
    """What to say about the newest attempt: a form, and the one step that it is about."""
    newest, lesson = dialogue.messages[-1], _Lesson.of(dialogue)
    if newest.act == "question":
        spoken = "\n".join(m.content for m in dialogue.messages if m.speaker == "student")
        step, _ = lesson.first_wrong(spoken)
        return (
            _view(newest, "hint", drawn, step)
            if step and lesson.may_name(step)
            else (_view(newest, "last" if step and lesson.is_last(step) else "remark", drawn, step))
        )
    step, slip = lesson.first_wrong(newest.content)
    if _is_unread(newest) and (step is None or _is_idle(newest)):
        return _view(newest, "unread", drawn)
    if step is None:
        false = next((e for e in equations(newest.content) if not e.holds), None)
        if false is not None:
            return _view(newest, "pinpoint", drawn, None, false)
        return _view(newest, "question" if lesson.steps else "remark", drawn)
    if not lesson.may_name(step):
        return _view(newest, "last" if lesson.is_last(step) else "remark", drawn, step)
    earlier = [m.content for m in dialogue.messages[:-1] if m.speaker == "student"]
    before = [lesson.first_wrong(attempt) for attempt in earlier]
    parts = ["split"] if lesson.may_split(step) else []
    if slip is not None:
        forms = ["pinpoint", *parts, *(["check"] if step.pair and slip.pair else [])]
        times = sum(at == step and was is not None for at, was in before)
    else:
        forms = ["hint", *parts]
        times = sum(at == step for at, _ in before)
    return _view(newest, forms[times % len(forms)], drawn, step, slip)


def _is_unread(message: Message) -> bool:
    verdict = message.verdict
    return verdict is None or verdict.status == "unjudged" or not verdict.extracted


def _is_idle(message: Message) -> bool:
    """Whether an attempt came to its end without any working, so that there is no step to point at."""
    return message.finish_reason != "length" and not equations(message.content)


def _view(
    newest: Message,
    form: str,
    drawn: float,
    step: Equation | None = None,
    slip: Equation | None = None,
) -> HintView:
    left, operation, right = (step.pair or (step.expression, "", "")) if step else ("", "", "")
    first, rest = _split(left, operation, right) if form == "split" else ("", "")
    return HintView(
        turn=newest.turn,
        form=form,
        said=slip.text if slip else "",
        wrong=f"{slip.result:g}" if slip else "",
        operation=operation,
        left="" if form == "last" else left,
        right="" if form == "last" else right,
        first=first,
        rest=rest,
        draw=drawn,
    )


@dataclass(frozen=True, slots=True)
class _Lesson:
    """The steps of a solution, and what of them may be named."""

    steps: tuple[Equation, ...]
    given: frozenset[float]
    """Numbers of the statement."""
    hidden: frozenset[float]
    """The answer's numbers that nobody but the teacher has said."""
    gold: frozenset[float]
    is_strict: bool
    """Whether the last step may not be spelled out."""

    @classmethod
    def of(cls, dialogue: Dialogue) -> "_Lesson":
        """Without privileged information all that can be told is arithmetic that does not hold."""
        problem, rules = dialogue.problem, dialogue.rules
        taught = [] if rules.arm == "blind" else equations(problem.solution)
        gold = values(problem.gold.value)
        public = [problem.statement, *(m.content for m in dialogue.messages if m.turn)]
        return cls(
            tuple(step for step in taught if step.holds),
            frozenset(values(problem.statement)),
            frozenset(gold.difference(*map(values, public))),
            frozenset(gold),
            rules.leak_expression == "block",
        )

    def first_wrong(self, attempt: str) -> tuple[Equation | None, Equation | None]:
        """The first step that an attempt does not get right, and how it got it wrong if it tried.

        A step is got right by its result, in whatever words. A result that the statement gives says
        nothing; then a later step that was tried shows that this one was done.
        """
        tried = equations(attempt)
        furthest = max(
            (i for i, step in enumerate(self.steps) if any(e.asks_what(step) for e in tried)),
            default=-1,
        )
        for i, step in enumerate(self.steps):
            own = [e for e in tried if e.asks_what(step)]
            slip = next((e for e in own if not e.holds), None)
            rest = attempt[attempt.rfind(slip.text) + len(slip.text) :] if slip else attempt
            is_reached = step.result in values(rest)
            is_telling = step.result not in self.given or i < furthest
            if any(e.holds for e in own) or (is_reached and is_telling):
                continue
            if slip is None and i < furthest and step.result in self.given:
                continue
            return step, slip
        return None, None

    def is_last(self, step: Equation) -> bool:
        """Whether a step comes to the answer and may not be spelled out for that."""
        return self.is_strict and step.result in self.gold and step.pair is not None

    def may_name(self, step: Equation) -> bool:
        """Whether the numbers of a step show nothing of the answer that was not public."""
        spelled = self.is_strict and step.result in self.gold
        return not spelled and not values(step.expression) & self.hidden

    def may_split(self, step: Equation) -> bool:
        """Whether a step falls into two parts, neither of which is the answer."""
        parts = _split(*step.pair) if step.pair else ("", "")
        return bool(parts[0]) and not values(" ".join(parts)) & self.hidden


def _split(left: str, operation: str, right: str) -> tuple[str, str]:
    """A sum or difference in two easier parts of `right`, or two empty strings.

    >>> _split("27", "subtract", "15"), _split("18", "add", "9")
    (('10', '5'), ('2', '7'))
    """
    if operation not in ("add", "subtract") or not (left.isdigit() and right.isdigit()):
        return "", ""
    a, b = int(left), int(right)
    first = b - b % 10 if b > 10 else (10 - a % 10 if operation == "add" else a % 10)
    return (str(first), str(b - first)) if 0 < first < b else ("", "")
