"""`tutelage verify`: try the verifiers on answers of one's own."""

import json
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_args

import click

from tutelage.corpora import livecodebench
from tutelage.errors import BadRow, Mistake
from tutelage.records import Domain, Gold, Problem, Verdict


@click.command(
    epilog="""Example:

    \b
    echo '{"statement": "6 x 7?", "gold": "42", "answer": "So it is \\\\boxed{42}."}' > mine.jsonl
    tutelage verify mine.jsonl"""
)
@click.argument("file", metavar="FILE")
@click.option(
    "--timeout",
    default=5.0,
    type=click.FloatRange(min=0, min_open=True),
    show_default=True,
    help="Seconds for one judgement.",
)
@click.option(
    "--workers",
    default=2,
    type=click.IntRange(min=1),
    show_default=True,
    help="Processes that judge.",
)
def command(file: str, timeout: float, workers: int) -> None:
    """Judge answers of your own with the verifiers.

    FILE has one JSON object a line (`-` reads standard input): statement, gold, answer; optionally
    domain (math, code or reasoning; math where it is missing), and for code tests and entry_point.
    Tests are Python (a list of asserts, or one string), or cases in any of the usual forms, as
    JSON or as a string of it: {"input", "output", "testtype"} objects, [input, output] pairs,
    {"inputs", "outputs", "fn_name"}. Cases call the entry point, or the function named there;
    where there is none, the whole program reads the input and prints the output. Prints one JSON
    object a row, in order: status (correct, incorrect or unjudged), reason, extracted. A row that
    cannot be read is unjudged.
    """
    from tutelage.verifiers import VerifierPool

    def judge(line: bytes) -> Verdict:
        try:
            problem, answer = _row(line)
        except (ValueError, RecursionError) as error:
            return Verdict("unjudged", "", f"unreadable: {error}")
        return pool.verify(problem, answer)

    waiting: deque[Future[Verdict]] = deque()
    with (
        VerifierPool(timeout=timeout, workers=workers) as pool,
        ThreadPoolExecutor(workers) as hands,
    ):
        for line in _lines(file):
            waiting.append(hands.submit(judge, line))
            while waiting and (waiting[0].done() or len(waiting) > 16 * workers):
                _print(waiting.popleft().result())
        while waiting:
            _print(waiting.popleft().result())


def _lines(file: str) -> Iterator[bytes]:
    try:
        with sys.stdin.buffer if file == "-" else Path(file).open("rb") as stream:
            for line in stream:
                if line.strip():
                    yield line
    except OSError as error:
        raise Mistake(
            f"wanted a file of JSON lines, got {file} ({error.strerror}): give a path, or -"
        ) from error


def _row(line: bytes) -> tuple[Problem, str]:
    """The problem and the answer of one line.

    Raises:
        ValueError: the line is no row.
    """
    row = json.loads(line.decode("utf-8-sig"))
    if not isinstance(row, dict):
        raise ValueError(f"wanted an object, got {type(row).__name__}")
    domain: Domain = row.get("domain") or "math"
    if domain not in get_args(Domain):
        raise ValueError(f"wanted domain math, code or reasoning, got {domain!r}")
    answer = _text(row, "answer")
    tests = row.get("tests")
    if domain == "code" and not tests:
        raise ValueError("wanted tests, got none")
    if domain != "code" and row.get("gold") is None:
        raise ValueError("wanted gold, got none")
    gold = _text(row, "gold") if row.get("gold") is not None else ""
    return Problem(
        problem_id="row",
        domain=domain,
        source="file",
        licence="unknown",
        statement=_text(row, "statement") if row.get("statement") is not None else "",
        gold=Gold("tests", gold, _tests(row)) if domain == "code" else Gold(_kind(row, gold), gold),
    ), answer


def _kind(row: dict[str, Any], gold: str) -> str:
    """`scorer` for a reasoning row whose gold is an object with a `dataset`, else `answer`."""
    if row.get("domain") != "reasoning":
        return "answer"
    try:
        value = json.loads(gold)
    except ValueError:
        return "answer"
    return "scorer" if isinstance(value, dict) and "dataset" in value else "answer"


def _tests(row: dict[str, Any]) -> str:
    """The row's tests in the form that `Gold.tests_json` has.

    Raises:
        ValueError: there are none in a form that is known.
    """
    tests, entry = row["tests"], row.get("entry_point") or ""
    if isinstance(tests, str):
        tests = _from_json(tests) or [tests]
    if isinstance(tests, dict) and ("tests" in tests or "stdin" in tests):
        return json.dumps({"setup": row.get("setup") or "", "entry_point": entry, **tests})
    entry = (isinstance(tests, dict) and tests.get("fn_name")) or entry
    setup, stdin = row.get("setup") or "", []
    if not isinstance(tests, list) or not all(isinstance(test, str) for test in tests):
        cases = list(_cases(tests))
        if not cases:
            raise ValueError(f"wanted tests as {_FORMS}")
        functional = [bool(name or (entry and kind != "stdin")) for kind, name, _, _ in cases]
        entry = next((name for _, name, _, _ in cases if name), entry)
        if all(functional) and entry:
            tests = [_call(entry, bool(name), given, wanted) for _, name, given, wanted in cases]
            setup = f"{livecodebench.SETUP}\n{setup}"
        elif not any(functional):
            tests, stdin = [], [[_lined(given), _lined(wanted)] for _, _, given, wanted in cases]
        else:
            raise ValueError("wanted tests of one kind, got some that call and some that read")
    body = {"setup": setup, "tests": tests, "entry_point": entry}
    return json.dumps(body | {"stdin": stdin} if stdin else body)


def _from_json(text: str) -> Any:
    """What `text` is as JSON, if that is a list or an object; None otherwise."""
    try:
        value = json.loads(text) if text.lstrip()[:1] in ("[", "{") else None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list | dict) else None


def _cases(tests: Any) -> Iterator[tuple[str, str, Any, Any]]:
    """Kind, function's name, input and output of each case; the first two may be empty.

    Raises:
        ValueError: they are in no form that is known.
    """
    if isinstance(tests, dict):
        given, wanted = _first(tests, _INPUTS), _first(tests, _OUTPUTS)
        name = tests.get("fn_name") or ""
        several = isinstance(given, list) and isinstance(wanted, list)
        if not several or len(given) != len(wanted):
            raise ValueError(f"wanted tests as {_FORMS}")
        yield from (("", name, one, other) for one, other in zip(given, wanted, strict=True))
        return
    for case in tests if isinstance(tests, list) else ():
        if isinstance(case, dict) and _first(case, _INPUTS) is not None:
            kind = str(case.get("testtype") or case.get("type") or "")
            kind = "stdin" if kind.startswith("stdin") else kind
            yield kind, case.get("fn_name") or "", _first(case, _INPUTS), _first(case, _OUTPUTS)
        elif isinstance(case, list) and len(case) == 2:
            yield "", "", *case
        else:
            raise ValueError(f"wanted tests as {_FORMS}")


def _first(case: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((case[name] for name in names if case.get(name) is not None), None)


def _call(entry: str, wraps: bool, given: Any, wanted: Any) -> str:
    """The test of a function: its arguments are JSON, one a line, or a list.

    `wraps` says that the result may stand in a list of its own, as APPS has it.
    """
    if not entry.isidentifier():
        raise ValueError(f"wanted the name of a function, got {entry!r}")
    arguments = given if isinstance(given, list) else [given]
    lines = given if isinstance(given, str) else "\n".join(map(json.dumps, arguments))
    expected = [wanted if isinstance(wanted, str) and not wraps else json.dumps(wanted)]
    if wraps and isinstance(wanted, list) and len(wanted) == 1:
        expected.append(json.dumps(wanted[0]))
    function = f'(Solution().{entry} if "Solution" in globals() else {entry})'
    try:
        asserts = [livecodebench.call(function, lines, value) for value in expected]
    except BadRow as error:
        raise ValueError(str(error)) from None
    return " or ".join([asserts[0], *(other.removeprefix("assert ") for other in asserts[1:])])


def _lined(text: Any) -> str:
    return "\n".join(map(str, text)) if isinstance(text, list) else str(text)


def _text(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    if isinstance(value, str):
        return value
    if value is None:
        raise ValueError(f"wanted {name}, got none")
    return json.dumps(value)


def _print(verdict: Verdict) -> None:
    printed: dict[str, Any] = {
        "status": verdict.status,
        "reason": verdict.reason,
        "extracted": verdict.extracted,
    }
    if verdict.detail:
        printed["detail"] = json.loads(verdict.detail)
    click.echo(json.dumps(printed))


_INPUTS = ("inputs", "input", "stdin")
_OUTPUTS = ("outputs", "output", "expected_output", "stdout")
_FORMS = "Python texts, input/output objects or pairs, or {inputs, outputs}"
