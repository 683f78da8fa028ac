"""Who acts next, and how their response changes the dialogue.

    problem ──▶ student ──attempt──▶ verifier ──correct──▶ solved
                 ▲  │                   │
                 │  question         otherwise ── turn = N ──▶ exhausted
                 │  │                   │
                 │  │      primed? the attempt is replaced by a question ──▶ leak gate
                 │  ▼                   ▼                                      │
                 └─ leak gate ◀──── teacher ◀──────────────────────────────────┘

One turn = the student acts, then the teacher responds (paper, section 2). The verifier runs on
every attempt; the teacher responds only to a turn that was not correct. An unjudged attempt does
not end the dialogue: the teacher learns why and asks for a plainer answer. A question scores 0, and
the teacher answers it.

Arms differ in who gives the feedback, and in what it is based on (`settings.ARMS`). For a problem
in shards, the teacher is a lazy user (`lazy`). Everything else is the same for all.
"""

from dataclasses import replace

from tutelage.dialogue import (
    chats,
    donors,
    ending,
    flaws,
    moves,
    reasoning,
    requests,
    sequence,
    teaching,
)
from tutelage.records import (
    Act,
    Dialogue,
    Leak,
    LeakRequest,
    Message,
    Problem,
    Reply,
    Request,
    Rules,
    Verdict,
    VerifyRequest,
)
from tutelage.seeds import digest, fraction, seed
from tutelage.specials import neutralise

Need = Request | VerifyRequest | LeakRequest
Response = Reply | Verdict | Leak
_RESPONSES = {Request: Reply, VerifyRequest: Verdict, LeakRequest: Leak}


def identify(problem_id: str, rules: Rules, run_seed: int, sample: int) -> tuple[str, str]:
    """(dialogue_id, group_id): the same in every run with this seed, on any machine."""
    group = digest("group", run_seed, problem_id, rules.arm)
    return digest("dialogue", group, sample), group


def begin(
    problem: Problem, rules: Rules, run_seed: int, sample: int, others: tuple[Problem, ...] = ()
) -> Dialogue:
    """A dialogue in which the problem has been posed and the student is next.

    All arms of a problem and sample share one seed. Their first attempts are therefore equal, and
    later differences are due to the arm. The arm `shuffled` takes its feedback from dialogues about
    `others`, tried in this order.
    """
    dialogue_id, group_id = identify(problem.problem_id, rules, run_seed, sample)
    borrowed = replace(rules, arm="sml", q_base=0.0)
    return Dialogue(
        dialogue_id=dialogue_id,
        group_id=group_id,
        problem=problem,
        rules=rules,
        sample=sample,
        seed=seed(run_seed, problem.problem_id, sample),
        messages=chats.opening(problem, rules),
        donors=tuple(begin(other, borrowed, run_seed, sample) for other in others),
    )


def need(dialogue: Dialogue) -> Need | None:
    """What the dialogue waits for: a reply, a verdict, a leak check, or None if it has ended."""
    if dialogue.outcome is not None:
        return None
    if dialogue.draft is not None:
        return _need_of_draft(dialogue, dialogue.draft)
    last = dialogue.messages[-1]
    if last.speaker == "student" and not last.move:
        return requests.reader_on_move(dialogue)
    if last.speaker == "teacher":
        return requests.student(dialogue)
    if last.act == "attempt" and last.verdict is None:
        return VerifyRequest(dialogue.problem, last.content, last.finish_reason)
    if _is_primed(dialogue):
        return requests.question(dialogue)
    if (donor := donors.busy(dialogue)) is not None:
        return need(dialogue.donors[donor])
    return requests.teacher(dialogue)


def _need_of_draft(dialogue: Dialogue, draft: Message) -> Need:
    if draft.leak is None:
        return requests.leak(dialogue, draft)
    reading = dialogue.readings[-1] if dialogue.readings else None
    if reading is not None and reading.answer and reading.verdict is None:
        return VerifyRequest(dialogue.problem, reading.answer, reading.finish_reason)
    return requests.reader_on_draft(dialogue, draft)


def advance(dialogue: Dialogue, response: Response, pending: Need | None = None) -> Dialogue:
    """The dialogue after `response`, which must answer what `need` returns.

    `pending` is what `need` returned for this dialogue; passing it saves computing it again.

    Raises:
        TypeError: `response` has the wrong type, such as a verdict in place of a reply.
    """
    pending = pending or need(dialogue)
    if pending is None or not isinstance(response, _RESPONSES[type(pending)]):
        expected = type(pending).__name__ if pending else "nothing"
        raise TypeError(f"the dialogue waits for {expected}, got {type(response).__name__}")
    last = dialogue.messages[-1]
    is_teachers_turn = last.speaker == "student" and dialogue.draft is None
    donor = donors.busy(dialogue) if is_teachers_turn and not _awaits_own(dialogue) else None
    if donor is not None:
        advanced_donor = advance(dialogue.donors[donor], response, pending)
        before, after = dialogue.donors[:donor], dialogue.donors[donor + 1 :]
        return teaching.respond(replace(dialogue, donors=(*before, advanced_donor, *after)))
    if isinstance(response, Verdict):
        has_draft = dialogue.draft is not None
        return (teaching.compared if has_draft else _judged)(dialogue, response)
    if isinstance(response, Leak):
        return teaching.inspected(dialogue, response)
    assert isinstance(pending, Request)
    if pending.player == "student":
        return _student(dialogue, response)
    if pending.player == "reader":
        return _read(dialogue, response)
    return teaching.drafted(dialogue, pending, response)


# The student's messages.


def _student(dialogue: Dialogue, reply: Reply) -> Dialogue:
    thought, content = reasoning.split(reply.text)
    content, _ = neutralise(content)
    move = moves.classify(content)
    if dialogue.rules.reader and not moves.is_sure(content, move):
        move = ""
    message = Message(
        speaker="student",
        act=_act(move),
        turn=dialogue.messages[-1].turn + 1,
        content=content,
        reasoning=thought,
        move=move,
        token_ids=reply.token_ids,
        logprobs=reply.logprobs,
        finish_reason=reply.finish_reason,
        prompt_ids=reply.prompt_ids,
        continues=reply.continues,
        false_equation=flaws.false_equation(dialogue.problem, content),
    )
    return _heard(
        replace(
            dialogue,
            messages=(*dialogue.messages, message),
            sequence=sequence.after(dialogue.sequence, message, reply),
            usage_student=dialogue.usage_student + reply.usage,
        )
    )


def _act(move: str) -> Act:
    return "question" if move in moves.QUESTIONS else "attempt"


def _heard(dialogue: Dialogue) -> Dialogue:
    """The teacher answers a question, unless it was the last turn. An attempt awaits its verdict."""
    if dialogue.messages[-1].act != "question":
        return dialogue
    return ending.exhausted(dialogue) if ending.is_last(dialogue) else teaching.respond(dialogue)


def _read(dialogue: Dialogue, reply: Reply) -> Dialogue:
    """The reader's response about a draft, or about the move of the newest student turn."""
    counted = replace(dialogue, usage_judge=dialogue.usage_judge + reply.usage)
    if dialogue.draft is not None:
        return teaching.read(counted, reply)
    newest = counted.messages[-1]
    move = moves.from_reader(reply.text, moves.classify(newest.content))
    classified = replace(newest, move=move, act=_act(move))
    return _heard(replace(counted, messages=(*counted.messages[:-1], classified)))


def _judged(dialogue: Dialogue, verdict: Verdict) -> Dialogue:
    attempt = dialogue.messages[-1]
    if dialogue.rules.refuses_flaws:
        verdict = flaws.refused(attempt, verdict)
    attempt = replace(attempt, verdict=verdict)
    dialogue = replace(dialogue, messages=(*dialogue.messages[:-1], attempt))
    if verdict.status == "correct":
        return ending.solved(dialogue)
    if ending.is_last(dialogue):
        return ending.exhausted(dialogue)
    return dialogue if _is_primed(dialogue) else teaching.respond(dialogue)


def _is_primed(dialogue: Dialogue) -> bool:
    """Whether the newest turn, a wrong attempt, is to be replaced by a question.

    P = q_base^t at turn t, drawn from the dialogue's seed. Never at the last turn, when no answer
    would follow, and never at a turn where no question without a leak could be written.
    """
    last = dialogue.messages[-1]
    base = dialogue.rules.q_base
    if not base or last.act != "attempt" or last.verdict is None or ending.is_last(dialogue):
        return False
    if last.turn in dialogue.unprimed:
        return False
    return fraction("q-priming", dialogue.seed, last.turn) < base**last.turn


def _awaits_own(dialogue: Dialogue) -> bool:
    """Whether the newest turn still waits for its verdict or its question, not for a donor."""
    last = dialogue.messages[-1]
    unjudged = last.act == "attempt" and last.verdict is None
    return not last.move or unjudged or _is_primed(dialogue)
