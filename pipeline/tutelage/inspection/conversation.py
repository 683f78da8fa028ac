"""Dialogues as one HTML file: what was said, by whom, how it was judged. Text is text, never markup."""

from collections.abc import Mapping, Sequence
from typing import Any

from tutelage.inspection.pages import environment

Row = Mapping[str, Any]


def page(rows: Sequence[Row], run: str) -> str:
    """The page of these dialogues of the run that a person named."""
    template = environment().get_template("conversation.html.j2")
    return str(template.render(run=run, dialogues=[_dialogue(row) for row in rows]))


def _dialogue(row: Row) -> dict[str, Any]:
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
                "speaker": known["speaker"],
                "turn": known["turn"],
                "content": message["content"],
                "reasoning": known["reasoning"],
                "status": known["verdict"]["status"],
                "notes": _notes(known),
            }
            for message, known in zip(row["messages"], row["trail"], strict=True)
        ],
    }


def _notes(known: Row) -> list[str]:
    verdict, leak = known["verdict"], known["leak"]
    notes = [
        known["form"] if known["act"] == "feedback" else known["act"],
        f"{verdict['status']}: {verdict['extracted'] or verdict['reason']}"
        if verdict["status"]
        else "",
        f"false: {known['false_equation']}" if known["false_equation"] else "",
        "cut at the length limit" if known["finish_reason"] == "length" else "",
        f"leak {leak['kind']}, {leak['action'] or 'stands'}" if leak["kind"] else "",
        "trained on" if known["train"] else "",
    ]
    return [note for note in notes if note]
