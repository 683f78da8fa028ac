"""The protocol by table: who is next, what ends a dialogue, what each side sees."""

import pickle

import pytest

from builders import finished, play, problem
from tutelage import dialogue as protocol
from tutelage.dialogue.reasoning import split
from tutelage.records import Leak, Reply, Request, Rules, Verdict, VerifyRequest


@pytest.mark.parametrize(
    ("arm", "turns", "attempts", "status", "solved_turn", "taken"),
    [
        ("sml", 4, ["it is 5"], "solved", 1, 1),
        ("sml", 4, ["it is 6", "it is 5"], "solved", 2, 2),
        ("sml", 4, ["6", "7", "8", "5"], "solved", 4, 4),
        ("sml", 4, ["6", "7", "8", "9"], "exhausted", None, 4),
        ("sml", 2, ["6", "7", "5"], "exhausted", None, 2),
        ("single", 1, ["6", "5"], "exhausted", None, 1),
        ("single", 1, ["5"], "solved", 1, 1),
    ],
)
def test_how_dialogues_end(arm, turns, attempts, status, solved_turn, taken):
    done = finished(attempts, rules=Rules(arm=arm, turns=turns))
    assert (done.outcome.status, done.outcome.solved_turn, done.outcome.turns) == (
        status,
        solved_turn,
        taken,
    )
    assert protocol.need(done) is None
    # The teacher speaks only after a wrong attempt that is not the last one.
    said = [m for m in done.messages if m.act == "feedback"]
    assert len(said) == taken - 1
    assert done.messages[-1].speaker == "student"


def test_asks_and_checks_alternate():
    dialogue = protocol.begin(problem(), Rules(), 0, 0)
    seen = []
    answers = (Reply("6"), Verdict("incorrect", "6"), Reply("Look again."), Leak(), Reply("5"))
    for answer in answers:
        want = protocol.need(dialogue)
        seen.append(want.player if isinstance(want, Request) else type(want).__name__)
        dialogue = protocol.advance(dialogue, answer)
    assert seen == ["student", "VerifyRequest", "teacher", "LeakRequest", "student"]
    assert isinstance(protocol.need(dialogue), VerifyRequest)


def test_the_wrong_kind_of_answer_is_refused():
    dialogue = protocol.begin(problem(), Rules(), 0, 0)
    with pytest.raises(TypeError, match="waits for Request"):
        protocol.advance(dialogue, Verdict("correct"))


def test_an_unjudged_attempt_goes_on_and_the_teacher_is_told():
    dialogue = play(protocol.begin(problem(), Rules(), 0, 0), [])
    dialogue = protocol.advance(dialogue, Reply("9^9^9^9"))
    dialogue = protocol.advance(dialogue, Verdict("unjudged", reason="timeout"))
    want = protocol.need(dialogue)
    assert want.player == "teacher"
    assert "could not be checked" in want.chat[-1][1]


def test_the_student_never_sees_what_is_privileged():
    dialogue = protocol.begin(problem(gold="424242"), Rules(), 0, 0)
    for answer in (
        Reply("6"),
        Verdict("incorrect", "6", reason="gold is 424242"),
        Reply("No."),
        Leak(),
    ):
        want = protocol.need(dialogue)
        if isinstance(want, Request) and want.player == "student":
            assert "424242" not in repr(want.chat)
        dialogue = protocol.advance(dialogue, answer)
    assert "424242" not in repr(protocol.need(dialogue).chat)


def test_the_teacher_sees_the_solution_and_only_ever_more():
    dialogue = protocol.begin(problem(), Rules(), 0, 0)
    chats = []
    for answer in (
        Reply("6"),
        Verdict("incorrect", "6"),
        Reply("No."),
        Leak(),
        Reply("7"),
        Verdict("incorrect", "7"),
        Reply("No."),
    ):
        want = protocol.need(dialogue)
        if isinstance(want, Request) and want.player == "teacher":
            chats.append(want.chat)
        dialogue = protocol.advance(dialogue, answer)
    first, second = chats
    assert "2 + 3 = 5" in first[0][1]
    assert second[: len(first)] == first  # a prefix cache serves the later turn
    assert [role for role, _ in second] == ["system", "user", "assistant", "user"]


def test_a_dialogue_replays_from_a_pickle_at_every_point():
    whole = finished(["6", "7", "5"])
    dialogue = protocol.begin(problem(), Rules(), 0, 0)
    for attempt in ("6", "7", "5"):
        dialogue = play(pickle.loads(pickle.dumps(dialogue)), [attempt])
    assert dialogue == whole


def test_ids_and_seeds_come_from_the_run_seed_problem_arm_and_sample():
    made = {
        protocol.begin(problem(name=name), Rules(arm=arm), seed, sample).dialogue_id
        for name in ("a", "b")
        for arm in ("sml", "single")
        for seed in (0, 1)
        for sample in (0, 1)
    }
    assert len(made) == 16
    one = protocol.begin(problem(), Rules(), 3, 1)
    again = protocol.begin(problem(), Rules(), 3, 1)
    assert one == again
    assert protocol.need(one).seed == protocol.need(again).seed


def test_an_empty_teacher_reply_becomes_a_plain_retry():
    dialogue = protocol.begin(problem(), Rules(), 0, 0)
    for answer in (Reply("6"), Verdict("incorrect", "6"), Reply("<think>hm</think>"), Leak()):
        dialogue = protocol.advance(dialogue, answer)
    last = dialogue.messages[-1]
    assert last.form == "retry"
    assert "not correct" in last.content


def test_a_failure_ends_the_dialogue_with_its_class():
    done = protocol.fail(protocol.begin(problem(), Rules(), 0, 0), "permanent", "too\nlong")
    assert done.outcome.reason == "permanent: too long"
    assert protocol.need(done) is None


@pytest.mark.parametrize(
    ("text", "thought", "seen"),
    [
        ("plain", "", "plain"),
        ("<think>a</think>b", "a", "b"),
        ("<Think>a</Think> b <think>c</think>", "a\nc", "b"),
        ("a</think>b", "a", "b"),
        ("b<think>never ends", "never ends", "b"),
        ("<reasoning>a\nb</reasoning>\nc", "a\nb", "c"),
        ("1 < 2 and 3 > 2", "", "1 < 2 and 3 > 2"),
        ("", "", ""),
    ],
)
def test_reasoning_is_taken_from_what_the_other_side_sees(text, thought, seen):
    assert split(text) == (thought, seen)


def test_a_check_says_how_the_attempt_ended_and_a_look_what_a_hint_may_spell_out():
    dialogue = protocol.begin(problem(), Rules(leak_expression="block"), 0, 0)
    dialogue = protocol.advance(dialogue, Reply("It is 5 because 5 =", finish_reason="length"))
    assert protocol.need(dialogue).finish_reason == "length"
    dialogue = protocol.advance(dialogue, Verdict("incorrect"))
    dialogue = protocol.advance(dialogue, Reply("Work out 2 + 3."))
    assert protocol.need(dialogue).expression == "block"


def test_the_students_sequence_grows_until_it_is_shown_less_than_it_wrote():
    def reply(text, **named):
        named = {"prompt_ids": (1, 2), "continues": False} | named
        return Reply(text, (7, 8), (-1.0, -1.0), **named)

    start = protocol.begin(problem(), Rules(), 0, 0)
    first = protocol.advance(start, reply("It is 6. "))
    assert first.sequence == (1, 2, 7, 8)
    for response in (Verdict("incorrect"), Reply("No."), Leak()):
        first = protocol.advance(first, response)
    assert protocol.need(first).history == (1, 2, 7, 8)
    second = protocol.advance(first, reply("It is 7.", prompt_ids=(3,), continues=True))
    assert second.sequence == (1, 2, 7, 8, 3, 7, 8)
    assert protocol.advance(first, reply("It is 7.")).sequence == (1, 2, 7, 8)
    for less in (
        reply("<think>six</think>It is 6."),
        reply("It is<|im_end|> 6."),
        reply("It is 6.", is_plain=False),
        reply("It is 6.", prompt_ids=()),
    ):
        assert protocol.advance(start, less).sequence == ()
