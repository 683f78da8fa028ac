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
from decimal import Decimal
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

    def glance(self, problem: Problem, message: str) -> Verdict | None:
        """The verdict where nothing need be run; None otherwise."""
        if not message.strip():
            return Verdict("incorrect", "", NO_CODE, self.name)
        if len(message) > LONGEST:
            return Verdict("unjudged", "", f"refused: longer than {LONGEST} characters", self.name)
        return None

    def reads(self, problem: Problem, message: str) -> str:
        """The program, for a verdict that came to nothing; without parsing it."""
        return fenced(message, "") or message.strip()

    def close(self) -> None:
        """Ends the sandbox."""
        self._sandbox.close()

    def verify(self, problem: Problem, message: str) -> Verdict:
        """The verdict of the tests."""
        if verdict := self.glance(problem, message):
            return verdict
        try:
            job = json.loads(problem.gold.tests_json)
            tests, pairs = job.get("tests") or [], job.get("stdin") or []
            setup, entry = job.get("setup") or "", job.get("entry_point")
        except (ValueError, AttributeError) as error:
            return Verdict("unjudged", "", f"unreadable tests: {error}", self.name)
        entry = entry or signed(problem.statement)
        program = extract(message, entry, problem.statement)
        if not program:
            return Verdict("incorrect", "", NO_CODE, self.name)
        try:
            if pairs and not tests:
                result = self._whole(setup, program, pairs)
            else:
                result = self._sandbox.tests(setup, program, tests, entry)
        except Unsafe as error:
            reason = f"refused: no safe sandbox here: {error}"
            return Verdict("unjudged", program, reason, self.name)
        except Failed as error:
            reason = str(error) if str(error).startswith("timeout") else f"sandbox: {error}"
            return Verdict("unjudged", program, reason, self.name)
        status, reason = _concluded(result, program)
        kept = {key: result[key] for key in ("passed", "total", "first_failure")}
        return Verdict(status, program, reason, self.name, json.dumps(kept))

    def _whole(self, setup: str, program: str, pairs: list[list[str]]) -> dict[str, Any]:
        """Runs a whole program on each input; stops early only at a limit."""
        failure: dict[str, str] = {}
        passed, ended_by, fate = 0, 0, ""
        deadline = time.monotonic() + self._sandbox.limits.total_s
        for given, wanted in pairs:
            if time.monotonic() > deadline:
                raise Failed("timeout: all tests together")
            run = self._sandbox.program(setup, program, given)
            fate = run["fate"]
            if not fate and not run["status"] and same_output(run["stdout"], wanted):
                passed += 1
                continue
            if not failure:
                status = f"exit status {run['status']}" if run["status"] else ""
                failure = {
                    "input": given[:SHOWN], "expected": wanted[:SHOWN],
                    "actual": fate or run["stdout"][:SHOWN], "traceback": run["stderr"] or status,
                }  # fmt: skip
                ended_by = run["ended_by"]
            if fate:
                break
        return {"passed": passed, "total": len(pairs), "first_failure": failure, "skipped": "",
                "fate": fate, "ended_by": ended_by}  # fmt: skip


def _concluded(result: dict[str, Any], program: str) -> tuple[Any, str]:
    """Status and reason of a run of the tests of `program`."""
    fate, ended_by, failure = result["fate"], result["ended_by"], result["first_failure"]
    if result["skipped"]:
        return "unjudged", f"tests: {result['skipped']}"
    if not result["total"]:
        return "unjudged", "tests: they check nothing"
    if result["passed"] == result["total"]:
        return "correct", ""
    count = f"passed {result['passed']} of {result['total']} tests"
    actual, trace = failure.get("actual", ""), failure.get("traceback", "")
    if fate and actual == fate:
        if reason := _LIMITS.get(fate) or _LIMITS.get(ended_by):
            return "unjudged", reason
        ended = f"by signal {ended_by}" if ended_by else "itself"
        return "incorrect", f"{count}: the program ended {ended}"
    missing = _MISSING.search(f"{trace}\n{actual}")
    if missing and missing[1] in _ELSEWHERE:
        return "unjudged", f"the program wants {missing[1]}, which is not where programs run"
    refused = _REFUSED.search(program)
    if refused and _OF_THE_SYSTEM.search(f"{trace}\n{actual}"):
        return "unjudged", f"the program wants {refused[1]}, which is refused where programs run"
    if actual.startswith("MemoryError") or "\nMemoryError" in trace:
        return "unjudged", "memory: more than is given"
    return "incorrect", count


_LIMITS: dict[str | int, str] = {
    "timeout": "timeout: no answer in time",
    "output": "output: more than is read",
    signal.SIGXCPU: "timeout: too much processor time",
    signal.SIGKILL: "memory: killed",
    signal.SIGXFSZ: "output: a file too large",
}
"""What a program ran into, by its fate or the signal that ended it."""


_MISSING = re.compile(r"^ModuleNotFoundError: No module named '(\w+)", re.M)
_REFUSED = re.compile(
    r"^\s*(?:import|from)\s+(multiprocessing|subprocess|socket|urllib|http|concurrent)\b", re.M
)
_OF_THE_SYSTEM = re.compile(
    r"^(?:\w+\.)*(?:\w*Error|URLError|BrokenProcessPool): .*\[Errno \d+\]", re.M
)
_ELSEWHERE = frozenset(
    (
        "numpy", "scipy", "pandas", "sympy", "networkx", "sortedcontainers", "sklearn", "torch",
        "matplotlib", "regex", "requests", "numba", "bitarray", "more_itertools", "yaml", "dateutil",
    )
)  # fmt: skip
"""Libraries that a right program may use, and that are not there."""


def same_output(got: str, wanted: str) -> bool:
    """Whether a program printed what it should: line by line, numbers by their value.

    Numbers that both have six decimals or more may differ in the last of them.
    """
    mine, theirs = ([line.strip() for line in text.strip().splitlines()] for text in (got, wanted))
    return len(mine) == len(theirs) and all(
        a == b or _same_numbers(a.split(), b.split()) for a, b in zip(mine, theirs, strict=True)
    )


def _same_numbers(got: list[str], wanted: list[str]) -> bool:
    """Whether lines consist of numbers, and of the same ones."""
    if len(got) != len(wanted):
        return False
    for pair in zip(got, wanted, strict=True):
        numbers = [_NUMBER.fullmatch(word) for word in pair]
        decimals = min(len(number[1] or "") if number else -1 for number in numbers)
        unit = Decimal(1).scaleb(-decimals) if decimals >= _MANY_DECIMALS else 0
        if decimals < 0 or abs(Decimal(pair[0]) - Decimal(pair[1])) > unit:
            return False
    return True


_NUMBER = re.compile(r"[-+]?(?=\.?\d)\d*(?:\.(\d*))?")
_MANY_DECIMALS = 6
