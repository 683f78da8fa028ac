"""What is wanted of each player, as requests: who is to speak, what they are shown, with which seed."""

from tutelage.dialogue import chats, forms, lazy
from tutelage.records import Chat, Dialogue, LeakRequest, Message, Request, Sampling
from tutelage.seeds import seed


def student(dialogue: Dialogue) -> Request:
    """The student's next turn."""
    turn, sampling = dialogue.messages[-1].turn + 1, dialogue.rules.student
    chat, drawn = chats.for_student(dialogue), _seed(dialogue, "student", turn)
    return Request("student", chat, sampling, drawn, dialogue, history=dialogue.sequence)


def question(dialogue: Dialogue) -> Request:
    """A question in the place of the newest attempt, by the student's model."""
    drawn = _seed(dialogue, "question", dialogue.messages[-1].turn)
    chat = chats.for_question(dialogue)
    return Request("question", chat, dialogue.rules.student, drawn, dialogue)


def teacher(dialogue: Dialogue) -> Request:
    """Feedback on the newest turn, or a shard in the words of the lazy user's model."""
    sampling = dialogue.rules.teacher
    drawn = _seed(dialogue, "teacher", dialogue.messages[-1].turn)
    if dialogue.problem.hint_shards:
        shard = lazy.next_shard(dialogue)
        chat = chats.for_rephrasing(dialogue, dialogue.problem.hint_shards[shard or 0])
        return Request("teacher", chat, sampling, drawn, dialogue)
    form = forms.draw(dialogue)
    chat = chats.for_teacher(dialogue, form)
    return Request("teacher", chat, sampling, drawn, dialogue, form)


def leak(dialogue: Dialogue, draft: Message) -> LeakRequest:
    """A look at a draft by rules, against what the row shows."""
    history = chats.public(dialogue, draft)
    return LeakRequest(dialogue.problem, history, draft.content, dialogue.rules.leak_expression)


def reader_on_draft(dialogue: Dialogue, draft: Message) -> Request:
    """Which final answer a draft states."""
    chat = chats.for_reader(dialogue, draft)
    return _reader(dialogue, chat, "answer", draft.turn)


def reader_on_move(dialogue: Dialogue) -> Request:
    """What the newest student turn does."""
    chat = chats.for_move(dialogue)
    return _reader(dialogue, chat, "move", dialogue.messages[-1].turn)


def _reader(dialogue: Dialogue, chat: Chat, question: str, turn: int) -> Request:
    sampling = dialogue.rules.reader or Sampling()
    drawn = seed(dialogue.seed, "reader", question, turn, len(dialogue.caught))
    return Request("reader", chat, sampling, drawn, dialogue)


def _seed(dialogue: Dialogue, player: str, turn: int) -> int:
    """Another one for each try at the same message."""
    tries = sum(caught.turn == turn for caught in dialogue.caught)
    return seed(dialogue.seed, player, turn, tries)
