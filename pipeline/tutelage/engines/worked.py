"""A teacher without a model: it reads the worked solution and hints at the first step missed.

Honest about what a small machine can do: a 135M model cannot teach, but a solution whose steps are
written as `a op b = c` says which step an attempt lacks. The hint names the operation, never its
result, so the student still has to do the work:

    solution  27 - 5 = 22.                attempt  "27 + 5 = 32. The answer is 32."
    hint      "Not yet. You need to subtract 5 from 27: work out 27 - 5."

The step that it speaks of is the first one whose result the attempt never reaches. Forms: `unread`
(no final answer found), `pinpoint` (the student tried this step and miscalculated), `hint` (the step
is named), `split` (it was missed before: now in two easier parts), `question` (all results are there,
the wrong one was given), `remark` (nothing to point at without showing the answer).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tutelage.records import Dialogue, Reply, Request
from tutelage.settings import Player, Settings
from tutelage.templates import HintView, draw, render

_NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?")
_TERM = r"\$?\d[\d,]*(?:\.\d+)?%?"
_EQUATION = re.compile(rf"({_TERM}(?:\s*[-+*/x×÷−]\s*\(?{_TERM}\)?)+)\s*=\s*(-?{_TERM})")
_PART_OF_BEFORE = re.compile(r"(?:[\w.)]|[-+*/x×÷−(]\s*|\d\s+)$")
_PART_OF_AFTER = re.compile(r"\s*/\s*\d|\s+\d+/\d")
_PAIR = re.compile(rf"^\s*({_TERM})\s*([-+*/x×÷−])\s*({_TERM})\s*$")
_OPERATIONS = {
    "+": "add", "-": "subtract", "−": "subtract", "*": "multiply", "x": "multiply",
    "×": "multiply", "/": "divide", "÷": "divide",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Step:
    """One equation: `27 - 5` and `22`."""

    expression: str
    result: float
    text: str
    """The equation as it was written."""

    @property
    def pair(self) -> tuple[str, str, str] | None:
        """(left, operation, right) where the expression is one operation on two numbers."""
        found = _PAIR.match(self.expression)
        return (found[1], _OPERATIONS[found[2]], found[3]) if found else None

    def asks_what(self, other: "_Step") -> bool:
        """Whether both sides have the same two numbers and the same operation."""
        if self.pair is None or other.pair is None or self.pair[1] != other.pair[1]:
            return False
        own, others = (self.pair[0], self.pair[2]), (other.pair[0], other.pair[2])
        return sorted(map(_value, own)) == sorted(map(_value, others))

    @property
    def holds(self) -> bool:
        """Whether the equation is true; one of more than two numbers is taken to be."""
        if self.pair is None:
            return True
        left, operation, right = _value(self.pair[0]), self.pair[1], _value(self.pair[2])
        if operation == "divide":
            return right != 0 and abs(left / right - self.result) < 0.01
        done = {"add": left + right, "subtract": left - right, "multiply": left * right}
        return abs(done[operation] - self.result) < 0.01


class WorkedTeacher:
    """The `worked` engine. Answers at once; uses no tokens."""

    def __init__(self, player: Player, settings: Settings) -> None:
        self._own = settings.prompts

    @property
    def capacity(self) -> int:
        """It never is what a dialogue waits for."""
        return 0

    async def reply(self, request: Request) -> Reply:
        """The hint for the newest attempt of the request's dialogue."""
        view = hint(request.dialogue, draw(request.seed))
        return Reply(render("teacher/worked.j2", view, self._own), form=view.form)

    def gauges(self) -> Mapping[str, float]:
        """Nothing to count."""
        return {}

    def close(self) -> None:
        """Nothing to give back."""


def hint(dialogue: Dialogue, drawn: float) -> HintView:
    """What to say about the newest attempt: a form, and the one step that it is about."""
    newest = dialogue.messages[-1]
    verdict = newest.verdict
    # Without privileged information all that can be told is arithmetic that does not hold.
    blind = dialogue.rules.arm == "blind"
    taught = [] if blind else steps(dialogue.problem.solution)
    worked = [s for s in taught if s.holds or "%" in s.text]

    def view(form: str, said: str = "", step: _Step | None = None) -> HintView:
        left, operation, right = (step.pair or (step.expression, "", "")) if step else ("", "", "")
        first, rest = _split(left, operation, right) if form == "split" else ("", "")
        return HintView(newest.turn, form, said, operation, left, right, first, rest, drawn)

    if newest.act == "question":
        said = "\n".join(m.content for m in dialogue.messages if m.speaker == "student")
        asked = _missed(worked, said)
        return (
            view("hint", step=asked)
            if asked and _safe(asked.expression, dialogue)
            else view("remark")
        )
    if verdict is None or verdict.status == "unjudged" or not verdict.extracted:
        return view("unread")
    missed = _missed(worked, newest.content)
    if missed is None:
        wrong = next((s for s in steps(newest.content) if not s.holds), None)
        if wrong and not worked:
            return view("pinpoint", said=wrong.text)
        return view("question" if worked else "remark")
    if not _safe(missed.expression, dialogue):
        return view("remark")
    earlier = [m.content for m in dialogue.messages[:-1] if m.speaker == "student"]
    again = any(_missed(worked, attempt) == missed for attempt in earlier)
    if again and missed.pair and _splits(missed, dialogue):
        return view("split", step=missed)
    wrong = next((s for s in steps(newest.content) if s.asks_what(missed) and not s.holds), None)
    if wrong and not again:
        return view("pinpoint", said=wrong.text, step=missed)
    return view("hint", step=missed)


def _missed(worked: list[_Step], attempt: str) -> _Step | None:
    """The first step whose result the attempt never reaches."""
    reached = {_value(number) for number in _NUMBER.findall(attempt)}
    return next((step for step in worked if step.result not in reached), None)


def _safe(text: str, dialogue: Dialogue) -> bool:
    """Whether naming the numbers in `text` shows nothing of the answer that was not public."""
    public = [dialogue.problem.statement, *(m.content for m in dialogue.messages if m.turn)]
    seen = {_value(number) for said in public for number in _NUMBER.findall(said)}
    gold = {_value(number) for number in _NUMBER.findall(dialogue.problem.gold.value)}
    return not {_value(number) for number in _NUMBER.findall(text)} & (gold - seen)


def _splits(step: _Step, dialogue: Dialogue) -> bool:
    """Whether the step falls into two parts, neither of which is the answer."""
    parts = _split(*step.pair) if step.pair else ("", "")
    return bool(parts[0]) and _safe(" ".join(parts), dialogue)


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


def steps(text: str) -> list[_Step]:
    """Every equation in `text` whose left side is arithmetic on plain numbers, in order.

    What is only a part of a longer expression is none: `(8*4)-5 = 27` has no step `4)-5 = 27`.
    """
    found = []
    for match in _EQUATION.finditer(text):
        expression = " ".join(match[1].split())
        partial = _PART_OF_BEFORE.search(text[: match.start()]) or _PART_OF_AFTER.match(
            text, match.end()
        )
        if not partial and expression.count("(") == expression.count(")"):
            found.append(_Step(expression, _value(match[2]), " ".join(match[0].split())))
    return found


def _value(number: str) -> float:
    return float(re.sub(r"[^\d.-]", "", number).rstrip(".") or "nan")
