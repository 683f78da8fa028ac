"""The chat messages that each player's language model sees.

The student sees the dialogue as it stands. The teacher sees it with the roles swapped (the student
is its user), after a system prompt with the privileged information. Both chats grow only at the
end, so an engine's prefix cache serves every later turn.
"""

from typing import Any

from tutelage.records import Chat, Dialogue, Message, Problem, Role, Rules, Verdict
from tutelage.specials import neutralise
from tutelage.templates import BlindView, LazyView, ReaderView, StudentView, TeacherView, render


def opening(problem: Problem, rules: Rules) -> tuple[Message, ...]:
    """The student's system prompt, unless it is empty, and the problem as the teacher's first
    message.

    If the problem comes in shards, the message is the first shard.
    """
    text, _ = neutralise(problem.hint_shards[0] if problem.hint_shards else problem.statement)
    view = StudentView(text, problem.domain, rules.turns)
    system = render(f"student/{rules.student_prompt}.j2", view, rules.prompts)
    posed = Message("teacher", "problem", 0, text, shard=0 if problem.hint_shards else None)
    return (Message("system", "system", 0, system), posed) if system else (posed,)


def for_student(dialogue: Dialogue) -> Chat:
    """The public dialogue: exactly the `messages` of the row so far."""
    return tuple((m.role, m.content) for m in dialogue.messages)


def public(dialogue: Dialogue, draft: Message | None = None) -> Chat:
    """The public dialogue without system prompt and problem, as the row will show it.

    A student's `draft` is a question that replaces the newest attempt, so that attempt is not
    public.
    """
    return tuple((m.role, m.content) for m in _shown(dialogue, draft) if m.turn > 0)


def _shown(dialogue: Dialogue, draft: Message | None) -> tuple[Message, ...]:
    replaces = draft is not None and draft.speaker == "student"
    return dialogue.messages[:-1] if replaces else dialogue.messages


def for_teacher(dialogue: Dialogue, form: str) -> Chat:
    """The teacher's brief, then each student turn with its verdict, and each feedback.

    In the arm `blind`, brief and turns are rendered from a view without privileged information.
    """
    rules = dialogue.rules
    blind = rules.arm == "blind"
    brief = "teacher/blind.j2" if blind else f"teacher/{rules.teacher_prompt}.j2"
    turn = "teacher/blind_attempt.j2" if blind else "teacher/attempt.j2"
    view = _blind_view if blind else _view
    talk = [m for m in dialogue.messages if m.turn > 0]
    chat: list[tuple[Role, str]] = [
        ("system", render(brief, view(dialogue, talk[:1], ""), rules.prompts))
    ]
    for i, message in enumerate(talk):
        if message.speaker == "teacher":
            chat.append(("assistant", message.content))
        else:
            turn_form = talk[i + 1].form if i + 1 < len(talk) else form
            turn_view = view(dialogue, talk[: i + 1], turn_form)
            chat.append(("user", render(turn, turn_view, rules.prompts)))
    return tuple(chat)


def for_question(dialogue: Dialogue) -> Chat:
    """The prompt with which the student's model turns its attempt and the solution into a question."""
    talk = [m for m in dialogue.messages if m.turn > 0]
    view = _view(dialogue, talk, "")
    return (("user", render("question/ask.j2", view, dialogue.rules.prompts)),)


def for_rephrasing(dialogue: Dialogue, shard: str) -> Chat:
    """The prompt with which the lazy user's model rephrases one shard."""
    newest = dialogue.messages[-1].content
    return (("user", render("teacher/lazy.j2", LazyView(shard, newest), dialogue.rules.prompts)),)


def for_reader(dialogue: Dialogue, draft: Message) -> Chat:
    """The public dialogue, then the question to the reader about the draft that may follow.

    It begins like the student's own chat, so that one prefix cache serves both. It contains nothing
    privileged.
    """
    chat = tuple((m.role, m.content) for m in _shown(dialogue, draft))
    view = ReaderView(draft.speaker, draft.content, dialogue.rules.leak_expression)
    template = f"reader/{dialogue.rules.reader_prompt}.j2"
    return _asked(chat, render(template, view, dialogue.rules.prompts))


def for_move(dialogue: Dialogue) -> Chat:
    """The public dialogue, then the question to the reader about its newest message."""
    newest = dialogue.messages[-1]
    view = ReaderView(newest.speaker, newest.content, dialogue.rules.leak_expression)
    return _asked(for_student(dialogue), render("reader/move.j2", view, dialogue.rules.prompts))


def _asked(chat: Chat, question: str) -> Chat:
    """Appends a question. Avoids two user messages in a row, which templates reject."""
    if chat and chat[-1][0] == "user":
        return (*chat[:-1], ("user", f"{chat[-1][1]}\n\n{question}"))
    return (*chat, ("user", question))


def retry(dialogue: Dialogue) -> str:
    """Feedback that says only that the attempt was wrong."""
    problem = dialogue.problem
    view = StudentView(problem.statement, problem.domain, dialogue.rules.turns)
    return render("shared/retry.j2", view, dialogue.rules.prompts)


def _view(dialogue: Dialogue, talk: list[Message], form: str) -> TeacherView:
    """The teacher's view as of the last message of `talk`, which is the student's."""
    problem, newest = dialogue.problem, talk[-1]
    verdict = newest.verdict or Verdict("incorrect" if newest.act == "question" else "unjudged")
    reason = f"unjudged: {verdict.reason}" if verdict.status == "unjudged" else verdict.reason
    return TeacherView(
        **_public(dialogue, talk, form),
        extracted=verdict.extracted,
        reason=reason,
        detail=verdict.detail,
        solution=problem.privileged_context,
        answer=problem.gold.value,
    )


def _blind_view(dialogue: Dialogue, talk: list[Message], form: str) -> BlindView:
    return BlindView(**_public(dialogue, talk, form))


def _public(dialogue: Dialogue, talk: list[Message], form: str) -> dict[str, Any]:
    """The fields of a `BlindView`."""
    problem, newest = dialogue.problem, talk[-1]
    return {
        "statement": problem.statement,
        "domain": problem.domain,
        "turns": dialogue.rules.turns,
        "turn": newest.turn,
        "history": tuple((m.speaker, m.content) for m in talk),
        "attempt": newest.content,
        "act": newest.act,
        "form": form,
    }
