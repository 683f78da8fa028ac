"""Sampled tokens as text, with their log-probabilities, where the student's tokenizer is here."""

from functools import cache
from pathlib import Path
from typing import Any

from tutelage import models
from tutelage.errors import TutelageError


def spelled(row: dict[str, Any]) -> list[list[tuple[str, float | None]]]:
    """For each message its sampled tokens as (text, log-probability); ids where no tokenizer is."""
    tokenizer = _tokenizer(row["models"]["student"])
    turns = []
    for entry in row["trail"]:
        known = list(entry["logprobs"]) or [None] * len(entry["token_ids"])
        words = [
            tokenizer.decode([token], skip_special_tokens=False) if tokenizer else f"{token} "
            for token in entry["token_ids"]
        ]
        turns.append(list(zip(words, known, strict=False)))
    return turns


@cache
def _tokenizer(name: str) -> Any:
    """Of a bundled or local model; None where there is none."""
    try:
        from tokenizers import Tokenizer

        path = Path(models.resolve(name)) / "tokenizer.json"
        return Tokenizer.from_file(str(path)) if path.is_file() else None
    except (ImportError, TutelageError, OSError):
        return None
