r"""Answers that are nearly right, and sentences that state an answer: a thorough test of a verifier.

A near miss changes the least that makes an answer wrong: `mutants` asks whether a verifier looks at
all, this asks how closely. Only changes that are wrong in any reading are made: no bracket of a
point, no sign of zero, nothing inside words.
"""

import re
from collections.abc import Iterator

_WORD = re.compile(r"(?<![A-Za-z\\])[A-Za-z]{3,}")
"""In a LaTeX command letters follow a backslash, in words they do not."""
_BETWEEN = re.compile(r"(?<=[\w)}\]])(\s*)([-+])(?=\s*[\w\\(])")
_POWER = re.compile(r"\^\s*(?:\{\s*(\d+)\s*\}|(\d))")
_INTERVAL = re.compile(
    r"(?s)\s*(?:\\left)?\s*([\[(])([^()\[\],]+),([^()\[\],]+?)(?:\\right)?\s*([\])])\s*"
)
_OTHER_BRACKET = {"(": "[", "[": "(", ")": "]", "]": ")"}
_BOUNDS = {
    r"\geq": ">", r"\leq": "<", r"\ge ": "> ", r"\le ": "< ", "≥": ">", "≤": "<",
    "<": r"\leq ", ">": r"\geq ",
}  # fmt: skip
_THOUSANDS = re.compile(r"\d,\d{3}(?!\d)")


def near_misses(answer: str) -> Iterator[tuple[str, str]]:
    r"""What was changed, and the wrong answer: at most one of a kind.

    >>> dict(near_misses(r"$-x^{2} + 3$"))
    {'digit': '-x^{2} + 4', 'sign': 'x^{2} + 3', 'operation': '-x^{2} - 3', 'exponent': '-x^{3} + 3'}
    >>> dict(near_misses("(2, 5]"))
    {'digit': '(2, 6]', 'bracket': '(2, 5)'}
    >>> dict(near_misses("three and a half"))
    {}
    """
    answer = bare(answer)
    if digit := re.search(r"\d(?=\D*$)", answer):
        changed = str((int(digit[0]) + 1) % 10)
        yield "digit", answer[: digit.start()] + changed + answer[digit.end() :]
    if _WORD.search(answer):
        return
    if answer.startswith("-") and re.search(r"[1-9A-Za-z]", answer):
        yield "sign", answer[1:].lstrip()
    elif re.match(r"[1-9]|0?\.\d|\\d?frac", answer) and not re.search(r"[,=<>]|\\pm", answer):
        yield "sign", f"-{answer}"
    signs = list(_BETWEEN.finditer(answer))
    if signs and r"\pm" not in answer:
        last = signs[-1]
        flipped = "-" if last[2] == "+" else "+"
        yield "operation", answer[: last.start(2)] + flipped + answer[last.end(2) :]
    if power := _POWER.search(answer):
        raised = int(power[1] or power[2]) + 1
        yield "exponent", f"{answer[: power.start()]}^{{{raised}}}{answer[power.end() :]}"
    if (interval := _INTERVAL.fullmatch(answer)) and interval[1] + interval[4] in (
        "[)",
        "(]",
        "[]",
    ):
        side = 1 if "infty" in interval[3] else 4
        at = interval.start(side)
        yield "bracket", answer[:at] + _OTHER_BRACKET[answer[at]] + answer[at + 1 :]
    for bound, other in _BOUNDS.items():
        if bound in answer:
            yield "bound", answer.replace(bound, other, 1)
            break
    members = answer.split(",")
    if (
        len(members) > 1
        and not _THOUSANDS.search(answer)
        and not re.search(r"[()\[\]{}\\]", answer)
    ):
        yield "member", ",".join(members[:-1])


def stated(answer: str) -> tuple[str, ...]:
    """Plain sentences that put `answer` as the answer."""
    inner = bare(answer)
    shown = f"${inner}$" if "$" not in inner and re.search(r"[\\^_{]", inner) else answer.strip()
    sentences = (f"The answer is {shown}.", f"It is {shown}.", f"you get {shown}")
    if "$" in inner:
        return sentences
    return (*sentences, f"So the result is ${inner}$.", rf"\boxed{{{inner}}}")


def bare(answer: str) -> str:
    """Without the dollars around all of it."""
    answer = answer.strip()
    if len(answer) > 2 and answer[0] == answer[-1] == "$" and answer.count("$") == 2:
        return answer[1:-1].strip()
    return answer
