"""A dialogue's contribution to each rate, (numerator, denominator), counted in its row.

A rate over a set of dialogues is the sum of the numerators over the sum of the denominators, so
longer dialogues weigh more; `intervals.ratio` resamples problems. Whether and when a problem was
solved is in `scores`.
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
    """A share or a mean, and how to count a dialogue for it."""

    count: Callable[[RowDict], Count]
    meaning: str
    is_share: bool = True
    """Whether it is in [0, 1]."""


def repeats(row: RowDict) -> Count:
    """Later attempts that repeat the wrong answer of the attempt before them, of all later
    attempts.

    sum [x_t = x_(t-1), x_t wrong and not empty] / (attempts - 1): the repeat rate of the toy world
    and of `tutelage inspect`.
    """
    attempts = [entry["verdict"] for _, entry in _steps(row) if entry["act"] == "attempt"]
    repeated = sum(
        attempt["status"] == "incorrect" and attempt["extracted"] not in ("", None)
        and attempt["extracted"] == previous["extracted"]
        for previous, attempt in pairwise(attempts)
    )  # fmt: skip
    return repeated, max(0, len(attempts) - 1)


def copies(row: RowDict) -> Count:
    """Attempts that only evaluate the expression in the last hint, of those that follow such a
    hint.

    A hint counts if it spells out an expression with an operation, such as `work out 27 - 5`; an
    attempt is a copy if its answer has the value of that expression.
    """
    is_copies = [is_copy for _, is_copy in _after_expressions(row)]
    return sum(is_copies), len(is_copies)


def copied_solutions(row: RowDict) -> Count:
    """Solved dialogues whose last attempt is such a copy, of all solved ones.

    A high share shows that the teacher spelled out the last step, not that the student learned.
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
    """Questions that the teacher answered, of those that it responded to.

    A lazy user's "I don't know" (form `lazy`) and a bare "try again" are not answers.
    """
    trail = row["trail"]
    replies = [
        response["form"] not in ("lazy", "retry")
        for entry, response in pairwise(trail)
        if entry["act"] == "question" and response["speaker"] == "teacher"
    ]
    return sum(replies), len(replies)


def premature(row: RowDict) -> Count:
    """Underspecified dialogues with an answer before all shards were revealed (LiC, section 6)."""
    if not row["shards"]:
        return 0, 0
    return _early(row) > 0, 1


def early_attempts(row: RowDict) -> Count:
    """Answers before all shards were revealed, of all answers in underspecified dialogues."""
    if not row["shards"]:
        return 0, 0
    answers = sum(entry["move"] in ("answer", "hedge") for _, entry in _steps(row))
    return _early(row), answers


def drafts_that_leak(row: RowDict) -> Count:
    """Messages with a draft that contained the answer, of those that the leak gate checks."""
    gated = list(_gated(row))
    return sum(entry["leak"]["kind"] != "" for entry in gated), len(gated)


def leaks_that_stand(row: RowDict) -> Count:
    """Messages that contain the answer in their final form, of those that the leak gate checks."""
    gated = list(_gated(row))
    standing = sum(
        entry["leak"]["kind"] != "" and entry["leak"]["action"] in ("", "marked") for entry in gated
    )
    return standing, len(gated)


def cut_off(row: RowDict) -> Count:
    """Student turns that hit the length limit, of all student turns."""
    turns = [entry for _, entry in _steps(row)]
    return sum(entry["finish_reason"] == "length" for entry in turns), len(turns)


def unjudged(row: RowDict) -> Count:
    """Attempts that the verifier could not judge, of all attempts."""
    attempts = [entry for _, entry in _steps(row) if entry["act"] == "attempt"]
    return sum(entry["verdict"]["status"] == "unjudged" for entry in attempts), len(attempts)


def moves(row: RowDict, move: str) -> Count:
    """Student turns with this class of `dialogue.moves`, of all student turns."""
    turn_moves = [entry["move"] for _, entry in _steps(row)]
    return turn_moves.count(move), len(turn_moves)


def tokens_by_turn(row: RowDict, turns: int) -> list[float]:
    """Tokens that the student has written by the end of turn 1..turns.

    If an engine returns no token ids, its count for the dialogue is spread evenly over the turns.
    """
    spent = [0.0] * turns
    counts = [(entry["turn"], len(entry["token_ids"] or ())) for _, entry in _steps(row)]
    if not any(count for _, count in counts) and counts:
        mean_count = row["usage"]["student"]["completion"] / len(counts)
        counts = [(turn, mean_count) for turn, _ in counts]
    for turn, count in counts:
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
"""Name -> share or mean. The names are used in `report.json` and `--expect`."""


def _steps(row: RowDict) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The student's turns as (content, trail entry)."""
    for message, entry in zip(row["messages"], row["trail"], strict=True):
        if entry["speaker"] == "student":
            yield message["content"], entry


def _early(row: RowDict) -> int:
    """Answers of the student before all shards were revealed."""
    revealed: set[int] = set()
    early = 0
    for entry in row["trail"]:
        if entry["shard"] is not None:
            revealed.add(entry["shard"])
        elif entry["speaker"] == "student" and entry["move"] in ("answer", "hedge"):
            early += len(revealed) < len(row["shards"])
    return early


def _gated(row: RowDict) -> Iterator[Mapping[str, Any]]:
    """The messages that the leak gate checks: the teacher's own feedback, and primed questions."""
    for entry in row["trail"]:
        primed = entry["act"] == "question" and entry["turn"] in row["primed_turns"]
        own_words = entry["form"] not in ("retry", "lazy") or entry["leak"]["kind"]
        if primed or (entry["act"] == "feedback" and own_words):
            yield entry


def _after_expressions(row: RowDict) -> Iterator[tuple[int, bool]]:
    """(turn, whether it is a copy) of each attempt that follows a spelled-out expression."""
    hint: Fraction | None = None
    for message, entry in zip(row["messages"], row["trail"], strict=True):
        if entry["speaker"] == "teacher":
            hint = spelled_out(message["content"]) if entry["act"] == "feedback" else None
        elif entry["act"] == "attempt" and hint is not None:
            answer = _NUMBER.fullmatch((entry["verdict"]["extracted"] or "").strip())
            yield entry["turn"], answer is not None and value(answer[0]) == float(hint)
