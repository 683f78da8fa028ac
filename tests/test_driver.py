"""Many dialogues at once: no barrier, and nobody's trouble is a neighbour's."""

import asyncio
import time

import pytest

from builders import Puppet, problem
from tutelage import dialogue as protocol
from tutelage.driver import Scheduler
from tutelage.engines import Players
from tutelage.errors import Fatal, OutputError, Permanent, Transient
from tutelage.records import Reply, Rules, Verdict


class Verifiers:
    async def verify_async(self, posed, answer, finish_reason=""):
        await asyncio.sleep(0)
        return Verdict("correct" if answer == posed.gold.value else "incorrect", answer)


def dialogues(count):
    return [
        protocol.begin(problem(f"What is {i}?", str(i), f"p-{i}"), Rules(), 0, 0)
        for i in range(count)
    ]


def run(act, count=20, slots=4, wait=0.0, on_end=None):
    puppet, ended = Puppet(act, wait), []
    with Scheduler(
        Players(puppet, puppet, (puppet,)), Verifiers(), slots, on_end or ended.append
    ) as scheduler:
        for dialogue in dialogues(count):
            scheduler.submit(dialogue)
        scheduler.drain()
    return puppet, ended, scheduler.tally


def solve_at_second_turn(request):
    if request.player == "teacher":
        return Reply("Look again.")
    turn = sum(m.speaker == "student" for m in request.dialogue.messages) + 1
    return Reply(request.dialogue.problem.gold.value if turn == 2 else "wrong")


def test_every_dialogue_ends_once():
    _, ended, tally = run(solve_at_second_turn)
    assert len({d.dialogue_id for d in ended}) == 20
    assert tally.solved_at == {2: 20}
    assert (tally.submitted, tally.ended, tally.failed) == (20, 20, 0)


def test_no_more_are_in_play_than_there_are_slots():
    puppet, _, _ = run(solve_at_second_turn, slots=3, wait=0.002)
    assert puppet.most <= 3


def test_a_straggler_holds_up_nobody():
    slow = asyncio.Event()
    order = []

    class Engine(Puppet):
        async def reply(self, request):
            if request.dialogue.problem.problem_id == "p-0" and len(order) < 19:
                await slow.wait()
            return Reply(request.dialogue.problem.gold.value)

    engine = Engine(None)

    def ended(dialogue):
        order.append(dialogue.problem.problem_id)
        if len(order) == 19:
            slow.set()

    with Scheduler(Players(engine, engine, (engine,)), Verifiers(), 2, ended) as scheduler:
        for dialogue in dialogues(20):
            scheduler.submit(dialogue)
        scheduler.drain()
    assert order[-1] == "p-0" and len(order) == 20


@pytest.mark.parametrize(
    ("trouble", "failure"),
    [
        (Permanent("too long"), "permanent: too long"),
        (Transient("gave up"), "transient: gave up"),
        (ZeroDivisionError("a bug"), "internal: ZeroDivisionError: a bug"),
    ],
)
def test_one_bad_request_costs_its_own_dialogue(trouble, failure):
    def act(request):
        if request.dialogue.problem.problem_id == "p-7":
            return trouble
        return solve_at_second_turn(request)

    _, ended, tally = run(act)
    failed = [d for d in ended if d.outcome.status == "failed"]
    assert [d.outcome.reason for d in failed] == [failure]
    assert (tally.failed, tally.solved_at) == (1, {2: 19})


def test_a_dead_engine_stops_the_run_and_journals_no_failure():
    def act(request):
        if request.dialogue.problem.problem_id == "p-7":
            return Fatal("the engine is gone")
        return solve_at_second_turn(request)

    ended = []
    with pytest.raises(Fatal, match="the engine is gone"):
        run(act, on_end=ended.append)
    assert all(d.outcome.status == "solved" for d in ended)


def test_a_full_disk_stops_the_run():
    def on_end(dialogue):
        raise OutputError("no space")

    with pytest.raises(OutputError, match="no space"):
        run(solve_at_second_turn, on_end=on_end)


def test_slots_are_added_while_nobody_waits_for_the_engine():
    asked = []

    async def never(request):
        asked.append(request)
        await asyncio.sleep(60)

    puppet = Puppet(None)
    puppet.reply = never
    with Scheduler(Players(puppet, puppet, (puppet,)), Verifiers(), 4, lambda _: None) as scheduler:

        def fill(count):
            for dialogue in dialogues(count):
                scheduler.submit(dialogue)
            while len(asked) < scheduler.in_play:
                time.sleep(0.001)

        fill(3)
        for _ in range(5):
            scheduler.adapt(3, 0)
        assert scheduler.slots == 4, "it was not full"
        fill(1)
        for waiting in (0, 2, 0, 2, 1):
            scheduler.adapt(4, waiting)
        assert scheduler.slots == 4, "somebody waited"
        for _ in range(5):
            scheduler.adapt(0, 0)
        assert scheduler.slots == 4, "the engine had not counted yet"
        scheduler.adapt(4, 0)
        assert scheduler.slots == 4, "one look is none"
        scheduler.adapt(4, 0)
        assert scheduler.slots == 7
        fill(3)
        assert scheduler.in_play == 7


def test_why_the_engine_starved_is_counted():
    class Slow(Verifiers):
        async def verify_async(self, posed, answer, finish_reason=""):
            await asyncio.sleep(1)
            return await super().verify_async(posed, answer)

    puppet = Puppet(lambda request: Reply(request.dialogue.problem.gold.value))
    with Scheduler(Players(puppet, puppet, (puppet,)), Slow(), 8, lambda _: None) as scheduler:
        for dialogue in dialogues(8):
            scheduler.submit(dialogue)
        time.sleep(0.5)
        scheduler.drain()
    starved = scheduler.tally.starved_s
    assert set(starved) == {"verifier", "last dialogues"}
    assert all(seconds > 0 for seconds in starved.values())
