"""`tutelage leak FILE.jsonl`."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tutelage.cli.leak import command
from tutelage.errors import Mistake

GOOD = {"statement": "6 x 7?", "gold": "42", "message": "Think of forty-two."}


def run(file: Path | str, data: bytes | None = None) -> list[dict[str, Any]]:
    done = CliRunner().invoke(command, [str(file)], input=data, catch_exceptions=False)
    assert done.exit_code == 0
    return [json.loads(line) for line in done.output.splitlines()]


def lines(*rows: object) -> bytes:
    return b"\n".join(row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows)


def test_one_object_a_row_in_order(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(lines(GOOD, GOOD | {"message": "Multiply."}, b"", GOOD | {"gold": 42}))
    told = {"leak": True, "kind": "words", "evidence": "Think of forty-two."}
    assert run(file) == [told, {"leak": False, "kind": "", "evidence": ""}, told]


def test_precision_and_recall_of_labelled_rows() -> None:
    labels = [("42", True), ("42", True), ("Multiply.", True), ("42", False), ("42", "no")]
    rows = [GOOD | {"message": message, "leak": label} for message, label in labels]
    done = CliRunner().invoke(command, ["-"], input=lines(*rows))
    assert done.stderr == ("4 labelled rows: precision 0.6667 (2 of 3), recall 0.6667 (2 of 3)\n")
    assert len(done.stdout.splitlines()) == 5


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"{oops", "no JSON"),
        (b"\xff\xfe", "utf-8"),
        ([1], "JSON object, got list"),
        ({"gold": "42"}, "message as a string, got nothing"),
        (GOOD | {"gold": None}, "gold, got nothing"),
        (GOOD | {"message": 3}, "message as a string, got int"),
        (GOOD | {"history": "no"}, "history as a list, got str"),
        (GOOD | {"history": [{"role": "bot", "content": "x"}]}, "turns of history"),
        (b"[" * 100_000, "JSON"),
    ],
)
def test_a_broken_row_is_reported_at_its_place(row: object, reason: str) -> None:
    first, broken, last = run("-", lines(GOOD, row, GOOD))
    assert first == last and first["leak"] is True
    assert broken["leak"] is None and broken["kind"] == "unreadable"
    assert broken["evidence"].startswith("line 2: ")
    assert reason in broken["evidence"] or reason == "JSON"


@pytest.mark.parametrize(
    "history",
    [
        ["Is it 42?", "Why?", "It is 42."],
        ["6 x 7?", "Is it 42?"],
        [{"role": "user", "content": "6 x 7?"}, {"role": "assistant", "content": "42?"}],
        [{"role": "Student", "content": "42?"}],
    ],
)
def test_history_as_objects_or_alternating_strings(history: list[object]) -> None:
    row = GOOD | {"history": history, "message": "Where does your 42 come from?"}
    assert [each["leak"] for each in run("-", lines(row))] == [False]


def test_strings_of_the_teacher_are_not_public() -> None:
    row = GOOD | {"history": ["13", "Not 42?"], "message": "Look at 42."}
    assert run("-", lines(row))[0]["leak"] is True


def test_golds_of_other_types_and_lone_surrogates() -> None:
    code = {"domain": "code", "gold": {"kind": "tests", "value": "return x % 2 == 0"}}
    rows = (
        GOOD | {"gold": [2, 5], "message": "x = 5 or x = 2"},
        GOOD | code | {"message": "return n % 2 == 0"},
        GOOD | {"message": "\ud800 42"},
    )
    assert [each["kind"] for each in run("-", lines(*rows))] == ["set", "code", "string"]


def test_a_missing_file_is_the_persons_mistake(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="give a path"):
        CliRunner().invoke(command, [str(tmp_path / "no.jsonl")], catch_exceptions=False)
