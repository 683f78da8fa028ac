"""Verifiers judge a student's whole message against a problem's gold.

    status      correct | incorrect | unjudged, and for the last two the reason
    extracted   the final answer as it was read
    detail      for code, the test result as JSON

Bad output of a model is never an exception: it is a verdict. What could not be judged in time, in
memory or at all is `unjudged`, which is not the same as wrong. Wrongly accepting an answer poisons
a data set, wrongly refusing one only thins it: where a rule must err, it refuses.

    math                 compares what `answers` reads
    code, program        judge a program by tests; find it in a message
    reasoning            score by reasoning-gym's own scorers
    pool, child          the processes in which all of this can be killed

To add one, write a class with `verify(problem, message) -> Verdict` and give its dotted name
wherever a verifier's name is taken. It may also have

    glance(problem, message)   settles easy cases in the caller's process, else gives None
    warm()                    imports what `verify` needs, before anybody's time counts
    reads(problem, message)    the final answer, for a verdict that came to nothing
    grace                     seconds beyond the pool's, if it keeps the time itself
"""

from typing import Protocol

from tutelage import plugins
from tutelage.records import Problem, Verdict

VERIFIERS: dict[str, str] = {
    "math": "tutelage.verifiers.math:MathVerifier",
    "code": "tutelage.verifiers.code:CodeVerifier",
    "reasoning": "tutelage.verifiers.reasoning:ReasoningVerifier",
}
"""Name of each verifier, and where its class is. Imported only when it is used."""


class Verifier(Protocol):
    """Judges one message. May be slow, may hang: `VerifierPool` runs it where it can be killed."""

    def verify(self, problem: Problem, message: str) -> Verdict:
        """The verdict on `message`, the student's whole message."""
        ...


def load(name: str) -> Verifier:
    """An instance of the verifier `name`: one of the table, or a dotted `package.module:Class`.

    Raises:
        SettingsError: there is no such verifier.
    """
    verifier: Verifier = plugins.load(name, VERIFIERS, "verifier", ("verify",))()
    return verifier


def name_for(problem: Problem) -> str:
    """The verifier that a problem is judged by: what its gold is decides, not its domain."""
    return {"tests": "code", "scorer": "reasoning"}.get(problem.gold.kind, "math")


from tutelage.verifiers.pool import VerifierPool  # noqa: E402 (the pool needs the names above)

__all__ = ["VERIFIERS", "Verifier", "VerifierPool", "load", "name_for"]
