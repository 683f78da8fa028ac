"""Turns a dialogue into a row. Nothing else in the package maps a dialogue to columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite

from tutelage import __version__
from tutelage.contract.loss import train_mask
from tutelage.contract.sampling import columns as sampling_columns
from tutelage.contract.schema import SCHEMA_VERSION, RowDict
from tutelage.errors import TutelageError
from tutelage.records import (
    Caught,
    Dialogue,
    Gold,
    Leak,
    Message,
    Outcome,
    Problem,
    Reading,
    Rules,
    Usage,
    Verdict,
)

DISCOUNT = 0.7
"""Turn discount gamma of the paper (section on training: gamma = 0.7)."""

_NO_VERDICT = Verdict("unjudged")
_NO_LEAK = Leak()


@dataclass(frozen=True, slots=True)
class Stamp:
    """The values that all rows of a run share."""

    run_id: str
    models: Mapping[str, str] = field(default_factory=dict)
    """`student`, `teacher`, `judge`, `revision`."""
    prompts: Mapping[str, str] = field(default_factory=dict)
    """Digest of the templates of `student`, `teacher`, `question`, `judge`."""
    loss: str = "all_student"


def discounted(solved_turn: int | None) -> float:
    """The return: 0.7^(n-1) for a dialogue solved at turn n, 0 for one never solved.

    The paper gives gamma but no formula; this one yields 1, .7, .49, .343.
    """
    return 0.0 if solved_turn is None else round(DISCOUNT ** (solved_turn - 1), 12)


def row(dialogue: Dialogue, stamp: Stamp) -> RowDict:
    """The dialogue as a row of `schemas/dialogue.v1.json`.

    `split`, `cluster_id` and `duplicate_of` have the values of a dialogue without any others
    (`train`, its own id, null); publishing replaces them when all dialogues are known.
    """
    outcome = dialogue.outcome
    if outcome is None:
        raise TutelageError(f"dialogue {dialogue.dialogue_id} has not ended: it has no row yet")
    messages = dialogue.messages
    trained = train_mask(messages, stamp.loss)
    trail = [_trail(m, train) for m, train in zip(messages, trained, strict=True)]
    return _problem_columns(dialogue.problem) | {
        "dialogue_id": dialogue.dialogue_id,
        "group_id": dialogue.group_id,
        "sample": dialogue.sample,
        "arm": dialogue.rules.arm,
        "run_id": stamp.run_id,
        "split": "train",
        "cluster_id": dialogue.dialogue_id,
        "duplicate_of": None,
        "messages": [{"role": m.role, "content": m.content} for m in messages],
        "trail": trail,
        "outcome": _outcome(outcome),
        "flaw": flaw(trail, outcome.solved_turn),
        "leak": _first_leak(messages),
        "leaks": [_caught(caught) for caught in dialogue.caught],
        "readings": [_reading(reading) for reading in dialogue.readings],
        "donors": [donor.problem.problem_id for donor in dialogue.donors],
        "primed_turns": [m.turn for m in dialogue.replaced],
        "replaced_attempts": [_replaced(m) for m in dialogue.replaced],
        "prompts": {
            k: stamp.prompts.get(k, "") for k in ("student", "teacher", "question", "judge")
        },
        "models": {k: stamp.models.get(k, "") for k in ("student", "teacher", "judge", "revision")},
        "sampling": {
            "student": sampling_columns(dialogue.rules.student),
            "teacher": sampling_columns(dialogue.rules.teacher),
        },
        "seed": dialogue.seed,
        "usage": {
            "student": _usage(dialogue.usage_student),
            "teacher": _usage(dialogue.usage_teacher),
            "judge": _usage(dialogue.usage_judge),
            "donors": _usage(dialogue.usage_donors),
        },
        "schema_version": SCHEMA_VERSION,
        "code_version": __version__,
    }


def reject(
    failure: str,
    reason: str,
    *,
    run_id: str,
    row_id: str,
    source: str,
    problem: Problem | None = None,
    duplicate_of: str | None = None,
) -> RowDict:
    """An input row that became no dialogue, in the columns of a dialogue.

    `failure` is `duplicate`, `filtered` or the class of a dead letter.
    """
    subject = problem or Problem("", "math", source, "unknown", "", Gold("answer", ""))
    outcome = Outcome("failed", reason=f"{failure}: {reason}")
    dialogue = Dialogue(row_id, "", subject, Rules(arm=""), 0, 0, outcome=outcome)
    return row(dialogue, Stamp(run_id)) | {"duplicate_of": duplicate_of}


def flaw(trail: Sequence[RowDict], solved_turn: int | None) -> RowDict:
    """The column `flaw`: what is wrong with the turn that solved the problem."""
    solving = next(
        (e for e in trail if e["speaker"] == "student" and e["turn"] == solved_turn),
        {"false_equation": "", "finish_reason": ""},
    )
    is_cut = solving["finish_reason"] == "length"
    return {
        "any": bool(solving["false_equation"]) or is_cut,
        "false_equation": solving["false_equation"],
        "cut": is_cut,
    }


def stands(leak: Leak) -> bool:
    """Whether a leak that was found is still in the dialogue (the message was not rewritten)."""
    return leak.action in ("", "marked")


def _problem_columns(problem: Problem) -> RowDict:
    return {
        "problem_id": problem.problem_id,
        "domain": problem.domain,
        "source": problem.source,
        "licence": problem.licence,
        "statement": problem.statement,
        "shards": list(problem.hint_shards),
        "gold": {
            "kind": problem.gold.kind,
            "value": problem.gold.value,
            "tests_json": problem.gold.tests_json,
        },
        "privileged_context": problem.privileged_context,
    }


def _outcome(outcome: Outcome) -> RowDict:
    return {
        "status": outcome.status,
        "solved_turn": outcome.solved_turn,
        "turns": outcome.turns,
        "return": discounted(outcome.solved_turn),
        "reason": outcome.reason,
    }


def _first_leak(messages: Sequence[Message]) -> RowDict:
    """The column `leak`: the first leak that is still in the dialogue."""
    first = next((m for m in messages if m.leak and m.leak.kind and stands(m.leak)), None)
    return {
        "any": first is not None,
        "kind": first.leak.kind if first and first.leak else "",
        "turn": first.turn if first else None,
    }


def _caught(caught: Caught) -> RowDict:
    return {
        "turn": caught.turn,
        "speaker": caught.speaker,
        "kind": caught.leak.kind,
        "action": caught.leak.action,
        "evidence": caught.leak.evidence,
    }


def _trail(message: Message, train: bool) -> RowDict:
    verdict = message.verdict or _NO_VERDICT
    leak = message.leak or _NO_LEAK
    return {
        "speaker": message.speaker,
        "act": message.act,
        "turn": message.turn,
        "form": message.form,
        "move": message.move,
        "shard": message.shard,
        "train": train,
        "verdict": {
            "status": verdict.status if message.verdict else "",
            "extracted": verdict.extracted,
            "reason": verdict.reason,
            "verifier": verdict.verifier,
            "detail": verdict.detail,
        },
        "leak": {"kind": leak.kind, "action": leak.action, "evidence": leak.evidence},
        "reasoning": message.reasoning,
        "token_ids": list(message.token_ids),
        "logprobs": _known(message.logprobs),
        "prompt_ids": list(message.prompt_ids),
        "continues": message.continues,
        "finish_reason": message.finish_reason,
        "false_equation": message.false_equation,
    }


def _known(logprobs: Sequence[float]) -> list[float]:
    """The log-probabilities of a message; none if one of them is no finite number."""
    return list(logprobs) if all(map(isfinite, logprobs)) else []


def _replaced(message: Message) -> RowDict:
    verdict = message.verdict or _NO_VERDICT
    return {
        "turn": message.turn,
        "content": message.content,
        "status": verdict.status,
        "extracted": verdict.extracted,
        "token_ids": list(message.token_ids),
        "logprobs": _known(message.logprobs),
    }


def _reading(reading: Reading) -> RowDict:
    return {
        "turn": reading.turn,
        "speaker": reading.speaker,
        "answer": reading.answer,
        "is_read": reading.is_read,
        "status": reading.verdict.status if reading.verdict else "",
        "finish_reason": reading.finish_reason,
    }


def _usage(usage: Usage) -> RowDict:
    return {"prompt": usage.prompt, "cached": usage.cached, "completion": usage.completion}
