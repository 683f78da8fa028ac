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

from tutelage.dialogue import chats, donors, forms, lazy, moves, reasoning
from tutelage.records import (
    Act,
    Caught,
    Dialogue,
    Leak,
    LeakRequest,
    Message,
    Outcome,
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
Answer = Reply | Verdict | Leak


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
    if (draft := dialogue.draft) is not None:
        if draft.leak is not None:
            return _ask_judge(dialogue, "leak", draft)
        expression = dialogue.rules.leak_expression
        return LeakRequest(dialogue.problem, chats.public(dialogue), draft.content, expression)
    last = dialogue.messages[-1]
    if last.speaker == "student" and not last.move:
        return _ask_judge(dialogue, "move", last)
    if last.speaker == "teacher":
        return _ask(dialogue, "student", last.turn + 1)
    if last.act == "attempt" and last.verdict is None:
        return VerifyRequest(dialogue.problem, last.content, last.finish_reason)
    if _is_primed(dialogue):
        return _ask(dialogue, "question", last.turn)
    if (donor := donors.busy(dialogue)) is not None:
        return need(dialogue.donors[donor])
    return _ask(dialogue, "teacher", last.turn)


def advance(dialogue: Dialogue, answer: Answer, want: Want | None = None) -> Dialogue:
    """The dialogue after `answer`, which must answer what `need` says.

    `want` is what `need` said of this very dialogue; whoever still has it saves finding it again.

    Raises:
        TypeError: a verdict where a reply was due, or the like.
    """
    want = want or need(dialogue)
    given = {Request: Reply, VerifyRequest: Verdict, LeakRequest: Leak}
    if want is None or not isinstance(answer, given[type(want)]):
        waits = type(want).__name__ if want else "nothing"
        raise TypeError(f"the dialogue waits for {waits}, got {type(answer).__name__}")
    last = dialogue.messages[-1]
    teaching = last.speaker == "student" and dialogue.draft is None
    donor = donors.busy(dialogue) if teaching and not _awaits_own(dialogue) else None
    if donor is not None:
        moved = advance(dialogue.donors[donor], answer, want)
        before, after = dialogue.donors[:donor], dialogue.donors[donor + 1 :]
        return _respond(replace(dialogue, donors=(*before, moved, *after)))
    if isinstance(answer, Verdict):
        return _judged(dialogue, answer)
    if isinstance(answer, Leak):
        return _inspected(dialogue, answer)
    if isinstance(want, Request) and want.player == "student":
        return _student(dialogue, answer)
    assert isinstance(want, Request)
    if want.player == "judge":
        used = replace(dialogue, usage_judge=dialogue.usage_judge + answer.usage)
        if dialogue.draft is not None:
            gives_away = answer.text.strip().lower().lstrip("*\"'").startswith("yes")
            return _inspected(used, Leak("judge" if gives_away else ""), is_final=True)
        last = used.messages[-1]
        move = moves.from_judge(answer.text, moves.classify(last.content))
        return _moved(used, move)
    return _drafted(dialogue, want, answer)


def fail(dialogue: Dialogue, failure: str, reason: str) -> Dialogue:
    """The dialogue ended by a failure that is not its own doing, such as a dead engine."""
    words = f"{failure}: {' '.join(reason.split())[:500]}"
    ended = Outcome("failed", turns=_turns(dialogue), reason=words)
    return replace(dialogue, draft=None, outcome=ended)


def _ask(dialogue: Dialogue, player: str, turn: int) -> Request:
    rules = dialogue.rules
    tries = sum(c.turn == turn for c in dialogue.caught)
    drawn = seed(dialogue.seed, player, turn, tries)
    if player == "student":
        return Request("student", chats.for_student(dialogue), rules.student, drawn, dialogue)
    if player == "question":
        return Request("question", chats.for_question(dialogue), rules.student, drawn, dialogue)
    if dialogue.problem.shards:
        shard = lazy.next_shard(dialogue)
        chat = chats.for_rephrasing(dialogue, dialogue.problem.shards[shard or 0])
        return Request("teacher", chat, rules.teacher, drawn, dialogue)
    form = forms.draw(dialogue)
    return Request(
        "teacher", chats.for_teacher(dialogue, form), rules.teacher, drawn, dialogue, form
    )


def _ask_judge(dialogue: Dialogue, question: str, message: Message) -> Request:
    sampling = dialogue.rules.judge
    assert sampling is not None
    chat = chats.for_judge(dialogue, question, message.content)
    drawn = seed(dialogue.seed, "judge", question, message.turn, len(dialogue.caught))
    return Request("judge", chat, sampling, drawn, dialogue)


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
    )
    dialogue = replace(
        dialogue,
        messages=(*dialogue.messages, message),
        usage_student=dialogue.usage_student + reply.usage,
    )
    move = moves.classify(content)
    if dialogue.rules.judge and not moves.is_sure(content, move):
        return dialogue
    return _moved(dialogue, move)


def _moved(dialogue: Dialogue, move: str) -> Dialogue:
    """The newest student turn is this move; one that asks is no attempt, and is answered."""
    asks = move in moves.QUESTIONS
    message = replace(dialogue.messages[-1], move=move, act="question" if asks else "attempt")
    dialogue = replace(dialogue, messages=(*dialogue.messages[:-1], message))
    if not asks:
        return dialogue
    return _exhausted(dialogue) if _is_last(dialogue) else _respond(dialogue)


def _judged(dialogue: Dialogue, verdict: Verdict) -> Dialogue:
    attempt = replace(dialogue.messages[-1], verdict=verdict)
    dialogue = replace(dialogue, messages=(*dialogue.messages[:-1], attempt))
    if verdict.status == "correct":
        solved = Outcome("solved", solved_turn=attempt.turn, turns=attempt.turn)
        return replace(dialogue, outcome=solved)
    if _is_last(dialogue):
        return _exhausted(dialogue)
    return dialogue if _is_primed(dialogue) else _respond(dialogue)


def _is_primed(dialogue: Dialogue) -> bool:
    """Whether the newest turn, a wrong attempt, is to be replaced by a question.

    P = q_base^t at turn t, drawn from the dialogue's seed. Not at the last turn, after which nobody
    would answer, and not where the question writer could not keep the answer to itself.
    """
    last = dialogue.messages[-1]
    base = dialogue.rules.q_base
    if not base or last.act != "attempt" or last.verdict is None or _is_last(dialogue):
        return False
    if last.turn in dialogue.unprimed:
        return False
    return fraction("q-priming", dialogue.seed, last.turn) < base**last.turn


def _awaits_own(dialogue: Dialogue) -> bool:
    """Whether the newest turn still waits for its verdict or its question, not for a donor."""
    last = dialogue.messages[-1]
    unjudged = last.act == "attempt" and last.verdict is None
    return not last.move or unjudged or _is_primed(dialogue)


def _is_last(dialogue: Dialogue) -> bool:
    """A dialogue in shards lasts at least until all of them could be out."""
    turns = max(dialogue.rules.turns, len(dialogue.problem.shards))
    limit = dialogue.rules.turns if dialogue.rules.arm == "single" else turns
    return dialogue.messages[-1].turn >= limit


def _exhausted(dialogue: Dialogue) -> Dialogue:
    return replace(dialogue, outcome=Outcome("exhausted", turns=dialogue.messages[-1].turn))


def _turns(dialogue: Dialogue) -> int:
    return sum(m.speaker == "student" for m in dialogue.messages)


# The teacher responds.


def _respond(dialogue: Dialogue) -> Dialogue:
    """Lets a teacher speak who needs no engine; leaves the dialogue as it is for one who does."""
    turn, rules = dialogue.messages[-1].turn, dialogue.rules
    if dialogue.problem.shards and not (rules.rephrase and _has_shard(dialogue)):
        shard = lazy.next_shard(dialogue)
        said = lazy.words(dialogue, shard, fraction("lazy", dialogue.seed, turn))
        form = "lazy" if shard is None else ""
        return _feedback(
            dialogue, Message("teacher", _act(shard), turn, said, "", form, shard=shard)
        )
    if rules.arm == "retry":
        return _feedback(dialogue, _retry(dialogue))
    if rules.arm == "shuffled" and donors.busy(dialogue) is None:
        return _feedback(dialogue, donors.borrowed(dialogue) or _retry(dialogue))
    return dialogue


def _drafted(dialogue: Dialogue, want: Request, reply: Reply) -> Dialogue:
    """A teacher's reply or a primed question, before the leak gate."""
    thought, content = reasoning.split(reply.text)
    content, _ = neutralise(content)
    turn = dialogue.messages[-1].turn
    if want.player == "question":
        draft = Message(
            "student",
            "question",
            turn,
            content,
            thought,
            move="clarification",
            token_ids=reply.token_ids,
            logprobs=reply.logprobs,
            finish_reason=reply.finish_reason,
        )
        used = replace(dialogue, usage_student=dialogue.usage_student + reply.usage)
        if moves.classify(content) not in moves.QUESTIONS:
            return _unprimed(used)
    else:
        used = replace(dialogue, usage_teacher=dialogue.usage_teacher + reply.usage)
        if dialogue.problem.shards:
            return _feedback(used, _rephrased(used, content, reply.finish_reason))
        form = reply.form or want.form or "free"
        draft = Message(
            "teacher", "feedback", turn, content, thought, form, finish_reason=reply.finish_reason
        )
        if not content:
            draft = _retry(dialogue)
    if dialogue.rules.leak_policy == "off":
        return _accepted(used, draft)
    return replace(used, draft=draft)


def _inspected(dialogue: Dialogue, leak: Leak, is_final: bool = False) -> Dialogue:
    """A clean draft is said; a leaking one is written anew, and at last the policy decides.

    Where there is a judge, what the rules find clean is `is_final` only when the judge agrees.
    """
    draft, rules = dialogue.draft, dialogue.rules
    assert draft is not None
    if rules.judge and not leak.kind and not is_final:
        return replace(dialogue, draft=replace(draft, leak=leak))
    draft = replace(draft, leak=None)
    dialogue = replace(dialogue, draft=None)
    before = [c for c in dialogue.caught if c.turn == draft.turn and c.speaker == draft.speaker]
    if not leak.kind:
        if before:
            draft = replace(draft, leak=replace(before[0].leak, action="regenerated"))
        return _accepted(dialogue, draft)
    again = len(before) < rules.leak_retries
    last_resort = {"fallback": "fallback", "drop": "dropped", "mark": "marked"}
    action = "regenerated" if again else last_resort[rules.leak_policy]
    found = replace(leak, action=action)
    caught = Caught(draft.turn, draft.speaker, found)
    dialogue = replace(dialogue, caught=(*dialogue.caught, caught))
    if again:
        return dialogue
    if action == "dropped":
        return fail(dialogue, "leak", f"{draft.speaker} at turn {draft.turn}: {leak.kind}")
    if action == "marked":
        return _accepted(dialogue, replace(draft, leak=found))
    if draft.speaker == "student":
        return _unprimed(dialogue)
    return _accepted(dialogue, replace(_retry(dialogue), leak=found))


def _unprimed(dialogue: Dialogue) -> Dialogue:
    """No question could be had: the wrong attempt stays, and is answered."""
    turn = dialogue.messages[-1].turn
    return _respond(replace(dialogue, unprimed=(*dialogue.unprimed, turn)))


def _accepted(dialogue: Dialogue, message: Message) -> Dialogue:
    if message.speaker == "teacher":
        return _feedback(dialogue, message)
    attempt = dialogue.messages[-1]
    primed = replace(
        dialogue,
        messages=(*dialogue.messages[:-1], message),
        replaced=(*dialogue.replaced, attempt),
    )
    return _respond(primed)


def _feedback(dialogue: Dialogue, message: Message) -> Dialogue:
    return replace(dialogue, messages=(*dialogue.messages, message))


def _retry(dialogue: Dialogue) -> Message:
    turn = dialogue.messages[-1].turn
    return Message("teacher", "feedback", turn, chats.retry(dialogue), form="retry")


# Underspecified problems: a lazy user.


def _has_shard(dialogue: Dialogue) -> bool:
    return lazy.next_shard(dialogue) is not None


def _act(shard: int | None) -> Act:
    return "feedback" if shard is None else "shard"


def _rephrased(dialogue: Dialogue, content: str, finish_reason: str) -> Message:
    """What the model made of the shard, if it tells that one shard whole and no other."""
    turn, shard = dialogue.messages[-1].turn, lazy.next_shard(dialogue)
    assert shard is not None
    if not lazy.gives_out(dialogue, content, shard):
        content = lazy.words(dialogue, shard, fraction("lazy", dialogue.seed, turn))
        finish_reason = ""
    return Message("teacher", "shard", turn, content, shard=shard, finish_reason=finish_reason)
