"""What one dialogue adds to each share: (numerator, denominator), counted in its row.

A share of a set of dialogues is the sum of the numerators over the sum of the denominators, so a
long dialogue counts for more than a short one; `intervals.ratio` draws the problems anew.

Not here: whether a problem was solved, and when (`scores`).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from tutelage.answers.equations import spelled_out, value

RowDict = Mapping[str, Any]
Count = tuple[float, float]

COLUMNS = ("messages", "trail", "shards", "usage", "leak", "leaks", "primed_turns", "outcome")
"""The columns of a row that are read here."""

_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Rate:
    """A share or a mean, and how a dialogue is counted for it."""

    count: Callable[[RowDict], Count]
    meaning: str
    is_share: bool = True
    """Whether it lies in [0, 1]."""


def repeats(row: RowDict) -> Count:
    """Later attempts that give the wrong answer of the attempt before them, of all later attempts.

    sum [x_t = x_(t-1), x_t wrong and not empty] / (attempts - 1): the repeat rate of the toy world
    and of `tutelage inspect`.
    """
    attempts = [entry["verdict"] for _, entry in _steps(row) if entry["act"] == "attempt"]
    again = sum(
        one["status"] == "incorrect" and one["extracted"] not in ("", None)
        and one["extracted"] == before["extracted"]
        for before, one in pairwise(attempts)
    )  # fmt: skip
    return again, max(0, len(attempts) - 1)


def copies(row: RowDict) -> Count:
    """Attempts that only work out the expression of the last hint, of those that follow such a hint.

    A hint counts where it spells out an expression with an operation, such as `work out 27 - 5`;
    an attempt is a copy where its answer is worth what that expression is worth.
    """
    copied = [is_copy for _, is_copy in _after_expressions(row)]
    return sum(copied), len(copied)


def copied_solutions(row: RowDict) -> Count:
    """Solved dialogues whose last attempt is a copy as above, of all that are solved.

    A high share says that the teacher spelt out the last step, not that the student learnt.
    """
    if row["outcome"]["solved_turn"] is None:
        return 0, 0
    last = row["outcome"]["solved_turn"]
    return any(is_copy for turn, is_copy in _after_expressions(row) if turn == last), 1


def questions(row: RowDict) -> Count:
    """Student turns that ask and do not answer, of all student turns (SML, section on Q-priming)."""
    turns = [entry for _, entry in _steps(row)]
    return sum(entry["act"] == "question" for entry in turns), len(turns)


def questions_answered(row: RowDict) -> Count:
    """Questions to which the teacher had something to say, of those that it responded to.

    A lazy user that knows nothing of it (form `lazy`) and a bare "try again" are no answers.
    """
    trail = row["trail"]
    replies = [
        after["form"] not in ("lazy", "retry")
        for entry, after in pairwise(trail)
        if entry["act"] == "question" and after["speaker"] == "teacher"
    ]
    return sum(replies), len(replies)


def premature(row: RowDict) -> Count:
    """Underspecified dialogues with an answer before all shards were out (LiC, section 6)."""
    if not row["shards"]:
        return 0, 0
    return _early(row) > 0, 1


def early_attempts(row: RowDict) -> Count:
    """Answers before all shards were out, of all answers in underspecified dialogues."""
    if not row["shards"]:
        return 0, 0
    answers = sum(entry["move"] in ("answer", "hedge") for _, entry in _steps(row))
    return _early(row), answers


def drafts_that_leak(row: RowDict) -> Count:
    """Messages of which a draft held the answer, of those that the leak gate looks at."""
    gated = list(_gated(row))
    return sum(entry["leak"]["kind"] != "" for entry in gated), len(gated)


def leaks_that_stand(row: RowDict) -> Count:
    """Messages that hold the answer as they were said, of those that the leak gate looks at."""
    gated = list(_gated(row))
    standing = sum(
        entry["leak"]["kind"] != "" and entry["leak"]["action"] in ("", "marked") for entry in gated
    )
    return standing, len(gated)


def cut_off(row: RowDict) -> Count:
    """Student turns that ended at the length limit, of all student turns."""
    turns = [entry for _, entry in _steps(row)]
    return sum(entry["finish_reason"] == "length" for entry in turns), len(turns)


def unjudged(row: RowDict) -> Count:
    """Attempts that the verifier could not judge, of all attempts."""
    attempts = [entry for _, entry in _steps(row) if entry["act"] == "attempt"]
    return sum(entry["verdict"]["status"] == "unjudged" for entry in attempts), len(attempts)


def moves(row: RowDict, move: str) -> Count:
    """Student turns of this class of `dialogue.moves`, of all student turns."""
    named = [entry["move"] for _, entry in _steps(row)]
    return named.count(move), len(named)


def tokens_by_turn(row: RowDict, turns: int) -> list[float]:
    """Tokens that the student has written by the end of turn 1..turns.

    Where an engine gives no token ids, its count for the dialogue is spread over the turns evenly.
    """
    spent = [0.0] * turns
    written = [(entry["turn"], len(entry["token_ids"] or ())) for _, entry in _steps(row)]
    if not any(count for _, count in written) and written:
        each = row["usage"]["student"]["completion"] / len(written)
        written = [(turn, each) for turn, _ in written]
    for turn, count in written:
        if 1 <= turn <= turns:
            spent[turn - 1] += count
    return [sum(spent[: turn + 1]) for turn in range(turns)]


def _tokens(side: str, kind: str) -> Callable[[RowDict], Count]:
    return lambda row: (row["usage"][side][kind], 1)


RATES: dict[str, Rate] = {
    "repeat_rate": Rate(repeats, "later attempts that repeat the wrong answer before them"),
    "copy_rate": Rate(copies, "attempts after a spelt-out step that only work it out"),
    "copied_solutions": Rate(copied_solutions, "solved dialogues that end in such a copy"),
    "question_rate": Rate(questions, "student turns that are questions"),
    "questions_answered": Rate(questions_answered, "questions that got an answer"),
    "premature_rate": Rate(premature, "underspecified dialogues with an answer too early"),
    "early_attempt_rate": Rate(early_attempts, "answers before all shards were out"),
    "leak_rate_raw": Rate(drafts_that_leak, "gated messages with a draft that leaked"),
    "leak_rate": Rate(leaks_that_stand, "gated messages in which a leak stands"),
    "cut_off_rate": Rate(cut_off, "student turns cut at the length limit"),
    "unjudged_rate": Rate(unjudged, "attempts that could not be judged"),
    "student_tokens": Rate(_tokens("student", "completion"), "tokens a dialogue, written", False),
    "student_prompt_tokens": Rate(_tokens("student", "prompt"), "tokens a dialogue, read", False),
    "teacher_tokens": Rate(_tokens("teacher", "completion"), "tokens a dialogue, written", False),
}
"""Name -> share or mean. Names are those of `report.json` and of `--expect`."""


def _steps(row: RowDict) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The student's turns as (content, trail entry)."""
    for message, entry in zip(row["messages"], row["trail"], strict=True):
        if entry["speaker"] == "student":
            yield message["content"], entry


def _early(row: RowDict) -> int:
    """Answers of the student while a shard was still held back."""
    out: set[int] = set()
    early = 0
    for entry in row["trail"]:
        if entry["shard"] is not None:
            out.add(entry["shard"])
        elif entry["speaker"] == "student" and entry["move"] in ("answer", "hedge"):
            early += len(out) < len(row["shards"])
    return early


def _gated(row: RowDict) -> Iterator[Mapping[str, Any]]:
    """The messages that the leak gate looks at: feedback of the teacher's own, primed questions."""
    for entry in row["trail"]:
        primed = entry["act"] == "question" and entry["turn"] in row["primed_turns"]
        own_words = entry["form"] not in ("retry", "lazy") or entry["leak"]["kind"]
        if primed or (entry["act"] == "feedback" and own_words):
            yield entry


def _after_expressions(row: RowDict) -> Iterator[tuple[int, bool]]:
    """(turn, whether it is a copy) of each attempt that follows a spelt-out expression."""
    hint: Fraction | None = None
    for message, entry in zip(row["messages"], row["trail"], strict=True):
        if entry["speaker"] == "teacher":
            hint = spelled_out(message["content"]) if entry["act"] == "feedback" else None
        elif entry["act"] == "attempt" and hint is not None:
            answer = _NUMBER.fullmatch((entry["verdict"]["extracted"] or "").strip())
            yield entry["turn"], answer is not None and value(answer[0]) == float(hint)
