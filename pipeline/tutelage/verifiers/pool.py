"""Judges messages without ever hanging: easy ones at once, the rest in processes that are killed.

A pool has a few threads, each with a child process of its own (`child`), started when first needed
and kept warm. A judgement has so many seconds of the processor, and `WALL` times as many by the
clock, so that a busy machine loses no verdict. One that passes its time is killed with its process
and is `unjudged`, `timeout`; one that passes its memory is `unjudged`, `memory`; one whose process
dies is `unjudged`, `died`. None of this is ever an exception, and none of it costs the next
judgement more than the start of a new child.

The pool does not sandbox: what runs a student's program is `sandbox`, inside such a child.
"""

import asyncio
import dataclasses
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tutelage.processes.pipe import Broken
from tutelage.processes.worker import Worker
from tutelage.records import Problem, Verdict
from tutelage.verifiers import Verifier, load, name_for

WALL = 10
"""Seconds by the clock for each second of the processor: the machine may be that many times
overloaded."""
BEGAN = "began"
"""What a child sends when its verifier is loaded."""
CUT = "cut off by the length limit"
START_LIMIT = 300.0
"""Seconds that a child may take to start and to import its verifier."""


class VerifierPool:
    """Judges from any thread, and from asyncio without blocking its loop.

    Args:
        timeout: seconds of the processor that one judgement may take.
        workers: child processes at most.
        memory_mb: address space of one child, in MiB; 0 for no limit.
        verifier: name of the verifier for all problems; empty for each problem's own.
        by_corpus: name of the verifier for the problems of a corpus, by the corpus's name.
    """

    def __init__(
        self,
        timeout: float = 5.0,
        workers: int = 2,
        memory_mb: int = 1024,
        verifier: str = "",
        by_corpus: Mapping[str, str] | None = None,
    ) -> None:
        self._timeout, self._memory_mb = timeout, memory_mb
        self._verifier, self._by_corpus = verifier, dict(by_corpus or {})
        self._loaded: dict[str, Verifier] = {}
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="verifier")
        self._own = threading.local()
        self._children: list[Worker] = []
        self._closed = False
        for name in filter(None, (verifier, *self._by_corpus.values())):
            load(name)

    def verify(self, problem: Problem, message: str, finish_reason: str = "") -> Verdict:
        """The verdict on `message`; waits for it. What `finish_reason` says was cut off is no
        answer."""
        verdict = self._glance(problem, message, finish_reason)
        return verdict or self._threads.submit(self._ask, problem, message).result()

    async def verify_async(
        self, problem: Problem, message: str, finish_reason: str = ""
    ) -> Verdict:
        """The verdict on `message`; the loop goes on meanwhile, whatever the answer does."""
        verdict = self._glance(problem, message, finish_reason)
        if verdict is not None:
            return verdict
        return await asyncio.wrap_future(self._threads.submit(self._ask, problem, message))

    def close(self) -> None:
        """Ends the children, and with them what they were judging. May be called twice."""
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        for child in self._children:
            child.stop()
        self._threads.shutdown(wait=True)
        for child in self._children:
            child.kill()

    def __enter__(self) -> "VerifierPool":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _name(self, problem: Problem) -> str:
        return self._by_corpus.get(problem.source) or self._verifier or name_for(problem)

    def _glance(self, problem: Problem, message: str, finish_reason: str) -> Verdict | None:
        name = self._name(problem)
        if finish_reason == "length" and problem.gold.kind != "tests":
            return Verdict("incorrect", "", CUT, name)
        if name not in self._loaded:
            self._loaded[name] = load(name)
        glance = getattr(self._loaded[name], "glance", lambda *_: None)
        try:
            verdict: Verdict | None = glance(problem, message)
        except Exception as error:  # a fault of the verifier's, which costs one verdict
            return Verdict("unjudged", "", f"error: {type(error).__name__}: {error}"[:200], name)
        return verdict

    def _ask(self, problem: Problem, message: str) -> Verdict:
        name = self._name(problem)
        verifier = self._loaded[name]
        order = {
            "verifier": name, "problem": dataclasses.asdict(problem), "message": message,
            "timeout": self._timeout + getattr(verifier, "grace", 0.0),
            "path": [entry for entry in sys.path if entry],
        }  # fmt: skip
        fate = _asked(self._child(), order)
        if fate == _GONE and not self._closed:
            fate = _asked(self._child(), order)
        if isinstance(fate, Verdict):
            return fate
        reads = getattr(verifier, "reads", lambda *_: "")
        reason = "closed" if self._closed else fate
        return Verdict("unjudged", reads(problem, message), reason, name)

    def _child(self) -> Worker:
        """The child of this thread; a new one where the last has been killed."""
        child: Worker | None = getattr(self._own, "child", None)
        if child is None or not child.alive:
            environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
            environment |= {"OMP_NUM_THREADS": "1"}
            child = Worker(_CHILD, str(self._memory_mb), environment=environment)
            self._own.child = child
            self._children = [one for one in self._children if one.alive] + [child]
        if self._closed:
            child.stop()
        return child


_CHILD = "tutelage.verifiers.child"
_GONE = "died: the verifier's process does not start"
"""Of a child that had ended before it began on an order: worth another child."""
_FATES = {-signal.SIGKILL: "memory", -signal.SIGALRM: "timeout", -signal.SIGPROF: "timeout"}
_KEPT = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR", "HOME", "SYSTEMROOT")
"""What a child gets of our environment."""


def _asked(child: Worker, order: dict[str, Any]) -> Verdict | str:
    """The child's verdict, or why it gave none."""
    began = False
    try:
        child.send(order, START_LIMIT)
        reply = child.receive()
        if began := reply == BEGAN:
            child.pipe.deadline = time.monotonic() + WALL * order["timeout"] + 2
            reply = child.receive()
    except Broken:
        status = child.kill()
        if child.pipe.fate == "timeout":
            return "timeout" if began else "timeout: the verifier did not start"
        return _FATES.get(status, f"died: exit status {status}") if began else _GONE
    if reply["reason"] == "memory":
        child.kill()
    return Verdict(**reply)
