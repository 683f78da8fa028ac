"""What is generated is as the code has it, and every column says what it is."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import documents


@pytest.mark.parametrize("name", documents.DOCUMENTS)
def test_a_document_is_as_the_code_has_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert (documents.ROOT / name).read_text("utf-8") == documents.DOCUMENTS[name](), "make docs"


def _undescribed(node: dict[str, Any], prefix: str) -> Iterator[str]:
    for name, spec in node.get("properties", {}).items():
        if not spec.get("description"):
            yield prefix + name
        yield from _undescribed(spec, f"{prefix}{name}.")
        yield from _undescribed(spec.get("items", {}), f"{prefix}{name}.")


@pytest.mark.parametrize("name", ["dialogue.v1", "problem.v1"])
def test_every_column_is_described(name: str) -> None:
    path = Path(documents.ROOT) / "schemas" / f"{name}.json"
    assert list(_undescribed(json.loads(path.read_text("utf-8")), "")) == []
