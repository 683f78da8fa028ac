"""Rows of dialogues as a test words them: what each side said, and what became of it."""

from collections.abc import Sequence
from typing import Any


def row(
    talk: Sequence[tuple[str, str, dict[str, Any]]],
    *,
    problem: str = "p",
    solved: int | None = None,
    arm: str = "sml",
    source: str = "test",
    shards: Sequence[str] = (),
    **columns: Any,
) -> dict[str, Any]:
    """A row in the columns that figures are made of.

    `talk` holds (act, content, more); a student's turn begins a new turn. `more` may set anything of
    the trail's entry, `extracted` and `status` of its verdict and `leak` among them.
    """
    turn, messages, trail = 0, [], []
    for act, content, more in talk:
        student = act in ("attempt", "question")
        turn += student
        speaker = "student" if student else "teacher"
        messages.append({"role": "assistant" if student else "user", "content": content})
        trail.append(
            {
                "speaker": speaker,
                "act": act,
                "turn": more.get("turn", turn),
                "form": more.get("form", "hint" if act == "feedback" else ""),
                "move": more.get(
                    "move", {"attempt": "answer", "question": "clarification"}.get(act, "")
                ),
                "shard": more.get("shard"),
                "verdict": {
                    "status": more.get("status", "incorrect" if act == "attempt" else ""),
                    "extracted": more.get("extracted", content if act == "attempt" else ""),
                },
                "leak": more.get("leak", {"kind": "", "action": ""}),
                "token_ids": list(range(more.get("tokens", 0))),
                "finish_reason": more.get("finish_reason", "stop"),
            }
        )
    blank = {"prompt": 0, "cached": 0, "completion": 0}
    return {
        "problem_id": problem,
        "statement": columns.pop("statement", problem),
        "arm": arm,
        "source": source,
        "sample": 0,
        "shards": list(shards),
        "messages": messages,
        "trail": trail,
        "usage": {"student": dict(blank), "teacher": dict(blank)},
        "leak": {"any": False},
        "leaks": [],
        "primed_turns": [],
        "outcome": {
            "status": "solved" if solved else "exhausted",
            "solved_turn": solved,
            "turns": turn,
            "return": 0.7 ** (solved - 1) if solved else 0.0,
        },
        **columns,
    }


def attempts(
    *answers: str, problem: str = "p", solved: int | None = None, tokens: int = 5, **more: Any
) -> dict[str, Any]:
    """A dialogue in which the student gives these answers, each met by a hint."""
    talk: list[tuple[str, str, dict[str, Any]]] = [("problem", "What is it?", {"turn": 0})]
    for place, answer in enumerate(answers, 1):
        status = "correct" if solved == place else "incorrect"
        talk.append(("attempt", answer, {"status": status, "tokens": tokens}))
        if place < len(answers):
            talk.append(("feedback", "Look again.", {}))
    return row(talk, problem=problem, solved=solved, **more)
