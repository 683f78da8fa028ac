"""The process in which one judgement may hang, grow or die: `python -m tutelage.verifiers.child`.

It reads one JSON object a line from its standard input and writes two for each: `{"began": id}`
when the verifier is loaded, from which moment its time counts, then the verdict. What passes its
seconds of the processor is ended by the kernel, even inside a C loop. It ends when its parent does:
at the end of its input, by the kernel's parent-death signal where there is one, and by an alarm.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from typing import IO, Any

from tutelage.records import Gold, Problem, Verdict
from tutelage.verifiers import Verifier, load
from tutelage.verifiers.pool import WALL


def main() -> None:
    """Judges until the input ends."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    parent, megabytes = int(sys.argv[1]), int(sys.argv[2])
    _die_with(parent)
    if megabytes:
        limit = megabytes * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    loaded: dict[str, Verifier] = {}
    for line in sys.stdin:
        order = json.loads(line)
        if "path" in order:
            sys.path.extend(entry for entry in order["path"] if entry not in sys.path)
            continue
        reply = _judge(order, loaded, replies)
        print(json.dumps(reply), file=replies, flush=True)
        if reply["reason"] == "memory":
            return


def _judge(order: dict[str, Any], loaded: dict[str, Verifier], replies: IO[str]) -> dict[str, str]:
    name = order["verifier"]
    problem = Problem(**{**order["problem"], "gold": Gold(**order["problem"]["gold"])})
    try:
        if name not in loaded:
            loaded[name] = load(name)
            getattr(loaded[name], "warm", lambda: None)()
        print(json.dumps({"began": order["id"]}), file=replies, flush=True)
        signal.setitimer(signal.ITIMER_PROF, order["timeout"])
        signal.alarm(int(WALL * order["timeout"]) + 4)
        verdict = loaded[name].verify(problem, order["answer"])
    except MemoryError:
        verdict = Verdict("unjudged", "", "memory", name)
    except Exception as error:
        words = " ".join(str(error).split())[:200]
        verdict = Verdict("unjudged", "", f"error: {type(error).__name__}: {words}", name)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
    fields = ("status", "extracted", "reason", "verifier", "detail")
    return {field: getattr(verdict, field) for field in fields}


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            sys.exit(0)


if __name__ == "__main__":
    main()
