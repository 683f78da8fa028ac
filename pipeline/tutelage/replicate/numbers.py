"""A teacher without a model, for problems whose answer is one whole number.

It says whether the attempt is too small or too large, and the last digit of the gold: enough to
correct a slip, and never the number. For corpora without worked solutions, such as reasoning-gym's.
If there are steps, the engine `worked` teaches better.
"""

import json
import re
from collections.abc import Mapping

from tutelage.records import Dialogue, Problem, Reply, Request
from tutelage.settings import Player, Settings

_NUMBER = re.compile(r"-?\d[\d,]*")


class Teacher:
    """Says `too small` or `too large`, and the last digit. A blind one only says that it is wrong."""

    def __init__(self, player: Player, settings: Settings) -> None:
        """Needs neither argument."""

    @property
    def capacity(self) -> int:
        """Zero: it answers instantly, so no request is ever in flight."""
        return 0

    async def reply(self, request: Request) -> Reply:
        """The remark on the newest attempt."""
        gold, answered = gold_of(request.dialogue.problem), _answered(request.dialogue)
        if request.dialogue.rules.arm == "blind" or gold is None:
            return Reply("That is not right. Work through it once more.", form="vague")
        if answered is None:
            return Reply("Give the answer as one number at the end.", form="unread")
        if answered == gold:
            return Reply("Say it once more, as your final answer.", form="remark")
        direction = "small" if answered < gold else "large"
        words = f"Not {answered}: that is too {direction}."
        if abs(gold) > 9:
            words += f" The right number ends in {abs(gold) % 10}."
        return Reply(f"{words} Work it out again.", form="pinpoint")

    def gauges(self) -> Mapping[str, float]:
        """No metrics."""
        return {}

    def close(self) -> None:
        """Holds no resources."""


def gold_of(problem: Problem) -> int | None:
    """The gold as a whole number; None if it is not one."""
    value = problem.gold.value
    if problem.gold.kind == "scorer":
        value = str(json.loads(value).get("answer") or "")
    match = _NUMBER.fullmatch(value.strip())
    return int(match[0].replace(",", "")) if match else None


def _answered(dialogue: Dialogue) -> int | None:
    verdicts = (message.verdict for message in reversed(dialogue.messages))
    verdict = next((verdict for verdict in verdicts if verdict is not None), None)
    numbers = _NUMBER.findall(verdict.extracted) if verdict else []
    return int(numbers[-1].replace(",", "")) if numbers else None
