"""Students without a model whose chance to be right at each turn is known."""

import asyncio
import os

from tutelage.engines.scripted import Scripted
from tutelage.records import Reply, Request

WAIT = "TUTELAGE_TEST_WAIT"
"""Variable of the environment: seconds that `Slow` thinks before each reply."""


class Slow(Scripted):
    """The scripted engine, at the pace of a model."""

    async def reply(self, request: Request) -> Reply:
        await asyncio.sleep(float(os.environ.get(WAIT, "0")))
        return await super().reply(request)


class ByTurn(Scripted):
    """Right at turn t with the chance `chances[t - 1]`, whatever the teacher says."""

    chances = (0.10, 0.20, 0.15, 0.30)

    def chance(self, request: Request) -> float:
        turn = 1 + sum(message.speaker == "student" for message in request.dialogue.messages)
        return self.chances[turn - 1]

    async def reply(self, request: Request) -> Reply:
        if request.player == "student":
            self.solve_rate = self.chance(request)
        return await super().reply(request)


class Ignoring(ByTurn):
    """Guesses anew at every turn."""

    chances = (0.2,) * 10


class Listening(Ignoring):
    """Right twice as often once it was told more than that it is wrong."""

    def chance(self, request: Request) -> float:
        said = (message.form for message in request.dialogue.messages if message.act == "feedback")
        return 0.45 if any(form != "retry" for form in said) else 0.2
