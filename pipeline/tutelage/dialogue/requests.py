"""Builds the requests to each player: the chat, the sampling parameters and the seed."""

from tutelage.dialogue import chats, forms, lazy
from tutelage.records import Chat, Dialogue, LeakRequest, Message, Request, Sampling
from tutelage.seeds import seed


def student(dialogue: Dialogue) -> Request:
    """The student's next turn."""
    turn, sampling = dialogue.messages[-1].turn + 1, dialogue.rules.student
    chat, drawn = chats.for_student(dialogue), _seed(dialogue, "student", turn)
    return Request("student", chat, sampling, drawn, dialogue, history=dialogue.sequence)


def question(dialogue: Dialogue) -> Request:
    """A question, written by the student's model, that may replace the newest attempt."""
    drawn = _seed(dialogue, "question", dialogue.messages[-1].turn)
    chat = chats.for_question(dialogue)
    return Request("question", chat, dialogue.rules.student, drawn, dialogue)


def teacher(dialogue: Dialogue) -> Request:
    """Feedback on the newest turn, or a shard rephrased by the lazy user's model."""
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
    """A rule-based leak check of a draft, against what the row shows."""
    history = chats.public(dialogue, draft)
    return LeakRequest(dialogue.problem, history, draft.content, dialogue.rules.leak_expression)


def reader_on_draft(dialogue: Dialogue, draft: Message) -> Request:
    """Asks which final answer a draft states."""
    chat = chats.for_reader(dialogue, draft)
    return _reader(dialogue, chat, "answer", draft.turn)


def reader_on_move(dialogue: Dialogue) -> Request:
    """Asks what the newest student turn does."""
    chat = chats.for_move(dialogue)
    return _reader(dialogue, chat, "move", dialogue.messages[-1].turn)


def _reader(dialogue: Dialogue, chat: Chat, question: str, turn: int) -> Request:
    sampling = dialogue.rules.reader or Sampling()
    drawn = seed(dialogue.seed, "reader", question, turn, len(dialogue.caught))
    return Request("reader", chat, sampling, drawn, dialogue)


def _seed(dialogue: Dialogue, player: str, turn: int) -> int:
    """A different seed for each try at the same message."""
    tries = sum(caught.turn == turn for caught in dialogue.caught)
    return seed(dialogue.seed, player, turn, tries)
