"""verifiers: a run's `traces.jsonl`, one trace per dialogue, read by its tools and by prime-rl.

A trace is a graph of messages, each with the tokens that it adds; the tokens along a path are what
the model read and wrote. `mask` marks sampled tokens, and `logprobs` has one number for each of those.
A dialogue whose later turns saw a different history has several paths (`contract.tokens`).
"""

import math
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import pyarrow as pa

from tutelage.contract import DISCOUNT
from tutelage.exports.replies import opening, trained
from tutelage.exports.taker import RowDict, Shape, Taker, Task

Node = dict[str, Any]


def tokens(unit: list[RowDict], task: Task) -> Iterator[RowDict]:
    """One trace for each dialogue, with its tokens and their log-probabilities."""
    for row in unit:
        nodes: list[Node] = []
        for piece in task.encoder.sample(row, "all_student").pieces:
            _path(nodes, row, piece)
        flags = trained(row, task)
        for node in nodes:
            k = node.pop("at")
            # A primed question was sampled after another prompt than the one in this dialogue.
            if not flags[k] or row["trail"][k]["turn"] in row["primed_turns"]:
                node["mask"], node["logprobs"] = [False] * len(node["mask"]), []
        yield _trace(row, nodes)


def messages(unit: list[RowDict], task: Task) -> Iterator[RowDict]:
    """One trace for each dialogue, without tokens."""
    for row in unit:
        nodes = [_node(row, k, k - 1 if k else None) for k in range(len(row["messages"]))]
        for node in nodes:
            node["sampled"] = row["messages"][node.pop("at")]["role"] == "assistant"
        yield _trace(row, nodes)


def _path(nodes: list[Node], row: RowDict, piece: Any) -> None:
    """Adds a piece as one path from the root.

    Tokens between two replies belong to the message before the later reply. In a path that starts
    from the root again, earlier replies are context and not marked as sampled.
    """
    ids, turns = piece.ids.tolist(), piece.turn.tolist()
    positions = {e["turn"]: k for k, e in enumerate(row["trail"]) if e["speaker"] == "student"}
    parent: int | None = None
    context: list[int] = []
    begin = at = 0
    for turn, run in groupby(turns):
        end = at + len(list(run))
        if turn == 0:
            context, at = ids[at:end], end
            if end == len(ids):  # the template's closing tokens after the last reply
                _extend(nodes[-1], context, [], [])
            continue
        for k in range(begin, positions[turn]):
            nodes.append(_node(row, k, parent))
            parent = len(nodes) - 1
        _extend(nodes[-1], context, [], [])
        nodes.append(_node(row, positions[turn], parent) | {"sampled": True})
        parent = len(nodes) - 1
        _extend(nodes[parent], [], ids[at:end], piece.logprobs[at:end])
        begin, at, context = positions[turn] + 1, end, []


def _extend(node: Node, context: list[int], sampled: list[int], logprobs: Any) -> None:
    """Adds tokens to a node. A stop token that the engine did not return has no log-probability, so it
    does not count as sampled."""
    node["token_ids"] += context
    node["mask"] += [False] * len(context)
    for token, logprob in zip(sampled, logprobs, strict=True):
        is_sampled = math.isfinite(logprob)
        node["token_ids"].append(token)
        node["mask"].append(is_sampled)
        if is_sampled:
            node["logprobs"].append(round(float(logprob), 6))


def _node(row: RowDict, k: int, parent: int | None) -> Node:
    message, entry = row["messages"][k], row["trail"][k]
    content: dict[str, Any] = {"role": message["role"], "content": message["content"]}
    if entry["reasoning"]:
        content["reasoning_content"] = entry["reasoning"]
    return {
        "at": k,
        "parent": parent,
        "message": content,
        "sampled": False,
        "timestamp": 0.0,
        "token_ids": [],
        "mask": [],
        "logprobs": [],
    }


def _trace(row: RowDict, nodes: list[Node]) -> RowDict:
    outcome, prompt = row["outcome"], opening(row)
    system = [m["content"] for m in prompt if m["role"] == "system"]
    data = {
        "name": row["problem_id"],
        "prompt": row["statement"],
        "system_prompt": system[0] if system else None,
        "answer": row["gold"]["value"],
        "tests_json": row["gold"]["tests_json"],
        "privileged_context": row["privileged_context"],
        "domain": row["domain"],
        "source": row["source"],
    }
    replies = [k for k, n in enumerate(nodes) if n["sampled"]]
    stops = [e["finish_reason"] for e in row["trail"] if e["speaker"] == "student"]
    return {
        "version": 1,
        "id": row["dialogue_id"],
        "task": {"type": "TutelageTask", "data": data, "key": row["problem_id"]},
        "agent": {"config": {"model": row["models"]["student"]}, "name": "student"},
        "nodes": nodes,
        "calls": [
            {"node": k, "finish_reason": stop or None, "model": row["models"]["student"]}
            for k, stop in zip(replies, stops, strict=False)
        ],
        "rewards": {"return": {"score": outcome["return"], "weight": 1.0}},
        "metrics": {"solved": float(outcome["status"] == "solved"), "turns": outcome["turns"]},
        "info": {
            "group_id": row["group_id"],
            "arm": row["arm"],
            "sample": row["sample"],
            "split": row["split"],
            "turn_discount": DISCOUNT,
        },
        "is_completed": outcome["status"] != "failed",
        "ok": outcome["status"] != "failed",
        "stop_condition": "max_turns" if outcome["status"] == "exhausted" else "agent_completed",
        "timing": {"start": 0.0},
    }


_ADVICE = 'WireTrace.model_validate_json(line)  # for each line of "{path}"'
_ANY = pa.schema([])
"""Traces are JSON trees and need no Arrow schema."""

TAKER = Taker(
    reads="verifiers 0.4 traces",
    unit="groups",
    shapes={
        "tokens": Shape(_ANY, tokens, _ADVICE, suffixes=(".jsonl",), tokens=True),
        "messages": Shape(_ANY, messages, _ADVICE, suffixes=(".jsonl",)),
    },
)
