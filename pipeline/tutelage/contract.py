"""The row contract: a dialogue as one row, and the Arrow schema that every shard has.

`schemas/*.json` are the truth; the Arrow schemas are derived from them here. `row` is the only
place where a dialogue becomes columns. This room reads and writes no files.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from tutelage import __version__
from tutelage.errors import TutelageError
from tutelage.records import (
    Dialogue,
    Gold,
    Leak,
    Message,
    Outcome,
    Problem,
    Reading,
    Rules,
    Sampling,
    Usage,
    Verdict,
)
from tutelage.resources import folder

DISCOUNT = 0.7
"""Turn discount gamma of the paper (section on training: gamma = 0.7)."""

SCHEMA_VERSION = "dialogue.v1"

LOSS_POLICIES = {
    "all_student": "every student message",
    "after_feedback": "student messages that follow at least one teacher feedback",
    "final_only": "the last student message",
    "questions_and_final": "questions, and the last student message",
}
"""Which messages are trained on, by name. Kept as data in `trail.train`; can be redrawn later."""

Row = dict[str, Any]

_NO_VERDICT = Verdict("unjudged")
_NO_LEAK = Leak()


@dataclass(frozen=True, slots=True)
class Stamp:
    """What all rows of a run have in common."""

    run_id: str
    models: Mapping[str, str] = field(default_factory=dict)
    """`student`, `teacher`, `judge`, `revision`."""
    prompts: Mapping[str, str] = field(default_factory=dict)
    """Digest of the templates of `student`, `teacher`, `question`, `judge`."""
    loss: str = "all_student"


def discounted(solved_turn: int | None) -> float:
    """The return: 0.7^(n-1) for a dialogue solved at turn n, 0 for one never solved.

    The paper prints gamma but no formula; this is the reading that gives 1, .7, .49, .343.
    """
    return 0.0 if solved_turn is None else round(DISCOUNT ** (solved_turn - 1), 12)


def row(dialogue: Dialogue, stamp: Stamp) -> Row:
    """The dialogue as a row of `schemas/dialogue.v1.json`.

    `split`, `cluster_id` and `duplicate_of` hold what is true of a dialogue alone in the world
    (`train`, itself, null); deduplication fills them in when all dialogues are known.
    """
    outcome = dialogue.outcome
    if outcome is None:
        raise TutelageError(f"dialogue {dialogue.dialogue_id} has not ended: it is no row yet")
    messages = dialogue.messages
    standing = next((m for m in messages if m.leak and m.leak.kind and stands(m.leak)), None)
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
        "outcome": {
            "status": outcome.status,
            "solved_turn": outcome.solved_turn,
            "turns": outcome.turns,
            "return": discounted(outcome.solved_turn),
            "reason": outcome.reason,
        },
        "flaw": flaw(trail, outcome.solved_turn),
        "leak": {
            "any": standing is not None,
            "kind": standing.leak.kind if standing and standing.leak else "",
            "turn": standing.turn if standing else None,
        },
        "leaks": [
            {
                "turn": caught.turn,
                "speaker": caught.speaker,
                "kind": caught.leak.kind,
                "action": caught.leak.action,
                "evidence": caught.leak.evidence,
            }
            for caught in dialogue.caught
        ],
        "readings": [_reading(reading) for reading in dialogue.readings],
        "donors": [donor.problem.problem_id for donor in dialogue.donors],
        "primed_turns": [m.turn for m in dialogue.replaced],
        "replaced_attempts": [_replaced(m) for m in dialogue.replaced],
        "prompts": {
            k: stamp.prompts.get(k, "") for k in ("student", "teacher", "question", "judge")
        },
        "models": {k: stamp.models.get(k, "") for k in ("student", "teacher", "judge", "revision")},
        "sampling": {
            "student": _sampling(dialogue.rules.student),
            "teacher": _sampling(dialogue.rules.teacher),
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
) -> Row:
    """An input row that became no dialogue, in the columns of one.

    `failure` is the class: `duplicate`, `filtered` or that of a dead letter.
    """
    known = problem or Problem("", "math", source, "unknown", "", Gold("answer", ""))
    ended = Outcome("failed", reason=f"{failure}: {reason}")
    blank = row(Dialogue(row_id, "", known, Rules(arm=""), 0, 0, outcome=ended), Stamp(run_id))
    return blank | {"duplicate_of": duplicate_of}


def flaw(trail: Sequence[Row], solved_turn: int | None) -> Row:
    """What is wrong with the turn that solved the problem, from the row's own trail."""
    last = next(
        (e for e in trail if e["speaker"] == "student" and e["turn"] == solved_turn),
        {"false_equation": "", "finish_reason": ""},
    )
    is_cut = last["finish_reason"] == "length"
    return {
        "any": bool(last["false_equation"]) or is_cut,
        "false_equation": last["false_equation"],
        "cut": is_cut,
    }


def stands(leak: Leak) -> bool:
    """Whether a leak that was found is still in the dialogue (not regenerated away)."""
    return leak.action in ("", "marked")


def train_mask(messages: tuple[Message, ...], policy: str) -> list[bool]:
    """Which messages the loss policy trains on, one flag a message.

    >>> m = lambda s, a, t: Message(s, a, t, "")
    >>> d = (m("teacher", "problem", 0), m("student", "attempt", 1),
    ...      m("teacher", "feedback", 1), m("student", "attempt", 2))
    >>> train_mask(d, "after_feedback")
    [False, False, False, True]
    """
    last = max((i for i, m in enumerate(messages) if m.speaker == "student"), default=-1)
    mask, advised = [], False
    for i, message in enumerate(messages):
        student = message.speaker == "student"
        wanted = {
            "all_student": True,
            "after_feedback": advised,
            "final_only": i == last,
            "questions_and_final": i == last or message.act == "question",
        }[policy]
        mask.append(student and wanted)
        advised = advised or message.act == "feedback"
    return mask


@cache
def json_schema(name: str = SCHEMA_VERSION) -> dict[str, Any]:
    """The JSON schema `schemas/<name>.json`."""
    loaded: dict[str, Any] = json.loads((folder("schemas") / f"{name}.json").read_text("utf-8"))
    return loaded


@cache
def arrow_schema(name: str = SCHEMA_VERSION) -> Any:
    """The `pyarrow.Schema` derived from `schemas/<name>.json`; columns in the file's order."""
    import pyarrow as pa

    schema = json_schema(name)
    fields = [_field(pa, key, spec, schema) for key, spec in schema["properties"].items()]
    return pa.schema(fields, metadata={"schema_version": name})


def fits(row: Row) -> bool:
    """Whether `faults` would find nothing; about seven times quicker than asking it."""
    return _fitter()(row)


@cache
def _fitter() -> Callable[[Any], bool]:
    root = json_schema()

    def build(spec: Mapping[str, Any]) -> Callable[[Any], bool]:
        spec = _resolve(spec, root)
        kind = spec["type"]
        if kind == "object":
            names = spec["properties"].keys()
            inner = [(name, build(each)) for name, each in spec["properties"].items()]
            return lambda value: (
                isinstance(value, dict)
                and value.keys() == names
                and all(fit(value[name]) for name, fit in inner)
            )
        if kind == "array" and _resolve(spec["items"], root)["type"] == "object":
            item = build(spec["items"])
            return lambda value: value is not None and all(map(item, value))
        if isinstance(kind, list) and "null" in kind:
            return lambda value: True
        return lambda value: value is not None

    return build(root)


def faults(value: Any, spec: Mapping[str, Any] | None = None, at: str = "") -> Iterator[str]:
    """What keeps `value` from being a row: missing, unknown or null columns, by path.

    pyarrow drops unknown keys and nulls missing ones without a word, so shards are checked first.
    """
    root = json_schema()
    spec = _resolve(spec or root, root)
    kind = spec.get("type")
    if value is None:
        if "null" not in kind if isinstance(kind, list) else True:
            yield f"{at} is null"
    elif kind == "object":
        if not isinstance(value, dict):
            yield f"{at} is {type(value).__name__}, not an object"
            return
        for key in value.keys() ^ spec["properties"].keys():
            yield f"{at}.{key} is {'unknown' if key in value else 'missing'}"
        for key, inner in spec["properties"].items():
            if key in value:
                yield from faults(value[key], inner, f"{at}.{key}")
    elif kind == "array":
        inner = _resolve(spec["items"], root)
        if inner.get("type") == "object":
            for i, item in enumerate(value):
                yield from faults(item, inner, f"{at}[{i}]")


def _resolve(spec: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in spec:
        return spec
    definition: Mapping[str, Any] = root["$defs"][spec["$ref"].rsplit("/", 1)[1]]
    return definition


def _field(pa: Any, key: str, spec: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    spec = _resolve(spec, root)
    kinds = spec["type"] if isinstance(spec["type"], list) else [spec["type"]]
    return pa.field(key, _arrow_type(pa, spec, kinds[0], root), nullable="null" in kinds)


def _arrow_type(pa: Any, spec: Mapping[str, Any], kind: str, root: Mapping[str, Any]) -> Any:
    if kind == "object":
        return pa.struct([_field(pa, k, v, root) for k, v in spec["properties"].items()])
    if kind == "array":
        return pa.list_(_field(pa, "element", spec["items"], root))
    plain = {"string": pa.string, "boolean": pa.bool_, "integer": pa.int64, "number": pa.float64}
    sized = {"int32": pa.int32, "float32": pa.float32}
    return sized.get(spec.get("format", ""), plain[kind])()


def _problem_columns(problem: Problem) -> Row:
    return {
        "problem_id": problem.problem_id,
        "domain": problem.domain,
        "source": problem.source,
        "licence": problem.licence,
        "statement": problem.statement,
        "shards": list(problem.shards),
        "gold": {
            "kind": problem.gold.kind,
            "value": problem.gold.value,
            "tests_json": problem.gold.tests_json,
        },
        "privileged_context": problem.privileged_context,
    }


def _trail(message: Message, train: bool) -> Row:
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
        "logprobs": list(message.logprobs),
        "prompt_ids": list(message.prompt_ids),
        "continues": message.continues,
        "finish_reason": message.finish_reason,
        "false_equation": message.false_equation,
    }


def _replaced(message: Message) -> Row:
    verdict = message.verdict or _NO_VERDICT
    return {
        "turn": message.turn,
        "content": message.content,
        "status": verdict.status,
        "extracted": verdict.extracted,
        "token_ids": list(message.token_ids),
        "logprobs": list(message.logprobs),
    }


def _reading(reading: Reading) -> Row:
    return {
        "turn": reading.turn,
        "speaker": reading.speaker,
        "answer": reading.answer,
        "is_read": reading.is_read,
        "status": reading.verdict.status if reading.verdict else "",
        "finish_reason": reading.finish_reason,
    }


def _sampling(sampling: Sampling) -> Row:
    return {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "stop": list(sampling.stop),
    }


def _usage(usage: Usage) -> Row:
    return {"prompt": usage.prompt, "cached": usage.cached, "completion": usage.completion}
