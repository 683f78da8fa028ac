"""Judges a student's program by its tests.

The program is the last fenced block of the message that is Python (marked so, or not marked at
all); where the entry point is known, the last one that defines it. Without a fence it is the whole
message, or what begins at its first line of code. A body alone is put under the signature that the
statement ends in.

`gold.tests_json` is `{"setup", "tests", "entry_point"}`: pieces of Python, each run on its own
after setup and program, counted assert by assert; functions called `check` get the entry point, and
those called `test_...` are called. With `"stdin"`, a list of (input, output) pairs, the program is
run whole on each: outputs are compared line by line without outer spaces, and number by number.

A program is `correct` if everything passes. One that runs into a limit before anything else fails
is `unjudged`, `timeout`, `memory` or `output`, since under another limit it might have passed; so
is one whose tests cannot be put. `detail` is for the teacher alone:

    {"passed": 2, "total": 3, "first_failure": {"input", "expected", "actual", "traceback"}}
"""

import ast
import json
import re
import signal
import textwrap
import time
import warnings
from decimal import Decimal, InvalidOperation
from typing import Any

from tutelage.records import Problem, Verdict
from tutelage.verifiers.confine import Limits
from tutelage.verifiers.far import SHOWN
from tutelage.verifiers.host import PROGRAM
from tutelage.verifiers.sandbox import Failed, Sandbox, Unsafe

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
            setup, entry = job.get("setup") or "", job.get("entry_point") or ""
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
    if actual.startswith("MemoryError") or "\nMemoryError" in failure.get("traceback", ""):
        return "unjudged", "memory: more than is given"
    return "incorrect", count


def extract(message: str, entry: str, statement: str = "") -> str:
    """The program of a message; empty where there is none."""
    program = fenced(message, entry)
    if not program:
        program = _bare(message)
    if entry and program and not _defines(program, entry):
        whole = f"{statement.rstrip()}\n{textwrap.indent(textwrap.dedent(program), '    ')}\n"
        if _defines(statement, entry) and _parses(whole):
            return whole
    return program


def fenced(message: str, entry: str) -> str:
    """The last fenced Python block; the last that defines `entry`, if any does."""
    blocks = [
        textwrap.dedent(match[3]).strip("\n")
        for match in _FENCE.finditer(message)
        if match[2].lower() in _PYTHON and match[3].strip()
    ]
    defining = [block for block in blocks if entry and _defines(block, entry)]
    return (defining or blocks or [""])[-1]


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


def _bare(message: str) -> str:
    """Code without a fence: the message as a whole, or from its first line of code on."""
    if _parses(message) and not _WORDS.fullmatch(message.strip()):
        return message.strip("\n")
    match = _FIRST.search(message)
    if not match:
        return ""
    lines = message[match.start() :].splitlines()
    for end in range(len(lines), max(0, len(lines) - 40), -1):
        if _parses("\n".join(lines[:end])):
            return "\n".join(lines[:end])
    return "\n".join(lines)


def _defines(program: str, entry: str) -> bool:
    name = re.escape(entry)
    pattern = rf"^(?:(?:async\s+)?def\s+{name}\s*\(|class\s+(?:{name}|Solution)\b|{name}\s*=)"
    return re.search(pattern, program, re.M) is not None


def _parses(program: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(program, PROGRAM)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _status(status: int) -> str:
    return f"exit status {status}" if status else ""


_FENCE = re.compile(
    r"^[ \t]*(`{3,}|~{3,})[ \t]*([\w+.-]*)[^\n`]*\n(.*?)(?:^[ \t]*\1[ \t]*$|\Z)", re.M | re.S
)
_PYTHON = frozenset({"", "python", "py", "python3", "py3"})
_FIRST = re.compile(r"^(?:def|class|import|from|async def|@\w)\b", re.M)
_WORDS = re.compile(r"[\w.,!?'\"-]*(?:\n.*)?")
"""A word alone parses as Python, but is no program."""
