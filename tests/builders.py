"""Small records that many tests begin from."""

import asyncio
from collections.abc import Callable

from tutelage import dialogue as protocol
from tutelage.records import (
    Dialogue,
    Gold,
    Leak,
    LeakRequest,
    Problem,
    Reply,
    Request,
    Rules,
    Usage,
    Verdict,
    VerifyRequest,
)


def problem(statement: str = "What is 2 + 3?", gold: str = "5", name: str = "p-1") -> Problem:
    """A math problem with a one-step solution."""
    return Problem(
        name,
        "math",
        "test",
        "CC0-1.0",
        statement,
        Gold("answer", gold),
        f"We add: 2 + 3 = {gold}.\nThe answer is {gold}.",
    )


def play(dialogue: Dialogue, attempts: list[str], feedback: str = "Look again.") -> Dialogue:
    """The dialogue after the student has sent `attempts`; one is right if the gold is in it."""
    sent = iter(attempts)
    while (want := protocol.need(dialogue)) is not None:
        if isinstance(want, VerifyRequest):
            right = want.problem.gold.value in want.message.split()
            verdict = Verdict("correct" if right else "incorrect", want.message.split()[-1])
            dialogue = protocol.advance(dialogue, verdict)
        elif isinstance(want, LeakRequest):
            dialogue = protocol.advance(dialogue, Leak())
        elif want.player == "student":
            text = next(sent, None)
            if text is None:
                return dialogue
            reply = Reply(text, (7, 2), (-0.5, -0.1), "stop", Usage(10, 4, 2))
            dialogue = protocol.advance(dialogue, reply)
        else:
            dialogue = protocol.advance(
                dialogue, Reply(feedback, form="hint", usage=Usage(20, 0, 3))
            )
    return dialogue


def finished(attempts: list[str], *, rules: Rules | None = None, sample: int = 0) -> Dialogue:
    """A dialogue over `problem()` in which the student sent `attempts`."""
    return play(protocol.begin(problem(), rules or Rules(), 0, sample), attempts)


class Puppet:
    """An engine that does what a function says, for students and teachers."""

    def __init__(self, act: Callable[[Request], Reply | Exception], wait: float = 0.0) -> None:
        self.act = act
        self.wait = wait
        self.capacity = 4
        self.running = 0
        self.most = 0
        self.closed = 0

    async def reply(self, request: Request) -> Reply:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self.wait)
            done = self.act(request)
        finally:
            self.running -= 1
        if isinstance(done, Exception):
            raise done
        return done

    def gauges(self) -> dict[str, float]:
        return {}

    def close(self) -> None:
        self.closed += 1
