"""Sampled tokens as text, with their log-probabilities, if the student's tokenizer is available."""

from functools import cache
from pathlib import Path
from typing import Any

from tutelage import models
from tutelage.errors import TutelageError


def spelled(row: dict[str, Any]) -> list[list[tuple[str, float | None]]]:
    """For each message its sampled tokens as (text, log-probability); ids if there is no tokenizer."""
    tokenizer = _tokenizer(row["models"]["student"])
    messages = []
    for entry in row["trail"]:
        logprobs = list(entry["logprobs"]) or [None] * len(entry["token_ids"])
        texts = [
            tokenizer.decode([token], skip_special_tokens=False) if tokenizer else f"{token} "
            for token in entry["token_ids"]
        ]
        messages.append(list(zip(texts, logprobs, strict=False)))
    return messages


@cache
def _tokenizer(name: str) -> Any:
    """The tokenizer of a bundled or local model; None if there is none."""
    try:
        from tokenizers import Tokenizer

        path = Path(models.resolve(name)) / "tokenizer.json"
        return Tokenizer.from_file(str(path)) if path.is_file() else None
    except (ImportError, TutelageError, OSError):
        return None
