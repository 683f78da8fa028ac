"""The lazy user of an underspecified problem: reveals at most one shard per turn, each once.

As in Lost-in-Conversation, the first shard opens the dialogue. The others follow one at a time, in
the order of the source: when the student asks for one that is still hidden, or when it answers too
early. A question about none of them gets "I don't know". Rules decide which shard comes next. A
model may rephrase it (`chats.for_rephrasing`); `gives_out` then checks the result.
"""

import re

from tutelage.dialogue.moves import QUESTIONS
from tutelage.records import Dialogue
from tutelage.specials import neutralise

_WORD = re.compile(r"[a-z]+|\d+(?:\.\d+)?")
_COMMON = frozenset(
    """a an the and or of to in on at for with from is are was were be been do does did has have had it
    its this that these those there he she they we you i his her their my your how many much what
    which who when where why can could should would will please tell me any each per also need know
    information more details give""".split()  # noqa: SIM905, a word list reads better so
)
_OPENERS = _COMMON | frozenset(
    """after all also any because before both but during each every finally first half here if
    initially it later next no not note now one originally some sometimes suppose then they though
    today together two under until while within""".split()  # noqa: SIM905
)
"""Words written in lower case when they no longer begin the sentence, unlike names."""
_LEADS = (
    "Oh, and {}",
    "One thing I should add: {}",
    "By the way, {}",
    "I also know this: {}",
)
_NOTHING = ("I don't know.", "I can't tell you that.", "No idea, sorry.")
_ALL_OUT = (
    "I have told you all I know.",
    "That is everything that I can say about it.",
    "There is nothing to add.",
)


def given_out(dialogue: Dialogue) -> set[int]:
    """The shards revealed so far, including the opening one."""
    return {m.shard for m in dialogue.messages if m.shard is not None}


def next_shard(dialogue: Dialogue) -> int | None:
    """The shard to reveal now; None if the user does not know, or has nothing left to reveal."""
    hidden = [i for i in range(len(dialogue.problem.hint_shards)) if i not in given_out(dialogue)]
    if not hidden:
        return None
    newest = dialogue.messages[-1]
    if newest.move not in QUESTIONS:
        return hidden[0]
    question_words = _words(newest.content)
    overlaps = [len(question_words & _words(dialogue.problem.hint_shards[i])) for i in hidden]
    best = max(range(len(hidden)), key=lambda i: (overlaps[i], -i))
    if overlaps[best]:
        return hidden[best]
    # The question is about something already public, or about nothing in the problem.
    public = set().union(
        *(_words(dialogue.problem.hint_shards[i]) for i in given_out(dialogue)), set()
    )
    return hidden[0] if not question_words - public else None


def words(dialogue: Dialogue, shard: int | None, draw: float) -> str:
    """The lazy user's message, by rule."""
    if shard is None:
        is_complete = len(given_out(dialogue)) == len(dialogue.problem.hint_shards)
        options = _ALL_OUT if is_complete else _NOTHING
        return options[int(draw * len(options))]
    text, _ = neutralise(dialogue.problem.hint_shards[shard].strip())
    opener = re.match(r"([A-Z][a-z]*)[\s,]", text)
    if opener and opener[1].lower() in _OPENERS and opener[1] != "I":
        text = text[0].lower() + text[1:]
    return _LEADS[int(draw * len(_LEADS))].format(text)


def gives_out(dialogue: Dialogue, text: str, shard: int) -> bool:
    """Whether `text` contains this shard completely and nothing of the hidden ones."""
    shard_text = dialogue.problem.hint_shards[shard]
    public = set().union(
        *(_words(dialogue.problem.hint_shards[i]) for i in given_out(dialogue)), set()
    )
    words = _words(text)
    if not _numbers(shard_text) <= _numbers(text):
        return False
    shard_words = _words(shard_text)
    for i, other in enumerate(dialogue.problem.hint_shards):
        if i != shard and i not in given_out(dialogue):
            if (_numbers(other) - _numbers(shard_text) - public) & words:
                return False
            other_words = _words(other) - shard_words - public
            if other_words and len(other_words & words) > len(other_words) / 2:
                return False
    return True


def is_premature(dialogue: Dialogue) -> bool:
    """Whether the newest student turn answers before all shards are revealed."""
    newest = dialogue.messages[-1]
    held_back = len(given_out(dialogue)) < len(dialogue.problem.hint_shards)
    return held_back and newest.move in ("answer", "hedge")


def _words(text: str) -> set[str]:
    return {w.rstrip("s") for w in _WORD.findall(text.lower()) if w not in _COMMON}


def _numbers(text: str) -> set[str]:
    return {w for w in _WORD.findall(text.lower()) if w[0].isdigit()}
