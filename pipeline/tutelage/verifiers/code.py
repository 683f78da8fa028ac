"""Judges a student's program by its tests.

Which part of a message is the program is said in `program`, what of a test is run in `test_source`.

`gold.tests_json` is `{"setup", "tests", "entry_point"}`: pieces of Python, run in order after setup
and program, counted assert by assert. With `"stdin"`, a list of (input, output) pairs, the program is
run whole on each: outputs are compared line by line without outer spaces, and number by number.

A program is `correct` if everything passes. One that runs into a limit before anything else fails
is `unjudged`, `timeout`, `memory` or `output`, since under another limit it might have passed; so
is one whose tests cannot be put. `detail` is for the teacher alone:

    {"passed": 2, "total": 3, "first_failure": {"input", "expected", "actual", "traceback"}}
"""

import json
import re
import signal
import time
from decimal import Decimal, InvalidOperation
from typing import Any

from tutelage.records import Problem, Verdict
from tutelage.sandbox.confine import Limits
from tutelage.sandbox.endpoint import SHOWN
from tutelage.sandbox.sandbox import Failed, Sandbox, Unsafe
from tutelage.verifiers.program import extract, fenced, signed

NO_CODE = "no code"
LONGEST = 100_000
"""Characters of a program that is run."""


class CodeVerifier:
    """The verifier `code`. `verify` runs the tests: call it where it can be killed."""

    name = "code"
    grace = Limits().total_s + 15

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        self._sandbox = sandbox or Sandbox()

    def glance(self, problem: Problem, answer: str) -> Verdict | None:
        """The verdict where nothing need be run; None otherwise."""
        if not answer.strip():
            return Verdict("incorrect", "", NO_CODE, self.name)
        if len(answer) > LONGEST:
            return Verdict("unjudged", "", f"refused: longer than {LONGEST} characters", self.name)
        return None

    def reads(self, problem: Problem, answer: str) -> str:
        """The program, for a verdict that came to nothing; without parsing it."""
        return fenced(answer, "") or answer.strip()

    def close(self) -> None:
        """Ends the sandbox."""
        self._sandbox.close()

    def verify(self, problem: Problem, answer: str) -> Verdict:
        """The verdict of the tests."""
        verdict = self.glance(problem, answer)
        if verdict is not None:
            return verdict
        try:
            job = json.loads(problem.gold.tests_json)
            tests, pairs = job.get("tests") or [], job.get("stdin") or []
            setup, entry = (
                job.get("setup") or "",
                job.get("entry_point") or signed(problem.statement),
            )
        except (ValueError, AttributeError) as error:
            return Verdict("unjudged", "", f"unreadable tests: {error}", self.name)
        program = extract(answer, entry, problem.statement)
        if not program:
            return Verdict("incorrect", "", NO_CODE, self.name)
        try:
            if pairs and not tests:
                found = self._whole(setup, program, pairs)
            else:
                found = self._sandbox.tests(setup, program, tests, entry)
        except Unsafe as error:
            return Verdict(
                "unjudged", program, f"refused: no safe sandbox here: {error}", self.name
            )
        except Failed as error:
            reason = str(error) if str(error).startswith("timeout") else f"sandbox: {error}"
            return Verdict("unjudged", program, reason, self.name)
        status, reason = _concluded(found)
        kept = {key: found[key] for key in ("passed", "total", "first_failure")}
        return Verdict(status, program, reason, self.name, json.dumps(kept))

    def _whole(self, setup: str, program: str, pairs: list[list[str]]) -> dict[str, Any]:
        """Runs a whole program on each input; stops early only at a limit."""
        found: dict[str, Any] = {"passed": 0, "total": len(pairs), "first_failure": {}}
        found |= {"fate": "", "ended_by": 0, "skipped": ""}
        deadline = time.monotonic() + self._sandbox.limits.total_s
        for given, wanted in pairs:
            if time.monotonic() > deadline:
                raise Failed("timeout: all tests together")
            seen = self._sandbox.program(setup, program, given)
            clean = not seen["fate"] and not seen["ended_by"] and not seen["status"]
            if clean and same_output(seen["stdout"], wanted):
                found["passed"] += 1
                continue
            if seen["ended_by"]:
                seen["fate"] = "ended"
            if not found["first_failure"]:
                found["first_failure"] = {
                    "input": given[:SHOWN],
                    "expected": wanted[:SHOWN],
                    "actual": seen["fate"] or seen["stdout"][:SHOWN],
                    "traceback": seen["stderr"] or _status(seen["status"]),
                }
                found["ended_by"] = seen["ended_by"]
            if seen["fate"]:
                found["fate"] = seen["fate"]
                break
        return found


def _concluded(found: dict[str, Any]) -> tuple[Any, str]:
    """Status and reason of a test run."""
    failure = found["first_failure"]
    if found["skipped"]:
        return "unjudged", f"tests: {found['skipped']}"
    if not found["total"]:
        return "unjudged", "tests: they check nothing"
    if found["passed"] == found["total"]:
        return "correct", ""
    count = f"passed {found['passed']} of {found['total']} tests"
    actual = failure.get("actual", "")
    if found["fate"] and actual == found["fate"]:
        ends = {
            signal.SIGXCPU: "timeout: too much processor time",
            signal.SIGKILL: "memory: killed",
            signal.SIGXFSZ: "output: a file too large",
        }
        fates = {"timeout": "timeout: no answer in time", "output": "output: more than is read"}
        reason = fates.get(found["fate"]) or ends.get(found["ended_by"])
        if reason:
            return "unjudged", reason
        ended = f"by signal {found['ended_by']}" if found["ended_by"] else "itself"
        return "incorrect", f"{count}: the program ended {ended}"
    missing = _MISSING.search(f"{failure.get('traceback', '')}\n{actual}")
    if missing and missing[1] in _ELSEWHERE:
        return "unjudged", f"the program wants {missing[1]}, which is not where programs run"
    if actual.startswith("MemoryError") or "\nMemoryError" in failure.get("traceback", ""):
        return "unjudged", "memory: more than is given"
    return "incorrect", count


_MISSING = re.compile(r"^ModuleNotFoundError: No module named '(\w+)", re.M)
_ELSEWHERE = frozenset(
    (
        "numpy", "scipy", "pandas", "sympy", "networkx", "sortedcontainers", "sklearn", "torch",
        "matplotlib", "regex", "requests", "numba", "bitarray", "more_itertools", "yaml", "dateutil",
    )
)  # fmt: skip
"""Libraries that a right program may use, and that are not there."""


def same_output(got: str, wanted: str) -> bool:
    """Whether a program printed what it should: line by line, numbers by their value."""
    mine, theirs = _lines(got), _lines(wanted)
    if mine == theirs:
        return True
    if len(mine) != len(theirs):
        return False
    return all(
        a == b or _numbers(a) == _numbers(b) != [] for a, b in zip(mine, theirs, strict=True)
    )


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


def _numbers(line: str) -> list[Decimal]:
    """The numbers that a line consists of; empty where it has anything else."""
    try:
        return [Decimal(word) for word in line.split() if len(word) < 400 and "e" not in word]
    except InvalidOperation:
        return []


def _status(status: int) -> str:
    return f"exit status {status}" if status else ""
