"""`tutelage verify`: try the verifiers on answers of one's own."""

import json
import sys
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_args

import click

from tutelage.corpora import code_tests
from tutelage.errors import BadRow, Mistake
from tutelage.records import Domain, Gold, Problem, Status, Verdict


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
    help="Seconds of the processor for one judgement.",
)
@click.option(
    "--workers",
    default=2,
    type=click.IntRange(min=1),
    show_default=True,
    help="Processes that judge.",
)
@click.option(
    "--verifier",
    default="",
    metavar="NAME",
    help="Verifier for all rows: math, code, reasoning, or module:Class. Each row's own without it.",
)
def command(file: str, timeout: float, workers: int, verifier: str) -> None:
    """Judge answers of your own with the verifiers.

    FILE has one JSON object a line (`-` reads standard input): statement, gold, answer; optionally
    domain (math, code or reasoning; math where it is missing), and for code tests and entry_point.
    Tests are Python (a list of asserts, or one string), or cases in any of the usual forms, as
    JSON or as a string of it: {"input", "output", "testtype"} objects, [input, output] pairs,
    {"inputs", "outputs", "fn_name"}. Cases call the entry point, or the function named there;
    where there is none, the whole program reads the input and prints the output. Prints one JSON
    object a row, in order: status (correct, incorrect or unjudged), reason, extracted. A row that
    cannot be read is unjudged. Where rows say what is `expected` (a status, or true or false), the
    last line on the standard error says how many are as expected.
    """
    from tutelage.verifiers import VerifierPool

    def judge(line: bytes) -> tuple[str, Verdict]:
        try:
            problem, answer, expected = _row(line)
        except (ValueError, RecursionError) as error:
            return "", Verdict("unjudged", "", f"unreadable: {error}")
        return expected, pool.verify(problem, answer)

    def show(expected: str, verdict: Verdict) -> None:
        _print(verdict)
        labelled.update([(expected, verdict.status)] if expected else [])

    labelled: Counter[tuple[str, str]] = Counter()
    waiting: deque[Future[tuple[str, Verdict]]] = deque()
    with (
        VerifierPool(timeout=timeout, workers=workers, verifier=verifier) as pool,
        ThreadPoolExecutor(workers) as hands,
    ):
        for line in _lines(file):
            waiting.append(hands.submit(judge, line))
            while waiting and (waiting[0].done() or len(waiting) > 16 * workers):
                show(*waiting.popleft().result())
        while waiting:
            show(*waiting.popleft().result())
    if labelled:
        click.echo(_agreement(labelled), err=True)


def _agreement(labelled: Counter[tuple[str, str]]) -> str:
    same = sum(count for (expected, status), count in labelled.items() if expected == status)
    unjudged = sum(count for (_, status), count in labelled.items() if status == "unjudged")
    return (
        f"{labelled.total():,} labelled rows: {same:,} as expected; "
        f"{labelled['incorrect', 'correct']:,} wrong ones accepted, "
        f"{labelled['correct', 'incorrect']:,} right ones refused, {unjudged:,} unjudged"
    )


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


def _row(line: bytes) -> tuple[Problem, str, str]:
    """The problem and the answer of one line, and the status that it expects, if it does.

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
    return (
        Problem(
            problem_id="row",
            domain=domain,
            source="file",
            licence="unknown",
            statement=_text(row, "statement") if row.get("statement") is not None else "",
            gold=_tests(row, gold) if domain == "code" else Gold(_kind(row, gold), gold),
        ),
        answer,
        _expected(row.get("expected")),
    )


def _expected(label: Any) -> str:
    """The status that a label stands for; empty where it stands for none."""
    if isinstance(label, bool):
        return "correct" if label else "incorrect"
    return label if isinstance(label, str) and label in get_args(Status) else ""


def _kind(row: dict[str, Any], gold: str) -> str:
    """`scorer` for a reasoning row whose gold is an object with a `dataset`, else `answer`."""
    if row.get("domain") != "reasoning":
        return "answer"
    try:
        value = json.loads(gold)
    except ValueError:
        return "answer"
    return "scorer" if isinstance(value, dict) and "dataset" in value else "answer"


def _tests(row: dict[str, Any], reference: str) -> Gold:
    """The row's tests.

    Raises:
        ValueError: they are in no form that is known.
    """
    setup, entry = (str(row.get(name) or "") for name in ("setup", "entry_point"))
    try:
        return code_tests.gold(row["tests"], reference=reference, setup=setup, entry=entry)
    except BadRow as error:
        raise ValueError(error.reason) from None


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
