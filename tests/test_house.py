"""What keeps the house in order: short modules, short functions."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import tutelage

MODULE, FUNCTION = 350, 60
"""Lines at most."""


def modules() -> Iterator[Path]:
    yield from sorted(Path(tutelage.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("room", sorted({path.parent for path in modules()}), ids=lambda p: p.name)
def test_modules_and_functions_are_short(room: Path) -> None:
    long = []
    for path in sorted(room.glob("*.py")):
        text = path.read_text("utf-8")
        if text.count("\n") > MODULE:
            long.append(f"{path.name}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION:
                    long.append(f"{path.name}: {node.name} has {lines} lines")
    assert long == []
