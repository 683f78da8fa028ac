"""The lazy user of an underspecified problem: gives out at most one shard a turn, none twice.

As in Lost-in-Conversation the first shard opens the dialogue, and the rest come one at a time, in
the order of the source: when the student asks for one that is still held back, or when it answers
too early. A question about none of them gets "I don't know". Which shard comes next is decided here
by rule; a model may at most word it (`chats.for_rephrasing`), and what it words is checked by
`gives_out` before it is used.
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
"""Words that are written small once they no longer begin the sentence; names are not."""
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
    """The shards that the student has been told, the opening one included."""
    return {m.shard for m in dialogue.messages if m.shard is not None}


def next_shard(dialogue: Dialogue) -> int | None:
    """The shard to be given out now; None to say that one knows nothing of it, or no more."""
    held = [i for i in range(len(dialogue.problem.hint_shards)) if i not in given_out(dialogue)]
    if not held:
        return None
    newest = dialogue.messages[-1]
    if newest.move not in QUESTIONS:
        return held[0]
    asked = _words(newest.content)
    about = [len(asked & _words(dialogue.problem.hint_shards[i])) for i in held]
    best = max(range(len(held)), key=lambda i: (about[i], -i))
    if about[best]:
        return held[best]
    # A question about something that is public already, or about nothing that there is.
    public = set().union(
        *(_words(dialogue.problem.hint_shards[i]) for i in given_out(dialogue)), set()
    )
    return held[0] if not asked - public else None


def words(dialogue: Dialogue, shard: int | None, draw: float) -> str:
    """What the lazy user says, by rule."""
    if shard is None:
        out = len(given_out(dialogue)) == len(dialogue.problem.hint_shards)
        options = _ALL_OUT if out else _NOTHING
        return options[int(draw * len(options))]
    text, _ = neutralise(dialogue.problem.hint_shards[shard].strip())
    opener = re.match(r"([A-Z][a-z]*)[\s,]", text)
    if opener and opener[1].lower() in _OPENERS and opener[1] != "I":
        text = text[0].lower() + text[1:]
    return _LEADS[int(draw * len(_LEADS))].format(text)


def gives_out(dialogue: Dialogue, text: str, shard: int) -> bool:
    """Whether `text` tells this shard whole, and nothing of those still held back."""
    wanted = dialogue.problem.hint_shards[shard]
    public = set().union(
        *(_words(dialogue.problem.hint_shards[i]) for i in given_out(dialogue)), set()
    )
    words = _words(text)
    if not _numbers(wanted) <= _numbers(text):
        return False
    own = _words(wanted)
    for i, other in enumerate(dialogue.problem.hint_shards):
        if i != shard and i not in given_out(dialogue):
            if (_numbers(other) - _numbers(wanted) - public) & words:
                return False
            rest = _words(other) - own - public
            if rest and len(rest & words) > len(rest) / 2:
                return False
    return True


def is_premature(dialogue: Dialogue) -> bool:
    """Whether the newest student turn answers before all shards are out."""
    newest = dialogue.messages[-1]
    held_back = len(given_out(dialogue)) < len(dialogue.problem.hint_shards)
    return held_back and newest.move in ("answer", "hedge")


def _words(text: str) -> set[str]:
    return {w.rstrip("s") for w in _WORD.findall(text.lower()) if w not in _COMMON}


def _numbers(text: str) -> set[str]:
    return {w for w in _WORD.findall(text.lower()) if w[0].isdigit()}
