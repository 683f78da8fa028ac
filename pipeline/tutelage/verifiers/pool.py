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
import contextlib
import dataclasses
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

import tutelage
from tutelage.records import Problem, Verdict
from tutelage.verifiers import Verifier, load, name_for

WALL = 10
"""Seconds by the clock for each second of the processor: the machine may be that many times
overloaded."""
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
    """

    def __init__(
        self,
        timeout: float = 5.0,
        workers: int = 2,
        memory_mb: int = 1024,
        verifier: str = "",
    ) -> None:
        self._timeout = timeout
        self._memory_mb = memory_mb
        self._verifier = verifier
        self._loaded: dict[str, Verifier] = {}
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="verifier")
        self._own = threading.local()
        self._children: list[_Child] = []
        self._closed = False
        if verifier:
            load(verifier)

    def verify(self, problem: Problem, answer: str, finish_reason: str = "") -> Verdict:
        """The verdict on `answer`; waits for it. What `finish_reason` says was cut off is no
        answer."""
        verdict = self._glance(problem, answer, finish_reason)
        return verdict if verdict is not None else self._submit(problem, answer).result()

    async def verify_async(self, problem: Problem, answer: str, finish_reason: str = "") -> Verdict:
        """The verdict on `answer`; the loop goes on meanwhile, whatever the answer does."""
        verdict = self._glance(problem, answer, finish_reason)
        if verdict is not None:
            return verdict
        return await asyncio.wrap_future(self._submit(problem, answer))

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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _name(self, problem: Problem) -> str:
        return self._verifier or name_for(problem)

    def _glance(self, problem: Problem, answer: str, finish_reason: str) -> Verdict | None:
        name = self._name(problem)
        if finish_reason == "length" and problem.gold.kind != "tests":
            return Verdict("incorrect", "", CUT, name)
        if name not in self._loaded:
            self._loaded[name] = load(name)
        glance = getattr(self._loaded[name], "glance", None)
        try:
            verdict: Verdict | None = glance(problem, answer) if glance is not None else None
        except Exception as error:  # a fault of the verifier's, which costs one verdict
            return Verdict("unjudged", "", f"error: {type(error).__name__}: {error}"[:200], name)
        return verdict

    def _submit(self, problem: Problem, answer: str) -> Future[Verdict]:
        return self._threads.submit(self._ask, problem, answer)

    def _ask(self, problem: Problem, answer: str) -> Verdict:
        name = self._name(problem)
        verifier = self._loaded[name]
        limit = self._timeout + getattr(verifier, "grace", 0.0)
        order = {
            "verifier": name,
            "problem": dataclasses.asdict(problem),
            "answer": answer,
            "timeout": limit,
        }
        reason = _GONE
        for _ in range(2):
            child: _Child | None = getattr(self._own, "child", None)
            if child is None or not child.alive:
                child = self._own.child = _Child(self._memory_mb)
                self._children = [c for c in self._children if c.alive] + [child]
            if self._closed:
                child.stop()
            fate = child.ask(order, limit)
            if isinstance(fate, Verdict):
                return fate
            reason = "closed" if self._closed else fate
            if reason != _GONE:
                break
        reads = getattr(verifier, "reads", None)
        return Verdict("unjudged", reads(problem, answer) if reads else "", reason, name)


_CHILD = "tutelage.verifiers.child"
_GONE = "died: the verifier's process does not start"
"""Of a child that had ended before it began on an order: worth another child."""


class _Child:
    """One child process and the pipes to it. Used by one thread."""

    def __init__(self, memory_mb: int) -> None:
        root = str(Path(tutelage.__file__).resolve().parents[1])
        keep = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR", "HOME", "SYSTEMROOT")
        environment = {name: os.environ[name] for name in keep if name in os.environ}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", _CHILD, str(os.getpid()), str(memory_mb)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**environment, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )
        self._unread = b""
        self._orders = 0
        self.alive = True
        try:
            self._send({"path": [entry for entry in sys.path if entry]})
        except OSError:
            self.kill()

    def ask(self, order: dict[str, Any], limit: float) -> Verdict | str:
        """The child's verdict, or why it gave none."""
        self._orders += 1
        try:
            self._send({**order, "id": self._orders})
        except OSError:
            self.kill()
            return _GONE
        reply = self._receive(START_LIMIT)
        began = isinstance(reply, dict) and "began" in reply
        if began:
            reply = self._receive(WALL * limit + 2)
        if isinstance(reply, dict):
            if reply["reason"] == "memory":
                self.kill()
            return Verdict(**reply)
        if reply == "timeout":
            self.kill()
            return "timeout" if began else "timeout: the verifier did not start"
        code = self.kill()
        if not began:
            return _GONE
        known = {-signal.SIGKILL: "memory", -signal.SIGALRM: "timeout", -signal.SIGPROF: "timeout"}
        return known.get(code, f"died: exit status {code}")

    def stop(self) -> None:
        """Ends the process at once, from any thread; the thread that uses it cleans up."""
        self._process.kill()

    def kill(self) -> int:
        """Ends the process, whatever it does; its exit status where it had ended by itself."""
        self.alive = False
        try:
            code = self._process.wait(timeout=0.05 if self._process.poll() is None else 0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        return code

    def _send(self, order: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()

    def _receive(self, limit: float) -> Any:
        """The next line as JSON; `timeout`, or `end` where the child is gone."""
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        deadline = time.monotonic() + limit
        while b"\n" not in self._unread:
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                return "timeout"
            block = os.read(descriptor, 65536)
            if not block:
                return "end"
            self._unread += block
        line, _, self._unread = self._unread.partition(b"\n")
        return json.loads(line)
