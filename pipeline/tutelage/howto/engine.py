"""An engine: any class that answers requests. This one guesses a number from the statement."""

import random
import re

from tutelage.records import Reply, Usage


class Guesser:
    capacity = 8  # requests that it works on at once

    def __init__(self, player, settings):
        self.temperature = player.temperature

    async def reply(self, request):
        statement = request.chat[-1][1]
        guess = random.Random(request.seed).choice(re.findall(r"\d+", statement) or ["0"])
        return Reply(f"The answer is {guess}.", usage=Usage(len(statement.split()), 0, 4))

    def gauges(self):
        return {}  # counters for telemetry

    def close(self):
        pass
