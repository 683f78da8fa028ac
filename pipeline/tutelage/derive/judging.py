"""A stored dialogue under new verdicts and a new look by the leak gate.

    verdicts    every attempt, those that questions replaced too, is judged again
    end         solved at the first attempt that is correct now, and cut there; or no longer solved
    leaks       every message that the gate saw when it was written is looked at again

A message cannot be written anew here, so a leak that is found *stands* (`marked`), whatever the
policy was. What a reader model found, rules cannot confirm or deny: it stays. Nothing is generated:
a dialogue that is no longer solved ends where it ended.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tutelage.contract import Row, discounted, flaw, train_mask
from tutelage.dialogue import flaws
from tutelage.records import Gold, Leak, Message, Problem, Verdict

Verify = Callable[[Problem, str, str], Verdict]
"""(problem, message, finish reason) -> verdict."""
Look = Callable[[Problem, tuple[tuple[str, str], ...], str], Leak]
"""(problem, public dialogue so far, message) -> what leaks in it."""

_READ = ("judge", "reader")
"""Kinds of leaks that a model found."""
_UNGATED = ("retry", "lazy")
"""Forms of feedback that say nothing of the problem."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is other than it was."""

    what: str
    """`verdict`, `outcome` or `leak`."""
    turn: int
    before: str
    after: str

    def record(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


@dataclass(slots=True)
class Judged:
    """A dialogue after it was judged again."""

    row: Row
    verdicts: list[tuple[str, str]] = field(default_factory=list)
    """(status before, status now) of each attempt that stands in the row that was read."""
    changes: list[Change] = field(default_factory=list)
    is_other: bool = False
    """Whether anything in the row is other than it was, if only in words."""


def problem_of(row: Mapping[str, Any]) -> Problem:
    """The problem that a row is about, as far as verifiers and the leak gate need it."""
    gold = row["gold"]
    return Problem(
        row["problem_id"],
        row["domain"],
        row["source"],
        row["licence"],
        row["statement"],
        Gold(gold["kind"], gold["value"], gold["tests_json"]),
        row["privileged_context"],
        shards=tuple(row["shards"]),
    )


def judge_again(
    row: Row, verify: Verify, look: Look | None, loss: str, refuses_flaws: bool = False
) -> Judged:
    """The row under new verdicts.

    Args:
        row: as it was read; it is changed in place.
        verify: judges one message.
        look: the leak gate; None where it was off.
        loss: policy by which the messages of a dialogue that is cut are trained on.
        refuses_flaws: whether a right answer with a flaw does not solve (`verifier.flaws`).
    """
    judged = Judged(row)
    problem = problem_of(row)
    _verdicts(judged, problem, verify, refuses_flaws)
    _replaced(judged, problem, verify)
    _end(judged, loss)
    if look is not None:
        _leaks(judged, problem, look)
    return judged


def _verdicts(judged: Judged, problem: Problem, verify: Verify, refuses_flaws: bool) -> None:
    for message, known in zip(judged.row["messages"], judged.row["trail"], strict=True):
        before = known["verdict"]
        if known["act"] != "attempt" or not before["status"]:
            continue
        content, finish = message["content"], known["finish_reason"]
        false = flaws.false_equation(problem, content)
        verdict = verify(problem, content, finish)
        if refuses_flaws:
            attempt = Message(
                "student", "attempt", 0, content, finish_reason=finish, false_equation=false
            )
            verdict = flaws.refused(attempt, verdict)
        judged.verdicts.append((before["status"], verdict.status))
        after = {
            "verdict": {name: getattr(verdict, name) for name in before},
            "false_equation": false,
        }
        if any(known[name] != value for name, value in after.items()):
            known |= after
            judged.is_other = True
        if verdict.status != before["status"]:
            change = Change("verdict", known["turn"], before["status"], verdict.status)
            judged.changes.append(change)


def _replaced(judged: Judged, problem: Problem, verify: Verify) -> None:
    """The attempts that questions stand for: told, but the dialogue went on without them."""
    for attempt in judged.row["replaced_attempts"]:
        verdict = verify(problem, attempt["content"], "")
        after = {"status": verdict.status, "extracted": verdict.extracted}
        if any(attempt[name] != value for name, value in after.items()):
            if attempt["status"] != verdict.status:
                judged.changes.append(
                    Change("verdict", attempt["turn"], attempt["status"], verdict.status)
                )
            attempt |= after
            judged.is_other = True


def _end(judged: Judged, loss: str) -> None:
    """Cuts the dialogue at its first correct attempt, or says that it is not solved any more."""
    row = judged.row
    outcome = row["outcome"]
    solved = next(
        (
            (k, known["turn"])
            for k, known in enumerate(row["trail"])
            if known["act"] == "attempt" and known["verdict"]["status"] == "correct"
        ),
        None,
    )
    before = outcome["solved_turn"]
    turn = solved[1] if solved else None
    row["flaw"] = flaw(row["trail"], turn)
    if turn == before:
        return
    judged.is_other = True
    judged.changes.append(Change("outcome", turn or before, _at(before), _at(turn)))
    if solved is None:
        reason = f"judged again: no attempt is correct, turn {before} was"
        outcome |= {"status": "exhausted", "solved_turn": None, "return": 0.0, "reason": reason}
        return
    k, turn = solved
    _cut(row, k + 1, turn, loss)
    outcome |= {"status": "solved", "solved_turn": turn, "turns": turn, "reason": ""}
    outcome["return"] = discounted(turn)


def _at(turn: int | None) -> str:
    return f"solved at {turn}" if turn else "not solved"


def _cut(row: Row, size: int, turn: int, loss: str) -> None:
    """Leaves the first so many messages, the last of which is the attempt of this turn."""
    row["messages"], row["trail"] = row["messages"][:size], row["trail"][:size]
    row["primed_turns"] = [primed for primed in row["primed_turns"] if primed < turn]
    for name in ("leaks", "readings", "replaced_attempts"):
        row[name] = [one for one in row[name] if one["turn"] < turn]
    messages = tuple(Message(known["speaker"], known["act"], 0, "") for known in row["trail"])
    for known, trained in zip(row["trail"], train_mask(messages, loss), strict=True):
        known["train"] = trained
    _first_leak(row)


def _leaks(judged: Judged, problem: Problem, look: Look) -> None:
    row = judged.row
    for k, known in _gated(row):
        history = tuple(
            (message["role"], message["content"])
            for message, entry in zip(row["messages"][:k], row["trail"][:k], strict=True)
            if entry["turn"] > 0
        )
        findings = look(problem, history, row["messages"][k]["content"])
        before = known["leak"]
        standing = before["kind"] if before["action"] in ("", "marked") else ""
        if standing in _READ and not findings.kind:
            continue
        if findings.kind == standing and (not standing or findings.evidence == before["evidence"]):
            continue
        judged.is_other = True
        marked = {"kind": findings.kind, "action": "marked", "evidence": findings.evidence}
        known["leak"] = marked if findings.kind else {"kind": "", "action": "", "evidence": ""}
        _note(row, known, marked if findings.kind else None)
        if findings.kind != standing:
            judged.changes.append(Change("leak", known["turn"], standing, findings.kind))
    if any(change.what == "leak" for change in judged.changes):
        _first_leak(row)


def _gated(row: Row) -> Iterator[tuple[int, Row]]:
    """Index and trail of each message that the gate sees when it is written."""
    for k, known in enumerate(row["trail"]):
        if known["act"] == "question":
            if known["turn"] in row["primed_turns"]:
                yield k, known
        elif (
            known["act"] == "feedback"
            and known["form"] not in _UNGATED
            and row["arm"] != "shuffled"  # its feedback was looked at for another problem
        ):
            yield k, known


def _note(row: Row, known: Row, marked: Row | None) -> None:
    """Puts what stands into the row's list of leaks, in place of what stood."""
    own = {"turn": known["turn"], "speaker": known["speaker"]}
    others = [
        leak
        for leak in row["leaks"]
        if leak["action"] != "marked" or {name: leak[name] for name in own} != own
    ]
    row["leaks"] = [*others, own | marked] if marked else others


def _first_leak(row: Row) -> None:
    standing = next(
        (
            known
            for known in row["trail"]
            if known["leak"]["kind"] and known["leak"]["action"] in ("", "marked")
        ),
        None,
    )
    row["leak"] = {
        "any": standing is not None,
        "kind": standing["leak"]["kind"] if standing else "",
        "turn": standing["turn"] if standing else None,
    }
