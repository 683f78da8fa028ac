"""The process in which one judgement may hang, grow or die; `pool` has it started.

For each order it sends two messages: that the verifier is loaded, from which moment its time
counts, then the verdict. What passes its seconds of the processor is ended by the kernel, even
inside a C loop.
"""

import resource
import signal
import sys
from typing import Any

from tutelage.processes.pipe import Broken
from tutelage.processes.worker import opened
from tutelage.records import Gold, Problem, Verdict
from tutelage.verifiers import Verifier, load
from tutelage.verifiers.pool import BEGAN, WALL


def main(parent: str, megabytes: str) -> None:
    """Judges until the parent ends or hangs up."""
    pipe = opened(parent)
    if int(megabytes):
        resource.setrlimit(resource.RLIMIT_AS, (int(megabytes) * 2**20,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    loaded: dict[str, Verifier] = {}
    reason = ""
    while reason != "memory":
        try:
            order = pipe.receive()
        except Broken:
            return
        name = order["verifier"]
        try:
            if name not in loaded:
                sys.path.extend(entry for entry in order["path"] if entry not in sys.path)
                loaded[name] = load(name)
                getattr(loaded[name], "warm", lambda: None)()
            pipe.send(BEGAN)
            verdict = _judged(loaded[name], order)
        except MemoryError:
            verdict = Verdict("unjudged", "", "memory", name)
        except Exception as error:
            words = " ".join(str(error).split())[:200]
            verdict = Verdict("unjudged", "", f"error: {type(error).__name__}: {words}", name)
        fields = ("status", "extracted", "reason", "verifier", "detail")
        pipe.send({field: getattr(verdict, field) for field in fields})
        reason = verdict.reason


def _judged(verifier: Verifier, order: dict[str, Any]) -> Verdict:
    problem = Problem(**{**order["problem"], "gold": Gold(**order["problem"]["gold"])})
    try:
        signal.setitimer(signal.ITIMER_PROF, order["timeout"])
        signal.alarm(int(WALL * order["timeout"]) + 4)
        return verifier.verify(problem, order["message"])
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
