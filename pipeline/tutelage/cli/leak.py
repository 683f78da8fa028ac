"""`tutelage leak`: try the leak gate on messages of one's own."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from tutelage.errors import Mistake
from tutelage.records import Gold, Leak

_ROLES = ("assistant", "student", "user", "teacher", "system")


@click.command(
    epilog="""Example:

    \b
    echo '{"statement": "6 x 7?", "gold": "42", "message": "Think of forty-two."}' > mine.jsonl
    tutelage leak mine.jsonl"""
)
@click.argument("file", metavar="FILE")
@click.option(
    "--expression",
    type=click.Choice(["allow", "block"]),
    default="allow",
    show_default=True,
    help="Whether a hint may spell out the last expression, such as `work out 8 - 6`.",
)
def command(file: str, expression: str) -> None:
    """Look for gold answers in messages of your own.

    FILE has one JSON object a line (`-` reads standard input): statement, gold, message; optionally
    domain (math, code or reasoning; math where it is missing), history (what was said before, as
    {role, content} objects, or as strings that alternate and begin with the student), solution and
    entry_point. Prints one JSON object a row, in order: leak (true or false; null for a row that
    cannot be read), kind, evidence. Where rows say whether they `leak`, the last line on the
    standard error has the gate's precision and recall on them.
    """
    from tutelage.leaks import find_leak

    labelled: Counter[tuple[bool, bool]] = Counter()
    for number, line in _lines(file):
        try:
            row = _object(line)
            leak = find_leak(*_arguments(row), expression)
        except (ValueError, RecursionError) as error:
            reason = str(error) or "nested too deeply"
            _print(None, Leak("unreadable", evidence=f"line {number}: {reason}"))
        else:
            _print(bool(leak.kind), leak)
            labelled.update([(row["leak"], bool(leak.kind))] if row.get("leak") in (0, 1) else [])
    if labelled:
        click.echo(_agreement(labelled), err=True)


def _agreement(labelled: Counter[tuple[bool, bool]]) -> str:
    right, alarms, missed = (labelled[key] for key in ((True, True), (False, True), (True, False)))
    shares = {"precision": right + alarms, "recall": right + missed}
    return f"{labelled.total():,} labelled rows: " + ", ".join(
        f"{name} {right / count:.4f} ({right} of {count})" if count else f"no {name}"
        for name, count in shares.items()
    )


def _lines(file: str) -> Iterator[tuple[int, bytes]]:
    try:
        with sys.stdin.buffer if file == "-" else Path(file).open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    yield number, line
    except OSError as error:
        raise Mistake(
            f"wanted a file of JSON lines, got {file} ({error.strerror}): give a path, or -"
        ) from error


def _print(leaks: bool | None, leak: Leak) -> None:
    # A lone surrogate in a row must not stop the rows after it.
    evidence = leak.evidence.encode("utf-8", "replace").decode()
    row = {"leak": leaks, "kind": leak.kind, "evidence": evidence}
    click.echo(json.dumps(row, ensure_ascii=False))


def _object(line: bytes) -> dict[str, Any]:
    """Raises: ValueError: the line is no object."""
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON: {error}") from error
    if not isinstance(row, dict):
        raise ValueError(f"wanted a JSON object, got {type(row).__name__}")
    return row


def _arguments(
    row: dict[str, Any],
) -> tuple[str, Gold, str, tuple[tuple[str, str], ...], str, str]:
    """The arguments of `find_leak`.

    Raises:
        ValueError: the row is not what it should be; the message says how.
    """
    statement = _text(row, "statement", "")
    return (
        _text(row, "domain", "math"),
        _gold(row),
        statement,
        _history(row.get("history"), statement),
        _text(row, "message", None),
        _text(row, "solution", ""),
    )


def _text(row: dict[str, Any], name: str, default: str | None) -> str:
    value = row.get(name)
    value = default if value is None else value
    if not isinstance(value, str):
        got = "nothing" if value is None else type(value).__name__
        raise ValueError(f"wanted {name} as a string, got {got}")
    return value


def _gold(row: dict[str, Any]) -> Gold:
    """The gold as a record: from a string, a number, a list of items, or an object of its fields."""
    gold, kind, tests = row.get("gold"), "answer", ""
    if row.get("entry_point"):
        tests = json.dumps({"entry_point": row["entry_point"]})
    if isinstance(gold, dict):
        kind, tests = str(gold.get("kind", kind)), str(gold.get("tests_json", tests))
        gold = gold.get("value")
    if isinstance(gold, list):
        gold = ", ".join(str(item) for item in gold)
    if gold is None or (not str(gold).strip() and not row.get("solution")):
        raise ValueError("wanted gold, got nothing")
    return Gold(kind, str(gold).lower() if isinstance(gold, bool) else str(gold), tests)


def _history(history: Any, statement: str) -> tuple[tuple[str, str], ...]:
    """Role and content of each message; bare strings alternate, the statement itself left out."""
    if history is None:
        return ()
    if not isinstance(history, list):
        raise ValueError(f"wanted history as a list, got {type(history).__name__}")
    if history and isinstance(history[0], str):
        history = history[1:] if history[0].strip() == statement.strip() else history
        history = [
            {"role": "teacher" if number % 2 else "student", "content": text}
            for number, text in enumerate(history)
        ]
    return tuple(_turn(turn) for turn in history)


def _turn(turn: Any) -> tuple[str, str]:
    role = str(turn.get("role")).lower() if isinstance(turn, dict) else None
    content = turn.get("content") if isinstance(turn, dict) else None
    if not isinstance(content, str) or role not in _ROLES:
        raise ValueError(
            f"wanted turns of history as role ({', '.join(_ROLES)}) and content, "
            f"got {json.dumps(turn)[:60]}"
        )
    return role, content
