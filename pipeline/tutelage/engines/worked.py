"""A teacher without a model: it reads the worked solution and hints at the first missing step.

A 135M model cannot teach, but a solution with steps written as `a op b = c` shows which step an
attempt lacks. The hint names the operation, never its result, so the student still has to do the
work:

    solution  27 - 5 = 22.                attempt  "27 + 5 = 32. The answer is 32."
    hint      "Not yet. You need to subtract 5 from 27: work out 27 - 5."

The hint is about the first step that the attempt does not get right. Forms:

    unread     the attempt has no readable final answer and no step to discuss
    pinpoint   the student miscalculated this step, or any step if there is no solution
    hint       the step is named
    split      the step was missed before: it is given in two easier parts
    check      the step was miscalculated before: the inverse operation shows the error
    last       the step that yields the answer, if `leaks.expression` forbids spelling it out
    question   all steps are there, but another number was given as the answer
    remark     nothing can be pointed at without revealing the answer

It never sends the same message twice in a dialogue, and repeats a sentence only if every wording would.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from tutelage.answers.equations import Equation, equations, values
from tutelage.records import Dialogue, Message, Reply, Request
from tutelage.settings import Player, Settings
from tutelage.templates import HintView, draw, render

_WORDINGS = 48
"""How many draws are tried to find a wording that was not used before."""


class WorkedTeacher:
    """The `worked` engine. Answers instantly; uses no tokens."""

    def __init__(self, player: Player, settings: Settings) -> None:
        self._prompts = settings.prompts

    @property
    def capacity(self) -> int:
        """Zero: it answers instantly, so no request is ever in flight."""
        return 0

    async def reply(self, request: Request) -> Reply:
        """A hint for the newest attempt of the request's dialogue, in a wording not used before."""
        dialogue = request.dialogue
        earlier = {m.content for m in dialogue.messages if m.speaker == "teacher"}
        fewest, chosen = 0, None
        first = draw(request.seed)
        view = hint(dialogue, first)
        for drawn in _draws(first):
            worded = render("teacher/worked.j2", replace(view, draw=drawn), self._prompts)
            reply = Reply(worded, form=view.form)
            repeats = _repeats(reply.text, earlier)
            if reply.text not in earlier and (chosen is None or repeats < fewest):
                fewest, chosen = repeats, reply
            if chosen and not fewest:
                return chosen
        # Once all wordings are used up, the count makes the difference.
        used_up = Reply(
            f"{reply.text} (That was try {dialogue.messages[-1].turn}.)", form=view.form
        )
        return chosen or used_up

    def gauges(self) -> Mapping[str, float]:
        """No metrics."""
        return {}

    def close(self) -> None:
        """Holds no resources."""


def _draws(first: float) -> Iterator[float]:
    """`first`, then others spread over [0, 1)."""
    yield from ((first + i / _WORDINGS) % 1.0 for i in range(_WORDINGS))


def _repeats(text: str, earlier: Collection[str]) -> int:
    """Number of sentences that an earlier message has too; openings such as "Not yet." do not count."""
    sentences = re.split(r"(?<=[.?!]) ", text) if earlier else []
    longer = [sentence for sentence in sentences if sentence.count(" ") >= 5]
    return sum(any(sentence in message for message in earlier) for sentence in longer)


def hint(dialogue: Dialogue, drawn: float) -> HintView:
    """The form of the feedback on the newest attempt, and the step that it is about."""
    newest, lesson = dialogue.messages[-1], _Lesson.of(dialogue)
    if newest.act == "question":
        messages = "\n".join(m.content for m in dialogue.messages if m.speaker == "student")
        step, _ = lesson.first_wrong(messages)
        return (
            _view(newest, "hint", drawn, step)
            if step and lesson.may_name(step)
            else (_view(newest, "last" if step and lesson.is_last(step) else "remark", drawn, step))
        )
    step, slip = lesson.first_wrong(newest.content)
    if _is_unread(newest) and (step is None or _is_idle(newest)):
        return _view(newest, "unread", drawn)
    if step is None:
        wrong_equation = next((e for e in equations(newest.content) if not e.holds), None)
        if wrong_equation is not None:
            return _view(newest, "pinpoint", drawn, None, wrong_equation)
        return _view(newest, "question" if lesson.steps else "remark", drawn)
    if not lesson.may_name(step):
        return _view(newest, "last" if lesson.is_last(step) else "remark", drawn, step)
    earlier = [m.content for m in dialogue.messages[:-1] if m.speaker == "student"]
    earlier_steps = [lesson.first_wrong(attempt) for attempt in earlier]
    split = ["split"] if lesson.may_split(step) else []
    if slip is not None:
        forms = ["pinpoint", *split, *(["check"] if step.pair and slip.pair else [])]
        repeats = sum(at == step and was is not None for at, was in earlier_steps)
    else:
        forms = ["hint", *split]
        repeats = sum(at == step for at, _ in earlier_steps)
    return _view(newest, forms[repeats % len(forms)], drawn, step, slip)


def _is_unread(message: Message) -> bool:
    verdict = message.verdict
    return verdict is None or verdict.status == "unjudged" or not verdict.extracted


def _is_idle(message: Message) -> bool:
    """Whether an attempt ended without any working, so that there is no step to point at."""
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
        claim=slip.text if slip else "",
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
    """The steps of a solution, and which parts of them may be named."""

    steps: tuple[Equation, ...]
    given: frozenset[float]
    """Numbers in the statement."""
    hidden: frozenset[float]
    """Numbers of the answer that neither statement nor dialogue contains."""
    gold: frozenset[float]
    is_strict: bool
    """Whether the last step must not be spelled out."""

    @classmethod
    def of(cls, dialogue: Dialogue) -> "_Lesson":
        """Reads a dialogue. Without privileged information (arm `blind`) there are no steps, so
        only false arithmetic can be pointed out.
        """
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
        """The first step that an attempt does not get right, and the student's wrong equation for
        it, if any.

        A step is right if its result occurs, however it is worded. A result that is also in the
        statement proves nothing; then a later step that was tried shows that this one was done.
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
        """Whether a step yields the answer and must therefore not be spelled out."""
        return self.is_strict and step.result in self.gold and step.pair is not None

    def may_name(self, step: Equation) -> bool:
        """Whether naming a step's numbers reveals nothing of the answer that was not public."""
        spelled = self.is_strict and step.result in self.gold
        return not spelled and not values(step.expression) & self.hidden

    def may_split(self, step: Equation) -> bool:
        """Whether a step can be split into two parts that neither are the answer nor come to it.

        If 19 + 17 is taught where the answer is 29, "19 + 10, then 7 more" would have the student
        state 29 on the way.
        """
        first, rest = _split(*step.pair) if step.pair else ("", "")
        if not (step.pair and first):
            return False
        left, operation, _ = step.pair
        halfway = int(left) + (int(first) if operation == "add" else -int(first))
        return halfway not in self.gold and not values(f"{first} {rest}") & self.hidden


def _split(left: str, operation: str, right: str) -> tuple[str, str]:
    """Splits `right` of a sum or difference into two easier parts; two empty strings if it cannot.

    >>> _split("27", "subtract", "15"), _split("18", "add", "9")
    (('10', '5'), ('2', '7'))
    """
    if operation not in ("add", "subtract") or not (left.isdigit() and right.isdigit()):
        return "", ""
    a, b = int(left), int(right)
    first = b - b % 10 if b > 10 else (10 - a % 10 if operation == "add" else a % 10)
    return (str(first), str(b - first)) if 0 < first < b else ("", "")
