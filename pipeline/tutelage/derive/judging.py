"""Judges a stored dialogue again: new verdicts, and a new check by the leak gate.

    verdicts    every attempt is judged again, including those that a question replaced
    end         the dialogue is cut at the first attempt that is correct now, or is no longer solved
    leaks       every message that the gate checked when it was written is checked again

Nothing is generated. A message cannot be rewritten here, so a leak that is found stays in the
dialogue (`marked`), whatever the policy was. Leaks that a reader model found are kept, because the
rules can neither confirm nor refute them. A dialogue that is no longer solved ends where it ended.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tutelage.contract import RowDict, discounted, flaw, train_mask
from tutelage.dialogue import flaws
from tutelage.records import Gold, Leak, Message, Problem, Verdict

Verify = Callable[[Problem, str, str], Verdict]
"""(problem, message, finish reason) -> verdict."""
Gate = Callable[[Problem, tuple[tuple[str, str], ...], str], Leak]
"""(problem, public dialogue so far, message) -> the leak in the message."""

_READ = ("judge", "reader")
"""Kinds of leaks that a model found."""
_UNGATED = ("retry", "lazy")
"""Forms of feedback that say nothing about the problem."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between a dialogue before and after."""

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
    """A dialogue that was judged again."""

    row: RowDict
    verdicts: list[tuple[str, str]] = field(default_factory=list)
    """(status before, status now) of each attempt among the row's messages as it was read."""
    changes: list[Change] = field(default_factory=list)
    is_changed: bool = False
    """Whether anything in the row has changed, if only the wording of a verdict."""


def problem_of(row: Mapping[str, Any]) -> Problem:
    """The problem of a row, with the fields that verifiers and the leak gate need."""
    gold = row["gold"]
    return Problem(
        row["problem_id"],
        row["domain"],
        row["source"],
        row["licence"],
        row["statement"],
        Gold(gold["kind"], gold["value"], gold["tests_json"]),
        row["privileged_context"],
        hint_shards=tuple(row["shards"]),
    )


def rejudge(
    row: RowDict, verify: Verify, gate: Gate | None, loss: str, refuses_flaws: bool = False
) -> Judged:
    """Judges a row again.

    Args:
        row: the row as it was read; it is changed in place.
        verify: judges one message.
        gate: the leak gate; None if it was off.
        loss: loss policy for a dialogue that is cut.
        refuses_flaws: whether a right answer with a flaw counts as wrong (`verifier.flaws`).
    """
    judged = Judged(row)
    problem = problem_of(row)
    _verdicts(judged, problem, verify, refuses_flaws)
    _replaced(judged, problem, verify)
    _end(judged, loss)
    if gate is not None:
        _leaks(judged, problem, gate)
    return judged


def _verdicts(judged: Judged, problem: Problem, verify: Verify, refuses_flaws: bool) -> None:
    for message, entry in zip(judged.row["messages"], judged.row["trail"], strict=True):
        before = entry["verdict"]
        if entry["act"] != "attempt" or not before["status"]:
            continue
        content, finish = message["content"], entry["finish_reason"]
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
        if any(entry[name] != value for name, value in after.items()):
            entry |= after
            judged.is_changed = True
        if verdict.status != before["status"]:
            change = Change("verdict", entry["turn"], before["status"], verdict.status)
            judged.changes.append(change)


def _replaced(judged: Judged, problem: Problem, verify: Verify) -> None:
    """Judges the attempts that questions replaced. They are reported, but end no dialogue."""
    for attempt in judged.row["replaced_attempts"]:
        verdict = verify(problem, attempt["content"], "")
        after = {"status": verdict.status, "extracted": verdict.extracted}
        if any(attempt[name] != value for name, value in after.items()):
            if attempt["status"] != verdict.status:
                judged.changes.append(
                    Change("verdict", attempt["turn"], attempt["status"], verdict.status)
                )
            attempt |= after
            judged.is_changed = True


def _end(judged: Judged, loss: str) -> None:
    """Cuts the dialogue at its first correct attempt, or records that it is no longer solved."""
    row = judged.row
    outcome = row["outcome"]
    solved = next(
        (
            (k, entry["turn"])
            for k, entry in enumerate(row["trail"])
            if entry["act"] == "attempt" and entry["verdict"]["status"] == "correct"
        ),
        None,
    )
    before = outcome["solved_turn"]
    turn = solved[1] if solved else None
    row["flaw"] = flaw(row["trail"], turn)
    if turn == before:
        return
    judged.is_changed = True
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


def _cut(row: RowDict, size: int, turn: int, loss: str) -> None:
    """Keeps the first `size` messages; the last of them is the attempt of `turn`."""
    row["messages"], row["trail"] = row["messages"][:size], row["trail"][:size]
    row["primed_turns"] = [primed for primed in row["primed_turns"] if primed < turn]
    for name in ("leaks", "readings", "replaced_attempts"):
        row[name] = [item for item in row[name] if item["turn"] < turn]
    messages = tuple(Message(entry["speaker"], entry["act"], 0, "") for entry in row["trail"])
    for entry, trained in zip(row["trail"], train_mask(messages, loss), strict=True):
        entry["train"] = trained
    _set_first_leak(row)


def _leaks(judged: Judged, problem: Problem, gate: Gate) -> None:
    row = judged.row
    for k, entry in _gated(row):
        history = tuple(
            (message["role"], message["content"])
            for message, earlier in zip(row["messages"][:k], row["trail"][:k], strict=True)
            if earlier["turn"] > 0
        )
        leak = gate(problem, history, row["messages"][k]["content"])
        before = entry["leak"]
        kind_before = before["kind"] if before["action"] in ("", "marked") else ""
        if kind_before in _READ and not leak.kind:
            continue
        if leak.kind == kind_before and (not kind_before or leak.evidence == before["evidence"]):
            continue
        judged.is_changed = True
        marked = {"kind": leak.kind, "action": "marked", "evidence": leak.evidence}
        entry["leak"] = marked if leak.kind else {"kind": "", "action": "", "evidence": ""}
        _list_leak(row, entry, marked if leak.kind else None)
        if leak.kind != kind_before:
            judged.changes.append(Change("leak", entry["turn"], kind_before, leak.kind))
    if any(change.what == "leak" for change in judged.changes):
        _set_first_leak(row)


def _gated(row: RowDict) -> Iterator[tuple[int, RowDict]]:
    """Index and trail entry of each message that the gate checks when it is written."""
    for k, entry in enumerate(row["trail"]):
        if entry["act"] == "question":
            if entry["turn"] in row["primed_turns"]:
                yield k, entry
        elif (
            entry["act"] == "feedback"
            and entry["form"] not in _UNGATED
            and row["arm"] != "shuffled"  # its feedback was checked against another problem
        ):
            yield k, entry


def _list_leak(row: RowDict, entry: RowDict, marked: RowDict | None) -> None:
    """Replaces the marked leak of this message in the row's list `leaks`; removes it if None."""
    message = {"turn": entry["turn"], "speaker": entry["speaker"]}
    rest = [
        leak
        for leak in row["leaks"]
        if leak["action"] != "marked" or {name: leak[name] for name in message} != message
    ]
    row["leaks"] = [*rest, message | marked] if marked else rest


def _set_first_leak(row: RowDict) -> None:
    """Sets the column `leak` from the trail."""
    first = next(
        (
            entry
            for entry in row["trail"]
            if entry["leak"]["kind"] and entry["leak"]["action"] in ("", "marked")
        ),
        None,
    )
    row["leak"] = {
        "any": first is not None,
        "kind": first["leak"]["kind"] if first else "",
        "turn": first["turn"] if first else None,
    }
