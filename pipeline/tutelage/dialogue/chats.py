"""What each side is shown, as chat messages for a language model.

The student sees the dialogue as it stands. The teacher sees it from the other side (the student is
its user), behind a system prompt that holds the privileged information. Both chats only ever grow
at the end, so that an engine's prefix cache serves every later turn.
"""

from typing import Any

from tutelage.records import Chat, Dialogue, Message, Problem, Role, Rules, Verdict
from tutelage.specials import neutralise
from tutelage.templates import BlindView, LazyView, ReaderView, StudentView, TeacherView, render


def opening(problem: Problem, rules: Rules) -> tuple[Message, ...]:
    """The student's system prompt, if it has words, and the problem as the teacher's first message.

    Of a problem that comes in shards, the first shard is all that is said.
    """
    posed_text, _ = neutralise(problem.hint_shards[0] if problem.hint_shards else problem.statement)
    view = StudentView(posed_text, problem.domain, rules.turns)
    system = render(f"student/{rules.student_prompt}.j2", view, rules.prompts)
    posed = Message("teacher", "problem", 0, posed_text, shard=0 if problem.hint_shards else None)
    return (Message("system", "system", 0, system), posed) if system else (posed,)


def for_student(dialogue: Dialogue) -> Chat:
    """The public dialogue: exactly the `messages` of the row so far."""
    return tuple((m.role, m.content) for m in dialogue.messages)


def public(dialogue: Dialogue, draft: Message | None = None) -> Chat:
    """The public dialogue without the system prompt and the problem, as the row will show it.

    A `draft` of the student's is a question that takes the place of the newest attempt: that
    attempt is no part of what is public.
    """
    return tuple((m.role, m.content) for m in _shown(dialogue, draft) if m.turn > 0)


def _shown(dialogue: Dialogue, draft: Message | None) -> tuple[Message, ...]:
    replaces = draft is not None and draft.speaker == "student"
    return dialogue.messages[:-1] if replaces else dialogue.messages


def for_teacher(dialogue: Dialogue, form: str) -> Chat:
    """The teacher's brief, then each student turn with the verifier's word on it, each feedback.

    In the arm `blind`, brief and turns are rendered from a view that holds nothing privileged.
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
            wanted = talk[i + 1].form if i + 1 < len(talk) else form
            shown = view(dialogue, talk[: i + 1], wanted)
            chat.append(("user", render(turn, shown, rules.prompts)))
    return tuple(chat)


def for_question(dialogue: Dialogue) -> Chat:
    """What the student model is shown to write a question from its attempt and the solution."""
    talk = [m for m in dialogue.messages if m.turn > 0]
    view = _view(dialogue, talk, "")
    return (("user", render("question/ask.j2", view, dialogue.rules.prompts)),)


def for_rephrasing(dialogue: Dialogue, shard: str) -> Chat:
    """What the lazy user's model is shown to say one shard in its own words."""
    newest = dialogue.messages[-1].content
    return (("user", render("teacher/lazy.j2", LazyView(shard, newest), dialogue.rules.prompts)),)


def for_reader(dialogue: Dialogue, draft: Message) -> Chat:
    """The public dialogue, and then what the reader is asked about the draft that may follow.

    It begins as the student's own chat does, so that one prefix cache serves both. Nothing in it is
    privileged.
    """
    chat = tuple((m.role, m.content) for m in _shown(dialogue, draft))
    view = ReaderView(draft.speaker, draft.content, dialogue.rules.leak_expression)
    template = f"reader/{dialogue.rules.reader_prompt}.j2"
    return _asked(chat, render(template, view, dialogue.rules.prompts))


def for_move(dialogue: Dialogue) -> Chat:
    """The public dialogue, and then what the reader is asked about its newest message."""
    newest = dialogue.messages[-1]
    view = ReaderView(newest.speaker, newest.content, dialogue.rules.leak_expression)
    return _asked(for_student(dialogue), render("reader/move.j2", view, dialogue.rules.prompts))


def _asked(chat: Chat, question: str) -> Chat:
    """`chat` with a question at its end; never two messages of one role, which templates refuse."""
    if chat and chat[-1][0] == "user":
        return (*chat[:-1], ("user", f"{chat[-1][1]}\n\n{question}"))
    return (*chat, ("user", question))


def retry(dialogue: Dialogue) -> str:
    """The feedback that says nothing but that it was wrong."""
    problem = dialogue.problem
    view = StudentView(problem.statement, problem.domain, dialogue.rules.turns)
    return render("shared/retry.j2", view, dialogue.rules.prompts)


def _view(dialogue: Dialogue, talk: list[Message], form: str) -> TeacherView:
    """The teacher's view as of the last of `talk`, which is the student's."""
    problem, newest = dialogue.problem, talk[-1]
    verdict = newest.verdict or Verdict("incorrect" if newest.act == "question" else "unjudged")
    unjudged = f"unjudged: {verdict.reason}" if verdict.status == "unjudged" else verdict.reason
    return TeacherView(
        **_public(dialogue, talk, form),
        extracted=verdict.extracted,
        reason=unjudged,
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
