"""A window finds how many requests a server takes, by what it refuses."""

import asyncio
import time

import pytest

from tutelage.engines import window
from tutelage.engines.window import Window


async def through(server: "Limited", gate: Window, tries: list[int]) -> None:
    """One request, until it is answered."""
    is_new = True
    while True:
        entered = await gate.enter(is_new)
        try:
            if await server.answer():
                gate.succeeded()
                return
            gate.refused(entered, 0.0)
            tries.append(1)
        finally:
            gate.leave()
        is_new = False
        await asyncio.sleep(0.002)


class Limited:
    """A server that answers so many at once, and refuses the rest."""

    def __init__(self, most: int) -> None:
        self.most, self.now, self.highest = most, 0, 0

    async def answer(self) -> bool:
        if self.now >= self.most:
            return False
        self.now += 1
        self.highest = max(self.highest, self.now)
        await asyncio.sleep(0.003)
        self.now -= 1
        return True


async def test_without_a_refusal_all_are_sent() -> None:
    server, gate, refusals = Limited(1000), Window(), list[int]()
    await asyncio.gather(*(through(server, gate, refusals) for _ in range(300)))
    assert (server.highest, refusals, gate.in_flight) == (300, [], 0)


@pytest.mark.parametrize("most", [1, 4, 25])
async def test_a_limit_is_found_and_used(most: int) -> None:
    server, gate, refusals = Limited(most), Window(), list[int]()
    await asyncio.gather(*(through(server, gate, refusals) for _ in range(200)))
    assert server.highest == most
    assert gate.limit < 3 * most + 3
    assert len(refusals) < 200 + 400, "a burst of 200, and then a few for each step up"
    assert gate.in_flight == 0


def test_a_burst_counts_once() -> None:
    gate = Window(in_flight=64)
    entered = time.monotonic()
    assert all(gate.refused(entered, 0.0) for _ in range(64))
    assert gate.limit == 32


def test_one_that_is_alone_is_not_crowded() -> None:
    gate = Window(in_flight=1)
    assert not gate.refused(time.monotonic(), 0.0)
    assert gate.limit == 1


async def test_what_is_new_waits_until_the_server_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    own, wait = asyncio.current_task(), asyncio.sleep

    async def sleep(seconds: float) -> None:
        if asyncio.current_task() is own:
            slept.append(seconds)
        else:
            await wait(seconds)

    gate = Window()
    gate.refused(await gate.enter(True), 7.0)
    gate.leave()
    monkeypatch.setattr(window.asyncio, "sleep", sleep)
    await gate.enter(False)
    assert slept == []
    gate.leave()
    await gate.enter(True)
    assert [round(seconds) for seconds in slept] == [7]


async def test_one_that_is_cancelled_takes_nobodys_slot() -> None:
    gate = Window(limit=1.0)
    await gate.enter(True)
    waiting = [asyncio.create_task(gate.enter(True)) for _ in range(2)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    gate.leave()
    await asyncio.wait_for(waiting[1], 1)
    assert gate.in_flight == 1
