"""Who is next, and what their answer changes.

    problem ──▶ student ──attempt──▶ verifier ──correct──▶ solved
                 ▲  │                   │
                 │  question         otherwise ── turn = N ──▶ exhausted
                 │  │                   │
                 │  │      primed? the attempt is replaced by a question ──▶ leak gate
                 │  ▼                   ▼                                      │
                 └─ leak gate ◀──── teacher ◀──────────────────────────────────┘

One turn = the student acts, then the teacher responds (paper, section 2). The verifier runs on every
attempt; the teacher speaks only after a turn that was not correct. An attempt that could not be
judged does not end the dialogue: the teacher is told, and asks for a plainer answer. A question
scores 0, and the teacher answers it.

What arms differ in is who gives the feedback, and from what (`settings.ARMS`); a problem that comes
in shards has a lazy user for a teacher (`lazy`). Everything else is the same path.
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

Want = Request | VerifyRequest | LeakRequest
Response = Reply | Verdict | Leak


def identify(problem_id: str, rules: Rules, run_seed: int, sample: int) -> tuple[str, str]:
    """(dialogue_id, group_id): the same in every run with this seed, on any machine."""
    group = digest("group", run_seed, problem_id, rules.arm)
    return digest("dialogue", group, sample), group


def begin(
    problem: Problem, rules: Rules, run_seed: int, sample: int, others: tuple[Problem, ...] = ()
) -> Dialogue:
    """A dialogue in which the problem has been posed and the student is next.

    All arms of a problem and sample have one seed, so that their first attempts are the same and
    what differs after them is the arm's doing. `others` are the problems from which the arm
    `shuffled` takes its feedback, tried in this order.
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


def need(dialogue: Dialogue) -> Want | None:
    """What the dialogue waits for: a reply, a judgement, a look, or nothing because it has ended."""
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


def _need_of_draft(dialogue: Dialogue, draft: Message) -> Want:
    if draft.leak is None:
        return requests.leak(dialogue, draft)
    reading = dialogue.readings[-1] if dialogue.readings else None
    if reading is not None and reading.answer and reading.verdict is None:
        return VerifyRequest(dialogue.problem, reading.answer, reading.finish_reason)
    return requests.reader_on_draft(dialogue, draft)


def advance(dialogue: Dialogue, response: Response, want: Want | None = None) -> Dialogue:
    """The dialogue after `response`, which must answer what `need` says.

    `want` is what `need` said of this very dialogue; whoever still has it saves finding it again.

    Raises:
        TypeError: a verdict where a reply was due, or the like.
    """
    want = want or need(dialogue)
    given = {Request: Reply, VerifyRequest: Verdict, LeakRequest: Leak}
    if want is None or not isinstance(response, given[type(want)]):
        waits = type(want).__name__ if want else "nothing"
        raise TypeError(f"the dialogue waits for {waits}, got {type(response).__name__}")
    last = dialogue.messages[-1]
    is_teachers = last.speaker == "student" and dialogue.draft is None
    donor = donors.busy(dialogue) if is_teachers and not _awaits_own(dialogue) else None
    if donor is not None:
        moved = advance(dialogue.donors[donor], response, want)
        before, after = dialogue.donors[:donor], dialogue.donors[donor + 1 :]
        return teaching.respond(replace(dialogue, donors=(*before, moved, *after)))
    if isinstance(response, Verdict):
        has_draft = dialogue.draft is not None
        return (teaching.compared if has_draft else _judged)(dialogue, response)
    if isinstance(response, Leak):
        return teaching.inspected(dialogue, response)
    assert isinstance(want, Request)
    if want.player == "student":
        return _student(dialogue, response)
    if want.player == "reader":
        return _read(dialogue, response)
    return teaching.drafted(dialogue, want, response)


# The student has spoken.


def _student(dialogue: Dialogue, reply: Reply) -> Dialogue:
    thought, content = reasoning.split(reply.text)
    content, _ = neutralise(content)
    message = Message(
        speaker="student",
        act="attempt",
        turn=dialogue.messages[-1].turn + 1,
        content=content,
        reasoning=thought,
        token_ids=reply.token_ids,
        logprobs=reply.logprobs,
        finish_reason=reply.finish_reason,
        prompt_ids=reply.prompt_ids,
        continues=reply.continues,
        false_equation=flaws.false_equation(dialogue.problem, content),
    )
    dialogue = replace(
        dialogue,
        messages=(*dialogue.messages, message),
        sequence=sequence.after(dialogue.sequence, message, reply),
        usage_student=dialogue.usage_student + reply.usage,
    )
    move = moves.classify(content)
    if dialogue.rules.reader and not moves.is_sure(content, move):
        return dialogue
    return _moved(dialogue, move)


def _moved(dialogue: Dialogue, move: str) -> Dialogue:
    """The newest student turn is this move; one that asks is no attempt, and is answered."""
    asks = move in moves.QUESTIONS
    message = replace(dialogue.messages[-1], move=move, act="question" if asks else "attempt")
    dialogue = replace(dialogue, messages=(*dialogue.messages[:-1], message))
    if not asks:
        return dialogue
    return ending.exhausted(dialogue) if ending.is_last(dialogue) else teaching.respond(dialogue)


def _read(dialogue: Dialogue, reply: Reply) -> Dialogue:
    """The reader's word on a draft, or on the move of the newest student turn."""
    used = replace(dialogue, usage_judge=dialogue.usage_judge + reply.usage)
    if dialogue.draft is not None:
        return teaching.read(used, reply)
    by_rule = moves.classify(used.messages[-1].content)
    return _moved(used, moves.from_reader(reply.text, by_rule))


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

    P = q_base^t at turn t, drawn from the dialogue's seed. Not at the last turn, after which nobody
    would answer, and not where the question writer could not keep the answer to itself.
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
