"""The dialogue protocol, sans-IO: `need` says what a dialogue waits for, `advance` consumes it.

    dialogue = begin(problem, rules, run_seed, sample)
    while (pending := need(dialogue)) is not None:
        dialogue = advance(dialogue, response)

A `Request` is answered by a `Reply`, a `VerifyRequest` by a `Verdict`, a `LeakRequest` by a `Leak`.
All state is in the frozen dialogue, which can be pickled and replayed at any point. Nothing here
calls an engine or a verifier; `driver` does.
"""

from tutelage.dialogue.ending import fail
from tutelage.dialogue.protocol import advance, begin, identify, need

__all__ = ["advance", "begin", "fail", "identify", "need"]
