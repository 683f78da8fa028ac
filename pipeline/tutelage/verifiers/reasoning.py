"""Judges by the scorer of a reasoning-gym data set: a score of 1 is correct, any less is not.

`gold.value` is JSON: `dataset`, `entry` (what the data set gave), `answer`, and `literal`, the
entry as a Python literal where JSON would lose its tuples. The final answer is what stands between
the last `<answer>` tags, all lines of it; else in the last box, after `####` or after "the answer
is"; else the whole message.

A scorer that gives 1 to nonsense, too (that of game_of_life_halting does), is not believed: then
the answer must be the entry's own. Some scorers hand the answer to `eval`, or to sympy's parser,
which is no better. For those, an answer that calls a function (but a few of mathematics), reaches
for an attribute, or names a dunder is refused: `unjudged`. Scorers run unconfined, but in a process
that can be killed.
"""

import ast
import inspect
import json
import re
import sys
import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from tutelage.answers import sentences
from tutelage.answers.marks import CUT_OFF, LONGEST_MESSAGE, NO_ANSWER
from tutelage.records import Problem, Verdict

LONGEST = 20_000
"""Characters of a final answer that are scored."""
_ENOUGH = 1.0 - 1e-9
_NONSENSE = "xyzzy"


class ReasoningVerifier:
    """The verifier `reasoning`. A scorer may take long: call `verify` where it can be killed."""

    name = "reasoning"

    def glance(self, problem: Problem, message: str) -> Verdict | None:
        """The verdict where no scorer is needed, which is where there is no answer."""
        text, missing = marked(message)
        if missing:
            return Verdict("incorrect", text, missing, self.name)
        if len(text) > LONGEST:
            reason = f"refused: longer than {LONGEST} characters"
            return Verdict("unjudged", "", reason, self.name)
        return None

    def warm(self) -> None:
        """Imports reasoning-gym, before anybody's time counts."""
        _gym()

    def reads(self, problem: Problem, message: str) -> str:
        """The final answer as it is read."""
        return marked(message)[0]

    def verify(self, problem: Problem, message: str) -> Verdict:
        """The scorer's verdict."""
        verdict = self.glance(problem, message)
        if verdict is not None:
            return verdict
        text = self.reads(problem, message)
        gold = json.loads(problem.gold.value)
        score, evaluates = _scorer(str(gold["dataset"]))
        if evaluates and (call := _CODE.search(_MATHS.sub("(", text))):
            reason = f"refused: the scorer would run {call[0]!r} as code"
            return Verdict("unjudged", text, reason, self.name)
        entry = ast.literal_eval(gold["literal"]) if gold.get("literal") else gold["entry"]
        own = str(gold.get("answer") or "")
        try:
            points = float(score(text, entry))
        except Exception:
            if not own or _points(score, own, entry) < _ENOUGH:
                raise  # it is the entry that the scorer cannot read
            return Verdict("incorrect", text, "its scorer cannot read it", self.name)
        if points < _ENOUGH:
            return Verdict("incorrect", text, f"scored {points:.2f} of 1", self.name)
        if _points(score, _NONSENSE, entry) >= _ENOUGH and text.casefold() != own.casefold():
            return Verdict("incorrect", text, "another text; its scorer takes any", self.name)
        return Verdict("correct", text, "", self.name)


def marked(message: str) -> tuple[str, str]:
    """The answer in a message, as it was written, and why there is none."""
    message = message[-LONGEST_MESSAGE:].strip()
    if not message:
        return "", NO_ANSWER
    end = message.rfind("</answer>")
    start = message.rfind("<answer>", 0, max(end, 0))
    if start >= 0:
        text = message[start + len("<answer>") : end].strip()
        return text, "" if text else NO_ANSWER
    boxes = list(_BOX.finditer(message))
    if boxes:
        depth = 1
        for at in range(boxes[-1].end(), len(message)):
            depth += {"{": 1, "}": -1}.get(message[at], 0)
            if not depth:
                return message[boxes[-1].end() : at].strip(), ""
        return "", CUT_OFF
    marks = _MARK.findall(message)
    if marks:
        return marks[-1].strip(), ""
    stated = (clause.strip("*_ ").rstrip(".! *_") for clause, _ in sentences.clauses(message))
    return next(filter(None, stated), message), ""


_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")
_MARK = re.compile(r"####[ \t]*([^\n]+)")


def _points(score: Callable[[str, Any], float], text: str, entry: Any) -> float:
    try:
        return float(score(text, entry))
    except Exception:
        return 0.0


@lru_cache(maxsize=64)
def _scorer(dataset: str) -> tuple[Callable[[str, Any], float], bool]:
    """The scorer of a data set, and whether it, or what lies beside it, evaluates answers."""
    score: Callable[[str, Any], float] = _gym().get_score_answer_fn(dataset)
    module = sys.modules[type(score.__self__).__module__]  # type: ignore[attr-defined]
    return score, _EVALUATES.search(inspect.getsource(module)) is not None


def _gym() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import reasoning_gym
        except ImportError:
            raise ImportError(
                "reasoning-gym is not installed: pip install 'tutelage[reasoning]'"
            ) from None
    return reasoning_gym


_EVALUATES = re.compile(r"\beval\(|\bexec\(|\bparse_expr\(|\bsympify\(")
_MATHS = re.compile(
    r"(?<![\w.])(?:a?(?:sin|cos|tan)h?|arc(?:sin|cos|tan)|exp|log|ln|sqrt|abs|Abs)\s*\("
)
"""Functions that an answer may call."""
_CODE = re.compile(r"__|[\w)\]'\"]\s*\(|\.\s*[A-Za-z_]|\b(?:lambda|import|for|yield|await)\b|:=|@")
