"""The teacher's side: feedback and primed questions, from the draft through the leak gate to the
row.

draft ──▶ rules ──clean──▶ reader, if there is one ──none, or a wrong answer──▶ accepted
            │                        │
            └──────── leak ◀─────────┘  the right answer, by the verifier
                        │
          rewritten; after the last retry, by policy: fallback, drop, mark
"""

from dataclasses import replace

from tutelage.dialogue import chats, donors, lazy, moves, reader, reasoning, sequence
from tutelage.dialogue.ending import fail
from tutelage.records import Act, Caught, Dialogue, Leak, Message, Reply, Request, Verdict
from tutelage.seeds import fraction
from tutelage.specials import neutralise


def respond(dialogue: Dialogue) -> Dialogue:
    """Adds the feedback of a teacher without an engine; otherwise leaves the dialogue unchanged."""
    turn, rules = dialogue.messages[-1].turn, dialogue.rules
    if dialogue.problem.hint_shards and not (rules.rephrase and _has_shard(dialogue)):
        shard = lazy.next_shard(dialogue)
        words = lazy.words(dialogue, shard, fraction("lazy", dialogue.seed, turn))
        form = "lazy" if shard is None else ""
        return _feedback(
            dialogue, Message("teacher", _act(shard), turn, words, "", form, shard=shard)
        )
    if rules.arm == "retry":
        return _feedback(dialogue, _retry(dialogue))
    if rules.arm == "shuffled" and donors.busy(dialogue) is None:
        return _feedback(dialogue, donors.borrowed(dialogue) or _retry(dialogue))
    return dialogue


def drafted(dialogue: Dialogue, request: Request, reply: Reply) -> Dialogue:
    """Turns a teacher's reply or a primed question into a draft, before the leak gate.

    A question is sampled after a prompt of its own but stands in the student's context. Its
    log-probabilities do not apply there and are not kept.
    """
    thoughts, content = reasoning.split(reply.text)
    content, _ = neutralise(content)
    turn = dialogue.messages[-1].turn
    if request.player == "question":
        draft = Message(
            "student",
            "question",
            turn,
            content,
            thoughts,
            move="clarification",
            token_ids=reply.token_ids if reply.is_plain and not thoughts else (),
            finish_reason=reply.finish_reason,
        )
        counted = replace(dialogue, usage_student=dialogue.usage_student + reply.usage)
        if moves.classify(content) not in moves.QUESTIONS:
            return _unprimed(counted)
    else:
        counted = replace(dialogue, usage_teacher=dialogue.usage_teacher + reply.usage)
        if dialogue.problem.hint_shards:
            return _feedback(counted, _rephrased(counted, content, reply.finish_reason))
        form = reply.form or request.form or "free"
        draft = Message(
            "teacher", "feedback", turn, content, thoughts, form, finish_reason=reply.finish_reason
        )
        if not content:
            draft = _retry(dialogue)
    if dialogue.rules.leak_policy == "off":
        return _accepted(counted, draft)
    return replace(counted, draft=draft)


def inspected(dialogue: Dialogue, leak: Leak) -> Dialogue:
    """The rules' result for the draft. If they find nothing, the reader is next."""
    draft = _draft(dialogue)
    if dialogue.rules.reader and not leak.kind and reader.reads(dialogue.problem):
        return replace(dialogue, draft=replace(draft, leak=leak))
    return _gated(dialogue, leak)


def read(dialogue: Dialogue, reply: Reply) -> Dialogue:
    """The reader's result for the draft. If it names an answer, that has to be verified."""
    reading = reader.reading(_draft(dialogue), reply)
    dialogue = replace(dialogue, readings=(*dialogue.readings, reading))
    return dialogue if reading.answer else _gated(dialogue, Leak())


def compared(dialogue: Dialogue, verdict: Verdict) -> Dialogue:
    """The verdict on the answer that the reader named. An unjudged answer is not a leak."""
    *before, reading = dialogue.readings
    judged = replace(dialogue, readings=(*before, replace(reading, verdict=verdict)))
    is_leak = verdict.status == "correct"
    leak = Leak("reader", evidence=reading.answer[:200]) if is_leak else Leak()
    return _gated(judged, leak)


def _draft(dialogue: Dialogue) -> Message:
    assert dialogue.draft is not None
    return dialogue.draft


def _gated(dialogue: Dialogue, leak: Leak) -> Dialogue:
    """Accepts a clean draft; retries a leaking one, and finally applies the policy."""
    draft, rules = _draft(dialogue), dialogue.rules
    if draft.leak is not None:
        draft = replace(draft, leak=None)
    dialogue = replace(dialogue, draft=None)
    earlier = [c for c in dialogue.caught if c.turn == draft.turn and c.speaker == draft.speaker]
    if not leak.kind:
        if earlier:
            draft = replace(draft, leak=replace(earlier[0].leak, action="regenerated"))
        return _accepted(dialogue, draft)
    may_retry = len(earlier) < rules.leak_retries
    last_resort = {"fallback": "fallback", "drop": "dropped", "mark": "marked"}
    action = "regenerated" if may_retry else last_resort[rules.leak_policy]
    handled = replace(leak, action=action)
    caught = Caught(draft.turn, draft.speaker, handled)
    dialogue = replace(dialogue, caught=(*dialogue.caught, caught))
    if may_retry:
        return dialogue
    if action == "dropped":
        return fail(dialogue, "leak", f"{draft.speaker} at turn {draft.turn}: {leak.kind}")
    if action == "marked":
        return _accepted(dialogue, replace(draft, leak=handled))
    if draft.speaker == "student":
        return _unprimed(dialogue)
    return _accepted(dialogue, replace(_retry(dialogue), leak=handled))


def _unprimed(dialogue: Dialogue) -> Dialogue:
    """No question without a leak was found: the attempt stays, and the teacher responds to it."""
    turn = dialogue.messages[-1].turn
    return respond(replace(dialogue, unprimed=(*dialogue.unprimed, turn)))


def _accepted(dialogue: Dialogue, message: Message) -> Dialogue:
    if message.speaker == "teacher":
        return _feedback(dialogue, message)
    attempt = dialogue.messages[-1]
    message = replace(message, prompt_ids=attempt.prompt_ids, continues=attempt.continues)
    primed = replace(
        dialogue,
        messages=(*dialogue.messages[:-1], message),
        sequence=sequence.replaced(dialogue.sequence, attempt, message),
        replaced=(*dialogue.replaced, attempt),
    )
    return respond(primed)


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
    """The model's rephrasing if it contains exactly this shard, else the rule's message."""
    turn, shard = dialogue.messages[-1].turn, lazy.next_shard(dialogue)
    assert shard is not None
    if not lazy.gives_out(dialogue, content, shard):
        content = lazy.words(dialogue, shard, fraction("lazy", dialogue.seed, turn))
        finish_reason = ""
    return Message("teacher", "shard", turn, content, shard=shard, finish_reason=finish_reason)
