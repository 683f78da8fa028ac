"""Dialogues as one HTML file: each message, its speaker and its verdict. Text is never markup."""

from collections.abc import Mapping, Sequence
from typing import Any

from tutelage.inspection.pages import environment

RowDict = Mapping[str, Any]


def page(rows: Sequence[RowDict], run: str) -> str:
    """The page with these dialogues; `run` is the name that the user gave for their run."""
    template = environment().get_template("conversation.html.j2")
    return str(template.render(run=run, dialogues=[_dialogue(row) for row in rows]))


def _dialogue(row: RowDict) -> dict[str, Any]:
    outcome = row["outcome"]
    turn = outcome["solved_turn"]
    return {
        "id": row["dialogue_id"],
        "facts": [row["arm"], row["problem_id"], row["source"]],
        "solved": bool(turn),
        "outcome": f"solved at turn {turn}" if turn else outcome["status"],
        "gold": row["privileged_context"],
        "messages": [
            {
                "speaker": entry["speaker"],
                "turn": entry["turn"],
                "content": message["content"],
                "reasoning": entry["reasoning"],
                "status": entry["verdict"]["status"],
                "notes": _notes(entry),
            }
            for message, entry in zip(row["messages"], row["trail"], strict=True)
        ],
    }


def _notes(entry: RowDict) -> list[str]:
    verdict, leak = entry["verdict"], entry["leak"]
    notes = [
        entry["form"] if entry["act"] == "feedback" else entry["act"],
        f"{verdict['status']}: {verdict['extracted'] or verdict['reason']}"
        if verdict["status"]
        else "",
        f"false: {entry['false_equation']}" if entry["false_equation"] else "",
        "cut at the length limit" if entry["finish_reason"] == "length" else "",
        f"leak {leak['kind']}, {leak['action'] or 'stands'}" if leak["kind"] else "",
        "trained on" if entry["train"] else "",
    ]
    return [note for note in notes if note]
