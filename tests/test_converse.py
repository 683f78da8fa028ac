"""Many dialogues at one table: no barrier, and nobody's trouble is a neighbour's."""

import asyncio
import time

import pytest

from builders import Puppet, problem
from tutelage import dialogue as protocol
from tutelage.converse import Table
from tutelage.engines import Cast
from tutelage.errors import Fatal, OutputError, Permanent, Transient
from tutelage.records import Reply, Rules, Verdict


class Judge:
    async def judge_async(self, posed, answer):
        await asyncio.sleep(0)
        return Verdict("correct" if answer == posed.gold.value else "incorrect", answer)


def dialogues(count):
    return [
        protocol.begin(problem(f"What is {i}?", str(i), f"p-{i}"), Rules(), 0, 0)
        for i in range(count)
    ]


def run(act, count=20, places=4, wait=0.0, on_end=None):
    puppet, ended = Puppet(act, wait), []
    with Table(Cast(puppet, puppet, (puppet,)), Judge(), places, on_end or ended.append) as table:
        for dialogue in dialogues(count):
            table.seat(dialogue)
        table.clear()
    return puppet, ended, table.tally


def solve_at_second_turn(ask):
    if ask.player == "teacher":
        return Reply("Look again.")
    turn = sum(m.speaker == "student" for m in ask.dialogue.messages) + 1
    return Reply(ask.dialogue.problem.gold.value if turn == 2 else "wrong")


def test_every_dialogue_ends_once():
    _, ended, tally = run(solve_at_second_turn)
    assert len({d.dialogue_id for d in ended}) == 20
    assert tally.solved_at == {2: 20}
    assert (tally.seated, tally.ended, tally.failed) == (20, 20, 0)


def test_no_more_are_in_play_than_there_are_places():
    puppet, _, _ = run(solve_at_second_turn, places=3, wait=0.002)
    assert puppet.most <= 3


def test_a_straggler_holds_up_nobody():
    slow = asyncio.Event()
    order = []

    class Engine(Puppet):
        async def reply(self, ask):
            if ask.dialogue.problem.problem_id == "p-0" and len(order) < 19:
                await slow.wait()
            return Reply(ask.dialogue.problem.gold.value)

    engine = Engine(None)

    def ended(dialogue):
        order.append(dialogue.problem.problem_id)
        if len(order) == 19:
            slow.set()

    with Table(Cast(engine, engine, (engine,)), Judge(), 2, ended) as table:
        for dialogue in dialogues(20):
            table.seat(dialogue)
        table.clear()
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
    def act(ask):
        if ask.dialogue.problem.problem_id == "p-7":
            return trouble
        return solve_at_second_turn(ask)

    _, ended, tally = run(act)
    failed = [d for d in ended if d.outcome.status == "failed"]
    assert [d.outcome.reason for d in failed] == [failure]
    assert (tally.failed, tally.solved_at) == (1, {2: 19})


def test_a_dead_engine_stops_the_run_and_journals_no_failure():
    def act(ask):
        if ask.dialogue.problem.problem_id == "p-7":
            return Fatal("the engine is gone")
        return solve_at_second_turn(ask)

    ended = []
    with pytest.raises(Fatal, match="the engine is gone"):
        run(act, on_end=ended.append)
    assert all(d.outcome.status == "solved" for d in ended)


def test_a_full_disk_stops_the_run():
    def on_end(dialogue):
        raise OutputError("no space")

    with pytest.raises(OutputError, match="no space"):
        run(solve_at_second_turn, on_end=on_end)


def test_a_table_grows_while_nobody_waits_for_the_engine():
    async def never(ask):
        await asyncio.sleep(60)

    puppet = Puppet(None)
    puppet.reply = never
    with Table(Cast(puppet, puppet, (puppet,)), Judge(), 4, lambda _: None) as table:

        def fill(count):
            for dialogue in dialogues(count):
                table.seat(dialogue)
            while table._asking < table.in_play:
                time.sleep(0.001)

        fill(3)
        for _ in range(5):
            table.adapt(3, 0)
        assert table.places == 4, "it was not full"
        fill(1)
        for waiting in (0, 2, 0, 2, 1):
            table.adapt(4, waiting)
        assert table.places == 4, "somebody waited"
        for _ in range(5):
            table.adapt(0, 0)
        assert table.places == 4, "the engine had not counted yet"
        table.adapt(4, 0)
        assert table.places == 4, "one look is none"
        table.adapt(4, 0)
        assert table.places == 7
        fill(3)
        assert table.in_play == 7


def test_why_the_engine_starved_is_counted():
    class Slow(Judge):
        async def judge_async(self, posed, answer):
            await asyncio.sleep(1)
            return await super().judge_async(posed, answer)

    puppet = Puppet(lambda ask: Reply(ask.dialogue.problem.gold.value))
    with Table(Cast(puppet, puppet, (puppet,)), Slow(), 8, lambda _: None) as table:
        for dialogue in dialogues(8):
            table.seat(dialogue)
        time.sleep(0.5)
        table.clear()
    starved = table.tally.starved_s
    assert set(starved) == {"verifier", "last dialogues"}
    assert all(seconds > 0 for seconds in starved.values())
