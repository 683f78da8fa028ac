"""Reads values from records in their stored forms: nested, JSON text, bytes, chats, lists of one.

A path names a value: `final.value`, `choices.0`. If the path leads into text, the text is parsed as
JSON (or a Python literal, which some data sets use). Values with one obvious text are converted:
UTF-8 bytes, a list of one text, the user's messages of a chat. Anything else is refused, with a
hint at the path to a text.
"""

import ast
import json
import math
import re
from collections.abc import Mapping, Sequence

from tutelage.corpora.row import Record
from tutelage.errors import BadRow

_SHOWN = 80
_LONGEST = 1 << 24
"""Longer texts are not parsed, in characters."""


def value_at(record: Record, path: str) -> object:
    """The value that a path names; None if there is none. `a|b` falls back to `b` if there is no
    `a`.

    >>> value_at({"info": '{"truth": "4"}'}, "info.truth"), value_at({"a": [5, 6]}, "a.1")
    ('4', 6)
    """
    for alternative in path.split("|"):
        value: object = record.get(alternative)
        if alternative not in record:
            value = record
            for step in alternative.split("."):
                value = _step(value, step)
        if value is not None:
            return value
    return None


def structured(value: object) -> object:
    """Parses text with a JSON or Python list or object; returns any other value unchanged."""
    if isinstance(value, bytes):
        value = _decoded(value)
    if not isinstance(value, str) or value.lstrip()[:1] not in ("[", "{") or len(value) > _LONGEST:
        return value
    for read in (json.loads, ast.literal_eval):
        try:
            parsed = read(value)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
        return parsed if isinstance(parsed, list | dict) else value
    return value


def as_text(value: object, path: str) -> str:
    """A value as plain text; empty for None.

    >>> as_text([4.0], "answer"), as_text([{"role": "user", "content": "2 + 2?"}], "prompt")
    ('4', '2 + 2?')

    Raises:
        BadRow: it has no obvious text.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return _decoded(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise BadRow("no-answer", f"`{path}` is {value}")
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, Mapping):
        raise BadRow("no-text", _hint(value, path))
    if isinstance(value, Sequence):
        if chat := _chat(value):
            return chat
        if len(value) == 1:
            return as_text(value[0], f"{path}.0")
        raise BadRow("no-text", _hint(value, path))
    return str(value)


def as_answer(value: object, path: str) -> str:
    """A final answer as plain text. A JSON list of one text gives that text; `[0, 1]` is kept.

    >>> as_answer('["4"]', "truth"), as_answer("[0, 1]", "truth")
    ('4', '[0, 1]')

    Raises:
        BadRow: it is not text, or there are several texts.
    """
    inner = structured(value)
    texts = isinstance(inner, list) and inner and all(isinstance(item, str) for item in inner)
    return as_text(inner if texts else value, path).strip()


def options_in(value: object) -> tuple[list[str], list[str]]:
    """The options of a multiple-choice question, and their labels if any; empty lists for None.

    >>> options_in({"text": ["red", "blue"], "label": ["1", "2"]})
    (['red', 'blue'], ['1', '2'])

    Raises:
        BadRow: there are fewer than two options.
    """
    value = structured(value)
    if value is None:
        return [], []
    labels: object = ()
    if isinstance(value, Mapping):
        labels = value.get("label") or list(value)
        value = value.get("text") or list(value.values())
    options = [as_text(item, "choices") for item in value] if isinstance(value, list) else []
    if len(options) < 2:
        raise BadRow("no-answer", "there are no options to choose from")
    return options, [str(label) for label in labels] if isinstance(labels, list) else []


def with_options(statement: str, options: Sequence[str]) -> str:
    """A question followed by its options, lettered from A."""
    lines = [f"{chr(65 + index)}) {option.strip()}" for index, option in enumerate(options)]
    return "\n".join([statement.strip(), *lines])


def letter_of(key: object, options: Sequence[str], labels: Sequence[str] = ()) -> str:
    """The letter of the right option: `key` is its index from 0, its letter or label, or its text.

    Raises:
        BadRow: it is none of these.
    """
    letters = [chr(65 + index) for index in range(len(options))]
    word = as_text(key, "answer").strip()
    if isinstance(key, int | float) and word.isdigit() and int(word) < len(options) and not labels:
        return letters[int(word)]
    word = re.sub(r"^\(([A-Z])\)$|^([A-Z])[.)]$", r"\1\2", word)
    for names in ([*labels], letters, [*options]):
        if word in names:
            return letters[names.index(word)]
    if word.isdigit() and int(word) < len(options):
        return letters[int(word)]
    raise BadRow("no-answer", f"{word[:_SHOWN]!r} is none of {len(options)} options")


def _step(value: object, step: str) -> object:
    value = structured(value)
    if isinstance(value, Mapping):
        return value.get(step)
    if isinstance(value, Sequence) and not isinstance(value, str) and step.isdigit():
        return value[int(step)] if int(step) < len(value) else None
    return None


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise BadRow("unreadable", f"bytes that are no UTF-8: {error}") from None


def _chat(value: Sequence[object]) -> str:
    """The user's messages in a chat; empty if `value` is not a chat."""
    contents = []
    for message in value:
        if not isinstance(message, Mapping):
            return ""
        role = message.get("role", message.get("from"))
        content = message.get("content", message.get("value"))
        if isinstance(content, Sequence) and not isinstance(content, str):
            parts = [part.get("text", "") for part in content if isinstance(part, Mapping)]
            content = "\n".join(map(str, parts))
        if not isinstance(role, str) or not isinstance(content, str):
            return ""
        if role in ("user", "human"):
            contents.append(content)
    return "\n\n".join(contents)


def _hint(value: object, path: str) -> str:
    """Why a value is not text, and which path would lead to one."""
    shown = json.dumps(value, ensure_ascii=False, default=str)
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value)  # type: ignore[arg-type]
    texts = [f"{path}.{key}" for key, inner in pairs if isinstance(inner, str | int | float)]
    better = f": {' or '.join(texts[:3])} would be" if texts else ""
    return f"`{path}` is no text but {shown}{better}"
