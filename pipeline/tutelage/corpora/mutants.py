r"""Answers for testing a verifier: the gold as a student would write it, and a similar wrong one.

A mutant is plausible in form and certainly wrong:

- an answer with a number: the first number plus one (`\frac{1}{2}` becomes `\frac{2}{2}`); a truth
  value or a single letter: another one; anything else: with an addition that changes it;
- an answer for a scorer: its first number with one more digit, or "nothing";
- code: the reference with the body of the function under test replaced by `return None`, or a
  program that prints nothing.
"""

import ast
import json
import re

from tutelage.corpora.source import tree
from tutelage.records import Problem

_NUMBER = re.compile(r"\d+")
_LATEX = re.compile(r"[\\{}^_$]")
_OTHER = {
    "true": "False", "false": "True", "yes": "No", "no": "Yes", "even": "odd", "odd": "even",
    "possible": "impossible", "impossible": "possible",
}  # fmt: skip
_LETTER = re.compile(r"(?<![A-Za-z\\])([A-Z])(?![A-Za-z])")


def gold(problem: Problem) -> str:
    """The right answer as a message; empty if the source has none (tests or a scorer alone)."""
    if problem.gold.kind == "tests":
        return _fenced(problem.gold.value) if problem.gold.value.strip() else ""
    if problem.gold.kind == "scorer":
        scored = _scored(problem)
        return _tagged(scored) if scored else ""
    return sentence(problem.gold.value)


def mutate(problem: Problem) -> str:
    """A wrong answer as a message."""
    if problem.gold.kind == "tests":
        return _fenced(_gutted(problem.gold.value, _entry_point(problem)))
    if problem.gold.kind == "scorer":
        return _tagged(_far(_scored(problem) or "0"))
    return sentence(other(problem.gold.value))


def other(answer: str) -> str:
    r"""A different answer of the same form.

    >>> other("72"), other(r"\frac{1}{2}"), other("Yes"), other("(B)"), other(r"\pi")
    ('73', '\\frac{2}{2}', 'No', '(C)', '\\pi + 1')
    """
    answer = answer.strip()
    if flipped := _OTHER.get(answer.lower()):
        return flipped
    if "\\infty" in answer:
        return answer.replace("\\infty", "7")  # infinity plus one is infinity
    if _NUMBER.search(answer):
        return _NUMBER.sub(
            lambda match: str(int(match[0]) + 1).zfill(len(match[0])), answer, count=1
        )
    if _LETTER.search(answer) and len(re.findall(r"[A-Za-z]", answer)) == 1:
        return _LETTER.sub(lambda match: chr((ord(match[1]) - 64) % 26 + 65), answer, count=1)
    return f"{answer} + 1" if _LATEX.search(answer) else f"not {answer}"


def sentence(answer: str) -> str:
    """A message with this answer."""
    if _LATEX.search(answer):
        return f"The answer is $\\boxed{{{answer.strip('$')}}}$."
    return f"The answer is {answer}."


def _far(answer: str) -> str:
    """A mutant further away than `other`, because scorers round and parse texts leniently."""
    if flipped := _OTHER.get(answer.strip().lower()):
        return flipped
    return _NUMBER.sub(r"1\g<0>", answer, count=1) if _NUMBER.search(answer) else "nothing"


def _tagged(answer: str) -> str:
    return f"<answer>{answer}</answer>"


def _fenced(code: str) -> str:
    return f"```python\n{code.strip()}\n```"


def _scored(problem: Problem) -> str:
    """The answer in a scorer's entry; empty if it has none."""
    try:
        value = json.loads(problem.gold.value)
    except ValueError:
        return ""
    return str(value.get("answer") or "") if isinstance(value, dict) else ""


def _entry_point(problem: Problem) -> str:
    try:
        return str(json.loads(problem.gold.tests_json).get("entry_point") or "")
    except (ValueError, AttributeError):
        return ""


def _gutted(code: str, name: str) -> str:
    parsed = tree(code)
    is_there = False
    for node in parsed.body if parsed else []:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if name and node.name != name:
                continue
            is_there = True
            for inner in ast.walk(node) if isinstance(node, ast.ClassDef) else [node]:
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                    inner.body = [ast.Return(ast.Constant(None))]
    if parsed and is_there:
        return ast.unparse(ast.fix_missing_locations(parsed))
    return f"def {name}(*args, **kwargs):\n    return None" if name else "pass"
