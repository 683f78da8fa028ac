"""Each rule of the gate, and each line of its tables, is needed by a labelled case."""

import json
from pathlib import Path
from typing import Any

import pytest

from tutelage.leaks import arithmetic, find_leak, gate

HERE = Path(__file__).parent
MORE = "more.jsonl"


def labelled() -> list[tuple[str, str, str, list[tuple[str, str]], str]]:
    """The leaks that the gate finds, of all labelled messages."""
    rows: list[dict[str, Any]] = []
    for name in ("cases.jsonl", MORE):
        rows += map(json.loads, (HERE / name).read_text("utf-8").splitlines())
    return [
        (
            row["domain"],
            row["gold"],
            row["statement"],
            [(turn["role"], turn["content"]) for turn in row["history"]],
            row["message"],
        )
        for row in rows
        if row["leak"] and row["domain"] != "code"
    ]


FOUND = [(case, kind) for case in labelled() if (kind := find_leak(*case).kind)]


@pytest.mark.parametrize("rule", gate.RULES, ids=lambda rule: rule.__name__)
def test_rules(rule: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "RULES", tuple(other for other in gate.RULES if other is not rule))
    assert any(find_leak(*case).kind != kind for case, kind in FOUND)


@pytest.mark.parametrize("row", range(len(arithmetic.WAYS)))
def test_arithmetic_in_words(row: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arithmetic, "WAYS", arithmetic.WAYS[:row] + arithmetic.WAYS[row + 1 :])
    hidden = [case for case, kind in FOUND if kind == "hidden"]
    assert any(not find_leak(*case).kind for case in hidden), arithmetic.WAYS[row]


@pytest.mark.parametrize("row", range(len(arithmetic.SYMBOLS)))
def test_operations_in_words(row: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        arithmetic, "SYMBOLS", arithmetic.SYMBOLS[:row] + arithmetic.SYMBOLS[row + 1 :]
    )
    spelled = [case for case, kind in FOUND if kind == "expression"]
    assert any(not find_leak(*case).kind for case in spelled), arithmetic.SYMBOLS[row]
